"""A run without a declared dataset, for the papers that show counts only."""

from collections.abc import Sequence

import polars as pl

from reconcile.model import (
    Balance,
    Dataset,
    Field,
    Preflight,
    Report,
    Side,
    SideReport,
    Verdict,
    findings_schema,
    variants_schema,
)
from reconcile.report.build import summarize
from tests.report.conftest import GATES, RUN

KEY = ("k", "<b>k2")
SECRETS = ("鍵の一", "鍵の二", "左の値", "右の値")
"""The keys and values of the findings."""


def ad_hoc(names: Sequence[str]) -> Report:
    """A key of two parts, and one finding in each of the columns named; two of the names are those of the sides too."""
    dataset = Dataset(
        name="left and right",
        fields=(*(Field(name=name, key=True) for name in KEY), *(Field(name=name) for name in names)),
    )
    count = len(names)
    balance = Balance(
        records=count, rows=count, out_of_scope=0, rejected=0, duplicate=0, matched=0, mismatched=count, only=0
    )
    preflight = Preflight(records=count, source_bytes=9, sha256="e" * 64)
    sides = {
        side: SideReport(label=label, balance=balance, preflight=preflight)
        for side, label in zip(Side, names, strict=False)
    }
    findings = pl.DataFrame(
        [
            (f"{number:064x}", *SECRETS[:2], "value", None, None, name, *SECRETS[2:], number, number, None, None)
            for number, name in enumerate(names, start=1)
        ],
        schema=findings_schema(KEY),
        orient="row",
    )
    variants = pl.DataFrame(schema=variants_schema(KEY))
    return Report(
        run=RUN,
        dataset=dataset,
        verdict=Verdict.MISMATCH,
        sides=sides,
        findings=findings,
        variants=variants,
        summary=summarize(RUN, dataset, Verdict.MISMATCH, sides, findings=findings, variants=variants, gates=GATES),
    )
