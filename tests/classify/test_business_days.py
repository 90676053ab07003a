"""The calendar of the office: the law, the turn of the year, and counting (`reference/domain.md` §5, step 7)."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from reconcile.classify.business_days import business_days_since, covers, holidays
from tests.classify.law import DAY, holidays_of, is_open, open_days

YEARS = range(2024, 2031)


def _since(start: date | None, end: date) -> int | None:
    days = pl.DataFrame({"start": [start]}, schema={"start": pl.Date})
    counted = days.select(business_days_since(pl.col("start"), end)).item()
    return None if counted is None else int(counted)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2026, 9, 22), "国民の休日: between 敬老の日 and 秋分の日"),
        (date(2026, 5, 6), "振替休日: 憲法記念日 is a Sunday, and the next two days are holidays"),
        (date(2027, 3, 22), "振替休日 of 春分の日"),
        (date(2026, 11, 23), "勤労感謝の日"),
        (date(2024, 8, 12), "振替休日 of 山の日"),
        (date(2026, 12, 29), "年末"),
        (date(2026, 12, 30), "年末"),
        (date(2026, 12, 31), "年末"),
        (date(2027, 1, 1), "元日"),
    ],
)
def test_a_weekday_on_which_the_law_closes_the_office_is_no_business_day(day: date, why: str) -> None:
    assert day.weekday() < 5, why
    assert _since(day, day + DAY) == 0, why


@pytest.mark.parametrize("day", [date(2026, 12, 28), date(2027, 1, 4), date(2026, 9, 24), date(2027, 3, 23)])
def test_the_day_before_and_after_a_closure_is_a_business_day(day: date) -> None:
    assert _since(day, day + DAY) == 1


@pytest.mark.parametrize("year", YEARS)
def test_the_table_holds_exactly_the_days_that_the_law_names_and_the_turn_of_the_year(year: int) -> None:
    turn = {date(year, 1, day) for day in (1, 2, 3)} | {date(year, 12, day) for day in (29, 30, 31)}
    assert {day for day in holidays() if day.year == year} == holidays_of(year) | turn


def test_counting_equals_a_loop_over_every_day_of_seven_years() -> None:
    first, last = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
    days = [first + DAY * i for i in range((last - first).days + 1)]
    # From every day to one that lies 0 to 12 days later: every start and every length near the grace that matters.
    for later in range(13):
        looped = [sum(is_open(day + DAY * i) for i in range(later)) for day in days[: len(days) - later]]
        frame = pl.DataFrame({"start": days[: len(days) - later], "n": looped})
        ends = frame.with_columns(open=pl.Series([is_open(day) for day in frame["start"]]))
        counted = ends.select(
            pl.business_day_count("start", pl.col("start").dt.offset_by(f"{later}d"), holidays=holidays())
        ).to_series()
        assert counted.to_list() == looped, later


@pytest.mark.parametrize("end", [date(2026, 11, 24), date(2027, 1, 4), date(2030, 12, 31), date(2024, 1, 1)])
def test_the_days_since_every_start_of_seven_years_equal_a_loop(end: date) -> None:
    first = date(YEARS[0], 1, 1)
    days = [first + timedelta(days=i) for i in range(7 * 365 + 2)]
    counted = pl.DataFrame({"start": days}).select(business_days_since(pl.col("start"), end)).to_series()
    assert counted.to_list() == [open_days(day, end) for day in days]


def test_a_weekend_counts_nothing() -> None:
    assert _since(date(2026, 11, 13), date(2026, 11, 16)) == 1, "Friday alone, until Monday"
    assert _since(date(2026, 11, 14), date(2026, 11, 16)) == 0, "Saturday and Sunday"


def test_an_unknown_day_has_no_age() -> None:
    assert _since(None, date(2026, 11, 24)) is None


def test_the_table_says_how_far_it_reaches() -> None:
    assert covers(date(2024, 1, 1))
    assert covers(date(2030, 12, 31))
    assert not covers(date(2023, 12, 31))
    assert not covers(date(2031, 1, 1))
