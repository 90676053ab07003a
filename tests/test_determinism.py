"""The same inputs give the same bytes: whatever the threads, the partitions, the process (law 8; trap 4)."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import polars as pl
import pytest

from reconcile import compare
from tests.contrary import contrary
from tests.golden import arguments, run_here, run_process
from tests.injection import inject, write_csv, write_parquet

THREADS = (1, 2, 4)
PARTITIONS = (1, 2, 3, 7, 64)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Both sides as CSV, with repeated keys, swaps and missing rows among some 2,000 records."""
    injected = inject(seed=4, each=100)
    return write_csv(injected.left, tmp_path / "left.csv"), write_csv(injected.right, tmp_path / "right.csv")


def test_any_number_of_threads_writes_the_same_bytes(pair: tuple[Path, Path], tmp_path: Path) -> None:
    digests = set()
    for threads in THREADS:
        out = tmp_path / f"threads {threads}"
        options = ["--key", "atena_no", "--threads", str(threads)]
        args = arguments(str(pair[0]), str(pair[1]), options, out)
        outcome = run_process(args, out, {"POLARS_MAX_THREADS": str(threads)})
        assert outcome.exit == 1, outcome.stderr
        digests.add(hashlib.sha256((out / "findings.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_same_run_again_and_again_writes_the_same_bytes(
    pair: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    digests = set()
    for again in range(10):
        out = tmp_path / str(again)
        outcome = run_here(arguments(str(pair[0]), str(pair[1]), ["--key", "atena_no"], out), out, capfd)
        assert outcome.exit == 1, outcome.stderr
        digests.add(hashlib.sha256((out / "findings.parquet").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_any_number_of_partitions_of_two_files_gives_the_same_bytes(tmp_path: Path) -> None:
    injected = inject(seed=5, each=100)
    left = write_parquet(injected.left, tmp_path / "left.parquet")
    right = write_parquet(injected.right, tmp_path / "right.parquet")
    answers = set()
    for partitions in PARTITIONS:
        buffer = io.BytesIO()
        compare(left, right, key=["atena_no"], partitions=partitions).findings.rechunk().write_parquet(buffer)
        answers.add(hashlib.sha256(buffer.getvalue()).hexdigest())
    assert len(answers) == 1


def test_a_file_and_a_frame_of_the_same_rows_get_the_same_answer(tmp_path: Path) -> None:
    injected = inject(seed=6, each=20)
    left = write_parquet(injected.left, tmp_path / "left.parquet")
    right = write_csv(injected.right, tmp_path / "right.csv")
    from_files = compare(left, right, key=["atena_no"])
    from_frames = compare(pl.read_parquet(left), pl.DataFrame(injected.right), key=["atena_no"])
    assert from_frames.findings.equals(from_files.findings)
    assert from_frames.balance == from_files.balance


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_polars_that_keeps_no_order_but_what_it_promises_gives_the_same_bytes(
    tmp_path: Path, partitions: int
) -> None:
    """Another version of it may, and so may more cores."""
    injected = inject(seed=8, each=20)
    left = write_parquet(injected.left, tmp_path / "left.parquet")
    right = write_parquet(injected.right, tmp_path / "right.parquet")
    usual = compare(left, right, key=["atena_no"], partitions=partitions)
    with contrary():
        other = compare(left, right, key=["atena_no"], partitions=partitions)
    assert usual.findings.height > 100
    assert other.findings.equals(usual.findings)
    assert other.variants.equals(usual.variants)
    assert other.balance == usual.balance
