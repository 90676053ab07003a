"""The calendar of the office: the law, the turn of the year, and counting (`reference/domain.md` §5, step 7)."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from reconcile.classify.business_days import business_days_since, covers, holidays
from tests.classify.law import DAY, holidays_of, is_open

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


@pytest.mark.parametrize("end", [date(2026, 11, 24), date(2027, 1, 4), date(2030, 12, 31), date(2024, 1, 1)])
def test_counting_from_every_day_of_seven_years_equals_a_loop_over_the_days_between(end: date) -> None:
    days = [date(YEARS[0], 1, 1) + DAY * i for i in range(7 * 365 + 2)]
    assert days[-1] == date(YEARS[-1], 12, 31)
    counted = pl.DataFrame({"start": days}).select(business_days_since(pl.col("start"), end)).to_series().to_list()
    looped = [0]
    for day in reversed(days[: days.index(end)]):
        looped.append(looped[-1] + is_open(day))
    assert counted[: days.index(end) + 1] == looped[::-1]


def test_a_start_after_the_end_never_counts_as_an_age() -> None:
    end = date(2026, 11, 24)
    assert [_since(end + DAY * later, end) for later in (1, 3)] == [-1, -3]
    assert all((_since(end + DAY * later, end) or 0) <= 0 for later in range(60))


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
