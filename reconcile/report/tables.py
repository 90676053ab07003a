"""The tables that every report shows, as rows ready to print. Counts only: no key, no value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from reconcile.model import Report, Side
from reconcile.report import wording
from reconcile.report.build import PERSON, gravest, gravity, with_person

RECORD = "(記録全体)"
"""Stands for the field of a finding that is about a whole record."""

NO_SEVERITY = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How often one thing was found: `findings`, and `persons` concerned, each counted once in this line."""

    severity: str
    code: str
    label: str
    actor: str
    findings: int
    persons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One line of the balance; `counts` has one figure a side that was read, left first."""

    label: str
    counts: tuple[int, ...]
    total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One side as it was read. `share` is the part of the compared records that matched."""

    label: str
    records: int
    source_bytes: int
    sha256: str
    header: str
    equation: str
    closes: bool
    share: str


def by_code(report: Report) -> list[Line]:
    """One line a severity and code (a kind, where there is no code), gravest first, then in the taxonomy's order."""
    taxonomy = report.dataset.taxonomy
    kinds = wording.kinds(report)
    order = {code: place for place, code in enumerate(taxonomy)}
    lines: list[Line] = []
    for severity, code, kind, findings, persons in _grouped(
        report, "severity", "code", pl.when(pl.col("code").is_null()).then(pl.col("kind")).alias("kind")
    ):
        category = taxonomy.get(code or "")
        lines.append(
            Line(
                severity=severity or NO_SEVERITY,
                code=code or "",
                label=category.label if category else kinds.get(kind or "", kind or code or ""),
                actor=category.actor.strip("-") if category else "",
                findings=findings,
                persons=persons,
            )
        )
    severities = _severities(report)
    return sorted(lines, key=lambda line: (severities[line.severity], order.get(line.code, len(order)), line.label))


def by_severity(report: Report) -> list[Line]:
    """One line a severity, gravest first; a person counts once, under the gravest."""
    findings = report.findings["severity"].fill_null(NO_SEVERITY).value_counts(name="_n")
    people = gravest(report.findings, report.dataset).fill_null(NO_SEVERITY).value_counts(name="_n")
    persons = dict(people.iter_rows())
    found = dict(findings.iter_rows())
    return [
        Line(severity=name, code="", label="", actor="", findings=found[name], persons=persons.get(name, 0))
        for name in _severities(report)
    ]


def by_field(report: Report) -> list[Line]:
    """One line a field, as declared; findings about a whole record come last."""
    labels = field_labels(report)
    order = {name: place for place, name in enumerate(labels)}
    lines = sorted(_grouped(report, "field"), key=lambda row: (order.get(row[0] or "", len(order)), row[0] or "~"))
    return [
        Line(severity="", code="", label=labels.get(name, name) if name else RECORD, actor="", findings=n, persons=p)
        for name, n, p in lines
    ]


def by_rule(report: Report) -> list[tuple[str, str, int]]:
    """Values that differ as written and agree under a rule: rule, field and count, by rule and field order."""
    labels = field_labels(report)
    order = {name: place for place, name in enumerate(labels)}
    counted = report.variants.group_by("rule", "field").len().rows()
    counted.sort(key=lambda row: (row[0] or "", order.get(row[1] or "", len(order)), row[1] or ""))
    return [(rule or "", labels.get(name, name or RECORD), int(n)) for rule, name, n in counted]


def accounts(report: Report) -> list[Account]:
    """The balance of both sides, line by line (`architecture.md` §4)."""
    balances = [report.sides[side].balance for side in _read(report)]
    own = "相手側になし"
    return [
        Account(label="入力の記録数(事前検査)", counts=tuple(b.records for b in balances), total=True),
        Account(label="読み込んだ行数", counts=tuple(b.rows for b in balances), total=True),
        Account(label="対象外", counts=tuple(b.out_of_scope for b in balances)),
        Account(label="比較不能(様式・値の不備)", counts=tuple(b.rejected for b in balances)),
        Account(label="キー重複で対応付け不能", counts=tuple(b.duplicate for b in balances)),
        Account(label="一致", counts=tuple(b.matched for b in balances)),
        Account(label="不一致", counts=tuple(b.mismatched for b in balances)),
        Account(label=own, counts=tuple(b.only for b in balances)),
    ]


def inputs(report: Report) -> list[Input]:
    """Both sides as they were read, left first."""
    return [
        Input(
            label=wording.label(report, side),
            records=about.balance.records,
            source_bytes=about.preflight.source_bytes,
            sha256=about.preflight.sha256,
            header=about.preflight.header.get("extracted_at", ""),
            equation=wording.equation(about.balance),
            closes=about.balance.closes,
            share=wording.percent(about.balance.matched, about.balance.rows - about.balance.out_of_scope),
        )
        for side in _read(report)
        for about in (report.sides[side],)
    ]


def gates(report: Report) -> list[tuple[str, str, str]]:
    """The gates of the run: name, outcome in words, detail with what to do where one was not passed."""
    listed = report.summary.get("gates", ())
    rows = [gate for gate in listed if isinstance(gate, dict)] if isinstance(listed, (list, tuple)) else []
    return [
        (
            str(row.get("gate", "")),
            wording.OUTCOMES.get(str(row.get("outcome", "")), str(row.get("outcome", ""))),
            str(row.get("detail", "")) + (f" → {row['todo']}({row.get('code', '')})" if row.get("todo") else ""),
        )
        for row in rows
    ]


def persons(report: Report) -> int:
    """How many persons (keys) any finding concerns."""
    return gravest(report.findings, report.dataset).len()


def field_labels(report: Report) -> dict[str, str]:
    """Field name -> what people call it, as declared."""
    return {f.name: f.label or f.name for f in report.dataset.fields}


def _grouped(report: Report, *by: str | pl.Expr) -> list[tuple[Any, ...]]:
    people = with_person(report.findings, report.dataset)
    return people.group_by(*by).agg(pl.len(), pl.col(PERSON).n_unique()).rows()


def _severities(report: Report) -> dict[str, int]:
    """The severities that occur, in order of gravity -> their place."""
    names = report.findings.select("severity").unique().sort(gravity(), "severity")["severity"]
    return {name: place for place, name in enumerate(names.fill_null(NO_SEVERITY))}


def _read(report: Report) -> list[Side]:
    return [side for side in Side if side in report.sides]
