"""Check digits: whether the last digit of a number follows from the others.

Three laws, three algorithms; each says "yes" or "no" for a text of its own length in half-width digits, "no" for any
other text, and null for null.

- 個人番号: 平成26年総務省令第85号第5条. Weights of the eleven digits, from the left: 6 5 4 3 2 7 6 5 4 3 2.
- 市区町村コード: 総務省「全国地方公共団体コード」. Weights 6 5 4 3 2; a sum below 11 is subtracted from 11 as it is.
- 住民票コード: 平成14年総務省告示第436号, whose text was not found. The weights here are those of the same family and
  are an assumption (`reference/domain.md` §1.3): so it is named, and no dataset uses it unless told to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.model import Rule

_INDIVIDUAL = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_RESIDENT = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_MUNICIPALITY = (6, 5, 4, 3, 2)


def individual_number(number: pl.Expr) -> pl.Expr:
    """Whether a 個人番号 is well formed: `11 - (sum mod 11)`, and 0 where the remainder is 0 or 1."""
    rest = _weighted(number, _INDIVIDUAL) % 11
    return _agrees(number, 12, pl.when(rest <= 1).then(0).otherwise(11 - rest))


def resident_record_code(number: pl.Expr) -> pl.Expr:
    """Whether a 住民票コード is well formed, under the assumed weights."""
    rest = _weighted(number, _RESIDENT) % 11
    return _agrees(number, 11, pl.when(rest <= 1).then(0).otherwise(11 - rest))


def municipality_code(number: pl.Expr) -> pl.Expr:
    """Whether a 市区町村コード of six digits is well formed: the last digit of `11 - sum`, or of `11 - (sum mod 11)`."""
    total = _weighted(number, _MUNICIPALITY)
    rest = pl.when(total < 11).then(total).otherwise(total % 11)
    return _agrees(number, 6, (11 - rest) % 10)


CHECK_DIGITS: Mapping[str, Rule] = {
    "individual_number": individual_number,
    "resident_record_code": resident_record_code,
    "municipality_code": municipality_code,
}
"""Name -> expression of whether a text's last digit follows from the others."""


def _weighted(number: pl.Expr, weights: Sequence[int]) -> pl.Expr:
    """The weighted sum of the leading digits; null where one is not a digit."""
    digits = [number.str.slice(i, 1).cast(pl.Int32, strict=False) * weight for i, weight in enumerate(weights)]
    return pl.sum_horizontal(digits, ignore_nulls=False)


def _agrees(number: pl.Expr, length: int, digit: pl.Expr) -> pl.Expr:
    last = number.str.slice(length - 1, 1).cast(pl.Int32, strict=False)
    formed = number.str.contains(f"^[0-9]{{{length}}}$")
    return pl.when(number.is_null()).then(None).otherwise(formed & (last == digit).fill_null(value=False))
