"""Which suspect rows belong together: repeated keys set aside, then one to one by the exact text of the key.

Within a repeated key, rows that are equal pair one to one; if exactly one row is then left on each side, those two
belong together; whatever else is left over is ambiguous and stays unpaired. No arbitrary pairing, and no product of
the two groups: a key that stands a thousand times on each side costs two thousand rows.

A record may be *closed* (消除): it has ended, and another of the same key may lawfully stand beside it (帰化: the
foreigner's record is closed and a Japanese one opened under the same 住民票コード, 標準仕様書 4.5.3). So an open record
stands for its key before closed ones do, and a closed one that is left beside it without anything to compare it with
is out of scope. Where nothing is closed, this is the rule above and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from reconcile.model import ROW

_VALUES = ["_one", "_two"]
_COUNTS = ("left_over", "right_over", "left_beside", "right_beside")


class Pairs(NamedTuple):
    """How the suspect rows belong together.

    Single keys stand in the order of the left rows, then of the right ones, and so do the keys of `repeated`; what
    comes out of repeated keys stands behind the single ones, in any order.

    Attributes:
        paired: key, `left_row`, `right_row`: to be compared, one row a pair.
        only_left: key, ROW: alone, or the open one of closed ones that the other side does not have.
        only_right: the same.
        repeated: one row a key that stands twice or more on a side: key, `left_count`, `right_count`, `left_row` and
            `right_row` (the smallest of the key, null if none), `left_open`, `right_open` (rows not closed),
            `left_kinds`, `right_kinds` (how many kinds these are of), `left_over`, `right_over` (rows not compared),
            `left_beside`, `right_beside` (closed rows out of scope).
        equal: pairs within repeated keys that are equal in every compared value.
        over_left: key, ROW of the rows that `left_over` counts.
        over_right: the same.
    """

    paired: pl.DataFrame
    only_left: pl.DataFrame
    only_right: pl.DataFrame
    repeated: pl.DataFrame
    equal: int
    over_left: pl.DataFrame
    over_right: pl.DataFrame


def pair(left: pl.DataFrame, right: pl.DataFrame, key: Sequence[str]) -> Pairs:
    """Pair two sets of suspects.

    Args:
        left: ROW, the key (never null), `_one`, `_two` (the hashes of the compared values), `_closed` (Boolean, never
            null: another record may stand beside it) and `_kind` (a number that is equal for records of one kind).
        right: The same of the other side.
        key: The names of the key's columns.
    """
    key = list(key)
    counts = _count(left, key, "left").join(
        _count(right, key, "right"), on=key, how="full", coalesce=True, maintain_order="left_right"
    )
    numbers = pl.col([f"{side}_{what}" for side in ("left", "right") for what in ("count", "open", "kinds")])
    counts = counts.with_columns(numbers.fill_null(0))
    once = (pl.col("left_count") <= 1) & (pl.col("right_count") <= 1)
    single, repeated = counts.filter(once), counts.filter(~once)
    both = (pl.col("left_count") == 1) & (pl.col("right_count") == 1)
    groups = _settle(left, right, repeated, key)
    return Pairs(
        paired=pl.concat([single.filter(both).select(*key, "left_row", "right_row"), groups.paired]),
        only_left=pl.concat(
            [single.filter(pl.col("right_count") == 0).select(*key, pl.col("left_row").alias(ROW)), groups.only_left]
        ),
        only_right=pl.concat(
            [single.filter(pl.col("left_count") == 0).select(*key, pl.col("right_row").alias(ROW)), groups.only_right]
        ),
        repeated=groups.repeated,
        equal=groups.equal,
        over_left=groups.over_left,
        over_right=groups.over_right,
    )


def pair_single(left: pl.DataFrame, right: pl.DataFrame, key: Sequence[str]) -> Pairs | None:
    """Pair rows of which each has one partner, as `pair` would; None where it turns out that some have not.

    Args:
        left: ROW and the key.
        right: The same of the other side.
        key: The names of the key's columns.
    """
    key = list(key)
    theirs = right.select(*key, right_row=ROW)
    paired = left.select(*key, left_row=ROW).join(theirs, on=key, how="inner", maintain_order="left")
    rows = (paired["left_row"].n_unique(), paired["right_row"].n_unique())
    if not paired.height == left.height == right.height == min(rows):
        return None
    numbers = {"_one": 0, "_two": 0, "_closed": False, "_kind": 0}
    nobody = left.clear().with_columns(**{name: pl.lit(value) for name, value in numbers.items()})
    nothing = pair(nobody, nobody, key)
    return nothing._replace(paired=paired)


def _count(rows: pl.DataFrame, key: list[str], side: str) -> pl.DataFrame:
    opened = pl.col("_kind").filter(~pl.col("_closed"))
    return rows.group_by(key, maintain_order=True).agg(
        pl.len().cast(pl.UInt32).alias(f"{side}_count"),
        pl.col(ROW).min().alias(f"{side}_row"),
        opened.len().cast(pl.UInt32).alias(f"{side}_open"),
        opened.n_unique().cast(pl.UInt32).alias(f"{side}_kinds"),
    )


def _settle(left: pl.DataFrame, right: pl.DataFrame, repeated: pl.DataFrame, key: list[str]) -> Pairs:
    """The rows of repeated keys, all of them in one place each."""
    left, right = (rows.join(repeated, on=key, how="semi") for rows in (left, right))
    rest_left, rest_right, equal = _left_over(left, right, key)
    paired = []
    # The record that stands for its key first; then, of closed ones, those that are alone on each side.
    for alone in (_foremost, _only_closed):
        met = alone(rest_left, left, key).join(alone(rest_right, right, key), on=key, how="inner", suffix=":right")
        paired.append(met.select(*key, left_row=ROW, right_row=f"{ROW}:right"))
        rest_left = rest_left.join(met, on=ROW, how="anti")
        rest_right = rest_right.join(met.select(f"{ROW}:right"), left_on=ROW, right_on=f"{ROW}:right", how="anti")
    only_left, beside_left, over_left = _without_other(rest_left, rest_right, left, key)
    only_right, beside_right, over_right = _without_other(rest_right, rest_left, right, key)
    for name, rows in zip(_COUNTS, (over_left, over_right, beside_left, beside_right), strict=True):
        counted = rows.group_by(key).agg(pl.len().cast(pl.UInt32).alias(name))
        repeated = repeated.join(counted, on=key, how="left", maintain_order="left")
    return Pairs(
        paired=pl.concat(paired),
        only_left=only_left.select(*key, ROW),
        only_right=only_right.select(*key, ROW),
        repeated=repeated.with_columns(pl.col(_COUNTS).fill_null(0)),
        equal=equal,
        over_left=over_left.select(*key, ROW),
        over_right=over_right.select(*key, ROW),
    )


def _foremost(rest: pl.DataFrame, every: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The one row that stands for a key on a side: the only open one that is left, or the only row it ever had."""
    opened = rest.filter(~pl.col("_closed") & (pl.len().over([*key, "_closed"]) == 1))
    lone = rest.filter("_closed").join(every.filter(pl.len().over(key) == 1), on=ROW, how="semi")
    return pl.concat([opened, lone]).select(*key, ROW)


def _only_closed(rest: pl.DataFrame, _every: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """The closed row of a key, where one is left."""
    return rest.filter("_closed").filter(pl.len().over(key) == 1).select(*key, ROW)


def _without_other(
    rest: pl.DataFrame, others: pl.DataFrame, every: pl.DataFrame, key: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """What is left of a side: rows that are only here, closed rows that are out of scope, and the ambiguous rest.

    The first two only where the other side has nothing left of the key that they might belong to. A closed row is out
    of scope if an open one stands beside it, or a row of its side that the other side knows; but not the copy of
    another row of its side: the same record written twice is a fault of that side, closed or not.
    """
    copies = every.select(ROW, _copies=pl.len().over([*key, *_VALUES]))
    opened = every.group_by(key).agg(_open=(~pl.col("_closed")).sum(), _all=pl.len())
    left = rest.group_by(key).agg(_left=pl.len())
    about = (
        rest.join(opened, on=key, how="left")
        .join(left, on=key, how="left")
        .join(copies, on=ROW, how="left")
        .join(others.select(key).unique().with_columns(_other=pl.lit(value=True)), on=key, how="left")
    )
    free = pl.col("_other").is_null()
    # An open row beside closed ones only; a second open one is a duplicate, whatever the other side has.
    only = free & ~pl.col("_closed") & (pl.col("_open") == 1) & (pl.col("_all") > 1)
    known = (pl.col("_open") > 0) | (pl.col("_all") > pl.col("_left"))
    beside = free & pl.col("_closed") & known & (pl.col("_copies") == 1)
    return about.filter(only), about.filter(beside), about.filter(~only & ~beside)


def _left_over(left: pl.DataFrame, right: pl.DataFrame, key: list[str]) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The rows of repeated keys that no equal row of the other side takes, and how many pairs were taken."""
    alike = [*key, *_VALUES]
    left_sizes = left.group_by(alike).len("_size")
    right_sizes = right.group_by(alike).len("_size")
    taken = left_sizes.join(right_sizes, on=alike, how="inner").select(
        pl.min_horizontal("_size", "_size_right").sum().cast(pl.Int64)
    )
    return _beyond(left, right_sizes, alike), _beyond(right, left_sizes, alike), int(taken.item() or 0)


def _beyond(rows: pl.DataFrame, others: pl.DataFrame, alike: list[str]) -> pl.DataFrame:
    """The rows, in record order, after the first `n` of their kind, where `n` stand on the other side."""
    return (
        rows.sort(ROW)
        .with_columns(_rank=pl.int_range(pl.len()).over(alike))
        .join(others, on=alike, how="left", maintain_order="left")
        .filter(pl.col("_rank") >= pl.col("_size").fill_null(0))
        .drop("_rank", "_size")
    )
