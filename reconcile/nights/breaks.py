"""`reconcile breaks`: the findings that are open, how old they are, and what was decided about them.

Ids, codes, fields and dates: whoever wants the record itself opens the worklist, or asks `explain` for a purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import east_asian_width

import polars as pl

from reconcile.classify.business_days import business_days_since, holidays
from reconcile.config import load_dataset, read_config
from reconcile.errors import ConfigError, SourceError
from reconcile.model import Closure, Decision, Status
from reconcile.nights import attest
from reconcile.nights.history import carried, ledger_of
from reconcile.nights.returned import returned
from reconcile.settings import permission
from reconcile.track import standing

STATES = ("open", "resolved", "all")


class Break(NamedTuple):
    """One finding as the ledger knows it, the newest decision about it, and who asked to close it, or did so, by hand.

    `severity` is what the papers of the newest night call it. `unconfirmed`: it is open, and that night has neither
    found it nor proven it gone. `closures` are all that were ever granted.
    """

    finding_id: str
    code: str | None
    severity: str | None
    field: str | None
    resolved: bool
    first_seen: date
    since: date
    last_seen: date
    resolved_on: date | None
    nights: int
    business_days: int
    decision: Decision | None
    asked: Closure | None
    by_hand: Closure | None
    unconfirmed: bool
    closures: tuple[Closure, ...]

    @property
    def open_and_decided(self) -> bool:
        """Whether it is still there although somebody says that it is dealt with."""
        return not self.resolved and self.decision is not None and self.decision.state in ("対応済", "是正不要")


def listed(config: Path, which: str, today: date) -> list[Break]:
    """The findings, oldest first; `today` is the day to which the age of open ones is counted.

    Raises:
        ConfigError: `which` is none of `STATES`, or no run was ever made.
        SourceError: E_LEDGER.
    """
    if which not in STATES:
        raise ConfigError("--state", f"got {which!r}, expected one of {', '.join(STATES)}")
    read, _ = read_config(config), _out(config)
    with ledger_of(read.out) as ledger:
        frame, decided, closures = ledger.breaks(), ledger.decisions(), ledger.closures()
        newest_night = max((one.night for one in ledger.nights() if one.manifest), default=today)
    unseen = (
        pl.when(pl.col("last_seen") < newest_night)
        .then(pl.lit(Status.UNCONFIRMED.value))
        .otherwise(pl.lit(Status.OPEN.value))
    )
    stood = pl.when("resolved").then(pl.lit(Status.RESOLVED.value)).otherwise(unseen)
    limits = carried(read, load_dataset(read.dataset))
    shown = standing(frame.with_columns(status=stood), newest_night, limits, holidays())
    frame = frame.drop("severity").join(shown.select("finding_id", "severity", "status"), on="finding_id")
    frame = frame.with_columns(unconfirmed=pl.col("status") == Status.UNCONFIRMED)
    if which != "all":
        frame = frame.filter(pl.col("resolved") == (which == "resolved"))
    aged = frame.with_columns(
        business_days=pl.when("resolved")
        .then(pl.business_day_count("since", "resolved_on"))
        .otherwise(business_days_since(pl.col("since"), today))
    ).sort("since", "severity", "code", "finding_id", nulls_last=True)
    columns = [name for name in Break._fields if name in aged.columns]
    newest = {one.finding_id: one for one in closures}
    granted = {one.finding_id: one for one in closures if one.closed_at}
    return [
        Break(
            **row,
            decision=decided.get(row["finding_id"], (None,))[0],
            asked=_asked(row, newest.get(row["finding_id"])),
            by_hand=_by_hand(row, granted.get(row["finding_id"])),
            closures=tuple(one for one in closures if one.finding_id == row["finding_id"] and one.closed_at),
        )
        for row in aged.select(columns).iter_rows(named=True)
    ]


def shown(
    config: Path, finding_id: str, today: date
) -> tuple[Break, list[tuple[str, str, str, str | None, str | None]]]:
    """One finding, by its id or the beginning of it, and what happened to it, oldest first (`Ledger.sightings`).

    Raises:
        ConfigError: There is none, or more than one.
    """
    found = [one for one in listed(config, "all", today) if one.finding_id.startswith(finding_id)]
    if len(found) != 1 or len(finding_id) < 4:
        raise ConfigError("finding_id", f"{len(found)} findings begin so, expected one", hint="name more digits")
    with ledger_of(_out(config)) as ledger:
        return found[0], ledger.sightings(found[0].finding_id)


class Imported(NamedTuple):
    """What became of a worklist: decisions in it, those that are new, and the newer ones that stand against its own."""

    held: int
    new: int
    refused: tuple[Decision, ...]


def imported(config: Path, worklist: Path, purpose: str) -> Imported:
    """Take the decisions from a worklist that came back; the evidence records it first.

    A decision about a finding on which a later run's worklist has decided otherwise is not taken.

    Raises:
        ConfigError: E_PURPOSE, E_ROLE.
        SourceError: E_WORKLIST, it is not one of this site's runs, or an entry is wrong. Nothing is taken.
    """
    read, now = read_config(config), datetime.now(UTC)
    permit = permission.require(read, permission.APPROVE, purpose, now)
    back = returned(worklist)
    with ledger_of(_out(config)) as ledger:
        began = {night.run_id: (night.started_at, night.run_id) for night in ledger.nights() if night.manifest}
        if back.run_id not in began:
            raise SourceError("worklist", "is of no run of this site", hint="nothing was taken", code="E_WORKLIST")
        known = set(ledger.breaks()["finding_id"])
        if strangers := sum(one.finding_id not in known for one in back.decisions):
            problem = f"decides about {strangers} findings that this site never had"
            since = "; the site's key was exchanged: use a worklist of a later night" if ledger.keys().in_force else ""
            raise SourceError("worklist", problem, hint=f"nothing was taken{since}", code="E_WORKLIST")
        decided = ledger.decisions()
        newer = {one: decision for one, (decision, _, run) in decided.items() if began[run] > began[back.run_id]}
        refused = {one: newer[one.finding_id] for one in back.decisions if newer.get(one.finding_id, one) != one}
        taken = [one for one in back.decisions if one not in refused]
        digest = sha256(back.content).hexdigest()
        about = {**permit.details, "run_id": back.run_id, "file_sha256": digest}
        told = attest.told(read, "decision_imported", about, now)
        new = ledger.decide(back.run_id, taken, now, told)
        return Imported(len(back.decisions), new, tuple(refused.values()))


COLUMNS = (
    ("finding_id", 16),
    ("区分", 4),
    ("重大度", 6),
    ("項目", 20),
    ("初出", 10),
    ("経過(開庁日)", -12),
    ("回数", -4),
)
"""Heading -> its width in cells of the terminal, negative where figures stand; 対応状況 follows."""


def lines(found: list[Break]) -> Iterator[str]:
    """The list as text, one line a finding, under a heading."""
    yield f"{_line([heading for heading, _ in COLUMNS])}  対応状況"
    for one in found:
        state = "手動" if one.by_hand else one.decision.state if one.decision else "-"
        due = f" 期限 {one.decision.due}" if one.decision and one.decision.due else ""
        again = " (対応後も継続)" if one.open_and_decided else ""
        unseen = " 未確認" if one.unconfirmed else ""
        about = (one.code or "-", one.severity or "-", one.field or "-", str(one.since))
        yield (
            f"{_line([one.finding_id[:16], *about, str(one.business_days), str(one.nights)])}  {state}{due}{again}{unseen}"
        )


def _line(texts: list[str]) -> str:
    return " ".join(_filled(text, width) for text, (_, width) in zip(texts, COLUMNS, strict=True))


def _filled(text: str, width: int) -> str:
    """A text with blanks up to a width in cells, of which a full-width character takes two."""
    blanks = " " * (abs(width) - sum(1 + (east_asian_width(one) in "WF") for one in text))
    return text + blanks if width > 0 else blanks + text


def _asked(row: dict[str, Any], newest: Closure | None) -> Closure | None:
    """The closure that waits for a second person. What was asked before the finding came back is no longer meant."""
    waits = newest and not newest.closed_at and not row["resolved"] and row["since"] <= newest.asked_night
    return newest if waits else None


def _by_hand(row: dict[str, Any], granted: Closure | None) -> Closure | None:
    """The closure that the ledger's row stands resolved by, if it is not a night that did it."""
    return granted if granted and row["resolved"] and row["resolved_on"] == granted.closed_on else None


def _out(config: Path) -> Path:
    out = read_config(config).out
    if not out.is_dir():
        raise ConfigError("out", "no run was ever made", hint="reconcile run")
    return out
