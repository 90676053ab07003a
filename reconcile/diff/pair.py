"""Which suspect rows belong together: repeated keys set aside, then one to one by the exact text of the key.

Within a repeated key, rows that are equal pair one to one; if exactly one row is then left on each side, those two
belong together; whatever else is left over is ambiguous and stays unpaired. No arbitrary pairing, and no product of
the two groups: a key that stands a thousand times on each side costs two thousand rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from reconcile.model import ROW

_VALUES = ["_one", "_two"]


class Pairs(NamedTuple):
    """How the suspect rows belong together.

    Attributes:
        paired: key, `left_row`, `right_row`: to be compared, one row a pair.
        only_left: key, ROW.
        only_right: key, ROW.
        repeated: one row a key that stands twice or more on a side: key, `left_count`, `right_count`, `left_row` and
            `right_row` (the smallest of the key, null if none), `left_over`, `right_over` (rows not compared).
        equal: pairs within repeated keys that are equal in every compared value.
    """

    paired: pl.DataFrame
    only_left: pl.DataFrame
    only_right: pl.DataFrame
    repeated: pl.DataFrame
    equal: int


def pair(left: pl.DataFrame, right: pl.DataFrame, key: Sequence[str]) -> Pairs:
    """Pair two sets of suspects.

    Args:
        left: ROW, the key (never null), and `_one`, `_two`: the hashes of the compared values.
        right: The same of the other side.
        key: The names of the key's columns.
    """
    key = list(key)
    counts = _count(left, key, "left").join(
        _count(right, key, "right"), on=key, how="full", coalesce=True, maintain_order="left_right"
    )
    counts = counts.with_columns(pl.col("left_count", "right_count").fill_null(0))
    once = (pl.col("left_count") <= 1) & (pl.col("right_count") <= 1)
    single = counts.filter(once)
    repeated = counts.filter(~once)
    paired = single.filter((pl.col("left_count") == 1) & (pl.col("right_count") == 1)).select(
        *key, "left_row", "right_row"
    )
    equal = 0
    if repeated.height:
        over_left, over_right, equal = _left_over(
            left.join(repeated, on=key, how="semi"), right.join(repeated, on=key, how="semi"), key
        )
        over = _count(over_left, key, "over_left").join(
            _count(over_right, key, "over_right"), on=key, how="full", coalesce=True
        )
        one_each = over.filter((pl.col("over_left_count") == 1) & (pl.col("over_right_count") == 1))
        paired = pl.concat([paired, one_each.select(*key, left_row="over_left_row", right_row="over_right_row")])
        stays = over.join(one_each, on=key, how="anti")
        repeated = repeated.join(
            stays.select(*key, left_over="over_left_count", right_over="over_right_count"),
            on=key,
            how="left",
            maintain_order="left",
        )
    else:
        repeated = repeated.with_columns(left_over=pl.lit(None, pl.UInt32), right_over=pl.lit(None, pl.UInt32))
    return Pairs(
        paired=paired,
        only_left=single.filter(pl.col("right_count") == 0).select(*key, pl.col("left_row").alias(ROW)),
        only_right=single.filter(pl.col("left_count") == 0).select(*key, pl.col("right_row").alias(ROW)),
        repeated=repeated.with_columns(pl.col("left_over", "right_over").fill_null(0)),
        equal=equal,
    )


def _count(rows: pl.DataFrame, key: list[str], side: str) -> pl.DataFrame:
    return rows.group_by(key, maintain_order=True).agg(
        pl.len().cast(pl.UInt32).alias(f"{side}_count"), pl.col(ROW).min().alias(f"{side}_row")
    )


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
    )
