"""Which values of the paired rows differ, and whether a rule says that they mean the same.

The values of every pair are compared exactly (null equals null; null and "" differ). Only what differs is judged by
the field's comparator, each distinct pair of values once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.diff.comparators import judge
from reconcile.diff.fingerprint import VALUE_HASHES
from reconcile.model import ROW, Exact, Field

RAW = "raw:"
"""Before a column's name: its text as it stood, where decoding may have changed it."""

OTHER = ":right"
"""Behind a column's name: the right side's."""


def values_schema(key: Sequence[str]) -> pl.Schema:
    """The frame of differing values, one row a value; `left`, `right` canonical, `*_raw` as they stood.

    What has few different texts is `pl.Categorical`: a column that differs everywhere makes millions of rows.
    """
    return pl.Schema(
        {
            **dict.fromkeys(key, pl.String()),
            "left_row": pl.UInt32(),
            "right_row": pl.UInt32(),
            "field": pl.Categorical(),
            "left": pl.String(),
            "right": pl.String(),
            "left_raw": pl.String(),
            "right_raw": pl.String(),
            "equal": pl.Boolean(),
            "grade": pl.Categorical(),
            "rule": pl.Categorical(),
            "hint": pl.Categorical(),
        }
    )


def side_by_side(paired: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The paired rows with the columns of both sides; the right ones end in `OTHER`."""
    left = left.rename({ROW: "left_row"}).drop(key)
    right = right.drop(key)
    right = right.rename({c: f"{c}{OTHER}" for c in right.columns if c != ROW}).rename({ROW: "right_row"})
    return paired.join(left, on="left_row", how="left", maintain_order="left").join(
        right, on="right_row", how="left", maintain_order="left"
    )


def differing_values(
    both: pl.DataFrame,
    key: Sequence[str],
    fields: Mapping[str, Field],
    approved: Mapping[str, pl.DataFrame],
) -> pl.DataFrame:
    """Every value that differs, judged.

    Args:
        both: As `side_by_side` gives it.
        key: The names of the key's columns.
        fields: Column name -> the compared field that stands in it.
        approved: Field name -> the approved identifications that apply to it (`characters.ladder.APPROVED`).

    Returns:
        `values_schema(key)`, in field order, then pair order. `field` holds the field's name.
    """
    schema = values_schema(key)
    frames = [_differing(both, list(key), name, field, approved.get(field.name)) for name, field in fields.items()]
    return pl.concat([frame.select(schema.names()).cast(schema) for frame in frames] or [pl.DataFrame(schema=schema)])


def people(mismatched: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Who stands under each mismatched pair, as numbers: what `swaps` needs of every partition.

    Args:
        mismatched: The mismatched pairs, as `side_by_side` gives them, with each side's VALUE_HASHES.
        key: The names of the key's columns.

    Returns:
        key, `left_row`, `right_row`, and two hashes of each side's compared values.
    """
    return mismatched.select(
        "left_row",
        "right_row",
        *key,
        **dict(zip(("_left_one", "_left_two"), VALUE_HASHES, strict=True)),
        **dict(zip(("_right_one", "_right_two"), (f"{name}{OTHER}" for name in VALUE_HASHES), strict=True)),
    )


def swaps(everyone: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Two keys whose people crossed over: every compared value of one stands under the other, both ways.

    Only people told apart by their values count: a tuple of values that stands twice among the mismatched rows of a
    side proves nothing (two one-letter columns would cross over by chance).

    Args:
        everyone: `people` of all partitions.
        key: The names of the key's columns.

    Returns:
        key, `left_row`, `right_row`, and for each key column `<name>:right`, the other key; the smaller key first. In
        any order.
    """
    left, right = ["_left_one", "_left_two"], ["_right_one", "_right_two"]
    # One number first: on a night when every record differs, tuples of all of them are most of the memory.
    met_left = everyone.filter(pl.col("_left_one").is_in(everyone["_right_one"].implode()))
    met_right = everyone.filter(pl.col("_right_one").is_in(everyone["_left_one"].implode()))
    one_row = ["left_row", "right_row"]
    alone = met_left.filter(pl.struct(left).is_unique()).join(
        met_right.filter(pl.struct(right).is_unique()), on=one_row, how="semi"
    )
    crossed = alone.join(alone, left_on=[*left, *right], right_on=[*right, *left], how="inner", suffix=OTHER)
    return crossed.filter(_before(key)).select("left_row", "right_row", *key, *(f"{k}{OTHER}" for k in key))


def _before(key: Sequence[str]) -> pl.Expr:
    """Whether the key comes before the other one, part by part."""
    smaller = pl.lit(value=False)
    for name in reversed(key):
        other = pl.col(f"{name}{OTHER}")
        smaller = (pl.col(name) < other) | ((pl.col(name) == other) & smaller)
    return smaller


def _differing(
    both: pl.DataFrame, key: list[str], name: str, field: Field, approved: pl.DataFrame | None
) -> pl.DataFrame:
    other = f"{name}{OTHER}"
    raw, other_raw = f"{RAW}{name}", f"{RAW}{name}{OTHER}"
    differ = both.filter(pl.col(name).ne_missing(pl.col(other))).select(
        *key,
        "left_row",
        "right_row",
        pl.lit(field.name).alias("field"),
        pl.col(name).alias("left"),
        pl.col(other).alias("right"),
        pl.col(raw if raw in both.columns else name).alias("left_raw"),
        pl.col(other_raw if other_raw in both.columns else other).alias("right_raw"),
    )
    if isinstance(field.comparator, Exact):
        missing = pl.col("left").is_null() | pl.col("right").is_null()
        return differ.with_columns(
            equal=pl.lit(value=False),
            grade=pl.when(missing).then(pl.lit("missing")).otherwise(pl.lit("different")),
            rule=pl.lit(None, pl.String),
            hint=pl.lit(None, pl.String),
        )
    pairs = differ.select("left", "right").unique()
    judged = pl.concat([pairs, judge(field.comparator, pairs, approved)], how="horizontal")
    return differ.join(judged, on=["left", "right"], how="left", nulls_equal=True, maintain_order="left")
