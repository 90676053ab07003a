"""Suspects that wait pressed: every row comes back, in its group, and nothing else."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model import ROW
from reconcile.search.packed import Packed

GROUPS = st.lists(st.lists(st.integers(1, 10_000), max_size=30, unique=True), min_size=1, max_size=6).filter(
    lambda groups: len({row for group in groups for row in group}) == sum(map(len, groups))
)
SCHEMA = {ROW: pl.UInt32, "text": pl.String, "two": pl.UInt64}


def rows(numbers: list[int]) -> pl.DataFrame:
    texts = [None if number % 7 == 0 else "" if number % 11 == 0 else f"髙{number}" for number in numbers]
    return pl.DataFrame([numbers, texts, [(1 << 64) - number for number in numbers]], schema=SCHEMA)


@given(groups=GROUPS, dice=st.integers(0, 99))
def test_every_row_comes_back_in_its_group(groups: list[list[int]], dice: int) -> None:
    order = np.random.default_rng(dice).permutation([row for group in groups for row in group]).tolist()
    waiting = Packed(rows([]), [pl.Series(group, dtype=pl.UInt32) for group in groups])
    for at in range(0, len(order), 7):
        waiting.add(rows([*order[at : at + 7], 10_001 + at]))  # the last is in no group
    for number, group in enumerate(groups):
        assert waiting.take(number).sort(ROW).equals(rows(sorted(group)))
    assert waiting.size_bytes == 0


def test_what_waits_takes_a_fraction_and_brings_nothing_along() -> None:
    """A group is a few rows out of pages of others: these must not wait with each of them."""
    generator = np.random.default_rng(1)
    texts = {f"c{i}": pl.Series(generator.integers(0, 10**9, 20_000)).cast(pl.String) + "丁目番地" for i in range(20)}
    frame = pl.DataFrame({ROW: pl.Series(range(20_000), dtype=pl.UInt32), **texts})
    one = Packed(frame.clear(), [frame[ROW]])
    one.add(frame)
    as_columns = 20_000 * 20 * (16 + 21)  # a view of 16 bytes a text, and the text itself where it is longer than 12
    assert 0 < one.size_bytes < as_columns / 3
    many = Packed(frame.clear(), [frame[ROW].gather_every(50, number) for number in range(50)])
    many.add(frame)
    assert many.size_bytes < 2 * one.size_bytes
    assert one.take(0).equals(frame)
    assert pl.concat([many.take(number) for number in range(50)]).sort(ROW).equals(frame)
