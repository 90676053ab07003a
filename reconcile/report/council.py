"""council.pdf: the paper for 墨田区住基ネットセキュリティ会議 (要綱第5条第2項第1号). A4, counts only, no residents.

The page is `templates/council.typ`. What it shows goes to Typst as one JSON text among the inputs of the document, never
into its source: a label that looks like markup is printed, not run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import typst

from reconcile.errors import ConfigError
from reconcile.model import Report

from reconcile.report import tables, wording

HANDLING = "取扱注意(集計のみ。個人を特定する情報を含まない)"

FONTS = ("Noto Sans CJK JP", "IPAexGothic", "IPAGothic", "IPAmjMincho", "Noto Serif CJK JP")
"""Fonts with Japanese, best first. IPAexGothic comes with the wheel matplotlib-fontja, the others with the system."""

BARS = 18
"""The chart shows so many codes; what is left is one bar more."""


def render(report: Report) -> bytes:
    """The paper as PDF/A-2b. Its date is the run's, so the same report on the same fonts gives the same bytes.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
        ConfigError: No font with Japanese was found.
    """
    searched = typst.Fonts(font_paths=_wheel_fonts())
    there = set(searched.families())
    usable = [family for family in FONTS if family in there]
    if not usable:
        raise ConfigError(
            "report.pdf", "no font with Japanese found", hint="pip install matplotlib-fontja, or fonts-noto-cjk"
        )
    paper = typst.compile(
        (files("reconcile.report") / "templates" / "council.typ").read_bytes(),
        font_paths=searched,
        sys_inputs={"paper": json.dumps(contents(report) | {"fonts": usable}, ensure_ascii=False)},
        timestamp=wording.epoch(report.run.started_at),
        pdf_standards="a-2b",
    )
    return bytes(paper)


def contents(report: Report) -> dict[str, object]:
    """All that the paper shows. Where the verdict claims nothing, no count of differences is in it."""
    claims = report.verdict in wording.CLAIMING
    lines = tables.by_code(report) if claims else []
    return {
        "title": "本人確認情報の整合性確認 結果報告",
        "audience": "墨田区住基ネットセキュリティ会議(要綱第5条第2項第1号)",
        "handling": HANDLING,
        "dataset": report.dataset.label or report.dataset.name,
        "verdict": report.verdict.value,
        "verdict_label": wording.VERDICTS[report.verdict],
        "headline": wording.headline(report),
        "claims": claims,
        "run_id": report.run.run_id,
        "version": report.run.version,
        "as_of": wording.moment(report.run.as_of),
        "started_at": wording.moment(report.run.started_at),
        "unit": wording.unit(report.dataset),
        "inputs": [asdict(side) for side in tables.inputs(report)],
        "accounts": [asdict(account) for account in tables.accounts(report)],
        "gates": tables.gates(report),
        "by_code": [asdict(line) for line in lines],
        "by_severity": [asdict(line) for line in tables.by_severity(report)] if claims else [],
        "bars": bars(lines, BARS),
        "findings": report.findings.height if claims else 0,
        "persons": tables.persons(report) if claims else 0,
        "by_rule": tables.by_rule(report) if claims else [],
        "trend": [_point(point) for point in report.trend],
    }


TREND = ("as_of", "verdict", "findings", "persons")
"""The items of a point of `Report.trend` that the paper shows."""

_VERDICTS = {verdict.value: words for verdict, words in wording.VERDICTS.items()}


def _point(point: Mapping[str, object]) -> dict[str, str]:
    shown = {name: str(point.get(name, "")) for name in TREND}
    return shown | {"verdict": _VERDICTS.get(shown["verdict"], shown["verdict"])}


def bars(lines: list[tables.Line], most: int) -> list[tuple[str, int]]:
    """What a chart by code shows: name and findings, most frequent first; what is too much becomes one bar."""
    ranked = sorted(lines, key=lambda line: -line.findings)
    shown = [(f"{line.code} {line.label}".strip(), line.findings) for line in ranked[:most]]
    rest = ranked[most:]
    return shown + [(f"その他 {len(rest)} 区分", sum(line.findings for line in rest))] * bool(rest)


def _wheel_fonts() -> list[Path]:
    """The folder of the font in the wheel; found without importing it, for that would import matplotlib."""
    spec = find_spec("matplotlib_fontja")
    return [Path(spec.origin).parent / "fonts"] if spec and spec.origin else []
