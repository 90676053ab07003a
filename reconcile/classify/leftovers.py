"""Leftovers of both sides that are one record under two keys: by the key it had before, then by the second key.

Only where the sign is unmistakable: it points from one leftover to one other, and from no other. Name, birth date and
sex pair nobody (`people.two_keys` shows them as candidates). A pair found here is one event (B1): its two records are
named together, both stay `only` in the balance, and their items are not compared one by one
(`reference/domain.md` §10, pairing order; §11, last paragraph).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.model import PARTNERS, ROW, Side

_FORMER = "_former"
_SECOND = "_second"


def partners(only: Mapping[Side, pl.DataFrame], key: Sequence[str]) -> pl.DataFrame:
    """Pair leftovers.

    Args:
        only: `Material.only`.
        key: The names of the key's columns.

    Returns:
        PARTNERS, each row of a side at most once. Rules: `former_key` (旧住民票コード), with the hint
        `second_key_differs` where both have a 個人番号 and not the same one; then `second_key`, among the rest.
    """
    left, right = (only[side].rename({ROW: f"{side}_row"}) for side in Side)
    # A key of several parts is never written down in one field.
    by_former = _by_former_key(left, right, key[0]) if len(key) == 1 else pl.DataFrame(schema=PARTNERS)
    left = left.join(by_former, on="left_row", how="anti", maintain_order="left")
    right = right.join(by_former, on="right_row", how="anti", maintain_order="left")
    return pl.concat([by_former, _by_second_key(left, right)])


def without_partners(only: Mapping[Side, pl.DataFrame], found: pl.DataFrame) -> dict[Side, pl.DataFrame]:
    """The leftovers that have no partner, side by side, in their order."""
    return {
        side: rows.join(found, left_on=ROW, right_on=f"{side}_row", how="anti", maintain_order="left")
        for side, rows in only.items()
    }


def _by_former_key(left: pl.DataFrame, right: pl.DataFrame, key: str) -> pl.DataFrame:
    columns = ["left_row", "right_row", _SECOND, f"{_SECOND}:right"]
    forward = left.join(right, left_on=key, right_on=_FORMER, how="inner", suffix=":right").select(columns)
    backward = left.join(right, left_on=_FORMER, right_on=key, how="inner", suffix=":right").select(columns)
    # Each may name the other as its former one: a change and its reversal is still one pair.
    met = pl.concat([forward, backward]).unique(maintain_order=True)
    differs = (pl.col(_SECOND) != pl.col(f"{_SECOND}:right")).fill_null(value=False)
    return (
        met.filter(pl.col("left_row").is_unique() & pl.col("right_row").is_unique())
        .with_columns(rule=pl.lit("former_key"), hint=pl.when(differs).then(pl.lit("second_key_differs")))
        .match_to_schema(PARTNERS, extra_columns="ignore")
    )


def _by_second_key(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    left, right = (rows.filter(pl.col(_SECOND).is_not_null() & pl.col(_SECOND).is_unique()) for rows in (left, right))
    return (
        left.join(right, on=_SECOND, how="inner", maintain_order="left")
        .with_columns(rule=pl.lit("second_key"), hint=pl.lit(None, pl.String))
        .match_to_schema(PARTNERS, extra_columns="ignore")
    )
