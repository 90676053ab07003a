"""市区町村コード: five digits, or six with the check digit (JIS X 0402; 全国地方公共団体コード)."""

from __future__ import annotations

import polars as pl


def municipality_5(text: pl.Expr) -> pl.Expr:
    """Six digits -> the first five."""
    return text.str.replace(r"^([0-9]{5})[0-9]$", "${1}")
