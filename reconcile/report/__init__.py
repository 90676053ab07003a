"""Stage 6: a `Report` -> bytes, one renderer a file. The caller decides where they go.

Every renderer gives the same bytes for the same report: no clock, no random ids, fixed compression.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from reconcile.model import Report

FILES: Mapping[str, tuple[str, ...]] = {
    "xlsx": ("worklist.xlsx",),
    "pdf": ("council.pdf",),
    "html": ("page.html",),
    "parquet": ("findings.parquet", "variants.parquet"),
    "csv": ("findings.csv",),
    "json": ("summary.json",),
}
"""Format, as named on the command line -> the files it writes."""

# File -> "module:function". By name, so that a format's libraries are imported only when it is asked for.
_RENDERERS: Mapping[str, str] = {
    "worklist.xlsx": "worklist:render",
    "council.pdf": "council:render",
    "page.html": "page:render",
    "findings.parquet": "tables:findings_parquet",
    "variants.parquet": "tables:variants_parquet",
    "findings.csv": "tables:findings_csv",
    "summary.json": "tables:summary_json",
}


def render(name: str, report: Report) -> bytes:
    """The content of one file of `FILES`."""
    module, _, function = _RENDERERS[name].partition(":")
    content = getattr(import_module(f"reconcile.report.{module}"), function)(report)
    if not isinstance(content, bytes):
        raise TypeError(f"{name}: a renderer must give bytes")
    return content
