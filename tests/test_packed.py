"""Suspects that wait pressed: every row comes back, in its group, and nothing else."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile import packed
from reconcile.model import ROW
from reconcile.packed import Packed

GROUPS = st.lists(st.lists(st.integers(1, 10_000), max_size=30, unique=True), min_size=1, max_size=6).filter(
    lambda groups: len({row for group in groups for row in group}) == sum(map(len, groups))
)
SCHEMA = {ROW: pl.UInt32, "text": pl.String, "two": pl.UInt64}


def rows(numbers: list[int]) -> pl.DataFrame:
    texts = [None if number % 7 == 0 else "" if number % 11 == 0 else f"髙{number}" for number in numbers]
    return pl.DataFrame([numbers, texts, [(1 << 64) - number for number in numbers]], schema=SCHEMA)


def packed_of(groups: list[list[int]], order: list[int], size: int) -> Packed:
    made = Packed([pl.Series(group, dtype=pl.UInt32) for group in groups], rows([]))
    for begin in range(0, len(order), size):
        made.add(rows(order[begin : begin + size]))
    return made


@given(groups=GROUPS, size=st.integers(1, 40), at_once=st.sampled_from([1, 100, 1 << 20]), dice=st.integers(0, 99))
def test_every_row_comes_back_in_its_group(groups: list[list[int]], size: int, at_once: int, dice: int) -> None:
    order = np.random.default_rng(dice).permutation([row for group in groups for row in group]).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "BYTES_AT_ONCE", at_once)
        waiting = packed_of(groups, order, size)
        for number, group in enumerate(groups):
            assert waiting.take(number).sort(ROW).equals(rows(sorted(group)))
    assert waiting.size_bytes == 0


@given(groups=GROUPS, late=st.integers(0, 60))
def test_a_group_that_was_dropped_takes_nothing_and_the_others_are_whole(groups: list[list[int]], late: int) -> None:
    """Also if some of its rows come only then."""
    order = [row for group in groups for row in group]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "BYTES_AT_ONCE", 1)
        waiting = packed_of(groups, order[:late], 3)
        waiting.drop()
        for row in order[late:]:
            waiting.add(rows([row]))
        kept = groups[:-1]
        assert waiting.size_bytes == sum(len(one) for chunks in waiting._pressed for one in chunks)
        for number, group in enumerate(kept):
            assert waiting.take(number).sort(ROW).equals(rows(sorted(group)))
    assert waiting.size_bytes == 0


def test_what_waits_takes_a_fraction_of_what_it_is_compared_as() -> None:
    generator = np.random.default_rng(1)
    texts = {f"c{i}": pl.Series(generator.integers(0, 10**6, 20_000)).cast(pl.String) + "丁目" for i in range(20)}
    frame = pl.DataFrame({ROW: pl.Series(range(20_000), dtype=pl.UInt32), **texts})
    waiting = Packed([frame[ROW]], frame.clear())
    waiting.add(frame)
    as_columns = 20_000 * 20 * 16  # a view of 16 bytes a text, beside the text itself where it is longer than 12
    assert 0 < waiting.size_bytes < as_columns / 3
    assert waiting.take(0).equals(frame)
