"""What is said of a run as a whole: fetches what the alarms, causes and rates need, and puts them together.

Only counts leave this module. The rows of findings are looked at again for where they belong (町字, batch, day); all rows
are counted only for values that many findings share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from reconcile.classify import Findings
from reconcile.classify.alarms import feed_stop, mass_mismatch
from reconcile.classify.causes import DAY, GROUP, causes
from reconcile.extract.tally import Counted
from reconcile.model import ROW, Alarm, Balance, Dataset, Limits, Outside, Overall, Rates, Share, Side
from reconcile.report.build import SEVERITIES
from reconcile.report.rates import LATE, event, pair_classes, places, rates
from reconcile.search.check import Input
from reconcile.survey import described, feed, rows_with

_AHEAD = 5
"""Columns that are counted beside the one that is asked for: the next causes are most likely about them."""

_DAY_OF = 8  # digits of the day in a processing time


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a run has seen, before it is judged as a whole.

    Attributes:
        inputs: Both sides, without what is out of scope.
        balance: Both sides' rows.
        outside: `survey.OUTSIDE`: rows that are out of scope.
        findings: What was found.
        fields: How many values of a pair were compared.
        at: The instant of the comparison.
    """

    inputs: Mapping[Side, Input]
    balance: Mapping[Side, Balance]
    outside: Mapping[Side, pl.DataFrame]
    findings: Findings
    fields: int
    at: datetime


def overall(seen: Seen, dataset: Dataset, limits: Limits, previous: Sequence[float]) -> Overall:
    """Judge a run as a whole.

    Args:
        seen: What it has seen.
        dataset: With the site's own severities.
        limits: The thresholds.
        previous: The share of truly mismatched persons in earlier runs, oldest first.

    Raises:
        BalanceError: The findings and the comparison do not tell the same number of pairs.
    """
    balance, findings = seen.balance[Side.LEFT], seen.findings.findings
    pairs = balance.matched + balance.mismatched
    counted = rates(findings, dataset, pairs, seen.fields)
    where = _whereabouts(seen, dataset)
    placed = findings.hstack(where)
    labels = {side: entry.snapshot.label or side.value for side, entry in seen.inputs.items()}
    considered = placed
    if dataset.taxonomy:
        late = (pl.col("severity") == LATE).fill_null(value=False)
        considered = placed.filter(~late & event(pl.col("rule")).is_null())
    place = f"{GROUP}{dataset.place}"
    return Overall(
        alarms=_alarms(seen, dataset, limits, (counted, pairs, previous)),
        causes=causes(considered, dataset, limits, _Rows(seen, dataset, pairs), labels),
        considered=considered.height,
        pairs=pair_classes(findings, seen.findings.variants, dataset, balance.matched, balance.mismatched),
        rates=counted,
        outside=_outside(seen.outside, dataset),
        limits=limits,
        places=places(findings, placed[place], dataset, limits) if place in placed.columns else (),
    )


def said(about: Overall, dataset: Dataset) -> dict[str, object]:
    """The parts of `summary.json` that are about the run as a whole; counts and declared words only."""
    alarms = [asdict(one) for one in about.alarms]
    return {
        "alarms": alarms,
        "causes": [asdict(one) for one in about.causes],
        "considered": about.considered,
        "pairs": dict(about.pairs),
        "rates": None if about.rates is None else _rates(about.rates),
        "scope": [asdict(one) for one in about.outside],
        "places": [asdict(one) for one in about.places],
        "limits": asdict(about.limits),
        "severity_changes": [
            {**asdict(one.change), "declared": one.declared} for one in dataset.taxonomy.values() if one.change
        ],
    }


def _rates(rates: Rates) -> dict[str, dict[str, dict[str, object]]]:
    def shares(of: Mapping[str, Share]) -> dict[str, dict[str, object]]:
        return {name: {"count": one.count, "of": one.of, "rate": one.rate} for name, one in of.items()}

    return {"persons": shares(rates.persons), "items": shares(rates.items)}


def _alarms(
    seen: Seen, dataset: Dataset, limits: Limits, counted: tuple[Rates | None, int, Sequence[float]]
) -> tuple[Alarm, ...]:
    found, pairs, previous = counted
    alarms: list[Alarm | None] = []
    clocks = feed(seen.inputs, dataset, seen.at)
    if clocks is not None:
        alarms.append(feed_stop(clocks.newest, (clocks.overdue, clocks.first, clocks.last), dataset, limits))
    if found is not None:
        alarms.append(mass_mismatch(found.persons["mismatch"].count, pairs, previous, dataset, limits))
    raised = [one for one in alarms if one is not None]
    return tuple(sorted(raised, key=lambda one: (SEVERITIES.index(one.severity), one.code)))


def _outside(outside: Mapping[Side, pl.DataFrame], dataset: Dataset) -> tuple[Outside, ...]:
    counts = {side: dict(frame["rule"].value_counts(name="_n").iter_rows()) for side, frame in outside.items()}
    return tuple(
        Outside(side=side.value, rule=rule.name, label=rule.label, rows=counts[side].get(rule.name, 0))
        for side in Side
        for rule in dataset.scope
        if rule.applies
    )


def _whereabouts(seen: Seen, dataset: Dataset) -> pl.DataFrame:
    """For each finding, in order: GROUP + each field by which records are grouped, and DAY.

    Of the right side's row; of the left one's where the finding has no other, but then without the day, which is of
    another clock.
    """
    findings = seen.findings.findings
    frames = {}
    for side, entry in seen.inputs.items():
        columns = _columns(entry, dataset, day=side is Side.RIGHT)
        rows = findings[f"{side}_row"]
        if columns and rows.count():
            frames[side] = (
                rows.to_frame(ROW)
                .join(
                    described(entry, rows.drop_nulls().unique().sort(), columns),
                    on=ROW,
                    how="left",
                    maintain_order="left",
                )
                .drop(ROW)
            )
    names = dict.fromkeys(name for frame in frames.values() for name in frame.columns)
    none = pl.Series([None], dtype=pl.String)
    return findings.select(
        pl.coalesce(
            *(
                frames[side][name]
                for side in (Side.RIGHT, Side.LEFT)
                if side in frames and name in frames[side].columns
            ),
            none,
        ).alias(name)
        for name in names
    )


def _columns(entry: Input, dataset: Dataset, *, day: bool) -> dict[str, pl.Expr]:
    expressions = entry.canonical(dataset)
    columns = {f"{GROUP}{name}": expressions[name] for name in dataset.grouped_by if name in expressions}
    if day and dataset.timing is not None and dataset.timing.processed in expressions:
        columns[DAY] = expressions[dataset.timing.processed].str.slice(0, _DAY_OF)
    return columns


class _Rows:
    """All rows of both sides, as `classify.causes.Population` asks about them."""

    def __init__(self, seen: Seen, dataset: Dataset, pairs: int) -> None:
        self._inputs = seen.inputs
        self._outside = seen.outside
        self._columns = {side: _columns(entry, dataset, day=True) for side, entry in seen.inputs.items()}
        self._pairs = pairs
        self._expected: dict[Side, Mapping[str, set[str]]] = {}
        self._known: dict[Side, dict[str, Counted]] = {side: {} for side in Side}

    @property
    def pairs(self) -> int:
        return self._pairs

    def rows(self, side: Side) -> int:
        return self._inputs[side].snapshot.rows - self._outside[side].height

    def expect(self, side: Side, texts: Mapping[str, set[str]]) -> None:
        own = self._columns[side]
        self._expected[side] = {name: among for name, among in texts.items() if name not in own}

    def count(self, side: Side, column: str, values: pl.Series) -> Mapping[str, int]:
        known = self._tallied(side, column)
        if known is not None and set(values) <= set(known.texts):
            return {text: known.texts[text] for text in values if known.texts[text]}
        return rows_with(self._inputs[side], self._columns[side].get(column, pl.col(column)), values)

    def filled(self, side: Side, column: str) -> int:
        if (known := self._tallied(side, column)) is not None:
            return known.filled
        rows = self._inputs[side].rows.filter(pl.col(column).is_not_null())
        return int(rows.select(pl.len()).collect(engine="streaming").item())

    def _tallied(self, side: Side, column: str) -> Counted | None:
        """A column of a side whose lines are read whole, and so several columns at once; None of any other."""
        known, expected, printed = self._known[side], self._expected.get(side, {}), self._inputs[side].printed
        if printed is not None and column in expected and column not in known:
            ahead = [name for name in expected if name not in known and name != column]
            known |= printed.tally({name: expected[name] for name in [column, *ahead[:_AHEAD]]})
        return known.get(column)
