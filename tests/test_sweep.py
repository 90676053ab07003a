"""ENOSPC, EIO and SIGKILL at every system call that writes a night into history (`reference/reliability.md` §3.2).

After each: no all-clear is left standing, nothing is published that is not remembered, and the same command again leaves
what an undisturbed night leaves. A fault that strace did not inject is not counted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from reconcile import deliver
from reconcile.ledger import open_ledger
from reconcile.model import Verdict
from tests.commit_path import night
from tests.system_calls import ENVIRONMENT, ROOT, Point, befall, needs_strace, points
from tests.test_track import MEMORY

FIRST, SECOND = ("2026-11-18", "1"), ("2026-11-19", "2")
AGAIN = (date(2026, 11, 19), "20261119T000003Z-000000", datetime(2026, 11, 1, 0, 0, 3, tzinfo=UTC))

pytestmark = needs_strace


def command(folder: Path, night: tuple[str, str]) -> list[str]:
    return [sys.executable, "-B", "-m", "tests.commit_path", str(folder / "out"), *night]


def plain(folder: Path, night: tuple[str, str]) -> int:
    return subprocess.run(
        command(folder, night), cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=False
    ).returncode


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder after its first night, kept in memory: the calls are broken, the disk need not turn."""
    folder = Path(MEMORY) / f"sweep-{os.getpid()}" if MEMORY.is_dir() else tmp_path_factory.mktemp("sweep")
    folder.mkdir(exist_ok=True)
    assert plain(folder, FIRST) == 1
    yield folder
    shutil.rmtree(folder)


def history(out: Path) -> pl.DataFrame:
    with open_ledger(out, expected=True) as ledger:
        return ledger.breaks()


def claimed(out: Path) -> dict[str, str]:
    """What the status says; where there is none, nothing is claimed."""
    status = out / deliver.STATUS
    said: dict[str, str] = {"run_id": "", "verdict": "unknown"}
    return json.loads(status.read_bytes()) if status.exists() else said


def befalls(begun: Path, point: Point, undisturbed: pl.DataFrame) -> bool:
    """Whether the fault was injected; the assertions are what it may not do."""
    folder = begun.with_name(f"{begun.name}-point")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(begun, folder)
    out = folder / "out"
    status, injected, _ = befall(command(folder, SECOND), folder, point)
    said = claimed(out)
    delivered = {path.parent.name: sha256(path.read_bytes()).hexdigest() for path in out.glob("2*/manifest.json")}
    with open_ledger(out, expected=True) as ledger:
        remembered = {night.run_id: night.manifest for night in ledger.nights() if night.manifest}
    assert delivered.items() <= remembered.items(), point  # nothing stands there that is not remembered
    if status == 1:
        assert deliver.reread(out / said["run_id"]) is Verdict.MISMATCH, point
        assert said["verdict"] == "mismatch", point
    elif injected and said["run_id"].endswith("02Z-000000"):
        assert said["verdict"] in {"unknown", "failed", "inconclusive", "mismatch"}, point
    elif status == 2:  # it was told of the fault, and so could take back what the night before had claimed
        assert said["verdict"] == "unknown", point

    assert night(out, *AGAIN) is Verdict.MISMATCH, point
    with open_ledger(out, expected=True) as ledger:
        remembered = {night.run_id: night.manifest for night in ledger.nights() if night.manifest}
    delivered = {path.parent.name: sha256(path.read_bytes()).hexdigest() for path in out.glob("2*/manifest.json")}
    assert delivered == remembered, point  # and after the repair all that is remembered stands there
    assert history(out).equals(undisturbed), point
    assert not list(out.glob(f"{deliver.STAGE}*")), point
    assert json.loads((out / deliver.STATUS).read_bytes())["verdict"] == "mismatch", point
    shutil.rmtree(folder)
    return injected


def undisturbed(begun: Path) -> tuple[pl.DataFrame, list[Point]]:
    """What two nights without a fault leave, and where a fault may befall the second."""
    folder = begun.with_name(f"{begun.name}-plain")
    shutil.copytree(begun, folder)
    every = points(command(folder, SECOND), folder)
    assert night(folder / "out", *AGAIN) is Verdict.MISMATCH
    left = history(folder / "out")
    shutil.rmtree(folder)
    assert left["nights"].to_list() == [2, 2, 2]
    return left, every


def sweep(begun: Path, most: int) -> tuple[int, int]:
    left, every = undisturbed(begun)
    tried = every[:: max(1, len(every) // most)]
    injected = sum(befalls(begun, point, left) for point in tried)
    print(f"points {len(every)}, tried {len(tried)}, injected {injected}, violations 0")  # noqa: T201  the result
    return len(tried), injected


def test_a_fault_at_a_slice_of_the_calls_is_repaired_by_the_same_command(begun: Path) -> None:
    _, injected = sweep(begun, 66)
    assert injected >= 60


@pytest.mark.nightly
def test_a_fault_at_every_call_is_repaired_by_the_same_command(begun: Path) -> None:
    tried, injected = sweep(begun, 1 << 20)
    assert injected >= 0.95 * tried
