"""How many of how many: what became of every pair, and the headline rates with their denominators written out.

Persons and items are never mixed, and what is merely late is counted with and without (`reference/domain.md` §5 step 5,
§7; §12, traps 30 and 34).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from reconcile.errors import BalanceError
from reconcile.model import PART_OF, Category, Dataset, Limits, Place, Rates, Share
from reconcile.report.build import ACTIONABLE, PERSON, SEVERITIES, gravity, with_person

TRUE = ("重大", "要修正")
"""The severities of a true mismatch."""

LATE, REVIEW, INFORMATION = "時差", "要確認", "情報"

PAIRS = ("identical", "encoding", "notation", "approved", "timing", "information", "review", "mismatch")
"""What may become of a pair: the parts of `reference/domain.md` §7, and `information` (`docs/decisions.md` 26)."""

_ENCODING = "^same_mj$"
_APPROVED = r"(?:^|\+)approved:"
_PLACE = "_place"
_NOTHING = 255  # the rank of a row that has no finding


def event(rule: pl.Expr) -> pl.Expr:
    """The code of the event that a finding is part of (`classify.events`), null for one that stands for itself."""
    return rule.cast(pl.String).str.extract(f"^{PART_OF}([^+]+)")


def _standing(findings: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """Findings, a part of an event with the event's severity: by itself it is information, but who it is about is not."""
    if not dataset.taxonomy:
        return findings
    severities = {code: category.severity for code, category in dataset.taxonomy.items()}
    whole = event(pl.col("rule")).replace_strict(severities, default=None, return_dtype=pl.String)
    return findings.with_columns(severity=pl.coalesce(whole, "severity"))


def pair_classes(
    findings: pl.DataFrame, variants: pl.DataFrame, dataset: Dataset, matched: int, mismatched: int
) -> dict[str, int]:
    """What became of the pairs; every pair counts once, under the gravest thing that was found of it.

    Args:
        findings: `findings_schema`.
        variants: `variants_schema`.
        dataset: Says how grave an event is of which a value is part.
        matched: Pairs that agree, if need be under a rule, as the comparison counted them.
        mismatched: Pairs that do not.

    Returns:
        A count for each of PAIRS, in that order; the sum is all pairs. A difference without a severity (ad-hoc
        dataset) is a `mismatch`.

    Raises:
        BalanceError: The findings and the comparison do not tell the same number of pairs.
    """
    # Pairs are one to one, so the left row names the pair. Record numbers have no gaps to speak of: a byte for each of
    # them is a tenth of what grouping by them takes.
    told = findings.lazy().filter(pl.col("kind") == "value").select("left_row", "severity", "rule").collect()
    rows = told["left_row"].to_numpy()
    worst = np.full(int(rows.max(initial=0)) + 1, _NOTHING, dtype=np.uint8)
    np.minimum.at(worst, rows, _standing(told, dataset).select(gravity()).to_series().to_numpy())
    differing = np.flatnonzero(worst != _NOTHING).astype(np.uint32)
    named = {SEVERITIES.index(LATE): "timing", SEVERITIES.index(INFORMATION): "information"}
    named |= {SEVERITIES.index(REVIEW): "review", SEVERITIES.index("対象外"): "information"}
    counts = dict.fromkeys(PAIRS, 0)
    for rank, count in enumerate(np.bincount(worst[differing]).tolist()):
        counts[named.get(rank, "mismatch")] += count
    if len(differing) != mismatched:
        raise BalanceError("pairs", f"{mismatched} were found to differ, {len(differing)} have a finding that says so")
    rule = pl.col("rule").cast(pl.String).fill_null("")
    agreed = (
        variants.select("left_row", approved=rule.str.contains(_APPROVED), encoding=rule.str.contains(_ENCODING))
        .filter(~pl.col("left_row").is_in(pl.Series(differing).implode()))
        .group_by("left_row")
        .agg(pl.col("approved").any(), pl.col("encoding").all())
    )
    counts["approved"] = int(agreed["approved"].sum())
    counts["encoding"] = int((agreed["encoding"] & ~agreed["approved"]).sum())
    counts["notation"] = agreed.height - counts["approved"] - counts["encoding"]
    counts["identical"] = matched - agreed.height
    if counts["identical"] < 0:
        raise BalanceError("pairs", f"{matched} agree, but {agreed.height} agree under a rule")
    return counts


def rates(findings: pl.DataFrame, dataset: Dataset, pairs: int, fields: int) -> Rates | None:
    """The headline rates.

    Args:
        findings: `findings_schema`.
        dataset: Its taxonomy, and which codes it keeps apart.
        pairs: How many pairs were compared.
        fields: How many values of each.

    Returns:
        None for a dataset without a taxonomy: nobody said what is a true mismatch. A person counts once, under the
        gravest of their findings; codes of a budget count in their budget alone. The values of somebody else under a
        code are no items: the event is one.
    """
    if not dataset.taxonomy:
        return None
    budgets = {name: [code for code, of in dataset.budget.items() if of == name] for name in dataset.budget.values()}
    people = with_person(_standing(findings, dataset), dataset)
    headline = people.filter(~pl.col("code").is_in(list(dataset.budget)).fill_null(value=False))
    worst = headline.group_by(PERSON).agg(pl.col("severity").sort_by(gravity()).first())["severity"]

    def shares(severities: pl.Series, whole: int, kept: Mapping[str, int]) -> dict[str, Share]:
        found = dict(severities.value_counts(name="_n").iter_rows())
        true = sum(found.get(name, 0) for name in TRUE)
        late = found.get(LATE, 0)
        return {
            "mismatch": Share(label="不一致(重大・要修正)、時差を除く", count=true, of=whole),
            "with_timing": Share(label="不一致(重大・要修正)、時差を含む", count=true + late, of=whole),
            "timing": Share(label="時差のみ", count=late, of=whole),
            "review": Share(label="要確認", count=found.get(REVIEW, 0), of=whole),
            **{name: Share(label=f"{name}(別枠)", count=count, of=whole) for name, count in kept.items()},
        }

    kept = {name: people.filter(pl.col("code").is_in(codes)) for name, codes in budgets.items()}
    return Rates(
        persons=shares(worst, pairs, {name: frame[PERSON].n_unique() for name, frame in kept.items()}),
        items=shares(
            headline.filter(event(pl.col("rule")).is_null())["severity"],
            pairs * fields,
            {name: frame.height for name, frame in kept.items()},
        ),
    )


def places(findings: pl.DataFrame, where: pl.Series, dataset: Dataset, limits: Limits) -> tuple[Place, ...]:
    """Persons with a difference that asks for action, by place; a place of few is not named.

    Counts of one to four persons may tell who is meant (`reference/domain.md` §6), so that such places are summed up
    in one line without names. If that line were as small itself, the smallest named place joins it: nobody can take it
    apart by subtracting from the total, which stays exact.

    Args:
        findings: `findings_schema`.
        where: The place of each finding, in their order; null where it is not known.
        dataset: Says what a person is.
        limits: From how many persons on a place is shown.

    Returns:
        The largest first, then by name; the rest last, with an empty label. The sum is all such persons.
    """
    people = with_person(_standing(findings, dataset), dataset).with_columns(where.alias(_PLACE))
    acting = people.filter(pl.col("severity").is_null() | pl.col("severity").is_in(sorted(ACTIONABLE)))
    # A person of two places (a move that only one side knows) counts once, at the first by name.
    one = acting.group_by(PERSON).agg(pl.col(_PLACE).min())
    counted = one[_PLACE].value_counts(name="_n").sort("_n", _PLACE, descending=[True, False]).rows()
    named = [Place(label=name, persons=n) for name, n in counted if name is not None and n >= limits.small_cell]
    rest = [n for name, n in counted if name is None or n < limits.small_cell]
    while named and rest and sum(rest) < limits.small_cell:
        rest.append(named.pop().persons)
    if rest:
        named.append(Place(label="", persons=sum(rest), places=len(rest)))
    return tuple(named)


def changes(dataset: Dataset) -> list[Category]:
    """The codes of which the site has decided otherwise, in the taxonomy's order."""
    return [category for category in dataset.taxonomy.values() if category.change is not None]
