"""What goes wrong only with many rows: rounding, samples, repeated keys that multiply (traps 16, 17, 35)."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from reconcile import compare
from reconcile.model import Side
from tests.golden import run_here


def write(rows: pl.DataFrame, path: Path) -> Path:
    rows.write_parquet(path)
    return path


def numbered(rows: int) -> pl.DataFrame:
    return pl.select(
        id=pl.int_range(rows).cast(pl.String).str.zfill(11), v=pl.int_range(rows).cast(pl.String).str.reverse()
    )


def test_two_of_a_hundred_thousand_are_never_a_hundred_percent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = numbered(100_000)
    changed = rows.with_columns(
        v=pl.when(pl.col("id").is_in(["00000000007", "00000099999"])).then(pl.lit("?")).otherwise("v")
    )
    left, right = write(rows, tmp_path / "left.parquet"), write(changed, tmp_path / "right.parquet")
    outcome = run_here(["diff", str(left), str(right), "--key", "id", "--lang", "en"], tmp_path, capfd)
    assert outcome.exit == 1
    shares = [float(share) for share in re.findall(r"([0-9.]+) ?[%％]", outcome.stdout)]
    assert not {0.0, 100.0} & set(shares), outcome.stdout
    assert re.search(r"99[,.]?998", outcome.stdout), "two are missing from a hundred thousand that match"


def test_the_one_changed_row_is_not_lost_among_ten_thousand_missing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = numbered(10_001)
    changed = rows.tail(1).with_columns(v=pl.lit("?"))
    left, right = write(rows, tmp_path / "left.parquet"), write(changed, tmp_path / "right.parquet")
    out = tmp_path / "out"
    args = ["diff", str(left), str(right), "--key", "id", "--lang", "en", "--out", str(out), "--report", "parquet"]
    outcome = run_here(args, out, capfd)
    assert outcome.exit == 1
    assert re.search(r"10,?000", outcome.stdout)
    assert "value" in outcome.stdout
    found = pl.read_parquet(out / "findings.parquet")
    assert found.height == 10_001
    assert found.filter(kind="value")["id"].to_list() == ["00000010000"]


def test_a_key_that_repeats_on_both_sides_does_not_multiply() -> None:
    """20,000 rows a side under one key: 400,000,000 pairs, were they joined."""
    rows = numbered(20_000).with_columns(id=pl.lit("1"))
    other = rows.with_columns(v=pl.when(pl.int_range(pl.len()) < 5_000).then(pl.lit("x") + pl.col("v")).otherwise("v"))
    result = compare(rows, other, key=["id"])
    assert result.findings["kind"].to_list() == ["duplicate_left", "duplicate_right"]
    assert set(result.findings["hint"]) == {"ambiguous 20000 × 20000"}
    for side in Side:
        assert (result.balance[side].matched, result.balance[side].duplicate) == (15_000, 5_000)


def test_a_wide_table_says_which_of_its_columns_differs() -> None:
    wide = numbered(500).with_columns(pl.col("v").alias(f"c{n:03d}") for n in range(216))
    changed = wide.with_columns(c123=pl.when(pl.col("id") == "00000000321").then(pl.lit(None)).otherwise("c123"))
    result = compare(wide, changed, key=["id"])
    assert result.findings.select("id", "kind", "field", "left_raw", "right_raw").rows() == [
        ("00000000321", "value", "c123", "123", None)
    ]
