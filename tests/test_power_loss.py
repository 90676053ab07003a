"""The power goes at any moment of a night: what was committed is all there, the rest is not there at all.

Each image is repaired by the same command, as after any other fault (`docs/sweeps.md`).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from reconcile import deliver
from reconcile.errors import ReconcileError
from reconcile.ledger import open_ledger
from reconcile.model import Verdict
from tests import power_loss
from tests.commit_path import night
from tests.power_loss import Flush, Recording
from tests.system_calls import needs_strace

ROOT = Path(__file__).resolve().parents[1]
MEMORY = Path("/dev/shm")  # noqa: S108  a private folder is made in it: thousands of images, and no disk needs to turn
FIRST, SECOND = ("2026-11-18", "1"), ("2026-11-19", "2")
RUN = "20261119T000002Z-000000"
AGAIN = (date(2026, 11, 19), "20261119T000003Z-000000", datetime(2026, 11, 1, 0, 0, 3, tzinfo=UTC))
ENVIRONMENT = {**os.environ, "POLARS_MAX_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

pytestmark = needs_strace


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = MEMORY / f"power-{os.getpid()}" if MEMORY.is_dir() else tmp_path_factory.mktemp("power")
    folder.mkdir(exist_ok=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def recording(place: Path) -> Recording:
    """The second night of a folder, as it was done."""
    out = place / "out"
    night(out, date(2026, 11, 18), "20261118T000001Z-000000", datetime(2026, 11, 1, 0, 0, 1, tzinfo=UTC))
    command = [sys.executable, "-B", "-m", "tests.commit_path", str(out), *SECOND]
    recorded, status = power_loss.record(command, out, place / "strace.log", cwd=ROOT, env=ENVIRONMENT)
    assert status == Verdict.MISMATCH.exit_code
    return recorded


def files(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def remembered(out: Path) -> dict[str, str]:
    with open_ledger(out, expected=True) as ledger:
        return {one.run_id: one.manifest for one in ledger.nights() if one.manifest}


def delivered(out: Path) -> dict[str, str]:
    return {path.parent.name: sha256(path.read_bytes()).hexdigest() for path in out.glob("2*/manifest.json")}


def history(out: Path) -> pl.DataFrame:
    with open_ledger(out, expected=True) as ledger:
        return ledger.breaks()


@pytest.fixture(scope="module")
def undisturbed(place: Path, recording: Recording) -> pl.DataFrame:
    folder = place / "undisturbed"
    power_loss.whole(recording, folder)
    assert night(folder, *AGAIN) is Verdict.MISMATCH
    left = history(folder)
    assert left["nights"].to_list() == [2, 2, 2]
    return left


def test_the_recording_says_all_that_the_run_left(place: Path, recording: Recording) -> None:
    power_loss.whole(recording, place / "whole")
    assert files(place / "whole") == files(place / "out")


def check(out: Path, undisturbed: pl.DataFrame) -> None:
    said = json.loads((out / deliver.STATUS).read_bytes())
    known = remembered(out)
    # What stands there is remembered, or can be no result of ours; what the status claims stands there.
    assert delivered(out).items() <= known.items()
    if said["verdict"] not in ("unknown", "failed"):
        assert deliver.reread(out / said["run_id"], known[said["run_id"]]).value == said["verdict"]
    assert night(out, *AGAIN) is Verdict.MISMATCH
    assert delivered(out) == remembered(out), "what was committed is all there"
    assert (RUN in known) == (RUN in delivered(out))
    assert all(deliver.reread(out / run_id, digest) is Verdict.MISMATCH for run_id, digest in delivered(out).items())
    assert history(out).equals(undisturbed)
    assert not list(out.glob(f"{deliver.STAGE}*"))


def lose_power(place: Path, recording: Recording, undisturbed: pl.DataFrame, images: range) -> None:
    out = place / "image"
    committed = 0
    for number in images:
        step = power_loss.crash(recording, random.Random(number), out)  # noqa: S311  repeatable, no secret
        try:
            committed += RUN in remembered(out)
            check(out, undisturbed)
        except BaseException as error:
            error.add_note(f"image {number}, after {step} of {len(recording.steps)} steps")
            raise
        finally:
            shutil.rmtree(out)
    print(f"images {len(images)}, committed before the power went {committed}, violations 0")  # noqa: T201  the result
    assert 0 < committed < len(images)


def test_power_lost_at_any_moment_leaves_a_night_whole_or_not_begun(
    place: Path, recording: Recording, undisturbed: pl.DataFrame
) -> None:
    lose_power(place, recording, undisturbed, range(200))


def test_the_same_images_without_the_flushes_are_not_whole(
    place: Path, recording: Recording, undisturbed: pl.DataFrame
) -> None:
    # Otherwise the simulator would lose nothing that matters, and prove nothing.
    careless = replace(recording, steps=[step for step in recording.steps if not isinstance(step, Flush)])
    broken = 0
    for number in range(20):
        out = place / "careless"
        power_loss.crash(careless, random.Random(number), out)  # noqa: S311  repeatable, no secret
        try:
            check(out, undisturbed)
        except (AssertionError, OSError, ValueError, ReconcileError):
            broken += 1
        shutil.rmtree(out)
    assert broken


@pytest.mark.nightly
def test_power_lost_ten_thousand_times(place: Path, recording: Recording, undisturbed: pl.DataFrame) -> None:
    lose_power(place, recording, undisturbed, range(10_000))
