"""市区町村コード: five digits, or six with the check digit (JIS X 0402; 全国地方公共団体コード).

Six digits whose last does not follow from the others stay as they are: the code was mistyped somewhere, and to cut the
evidence off would make it agree (`reference/domain.md` §10: a bad check digit is Q3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.rules.check_digit import municipality_code


def municipality_5(text: pl.Expr) -> pl.Expr:
    """Six digits with a right check digit -> the first five."""
    return pl.when(municipality_code(text)).then(text.str.slice(0, 5)).otherwise(text)


def well_formed(code: pl.Expr) -> pl.Expr:
    """Whether a canonical code can be one: five digits, of a prefecture from 01 to 47 (JIS X 0401)."""
    return code.str.contains("^(?:0[1-9]|[1-3][0-9]|4[0-7])[0-9]{3}$")


def own_prefix(address: pl.Expr, code: pl.Expr, names: Mapping[str, Sequence[str]]) -> pl.Expr:
    """An address without the name of its own municipality before it: 東京都墨田区向島一丁目 -> 向島一丁目.

    Only the exact name that is declared for the record's own code is taken away (`reference/domain.md` §4.2), and
    never a whole text.

    Args:
        address: The address from the municipality on, or from the town on.
        code: The record's canonical 市区町村コード.
        names: Code of five digits -> the names with which its addresses may begin.
    """
    out = address
    for five, known in names.items():
        for name in sorted(known, key=len, reverse=True):
            here = (code == five) & out.str.starts_with(name) & (out.str.len_bytes() > len(name.encode()))
            out = pl.when(here).then(out.str.slice(len(name))).otherwise(out)
    return out
