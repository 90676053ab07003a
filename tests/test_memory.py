"""`--memory-limit`: what the whole process holds, measured from outside, and what it finds within the limit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigError
from reconcile.machine.budget import FEWEST_SUSPECTS, MOST_PARTITIONS, budget
from reconcile.machine.process import limit_of, memory_limit, threads_within
from tests.bench.measure import MEBIBYTE, Cost, measure

ROOT = Path(__file__).parents[1]
COLUMNS, OF_ONE_KEY = 20, 1_000


def _pair(folder: Path, form: str, rows: int) -> None:
    """Keys that all begin alike, one of them a thousand times on each side, and 40 % of the rows differing."""
    generator = np.random.default_rng(5)

    def text(digits: int) -> pl.Expr:
        return pl.lit(pl.Series(generator.integers(0, 10**digits, rows))).cast(pl.String).str.zfill(digits) + "丁目"

    names = [f"c{i:02}" for i in range(COLUMNS)]
    key = pl.when(pl.int_range(rows) < OF_ONE_KEY).then(pl.lit("0")).otherwise("id")
    left = pl.select(id="99999" + pl.int_range(rows).cast(pl.String).str.zfill(8)).with_columns(
        id=key, **{name: text(4 + i % 9) for i, name in enumerate(names)}
    )
    differs, which = pl.Series(generator.random(rows) < 0.4), pl.Series(generator.integers(0, COLUMNS, rows))
    right = left.with_columns(
        pl.when(differs & (which == i)).then("x" + pl.col(name)).otherwise(name).alias(name)
        for i, name in enumerate(names)
    )
    for name, side in (("left", left), ("right", right[generator.permutation(rows)])):
        write = side.write_parquet if form == "parquet" else side.write_csv
        write(folder / f"{name}.{form}")


def _diff(folder: Path, form: str, limit: str) -> tuple[Cost, bytes]:
    out = folder / f"out-{limit}"
    options: list[str | Path] = ["--key", "id", "--quiet", "--out", out, *(["--memory-limit", limit] if limit else [])]
    files = [folder / f"left.{form}", folder / f"right.{form}"]
    cost = measure([sys.executable, "-m", "reconcile", "diff", *files, *options], cwd=ROOT)
    assert cost.exit_code == 1
    return cost, (out / "findings.parquet").read_bytes()


@pytest.mark.parametrize(("form", "rows"), [("parquet", 500_000), ("csv", 400_000)])
def test_a_limit_holds_and_changes_no_finding(tmp_path: Path, form: str, rows: int) -> None:
    """What a run takes without one varies with what else the machine does; that it has to divide its work does not."""
    assert 0.4 * rows > budget(300 * MEBIBYTE, COLUMNS, 1).at_once, "else the limits would prove nothing"
    _pair(tmp_path, form, rows)
    _, findings = _diff(tmp_path, form, "")
    for limit in (300, 400):
        cost, found = _diff(tmp_path, form, f"{limit}MiB")
        assert cost.peak_anonymous_bytes <= limit * MEBIBYTE
        assert found == findings


@pytest.mark.parametrize(
    ("text", "expected"), [("", 0), ("300MiB", 300 << 20), ("1.5GiB", 3 << 29), ("512000 KiB", 500 << 20)]
)
def test_a_limit_is_a_number_and_a_unit(text: str, expected: int) -> None:
    assert memory_limit(text) == expected


@pytest.mark.parametrize("text", ["300", "300MB", "-1GiB", "lots", "1,5GiB", "299MiB", "0GiB"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--memory-limit"):
        memory_limit(text)


def test_a_run_file_may_name_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    assert limit_of(file) == "", "whoever reads the run file says that it is missing"
    file.write_text('memory_limit = "600MiB"\n', encoding="utf-8")
    assert limit_of(file) == "600MiB"
    file.write_text("memory_limit = 600\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a number and KiB, MiB or GiB"):
        memory_limit(limit_of(file))
    file.write_text("[[", encoding="utf-8")
    assert limit_of(file) == ""


@pytest.mark.parametrize(
    ("limit", "cores", "threads"), [(300, 8, 1), (449, 8, 1), (450, 8, 2), (450, 1, 1), (1350, 8, 8), (9000, 8, 8)]
)
def test_as_many_threads_read_as_the_limit_has_room_for(limit: int, cores: int, threads: int) -> None:
    assert threads_within(limit * MEBIBYTE, cores) == threads


@given(
    limit=st.integers(0, 8), rows=st.integers(0, 200_000_000), columns=st.integers(0, 300), threads=st.integers(1, 64)
)
def test_a_smaller_limit_never_lets_more_be_held(limit: int, rows: int, columns: int, threads: int) -> None:
    small, large = (budget((limit + more) * 128 * MEBIBYTE or 1, columns, threads) for more in (0, 1))
    assert small.suspects <= large.suspects
    assert small.rows_in_memory <= large.rows_in_memory
    assert small.at_once <= large.at_once
    assert FEWEST_SUSPECTS <= small.suspects <= small.at_once
    assert 1 <= large.partitions(rows) <= small.partitions(rows) <= MOST_PARTITIONS
