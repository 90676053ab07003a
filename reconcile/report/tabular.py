"""The complete results, for machines: Parquet, JSON, and a CSV for people who have nothing else."""

from __future__ import annotations

import json
from io import BytesIO

import polars as pl

from reconcile.model import Report

# A spreadsheet takes a cell that begins so for a formula (CSV has no way to say that it is text).
_FORMULA = r"^[=+\-@\t\r＝]"


def findings_parquet(report: Report) -> bytes:
    """Every finding, never sampled."""
    return _parquet(report.findings)


def variants_parquet(report: Report) -> bytes:
    """Every value that differs as written and agrees under a rule."""
    return _parquet(report.variants)


def findings_csv(report: Report) -> bytes:
    """Every finding as RFC 4180 text in UTF-8.

    For people: a text that a spreadsheet would take for a formula gets a leading apostrophe. The lossless copy is
    the Parquet file.
    """
    guarded = report.findings.with_columns(
        pl.when(pl.col(pl.String).str.contains(_FORMULA))
        .then("'" + pl.col(pl.String))
        .otherwise(pl.col(pl.String))
        .name.keep()
    )
    return guarded.write_csv(line_terminator="\r\n").encode()


def summary_json(report: Report) -> bytes:
    """The numbers, as `build.summarize` made them."""
    return json.dumps(report.summary, ensure_ascii=False, indent=1).encode() + b"\n"


def _parquet(frame: pl.DataFrame) -> bytes:
    content = BytesIO()
    # Row groups of a fixed size: the bytes must not depend on how the frame is chunked in memory.
    frame.rechunk().write_parquet(content, compression="zstd", compression_level=3, row_group_size=100_000)
    return content.getvalue()
