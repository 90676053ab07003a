"""What stands for "nothing": blanks and printed placeholders.

The systems fill empty items differently: nothing, spaces, ideographic spaces. And a reading that was not filed is
printed as `******`, or `【名空欄】` where one part is missing: marks of a form, not values (`reference/domain.md` §1.5).
"""

from __future__ import annotations

import polars as pl

_PLACEHOLDER = r"^(?:[*＊]+|【(?:氏|名|氏名)空欄】)$"


def blank_to_null(text: pl.Expr) -> pl.Expr:
    """Empty, or white space only (the ideographic space too) -> null."""
    return pl.when(text.str.strip_chars() != "").then(text)


def placeholder_to_null(text: pl.Expr) -> pl.Expr:
    """A mark that stands for a reading not filed -> null."""
    return pl.when(~text.str.contains(_PLACEHOLDER)).then(text)
