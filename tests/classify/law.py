"""The office's calendar, worked out from the law itself: an oracle that shares nothing with the table it checks.

国民の祝日に関する法律 (昭和23年法律第178号) 第2条 names the days, 第3条第2項 the substitute holiday (振替休日) and 第3項 the
day between two holidays (国民の休日); 行政機関の休日に関する法律第1条 closes Saturdays, Sundays and 12-29 to 01-03. The
equinoxes are the astronomical approximation for 1980 to 2099, as the almanac offices publish it.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

DAY = timedelta(days=1)

FIXED = ((1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23))
"""元日, 建国記念の日, 天皇誕生日, 昭和の日, 憲法記念日, みどりの日, こどもの日, 山の日, 文化の日, 勤労感謝の日."""

MONDAYS = ((1, 2), (7, 3), (9, 3), (10, 2))
"""成人の日, 海の日, 敬老の日, スポーツの日: the month, and which Monday of it."""


@cache
def holidays_of(year: int) -> frozenset[date]:
    """第2条, then 第3条第2項, then 第3項."""
    named = {date(year, month, day) for month, day in FIXED}
    for month, which in MONDAYS:
        first = date(year, month, 1)
        named.add(first + DAY * (-first.weekday() % 7 + 7 * (which - 1)))
    leap_days = (year - 1980) // 4
    named.add(date(year, 3, int(20.8431 + 0.242194 * (year - 1980) - leap_days)))
    named.add(date(year, 9, int(23.2488 + 0.242194 * (year - 1980) - leap_days)))
    substitutes = set()
    for sunday in (day for day in named if day.weekday() == 6):
        day = sunday + DAY
        while day in named:
            day += DAY
        substitutes.add(day)
    between = {day + DAY for day in named if day + 2 * DAY in named and day + DAY not in named}
    return frozenset(named | substitutes | between)


def is_open(day: date) -> bool:
    """Whether the office works on this day."""
    turn_of_the_year = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    return day.weekday() < 5 and not turn_of_the_year and day not in holidays_of(day.year)


def open_days(start: date, end: date) -> int:
    """How many days of [start, end) the office was open, one by one; negative where `start` is the later."""
    if start > end:
        return -open_days(end, start)
    return sum(is_open(start + DAY * i) for i in range((end - start).days))
