"""Who stands under a key: two people mixed up under one, or one person under two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.model import REASONS, ROW, Side


def mixed_identity(values: pl.DataFrame, identity: Sequence[Sequence[str]]) -> pl.DataFrame:
    """Pairs of which every item of identity is different: somebody else stands under the code (X1).

    Args:
        values: `diff.compare.values_schema`.
        identity: The items, each as the fields of which one must be different, not merely a variant.

    Returns:
        REASONS.
    """
    if not identity:
        return pl.DataFrame(schema=REASONS)
    different = values.filter(~pl.col("equal") & (pl.col("grade") == "different"))
    every = pl.all_horizontal(pl.col("field").is_in(list(fields)).any() for fields in identity)
    mixed = different.group_by("left_row", "right_row", maintain_order=True).agg(mixed=every).filter("mixed")
    return mixed.select(
        "left_row", "right_row", reason=pl.lit("mixed_identity"), evidence=pl.lit("4情報が全て異なる")
    ).match_to_schema(REASONS)


def two_keys(only: Mapping[Side, pl.DataFrame], key: Sequence[str]) -> pl.DataFrame:
    """Leftovers of both sides who may be one person (A5): a candidate, shown and never paired.

    Name, birth date and sex are not enough to pair people: twins and namesakes have them in common (西東京市). So
    only where nobody else among the leftovers has them, and always as a question.

    Args:
        only: side -> key, ROW, `_second`, `_person`.
        key: The key's columns.

    Returns:
        REASONS, one row a side; the evidence is the other side's key.
    """
    left, right = (
        rows.filter(pl.col("_person").is_not_null() & pl.col("_person").is_unique()) for rows in only.values()
    )
    met = left.join(right, on="_person", how="inner", suffix=":right")
    # With a number in common they are one finding already (B1).
    met = met.filter((pl.col("_second") != pl.col("_second:right")).fill_null(value=True))
    shown = {
        side: pl.concat_str([f"{name}{suffix}" for name in key], separator="|")
        for side, suffix in ((Side.LEFT, ""), (Side.RIGHT, ":right"))
    }
    none = pl.lit(None, pl.UInt32)
    said = pl.lit("two_keys")
    return pl.concat(
        [
            met.select(left_row=pl.col(ROW), right_row=none, reason=said, evidence=shown[Side.RIGHT]),
            met.select(left_row=none, right_row=pl.col(f"{ROW}:right"), reason=said, evidence=shown[Side.LEFT]),
        ]
    ).match_to_schema(REASONS)
