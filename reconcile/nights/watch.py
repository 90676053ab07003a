"""`reconcile status`: has a run come lately, and what may it claim? For a monitor, and for whoever asks in the morning.

It needs nothing of a run but what the nights before have left: a night in which nothing started is told by it alone
(`reference/reliability.md` F095, §1.3 "last confirmed ≤ 26 h"). The age is that of the signed evidence, not of a file,
whose time a copy or a `touch` would renew. Nothing that the status or the newest run's files say is repeated before it
was held against that evidence; the ledger is not opened, so that a monitor never stands in a run's way.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from reconcile import deliver, evidence
from reconcile.config import RunConfig, signing_key
from reconcile.errors import EvidenceError, ReconcileError
from reconcile.evidence.log import PATIENCE, matching
from reconcile.model import Verdict
from reconcile.nights.planned import planned_nights

_CLAIMING = frozenset(verdict.value for verdict in Verdict if verdict.claims)
_TODO = "touch nothing, keep a copy of the folder, tell the 統括責任者"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What a folder of runs says of itself.

    Attributes:
        code: "" if the newest run claims something and has come in time; else what is wrong. `E_LATE`: no run has
            claimed anything for longer than the limit. Else what ended the newest run.
        verdict: The newest status, "none" where there is none.
        running: Whether a run is at work now.
        confirmed: What the newest run that claimed something claimed; one of a night before that of an earlier run is
            not the newest, whenever it was made.
        confirmed_at: When that run was published; None if there never was one.
        age_hours: Since then.
        limit_hours: How old it may be, as the run file says.
        missed: Nights planned, since the first that was ever begun and before today, that claimed nothing.
    """

    code: str
    verdict: str
    running: bool
    confirmed: Verdict | None
    confirmed_at: datetime | None
    age_hours: float | None
    limit_hours: float
    missed: tuple[date, ...]

    @property
    def exit_code(self) -> int:
        """That of the newest run that claimed something; 2 for what is late or claims nothing, 3 for what was altered."""
        if self.verdict == Verdict.TAMPERED:
            return Verdict.TAMPERED.exit_code
        return 2 if self.code or self.confirmed is None else self.confirmed.exit_code

    def as_object(self) -> dict[str, Any]:
        """For `--json`: days and times as texts."""
        confirmed = self.confirmed_at.isoformat(timespec="seconds") if self.confirmed_at else None
        return {**asdict(self), "confirmed_at": confirmed, "missed": [day.isoformat() for day in self.missed]}


def watch(config: RunConfig, now: datetime) -> Watched:
    """Look at a folder of runs; changes nothing.

    Args:
        config: The run file.
        now: With a time zone.

    Raises:
        EvidenceError: E_TAMPERED, the log is not the one that was signed, or the status or a file of the newest run
            says other than it.
        ReconcileError: E_CLOCK, the newest entry lies in the future; no age can be told.
    """
    status, entries, running = _seen(config)
    began, ended, again = _told(entries, now)
    verdict = str(status.get("verdict", "none"))
    claimed = {run: one for run, one in ended.items() if one[1].claims}
    at, confirmed = max((one for run, one in claimed.items() if run not in again), default=(None, None))
    age = (now - at) / timedelta(hours=1) if at else None
    limit = config.schedule.red_after_hours
    done = {day for run, day in began.items() if run in claimed}
    today = now.astimezone(ZoneInfo(config.schedule.timezone)).date()
    first = min(began.values(), default=today)
    planned = planned_nights(config.schedule.cron, first, today - timedelta(days=1)) if first < today else []
    return Watched(
        code=_code(status, late=age is None or age > limit, running=running, again=status.get("run_id") in again),
        verdict=verdict,
        running=running,
        confirmed=confirmed,
        confirmed_at=at,
        age_hours=None if age is None else round(age, 2),
        limit_hours=limit,
        missed=tuple(day for day in planned if day not in done),
    )


def _code(status: Mapping[str, Any], *, late: bool, running: bool, again: bool) -> str:
    if late:
        return "E_LATE"
    verdict = status.get("verdict", "none")
    if running or (verdict in _CLAIMING and not again):
        return ""
    # "unknown" and nobody at work: it died. A gate that was not passed has no code of its own in the status.
    return str(status.get("code") or ("E_FAILED" if verdict in ("none", "unknown", "failed") else "E_UNCONFIRMED"))


def _seen(config: RunConfig) -> tuple[dict[str, Any], list[evidence.Entry], bool]:
    """The status, the entries of the signed log, whether a run is at work; all of one moment.

    A run may begin or end while all this is read: a contradiction is none before it has been seen twice.
    """
    if not config.evidence_key.is_file() or not config.out.is_dir():
        return _status(config.out), [], _held(config.out)
    verifier = evidence.public_key(signing_key(config.evidence_key))
    try:
        return _agreeing(config.out, verifier)
    except EvidenceError:
        return _agreeing(config.out, verifier)


def _agreeing(out: Path, verifier: str) -> tuple[dict[str, Any], list[evidence.Entry], bool]:
    """The same, or an `EvidenceError` if they contradict each other."""
    running, status = _held(out), _status(out)
    stored = evidence.read(out / evidence.FOLDER)
    if stored.lines and matching(stored, verifier) is None:
        raise EvidenceError("evidence", "the log is not the one that was signed", hint=_TODO)
    entries = [evidence.entry(line) for line in stored.lines]
    if not (running or _held(out)):
        for said in evidence.contradictions(out, entries):
            raise EvidenceError(said.where, said.en, hint=_TODO)
    return status, entries, running


def _told(
    entries: Iterable[evidence.Entry], now: datetime
) -> tuple[dict[str, date], dict[str, tuple[datetime, Verdict]], set[str]]:
    """Run -> its night; run -> when it was published, and as what; runs of a night that began after a later one had.

    From the signed log alone.
    """
    began: dict[str, date] = {}
    ended: dict[str, tuple[datetime, Verdict]] = {}
    again: set[str] = set()
    for entry in entries:
        if entry.at > now + PATIENCE:
            problem = "the newest entry of the evidence lies in the future"
            raise ReconcileError("clock", problem, hint="set the clock of this machine", code="E_CLOCK")
        run = str(entry.details.get("run_id", ""))
        if entry.event == "run_started":
            began[run] = date.fromisoformat(str(entry.details["as_of"]))
            if began[run] < max(began.values()):
                again.add(run)
        elif entry.event == "run_published":
            ended[run] = (entry.at.astimezone(UTC), Verdict(str(entry.details["verdict"])))
    return began, ended, again


def _status(out: Path) -> dict[str, Any]:
    try:
        said = json.loads((out / deliver.STATUS).read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _held(out: Path) -> bool:
    """Whether a run holds the folder."""
    try:
        with (out / deliver.LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back with the descriptor
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
