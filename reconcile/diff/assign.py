"""Which of the ambiguous rows of a repeated key look most like each other: evidence for a person, never a pairing.

The best assignment of the rows of one side to those of the other, by the number of equal values. It is told only where
it is the only best one. Groups are bounded: of more than four rows a side the choice is nobody's to propose, and every
assignment of four to four is tried, for all groups at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import factorial

import numpy as np
import polars as pl

from reconcile.model import ROW

LARGEST = 4
"""Rows of one side of a group; more are left without a proposal."""

_ORDERS = np.array(list(permutations(range(LARGEST))))


def nearest(
    over: tuple[pl.DataFrame, pl.DataFrame],
    left: pl.DataFrame,
    right: pl.DataFrame,
    key: Sequence[str],
    values: Sequence[str],
) -> pl.DataFrame:
    """The best assignment within each ambiguous group, where it is unique.

    Args:
        over: `Pairs.over_left` and `Pairs.over_right`.
        left: ROW and the compared values of the rows in question, at least.
        right: The same of the other side.
        key: The names of the key's columns.
        values: The names of the compared columns.

    Returns:
        key, `nearest`: the record numbers that go together, and of how many values each two have how many in common,
        as `3-8 (11/16), 4-7 (9/16)`. A group without a proposal has no row. Sorted by key.
    """
    key = list(key)
    ours, theirs = (_numbered(rows, key, side) for rows, side in zip(over, ("left", "right"), strict=True))
    groups = ours.select(*key, "left_n").unique().join(theirs.select(*key, "right_n").unique(), on=key, how="inner")
    groups = groups.filter((pl.col("left_n") <= LARGEST) & (pl.col("right_n") <= LARGEST))
    groups = groups.sort(key).with_row_index("_group")
    if groups.is_empty():
        return pl.DataFrame(schema={**dict.fromkeys(key, pl.String), "nearest": pl.String})
    both = (
        groups.join(ours.drop("left_n"), on=key, how="inner")
        .join(theirs.drop("right_n"), on=key, how="inner")
        .join(left.select(ROW, *values), left_on="left", right_on=ROW, how="left")
        .join(right.select(ROW, *values), left_on="right", right_on=ROW, how="left", suffix=":right")
        .with_columns(_alike=pl.sum_horizontal(pl.col(v).eq_missing(pl.col(f"{v}:right")) for v in values))
    )
    at = tuple(both[name].to_numpy() for name in ("_group", "left_i", "right_i"))
    alike = np.zeros((groups.height, LARGEST, LARGEST), dtype=np.int64)
    # One more for being a pair at all: no assignment leaves a row out that could have a partner.
    alike[at] = both["_alike"].to_numpy() + 1
    totals = alike[:, np.arange(LARGEST), _ORDERS].sum(axis=2)
    best = totals == totals.max(axis=1, keepdims=True)
    pairs = np.minimum(groups["left_n"].to_numpy(), groups["right_n"].to_numpy())
    # The places that no row fills may stand in any order: so often the one assignment is counted.
    unique = best.sum(axis=1) == np.array([factorial(LARGEST - n) for n in range(LARGEST + 1)])[pairs]
    chosen = _ORDERS[best.argmax(axis=1)]
    taken = unique[at[0]] & (chosen[at[0], at[1]] == at[2])
    said = pl.format("{}-{} ({}/{})", "left", "right", "_alike", pl.lit(len(values)))
    return (
        both.filter(pl.Series(taken) & (pl.col("_alike") > 0))
        .sort("_group", "left")
        .group_by(key, maintain_order=True)
        .agg(nearest=said.str.join(", "))
    )


def _numbered(rows: pl.DataFrame, key: list[str], side: str) -> pl.DataFrame:
    """The rows of each group counted from 0, in any order: key, the record number, `<side>_i`, `<side>_n`."""
    return rows.select(
        *key,
        pl.col(ROW).alias(side),
        pl.int_range(pl.len()).over(key).alias(f"{side}_i"),
        pl.len().over(key).alias(f"{side}_n"),
    )
