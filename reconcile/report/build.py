"""The numbers of a report: one JSON object, derived from the findings and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from reconcile.model import Dataset, Preflight, Run, Side, SideReport, Verdict

SCHEMA_VERSION = 1
SEVERITIES = ("重大", "要修正", "要確認", "時差", "情報", "対象外")
"""Gravest first."""


def summarize(  # noqa: PLR0917  the parts of one object, each once
    run: Run,
    dataset: Dataset,
    verdict: Verdict,
    sides: Mapping[Side, SideReport],
    findings: pl.DataFrame,
    variants: pl.DataFrame,
    gates: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The object of `summary.json` (`architecture.md` §5).

    Counts are of findings; `persons` counts distinct keys, each under its gravest severity. Every mapping is in a
    fixed order: severities by gravity, fields by the dataset, the rest by name.
    """
    order = {field.name: position for position, field in enumerate(dataset.fields)}
    return {
        "schema": SCHEMA_VERSION,
        "run_id": run.run_id,
        "version": run.version,
        "dataset": dataset.name,
        "as_of": run.as_of.isoformat(timespec="seconds"),
        "started_at": run.started_at.isoformat(timespec="seconds"),
        "verdict": verdict.value,
        "sides": {side.value: _side(one) for side, one in sides.items()},
        "findings": {
            "total": findings.height,
            "by_kind": _counts(findings, "kind"),
            "by_code": _counts(findings, "code"),
            "by_field": dict(sorted(_counts(findings, "field").items(), key=lambda item: order.get(item[0], -1))),
            "by_severity": _by_severity(_counts(findings, "severity")),
        },
        "persons": {"by_severity": _persons(findings, list(dataset.key))},
        "equal_by_rule": _counts(variants, "rule"),
        "variants_by_code": _counts(variants, "code"),
        "gates": list(gates),
    }


def share(part: int, whole: int) -> str:
    """A percentage that never rounds to "all" or "none": 2 of 100,000 missing is 99.998 %, not 100.0 %."""
    if whole == 0:
        return "-"
    if part in (0, whole):
        return f"{100 * part // whole}%"
    for digits in range(1, 10):
        text = f"{100 * part / whole:.{digits}f}"
        if float(text) not in (0.0, 100.0):
            return f"{text}%"
    return f"{part}/{whole}"


def _side(side: SideReport) -> dict[str, Any]:
    balance, preflight = side.balance, side.preflight
    return {
        "label": side.label,
        "records": balance.records,
        "rows": balance.rows,
        "out_of_scope": balance.out_of_scope,
        "rejected": balance.rejected,
        "duplicate": balance.duplicate,
        "matched": balance.matched,
        "mismatched": balance.mismatched,
        "only": balance.only,
        "sha256": preflight.sha256,
        **_envelope(preflight),
    }


def _envelope(preflight: Preflight) -> dict[str, Any]:
    said: dict[str, Any] = {"source_bytes": preflight.source_bytes}
    if preflight.trailer_count is not None:
        said["trailer_count"] = preflight.trailer_count
    if preflight.header:
        said["header"] = dict(preflight.header)
    return said


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.select(pl.col(column).drop_nulls()).to_series().value_counts(sort=False)
    return dict(sorted(counted.iter_rows()))


def _by_severity(counts: Mapping[str, int]) -> dict[str, int]:
    return {severity: counts[severity] for severity in SEVERITIES if severity in counts}


def _persons(findings: pl.DataFrame, key: list[str]) -> dict[str, int]:
    gravity = pl.col("severity").replace_strict(
        {severity: rank for rank, severity in enumerate(SEVERITIES)}, default=None, return_dtype=pl.Int32
    )
    gravest = findings.filter(pl.col("severity").is_not_null()).group_by(key).agg(rank=gravity.min())
    counted = dict(gravest["rank"].value_counts().iter_rows())
    return {severity: counted[rank] for rank, severity in enumerate(SEVERITIES) if rank in counted}
