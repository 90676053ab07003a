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

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import polars as pl

from reconcile.model import Address, Cause, Characters, Dataset, Exact, Field, Limits, Secrecy, Side

KINDS = ("field", "change", "characters", "left_value", "right_value", "missing", "sort", "key", "group", "day")
"""What findings may have in common, the more telling first: a field that differs as a whole, the same pair of values, the
same pair of characters, one value of one side, values that one side alone has, the same sort of fault of a record, the same
damage of the key, a group of records (町字, 異動事由, batch), the day on which the register processed them."""

NEARLY = 0.9
"""A more telling group is preferred if it explains at least this share of what the largest explains."""

MOST = 20
"""Causes named; those after it are smaller, and the list holds all findings anyway."""

GROUP, DAY = "group:", "day"
"""Before the name of a field by which records are grouped; the column of the processing day."""

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

    def count(self, side: Side, column: str, values: pl.Series) -> Mapping[str, int]:
        """How many of all rows of a side have each of these texts; those that none has are absent."""

    def filled(self, side: Side, column: str) -> int:
        """How many of all rows of a side have any text there."""


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
    rest = findings.filter(~pl.col("field").is_in(list(whole)).fill_null(value=False)).with_columns(
        _value=(pl.col("kind") == "value") & ~pl.col("field").is_in(secret).fill_null(value=False),
        _lacks=pl.when(pl.col("left_raw").is_null())
        .then(pl.lit("left"))
        .when(pl.col("right_raw").is_null())
        .then(pl.lit("right")),
        _sort=pl.col("kind").str.extract("^(.*)_(?:left|right)$"),
    )
    kinds = _kinds(rest, fields)
    counted: dict[tuple[str, str, str], int] = {}
    while rest.height >= limits.cause_findings_min and len(found) < MOST:
        # What is not large now will not be: findings only go.
        large = [(kind, frame) for kind in kinds if not (frame := _large(kind, rest, limits)).is_empty()]
        kinds = [kind for kind, _ in large]
        groups = [one for kind, frame in large for one in _causal(kind, frame, rest, (limits, population, counted))]
        if not groups:
            break
        most = max(one.findings for one in groups)
        best = min(
            (one for one in groups if one.findings >= NEARLY * most),
            key=lambda one: (KINDS.index(one.kind.name), -one.findings, one.kind.by, one.values),
        )
        same = (pl.col(column) == value for column, value in zip(best.kind.by, best.values, strict=True))
        inside = pl.all_horizontal(best.kind.among, *same).fill_null(value=False)
        found.append(_cause(best, rest.filter(inside), words))
        rest = rest.filter(~inside)
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
        first = (pl.col(column).eq_missing(pl.col(column).first()).all() for column in ("left_raw", "right_raw"))
        alike = all(mine.select(first).collect().row(0))
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


def _large(kind: _Kind, rest: pl.DataFrame, limits: Limits) -> pl.DataFrame:
    """The groups of one kind that are large enough: its columns, `_n` findings, `_rows` records."""
    return (
        rest.lazy()
        .filter(kind.among, *(pl.col(column).is_not_null() for column in kind.by))
        .group_by(kind.by)
        .agg(_n=pl.len(), _rows=pl.struct("left_row", "right_row").n_unique())
        .filter(pl.col("_n") >= limits.cause_findings_min)
        .collect()
    )


def _causal(
    kind: _Kind,
    large: pl.DataFrame,
    rest: pl.DataFrame,
    about: tuple[Limits, Population, dict[tuple[str, str, str], int]],
) -> Sequence[_Group]:
    """Those of the large groups in which differences are many times as frequent as elsewhere."""
    limits, population, counted = about
    rows = large.rows(named=True)
    if kind.side is None:
        return [_Group(kind, tuple(row[name] for name in kind.by), row["_n"]) for row in rows]
    _look_up(kind, rows, population, counted)
    # Of a value: how often its field differs in any pair. Of a group of records: how often anything of a record does.
    of_field = kind.by[0] == "field"
    if of_field:
        often = dict(rest.filter(kind.among)["field"].value_counts(name="_n").iter_rows())
        whole = population.pairs
    else:
        often = {None: rest.select(pl.struct("left_row", "right_row").n_unique()).item()}
        whole = population.rows(kind.side)
    found = []
    for row in rows:
        group = counted.get(_place(kind, row), 0)
        base = often[row["field"] if of_field else None] / whole if whole else 0.0
        here = row["_n" if of_field else "_rows"] / group if group else 0.0
        lift = here / base if base else 0.0
        # A side that lacks a few of many values is no more than those few, however rare they are elsewhere.
        enough = here >= limits.whole_field_min if kind.name == "missing" else lift >= limits.cause_lift_min
        if enough:
            found.append(_Group(kind, tuple(row[name] for name in kind.by), row["_n"], group, lift))
    return found


def _place(kind: _Kind, row: Mapping[str, str]) -> tuple[str, str, str]:
    """Where the number of rows that are like a group is kept: side, column, text ("" for any)."""
    column = row["field"] if kind.by[0] == "field" else kind.value
    return (str(kind.side), column, row[kind.value] if kind.value else "")


def _look_up(
    kind: _Kind, rows: Sequence[Mapping[str, str]], population: Population, counted: dict[tuple[str, str, str], int]
) -> None:
    """Count the rows that are like the groups, each once: a column is read once for all its texts."""
    if kind.side is None:
        return
    wanted: dict[str, list[str]] = {}
    for row in rows:
        place = _place(kind, row)
        if place not in counted:
            wanted.setdefault(place[1], []).append(place[2])
    for column, texts in sorted(wanted.items()):
        if not kind.value:
            counted[str(kind.side), column, ""] = population.filled(kind.side, column)
            continue
        known = population.count(kind.side, column, pl.Series(sorted(set(texts)), dtype=pl.String))
        counted.update({(str(kind.side), column, text): known.get(text, 0) for text in texts})


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
