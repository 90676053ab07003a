"""What is proposed for each finding: a pure look-up of the dataset's table, for people to decide on. Nothing is applied.

The facts that a proposal may ask for, of one finding: its kind; every rule that explains it ("approved" for an entry
of the site's table); its hint, where the hint is a name; `left_missing` or `right_missing`, the side without a value;
`left_valid` or `right_valid`, the only side whose check digit holds, and `both_invalid`.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from reconcile.model import PART_OF, Dataset, Direction, Proposal
from reconcile.report.words import APPROVED, HINT_LABELS, without_parts

PROPOSED = pl.Schema({"direction": pl.String, "measure": pl.String, "ground": pl.String})
"""What `propose` returns, one row a finding in their order; null where the dataset proposes nothing."""

_AMBIGUOUS = "ambiguous"
_SITUATION = ("code", "kind", "rule", "fact", "missing", "digits")


def propose(findings: pl.DataFrame, dataset: Dataset, key: Sequence[str]) -> pl.DataFrame:
    """The proposal for each finding.

    Args:
        findings: `findings_schema`, all findings of a key, in any order; what check digits say is looked up in them.
        dataset: Its proposals.
        key: The names of the key's columns here.

    Returns:
        PROPOSED, in the order of the findings.
    """
    situations = _situations(findings, key)
    # A ward's thousand findings are a few dozen situations: only those are looked up.
    distinct = situations.unique(maintain_order=True)
    found = [_first(row, dataset) for row in distinct.iter_rows(named=True)]
    table = distinct.with_columns(
        direction=pl.Series([None if one is None else one.direction.value for one in found], dtype=pl.String),
        measure=pl.Series([None if one is None else one.measure for one in found], dtype=pl.String),
        ground=pl.Series([None if one is None else one.ground for one in found], dtype=pl.String),
    )
    return situations.join(
        table, on=list(_SITUATION), how="left", nulls_equal=True, maintain_order="left"
    ).match_to_schema(PROPOSED, extra_columns="ignore")


def words(left: str, right: str) -> dict[str, str]:
    """Direction -> how a list says it, with the names of the sides."""
    return {
        Direction.TO_LEFT: f"{right} → {left}",
        Direction.TO_RIGHT: f"{left} → {right}",
        Direction.INVESTIGATE: "調査",
        Direction.WAIT: "待つ",
        Direction.NONE: "-",
    }


def _situations(findings: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """What a proposal depends on, one row a finding: never a value."""
    hint = without_parts(pl.col("hint"))
    is_value = pl.col("kind") == "value"
    left, right = (pl.col(f"{side}_raw").is_null() for side in ("left", "right"))
    missing = (
        pl.when(is_value & (hint == "left_missing"))
        .then(pl.lit("left_missing"))
        .when(is_value & (hint == "right_missing"))
        .then(pl.lit("right_missing"))
        # Both null: a secret value, of which only the hint tells.
        .when(is_value & left & ~right)
        .then(pl.lit("left_missing"))
        .when(is_value & right & ~left)
        .then(pl.lit("right_missing"))
    )
    named = pl.when(hint.is_in(list(HINT_LABELS))).then(hint).when(hint.str.starts_with(_AMBIGUOUS))
    return findings.select(
        "code",
        "kind",
        "rule",
        fact=named.then(pl.lit(_AMBIGUOUS)),
        missing=missing,
        digits=_digits(key),
    )


def _digits(key: Sequence[str]) -> pl.Expr:
    """Of a field with a check digit under one key: which side's alone holds, as far as a finding says it fails."""
    about = [*key, "field"]
    wrong = {side: (pl.col("kind") == f"check_digit_{side}").any().over(about) for side in ("left", "right")}
    return (
        pl.when(pl.col("field").is_null() | ~(wrong["left"] | wrong["right"]))
        .then(None)
        .when(wrong["left"] & wrong["right"])
        .then(pl.lit("both_invalid"))
        # Only a pair of values says that the other side has one to be right.
        .when((pl.col("kind") == "value") & wrong["right"])
        .then(pl.lit("left_valid"))
        .when((pl.col("kind") == "value") & wrong["left"])
        .then(pl.lit("right_valid"))
    )


def _first(situation: dict[str, str | None], dataset: Dataset) -> Proposal | None:
    event = (situation["rule"] or "").split("+")[0]
    if event.startswith(PART_OF):
        code = event.removeprefix(PART_OF)
        ground = "同じ人の、より重い差異の一部"
        return Proposal(direction=Direction.INVESTIGATE, measure=f"{code}の処理に含めて判断", ground=ground)
    facts = {situation[name] for name in ("kind", "fact", "missing", "digits")}
    for rule in (situation["rule"] or "").split("+"):
        facts |= {rule, "approved"} if rule.startswith(APPROVED) else {rule}
    proposals = dataset.proposals.get(situation["code"] or "", ())
    return next((one for one in proposals if one.when <= facts), None)
