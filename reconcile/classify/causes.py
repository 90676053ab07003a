"""One cause, not n findings: what many findings have in common (`reference/domain.md` §12, trap 36).

A change of a town's name, an overwritten table, a batch of one night: each makes hundreds of findings that are one piece
of work. A group of findings is named a cause if it is large (`Limits.cause_findings_min`) and if a difference is many
times as frequent in it as over all records (`Limits.cause_lift_min`): so 300 findings of a town of 300 are one cause, and
20 men among 40 findings about anything are none. With these two limits at least 20 findings stand where at most four were
to be expected, which chance does not do (Poisson: less than one in 10**8).

The largest group is named first; its findings are taken away, and the rest is looked at anew. Where groups explain nearly
the same findings, the more telling of them is named (`KINDS`). Nothing is removed from the list of findings, and nothing is
claimed: a cause is where to look first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from reconcile.model import Address, Cause, Characters, Dataset, Exact, Field, Limits, Secrecy, Side, plain

KINDS = ("field", "change", "characters", "left_value", "right_value", "missing", "sort", "key", "group", "day")
"""What findings may have in common, the more telling first: a field that differs as a whole, the same pair of values, the
same pair of characters, one value of one side, values that one side alone has, the same sort of fault of a record, the same
damage of the key, a group of records (町字, 異動事由, batch), the day on which the register processed them."""

NEARLY = 0.9
"""A more telling group is preferred if it explains at least this share of what the largest explains."""

_SOME = 100
# Findings that are looked at first where all of a field would have to be alike: millions may differ.

MOST = 20
"""Causes named; those after it are smaller, and the list holds all findings anyway."""

GROUP, DAY = "group:", "day"
"""Before the name of a field by which records are grouped; the column of the processing day."""

_ASKED = ("kind", "field", "code", "hint", "left_raw", "right_raw", "left_row", "right_row", DAY)
# What is looked at of a finding, beside GROUP.

SORTS = {"undeclared": "未定義コード", "doubtful": "代替記号・外字", "reject": "様式・値の不備"}
"""Faults of single rows that come from a table or a program, not from a person."""

KEYS = {
    "leading_zeros": "先頭のゼロの欠落",
    "full_width": "全角・半角",
    "white_space": "空白",
    "letter_case": "大文字・小文字",
    "spreadsheet_damage": "表計算ソフトによる変形",
    "truncated": "桁の欠落",
}
"""Damages of keys, likewise; a digit mistyped is not among them."""


class Population(Protocol):
    """What the findings are seen against: all rows of both sides, and the pairs among them.

    A column is a field's name, its text as it stands; or GROUP and a field's name, canonical; or DAY.
    """

    @property
    def pairs(self) -> int:
        """Pairs that were compared."""

    def rows(self, side: Side) -> int:
        """Rows of a side."""

    def expect(self, side: Side, texts: Mapping[str, set[str]]) -> None:
        """Hear all that may be asked about a side, before the first question: column -> texts, the likeliest first."""

    def count(self, side: Side, column: str, values: pl.Series) -> Mapping[str, int]:
        """How many of all rows of a side have each of these texts; those that none has are absent."""

    def filled(self, side: Side, column: str) -> int:
        """How many of all rows of a side have any text there."""


Texts = Callable[[Side], Mapping[str, set[str]]]
"""All that may be asked about a side: column -> texts, none where only its being filled counts; as `expect` has it."""


class _Kind(NamedTuple):
    """One way of grouping.

    Attributes:
        name: As in KINDS.
        by: The columns that make a group; `field` first where it is about a field.
        among: Which findings may be in one.
        side: Whose rows it is seen against; None where being so many alike is enough.
        value: The column whose text those rows have; "" where only a field's being filled counts.
    """

    name: str
    by: tuple[str, ...]
    among: pl.Expr
    side: Side | None = None
    value: str = ""


class _Group(NamedTuple):
    """A group that is a cause."""

    kind: _Kind
    values: tuple[str, ...]
    findings: int
    group: int | None = None
    lift: float | None = None


class _Words(NamedTuple):
    """What is needed to say a cause in words."""

    fields: Mapping[str, Field]
    labels: Mapping[Side, str]
    open_values: frozenset[str]


def causes(
    findings: pl.DataFrame, dataset: Dataset, limits: Limits, population: Population, labels: Mapping[Side, str]
) -> tuple[Cause, ...]:
    """Name what many findings have in common.

    Args:
        findings: `findings_schema`, and for each group of records a column GROUP + name, and DAY, of the right side's
            row; null where unknown. Those that are merely late are not among them: their cause is known.
        dataset: Its fields, and which values tell of nobody.
        limits: From when on it is a cause.
        population: What they are seen against.
        labels: What the sides are called.

    Returns:
        At most MOST, the largest first.
    """
    fields = {field.name: field for field in dataset.fields}
    shown = {field.name for field in dataset.fields if field.secrecy is Secrecy.OPEN}
    words = _Words(fields, labels, frozenset(shown | set(dataset.grouped_by)))
    whole = _whole_fields(findings, words, limits, population.pairs)
    found = list(whole.values())
    # Once, for all the groupings below; a secret field has no values, so that all of its findings would look alike.
    secret = [field.name for field in dataset.fields if field.secrecy is Secrecy.MY_NUMBER]
    asked = [name for name in findings.columns if name in _ASKED or name.startswith(GROUP)]
    rest = findings.select(asked).filter(~pl.col("field").is_in(list(whole)).fill_null(value=False))
    rest = plain(rest).with_columns(
        _value=(pl.col("kind") == "value") & ~pl.col("field").is_in(secret).fill_null(value=False),
        _lacks=pl.when(pl.col("left_raw").is_null())
        .then(pl.lit("left"))
        .when(pl.col("right_raw").is_null())
        .then(pl.lit("right")),
        _sort=pl.col("kind").str.extract("^(.*)_(?:left|right)$"),
    )
    groupings = [_Grouping(kind, rest, limits.cause_findings_min) for kind in _kinds(rest, fields)]
    seen = _Seen(rest, population)
    while seen.left() >= limits.cause_findings_min and len(found) < MOST:
        groups = _largest(groupings, seen, limits)
        if not groups:
            break
        best, inside = min(
            groups, key=lambda one: (KINDS.index(one[0].kind.name), -one[0].findings, one[0].kind.by, one[0].values)
        )
        found.append(_cause(best, rest.filter(pl.Series(inside)), words))
        seen.alive &= ~inside
    return tuple(sorted(found, key=lambda one: (-one.findings, KINDS.index(one.kind), one.label)))


def _whole_fields(findings: pl.DataFrame, words: _Words, limits: Limits, pairs: int) -> dict[str, Cause]:
    """Fields that differ in at least a share of all pairs: something is wrong with the column, not with the people."""
    values = findings.lazy().filter(pl.col("kind") == "value")
    counted = values.group_by("field").len().sort("field").collect()
    least = max(limits.cause_findings_min, limits.whole_field_min * pairs)
    found = {}
    for name, count in counted.filter(pl.col("len") >= least).iter_rows():
        mine = values.filter(pl.col("field") == name)
        # That all have one value on a side is worth saying, and cheap to see.
        first = [pl.col(column).eq_missing(pl.col(column).first()).all() for column in ("left_raw", "right_raw")]
        alike = all(all(some.select(first).collect().row(0)) for some in (mine.head(_SOME), mine))
        label = f"{_label(words, name)}: 項目全体の相違(対応付いた{pairs:,}組のうち{count:,}組)"
        codes = mine.group_by("code").len().sort("code").drop_nulls().collect().rows()
        found[name] = Cause(
            kind="field",
            label=label + ("、どれも同じ値から同じ値へ" if alike and count > 1 else ""),
            findings=count,
            rows=count,
            group=pairs,
            lift=None,
            codes=dict(codes),
        )
    return found


def _kinds(rest: pl.DataFrame, fields: Mapping[str, Field]) -> list[_Kind]:
    """The ways of grouping that these findings allow."""
    value, both = pl.col("_value"), pl.col("_lacks").is_null()
    named = [name for name, field in fields.items() if isinstance(field.comparator, Characters)]
    kinds = [
        _Kind("change", ("field", "left_raw", "right_raw"), value & both, Side.LEFT, "left_raw"),
        # A hint of several pairs is about a name, not about a character.
        _Kind(
            "characters",
            ("field", "hint"),
            value & pl.col("field").is_in(named) & pl.col("hint").str.contains("^[^,]* / [^,]*$"),
        ),
        _Kind("left_value", ("field", "left_raw"), value, Side.LEFT, "left_raw"),
        _Kind("right_value", ("field", "right_raw"), value, Side.RIGHT, "right_raw"),
        _Kind("missing", ("field", "_lacks"), value & (pl.col("_lacks") == "left"), Side.RIGHT),
        _Kind("missing", ("field", "_lacks"), value & (pl.col("_lacks") == "right"), Side.LEFT),
        _Kind("sort", ("field", "kind"), pl.col("_sort").is_in(list(SORTS))),
        _Kind("key", ("kind", "hint"), pl.col("_sort").is_in(["only"]) & pl.col("hint").is_in(list(KEYS))),
    ]
    grouped = [column for column in rest.columns if column.startswith(GROUP)]
    kinds += [_Kind("group", (column,), pl.lit(value=True), Side.RIGHT, column) for column in grouped]
    return [*kinds, *([_Kind("day", (DAY,), pl.lit(value=True), Side.RIGHT, DAY)] if DAY in rest.columns else [])]


class _Grouping:
    """The findings by one kind: grouped once, counted anew as findings go.

    Attributes:
        kind: Of the groups.
        among: For each finding, whether it is in any group.
        values: What makes each group, by its number; of large groups only, as small ones stay small.
        group: The number of each finding's group, -1 for none.
    """

    def __init__(self, kind: _Kind, findings: pl.DataFrame, least: int) -> None:
        self.kind = kind
        among = kind.among & pl.all_horizontal(pl.col(column).is_not_null() for column in kind.by)
        mine = findings.select(*kind.by, _in=among.fill_null(value=False)).with_row_index("_finding").filter("_in")
        counted = mine.group_by(kind.by, maintain_order=True).len()
        groups = counted.filter(pl.col("len") >= least).select(kind.by).with_row_index("_group")
        numbered = mine.join(groups, on=list(kind.by))
        self.values: list[tuple[str, ...]] = groups.drop("_group").rows()
        self.among = np.zeros(findings.height, dtype=bool)
        self.among[mine["_finding"].to_numpy()] = True
        self.group = np.full(findings.height, -1, dtype=np.int32)
        self.group[numbered["_finding"].to_numpy()] = numbered["_group"].to_numpy()

    @property
    def of_field(self) -> bool:
        """Whether it is seen against how often a field differs; else against how often a record has any finding."""
        return self.kind.by[0] == "field"

    def place(self, number: int) -> tuple[str, str]:
        """What the rows that are like a group have: column, text ("" for any)."""
        kind, values = self.kind, self.values[number]
        column = values[0] if self.of_field else kind.value
        return column, values[kind.by.index(kind.value)] if kind.value else ""


class _Seen:
    """The findings that no cause explains yet, and how many of all rows are like them: each asked for once.

    Attributes:
        alive: For each finding, whether it is among them.
    """

    def __init__(self, findings: pl.DataFrame, population: Population) -> None:
        self.alive = np.ones(findings.height, dtype=bool)
        self.population = population
        self._record = _numbered(findings.select(pl.struct("left_row", "right_row")).to_series())
        self._field = _numbered(findings["field"])
        self._like: dict[tuple[Side, str, str], int] = {}
        self._asked: set[Side] = set()

    def left(self) -> int:
        """How many findings are left."""
        return int(self.alive.sum())

    def sizes(self, one: _Grouping) -> np.ndarray:
        """How many of them each group has."""
        return np.bincount(one.group[self.alive & (one.group >= 0)], minlength=len(one.values))

    def records(self, one: _Grouping) -> np.ndarray:
        """How many records each group has findings of."""
        mine = self.alive & (one.group >= 0)
        pairs = np.unique(np.stack([one.group[mine], self._record[mine]]), axis=1)
        return np.bincount(pairs[0], minlength=len(one.values))

    def every_record(self) -> int:
        """How many records have a finding."""
        return len(np.unique(self._record[self.alive]))

    def of_same_field(self, one: _Grouping) -> np.ndarray:
        """For each group, how many findings of its kind its field has."""
        mine = one.group >= 0
        field_of = np.zeros(len(one.values), dtype=np.int64)
        field_of[one.group[mine]] = self._field[mine]
        often = np.bincount(self._field[self.alive & one.among], minlength=int(self._field.max(initial=0)) + 1)
        return often[field_of]

    def like(self, one: _Grouping, number: int, side: Side, texts: Texts) -> int:
        """How many rows of a side are like the group; a column is read once for all the texts that may be asked."""
        column, text = one.place(number)
        if (side, column, text) not in self._like:
            if side not in self._asked:
                self._asked.add(side)
                self.population.expect(side, texts(side))
            if not one.kind.value:
                self._like[side, column, text] = self.population.filled(side, column)
            else:
                wanted = {text, *texts(side).get(column, ())}
                known = self.population.count(side, column, pl.Series(sorted(wanted), dtype=pl.String))
                self._like |= {(side, column, other): known.get(other, 0) for other in wanted}
        return self._like[side, column, text]


def _numbered(values: pl.Series) -> np.ndarray:
    return values.rank("dense").fill_null(0).to_numpy().astype(np.int64)


def _largest(groupings: Sequence[_Grouping], seen: _Seen, limits: Limits) -> list[tuple[_Group, np.ndarray]]:
    """The largest group that is a cause and those that explain nearly as much, each with the findings in it.

    The larger first, and no further than that: to count all rows that are like a group costs a look at a column.
    """
    sizes = [seen.sizes(one) for one in groupings]
    large = [
        (int(size[number]), at, int(number))
        for at, size in enumerate(sizes)
        for number in np.flatnonzero(size >= limits.cause_findings_min)
    ]

    def texts(side: Side) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {}
        for _, at, number in sorted(large, reverse=True):
            if (one := groupings[at]).kind.side is side:
                column, text = one.place(number)
                wanted.setdefault(column, set()).update({text} if one.kind.value else ())
        return wanted

    judges: dict[int, Callable[[int], _Group | None]] = {}
    found: list[tuple[_Group, np.ndarray]] = []
    for findings, at, number in sorted(large, reverse=True):
        if found and findings < NEARLY * found[0][0].findings:
            break
        one = groupings[at]
        judge = judges.get(at) or judges.setdefault(at, _judge(one, sizes[at], seen, limits, texts))
        if group := judge(number):
            found.append((group, seen.alive & (one.group == number)))
    return found


def _judge(
    one: _Grouping, sizes: np.ndarray, seen: _Seen, limits: Limits, texts: Texts
) -> Callable[[int], _Group | None]:
    """Whether differences are many times as frequent in a group as elsewhere, for the groups of one kind."""
    kind, side = one.kind, one.kind.side
    if side is None:
        return lambda number: _Group(kind, one.values[number], int(sizes[number]))
    # Of a value: how often its field differs in any pair. Of a group of records: how often anything of a record does.
    if one.of_field:
        mine, often, whole = sizes, seen.of_same_field(one), seen.population.pairs
    else:
        mine, whole = seen.records(one), seen.population.rows(side)
        often = np.full(len(one.values), seen.every_record())

    def judged(number: int) -> _Group | None:
        group = seen.like(one, number, side, texts)
        base = often[number] / whole if whole else 0.0
        here = mine[number] / group if group else 0.0
        lift = float(here / base) if base else 0.0
        # A side that lacks a few of many values is no more than those few, however rare they are elsewhere.
        enough = here >= limits.whole_field_min if kind.name == "missing" else lift >= limits.cause_lift_min
        return _Group(kind, one.values[number], int(sizes[number]), group, lift) if enough else None

    return judged


# ------------------------------------------------------------------------------------------------------- in words


def _cause(best: _Group, mine: pl.DataFrame, words: _Words) -> Cause:
    codes = mine["code"].drop_nulls().value_counts(name="_n").sort("code").rows()
    return Cause(
        kind=best.kind.name,
        label=_said(best, words),
        findings=best.findings,
        rows=mine.select(pl.struct("left_row", "right_row").n_unique()).item(),
        group=best.group,
        lift=None if best.lift is None else round(best.lift, 1),
        codes=dict(codes),
    )


def _said(best: _Group, words: _Words) -> str:
    name, last = best.values[0], best.values[-1]
    match best.kind.name:
        case "day":
            said = f"処理日 {last[:4]}-{last[4:6]}-{last[6:8]}"
        case "group":
            field = best.kind.by[0].removeprefix(GROUP)
            said = f"{_label(words, field)} {_value(last, field, words)}"
        case "characters":
            said = f"文字の組: {_label(words, name)} {last}"
        case "sort":
            sort, _, side = last.rpartition("_")
            said = f"{SORTS[sort]}: {words.labels[Side(side)]}の{_label(words, name)}"
        case "key":
            said = f"キーの変形: {words.labels[Side(name.removeprefix('only_'))]}、{KEYS[last]}"
        case "missing":
            said = f"片側だけの項目: {words.labels[Side(last)]}に{_label(words, name)}の値がない"
        case "change":
            left, right = (_value(text, name, words) for text in best.values[1:])
            said = f"{_nature(words.fields[name])}: {_label(words, name)} {left} → {right}"
        case _:
            side = Side.LEFT if best.kind.name == "left_value" else Side.RIGHT
            said = f"同じ値: {words.labels[side]}の{_label(words, name)}が {_value(last, name, words)}"
    return said


def _nature(field: Field) -> str:
    """What the same change of many values most likely is."""
    if isinstance(field.comparator, Address) and field.comparator.part == "town":
        return "町名変更"
    return "コードの読替え" if isinstance(field.comparator, Exact) else "同じ書換え"


def _value(text: str, name: str, words: _Words) -> str:
    """A value where it tells of nobody; else only that it is one, which the list shows to those who may see it."""
    return f"「{text}」" if name in words.open_values else "(同じ値)"


def _label(words: _Words, name: str) -> str:
    field = words.fields.get(name)
    return (field.label or field.name) if field else "記録全体"
