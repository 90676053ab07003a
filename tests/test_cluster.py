"""The same findings from a cluster as from one machine, byte for byte, also when a worker dies in the middle."""

from __future__ import annotations

import io
import logging
import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import dask
import polars as pl
import pytest
from dask.distributed import Client, LocalCluster

from reconcile import compare as on_this_machine
from reconcile import pipeline
from reconcile.cluster import Settings, compare
from reconcile.errors import BalanceError, ConfigError, ReconcileError, SourceError
from reconcile.model import Side, Verdict
from tests.injection import inject, write_parquet

IN_MEMORY = {"distributed.worker.memory.target": False, "distributed.worker.memory.spill": False}
WORKERS = 3


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Three worker processes with a nanny each, which starts another one when its worker dies."""
    with (
        dask.config.set(IN_MEMORY),
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same records in one file a side, and in a folder of uneven files a side."""
    work = tmp_path_factory.mktemp("sides")
    injected = inject(seed=9, each=60)
    paths = {}
    for side, rows in (("left", injected.left), ("right", injected.right)):
        paths[side] = write_parquet(rows, work / f"{side}.parquet")
        frame = pl.read_parquet(paths[side])
        folder = work / f"{side} files"
        folder.mkdir()
        cuts = [0, 1, frame.height // 3, frame.height // 3, frame.height]
        for number, (begin, end) in enumerate(pairwise(cuts)):
            frame[begin:end].write_parquet(folder / f"part {number}.parquet")
        paths[f"{side} files"] = folder
    return paths


def written(findings: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    findings.rechunk().write_parquet(buffer)
    return buffer.getvalue()


def test_a_cluster_finds_the_same_bytes_as_one_machine_whatever_the_cut(client: Client, sides: dict[str, Path]) -> None:
    local = on_this_machine(sides["left"], sides["right"], key=["atena_no"])
    assert local.findings.height > 100
    for left, right, settings in (
        ("left", "right", Settings()),
        ("left files", "right", Settings(rows_per_slice=97, partitions=5)),
        ("left files", "right files", Settings(rows_per_slice=500, partitions=2)),
    ):
        report = compare(client, sides[left], sides[right], key=["atena_no"], settings=settings)
        assert written(report.findings) == written(local.findings)
        assert written(report.variants) == written(local.variants)
        assert report.verdict is local.verdict
        assert {side: one.balance for side, one in report.sides.items()} == dict(local.balance)


def test_a_bad_night_is_fetched_in_waves_and_says_the_same(
    client: Client, sides: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int, int]] = []
    monkeypatch.setattr("reconcile.cluster.SUSPECTS_PER_THREAD", 10)
    settings = Settings(rows_per_slice=300, partitions=16, progress=lambda *step: steps.append(step))
    report = compare(client, sides["left"], sides["right"], key=["atena_no"], settings=settings)
    local = on_this_machine(sides["left"], sides["right"], key=["atena_no"])
    assert written(report.findings) == written(local.findings)
    assert len([step for step in steps if step[0] == "compare" and step[1] == step[2]]) > 3


@pytest.mark.parametrize("step", ["check", "suspects", "compare"])
def test_a_worker_that_is_killed_in_the_middle_changes_nothing(
    client: Client, sides: dict[str, Path], step: str
) -> None:
    """SIGKILL to the worker that holds most results, when half of a step is done: they must be made again."""
    client.wait_for_workers(2, timeout=300)  # the one killed before may still be on its way back
    killed: list[int] = []

    def kill(now: str, done: int, total: int) -> None:
        if now == step and not killed and done >= max(1, total // 2):
            holds = {address: len(keys) for address, keys in client.has_what().items()}
            address = max(holds, key=lambda one: holds[one])
            assert holds[address] > 0
            killed.append(client.run(os.getpid, workers=[address])[address])
            os.kill(killed[0], signal.SIGKILL)

    settings = Settings(rows_per_slice=150, partitions=6, progress=kill)
    report = compare(client, sides["left files"], sides["right"], key=["atena_no"], settings=settings)
    assert len(killed) == 1
    local = on_this_machine(sides["left"], sides["right"], key=["atena_no"])
    assert written(report.findings) == written(local.findings)
    assert killed[0] not in client.run(os.getpid).values()


def test_empty_sides_are_inconclusive_unless_allowed(client: Client, tmp_path: Path) -> None:
    empty = pl.DataFrame(schema={"id": pl.String, "v": pl.String})
    full = pl.DataFrame({"id": ["1", None], "v": ["a", "b"]})
    empty.write_parquet(tmp_path / "left.parquet")
    full.write_parquet(tmp_path / "right.parquet")
    paths = (tmp_path / "left.parquet", tmp_path / "right.parquet")
    assert compare(client, *paths, key=["id"]).verdict is Verdict.INCONCLUSIVE
    allowed = compare(client, *paths, key=["id"], settings=Settings(allow_empty=True))
    local = on_this_machine(*paths, key=["id"], allow_empty=True)
    assert written(allowed.findings) == written(local.findings)
    assert allowed.sides[Side.RIGHT].balance.rejected == 1


def test_files_of_different_shape_and_empty_folders_are_refused(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "left"
    folder.mkdir()
    pl.DataFrame({"id": ["1"]}).write_parquet(tmp_path / "right.parquet")
    with pytest.raises(SourceError) as empty:
        compare(client, folder, tmp_path / "right.parquet", key=["id"])
    pl.DataFrame({"id": ["1"]}).write_parquet(folder / "a.parquet")
    pl.DataFrame({"id": [1]}).write_parquet(folder / "b.parquet")
    with pytest.raises(SourceError) as uneven:
        compare(client, folder, tmp_path / "right.parquet", key=["id"])
    (folder / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceError) as cut:
        compare(client, folder, tmp_path / "right.parquet", key=["id"])
    assert [caught.value.code for caught in (empty, uneven, cut)] == ["E_NOT_FOUND", "E_COLUMNS", "E_TRUNCATED"]


def test_a_task_that_fails_names_its_kind_and_no_value(client: Client, sides: dict[str, Path], tmp_path: Path) -> None:
    """The file loses its pages between two steps, under the workers' feet."""
    copy = tmp_path / "left.parquet"
    copy.write_bytes(sides["left"].read_bytes())

    def overwrite(now: str, done: int, total: int) -> None:
        if now == "suspects" and done == total:
            copy.write_bytes(b"PAR1" + "佐藤".encode() * 1000 + b"PAR1")

    with pytest.raises(ReconcileError) as caught:
        compare(client, copy, sides["right"], key=["atena_no"], settings=Settings(progress=overwrite))
    assert caught.value.code == "E_CLUSTER"
    assert "佐藤" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_changes_between_two_reads_is_found(client: Client, sides: dict[str, Path], tmp_path: Path) -> None:
    """The suspects that are fetched are not those that were hashed: the sums of the second hashes say so."""
    copy = tmp_path / "left.parquet"
    rows = pl.read_parquet(sides["left"])
    rows.write_parquet(copy)

    def replace(now: str, done: int, total: int) -> None:
        if now == "suspects" and done == total:
            rows.with_columns(pl.all().exclude("atena_no") + "?").write_parquet(copy)

    with pytest.raises(BalanceError):
        compare(client, copy, sides["right"], key=["atena_no"], settings=Settings(progress=replace))


def test_workers_that_would_write_names_to_their_disk_are_refused(sides: dict[str, Path]) -> None:
    defaults = {"distributed.worker.memory.target": 0.6, "distributed.worker.memory.spill": 0.7}
    with (
        dask.config.set(defaults),
        LocalCluster(n_workers=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL) as spilling,
        Client(spilling) as client,
        pytest.raises(ConfigError) as caught,
    ):
        compare(client, sides["left"], sides["right"], key=["atena_no"])
    assert caught.value.code == "E_CLUSTER"


def test_the_local_search_is_what_the_pipeline_does_by_itself(sides: dict[str, Path]) -> None:
    """The seam that the cluster uses is the one that every run goes through."""
    assert pipeline.reconcile.__defaults__ == (pipeline.search,)
    assert on_this_machine(sides["left"], sides["right"], key=["atena_no"]).verdict is Verdict.PARTIAL
