"""On which days a run was planned: the day fields of a cron expression.

豊岡市 planned its check and did not run it for years: a paper that shows only the runs that were made cannot show that
(`reference/domain.md` §2.4). So every paper sets the nights planned beside the nights done.
"""

from __future__ import annotations

from datetime import date, timedelta

from reconcile.errors import ConfigError

_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)}
_WEEKDAYS = {name: n for n, name in enumerate("sun mon tue wed thu fri sat".split())}


def planned_nights(cron: str, first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, on which a cron expression starts a run.

    Args:
        cron: Five fields: minute, hour, day of month, month, day of week (0 and 7 are Sunday). Where both day fields
            are restricted, a day that meets either of them counts (crontab(5)).
        first: The first day.
        last: The last day.

    Raises:
        ConfigError: It is no such expression.
    """
    fields = cron.lower().split()
    if len(fields) != 5:
        raise ConfigError("schedule.cron", f"got {len(fields)} fields, expected five")
    days = _values(fields[2], 1, 31)
    months = _values(fields[3], 1, 12, _MONTHS)
    weekdays = {day % 7 for day in _values(fields[4], 0, 7, _WEEKDAYS)}
    either = not (fields[2].startswith("*") or fields[4].startswith("*"))
    every = (first + timedelta(n) for n in range((last - first).days + 1))

    def planned(day: date) -> bool:
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        return day.month in months and (by_day or by_weekday if either else by_day and by_weekday)

    return [day for day in every if planned(day)]


def _values(field: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        start, dash, end = span.partition("-")
        try:
            if span == "*":
                begin, until = low, high
            else:
                begin = (names or {}).get(start, -1) if not start.isdigit() else int(start)
                until = ((names or {}).get(end, -1) if not end.isdigit() else int(end)) if dash else begin
                until = high if step and not dash else until
            by = int(step) if step else 1
        except ValueError:
            by = 0
        if by < 1 or not low <= begin <= until <= high:
            raise ConfigError("schedule.cron", "got a day, month or weekday that no calendar has")
        found.update(range(begin, until + 1, by))
    return found
