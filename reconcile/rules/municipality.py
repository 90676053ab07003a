"""市区町村コード: five digits, or six with the check digit (JIS X 0402; 全国地方公共団体コード).

Six digits whose last does not follow from the others stay as they are: the code was mistyped somewhere, and to cut the
evidence off would make it agree (`reference/domain.md` §10: a bad check digit is Q3).
"""

from __future__ import annotations

import polars as pl

from reconcile.rules.check_digit import municipality_code


def municipality_5(text: pl.Expr) -> pl.Expr:
    """Six digits with a right check digit -> the first five."""
    return pl.when(municipality_code(text)).then(text.str.slice(0, 5)).otherwise(text)
