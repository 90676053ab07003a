"""The findings and the variants as files of rows.

Parquet is the lossless form, for machines. CSV is for people and spreadsheets, and is changed where it must be.
"""

from __future__ import annotations

import io

import polars as pl

from reconcile.model import Report
from reconcile.report.build import HANDLING_PERSONAL, handling
from reconcile.report.disclosure import LIST_KEY, for_list, without_secrets

ROWS_A_GROUP = 131_072
"""Fixed, so that bytes do not depend on how a frame happened to be put together."""

_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
# OWASP, CSV injection: these begin a formula, the full-width ones under a Japanese locale.


def findings_parquet(report: Report) -> bytes:
    """`findings.parquet`: `findings_schema`, all of them, in their order; byte-identical for equal frames."""
    return _parquet(without_secrets(report.findings, report.dataset), report)


def variants_parquet(report: Report) -> bytes:
    """`variants.parquet`: `variants_schema`, all of them, in their order; byte-identical for equal frames."""
    return _parquet(without_secrets(report.variants, report.dataset), report)


def findings_csv(report: Report) -> bytes:
    """`findings.csv`: RFC 4180 (comma, CRLF, quotes where needed) in UTF-8 with a byte order mark, for spreadsheets.

    Columns: `findings_schema`. Two things differ from the Parquet file: a cell that begins with what a spreadsheet
    takes for a formula (= + - @, also full-width, TAB, CR, LF) gets a ' before it, and places are masked for a
    protected person (`disclosure.for_list`). A null is an empty cell, an empty text is "".
    """
    frame = for_list(report).drop(LIST_KEY)
    text = pl.col(pl.String)
    guarded = frame.with_columns(pl.when(text.str.contains(_FORMULA)).then(text.str.replace("^", "'")).otherwise(text))
    return guarded.write_csv(include_bom=True, line_terminator="\r\n", quote_style="necessary").encode()


def _parquet(frame: pl.DataFrame, report: Report) -> bytes:
    buffer = io.BytesIO()
    # A row group at a time becomes text: all of millions would be held twice.
    frame.lazy().with_columns(pl.col(pl.Categorical).cast(pl.String)).sink_parquet(
        buffer,
        compression="zstd",
        compression_level=3,
        statistics=True,
        row_group_size=ROWS_A_GROUP,
        # No run id: the same night twice is the same bytes, and the manifest names them.
        metadata={"handling": handling(report, HANDLING_PERSONAL)},
        engine="streaming",
    )
    return buffer.getvalue()
