"""Stage 4: two canonical sides -> what pairs, and which values differ.

Three steps, each a pure function of a pair of partitions: `suspects` (plain numbers: which rows are surely equal),
`pair` (the rest, by the exact key), `differing_values` (every value of every pair). `diff` is steps two and three;
the pipeline calls step one before it fetches the suspects' values.

The internal names of a frame's columns are positions (`k0` the key's first part, `v0` the first compared field), so
that no name in a source can collide with ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import polars as pl

from reconcile.diff.assign import nearest
from reconcile.diff.compare import OTHER, RAW, differing_values, people, side_by_side, swaps
from reconcile.diff.fingerprint import (
    VALUE_HASHES,
    Suspects,
    fingerprint,
    fingerprint_lines,
    first_of_key,
    prove_equal,
    second_hash,
    second_sum,
    suspects,
    value_hashes,
)
from reconcile.diff.pair import pair, pair_single
from reconcile.errors import ConfigError
from reconcile.model import ROW, Dataset, Field

__all__ = [
    "OTHER",
    "Diff",
    "DiffPlan",
    "Suspects",
    "diff",
    "fingerprint",
    "fingerprint_lines",
    "plan",
    "prove_equal",
    "second_hash",
    "second_sum",
    "suspects",
    "swaps",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffPlan:
    """Everything about a comparison that is decided before data is seen.

    `key` and `fields` map the internal name of a column to the source's name and to its field. `seed` is this run's.
    `second` is the internal name of the second key's column, "" for none; `person` those of the fields that tell who
    a leftover record may be. `approved` maps a field to the approved
    identifications that apply to it. `state` is the column that says whether a record is closed, `kind` the one that
    says of what kind it is, "" for none; `closed` the states that are. `propose`: ambiguous rows get a proposal.
    `whole` are all fields of a plan that was narrowed.
    """

    key: dict[str, str]
    fields: dict[str, Field]
    seed: int
    whole: Mapping[str, Field] = field(default_factory=dict)
    second: str
    person: tuple[str, ...]
    approved: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    state: str
    closed: tuple[str, ...]
    kind: str
    propose: bool

    def select(self, canonical: dict[str, pl.Expr], *, decoded: bool, hashed: bool = True) -> list[pl.Expr]:
        """The columns of a side by their internal names, canonical; and raw as well, if decoding may change them.

        Behind them, if `hashed`, VALUE_HASHES: who the record is of, also where not all of its values are at hand
        (`narrowed`).
        """
        columns = [canonical[source].alias(name) for name, source in self.key.items()]
        columns += [canonical[field.name].alias(name) for name, field in self.fields.items()]
        if decoded:
            columns += [pl.col(field.name).alias(f"{RAW}{name}") for name, field in self.fields.items()]
        if not hashed:
            return columns
        return [*columns, *value_hashes([canonical[field.name] for field in self.hashed.values()], self.seed)]

    @property
    def hashed(self) -> Mapping[str, Field]:
        """The fields whose values make VALUE_HASHES: of a narrowed plan all that it had before."""
        return self.whole or self.fields

    @property
    def positions(self) -> tuple[int, ...]:
        """Which of all compared columns the fields are, from 0: of a narrowed plan not the first ones."""
        return tuple(int(name.removeprefix("v")) for name in self.fields)

    def narrowed(self, names: Collection[str]) -> DiffPlan:
        """The comparison of these fields alone, of rows that have one partner each and agree in all other fields."""
        few = {name: field for name, field in self.fields.items() if name in names}
        return replace(self, fields=few, whole=self.hashed, second="", person=(), state="", kind="")

    def hashed_key(self, canonical: dict[str, pl.Expr]) -> pl.Expr:
        """`_key` of FINGERPRINTS."""
        return first_of_key([canonical[source] for source in self.key.values()], self.seed)

    def fingerprint(self, canonical: dict[str, pl.Expr]) -> list[pl.Expr]:
        """The columns of FINGERPRINTS."""
        return fingerprint(
            [canonical[source] for source in self.key.values()],
            [canonical[field.name] for field in self.fields.values()],
            self.seed,
            self.positions,
        )


class Diff(NamedTuple):
    """What was found among suspects. Keys under their internal names. Rows and keys in the order of `Pairs`.

    Attributes:
        only_left: key, ROW, `_second` (the second key's value, null if none), `_person` (who it may be, as a number).
        only_right: the same.
        repeated: `Pairs.repeated`, and `nearest` (`diff.assign`), null where nothing is proposed.
        values: every value that differs, `values_schema`.
        people: who stands under each mismatched pair, as numbers, for `swaps` over all partitions.
        matched: pairs whose every value is equal, or equal under a rule.
        mismatched: pairs with at least one value that is not.
    """

    only_left: pl.DataFrame
    only_right: pl.DataFrame
    repeated: pl.DataFrame
    values: pl.DataFrame
    people: pl.DataFrame
    matched: int
    mismatched: int


def plan(dataset: Dataset, left: tuple[str, ...], right: tuple[str, ...], seed: int) -> DiffPlan:
    """Decide which columns are compared: those that the dataset declares and both sides have.

    Raises:
        ConfigError: There is no key, a side lacks a key column, the two have nothing to compare but one of them has
            more than a key, or a column bears a name of ours.
    """
    if not dataset.key or len(set(dataset.key)) != len(dataset.key):
        raise ConfigError("key", f"got {len(dataset.key)} columns, expected one or more, each once", code="E_KEY")
    if ROW in (*left, *right):
        raise ConfigError("columns", f"got one named {ROW!r}, which counts the records here", hint="rename it")
    for side, columns in (("left", left), ("right", right)):
        if missing := [name for name in dataset.key if name not in columns]:
            # Only by their number: what stands in the header of a file without one is a record.
            alike = [str(i) for i, name in enumerate(columns, 1) if name.casefold() in {n.casefold() for n in missing}]
            near = f" (number {', '.join(alike)} differs in case alone)" if alike else ""
            raise ConfigError(
                f"{side}: key",
                f"got no column {', '.join(map(repr, missing))}, expected it among the {len(columns)} there{near}",
                hint="names are compared exactly, upper and lower case too; is the first line of a file its header?",
                code="E_KEY",
            )
    shared = set(left) & set(right)
    compared = [f for f in dataset.compared if f.name in shared]
    if not compared and shared != {*left, *right}:
        hint = "nothing would be compared but the key; name the columns alike, upper and lower case too"
        raise ConfigError("columns", "the two sides share none but the key", hint=hint, code="E_NOTHING_SHARED")
    fields = {f"v{i}": f for i, f in enumerate(compared)}
    return DiffPlan(
        key={f"k{i}": name for i, name in enumerate(dataset.key)},
        fields=fields,
        seed=seed,
        second=next((name for name, f in fields.items() if f.name == dataset.second_key), ""),
        person=tuple(name for name, f in fields.items() if f.name in dataset.person),
        state=next((name for name, f in fields.items() if f.name == dataset.state), ""),
        closed=dataset.closed,
        kind=next((name for name, f in fields.items() if f.name == dataset.kind), ""),
        propose=bool(dataset.taxonomy),
    )


def diff(this: DiffPlan, left: pl.DataFrame, right: pl.DataFrame) -> Diff:
    """Pair the suspects of both sides and compare every value.

    Args:
        this: The plan.
        left: ROW and the columns of `DiffPlan.select`; keys are never null.
        right: The same of the other side. A key's rows are in both frames or in neither.
    """
    key, values = list(this.key), list(this.fields)
    # After `narrowed` each row has one partner; should two keys have collided, they are paired like all others.
    pairs = pair_single(left.select(ROW, *key), right.select(ROW, *key), key) if this.whole else None
    pairs = pairs or pair(_hashed(left, this), _hashed(right, this), key)
    proposed = pairs.repeated.with_columns(nearest=pl.lit(None, pl.String))
    if this.propose:
        told = nearest((pairs.over_left, pairs.over_right), left, right, key, values)
        proposed = pairs.repeated.join(told, on=key, how="left", maintain_order="left")
    both = side_by_side(pairs.paired, left, right, key)
    differing = differing_values(both, key, this.fields, this.approved)
    unequal = differing.filter(~pl.col("equal")).select("left_row", "right_row")
    mismatched = both.join(unequal, on=["left_row", "right_row"], how="semi", maintain_order="left")
    return Diff(
        only_left=_known(pairs.only_left, left, this),
        only_right=_known(pairs.only_right, right, this),
        repeated=proposed,
        values=differing,
        people=people(mismatched, key),
        matched=pairs.equal + both.height - mismatched.height,
        mismatched=mismatched.height,
    )


def _hashed(rows: pl.DataFrame, this: DiffPlan) -> pl.DataFrame:
    # A record of unknown state is taken to be open: it must not go out of scope for want of a value.
    closed = pl.col(this.state).is_in(this.closed).fill_null(value=False) if this.state else pl.lit(value=False)
    kind = pl.col(this.kind).hash(this.seed) if this.kind else pl.lit(0, pl.UInt64)
    one, two = VALUE_HASHES
    return rows.select(ROW, *this.key, _one=one, _two=two, _closed=closed, _kind=kind)


def _known(only: pl.DataFrame, rows: pl.DataFrame, this: DiffPlan) -> pl.DataFrame:
    """Leftover rows with what may tell who they are: `_second`, and `_person`, null where a part of it is."""
    second = pl.col(this.second) if this.second else pl.lit(None, pl.String)
    hashed = value_hashes([pl.col(name) for name in this.person], this.seed)[0]
    whole = (
        pl.all_horizontal(pl.col(name).is_not_null() for name in this.person) if this.person else pl.lit(value=False)
    )
    known = rows.select(ROW, _second=second, _person=pl.when(whole).then(hashed))
    return only.join(known, on=ROW, how="left", maintain_order="left")
