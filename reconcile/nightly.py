"""The nightly job in four steps that pass folders and ids, never frames: prepare left, prepare right, compare, deliver.

`reconcile run` calls them one after the other; `flows.nightly` wraps each in a task. What passes between them lies in
the run's stage folder, which only its owner may enter and which is gone when the run ends:

    out/.stage-<run id>/sides/    left.parquet, left.json, right.parquet, right.json: short-lived, personal
    out/.stage-<run id>/files/    the rendered reports
    out/.stage-<run id>/record/   what the ledger will be told
    out/<run id>/                 the delivered files
    out/ledger.sqlite             the nights
    out/status.json               the newest run's verdict, or "unknown" while it runs
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reconcile import __version__, deliver
from reconcile.config import RunConfig, load_dataset, read_config, site_key
from reconcile.decide import verdict_of_fault
from reconcile.errors import ConfigError, ReconcileError, SourceError
from reconcile.extract.locate import check_two, locate
from reconcile.machine.boundary import guarded
from reconcile.machine.process import limited
from reconcile.machine.stuck import watched
from reconcile.model import TOKYO, DatabaseSource, Preflight, Run, Side, Snapshot, Source, Verdict, with_instant
from reconcile.nights import attest, history, retention, run_file, staged
from reconcile.settings import house_rules, permission

if TYPE_CHECKING:
    from reconcile.pipeline import Comparison
    from reconcile.search.check import Progress

WORK = "sides"
FORMATS = ("xlsx", "pdf", "html", "parquet", "json")


class Job(NamedTuple):
    """One run of the nightly job: plain texts, so that an orchestrator may store them.

    `results` is the folder of all runs, as the run file named it when this one began. `aside` names another stage
    folder: an inquiry reads the same inputs and must not meet a run.
    """

    config: str
    results: str
    run_id: str
    started_at: str
    as_of: str
    aside: str = ""

    @property
    def out(self) -> Path:
        """The folder of the delivered files."""
        return Path(self.results) / self.run_id

    @property
    def stage(self) -> Path:
        """The folder of what passes between the steps."""
        return Path(self.aside) if self.aside else Path(self.results) / f"{deliver.STAGE}{self.run_id}"


def begin(config: Path, as_of: str = "", purpose: str = "") -> Job:
    """Start a run: give it an id, let the status be unknown, and record it in the evidence.

    Args:
        config: The run file.
        as_of: The day the run is about (YYYY-MM-DD), "" for the day in Tokyo now.
        purpose: What for; "" for the run file's, or else what the dataset is for.

    Raises:
        ConfigError: The run file or the date is wrong; E_PURPOSE, E_ROLE: it is not permitted (`permission`).
        EvidenceError: The evidence was altered. The status says `tampered`.
    """
    now = datetime.now(UTC)
    day = day_of(as_of, now)
    read = read_config(config)
    job = Job(
        config=str(config),
        results=str(read.out),
        run_id=deliver.run_id_at(now),
        started_at=now.isoformat(timespec="seconds"),
        as_of=day.isoformat(timespec="seconds"),
    )
    deliver.announce(read.out, job.run_id)
    try:
        stated = purpose or read.purpose or load_dataset(read.dataset).purpose
        permit = permission.require(read, permission.RUN, stated, now, run_id=job.run_id)
        history.begin(read.out, job.run_id, day.date(), now, attest.started(read, job.run_id, day, permit.details))
    except ReconcileError as error:
        deliver.conclude(read.out, job.run_id, verdict_of_fault(error.code), code=error.code)
        raise
    try:
        check_two(_source(read, Side.LEFT), _source(read, Side.RIGHT))
    except ConfigError as error:
        give_up(job, error.code)
        raise
    in_force = attest.key_in_force(read, history.rotated_to(read.out))
    if in_force and in_force != attest.key_id(site_key(read.site_key)):
        give_up(job, "E_SITE_KEY")
        hint = "restore it from the copy in the safe; to exchange it, `reconcile rotate-key`"
        raise ConfigError("site_key", "got another key than that of the nights before", hint=hint, code="E_SITE_KEY")
    return job


def day_of(as_of: str, now: datetime) -> datetime:
    """The day a run is about: as it was said (YYYY-MM-DD), "" for the day in Tokyo now.

    Raises:
        ConfigError: It is no date, or has not come yet.
    """
    if not as_of:
        return now.astimezone(TOKYO)
    try:
        day = datetime.strptime(as_of, "%Y-%m-%d").replace(tzinfo=TOKYO)
    except ValueError:
        raise ConfigError("--as-of", "got no date, expected YYYY-MM-DD") from None
    if day > now:
        raise ConfigError("--as-of", "got a day that has not come yet in Tokyo, expected today or one before")
    return day


def prepare(job: Job, side: Side, progress: Any = None) -> None:  # noqa: ANN401  handed through to extract
    """Extract one side into the stage folder.

    Raises:
        SourceError: The source is not whole.
        ConfigError: E_ENVIRONMENT, it holds invented people in production, or residents in a test.
    """
    from reconcile.extract import Custody, extract, extract_history, scan  # noqa: PLC0415  polars: `schedule` does not
    from reconcile.proof import environment  # noqa: PLC0415

    config = read_config(Path(job.config))
    work = job.stage / WORK
    work.mkdir(parents=True, exist_ok=True, mode=deliver.FOLDER_MODE)
    custody = Custody(max_bytes=config.gates.max_input_bytes, owners=_owners(config), copied=True)
    snapshot = extract(_source(config, side), side, work, progress=progress, custody=custody)
    dataset = load_dataset(config.dataset)
    environment.check_side(config.environment, side, environment.invented(scan(snapshot), snapshot, dataset), dataset)
    extract_history(_source(config, side), side, work, custody)
    _plant(config, side, work)
    declared = config.extracted_at.get(config.left if side is Side.LEFT else config.right)
    staged.write(work, snapshot, with_instant(snapshot.preflight, declared))


def compare(job: Job, formats: Sequence[str] = FORMATS, progress: Any = None) -> str:  # noqa: ANN401
    """Compare the two snapshots and render the reports into the stage folder.

    Returns:
        The verdict.
    """
    from reconcile.extract import scan  # noqa: PLC0415
    from reconcile.pipeline import reconcile  # noqa: PLC0415
    from reconcile.proof import environment  # noqa: PLC0415
    from reconcile.report.build import in_environment  # noqa: PLC0415

    run, dataset, inputs, options = ready(job, progress)
    config, night = read_config(Path(job.config)), run.as_of.date()
    snapshots = {side: entry.snapshot for side, entry in inputs.items()}
    sides = {side: (scan(one), one) for side, one in snapshots.items()}
    where = environment.environment_of_sides(config.environment, sides, dataset)
    memory = history.remember(config, dataset, night)
    gates = history.gates(config, night, snapshots)
    gates = [*gates, run_file.gate_of_run_file(config)]
    options = replace(options, memory=memory, gates=(*options.gates, *gates))
    witness = attest.accepted(*_told(job))
    report = reconcile(run, dataset, (inputs[Side.LEFT], inputs[Side.RIGHT]), options)
    staged.check(job.stage / WORK)
    said = {"changed": config.gates.changed, "approver": config.gates.approver, "date": config.gates.date}
    report = replace(report, witness=witness, summary={**in_environment(report.summary, where), "gate_limits": said})
    report = history.looked_back(config, report)
    deliver.stage(report, formats, job.stage / history.FILES)
    history.stage(report, job.stage / history.RECORD)
    return report.verdict.value


def ready(job: Job, progress: Any = None) -> Comparison:  # noqa: ANN401
    """Open the two snapshots and all that decides about them, as tonight's run file says."""
    from reconcile.authorities import authorities  # noqa: PLC0415
    from reconcile.extract import scan, scan_history, scan_sentinels  # noqa: PLC0415
    from reconcile.pipeline import Comparison, Options  # noqa: PLC0415
    from reconcile.proof.gates import gates_of_inputs, gates_of_tables, gates_of_views  # noqa: PLC0415
    from reconcile.proof.profile import ColumnLimits  # noqa: PLC0415
    from reconcile.proof.prove import with_sentinels  # noqa: PLC0415
    from reconcile.search.check import Input  # noqa: PLC0415

    config = read_config(Path(job.config))
    as_of = datetime.fromisoformat(job.as_of)
    dataset = house_rules.apply(load_dataset(config.dataset), config.house, as_of.date())
    tables = authorities(dataset, config, {Side.LEFT: config.left, Side.RIGHT: config.right}, as_of.date())
    work = job.stage / WORK
    staged.check(work)
    snapshots = {side: staged.read(work, side, _source(config, side).layout) for side in Side}
    inputs = {
        side: with_sentinels(
            Input(one, scan(one), tables.gaiji.get(side), scan_history(one, work)), scan_sentinels(one, work)
        )
        for side, one in snapshots.items()
    }
    previous: dict[str, Any] = next(_earlier(config.out, job.run_id), {})
    named = {**tables.named, **_views(snapshots)}
    options = Options(
        approved=tables.approved,
        tables=named,
        limits=config.house.limits,
        previous_rates=_previous_rates(config.out, job.run_id, config.house.limits.runs),
        seed=secrets.randbits(40),
        oracle=config.gates.oracle_rows,
        work=work,
        memory_limit=limited(),
        allow_empty=config.gates.allow_empty,
        overlap_min=config.gates.overlap_min,
        columns=ColumnLimits(
            dead_max=config.gates.dead_column_max,
            change_max=config.gates.profile_change_max,
            accepted=config.gates.accepted_columns,
            before=previous.get("columns", {}),
        ),
        gates=(
            *gates_of_inputs(config.gates, dataset, snapshots, as_of),
            *gates_of_tables(config.gates.accepted_tables, named, previous.get("tables", {})),
            *gates_of_views(config.gates.accepted_tables, named, previous.get("tables", {})),
        ),
    )
    if progress is not None:
        options = replace(options, progress=progress)
    run = Run(
        run_id=job.run_id,
        started_at=datetime.fromisoformat(job.started_at),
        as_of=as_of,
        version=__version__,
        site_key=site_key(config.site_key),
    )
    return Comparison(run, dataset, inputs, options)


def finish(job: Job) -> Verdict:
    """Forget the snapshots, record and publish the run, and say the verdict as it stands on the disk."""
    config, _, inputs = _told(job)
    manifest, told = attest.decided(config, job.run_id, inputs, job.stage / history.FILES)
    shutil.rmtree(job.stage / WORK)
    history.commit(config.out, job.run_id, job.stage, manifest, told)
    verdict = deliver.reread(job.out, manifest)
    if verdict in (Verdict.TAMPERED, Verdict.FAILED):
        attest.failed(config, job.run_id, verdict, "E_TAMPERED" if verdict is Verdict.TAMPERED else "E_READ")
    else:
        attest.published(config, job.run_id, verdict, history.ledger_digest(config.out))
    deliver.conclude(job.out.parent, job.run_id, verdict, results=job.run_id)
    return verdict


def give_up(job: Job, code: str) -> None:
    """Leave nothing half-written behind, a status that claims nothing, and a record of it.

    Raises:
        ReconcileError: It cannot be recorded. The status says so already.
    """
    config = read_config(Path(job.config))
    untold = history.give_up(config.out, job.run_id, code, attest.given_up(config, job.run_id, code))
    deliver.conclude(config.out, job.run_id, verdict_of_fault(code), code=code, **untold)
    if untold:
        attest.failed(config, job.run_id, verdict_of_fault(code), code)


@contextmanager
def alone(config: Path, as_of: str = "", *, night: bool = True) -> Iterator[None]:
    """Hold the run file's output folder for one run; repair what a dead run left, delete what was kept long enough.

    The day is looked at first: one that was mistyped leaves everything as it is, the status of the newest run too. So
    does whatever ends something that is no `night`.

    Raises:
        ConfigError: The day is none that a run may be about (`day_of`); E_LOCKED, another run is at work.
        SourceError: The folder cannot be written (E_OUT), or nobody knows what is recorded (E_LEDGER).
    """
    read = read_config(config)
    out = read.out
    day_of(as_of, datetime.now(UTC))
    with watched(), deliver.alone(out, retract=night):
        try:
            for run_id in history.repair(out):
                attest.published(read, run_id, deliver.reread(out / run_id), history.ledger_digest(out))
            retention.thin(read, datetime.now(UTC))
        except ReconcileError as error:
            if night:
                deliver.conclude(out, "", verdict_of_fault(error.code), code=error.code)
            raise
        yield


def run(config: Path, as_of: str, progress: Progress, purpose: str = "") -> tuple[dict[str, Any], Path]:
    """The four steps, one after the other, alone in the output folder; for a purpose, as `begin` has it.

    Returns:
        The summary as it stands on the disk, and the folder it stands in.

    Raises:
        ReconcileError: A source or the set-up is not what it must be; the status says so, and nothing else is left.
    """
    with alone(config, as_of):
        return guarded(lambda: _run(config, as_of, progress, purpose), "nightly run")


def _run(config: Path, as_of: str, progress: Progress, purpose: str) -> tuple[dict[str, Any], Path]:
    from reconcile.search.check import reading  # noqa: PLC0415

    job = begin(config, as_of, purpose)
    try:
        for side in Side:
            prepare(job, side, reading(progress, side))
        compare(job, FORMATS, progress)
        verdict = finish(job)
    except ReconcileError as error:
        give_up(job, error.code)
        raise
    except BaseException:
        give_up(job, "E_FAILED")
        raise
    return {**json.loads((job.out / "summary.json").read_bytes()), "verdict": verdict.value}, job.out


def rehearse(config: Path) -> dict[str, str]:
    """What a run would read, without reading more than the sources' first look: role -> label, kind and layout.

    Raises:
        ConfigError: The run file is wrong, or both sides are one source.
        DeclarationError: The dataset or a layout is wrong.
    """
    read = read_config(config)
    house_rules.apply(load_dataset(read.dataset), read.house, datetime.now(TOKYO).date())
    sources = {side: _source(read, side) for side in Side}
    check_two(sources[Side.LEFT], sources[Side.RIGHT])
    plan = {}
    for side, source in sources.items():
        layout = source.layout.name if source.layout else "-"
        plan[side.value] = f"{source.label}: {type(source).__name__}, layout {layout}{_missing(source, side)}"
    return plan


def today() -> date:
    """The day in Tokyo now."""
    return datetime.now(TOKYO).date()


def _missing(source: Source, side: Side) -> str:
    try:
        found = locate(source, side)
    except SourceError as error:
        return f" ({error.code})"
    return "" if isinstance(found, DatabaseSource) or found.path.is_file() else " (missing)"


def _source(config: RunConfig, side: Side) -> Source:
    return config.sources[config.left if side is Side.LEFT else config.right]


def _owners(config: RunConfig) -> frozenset[int]:
    """The users whose files are read.

    Raises:
        ConfigError: The run file names an account that this machine does not know.
    """
    try:
        named = {pwd.getpwnam(name).pw_uid for name in config.gates.owners}
    except KeyError:
        where = f"{config.path.name}: gates.owners"
        raise ConfigError(where, "names an account that this machine does not have") from None
    return frozenset({0, os.getuid(), *named})


def _plant(config: RunConfig, side: Side, work: Path) -> None:
    """Write the sentinels beside the snapshot, if the dataset has some; only where they will have a partner."""
    from reconcile.extract import SENTINELS  # noqa: PLC0415
    from reconcile.extract.sentinels import extract_sentinels  # noqa: PLC0415
    from reconcile.proof.sentinel import planted  # noqa: PLC0415

    dataset = load_dataset(config.dataset)
    layout, opposite = _source(config, side).layout, _source(config, side.other).layout
    if not dataset.sentinels or layout is None or opposite is None:
        return
    extract_sentinels(planted(dataset, layout, side), layout, side, work / SENTINELS)


def _views(snapshots: Mapping[Side, Snapshot]) -> dict[str, str]:
    """Role -> digest of the definitions of the views that a side is read through; nothing for a file."""
    said = {side: one.preflight.header.get("view_sha256") for side, one in snapshots.items()}
    return {f"view_{side}_sha256": digest for side, digest in said.items() if digest}


def _told(job: Job) -> tuple[RunConfig, str, dict[Side, Preflight]]:
    """What the evidence is told of a run: its run file, its id, and what was counted of its inputs."""
    config = read_config(Path(job.config))
    return config, job.run_id, {side: staged.read(job.stage / WORK, side, None).preflight for side in Side}


def _earlier(out: Path, run_id: str) -> Iterator[dict[str, Any]]:
    """The summaries of the other runs that claimed something, newest first; runs follow each other (`alone`)."""
    for path in sorted(out.glob("*/summary.json"), reverse=True):
        if path.parent.name != run_id:
            summary = deliver.summary_of(path.parent)
            if Verdict(summary["verdict"]).claims:
                yield summary


def _previous_rates(out: Path, run_id: str, runs: int) -> tuple[float, ...]:
    """The share of truly mismatched persons in the last earlier runs that claimed something, oldest first."""
    told = (
        (one.get("rates") or {}).get("persons", {}).get("mismatch", {}).get("rate") for one in _earlier(out, run_id)
    )
    rates = islice((float(rate) for rate in told if rate is not None), runs)
    return tuple(reversed(list(rates)))
