"""What a run found, as counts: the JSON object of `architecture.md` §5.

Counts only: no key, no value, no row number of a resident stands in it, so it may be kept and shown (issue of
disclosure: `reliability.md` F134, F143).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import polars as pl

from reconcile.model import PART_OF, Dataset, Report, Run, Side, SideReport, Verdict

SCHEMA = 1
"""The version of the JSON object. It rises when a name or a meaning changes, not when a name is added."""

HANDLING = "取扱注意"
"""取扱区分 (`reference/domain.md` §7, section 1): the class that stands on everything that is put out."""

TEST_MARK = "【テスト】"
"""Before the class of everything that is put out about invented people."""

HANDLING_PERSONAL = f"{HANDLING}(個人情報を含む。業務目的外の利用及び許可のない持出しを禁ずる)"
HANDLING_COUNTS = f"{HANDLING}(件数のみ。個人を特定する情報を含まない)"

SEVERITIES = ("重大", "要修正", "要確認", "時差", "情報", "対象外")
"""Gravest first (`reference/domain.md` §11); a severity that is not listed comes after them."""

ACTIONABLE = frozenset(("重大", "要修正", "要確認"))
"""The severities that ask somebody to act. A finding without one (ad-hoc dataset) asks as well."""

PERSON = "_person"
"""The column that `with_person` adds."""


def summarize(
    run: Run,
    dataset: Dataset,
    verdict: Verdict,
    sides: Mapping[Side, SideReport],
    *,
    findings: pl.DataFrame,
    variants: pl.DataFrame,
    gates: Sequence[Mapping[str, str]] = (),
) -> dict[str, object]:
    """Count a run.

    Args:
        run: Which run it is.
        dataset: Gives the order of codes and fields.
        verdict: What the run may claim.
        sides: The sides that were read; one that could not be read is absent, and then absent from the result.
        findings: `findings_schema`.
        variants: `variants_schema`.
        gates: One mapping a gate, with the keys `gate`, `outcome` ("passed", "failed", "skipped") and `detail`;
            no personal values.

    Returns:
        The object of `architecture.md` §5, with `suppressed`, `equal_by_rule` and `gates` added. Names without a count are
        left out. Order: kinds and rules by name, codes by taxonomy, fields as declared, severities by gravity.
        `persons.by_severity` counts every person once, under the gravest severity.
    """
    return {
        "schema": SCHEMA,
        "run_id": run.run_id,
        "handling": HANDLING_COUNTS,
        "dataset": dataset.name,
        "as_of": run.as_of.isoformat(),
        "verdict": verdict.value,
        "sides": {side.value: _side(sides[side]) for side in Side if side in sides},
        "findings": {
            "by_kind": count(findings["kind"]),
            "by_code": count(findings["code"], tuple(dataset.taxonomy)),
            "by_field": count(findings["field"], tuple(f.name for f in dataset.fields)),
            "by_severity": count(findings["severity"], SEVERITIES),
        },
        "suppressed": _suppressed(findings, dataset),
        "persons": {"by_severity": count(gravest(findings, dataset), SEVERITIES)},
        "equal_by_rule": count(variants["rule"]),
        "gates": [dict(gate) for gate in gates],
    }


def _suppressed(findings: pl.DataFrame, dataset: Dataset) -> dict[str, object]:
    """The findings that are parts of an event (`classify.events`): they stand in the other counts, too."""
    # A rule stands on many findings: each is looked at once.
    rules = findings["rule"].drop_nulls().value_counts(name="_n")
    event = pl.col("rule").cast(pl.String).str.extract(f"^{PART_OF}([^+]+)")
    counted = dict(rules.group_by(event).agg(pl.col("_n").sum()).drop_nulls().iter_rows())
    return {"findings": sum(counted.values()), "by_event": _ordered(counted, tuple(dataset.taxonomy))}


def render(report: Report) -> bytes:
    """`summary.json`: UTF-8, one newline at the end, the order of `summarize`."""
    return (json.dumps(report.summary, ensure_ascii=False, indent=2) + "\n").encode()


def count(values: pl.Series, order: Sequence[str] = ()) -> dict[str, int]:
    """How often each value stands in a text column; nulls are not counted.

    Values come in the given order, then those that it does not name, sorted.
    """
    return _ordered(dict(values.drop_nulls().value_counts(name="_n").iter_rows()), order)


def _ordered(counted: dict[str, int], order: Sequence[str]) -> dict[str, int]:
    known = {name: int(counted.pop(name)) for name in order if name in counted}
    return known | {name: int(counted[name]) for name in sorted(counted)}


def with_person(findings: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Add the column `_person`: equal for the findings of one person.

    A person is a key. Where a part of the key is missing, nobody knows whose the row is, and it counts by itself.
    """
    unknown = pl.any_horizontal(pl.col(name).is_null() for name in dataset.key)
    row = [pl.when(unknown).then(pl.col(name)) for name in ("left_row", "right_row")]
    return findings.with_columns(pl.struct(*dataset.key, *row).rank("dense").alias(PERSON))


def gravest(findings: pl.DataFrame, dataset: Dataset) -> pl.Series:
    """The gravest severity of each person, in no particular order; null for a person without any.

    Nobody's, where no finding has one (an ad-hoc dataset): all people would be told apart for nothing.
    """
    if findings["severity"].null_count() == findings.height:
        return findings["severity"].clear()
    return (
        with_person(findings, dataset).group_by(PERSON).agg(pl.col("severity").sort_by(gravity()).first())["severity"]
    )


def gravity() -> pl.Expr:
    """The rank of a severity, 0 for the gravest; those not listed, and null, come last."""
    ranks = {name: rank for rank, name in enumerate(SEVERITIES)}
    return pl.col("severity").replace_strict(ranks, default=len(ranks), return_dtype=pl.UInt8)


def needs_action() -> pl.Expr:
    """Whether somebody has to act on a finding."""
    return pl.col("severity").is_null() | pl.col("severity").is_in(sorted(ACTIONABLE))


def _side(side: SideReport) -> dict[str, object]:
    balance = side.balance
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
        "sha256": side.preflight.sha256,
    }


def in_environment(summary: Mapping[str, object], environment: str) -> dict[str, object]:
    """A summary that says in which environment it was made, if that is known; a test says so in its class, too."""
    told = {**summary, "environment": environment} if environment else dict(summary)
    return told | ({"handling": f"{TEST_MARK}{HANDLING_COUNTS}"} if environment == "test" else {})


def handling(report: Report, kind: str) -> str:
    """The class of one output (`HANDLING`, …) as it stands on it: that of a test is not to be taken for the real one."""
    return f"{TEST_MARK}{kind}" if report.summary.get("environment") == "test" else kind
