"""Suspects compared in pieces, and of few columns where few columns differ: whatever is held at once, the same is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import compare, pipeline
from reconcile.diff import Suspects, suspects
from reconcile.errors import BalanceError
from reconcile.machine.budget import Budget
from reconcile.search import differences, narrow

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


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_column_that_differs_everywhere_is_compared_by_itself(
    partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = _tables(2000)
    whole = compare(left, right, key=["id"])
    kinds = dict(whole.findings["kind"].value_counts().iter_rows())
    assert kinds["value"] >= 1990
    assert {"only_left", "identity_swap", "duplicate_left", "duplicate_right"} <= set(kinds)
    fetch = mock.Mock(wraps=differences._query)
    monkeypatch.setattr(differences, "_query", fetch)
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50, many=50))
    pieces = compare(left, right, key=["id"], partitions=partitions)
    assert pieces.findings.equals(whole.findings)
    assert pieces.balance == whole.balance
    # The sample and what differs elsewhere of both sides; the rest is at hand.
    assert fetch.call_count == 4


@pytest.mark.parametrize("kept_bytes", [0, 120_000], ids=["nothing", "too little, as is seen when it is read"])
@pytest.mark.parametrize(
    ("budget", "readings"),
    [
        # 2 of the sample, 2 of what differs elsewhere, 2 of all the rest, whose groups wait pressed.
        (Budget(), (6, 6)),
        # Nothing waits: a reading for every 50 * 31 / 5 rows; without the few columns 40 groups would have been 80.
        (Budget(at_once=50), (8, 24)),
    ],
    ids=["pressed", "asked in pieces"],
)
def test_what_cannot_be_kept_is_fetched_in_pieces(
    kept_bytes: int, budget: Budget, readings: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = _tables(2000)
    whole = compare(left, right, key=["id"])
    fetch = mock.Mock(wraps=differences._query)
    monkeypatch.setattr(differences, "_query", fetch)
    limited = replace(budget, suspects=50, many=50, kept_bytes=kept_bytes)
    monkeypatch.setattr(pipeline, "budget", lambda *_: limited)
    pieces = compare(left, right, key=["id"])
    assert pieces.findings.equals(whole.findings)
    assert pieces.balance == whole.balance
    assert readings[0] <= fetch.call_count <= readings[1]


def test_more_suspects_than_are_compared_at_once_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column of every row differs: 40 groups, and one reading a side."""
    left, right = (
        pl.select(id=pl.int_range(2000).cast(pl.String)).with_columns(
            (pl.col("id") + f"{side}{name}").alias(name) for name in WIDE
        )
        for side in "lr"
    )
    whole = compare(left, right, key=["id"])
    fetch = mock.Mock(wraps=differences._query)
    monkeypatch.setattr(differences, "_query", fetch)
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50))
    pieces = compare(left, right, key=["id"])
    assert fetch.call_count == 2
    assert pieces.findings.equals(whole.findings)
    assert pieces.findings.height == 2000 * len(WIDE)


def test_people_who_crossed_over_are_found_among_rows_that_agree_in_the_other_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three people are one person but for the column that differs everywhere; two of them stand under each other's key."""
    number = pl.int_range(400).cast(pl.String)
    left = pl.select(id=number, a=number, b=number + "b", c=number + "c").with_columns(
        pl.when(pl.col("id").is_in(["7", "300", "301"])).then(pl.lit("same")).otherwise(name).alias(name)
        for name in ("a", "b")
    )
    crossed = pl.when(pl.col("id") == "7").then(pl.lit("300c")).when(pl.col("id") == "300").then(pl.lit("7c"))
    right = left.with_columns(c=crossed.otherwise(pl.col("c") + "x"))
    whole = compare(left, right, key=["id"])
    monkeypatch.setattr(narrow, "ROWS_PER_PIECE", 40)  # the two keys do not stand in one piece
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50, many=50))
    pieces = compare(left, right, key=["id"])
    assert pieces.findings["kind"].to_list().count("identity_swap") == 1
    assert pieces.findings.equals(whole.findings)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), *[st.sampled_from(["p", "q", None])] * 4), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), *[st.sampled_from(["p", "q", None])] * 4), min_size=1, max_size=12),
    st.builds(
        Budget,
        suspects=st.integers(1, 4),
        at_once=st.sampled_from([1, 3, 100]),
        many=st.sampled_from([1, 3, 100]),
        kept_bytes=st.sampled_from([0, 640 << 20]),
    ),
    st.sampled_from([1, 2, 250_000]),
)
def test_whatever_is_held_at_once_the_same_is_found(
    left: list[tuple[Any, ...]], right: list[tuple[Any, ...]], held: Budget, rows_per_piece: int
) -> None:
    schema = dict.fromkeys(["id", "a", "b", "c", "d"], pl.String)
    sides = [
        pl.DataFrame([(str(row[0]), *row[1:]) for row in rows], schema=schema, orient="row") for rows in (left, right)
    ]
    sides[1] = sides[1].with_columns(d=pl.col("d") + "x")
    whole = compare(*sides, key=["id"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(narrow, "ROWS_PER_PIECE", rows_per_piece)
        patch.setattr(pipeline, "budget", lambda *_: held)
        pieces = compare(*sides, key=["id"])
    assert pieces.findings.equals(whole.findings)
    assert pieces.balance == whole.balance


@pytest.mark.parametrize("kept_bytes", [0, 640 << 20])
def test_rows_that_pass_as_equal_in_the_other_columns_and_are_not_end_the_run(
    kept_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = _tables(400)
    calls: list[int] = []

    def collided(one: pl.DataFrame, other: pl.DataFrame) -> Suspects:
        """As if the first hashes of the other columns were the same for all."""
        calls.append(one.height)
        of = suspects(one, other)
        return of if len(calls) == 1 else of._replace(left=of.left.clear(), right=of.right.clear())

    monkeypatch.setattr(differences, "suspects", collided)
    monkeypatch.setattr(narrow, "suspects", collided)
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50, many=50, kept_bytes=kept_bytes))
    with pytest.raises(BalanceError):
        compare(left, right, key=["id"])
    assert len(calls) == 2
