"""Who stands under a key: two people mixed up under one, or one person under two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.classify.leftovers import without_partners
from reconcile.model import REASONS, ROW, Material, Side

MIXED = "mixed_identity"
"""The reason, and the kind of finding, that says that somebody else stands under a key."""


def mixed_identity(values: pl.DataFrame, identity: Sequence[Sequence[str]]) -> pl.DataFrame:
    """Pairs of which every item of identity is different: somebody else stands under the code (X1).

    Args:
        values: `diff.compare.values_schema`.
        identity: The items, each as the fields of which one must be different, not merely a variant.

    Returns:
        REASONS.
    """
    if not identity or values.is_empty():
        return pl.DataFrame(schema=REASONS)
    different = values.filter(~pl.col("equal") & (pl.col("grade") == "different"))
    every = pl.all_horizontal(pl.col("field").is_in(list(fields)).any() for fields in identity)
    mixed = different.group_by("left_row", "right_row", maintain_order=True).agg(mixed=every).filter("mixed")
    return mixed.select(
        "left_row", "right_row", reason=pl.lit(MIXED), evidence=pl.lit("4情報が全て異なる")
    ).match_to_schema(REASONS)


def two_keys(only: Mapping[Side, pl.DataFrame], key: Sequence[str]) -> pl.DataFrame:
    """Leftovers of both sides who may be one person (A5): a candidate, shown and never paired.

    Name, birth date and sex are not enough to pair people: twins and namesakes have them in common (西東京市). So
    only where nobody else among the leftovers has them, and always as a question.

    Args:
        only: `Material.only`, without those that have a partner.
        key: The key's columns.

    Returns:
        REASONS, one row a side; the evidence is the other side's key.
    """
    left, right = (
        rows.filter(pl.col("_person").is_not_null() & pl.col("_person").is_unique()) for rows in only.values()
    )
    met = left.join(right, on="_person", how="inner", suffix=":right")
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


def one_number(material: Material, key: Sequence[str], second_key: str) -> pl.DataFrame:
    """One second key (個人番号) under one key here and another key there (B2), where no finding says so already.

    Two people of one side with one number are noticed when the side is read (`account.SHARED`), and a pair whose two
    numbers differ is a finding of its own. This is the rest: the number of a leftover, or of a record whose
    counterpart has none, met under another key.

    Args:
        material: What the comparison brought up.
        key: The names of the key's columns.
        second_key: The name of its field, "" for none.

    Returns:
        The key of the left record, `left_row`, `right_row`, `kind`, `rule`, and as hint the other key. A number that
        is met more than once on a side is left out.
    """
    if not second_key:
        none = dict.fromkeys([*key, "kind", "rule", "hint"], pl.String)
        return pl.DataFrame(schema={**none, "left_row": pl.UInt32, "right_row": pl.UInt32})
    rows = {side: _numbers(material, side, list(key), second_key) for side in Side}
    left, right = (frame.filter(pl.col("_number").is_unique()) for frame in rows.values())
    other = [f"{name}:right" for name in key]
    return (
        left.join(right, on="_number", how="inner", suffix=":right", maintain_order="left")
        .filter(pl.struct(key) != pl.struct(pl.col(o).alias(k) for o, k in zip(other, key, strict=True)))
        .filter(~(pl.col("_told") & pl.col("_told:right")))
        .select(
            *key,
            left_row=ROW,
            right_row=f"{ROW}:right",
            kind=pl.lit("shared_across"),
            rule=pl.lit("second_key"),
            hint=pl.concat_str(other, separator="|"),
        )
    )


def _numbers(material: Material, side: Side, key: list[str], second_key: str) -> pl.DataFrame:
    """The numbers of a side that its counterpart has not: key, ROW, `_number`, `_told` (its pair is a finding)."""
    row = f"{side}_row"
    paired = (
        material.values.filter((pl.col("field") == second_key) & ~pl.col("equal"))
        .join(material.reasons, on=["left_row", "right_row"], how="anti", maintain_order="left")
        .select(*key, pl.col(row).alias(ROW), _number=pl.col(side.value), _told=pl.col("grade") == "different")
    )
    alone = without_partners(material.only, material.partners)[side]
    rest = alone.select(*key, ROW, _number="_second", _told=pl.lit(value=False))
    return pl.concat([paired, rest]).filter(pl.col("_number").is_not_null())
