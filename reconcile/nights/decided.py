"""What people decided about findings, as the ledger's tables have it: decisions of worklists, and closures by hand.

A closure by hand alters no row of the breaks: it lies over that of its finding until a run that began later finds it
again, be it of the same night or of another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from reconcile.model import Closure, Decision

_AGAIN = """SELECT finding_id, max(started_at) FROM sightings JOIN runs USING (run_id)
  WHERE event IN ('new', 'reappeared') AND finding_id IN (SELECT finding_id FROM closures) GROUP BY finding_id"""


def moment(at: datetime) -> str:
    """A time as the ledger has it: UTC, to the second, so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def store(write: sqlite3.Connection, run_id: str, decisions: Iterable[Decision], at: datetime) -> None:
    """Add decisions, each later than all before, so that those of one second keep their order."""
    newest = write.execute("SELECT max(decided_at) FROM decisions").fetchone()[0]
    if newest is not None:
        at = max(at, datetime.fromisoformat(newest) + timedelta(microseconds=1))
    # Without a fraction where there is none: "…:05+00:00" sorts before "…:05.000001+00:00".
    said = at.astimezone(UTC).isoformat()
    write.executemany(
        "INSERT INTO decisions (finding_id, run_id, state, reason, operator, due, decided_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(d.finding_id, run_id, d.state, d.reason, d.operator, d.due and d.due.isoformat(), said) for d in decisions],
    )


def newest(connection: sqlite3.Connection) -> dict[str, tuple[Decision, str, str]]:
    """The newest decision of each finding, when it was stored (UTC), and of which run's worklist it is."""
    rows = connection.execute(
        "SELECT finding_id, state, reason, operator, due, decided_at, run_id FROM decisions ORDER BY rowid"
    )
    return {
        finding: (
            Decision(
                finding_id=finding,
                state=state,
                reason=reason,
                operator=operator,
                due=date.fromisoformat(due) if due else None,
            ),
            at,
            run_id,
        )
        for finding, state, reason, operator, due, at, run_id in rows
    }


def closures(rows: Iterable[Mapping[str, Any]]) -> Iterator[Closure]:
    """The rows of the table as what they say."""
    for row in rows:
        times = {name: datetime.fromisoformat(row[name]) for name in ("asked_at", "closed_at") if row[name]}
        nights = {name: date.fromisoformat(row[name]) for name in ("asked_night", "closed_night") if row[name]}
        yield Closure(**{**row, **times, **nights})


def closed(breaks: pl.DataFrame, granted: Iterable[Closure], connection: sqlite3.Connection) -> pl.DataFrame:
    """BREAKS, with those resolved that were closed by hand and that nothing has found again."""
    said = [(one.finding_id, one, moment(one.closed_at)) for one in granted if one.closed_at]
    again = dict(connection.execute(_AGAIN)) if said else {}
    holding = [(name, one) for name, one, at in said if again.get(name, "") < at]
    night, day = (
        pl.col("finding_id").replace_strict(
            {f: getattr(c, name) for f, c in holding}, default=None, return_dtype=pl.Date
        )
        for name in ("closed_night", "closed_on")
    )
    holds = (~pl.col("resolved") & (night >= pl.col("last_seen"))).fill_null(value=False)
    resolved_on = pl.when(holds).then(day).otherwise("resolved_on")
    return breaks.with_columns(resolved=pl.col("resolved") | holds, resolved_on=resolved_on)
