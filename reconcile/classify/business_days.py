"""How many days the office has been open since: weekends, holidays and the turn of the year do not count.

The calendar is a dated table beside this module, because a batch host asks no network. Beyond its last year only
weekends and the turn of the year are known; `covers` says so, and the run warns.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

import polars as pl

CLOSED = ((12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3))
"""年末年始 (行政機関の休日に関する法律第1条, followed by the ward): month, day."""


@cache
def holidays() -> tuple[date, ...]:
    """Every day of the table on which the office is closed, weekends aside, in order."""
    table = tomllib.loads((files("reconcile.classify") / "holidays.toml").read_text(encoding="utf-8"))
    days = {date.fromisoformat(f"{year}-{day}") for year, listed in table.items() for day in listed.split()}
    days |= {date(int(year), month, day) for year in table for month, day in CLOSED}
    return tuple(sorted(days))


def covers(day: date) -> bool:
    """Whether the table reaches this day."""
    return holidays()[0].year <= day.year <= holidays()[-1].year


def business_days_since(start: pl.Expr, end: date) -> pl.Expr:
    """The number of days in [start, end) on which the office was open; negative if `start` is later.

    Args:
        start: Dates.
        end: The day of the comparison.
    """
    return pl.business_day_count(start, pl.lit(end), holidays=holidays())
