"""Which rows are surely equal, from plain numbers alone.

A row becomes its record number, a hash of its key, and two hashes of key and values (FINGERPRINTS). Each of the two
folds one seeded hash a column, `h = h * PHI xor hash(column, seed of the column)`: never a hash of joined text, so
("ab", "c") and ("a", "bc") differ, and so do two residents whose values were swapped, because the key is folded in.

Two different rows of one key pass as equal only if both hashes collide. The two have unrelated seeds, so that is one
chance in 2**128 a pair, and for the 1.3e8 pairs of a whole nation one in 2**100: less than the disk's own errors. The
seeds are drawn anew each run, so no one can prepare values that collide. Everything else is *suspect*, and suspects
are compared value by value. Rows whose key repeats are always suspect: equal fingerprints must not hide them.

polars' `hash` is stable within one version and seed only: fingerprints are never compared with stored ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import polars as pl

from reconcile.model import ROW

PHI = pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64)
"""2**64 divided by the golden ratio, odd: multiplying by it loses nothing and spreads low bits upward."""

_KEY_SEED, _ONE_SEED, _TWO_SEED = 0, 1 << 20, 1 << 21
_LEFT, _RIGHT = 0, 1


class Suspects(NamedTuple):
    """The record numbers, ascending, that must be compared by value, and how many pairs need not be."""

    left: pl.Series
    right: pl.Series
    matched: int


def fingerprint(key: Sequence[pl.Expr], values: Sequence[pl.Expr], seed: int) -> list[pl.Expr]:
    """The columns of FINGERPRINTS, from expressions of canonical text.

    Args:
        key: The key's parts, in order. A null part has a hash too; null keys are rejected elsewhere.
        values: The compared columns, in the same order on both sides.
        seed: This run's; the same for both sides.
    """
    return [
        pl.col(ROW),
        _fold(key, seed + _KEY_SEED).alias("_key"),
        _fold([*key, *values], seed + _ONE_SEED).alias("_one"),
        _fold([*key, *values], seed + _TWO_SEED).alias("_two"),
    ]


def value_hashes(values: Sequence[str], seed: int, prefix: str) -> Mapping[str, pl.Expr]:
    """Two hashes of the values without the key: equal for equal people, whatever their keys."""
    columns = [pl.col(name) for name in values] or [pl.lit("")]
    return {f"{prefix}one": _fold(columns, seed + _ONE_SEED), f"{prefix}two": _fold(columns, seed + _TWO_SEED)}


def suspects(left: pl.DataFrame, right: pl.DataFrame) -> Suspects:
    """Split two sides (FINGERPRINTS, any order) into pairs that are surely equal and rows that are suspect.

    Equal is: the key's hash stands exactly once on each side, and both fingerprints agree.
    """
    both = pl.concat(
        [left.with_columns(_side=pl.lit(_LEFT, pl.UInt8)), right.with_columns(_side=pl.lit(_RIGHT, pl.UInt8))]
    ).sort("_key")

    def same(column: str, by: int) -> pl.Expr:
        return pl.col(column).eq(pl.col(column).shift(by)).fill_null(value=False)

    first = (
        same("_key", -1)
        & same("_one", -1)
        & same("_two", -1)
        & ~same("_side", -1)
        & ~same("_key", 1)
        & ~same("_key", -2)
    )
    marked = both.select(ROW, "_side", _first=first)
    matched = int(marked["_first"].sum())
    rest = marked.filter(~(pl.col("_first") | pl.col("_first").shift(1, fill_value=False)))
    return Suspects(
        left=rest.filter(pl.col("_side") == _LEFT)[ROW].sort(),
        right=rest.filter(pl.col("_side") == _RIGHT)[ROW].sort(),
        matched=matched,
    )


def _fold(columns: Sequence[pl.Expr], seed: int) -> pl.Expr:
    hashes = [column.hash(seed + position) for position, column in enumerate(columns)]
    return reduce(lambda folded, one: (folded * PHI) ^ one, hashes)
