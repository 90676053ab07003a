"""Fingerprints in memory and on disk give back the same rows, and leave nothing but numbers."""

from __future__ import annotations

import stat
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile import compare, pipeline
from reconcile.machine.budget import Budget
from reconcile.model import FINGERPRINTS, ROW
from reconcile.search.prints import KEPT, Prints

NUMBER = st.integers(0, 2**64 - 1)
BATCHES = st.lists(st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=6), max_size=4)
PARTITIONS = st.integers(1, 7)


def _frames(batches: list[list[tuple[int, int, int]]]) -> list[pl.DataFrame]:
    first, frames = 1, []
    for batch in batches:
        rows = [(first + i, *numbers) for i, numbers in enumerate(batch)]
        frames.append(pl.DataFrame(rows, schema=FINGERPRINTS, orient="row"))
        first += len(batch)
    return frames


@given(batches=BATCHES, partitions=PARTITIONS)
def test_every_row_is_given_back_once_and_in_its_partition(
    batches: list[list[tuple[int, int, int]]], partitions: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("work")
    rows = [row for frame in _frames(batches) for row in frame.rows()]
    for prints in (Prints(partitions), Prints(partitions, folder)):
        for frame in _frames(batches):
            prints.add(frame)
        assert (prints.rows, prints.second) == (len(rows), sum(two for *_, two in rows) % 2**64)
        for number in range(partitions):
            part = prints.part(number)
            assert part.schema == KEPT
            expected = [(row, key, one) for row, key, one, _ in rows if key % partitions == number]
            assert sorted(part.rows()) == sorted(expected)
    assert not list(folder.rglob("*.bin")), "a partition that was read does not stay"


def test_the_files_are_for_the_owner_and_hold_twenty_bytes_a_row(tmp_path: Path) -> None:
    prints = Prints(2, tmp_path)
    prints.add(pl.DataFrame([(7, 4, 5, 6), (8, 6, 5, 6), (9, 1, 2, 3)], schema=FINGERPRINTS, orient="row"))
    files = sorted(tmp_path.rglob("*.bin"))
    assert [file.stat().st_size for file in files] == [40, 20]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700
    assert prints.part(1).to_dict(as_series=False) == {ROW: [9], "_key": [1], "_one": [2]}


def test_a_comparison_through_files_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    left = pl.select(id=pl.int_range(500).cast(pl.String), v=pl.int_range(500).cast(pl.String))
    changed = pl.when(pl.col("id").is_in(["7", "450"])).then(pl.lit("x")).otherwise("v")
    right = pl.concat([left.with_columns(v=changed).filter(pl.col("id") != "3"), left.head(2)])
    held = compare(left, right, key=["id"])
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(rows_in_memory=100, rows_per_partition=100))
    spilled = compare(left, right, key=["id"])
    assert spilled.findings.equals(held.findings)
    assert set(spilled.findings["kind"]) == {"value", "only_left", "duplicate_right"}
    assert spilled.balance == held.balance


def test_more_suspects_than_are_held_at_once_are_compared_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    left = pl.select(id=(pl.int_range(400) // 2 * 2).cast(pl.String), v=pl.int_range(400).cast(pl.String))
    right = left.with_columns(v="x" + pl.col("v"))
    whole = compare(left, right, key=["id"])
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=30))
    pieces = compare(left, right, key=["id"])
    assert pieces.findings.equals(whole.findings)
    assert whole.findings.height == 400, "each of 200 keys stands twice on both sides"
