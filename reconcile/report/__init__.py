"""Findings -> `Report` -> bytes: one renderer a format, each a pure function.

The libraries behind a format (xlsxwriter, typst, Jinja2) are imported when it is rendered, so that a run that wants
only JSON neither waits for them nor needs them. Nothing here opens a file: the edge writes what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import cast

from reconcile.errors import ConfigError
from reconcile.model import Report
from reconcile.report.profiles import PROFILES, READERS, for_reader

__all__ = ["FILE_NAMES", "FORMATS", "PROFILES", "RENDERERS", "Renderer", "render"]

Renderer = Callable[[Report], bytes]

# Format -> the module and the function that render it.
_PLACES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "xlsx": ("worklist", "render"),
        "pdf": ("council", "render"),
        "html": ("page", "render"),
        "parquet": ("tabular", "findings_parquet"),
        "variants": ("tabular", "variants_parquet"),
        "csv": ("tabular", "findings_csv"),
        "json": ("build", "render"),
    }
)


_OF_ANY_SIZE = ("parquet", "variants", "json")
"""What is written of millions of findings as well: their frames stay as compact as they are."""


def _render(name: str, report: Report) -> bytes:
    module, function = _PLACES[name]
    try:
        renderer = cast("Renderer", getattr(import_module(f"reconcile.report.{module}"), function))
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"report.{name}",
            f"the package {missing.name!r} is not installed",
            hint="pip install 'reconcile[pdf]'" if name == "pdf" else "install reconcile with its dependencies",
        ) from None
    return renderer(report)


RENDERERS: Mapping[str, Renderer] = MappingProxyType({name: partial(_render, name) for name in _PLACES})
"""Format -> renderer. The same report gives the same bytes, whenever and wherever it is rendered."""

FILE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "xlsx": "worklist.xlsx",
        "pdf": "council.pdf",
        "html": "page.html",
        "parquet": "findings.parquet",
        "variants": "variants.parquet",
        "csv": "findings.csv",
        "json": "summary.json",
    }
)
"""Format -> file name. Roles only: a file name is seen by people who may not see the file (mail, print queue)."""

FORMATS = ("xlsx", "pdf", "html", "parquet", "csv", "json")
"""What `--report` accepts; "parquet" stands for both frames."""


def render(report: Report, formats: Iterable[str] = FORMATS, profile: str = "") -> Iterator[tuple[str, bytes]]:
    """Render the formats one after the other, so that one document at a time is in memory.

    Args:
        report: What to render.
        formats: Names out of `FORMATS`.
        profile: For whom all of them are (`profiles.PROFILES`); "" for whom each is made.

    Yields:
        File name and contents.

    Raises:
        ConfigError: An unknown format or profile, or a format whose package or font is not installed.
    """
    for name in formats:
        if name not in FORMATS:
            raise ConfigError("report", f"got {name!r}, expected some of {', '.join(FORMATS)}")
        for part in ("parquet", "variants") if name == "parquet" else (name,):
            shown = for_reader(report, profile or READERS[part])
            yield FILE_NAMES[part], RENDERERS[part](shown if part in _OF_ANY_SIZE else shown.in_text())
