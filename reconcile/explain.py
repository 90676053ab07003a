"""Why whole pairs differ and rows stand alone: fetches what the explanations of `classify` need of the rows in question.

Only rows that are findings already are looked at again, with the columns that a comparison does not need: processing
times, flags, and the register's older rows of their keys. The one question about rows that agree is whether the
register's current rows are its newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import polars as pl

from reconcile.account import Checks, Found
from reconcile.canonicalize import UNDECLARED
from reconcile.classify.leftovers import partners, without_partners
from reconcile.classify.lines import CURRENT, disordered, unrelated_events
from reconcile.classify.people import mixed_identity, two_keys
from reconcile.classify.timing import (
    Instants,
    explain_arrivals,
    explain_departures,
    explain_key_changes,
    explain_pairs,
)
from reconcile.diff import DiffPlan
from reconcile.model import REASONS, REJECTS, ROW, Dataset, Latin, Material, Side, Timing, extracted
from reconcile.rules.composite import component
from reconcile.search.check import Input

UNRELATED = "unrelated_event"
"""The rule under which the ground and the day of an event agree: the register's later rows changed nothing compared."""

DISORDERED = "disordered"
"""The check of a current row of the register that is not its newest."""


OTHER_VALUES = "*"
"""Where undeclared values are counted that may be more than a code."""

CODE_LIKE = "^[0-9A-Za-z]{1,4}$"


class Sides(NamedTuple):
    """What every question here is asked of."""

    inputs: Mapping[Side, Input]
    dataset: Dataset
    this: DiffPlan

    @property
    def timing(self) -> Timing | None:
        """The dataset's timing, None where a side lacks the columns that it is about."""
        timing = self.dataset.timing
        has = {side: set(entry.snapshot.columns) for side, entry in self.inputs.items()}
        if timing is None or not {timing.processed, timing.pending} <= has[Side.LEFT]:
            return None
        return timing if timing.processed in has[Side.RIGHT] else None

    @property
    def key(self) -> list[str]:
        """The internal names of the key's columns."""
        return list(self.this.key)

    def internal(self, names: tuple[str, ...]) -> list[str]:
        """The internal names of compared fields, as far as both sides have them."""
        return [name for name, field in self.this.fields.items() if field.name in names]

    def rows(self, side: Side, rows: pl.Series, expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
        """ROW and these expressions, of the given rows."""
        wanted = self.inputs[side].rows.filter(pl.col(ROW).is_in(rows.unique().implode()))
        return wanted.select(ROW, **expressions).collect(engine="streaming")

    def optional(self, name: str) -> pl.Expr:
        """A column of the right side, null where it has none of that name."""
        return self.inputs[Side.RIGHT].canonical(self.dataset).get(name, pl.lit(None, pl.String))

    def history(self, by: pl.DataFrame, on: str = "") -> pl.DataFrame | None:
        """The register's older rows of these keys (or persons, `on`): the key, values, processing times."""
        entry, timing = self.inputs[Side.RIGHT], self.dataset.timing
        if entry.history is None or timing is None:
            return None
        expressions = entry.canonical(self.dataset)
        joined = {on: self.optional(self.dataset.list_key)} if on else self._keys(expressions)
        wanted = by.select(list(joined)).unique()
        # Said as a filter, it reaches the file: only the rows of these keys are decoded beyond their first part.
        first = next(iter(joined))
        older = entry.history.filter(joined[first].is_in(wanted[first].implode())).select(
            **self._keys(expressions),
            **{name: expressions[field.name] for name, field in self.this.fields.items()},
            processed=expressions[timing.processed],
            sequence=self.optional(timing.sequence),
            person=self.optional(self.dataset.list_key),
        )
        return older.collect(engine="streaming").join(wanted, on=list(joined), how="semi", maintain_order="left")

    def _keys(self, expressions: Mapping[str, pl.Expr]) -> dict[str, pl.Expr]:
        return {name: expressions[source] for name, source in self.this.key.items()}


def reasons(
    inputs: Mapping[Side, Input], material: Material, dataset: Dataset, this: DiffPlan, as_of: datetime
) -> pl.DataFrame:
    """Everything that explains a pair or a leftover row; where two things do, the first of this order.

    Order: flags, history and clocks; then who stands under a key; then what the register's history knows of rows that
    the left side has alone.

    Args:
        inputs: Both sides.
        material: What was found.
        dataset: Declares the timing, the identity, and who a person is.
        this: The plan.
        as_of: The instant of the comparison, if no extract says when it was taken.

    Returns:
        REASONS, each pair or row once.
    """
    sides = Sides(inputs, dataset, this)
    unpaired = without_partners(material.only, material.partners)
    found = [mixed_identity(material.values, dataset.identity), two_keys(unpaired, list(this.key))]
    if sides.timing is not None:
        told = pl.concat(_timing(sides, material, sides.timing, _instants(inputs, as_of)))
        excuses = pl.col("reason") != "departed"
        found = [told.filter(excuses), *found, told.filter(~excuses)]
    return pl.concat([pl.DataFrame(schema=REASONS), *found]).unique(
        ["left_row", "right_row"], keep="first", maintain_order=True
    )


def settle(found: Found, inputs: Mapping[Side, Input], dataset: Dataset, this: DiffPlan) -> Found:
    """The comparison, with the grounds and days of events equal that only a later unrelated event makes differ.

    The values stay, as equal under a rule, and a pair in which nothing else differs has matched.
    """
    sides = Sides(inputs, dataset, this)
    timing, columns = sides.timing, list(this.fields)
    about = [] if timing is None else [name for name in timing.events if name in {f.name for f in this.fields.values()}]
    if timing is None or not about:
        return found
    unequal = ~pl.col("equal")
    mine = found.values.filter(unequal & pl.col("field").is_in(about))
    pairs = _pairs(sides, mine.select(*sides.key, "left_row", "right_row").unique(maintain_order=True), timing)
    history = sides.history(pairs)
    if history is None:
        return found
    settled = unrelated_events(pairs, history, columns, sides.internal(timing.events))
    by = ["left_row", "right_row"]
    marked = found.values.join(settled.with_columns(settled=True), on=by, how="left", maintain_order="left")
    now = (unequal & pl.col("field").is_in(about) & pl.col("settled")).fill_null(value=False)
    said = pl.lit(UNRELATED)
    values = (
        marked.with_columns(
            equal=pl.col("equal") | now,
            grade=pl.when(now).then(said).otherwise("grade"),
            rule=pl.when(now).then(said).otherwise("rule"),
            hint=pl.when(~now).then("hint"),
        )
        .drop("settled")
        .cast(found.values.schema)
    )
    still = values.filter(unequal).select(by).unique().height
    more = found.values.filter(unequal).select(by).unique().height - still
    return replace(found, values=values, matched=found.matched + more, mismatched=found.mismatched - more)


def paired_leftovers(inputs: Mapping[Side, Input], material: Material, dataset: Dataset, this: DiffPlan) -> Material:
    """The material with the leftovers' former keys, and those that are one record under two keys as partners."""
    sides, only = Sides(inputs, dataset, this), {}
    for side, rows in material.only.items():
        expressions = inputs[side].canonical(dataset)
        if dataset.former_key not in expressions:
            only[side] = rows.with_columns(_former=pl.lit(None, pl.String))
            continue
        former = sides.rows(side, rows[ROW], {"_former": expressions[dataset.former_key]})
        only[side] = rows.join(former, on=ROW, how="left", maintain_order="left")
    return replace(material, only=only, partners=partners(only, list(this.key)))


def with_disorder(checks: Checks, entry: Input, dataset: Dataset, this: DiffPlan) -> Checks:
    """The checks of the side with a history, with a notice about every current row that is not the newest."""
    timing, has = dataset.timing, set(entry.snapshot.columns)
    if entry.history is None or timing is None or not {timing.processed, timing.sequence} <= has:
        return checks
    expressions = entry.canonical(dataset)
    person = {name: expressions[source] for name, source in this.key.items()}
    if dataset.list_key in expressions:
        person["person"] = expressions[dataset.list_key]
    clocks = {"processed": expressions[timing.processed], "sequence": expressions[timing.sequence]}
    rows = disordered(
        entry.rows.select(ROW, **person, **clocks), entry.history.select(**person, **clocks), list(person)
    )
    if rows.is_empty():
        return checks
    keys = entry.rows.filter(pl.col(ROW).is_in(rows[ROW].implode())).select(
        ROW, **{name: expressions[source] for name, source in this.key.items()}
    )
    noticed = rows.select(ROW, field=pl.lit(timing.sequence), check=pl.lit(DISORDERED)).match_to_schema(REJECTS)
    noticed = noticed.join(keys.collect(engine="streaming"), on=ROW, how="left", maintain_order="left")
    return replace(checks, notices=pl.concat([checks.notices, noticed.select(checks.notices.columns)]))


def with_components(values: pl.DataFrame, inputs: Mapping[Side, Input], dataset: Dataset) -> pl.DataFrame:
    """The differing values, and of those that several names were composed to, which of the names differ, as hint."""
    labels = {field.name: field.label or field.name for field in dataset.fields}
    latin = frozenset(field.name for field in dataset.fields if isinstance(field.comparator, Latin))
    for side, entry in inputs.items():
        if (composite := entry.composite) is None:
            continue
        apart = entry._replace(composite=None).canonical(dataset)
        both = pl.col("left").is_not_null() & pl.col("right").is_not_null()
        mine = values.filter(~pl.col("equal") & (pl.col("field") == composite.field) & both)
        rows = mine[f"{side}_row"].unique()
        known = entry.rows.filter(pl.col(ROW).is_in(rows.implode())).select(
            ROW,
            pl.all_horizontal(apart[name] == value for name, value in composite.only.items()).alias("about"),
            **{name: apart[name] for name in composite.components if name in apart},
        )
        met = mine.join(known.collect(engine="streaming"), left_on=f"{side}_row", right_on=ROW, how="left")
        differ = [
            pl.when(pl.col(name).ne_missing(component(pl.col(side.other.value), name, composite, latin))).then(
                pl.lit(labels[name])
            )
            for name in composite.components
            if name in apart
        ]
        said = pl.format("相違する要素: {}", pl.concat_str(differ, separator="・", ignore_nulls=True))
        told = met.filter("about").select("left_row", "right_row", "field", said=said)
        values = values.join(told, on=["left_row", "right_row", "field"], how="left", maintain_order="left")
        hint = pl.concat_str("said", "hint", separator="、", ignore_nulls=True)
        said_too = pl.when(pl.col("said").is_null()).then("hint").otherwise(hint).cast(pl.Categorical)
        values = values.with_columns(hint=said_too).drop("said")
    return values


def undeclared_values(
    inputs: Mapping[Side, Input], material: Material, dataset: Dataset
) -> dict[str, dict[str, dict[str, int]]]:
    """Side -> field -> value -> on how many rows: the values that a side's code lists do not declare (Q4).

    What has not the look of a code, as where a column was cut in the wrong place, may be anybody's name: it is counted
    under `OTHER_VALUES` and not shown.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    for side, entry in inputs.items():
        noticed = material.notices[side].filter(pl.col("check") == "undeclared")
        expressions = entry.canonical(dataset)
        for name in dict.fromkeys(noticed["field"].sort()):
            rows = noticed.filter(pl.col("field") == name)[ROW]
            value = expressions[name].str.strip_prefix(UNDECLARED)
            shown = pl.when(value.str.contains(CODE_LIKE)).then(value).otherwise(pl.lit(OTHER_VALUES))
            wanted = entry.rows.filter(pl.col(ROW).is_in(rows.unique().implode())).select(value=shown)
            counted = wanted.group_by("value").len().sort("value").collect(engine="streaming")
            found.setdefault(side.value, {})[name] = dict(counted.iter_rows())
    return found


def _timing(sides: Sides, material: Material, timing: Timing, instants: Instants) -> list[pl.DataFrame]:
    pairs = material.values.filter(~pl.col("equal")).select(*sides.key, "left_row", "right_row")
    pairs = _pairs(sides, pairs.unique(maintain_order=True), timing)
    events = sides.internal(timing.events)
    right = sides.inputs[Side.RIGHT].canonical(sides.dataset)
    arrived = _alone(
        sides,
        material,
        Side.RIGHT,
        {
            "processed": right[timing.processed],
            "state": sides.optional(sides.dataset.state),
            "person": sides.optional(sides.dataset.list_key),
        },
    )
    left = sides.inputs[Side.LEFT].canonical(sides.dataset)
    departed = _alone(
        sides, material, Side.LEFT, {"left_processed": left[timing.processed], "pending": left[timing.pending]}
    )
    gone = sides.history(departed)
    last = pl.DataFrame(schema={**dict.fromkeys(sides.key, pl.String), "gone": pl.String})
    if gone is not None:
        last = gone.group_by(sides.key).agg(gone=pl.col("processed").max())
    return [
        explain_pairs(pairs, sides.history(pairs), list(sides.this.fields), timing, instants, events=events),
        explain_key_changes(_key_changes(sides, departed, arrived, gone), timing, instants),
        explain_arrivals(_since(sides, arrived, timing), timing, instants),
        explain_departures(departed.join(last, on=sides.key, how="left", maintain_order="left"), timing, instants),
    ]


def _alone(sides: Sides, material: Material, side: Side, expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The rows without a partner: the key, `left_row` or `right_row`, and these expressions."""
    only = material.only[side].select(*sides.key, ROW)
    known = sides.rows(side, only[ROW], expressions)
    return only.join(known, on=ROW, how="left", maintain_order="left").rename({ROW: f"{side}_row"})


def _pairs(sides: Sides, pairs: pl.DataFrame, timing: Timing) -> pl.DataFrame:
    """Pairs with what `classify.timing.explain_pairs` needs of their rows."""
    ours, theirs = (sides.inputs[side].canonical(sides.dataset) for side in Side)
    fields = sides.this.fields.items()
    left = {name: ours[field.name] for name, field in fields}
    left |= {"left_processed": ours[timing.processed], "pending": ours[timing.pending]}
    right = {f"{name}{CURRENT}": theirs[field.name] for name, field in fields}
    right |= {"right_processed": theirs[timing.processed], "right_sequence": sides.optional(timing.sequence)}
    for side, expressions in ((Side.LEFT, left), (Side.RIGHT, right)):
        row = f"{side}_row"
        known = sides.rows(side, pairs[row], expressions)
        pairs = pairs.join(known, left_on=row, right_on=ROW, how="left", maintain_order="left")
    return pairs


def _since(sides: Sides, arrived: pl.DataFrame, timing: Timing) -> pl.DataFrame:
    """Rows of the right alone, with the time since when the register has had the person registered in full.

    A change of yesterday to somebody who has lived here for years does not make the CS a day late.
    """
    older = sides.history(arrived)
    if older is None or older.is_empty():
        return arrived
    away = pl.lit(value=False)
    if state := sides.internal((sides.dataset.state,)):
        away = pl.col(state[0]).is_in([timing.provisional, timing.removed]).fill_null(value=False)
    line = [*sides.key, "person"]
    back = pl.col("processed") > pl.col("processed").filter(away).max().over(line)
    first = older.filter(~away & back.fill_null(value=True)).group_by(line).agg(first=pl.col("processed").min())
    known = arrived.join(first, on=line, how="left", nulls_equal=True, maintain_order="left")
    return known.with_columns(processed=pl.min_horizontal("first", "processed"))


def _key_changes(
    sides: Sides, departed: pl.DataFrame, arrived: pl.DataFrame, history: pl.DataFrame | None
) -> pl.DataFrame:
    """Leftovers of both sides who are one person of the register: `left_row`, `right_row`, `since`, `pending`."""
    schema = pl.Schema({"left_row": pl.UInt32, "right_row": pl.UInt32, "since": pl.String, "pending": pl.String})
    if history is None or history.is_empty() or arrived.is_empty():
        return pl.DataFrame(schema=schema)
    was = history.filter(pl.col("person").is_not_null()).select(*sides.key, "person").unique(maintain_order=True)
    met = (
        departed.join(was, on=sides.key, how="inner", maintain_order="left")
        .select("left_row", "pending", "person")
        .join(arrived.select(*sides.key, "right_row", "person", "processed"), on="person", how="inner")
    )
    lines = sides.history(met, "person")
    if lines is None or met.is_empty():
        return pl.DataFrame(schema=schema)
    first = lines.group_by(*sides.key, "person").agg(first=pl.col("processed").min())
    return (
        met.join(first, on=[*sides.key, "person"], how="left", maintain_order="left")
        .with_columns(since=pl.min_horizontal("first", "processed"))
        .sort("left_row", "right_row")
        .unique(["left_row"], keep="first", maintain_order=True)
        .unique(["right_row"], keep="first", maintain_order=True)
        .match_to_schema(schema, extra_columns="ignore")
    )


def _instants(inputs: Mapping[Side, Input], as_of: datetime) -> Instants:
    """When the sides were extracted; where one does not say, its extract is no later than the run."""
    taken = {side: extracted(entry.snapshot) for side, entry in inputs.items()}
    run = as_of.replace(tzinfo=None)
    known = [one for one in taken.values() if one is not None]
    every = known if len(known) == len(taken) else [*known, run]
    return Instants(register=taken[Side.RIGHT], instant=min(known, default=run), last=max(every))
