"""Dates as registers hold them: an era or none, parts that are unknown, days that no calendar has.

Canonical text: `S45-07-30` (era letter, year of the era), `1985-01-02` (western), unknown parts as they are coded:
`00`, seasons `A1`..`D4` for the month, thirds `A1`..`A3` for the day, year `0000` (標準仕様書 1.1.8; GIF DS-441). The
era is kept, because 明治45年7月30日 and 大正元年7月30日 are one day written in two ways, and both are lawful.

No `datetime` is ever made of such a text: it would refuse 29 February of a common year, which a register may hold.
"""

from __future__ import annotations

import polars as pl

ERAS = {"M": 1868, "T": 1912, "S": 1926, "H": 1989, "R": 2019}
"""Era letter -> the western year of its first year."""

_ERA_NUMBERS = {"1": "M", "2": "T", "3": "S", "4": "H", "5": "R", "0": ""}
_PARTS = r"^([MTSHR]?)([0-9]{2,4})-([0-9A-D][0-9])-([0-9A-D][0-9])$"


def era_number_date(text: pl.Expr) -> pl.Expr:
    """CS form, nine characters (era 1-5 or 0, year of four digits, month, day) -> canonical."""
    formed = text.str.contains(r"^(?:[1-5]00[0-9]{2}|0[0-9]{4})[0-9A-D][0-9][0-9A-D][0-9]$")
    era = text.str.slice(0, 1).replace_strict(_ERA_NUMBERS, default=None, return_dtype=pl.String)
    year = pl.when(era == "").then(text.str.slice(1, 4)).otherwise(text.str.slice(3, 2))
    return pl.when(formed).then(era + year + "-" + text.str.slice(5, 2) + "-" + text.str.slice(7, 2)).otherwise(text)


def era_letter_date(text: pl.Expr) -> pl.Expr:
    """Register form (`S45.07.30`, `1985.01.02`) -> canonical."""
    return text.str.replace(
        r"^([MTSHR][0-9]{2}|[0-9]{4})\.([0-9A-D][0-9])\.([0-9A-D][0-9])$", "${1}-${2}-${3}"
    )


def is_unknown(text: pl.Expr) -> pl.Expr:
    """Whether a canonical date has a part that is not known, or is no canonical date at all."""
    return ~text.str.contains(r"^(?:[MTSHR][0-9]{2}|[0-9]{4})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$") | (
        text.str.starts_with("0000")
    )


def same_day(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Whether two canonical dates are one day: eras are counted in western years, the rest is compared as it stands."""
    return (_western(left) == _western(right)) & ~is_unknown(left) & ~is_unknown(right)


def _western(text: pl.Expr) -> pl.Expr:
    era = text.str.slice(0, 1).replace_strict({k: v - 1 for k, v in ERAS.items()}, default=0, return_dtype=pl.Int32)
    year = text.str.extract(_PARTS, 2).cast(pl.Int32, strict=False) + era
    return year.cast(pl.String) + text.str.slice(-6)
