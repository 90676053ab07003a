"""One line per pair of characters: the office decides once per pair, not once per person."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reconcile.model import Characters, Dataset

PAIRS = pl.Schema(
    {
        "left": pl.String,
        "right": pl.String,
        "pair": pl.String,
        "grade": pl.String,
        "rule": pl.String,
        "persons": pl.UInt32,
    }
)
"""One row a pair of characters and what the ladder says of it; the most frequent first."""

DECIDABLE = ("variant", "unmapped", "approved")
"""Grades that are about characters. Different characters are a different name: that is decided per person."""


def character_pairs(
    values: pl.DataFrame, dataset: Dataset, key: list[str], approved: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Aggregate the differing values of all fields that are compared by character.

    Args:
        values: `diff.compare.values_schema`.
        dataset: Says which fields those are.
        key: The key's columns.
        approved: Field -> the approvals that apply to it.

    Returns:
        PAIRS. `persons` counts distinct keys.
    """
    from reconcile.characters import ladder  # noqa: PLC0415  tables that an ad-hoc diff does not need

    names = [field.name for field in dataset.fields if isinstance(field.comparator, Characters)]
    found = []
    for name in names:
        mine = values.filter(pl.col("field") == name)
        if mine.height:
            pairs = ladder.character_pairs(mine.select("left", "right"), approved.get(name))
            found.append(pairs.join(mine.select(key).with_row_index("row"), on="row", how="left"))
    if not found:
        return pl.DataFrame(schema=PAIRS)
    return (
        pl.concat(found)
        .filter(pl.col("grade").is_in(DECIDABLE))
        .group_by("left", "right", "pair", "grade", "rule")
        .agg(persons=pl.struct(key).n_unique().cast(pl.UInt32))
        .sort("persons", "pair", "grade", "rule", descending=[True, False, False, False])
        .match_to_schema(PAIRS)
    )
