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

FIRST_DAYS = {"M": "1873-01-01", "T": "1912-07-30", "S": "1926-12-25", "H": "1989-01-08", "R": "2019-05-01"}
"""Era letter -> its first day. 明治 begins here with the Gregorian calendar: its months before were of another."""

_ERA_NUMBERS = {"1": "M", "2": "T", "3": "S", "4": "H", "5": "R", "0": ""}
_YEAR = "(?:[MTSHR][0-9]{2}|[0-9]{4})"
_CANONICAL = rf"^{_YEAR}-[0-9A-D][0-9]-[0-9A-D][0-9]$"
# Days may be such as no calendar has (30 February); a month 13 or a day 32 is no day, but nothing unknown either.
_DAY = rf"^{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"
# GIF DS-441: year 0000; month 00 or a season; day 00 or a third of a month.
_NO_YEAR = "^(?:0000|[MTSHR]00)-"
_OPEN_PART = "-(?:00|[A-D][1-4])-|-(?:00|A[1-3])$"


def era_number_date(text: pl.Expr) -> pl.Expr:
    """CS form, nine characters (era 1-5 or 0, year of four digits, month, day) -> canonical."""
    formed = text.str.contains(r"^(?:[1-5]00[0-9]{2}|0[0-9]{4})[0-9A-D][0-9][0-9A-D][0-9]$")
    era = text.str.slice(0, 1).replace_strict(_ERA_NUMBERS, default=None, return_dtype=pl.String)
    year = pl.when(era == "").then(text.str.slice(1, 4)).otherwise(text.str.slice(3, 2))
    return pl.when(formed).then(era + year + "-" + text.str.slice(5, 2) + "-" + text.str.slice(7, 2)).otherwise(text)


def era_letter_date(text: pl.Expr) -> pl.Expr:
    """Register form (`S45.07.30`, `1985.01.02`) -> canonical."""
    return text.str.replace(r"^([MTSHR][0-9]{2}|[0-9]{4})\.([0-9A-D][0-9])\.([0-9A-D][0-9])$", "${1}-${2}-${3}")


def is_unknown(text: pl.Expr) -> pl.Expr:
    """Whether a canonical date has a part that is not known. What is no canonical date says nothing of the kind."""
    return text.str.contains(_CANONICAL) & (text.str.contains(_NO_YEAR) | text.str.contains(_OPEN_PART))


def same_day(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Whether two canonical dates are one day: eras are counted in western years, the rest is compared as it stands.

    Two dates with the same part unknown are not one day, and what is no canonical date is none.
    """
    return (western(left) == western(right)).fill_null(value=False)


def western(text: pl.Expr) -> pl.Expr:
    """`S45-07-30` -> `1970-07-30`; null for a date with an unknown part and for what is no day."""
    era = text.str.slice(0, 1).replace_strict({k: v - 1 for k, v in ERAS.items()}, default=0, return_dtype=pl.Int32)
    year = text.str.extract("^[MTSHR]?([0-9]{2,4})-").cast(pl.Int32, strict=False) + era
    day = text.str.contains(_DAY) & ~text.str.contains(_NO_YEAR)
    counted = year.cast(pl.String).str.zfill(4) + text.str.slice(-6)
    # No era is written before it began: 大正元年1月1日 is no day. After its end it is, on forms printed before.
    first = text.str.slice(0, 1).replace_strict(FIRST_DAYS, default="0000", return_dtype=pl.String)
    return pl.when(day & (counted >= first)).then(counted)
