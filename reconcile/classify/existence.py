"""Records without a partner: only here, or known to the other side under another key."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reconcile.classify.leftovers import without_partners
from reconcile.model import ROW, Side


def existence(
    only: Mapping[Side, pl.DataFrame],
    hints: pl.DataFrame,
    partners: pl.DataFrame,
    key: list[str],
    key_field: str,
) -> list[pl.DataFrame]:
    """The findings about keys without partner.

    Two leftovers that are partners are one finding `other_key` under the left key, with both keys as values; every
    other leftover is `only_left` or `only_right`, with the diagnosis of its key as hint.

    Args:
        only: `Material.only`.
        hints: HINTS.
        partners: PARTNERS.
        key: The key's columns.
        key_field: The name of the field that a finding about two keys is about.
    """
    frames = []
    for side, rows in without_partners(only, partners).items():
        frame = rows.select(*key, pl.col(ROW).alias(f"{side}_row"), kind=pl.lit(f"only_{side}"))
        if len(key) == 1 and hints.height:
            mine = hints.filter(pl.col("side") == side.value).select(pl.col("key").alias(key[0]), "hint")
            frame = frame.join(mine, on=key[0], how="left", maintain_order="left")
        frames.append(frame)
    joined = pl.concat_str(key, separator="|")
    left, right = only[Side.LEFT], only[Side.RIGHT]
    frames.append(
        partners.join(left.select(*key, left_row=ROW, left_raw=joined), on="left_row", how="inner")
        .join(right.select(right_row=ROW, right_raw=joined), on="right_row", how="inner")
        .with_columns(kind=pl.lit("other_key"), field=pl.lit(key_field))
    )
    return frames


def repeated_keys(repeated: pl.DataFrame, side: Side) -> pl.DataFrame:
    """The findings about keys that stand twice or more on a side.

    `duplicate`: two or more open records (A4). `two_kinds`: exactly two, of different kind, which is one person whose
    older record was never closed (帰化, A6). `unassigned`: at most one is open, and yet not every row found its partner
    (A3). A closed record beside an open one is lawful, and no finding where everything found its place.

    Args:
        repeated: `Pairs.repeated` with `nearest`.
        side: Whose keys.

    Returns:
        The key, `kind`, `<side>_row`, and as hint how many rows stand on each side, and which look most alike.
    """
    here = {name: pl.col(f"{side}_{name}") for name in ("count", "open", "kinds", "over")}
    ambiguous = (pl.col("left_over") > 0) & (pl.col("right_over") > 0)
    count = pl.format("{} × {}", "left_count", "right_count")
    count = pl.when(ambiguous).then(pl.format("ambiguous {}", count)).otherwise(count)
    kind = (
        pl.when((here["open"] == 2) & (here["kinds"] == 2))
        .then(pl.lit(f"two_kinds_{side}"))
        .when(here["open"] >= 2)
        .then(pl.lit(f"duplicate_{side}"))
        .when((here["count"] >= 2) & (here["over"] > 0))
        .then(pl.lit(f"unassigned_{side}"))
    )
    said = pl.coalesce(pl.format("{}; nearest {}", count, "nearest"), count)
    return (
        repeated.with_columns(kind=kind, hint=said)
        .filter(pl.col("kind").is_not_null())
        .with_columns(pl.lit(None, pl.UInt32).alias(f"{side.other}_row"))
    )
