"""`reconcile diff`: two files, or two sources of a run file, compared once; nothing is remembered."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from reconcile import __version__, deliver, evidence, ledger
from reconcile.api import ad_hoc
from reconcile.authorities import authorities
from reconcile.config import RunConfig, load_dataset, read_config, site_key, source_of, user_site_key
from reconcile.decide import verdict_of_fault
from reconcile.errors import ConfigError, ReconcileError, SourceError
from reconcile.evidence.log import LOG
from reconcile.extract import check_two, extract, extract_history, name_of, scan, scan_history
from reconcile.machine.process import limited
from reconcile.machine.stuck import watched
from reconcile.model import TOKYO, Report, Run, Side, Snapshot, Source, Verdict, with_instant
from reconcile.pipeline import Comparison, Options, reconcile
from reconcile.proof import environment
from reconcile.report import FORMATS, PROFILES
from reconcile.report.build import in_environment
from reconcile.search.alike import Asked, read_alike
from reconcile.search.check import Input, Progress, reading
from reconcile.settings import house_rules
from reconcile.settings.house_rules import HouseRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked on the command line, as it was written."""

    left: str
    right: str
    key: tuple[str, ...]
    dataset: str
    config: Path | None
    encoding: str
    allow_empty: bool
    partitions: int
    out: Path | None
    formats: tuple[str, ...]
    purpose: str = ""
    profile: str = ""


@watched()
def run(request: Request, progress: Progress) -> Report:
    """Compare, and write the reports if a folder is named.

    Under a run file, writing them is an export: it needs a purpose and the role `run`, and is recorded before any of
    them stands in the folder.

    Raises:
        SourceError: E_OUT, the folder is that of the nightly runs, or lies in it. Nothing there is touched.
        ReconcileError: The request or a source is not what it must be; the folder, if named, then says so in its
            `status.json` and holds nothing else of this run.
    """
    config = None if request.config is None else read_config(request.config)
    _check(request, config)
    now = datetime.now(TOKYO)
    run_id = deliver.run_id_at(now)
    if request.out is not None:
        deliver.announce(request.out, run_id)
    try:
        recorded = _permitted(request, config, run_id, now)
        report = _compare(request, config, run_id, now, progress)
        if request.out is not None:
            staged = request.out / f"{deliver.STAGE}{run_id}"
            deliver.stage(report, request.formats, staged, request.profile)
            recorded()
            deliver.publish(staged, request.out)
            deliver.conclude(request.out, run_id, report.verdict)
    except ReconcileError as error:
        if request.out is not None:
            deliver.conclude(request.out, run_id, verdict_of_fault(error.code), code=error.code, message=str(error))
        raise
    except BaseException:
        if request.out is not None:
            deliver.conclude(request.out, run_id, Verdict.FAILED)
        raise
    return report


def _permitted(request: Request, config: RunConfig | None, run_id: str, now: datetime) -> Callable[[], object]:
    """Ask for the permit of an export; what is returned records it.

    Two files of somebody's own need none; what a run file names is the register's.
    """
    if config is None or request.out is None:
        return lambda: None
    from reconcile.settings import permission  # noqa: PLC0415  signatures, which two files of one's own need not

    stated = request.purpose or config.purpose or load_dataset(config.dataset).purpose
    permit = permission.require(config, permission.RUN, stated, now, run_id=run_id)
    formats = list(request.formats)
    return partial(permission.record, config, "exported", now, permit, run_id=run_id, formats=formats)


def _check(request: Request, config: RunConfig | None) -> None:
    if not request.key and not request.dataset and config is None:
        raise ConfigError("--key", "missing, expected the column(s) that name a record", hint="--key id")
    if request.profile and request.profile not in PROFILES:
        raise ConfigError("--profile", f"got {request.profile!r}, expected one of: {', '.join(PROFILES)}")
    if unknown := [name for name in request.formats if name not in FORMATS]:
        raise ConfigError("--report", f"got {unknown[0]!r}, expected any of: {','.join(FORMATS)}")
    if request.out is not None:
        _check_apart(request.out.resolve(), config)


def _check_apart(out: Path, config: RunConfig | None) -> None:
    """Refuse a folder of nightly runs, also one in which no night has run yet, and whatever lies within one.

    The status there is that of the nights, and a folder beside theirs is one that the evidence does not know: a mere
    comparison would look like an alteration of them.
    """
    nights = () if config is None else (config.out.resolve(),)
    for folder in (out, *out.parents):
        if folder in nights or (folder / evidence.FOLDER / LOG).exists() or (folder / ledger.NAME).exists():
            hint = "name a folder that is not in it"
            raise SourceError("--out", "got the folder of the nightly runs", hint=hint, code="E_OUT")


def _compare(request: Request, config: RunConfig | None, run_id: str, now: datetime, progress: Progress) -> Report:
    with ready(request, config, run_id, now, progress) as (run, dataset, inputs, options):
        sides = {side: (one.rows, one.snapshot) for side, one in inputs.items()}
        where = environment.environment_of_sides(config.environment if config else "", sides, dataset)
        report = reconcile(run, dataset, (inputs[Side.LEFT], inputs[Side.RIGHT]), options)
    summary = in_environment(report.summary, where)
    unproven = [side.value for side, one in inputs.items() if not one.snapshot.preflight.proven]
    return replace(report, summary={**summary, "unproven": unproven} if unproven else summary)


@contextmanager
def ready(
    request: Request, config: RunConfig | None, run_id: str, now: datetime, progress: Progress
) -> Iterator[Comparison]:
    """Read both sides and all that decides about them; their snapshots go away with the context.

    Raises:
        ReconcileError: The request or a source is not what it must be.
    """
    names = {Side.LEFT: request.left, Side.RIGHT: request.right}
    sources = {
        Side.LEFT: _source(request.left, request, config),
        Side.RIGHT: _source(request.right, request, config),
    }
    check_two(sources[Side.LEFT], sources[Side.RIGHT])
    with tempfile.TemporaryDirectory(prefix="reconcile-", dir=request.out) as work:
        named = request.dataset or (config.dataset if config and not request.key else "")
        asked = Asked(
            key=request.key,
            seed=secrets.randbits(40),
            partitions=request.partitions,
            memory_limit=limited(),
            work=Path(work),
            progress=progress,
        )
        # What a run file or a dataset declares of a side is about its columns: no line can be taken as it stands.
        inputs = read_alike(sources, asked) if config is None and not named else None
        inputs = inputs or _read_apart(sources, config, names, asked)
        snapshots = {side: one.snapshot for side, one in inputs.items()}
        dataset = load_dataset(named) if named else ad_hoc(request.key, *snapshots.values())
        house = HouseRules() if config is None or not named else config.house
        dataset = house_rules.apply(dataset, house, now.date())
        tables = authorities(dataset, config, names, now.date())
        inputs = {
            side: one._replace(gaiji=tables.gaiji.get(side), history=scan_history(one.snapshot, asked.work))
            for side, one in inputs.items()
        }
        this = Run(
            run_id=run_id,
            started_at=now,
            as_of=now,
            version=__version__,
            site_key=site_key(user_site_key() if config is None else config.site_key),
        )
        options = Options(
            seed=asked.seed,
            partitions=next(
                (one.printed.prints.partitions for one in inputs.values() if one.printed), request.partitions
            ),
            work=asked.work,
            memory_limit=asked.memory_limit,
            allow_empty=request.allow_empty,
            progress=progress,
            approved=tables.approved,
            tables=tables.named,
            limits=house.limits,
        )
        yield Comparison(this, dataset, inputs, options)
        for one in snapshots.values():
            if one.held is not None:
                one.held.check_unchanged()


def _read_apart(
    sources: Mapping[Side, Source], config: RunConfig | None, names: Mapping[Side, str], asked: Asked
) -> dict[Side, Input]:
    """Both sides as snapshots, each read by itself."""
    instants = {side: config.extracted_at.get(name) if config else None for side, name in names.items()}
    # Side by side: hashing, decoding and a database's sorting leave each other a core.
    with ThreadPoolExecutor(len(Side)) as pool:
        reading = {side: pool.submit(_extract, source, side, instants[side], asked) for side, source in sources.items()}
        snapshots = {side: one.result() for side, one in reading.items()}
    return {side: Input(one, scan(one)) for side, one in snapshots.items()}


def _extract(source: Source, side: Side, declared: str | None, asked: Asked) -> Snapshot:
    snapshot = extract(source, side, asked.work, progress=reading(asked.progress, side))
    extract_history(source, side, asked.work)
    preflight = with_instant(snapshot.preflight, declared)
    return replace(snapshot, label=snapshot.label or name_of(source, side), preflight=preflight)


def _source(named: str, request: Request, config: RunConfig | None) -> Source:
    if config is not None and named in config.sources:
        return config.sources[named]
    return source_of(Path(named), encoding=request.encoding)
