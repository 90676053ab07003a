"""Suspects compared in pieces, and of few columns where few columns differ: whatever is held at once, the same is found."""

from __future__ import annotations

from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import compare, differences, pipeline
from reconcile.diff import Suspects, suspects
from reconcile.errors import BalanceError
from reconcile.machine.budget import Budget

WIDE = [f"c{number:02}" for number in range(30)]


def _tables(rows: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One column differs everywhere; beside it single differences, a swap, repeated keys, and rows without a partner."""
    number = pl.int_range(rows)
    left = pl.select(number.cast(pl.String).alias("id")).with_columns(
        (pl.int_range(pl.len()) * 7 + i).cast(pl.String).alias(name) for i, name in enumerate(WIDE)
    )
    other = pl.when(pl.col("id").is_in(["11", "500", "1311"]))
    everywhere = pl.when(~pl.col("id").is_in(["40", "41"])).then(pl.col("c03") + "x").otherwise("c03")
    right = left.with_columns(c03=everywhere, c17=other.then(pl.lit("other")).otherwise("c17"))
    crossed = pl.when(pl.col("id") == "40").then(pl.lit("41")).when(pl.col("id") == "41").then(pl.lit("40"))
    right = right.with_columns(id=crossed.otherwise("id")).filter(pl.col("id") != "99")
    return pl.concat([left, left.filter(pl.col("id").is_in(["5", "6"]))]), pl.concat([right, right.head(6)])


def test_a_column_that_differs_everywhere_is_compared_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = _tables(2000)
    whole = compare(left, right, key=["id"])
    kinds = dict(whole.findings["kind"].value_counts().iter_rows())
    assert kinds["value"] >= 1990
    assert {"only_left", "identity_swap", "duplicate_left", "duplicate_right"} <= set(kinds)
    fetch = mock.Mock(wraps=differences._fetch)
    monkeypatch.setattr(differences, "_fetch", fetch)
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50))
    pieces = compare(left, right, key=["id"])
    assert pieces.findings.equals(whole.findings)
    assert pieces.balance == whole.balance
    # 2 of the sample, 2 of what differs elsewhere, and 2 for every 50 * 31 / 5 rows: 40 pieces would have been 80.
    assert fetch.call_count <= 24


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), *[st.sampled_from(["p", "q", None])] * 4), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), *[st.sampled_from(["p", "q", None])] * 4), min_size=1, max_size=12),
    st.integers(1, 4),
)
def test_whatever_is_held_at_once_the_same_is_found(
    left: list[tuple[Any, ...]], right: list[tuple[Any, ...]], held: int
) -> None:
    schema = dict.fromkeys(["id", "a", "b", "c", "d"], pl.String)
    sides = [
        pl.DataFrame([(str(row[0]), *row[1:]) for row in rows], schema=schema, orient="row") for rows in (left, right)
    ]
    sides[1] = sides[1].with_columns(d=pl.col("d") + "x")
    whole = compare(*sides, key=["id"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "budget", lambda *_: Budget(suspects=held))
        pieces = compare(*sides, key=["id"])
    assert pieces.findings.equals(whole.findings)
    assert pieces.balance == whole.balance


def test_rows_that_pass_as_equal_in_the_other_columns_and_are_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = _tables(400)
    calls: list[int] = []

    def collided(one: pl.DataFrame, other: pl.DataFrame) -> Suspects:
        """As if the first hashes of the other columns were the same for all."""
        calls.append(one.height)
        of = suspects(one, other)
        return of if len(calls) == 1 else of._replace(left=of.left.clear(), right=of.right.clear())

    monkeypatch.setattr(differences, "suspects", collided)
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50))
    with pytest.raises(BalanceError):
        compare(left, right, key=["id"])
    assert len(calls) == 2
