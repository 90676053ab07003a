"""The same comparison on more than one machine: the functions of `slices` as tasks of a Dask cluster.

Only numbers (20 bytes a record) go from every slice to the partitions; text goes only for suspects, and in waves, so that a bad night fits the
workers' memory too. The findings are made here, from what the tasks return, by `pipeline.reconcile` itself: byte for
byte those of one machine. Dask was chosen by measurement (`docs/decisions.md`, beyond one machine).

A worker that dies takes results with it; Dask computes them again from the files, which are only read. No task
raises: an exception of a library may hold a value, and Dask would log it together with the arguments. Needs the extra
`cluster`; every worker must see the files under the same paths.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from dask.distributed import Client, Future, as_completed

from reconcile import __version__
from reconcile.account import Checks
from reconcile.api import KEY, ad_hoc
from reconcile.diff import Diff, DiffPlan, Suspects
from reconcile.diff.fingerprint import prove_equal
from reconcile.errors import ConfigError, ReconcileError, SourceError
from reconcile.model import Dataset, Report, Run, Side, Snapshot
from reconcile.pipeline import Options, reconcile
from reconcile.search.check import Input
from reconcile.search.slices import (
    Slice,
    check_slice,
    cut,
    diff_partition,
    fetch,
    look,
    suspects_of,
    together,
    whole,
    within,
)

ROWS_PER_SLICE = 1_000_000
"""Records that one task reads: some 20 MB of fingerprints."""

ROWS_PER_PARTITION = 1_000_000
"""Records of one side whose fingerprints one task sorts."""

SUSPECTS_PER_THREAD = 300_000
"""Suspects of one side that a wave fetches for each thread of the cluster: bounds the text that workers hold."""

_LOCAL = ("inproc://", "tcp://127.0.0.1:", "tls://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What decides how the work is cut, never what is found. `partitions` 0 chooses by size."""

    rows_per_slice: int = ROWS_PER_SLICE
    partitions: int = 0
    allow_empty: bool = False
    progress: Callable[[str, int, int], None] = lambda _step, _done, _total: None


def compare(
    client: Client,
    left: Path,
    right: Path,
    *,
    key: Sequence[str],
    settings: Settings | None = None,
    site_key: bytes = KEY,
) -> Report:
    """Compare every column that both sides have, as text exactly as it stands, on a cluster.

    Args:
        client: Of the cluster. Its workers keep results in memory (`distributed.worker.memory.target` and `.spill`
            are false): what they hold are names and addresses. Beyond this machine it speaks TLS.
        left: A Parquet file, or a folder of them: its records are those of `*.parquet` in the order of their names.
        right: The other side.
        key: The columns that name a record.
        settings: How the work is cut.
        site_key: Keys the finding ids.

    Returns:
        The report that `reconcile diff --key` would make of the same records in one file a side.

    Raises:
        ConfigError: E_CLUSTER, a worker may write results to disk, or the connection is not encrypted; E_KEY, E_NOTHING_SHARED.
        SourceError: A file is not whole, or the files of a folder have different columns.
        ReconcileError: E_CLUSTER, a task failed (its kind is named, never its data), or workers hash differently.
        BalanceError: A pair passed as equal that is not, or a file changed between two reads.
    """
    settings = settings or Settings()
    _check_cluster(client)
    cluster = _Cluster(client, settings)
    sides = {Side.LEFT: left, Side.RIGHT: right}
    looked = {side: cluster.look(side, path) for side, path in sides.items()}
    slices = {side: list(cut(parts, settings.rows_per_slice)) for side, parts in looked.items()}
    inputs = [Input(whole(sides[side], parts), together(slices[side], parts)) for side, parts in looked.items()]
    dataset = ad_hoc(key, *(entry.snapshot for entry in inputs))
    now = datetime.now(UTC)
    run = Run(run_id="cluster", started_at=now, as_of=now, version=__version__, site_key=site_key)
    options = Options(seed=secrets.randbits(40), partitions=settings.partitions, allow_empty=settings.allow_empty)

    def search(
        _inputs: Mapping[Side, Input], dataset: Dataset, this: DiffPlan, _options: Options
    ) -> tuple[Mapping[Side, Checks], Sequence[tuple[int, Diff]]]:
        return cluster.search(slices, dataset, this)

    return reconcile(run, dataset, (inputs[0], inputs[1]), options, search).in_text()


# ------------------------------------------------------------------------------------------------------- the driver


class _Cluster:
    """Submits the tasks and gathers what they return."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    def look(self, side: Side, path: Path) -> list[Snapshot]:
        files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        if not files:
            raise SourceError(
                f"{side} ({path.name})", "got no *.parquet in the folder, expected one or more", code="E_NOT_FOUND"
            )
        snapshots: list[Snapshot] = self._gather(f"look {side}", [self._submit(look, file, side) for file in files])
        shapes = {(one.columns, tuple(sorted(one.native.items()))) for one in snapshots}
        if len(shapes) > 1:
            raise SourceError(
                f"{side} ({path.name})",
                "its files have different columns or types, expected one shape",
                code="E_COLUMNS",
            )
        return snapshots

    def search(
        self, slices: Mapping[Side, Sequence[Slice]], dataset: Dataset, this: DiffPlan
    ) -> tuple[dict[Side, Checks], list[tuple[int, Diff]]]:
        largest = max(sum(one.rows for one in every) for every in slices.values())
        partitions = self._settings.partitions or 1 + largest // ROWS_PER_PARTITION
        # Slices of a side one after the other would leave the workers idle between the sides.
        checked = {
            side: [self._submit(check_slice, one, dataset, this, partitions) for one in every]
            for side, every in slices.items()
        }
        everything = [future for futures in checked.values() for future in futures]
        rest = self._gather("check", [self._submit(itemgetter(slice(1, None)), future) for future in everything])
        if len({probe for *_, probe in rest}) > 1:
            problem = (
                "the workers hash the same text differently, expected one version of polars on one kind of processor"
            )
            raise ReconcileError("cluster", problem, code="E_CLUSTER")
        pieces = {side: [self._submit(itemgetter(0), one) for one in futures] for side, futures in checked.items()}
        found: list[Suspects] = self._gather(
            "suspects",
            [
                self._submit(
                    suspects_of,
                    *([self._submit(itemgetter(number), piece) for piece in pieces[side]] for side in Side),
                )
                for number in range(partitions)
            ],
        )
        del checked, everything, pieces  # lets the workers forget the fingerprints
        lefts = len(slices[Side.LEFT])
        of = {Side.LEFT: rest[:lefts], Side.RIGHT: rest[lefts:]}
        seconds = {side: sum(second for _, second, _ in every) for side, every in of.items()}
        diffs = list(self._diffs(slices, found, (dataset, this), seconds))
        prove_equal(seconds[Side.LEFT], seconds[Side.RIGHT])
        checks = {side: Checks.merge([one for one, *_ in every]) for side, every in of.items()}
        return checks, [(one.matched, part) for one, part in zip(found, diffs, strict=True)]

    def _diffs(
        self,
        slices: Mapping[Side, Sequence[Slice]],
        found: Sequence[Suspects],
        about: tuple[Dataset, DiffPlan],
        seconds: dict[Side, int],
    ) -> Iterator[Diff]:
        """The comparison of every partition; takes the suspects' second hashes off the sums of all rows."""
        dataset, this = about
        for wave in self._waves(found):
            fetched = {
                side: [
                    self._submit(fetch, one, [within(one, suspect, side) for suspect in wave], dataset, this)
                    for one in slices[side]
                ]
                for side in Side
            }
            frames = {side: [self._submit(itemgetter(0), one) for one in every] for side, every in fetched.items()}
            sums = {side: [self._submit(itemgetter(1), one) for one in every] for side, every in fetched.items()}
            futures = [
                self._submit(
                    diff_partition,
                    this,
                    *([self._submit(itemgetter(at), one) for one in frames[side]] for side in Side),
                )
                for at in range(len(wave))
            ]
            del fetched, frames
            yield from self._gather("compare", futures)
            for side in Side:
                seconds[side] -= sum(self._gather("prove", sums[side]))

    def _waves(self, found: Sequence[Suspects]) -> Iterator[Sequence[Suspects]]:
        """As many partitions at a time as the workers may hold the suspects of."""
        threads = sum(worker["nthreads"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())
        limit, wave, held = SUSPECTS_PER_THREAD * max(1, threads), list[Suspects](), 0
        for one in found:
            wave.append(one)
            held += max(len(one.left), len(one.right))
            if held >= limit:
                yield wave
                wave, held = [], 0
        if wave:
            yield wave

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Future:  # noqa: ANN401  any task's
        return self._client.submit(_task, function, *arguments, pure=False)

    def _gather(self, step: str, futures: Sequence[Future]) -> list[Any]:
        for done, _ in enumerate(as_completed(futures), 1):
            self._settings.progress(step, done, len(futures))
        results = self._client.gather(list(futures))
        for result in results:
            if isinstance(result, ReconcileError):
                raise result
        return list(results)


def _check_cluster(client: Client) -> None:
    address = str(client.scheduler.address)
    if not address.startswith(_LOCAL):
        problem = "the connection to the scheduler is not encrypted, expected tls://"
        raise ConfigError("cluster", problem, hint="distributed.comm.require-encryption: true", code="E_CLUSTER")
    if not all(client.run(_keeps_in_memory).values()):
        problem = "a worker may write results to its disk, expected memory only"
        hint = "distributed.worker.memory.target: false and distributed.worker.memory.spill: false"
        raise ConfigError("cluster", problem, hint=hint, code="E_CLUSTER")


def _keeps_in_memory(dask_worker: Any) -> bool:  # noqa: ANN401  a distributed.Worker; the name is Dask's protocol
    return isinstance(dask_worker.data, dict)


# -------------------------------------------------------------------------------------------------------- the tasks


def _task(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401  any task's
    """What a task returns, or the error that ended it or one before it: never raised, so never logged with data."""
    flat = (part for one in arguments for part in (one if isinstance(one, list) else (one,)))
    before = next((part for part in flat if isinstance(part, ReconcileError)), None)
    if before is not None:
        return before
    try:
        return function(*arguments)
    except ReconcileError as error:
        return error
    except BaseException as error:  # noqa: BLE001  polars panics are no Exception; the kind is named, the text is not
        name = getattr(function, "__name__", type(function).__name__)
        problem = f"got {type(error).__module__}.{type(error).__name__}, expected a result"
        return ReconcileError(f"cluster task {name}", problem, code="E_CLUSTER")
