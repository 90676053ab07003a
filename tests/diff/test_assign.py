"""The best assignment of ambiguous rows, against every assignment tried in plain Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.diff.assign import LARGEST, nearest
from reconcile.model import ROW
from tests.contrary import contrary

Values = tuple[str | None, ...]
VALUES = ["v0", "v1", "v2"]


Groups = Mapping[str, Sequence[Values]]


def _side(groups: Groups) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The leftover rows, and the same with their values."""
    rows = [(key, *values) for key, group in groups.items() for values in group]
    schema = dict.fromkeys(["k0", *VALUES], pl.String)
    frame = pl.DataFrame(rows, schema, orient="row").with_columns(
        pl.int_range(1, pl.len() + 1).cast(pl.UInt32).alias(ROW)
    )
    return frame.select("k0", ROW), frame


def _told(left: Groups, right: Groups) -> pl.DataFrame:
    (over_left, rows_left), (over_right, rows_right) = _side(left), _side(right)
    return nearest((over_left, over_right), rows_left, rows_right, ["k0"], VALUES)


def _nearest(left: Groups, right: Groups) -> dict[str, str]:
    return dict(_told(left, right).rows())


def _plain(left: list[Values], right: list[Values]) -> str | None:
    """Every way to give each row of the smaller side a row of the larger one; the best, if it is the only one."""
    small, large, turn = (left, right, 1) if len(left) <= len(right) else (right, left, -1)
    ways = []
    for chosen in permutations(range(len(large)), len(small)):
        pairs = [(i, j, sum(a == b for a, b in zip(small[i], large[j], strict=True))) for i, j in enumerate(chosen)]
        ways.append((sum(alike for _, _, alike in pairs), pairs))
    best = max(total for total, _ in ways)
    first, *others = [pairs for total, pairs in ways if total == best]
    if others:
        return None
    told = sorted(((i, j)[::turn], alike) for i, j, alike in first if alike)
    return ", ".join(f"{i + 1}-{j + 1} ({alike}/{len(VALUES)})" for (i, j), alike in told) or None


PEOPLE = st.lists(st.tuples(*[st.sampled_from(["a", "b", None])] * len(VALUES)), min_size=1, max_size=LARGEST)


@given(PEOPLE, PEOPLE)
@settings(max_examples=300, deadline=None)
def test_the_proposal_is_the_only_best_of_all_assignments(left: list[Values], right: list[Values]) -> None:
    assert _nearest({"x": left}, {"x": right}).get("x") == _plain(left, right)


def test_two_who_fit_equally_well_get_no_proposal() -> None:
    assert _nearest({"x": [("a", "b", "c")] * 2}, {"x": [("a", "b", "d")]}) == {}


def test_each_group_gets_its_own() -> None:
    left: Groups = {"x": [("a", "b", "c"), ("d", "e", "f")], "y": [("a", "a", "a"), ("b", "b", "b")]}
    right: Groups = {"x": [("d", "e", "g")], "y": [("b", "b", "c"), ("a", "a", "c")]}
    assert _nearest(left, right) == {"x": "2-1 (2/3)", "y": "3-3 (2/3), 4-2 (2/3)"}


def test_the_groups_are_told_by_key_and_their_rows_by_record_whatever_order_polars_keeps() -> None:
    left: Groups = {"y": [("a", "a", "a"), ("b", "b", "b")], "x": [("c", "c", "c")], "z": [("d", "d", "d")]}
    right: Groups = {"z": [("d", "d", "d")], "y": [("b", "b", "b"), ("a", "a", "a")], "x": [("c", "c", "c")]}
    expected = [("x", "3-4 (3/3)"), ("y", "1-3 (3/3), 2-2 (3/3)"), ("z", "4-1 (3/3)")]
    assert _told(left, right).rows() == expected
    with contrary():
        assert _told(left, right).rows() == expected


def test_nothing_proposed_has_the_columns_of_a_proposal() -> None:
    schema = {"k0": pl.String, "nearest": pl.String}
    assert _told({"x": [("a", "b", "c")]}, {"x": [("a", "b", "c")]}).schema == schema
    assert _told({"x": [("a", "b", "c")]}, {"y": [("a", "b", "c")]}).schema == schema
    assert _told({}, {}).schema == schema


@pytest.mark.parametrize("sizes", [(LARGEST + 1, 1), (1, LARGEST + 1), (2_000, 2_000)])
def test_of_a_large_group_nothing_is_proposed(sizes: tuple[int, int]) -> None:
    left, right = ([(str(n), "b", "c") for n in range(size)] for size in sizes)
    assert _nearest({"x": left}, {"x": right}) == {}
