"""The nights that a cron expression plans, against the calendar."""

from __future__ import annotations

from datetime import date

import pytest

from reconcile.errors import ConfigError
from reconcile.nights.planned import planned_nights

NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))  # begins on a Sunday


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("30 2 * * *", list(range(1, 31))),
        ("30 2 * * 1-5", [d for d in range(1, 31) if date(2026, 11, d).isoweekday() <= 5]),
        ("30 2 * * mon,wed", [2, 4, 9, 11, 16, 18, 23, 25, 30]),
        ("30 2 * * 0", [1, 8, 15, 22, 29]),
        ("30 2 * * 7", [1, 8, 15, 22, 29]),
        ("30 2 1,15 * *", [1, 15]),
        ("30 2 */10 * *", [1, 11, 21]),
        ("30 2 20-31/5 * *", [20, 25, 30]),
        ("30 2 15 * fri", [6, 13, 15, 20, 27]),  # crontab(5): either of the two day fields
        ("30 2 * jan *", []),
    ],
)
def test_the_days_of_a_schedule(cron: str, days: list[int]) -> None:
    assert [day.day for day in planned_nights(cron, *NOVEMBER)] == days


@pytest.mark.parametrize(
    "cron", ["", "30 2 * *", "30 2 32 * *", "30 2 * 13 *", "30 2 * * someday", "30 2 */0 * *", "30 2 9-3 * *"]
)
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(ConfigError):
        planned_nights(cron, *NOVEMBER)
