"""Between a run and its memory: what a dead run left is repaired, the nights before are read, tonight is recorded.

A run becomes history in this order (`reference/reliability.md`, appendix B); it may die at any point:

    files in the stage folder, flushed with their names         died before the next line: the run never happened
    one transaction in the ledger, with the manifest's digest   from here on it did happen
    the stage folder's files become out/<run id>, one rename    not yet renamed: the next run renames them
    the folder is read again, then the status is said
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from reconcile import deliver
from reconcile.config import RunConfig
from reconcile.decide import Gate, LastNights, history_gates, verdict_of_fault
from reconcile.errors import ReconcileError, SourceError
from reconcile.ledger import Ledger, Told, open_ledger, untold
from reconcile.model import (
    BREAKS,
    STANDING,
    Carried,
    DatabaseSource,
    Dataset,
    Memory,
    Night,
    Outcome,
    Report,
    Side,
    Snapshot,
    Tracked,
    Verdict,
)
from reconcile.nights.planned import planned_nights

FILES, RECORD = "files", "record"
"""In a stage folder: what will be delivered, and what the ledger will be told."""

NIGHTS_SHOWN = 60


@contextmanager
def ledger_of(out: Path) -> Iterator[Ledger]:
    """The ledger of a folder of runs.

    Raises:
        SourceError: E_LEDGER, it is damaged, missing, or older than the runs that were delivered.
    """
    newest = _newest_recorded(out)
    with open_ledger(out, expected=newest is not None) as ledger:
        if newest is not None and not any(night.run_id == newest for night in ledger.nights()):
            hint = "it may be an old copy: keep the folder as it is, and find the newest ledger"
            raise SourceError("ledger", "does not know the newest run that was delivered", hint=hint, code="E_LEDGER")
        yield ledger


def ledger_digest(out: Path) -> str:
    """The digest of what the ledger holds (`Ledger.digest`).

    Raises:
        SourceError: As `ledger_of`.
    """
    with ledger_of(out) as ledger:
        return ledger.digest()


def _newest_recorded(out: Path) -> str | None:
    """The newest delivered run that says that it was recorded (runs of versions without a ledger do not)."""
    for folder in sorted((path for path in out.iterdir() if deliver.RUN_ID.fullmatch(path.name)), reverse=True):
        try:
            summary = json.loads((folder / "summary.json").read_bytes())
        except (OSError, ValueError):
            return folder.name  # damaged: it was delivered, so it must be known
        if "history" in summary:
            return folder.name
    return None


def repair(out: Path) -> list[str]:
    """Finish or clear away what runs that died left in their stage folders. The caller holds the folder.

    Returns:
        The runs that were recorded and are published only now.

    Raises:
        SourceError: E_LEDGER, nobody knows whether they are recorded; nothing was touched.
    """
    stages = sorted(out.glob(f"{deliver.STAGE}*"))
    late: list[str] = []
    if not stages:
        return late
    with ledger_of(out) as ledger:
        recorded = {night.run_id for night in ledger.nights() if night.manifest}
    for stage in stages:
        run_id = stage.name.removeprefix(deliver.STAGE)
        if run_id in recorded and (stage / FILES).exists():
            deliver.publish(stage / FILES, out / run_id)
            late.append(run_id)
        shutil.rmtree(stage)
    return late


def begin(out: Path, run_id: str, night: date, started_at: datetime, told: Told = untold) -> None:
    """Note in the ledger that a run was begun; `told` as `ledger.Told`.

    Raises:
        SourceError: E_LEDGER, E_ORDER (a later night is recorded), E_CLOCK (a later time is).
    """
    with ledger_of(out) as ledger:
        ledger.begin(run_id, night, started_at, told)


def remember(config: RunConfig, dataset: Dataset, night: date) -> Memory:
    """The nights before a night, and how long a difference may be one of timing."""
    with ledger_of(config.out) as ledger:
        before, earlier = ledger.breaks(before=night), frozenset(ledger.keys().earlier)
    return Memory(before=before, carried=carried(config, dataset), earlier=earlier)


def carried(config: RunConfig, dataset: Dataset) -> Carried:
    """How long a difference may be one of timing."""
    planned = dataset.codes.get("planned")
    own = {planned: config.carried.planned_business_days} if planned else {}
    return replace(config.carried.limits, own=own) if own else config.carried.limits


def rotated_to(out: Path) -> str:
    """The id of the site key that the history was re-linked to last; "" if it never was.

    Raises:
        SourceError: As `ledger_of`.
    """
    with ledger_of(out) as ledger:
        return ledger.keys().in_force


def gates(config: RunConfig, night: date, snapshots: Mapping[Side, Snapshot]) -> list[Gate]:
    """The gates that need the nights before: volume, repeated inputs, and both sides' counts beside each other."""
    records = (snapshots[Side.LEFT].preflight.records, snapshots[Side.RIGHT].preflight.records)
    digests = [
        # A database is read as it stands tonight: nothing in it can be an old export.
        None if isinstance(config.sources[name], DatabaseSource) else snapshots[side].preflight.sha256
        for side, name in ((Side.LEFT, config.left), (Side.RIGHT, config.right))
    ]
    with ledger_of(config.out) as ledger:
        before = [one for one in ledger.nights() if one.night < night]
    claimed = [one for one in before if one.claims and not one.superseded_by]
    return history_gates(
        records,
        (digests[0], digests[1]),
        LastNights(
            records=tuple(
                (one.records[0] or 0, one.records[1] or 0) for one in claimed[-max(config.gates.volume_nights, 1) :]
            ),
            # Also of nights that claimed nothing: a file that was refused once does not become fresh.
            sha256=tuple({one.night: one.sha256 for one in before if one.sha256[0]}.items()),
        ),
        volume_change_max=config.gates.volume_change_max,
        count_difference_max=config.gates.count_difference_max,
        accepted=config.gates.accepted_inputs,
        labels={side: snapshot.called for side, snapshot in snapshots.items()},
    )


def looked_back(config: RunConfig, report: Report) -> Report:
    """A report with the trend of the nights before, and the nights planned beside the nights done."""
    night = report.run.as_of.date()
    with ledger_of(config.out) as ledger:
        runs = [one for one in ledger.nights() if one.night < night]
        by_hand = _closed_by_hand(ledger, night, report.tracked)
    last = last_of_each_night(runs)
    started = min(last, default=night)
    planned = planned_nights(config.schedule.cron, started, night)
    done = {day for day, one in last.items() if one.claims} | ({night} if report.verdict.claims else set())
    confirmed = max((day for day, one in last.items() if one.claims), default=None)
    nights = {
        "since": started.isoformat(),
        "planned": len(planned),
        "done": len(done),
        "missed": [day.isoformat() for day in planned if day not in done],
        "last_confirmed": confirmed.isoformat() if confirmed else None,
    }
    past = report.summary.get("history")
    told = {**(past if isinstance(past, Mapping) else {}), "by_hand": by_hand, "nights": nights}
    summary = {**report.summary, "history": told}
    trend = tuple(_shown(day, one) for day, one in sorted(last.items())[-NIGHTS_SHOWN:])
    return replace(report, summary=summary, trend=trend)


def _closed_by_hand(ledger: Ledger, night: date, tracked: Tracked | None) -> int:
    """How many findings two persons have closed before a night that has not found them again."""
    granted = ((one.finding_id, one.closed_night) for one in ledger.closures())
    closed = {name: closed_night for name, closed_night in granted if closed_night and closed_night <= night}
    found = set(tracked.breaks["finding_id"]) if tracked else set()
    resolved = ledger.breaks(before=night).filter("resolved").select("finding_id", "last_seen").iter_rows()
    return sum(name in closed and last_seen <= closed[name] and name not in found for name, last_seen in resolved)


def last_of_each_night(runs: list[Night]) -> dict[date, Night]:
    """Night -> the run that speaks for it: the last that claimed something, or else the last that ended or died."""
    last: dict[date, Night] = {}
    for one in runs:
        if one.claims or not (one.night in last and last[one.night].claims):
            last[one.night] = one
    return last


def _shown(day: date, one: Night) -> dict[str, Any]:
    verdict = one.verdict or Verdict.FAILED
    return {"as_of": f"{day}T00:00:00+09:00", "verdict": verdict.value, "date_only": True, **one.counts}


def stage(report: Report, folder: Path) -> None:
    """Write aside what the ledger will be told of a run."""
    tracked = report.tracked
    if tracked is None:
        raise ValueError("the report was not tracked")
    folder.mkdir(parents=True, exist_ok=True, mode=deliver.FOLDER_MODE)
    tracked.breaks.write_parquet(folder / "breaks.parquet")
    tracked.standing.write_parquet(folder / "standing.parquet")
    sides = [report.sides[side] for side in Side]
    said = {
        "verdict": report.verdict.value,
        "night": tracked.night.isoformat(),
        "records": [side.balance.records for side in sides],
        "sha256": [side.preflight.sha256 for side in sides],
        "counts": {name: report.summary[name] for name in ("findings", "persons", "history") if name in report.summary},
    }
    (folder / "outcome.json").write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")


def commit(out: Path, run_id: str, stage_folder: Path, manifest: str, told: Told = untold) -> None:
    """Let a sealed run become history: recorded, then in place. From the ledger's commit on, it did happen.

    Args:
        out: The folder of runs.
        run_id: Which one.
        stage_folder: Holds its files, with their manifest, and its record.
        manifest: The SHA-256 of the manifest.
        told: As `ledger.Told`.
    """
    import polars as pl  # noqa: PLC0415

    record = stage_folder / RECORD
    said = json.loads((record / "outcome.json").read_text(encoding="utf-8"))
    tracked = Tracked(
        standing=pl.read_parquet(record / "standing.parquet", schema=STANDING),
        breaks=pl.read_parquet(record / "breaks.parquet", schema=BREAKS),
        night=date.fromisoformat(said["night"]),
    )
    outcome = Outcome(
        verdict=Verdict(said["verdict"]),
        manifest=manifest,
        records=(said["records"][0], said["records"][1]),
        sha256=(said["sha256"][0], said["sha256"][1]),
        counts=said["counts"],
    )
    deliver.anchor(stage_folder / FILES)
    with ledger_of(out) as ledger:
        ledger.record(run_id, tracked, outcome, told)
    deliver.publish(stage_folder / FILES, out / run_id)
    shutil.rmtree(stage_folder)


def give_up(out: Path, run_id: str, code: str, told: Told = untold) -> dict[str, str]:
    """Clear away a run that ended in a fault, but for one that is recorded: its files wait for the next run.

    `told` as `ledger.Told`.

    Returns:
        What the status must say besides: why the ledger could not be told, if it could not.
    """
    stage_folder = out / f"{deliver.STAGE}{run_id}"
    shutil.rmtree(stage_folder / "sides", ignore_errors=True)
    try:
        with ledger_of(out) as ledger:
            ledger.give_up(run_id, verdict_of_fault(code), code, told)
            recorded = any(night.run_id == run_id and night.manifest for night in ledger.nights())
    except ReconcileError as error:
        return {"ledger": error.code}
    if not recorded:
        shutil.rmtree(stage_folder, ignore_errors=True)
    return {}
