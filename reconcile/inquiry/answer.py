"""What the engine knows of one record: both sides' rows, every rule tried, history, candidates, findings, proposals.

The comparison is the night's own, over everything, because whether a number is shared, two people crossed over, or a
namesake is the only one, are facts about all records; only then the rows of one key are looked at. What may be shown
is decided here, once: 個人番号 as a word, never a value; where a protected person lives not at all, and unknown counts
as protected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import polars as pl

from reconcile.diff.key_hints import key_hints
from reconcile.inquiry.tried import FAILS, HOLDS, NOT_COMPARED, Trail, Tried, trail
from reconcile.items import other_systems
from reconcile.model import ROW, Dataset, Direction, Field, Report, Secrecy, Side
from reconcile.pipeline import Comparison
from reconcile.report.disclosure import PROTECTED, UNKNOWN
from reconcile.report.listing import ABSENT, SECRET, listing
from reconcile.report.propose import propose
from reconcile.search.check import Input

CANONICAL, RAW = "c:", "r:"
"""Before a field's name in a frame of rows: its value as decoded, and as it stood."""

_Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value as it stood and as decoded; both are words where it may not be shown. None: there is none."""

    raw: str | None
    canonical: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of one side; `asked` is False for a row that only stands beside the key in a finding."""

    side: Side
    row: int
    key: str
    asked: bool
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One field of one pair. `outcome`: the grade of the engine, or `not_compared`."""

    field: str
    outcome: str
    equal: bool
    rule: str | None
    trail: Trail | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two rows that were compared."""

    left_row: int
    right_row: int
    fields: tuple[Compared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """An older row of a side: when it was processed, what changed after it, and whether the left side still equals it."""

    side: Side
    processed: str | None
    changed: tuple[str, ...]
    equals_left: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Another record that may be this person's: a question, never a pairing. `by` names what they have in common."""

    side: Side
    row: int | None
    key: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What is proposed and not done: direction, which record would change, to which value of the other record, why."""

    direction: str
    side: Side | None
    row: int | None
    value: str | None
    measure: str
    ground: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding, as the night's list has it. `ground` and `hint` in the words of the office."""

    finding_id: str
    kind: str
    code: str | None
    label: str
    severity: str | None
    actor: str
    field: str | None
    left: str | None
    right: str | None
    left_row: int | None
    right_row: int | None
    rule: str | None
    ground: str
    hint: str
    proposed: Proposed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All of it. `protected`: whether the person is (None: nobody knows, which is treated alike)."""

    key: tuple[str, ...]
    labels: Mapping[Side, str]
    protected: bool | None
    records: tuple[Record, ...]
    pairs: tuple[Pair, ...]
    history: tuple[Older, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[Found, ...]


class _Read(NamedTuple):
    """A side as it is read here: its rows, and its fields as expressions, made once."""

    entry: Input
    fields: Mapping[str, pl.Expr]

    @property
    def records(self) -> pl.LazyFrame:
        """The rows of the source; the planted ones behind them (`prove`) are nobody's."""
        return self.entry.rows.filter(pl.col(ROW) <= self.entry.snapshot.rows)

    def is_key(self, dataset: Dataset, key: Sequence[str]) -> pl.Expr:
        """Whether a row stands under the key."""
        return pl.all_horizontal(self.fields[name] == part for name, part in zip(dataset.key, key, strict=True))

    def rows(self, which: pl.Expr) -> pl.DataFrame:
        """ROW, and every field that the side has, as decoded and as it stood."""
        columns = [expression.alias(f"{CANONICAL}{name}") for name, expression in self.fields.items()]
        raw = [pl.col(name).alias(f"{RAW}{name}") for name in self.fields]
        return self.records.filter(which).select(ROW, *columns, *raw).collect(engine="streaming")


def answer(key: tuple[str, ...], comparison: Comparison, report: Report) -> Answer:
    """Say everything about one key.

    Args:
        key: The parts of the key, as decoded.
        comparison: What was compared.
        report: What comparing it gave.
    """
    dataset = comparison.dataset
    sides = {side: _Read(entry, entry.canonical(dataset)) for side, entry in comparison.inputs.items()}
    own = {side: read.rows(read.is_key(dataset, key)) for side, read in sides.items()}
    found = _about(report.findings, dataset, key, own)
    shown = {side: _with_partners(sides[side], own[side], found[f"{side}_row"]) for side in Side}
    protected = _protected(dataset, shown)
    hidden = _hidden(dataset, protected=protected)
    return Answer(
        key=key,
        labels={side: read.entry.snapshot.label or side.value for side, read in sides.items()},
        protected=protected,
        records=tuple(
            _record(side, row, dataset, hidden, asked=row[ROW] in own[side][ROW])
            for side in Side
            for row in shown[side].iter_rows(named=True)
        ),
        pairs=_pairs(comparison, own, shown, (found, _about(report.variants, dataset, key, own))),
        history=_history(dataset, sides, key, own),
        candidates=_candidates(dataset, sides, key, own),
        findings=_findings(found, report, protected=protected),
    )


# -------------------------------------------------------------------------------------------------------------- rows


def _with_partners(read: _Read, own: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    others = rows.drop_nulls().unique()
    others = others.filter(~others.is_in(own[ROW].implode()))
    return pl.concat([own, read.rows(pl.col(ROW).is_in(others.implode()))]) if others.len() else own


def _about(frame: pl.DataFrame, dataset: Dataset, key: Sequence[str], own: Mapping[Side, pl.DataFrame]) -> pl.DataFrame:
    """Findings (or variants) under the key, about one of its rows, or naming it as the other of two that crossed over."""
    named = pl.all_horizontal(pl.col(name) == part for name, part in zip(dataset.key, key, strict=True))
    rows = (pl.col(f"{side}_row").is_in(own[side][ROW].implode()) for side in Side)
    which = pl.any_horizontal(named, *rows)
    if "kind" in frame.columns:
        crossed = (pl.col("kind") == "identity_swap") & pl.col("hint").str.split("<->").list.contains("|".join(key))
        which = which | crossed
    return frame.filter(which.fill_null(value=False))


def _protected(dataset: Dataset, shown: Mapping[Side, pl.DataFrame]) -> bool | None:
    """Whether any of the records shown is a protected person's; None if one of them does not say, or nobody does."""
    if not dataset.protected:
        return False
    column = f"{CANONICAL}{dataset.protected}"
    flags = [flag for rows in shown.values() if column in rows.columns for flag in rows[column]]
    if any(flag not in {None, "0"} for flag in flags):
        return True
    return None if not flags or None in flags else False


def _hidden(dataset: Dataset, *, protected: bool | None) -> dict[str, str]:
    """Field -> the word that stands for its values."""
    places = {} if protected is False else dict.fromkeys((f.name for f in dataset.fields if f.location), UNKNOWN)
    if protected:
        places = dict.fromkeys(places, PROTECTED)
    return places | {f.name: SECRET for f in dataset.fields if f.secrecy is Secrecy.MY_NUMBER}


def _record(side: Side, row: _Row, dataset: Dataset, hidden: Mapping[str, str], *, asked: bool) -> Record:
    values = {}
    for field in dataset.fields:
        if f"{CANONICAL}{field.name}" not in row:
            continue
        raw, canonical = row[f"{RAW}{field.name}"], row[f"{CANONICAL}{field.name}"]
        if (word := hidden.get(field.name)) is None:
            values[field.name] = Value(raw=raw, canonical=canonical)
        elif field.secrecy is Secrecy.MY_NUMBER and canonical is None:
            # 欠落 is no value; where a protected person lives is hidden also when nothing stands there.
            values[field.name] = Value(raw=ABSENT, canonical=None)
        else:
            values[field.name] = Value(raw=word, canonical=word)
    return Record(side=side, row=int(row[ROW] or 0), key=_key_text(row, dataset), asked=asked, values=values)


def _key_text(row: _Row, dataset: Dataset) -> str:
    return "|".join(row[f"{CANONICAL}{name}"] or "" for name in dataset.key)


# ------------------------------------------------------------------------------------------------------------- pairs


def _pairs(
    comparison: Comparison,
    own: Mapping[Side, pl.DataFrame],
    shown: Mapping[Side, pl.DataFrame],
    told: tuple[pl.DataFrame, pl.DataFrame],
) -> tuple[Pair, ...]:
    """The pairs that the engine compared, as its findings name them; and the two rows of a key that stands once each."""
    met = {pair for frame in told for pair in frame.select("left_row", "right_row").drop_nulls().unique().iter_rows()}
    if all(rows.height == 1 for rows in own.values()):
        met.add(tuple(rows[ROW].item() for rows in own.values()))
    rows = {side: {row[ROW]: row for row in frame.iter_rows(named=True)} for side, frame in shown.items()}
    where = ("left_row", "right_row", "field", "rule")
    settled = {(left, right, field): rule for left, right, field, rule in told[1].select(where).rows()}
    return tuple(
        Pair(
            left_row=left,
            right_row=right,
            fields=tuple(
                _settled(
                    _compared(comparison, field, rows[Side.LEFT][left], rows[Side.RIGHT][right]),
                    settled.get((left, right, field.name)),
                )
                for field in comparison.dataset.compared
            ),
        )
        for left, right in sorted(met)
        if left in rows[Side.LEFT] and right in rows[Side.RIGHT]
    )


def _compared(comparison: Comparison, field: Field, left: _Row, right: _Row) -> Compared:
    name = f"{CANONICAL}{field.name}"
    if name not in left or name not in right or field.name in other_systems(comparison.inputs, comparison.dataset):
        return Compared(field=field.name, outcome=NOT_COMPARED, equal=False, rule=None, trail=None)
    tried = trail(field, left[name], right[name], comparison.options.approved.get(field.name))
    return Compared(field=field.name, outcome=tried.grade, equal=tried.equal, rule=tried.rule, trail=tried)


def _settled(one: Compared, rule: str | None) -> Compared:
    """The same, where not the two values but the history of the record says that they agree (`explain.settle`)."""
    if rule is None or one.trail is None or one.equal:
        return one
    steps = (*one.trail.steps[:-1], replace(one.trail.steps[-1], said=FAILS), Tried(step=rule, said=HOLDS, rule=rule))
    tried = replace(one.trail, steps=steps, equal=True, grade=rule, rule=rule)
    return replace(one, outcome=rule, equal=True, rule=rule, trail=tried)


# ----------------------------------------------------------------------------------------------- history, candidates


def _history(
    dataset: Dataset, sides: Mapping[Side, _Read], key: Sequence[str], own: Mapping[Side, pl.DataFrame]
) -> tuple[Older, ...]:
    """The older rows of the key, the newest first. Of values nothing but whether they changed."""
    found = []
    for side, read in sides.items():
        if read.entry.history is None:
            continue
        older = (
            read.entry.history.filter(read.is_key(dataset, key))
            .select(**{f"{CANONICAL}{name}": expression for name, expression in read.fields.items()})
            .collect(engine="streaming")
        )
        rows = _newest_first(older, dataset).rows(named=True)
        newest = own[side].row(0, named=True) if own[side].height == 1 else None
        others = own[side.other].rows(named=True)
        for row, newer in zip(rows, (newest, *rows), strict=False):
            found.append(_older(side, row, newer, others, dataset))
    return tuple(found)


def _newest_first(older: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    if dataset.timing is None:
        return older
    order = [f"{CANONICAL}{name}" for name in (dataset.timing.processed, dataset.timing.sequence)]
    number = [pl.col(name).cast(pl.Int64, strict=False) for name in order if name in older.columns]
    return older.sort(number, descending=True, nulls_last=True, maintain_order=True) if number else older


def _older(side: Side, row: _Row, newer: _Row | None, others: Sequence[_Row], dataset: Dataset) -> Older:
    names = {f"{CANONICAL}{field.name}": field.name for field in dataset.compared}

    def differing(other: _Row) -> tuple[str, ...]:
        return tuple(
            field for name, field in names.items() if name in row and name in other and row[name] != other[name]
        )

    return Older(
        side=side,
        processed=row.get(f"{CANONICAL}{dataset.timing.processed}") if dataset.timing else None,
        changed=() if newer is None else differing(newer),
        # What an event is called does not make another state of it (`classify.timing`).
        equals_left=any(
            not set(differing(other)) - set(dataset.timing.events if dataset.timing else ()) for other in others
        ),
    )


def _candidates(
    dataset: Dataset, sides: Mapping[Side, _Read], key: tuple[str, ...], own: Mapping[Side, pl.DataFrame]
) -> tuple[Candidate, ...]:
    """Records under another key that may be this person's.

    They share the second key, name the other's as the former one, agree in who they are, or have keys alike in form.
    """
    found = []
    for side, read in sides.items():
        under_another = ~read.is_key(dataset, key)
        same = [
            (by, read.fields[name].is_in(values.implode()))
            for by, name, values in _second(dataset, own)
            if name in read.fields and values.len()
        ]
        same += _former(dataset, read, key, own)
        same += [
            ("person", pl.all_horizontal(read.fields[name] == part for name, part in person.items()))
            for person in _people(dataset, own[side.other])
            if set(person) <= set(read.fields)
        ]
        for by, which in same:
            found += _named(read, dataset, which & under_another, by)
    return (*found, *_alike(dataset, sides, key, own))


def _former(
    dataset: Dataset, read: _Read, key: tuple[str, ...], own: Mapping[Side, pl.DataFrame]
) -> list[tuple[str, pl.Expr]]:
    """Records that name this key as their former one, and those that this one names (`classify.leftovers`)."""
    if len(key) > 1 or dataset.former_key not in read.fields:
        return []
    name = f"{CANONICAL}{dataset.former_key}"
    named = [rows[name] for rows in own.values() if name in rows.columns]
    formers = pl.concat(named).drop_nulls().unique() if named else pl.Series([], dtype=pl.String)
    return [
        ("former_key", read.fields[dataset.former_key] == key[0]),
        ("former_key", read.fields[dataset.key[0]].is_in(formers.implode())),
    ]


def _second(dataset: Dataset, own: Mapping[Side, pl.DataFrame]) -> list[tuple[str, str, pl.Series]]:
    name = f"{CANONICAL}{dataset.second_key}"
    values = [rows[name] for rows in own.values() if name in rows.columns]
    return [("second_key", dataset.second_key, pl.concat(values).drop_nulls().unique())] if values else []


def _people(dataset: Dataset, rows: pl.DataFrame) -> list[dict[str, str]]:
    names = {f"{CANONICAL}{name}": name for name in dataset.person}
    if not names or not set(names) <= set(rows.columns):
        return []
    return rows.select(*names).rename(names).drop_nulls().unique(maintain_order=True).to_dicts()


def _named(read: _Read, dataset: Dataset, which: pl.Expr, by: str) -> list[Candidate]:
    key = pl.concat_str([read.fields[name] for name in dataset.key], separator="|")
    rows = read.records.filter(which).select(ROW, key=key).collect(engine="streaming").drop_nulls()
    return [Candidate(side=read.entry.snapshot.side, row=row, key=text, by=by) for row, text in rows.iter_rows()]


def _alike(
    dataset: Dataset, sides: Mapping[Side, _Read], key: tuple[str, ...], own: Mapping[Side, pl.DataFrame]
) -> list[Candidate]:
    """The other side's leftover key that this one would turn into, where exactly one does (`diff.key_hints`)."""
    here = [side for side in Side if own[side].height]
    if len(key) > 1 or len(here) != 1:
        return []
    side = here[0]
    keys = {
        one: read.records.select(key=read.fields[dataset.key[0]])
        .collect(engine="streaming")["key"]
        .drop_nulls()
        .unique()
        for one, read in sides.items()
    }
    alone = keys[side.other].filter(~keys[side.other].is_in(keys[side].implode()))
    mine = pl.Series("key", list(key), dtype=pl.String)
    check_digit = next(field.check_digit for field in dataset.fields if field.key)
    hints = key_hints(*((mine, alone) if side is Side.LEFT else (alone, mine)), check_digit)
    met = hints.filter((pl.col("side") == side.value) & (pl.col("key") == key[0]) & pl.col("candidate").is_not_null())
    return [
        Candidate(side=side.other, row=None, key=candidate, by=hint)
        for candidate, hint in met.select("candidate", "hint").iter_rows()
    ]


# ---------------------------------------------------------------------------------------------------------- findings


def _findings(found: pl.DataFrame, report: Report, *, protected: bool | None) -> tuple[Found, ...]:
    """The findings in the night's order, worded and masked as the list does it."""
    dataset = report.dataset
    context = None
    if dataset.protected:
        # All that is shown here may belong to one person: what protects one record protects them all.
        context = (
            found.select(dataset.key)
            .unique()
            .with_columns(list_key=pl.lit(None, pl.String), protected=pl.lit(protected, pl.Boolean))
        )
    listed = listing(replace(report, findings=found, context=context)).rows
    rows = {row["finding_id"]: row for row in listed.iter_rows(named=True)}
    proposals = propose(found, dataset, dataset.key).rows(named=True)
    return tuple(
        _found(row, rows[row["finding_id"]], proposal, dataset)
        for row, proposal in zip(found.iter_rows(named=True), proposals, strict=True)
    )


def _found(row: Mapping[str, str], words: Mapping[str, str], proposal: Mapping[str, str], dataset: Dataset) -> Found:
    category = dataset.taxonomy.get(row["code"] or "")
    left, right = words["left_value"], words["right_value"]
    proposed = None
    if proposal["direction"]:
        side = Direction(proposal["direction"]).changes
        proposed = Proposed(
            direction=proposal["direction"],
            side=side,
            row=None if side is None else _number(row[f"{side}_row"]),
            value=None if side is None or row["kind"] != "value" else (right if side is Side.LEFT else left),
            measure=proposal["measure"],
            ground=proposal["ground"],
        )
    return Found(
        finding_id=row["finding_id"],
        kind=row["kind"],
        code=row["code"],
        label=words["category"],
        severity=row["severity"],
        actor="" if category is None else category.actor.strip("-"),
        field=row["field"],
        left=left,
        right=right,
        left_row=_number(row["left_row"]),
        right_row=_number(row["right_row"]),
        rule=row["rule"],
        ground=words["ground"] or "",
        hint=words["explained"] or "",
        proposed=proposed,
    )


def _number(row: object) -> int | None:
    return row if isinstance(row, int) else None
