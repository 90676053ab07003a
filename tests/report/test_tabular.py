"""findings.parquet, variants.parquet, findings.csv."""

import csv
import io
from collections.abc import Callable

import polars as pl
from polars.testing import assert_frame_equal

from reconcile.model import Report
from reconcile.report import RENDERERS
from tests.report.conftest import HOSTILE


def test_parquet_is_lossless(report: Report) -> None:
    assert_frame_equal(pl.read_parquet(io.BytesIO(RENDERERS["parquet"](report))), report.findings)
    assert_frame_equal(pl.read_parquet(io.BytesIO(RENDERERS["variants"](report))), report.variants)


def test_parquet_does_not_depend_on_how_the_frame_was_put_together(make: Callable[..., Report], report: Report) -> None:
    pieces = pl.concat([report.findings[start : start + 5] for start in range(0, 24, 5)], rechunk=False)
    assert pieces.n_chunks() == 5
    assert RENDERERS["parquet"](make(findings=pieces)) == RENDERERS["parquet"](report)
    sliced = pl.concat([report.findings, report.findings])[24:]
    assert RENDERERS["parquet"](make(findings=sliced)) == RENDERERS["parquet"](report)


def test_parquet_names_its_handling_class_no_time_and_no_machine(make: Callable[..., Report], report: Report) -> None:
    for environment, mark in (("production", ""), ("test", "【テスト】")):
        for frame in ("parquet", "variants"):
            written = RENDERERS[frame](make(summary={**report.summary, "environment": environment}))
            said = pl.read_parquet_metadata(io.BytesIO(written))
            assert said.keys() <= {"ARROW:schema", "handling"}
            assert said["handling"] == f"{mark}取扱注意(個人情報を含む。業務目的外の利用及び許可のない持出しを禁ずる)"


def test_csv_reads_back_as_rfc_4180(report: Report) -> None:
    written = RENDERERS["csv"](report)
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\r\n") == 25
    rows = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline=""), strict=True))
    assert list(rows[0]) == report.findings.columns
    assert [row["finding_id"] for row in rows] == report.findings["finding_id"].to_list()
    assert rows[1]["juminhyo_code"] == "00000000027"


def test_no_cell_of_the_csv_begins_a_formula_and_no_other_is_changed(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(RENDERERS["csv"](report).decode("utf-8-sig"), newline="")))
    assert [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@\t\r\n＝＋－＠")] == []
    shown = {row["left_raw"] for row in rows}
    for text in HOSTILE:
        assert ("'" + text if text[0] in "=@+-\t＝" else text) in shown
