"""Records without a partner: only here, or known to the other side under another key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from reconcile.model import ROW, Dataset, Side


class Partners(NamedTuple):
    """Which field pairs leftover records, "" for none, and which field the finding is about."""

    second_key: str
    key_field: str

    @classmethod
    def of(cls, dataset: Dataset) -> Partners:
        """Read them from a dataset."""
        return cls(second_key=dataset.second_key, key_field=dataset.key[0])


def existence(
    only: Mapping[Side, pl.DataFrame], hints: pl.DataFrame, key: list[str], partners: Partners
) -> list[pl.DataFrame]:
    """The findings about keys without partner.

    Two leftovers that share the second key (個人番号), which no other leftover has, are one finding `other_key`
    under the left key, with both keys as values; every other leftover is `only_left` or `only_right`, with the
    diagnosis of its key as hint.

    Args:
        only: side -> key, ROW, `_second`.
        hints: `side`, `key`, `hint`.
        key: The key's columns.
        partners: How leftovers may pair.
    """
    left, right = only[Side.LEFT], only[Side.RIGHT]
    moved = _other_key(left, right, key) if partners.second_key else None
    frames = []
    for side, rows in only.items():
        if moved is not None:
            rows = rows.join(moved, left_on=ROW, right_on=f"{side}_row", how="anti", maintain_order="left")  # noqa: PLW2901
        frame = rows.select(*key, pl.col(ROW).alias(f"{side}_row"), kind=pl.lit(f"only_{side}"))
        if len(key) == 1 and hints.height:
            mine = hints.filter(pl.col("side") == side.value).select(pl.col("key").alias(key[0]), "hint")
            frame = frame.join(mine, on=key[0], how="left", maintain_order="left")
        frames.append(frame)
    if moved is not None:
        frames.append(moved.with_columns(kind=pl.lit("other_key"), field=pl.lit(partners.key_field)))
    return frames


def _other_key(left: pl.DataFrame, right: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    def alone(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("_second").is_not_null() & pl.col("_second").is_unique())

    joined = pl.concat_str(key, separator="|")
    return (
        alone(left)
        .select(*key, "_second", left_row=ROW, left_raw=joined)
        .join(alone(right).select("_second", right_row=ROW, right_raw=joined), on="_second", how="inner")
        .drop("_second")
        .with_columns(rule=pl.lit("second_key"))
    )
