"""Which rows are surely equal, from plain numbers alone.

A row becomes its record number, a hash of its key, and two hashes of key and values (FINGERPRINTS). Each of the two
adds up one hash a column, with a seed of its own and times an odd number of its own, modulo 2**64, and then folds the
key in, `h = key * PHI xor h`: never a hash of joined text, so ("ab", "c") and ("a", "bc") differ, and so do two
residents whose values were swapped. A sum has parts: the hash of a few columns and that of the others make the whole.

The first hash is kept for every row, and finds the pairs. Of the second only the sum over all rows of a side is kept
(modulo 2**64): once the suspects have been fetched, theirs is taken off, and what is left is the sum over the rows
that passed as equal, which must be the same on both sides. So the second hash costs a number a side, not a row.

What it proves. Two different rows of one key pass as equal only if their first hashes collide: one chance in 2**64 a
pair. Take the pairs that did. The sums then agree only if the differences of their second hashes, whose seeds are
unrelated to the first's, add up to zero: one chance in 2**64 again, for one such pair as for many. Together one in
2**128 a pair, and for the 1.3e8 pairs of a whole nation one in 2**100: less than the disk's own errors. The seeds are
drawn anew each run, so no one can prepare values that collide. A sum that does not agree ends the run (BalanceError).

Everything else is *suspect*, and suspects are compared value by value. Rows whose key repeats are always suspect:
equal fingerprints must not hide them.

polars' `hash` is stable within one version and seed only: fingerprints are never compared with stored ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
import polars as pl

from reconcile.errors import BalanceError
from reconcile.model import ROW

_PHI = 0x9E3779B97F4A7C15
PHI = pl.lit(_PHI, dtype=pl.UInt64)
"""2**64 divided by the golden ratio, odd: multiplying by it loses nothing and spreads low bits upward."""

VALUE_HASHES = ("_values_one", "_values_two")
"""Two hashes of a row's compared values, UInt64."""

_MODULUS = 1 << 64
_KEY_SEED, _ONE_SEED, _TWO_SEED, _KEY_TWO_SEED = 0, 1 << 20, 1 << 21, 3 << 20


class Suspects(NamedTuple):
    """The record numbers, ascending, that must be compared by value, and how many pairs need not be."""

    left: pl.Series
    right: pl.Series
    matched: int


def fingerprint(
    key: Sequence[pl.Expr], values: Sequence[pl.Expr], seed: int, positions: Sequence[int] = ()
) -> list[pl.Expr]:
    """The columns of FINGERPRINTS, from expressions of canonical text.

    Args:
        key: The key's parts, in order. A null part has a hash too; null keys are rejected elsewhere.
        values: The compared columns, in the same order on both sides.
        seed: This run's; the same for both sides.
        positions: As for `value_hashes`.
    """
    one, two = value_hashes(values, seed, positions)
    hashed, hashed_again = first_of_key(key, seed), second_of_key(key, seed)
    return [
        pl.col(ROW),
        hashed.alias("_key"),
        keyed(hashed, one).alias("_one"),
        keyed(hashed_again, two).alias("_two"),
    ]


def fingerprint_lines(first: int, key: Sequence[pl.Series], line: pl.Series, seed: int) -> pl.DataFrame:
    """FINGERPRINTS of records that are told by their lines, as `fingerprint` has them of values.

    A line holds the key and every value, and two different records never have the same one: it takes the place of both
    folds. Equal only among themselves.

    Args:
        first: The number of the first record.
        key: The key's parts, in order, as they stand in the lines.
        line: The lines.
        seed: This run's; the same for both sides.
    """
    frame = pl.DataFrame([line.alias("line"), *(part.alias(f"k{number}") for number, part in enumerate(key))])
    one, two = (pl.col("line").hash(seed + by) for by in (_ONE_SEED, _TWO_SEED))
    rows = pl.int_range(first, first + len(line), dtype=pl.UInt32).alias(ROW)
    keys = first_of_key([pl.col(f"k{number}") for number in range(len(key))], seed)
    return frame.select(rows, keys.alias("_key"), one.alias("_one"), two.alias("_two"))


def second_hash(line: pl.Series, seed: int) -> pl.Series:
    """`_two` of records that are told by their lines."""
    return line.to_frame("line").select(_two=pl.col("line").hash(seed + _TWO_SEED)).to_series()


def value_hashes(values: Sequence[pl.Expr], seed: int, positions: Sequence[int] = ()) -> list[pl.Expr]:
    """VALUE_HASHES: two hashes of the values without the key, equal for equal people, whatever their keys.

    Args:
        values: The compared columns.
        seed: This run's.
        positions: Which of all compared columns these are; none says all, or the first. The hashes of two sets of
            columns add up (modulo 2**64) to those of both.
    """
    columns = values or [pl.lit("")]
    return [
        _mixed(columns, positions or range(len(columns)), seed + by).alias(name)
        for name, by in zip(VALUE_HASHES, (_ONE_SEED, _TWO_SEED), strict=True)
    ]


def first_of_key(key: Sequence[pl.Expr], seed: int) -> pl.Expr:
    """`_key`: the hash of a key by which its rows are found."""
    return _mixed(key, range(len(key)), seed + _KEY_SEED)


def second_of_key(key: Sequence[pl.Expr], seed: int) -> pl.Expr:
    """The hash of a key that is a part of the second hash of a row, beside the values (`keyed`)."""
    return _mixed(key, range(len(key)), seed + _KEY_TWO_SEED)


def keyed(key: pl.Expr, values: pl.Expr) -> pl.Expr:
    """The hash of a row: of its key, and of its values. Done again with the result for `values`, it gives them back."""
    return (key * PHI) ^ values


def second_sum(rows: pl.DataFrame, column: str = "_two") -> int:
    """The sum of the second hashes modulo 2**64, whatever the order of the rows."""
    return int(rows[column].to_numpy().sum(dtype=np.uint64))


def suspects(left: pl.DataFrame, right: pl.DataFrame) -> Suspects:
    """Split two sides (ROW, `_key`, `_one`; any order) into pairs that are surely equal and rows that are suspect.

    Equal is: the key's hash stands at most once on each side, and the first hash, of which the key is a part, stands
    on both. That the second agrees as well is proven by the sums.
    """
    ones = pl.concat([left["_one"], right["_one"]]).sort()
    paired = _in_pairs(ones)
    if not paired.any():
        return Suspects(left[ROW].sort(), right[ROW].sort(), 0)
    # Sorting numbers alone is several times cheaper than sorting them with their rows or joining them, and few stay.
    alone = pl.col("_one").is_in(ones.filter(~paired).implode())
    if (again := pl.concat([repeated(left["_key"]), repeated(right["_key"])])).len():
        alone |= pl.col("_key").is_in(again.implode())
    found = [side.filter(alone)[ROW].sort() for side in (left, right)]
    matched, other = left.height - found[0].len(), right.height - found[1].len()
    if matched != other:  # both of a pair stand on one side: a collision among one side's keys, once in 2**64 pairs
        return Suspects(left[ROW].sort(), right[ROW].sort(), 0)
    return Suspects(found[0], found[1], matched)


def prove_equal(left: int, right: int) -> None:
    """Hold the rows that passed as equal to the sum of their second hashes.

    Args:
        left: The sum of all rows of the left side less that of its suspects.
        right: The same of the right side.

    Raises:
        BalanceError: They do not agree modulo 2**64: two rows collided, or a file changed between two reads.
    """
    if (left - right) % _MODULUS:
        problem = "the rows that passed as equal do not have the same second hashes"
        raise BalanceError(
            "both sides", problem, hint="run again; if it happens twice, keep both files and report this"
        )


def _in_pairs(numbers: pl.Series) -> pl.Series:
    """Of sorted numbers, whether each stands exactly twice."""
    following, second = (numbers.eq_missing(numbers.shift(by)) for by in (-1, -2))
    start = following & ~following.shift(1, fill_value=False) & ~second
    return start | start.shift(1, fill_value=False)


def repeated(keys: pl.Series) -> pl.Series:
    """The numbers that stand more than once."""
    ordered = keys.sort()
    return ordered.filter(ordered.eq_missing(ordered.shift(1))).unique()


def _mixed(columns: Sequence[pl.Expr], positions: Sequence[int], seed: int) -> pl.Expr:
    # Odd numbers: multiplying by them loses nothing.
    parts = (
        column.hash(seed + at) * pl.lit(pow(_PHI, at + 1, _MODULUS), dtype=pl.UInt64)
        for column, at in zip(columns, positions, strict=True)
    )
    return reduce(add, parts)
