"""What all rows of a side say besides the values that are compared: whether they are in scope, and what the clocks say.

Reads two or three narrow columns of every row, and holds the rows that a rule names, never the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import polars as pl

from reconcile.canonicalize import by_value, columnwise
from reconcile.classify.business_days import business_days_since
from reconcile.model import ROW, Dataset, Scope, Side, Timing, extracted
from reconcile.search.check import Input

OUTSIDE = pl.Schema({ROW: pl.UInt32, "rule": pl.String})
"""One row a record that a rule puts out of scope, and the first rule that does."""

_STAMP = "%Y%m%d%H%M%S"
_DIGITS = "^[0-9]{8}"

_ROWS_A_VALUE = 4
"""A table of values is no gain with fewer rows than that a value."""

_MOST_VALUES = 1 << 16
"""A table of more does not stay in the processor's cache."""


class Feed(NamedTuple):
    """What the clocks say of the feed from right to left. Times are YYYYMMDDhhmmss.

    Attributes:
        newest: The newest processing time of the left side; "" if none of its rows has one.
        overdue: Changes of the right side that are newer than that, and older than the grace allows.
        first: The processing time of the oldest of them, "" for none.
        last: Of the newest of them, "" for none.
        ahead: Rows of the left side whose time lies after its own extract: a wrong clock, not counted as `newest`.
    """

    newest: str
    overdue: int
    first: str
    last: str
    ahead: int


def instant(inputs: Mapping[Side, Input], as_of: datetime) -> datetime:
    """The instant of the comparison: the earlier extract, or else the run's own time (`docs/decisions.md` 15)."""
    taken = [extracted(entry.snapshot) for entry in inputs.values()]
    return min((one for one in taken if one), default=as_of.replace(tzinfo=None))


# ------------------------------------------------------------------------------------------------------------- scope


def out_of_scope(entry: Input, dataset: Dataset, at: datetime) -> pl.DataFrame:
    """The rows of one side that a rule of the dataset puts out of scope.

    Returns:
        OUTSIDE, in row order. A rule about a field that the side does not have puts nothing out of scope.
    """
    expressions = entry.canonical(dataset)
    rules = [rule for rule in dataset.scope if rule.applies and {rule.field, rule.since} - {""} <= set(expressions)]
    if not rules:
        return pl.DataFrame(schema=OUTSIDE)
    first = pl.coalesce(*(pl.when(_holds(rule, expressions, at)).then(pl.lit(rule.name)) for rule in rules))
    named = entry.rows.select(ROW, rule=first).filter(pl.col("rule").is_not_null())
    return named.collect(engine="streaming").sort(ROW).match_to_schema(OUTSIDE)


def _holds(rule: Scope, expressions: Mapping[str, pl.Expr], at: datetime) -> pl.Expr:
    said = expressions[rule.field].is_in(rule.values)
    if rule.years:
        # Text of digits has the order of time. 29 February less some years is 28 February.
        day = 28 if (at.month, at.day) == (2, 29) else at.day
        limit = f"{at.year - rule.years:04}{at.month:02}{day:02}"
        since = expressions[rule.since]
        said &= since.str.contains(_DIGITS) & (since.str.slice(0, 8) < limit)
    return said.fill_null(value=False)


def apart(inputs: Mapping[Side, Input], dataset: Dataset, at: datetime) -> dict[Side, pl.DataFrame]:
    """The rows that take no part in the comparison: those out of scope, but for those that the other side disputes.

    A row stays if the other side has a row of its key in scope and its own side has none: that one system deleted
    somebody long ago whom the other still has is a difference, and no rule may hide it. Left out, it would make a false
    "only here" of the other row besides. A row without a key stays as well, and is refused.

    Args:
        inputs: Both sides.
        dataset: Its rules.
        at: The instant of the comparison.

    Returns:
        OUTSIDE of either side.
    """
    inputs = {side: records(entry) for side, entry in inputs.items()}
    named = {side: out_of_scope(entry, dataset, at) for side, entry in inputs.items()}
    if all(frame.is_empty() for frame in named.values()):
        return named
    key = list(dataset.key)
    keys = {side: entry.rows.select(ROW, **_keys(entry, dataset)) for side, entry in inputs.items()}
    is_named = {side: pl.col(ROW).is_in(frame[ROW].implode()) for side, frame in named.items()}
    away = {
        side: keys[side]
        .filter(is_named[side], *(pl.col(k).str.strip_chars() != "" for k in key))
        .collect(engine="streaming")
        for side in Side
    }
    asked = pl.concat([frame.select(key) for frame in away.values()]).unique().lazy()
    inside = {
        side: keys[side].filter(~is_named[side]).join(asked, on=key, how="semi").select(key).collect(engine="streaming")
        for side in Side
    }
    gone = {}
    for side in Side:
        disputed = inside[side.other].join(inside[side], on=key, how="anti")
        rows = away[side].join(disputed, on=key, how="anti")[ROW]
        gone[side] = named[side].filter(pl.col(ROW).is_in(rows.implode()))
    return gone


def records(entry: Input) -> Input:
    """A side without the sentinels behind its records: no rule of scope and no count is about them."""
    if not entry.sentinels:
        return entry
    return entry._replace(rows=entry.rows.filter(pl.col(ROW) <= entry.snapshot.rows), sentinels=0)


def without(entry: Input, outside: pl.DataFrame) -> Input:
    """A side without some of its rows (OUTSIDE); the others keep their numbers."""
    if outside.is_empty():
        return entry
    return entry._replace(rows=entry.rows.filter(~pl.col(ROW).is_in(outside[ROW].implode())))


def _keys(entry: Input, dataset: Dataset) -> dict[str, pl.Expr]:
    expressions = entry.canonical(dataset)
    return {name: expressions[name] for name in dataset.key}


# ---------------------------------------------------------------------------------------------------------- decodings


def decoded_once(entry: Input, dataset: Dataset) -> Input:
    """A side whose columns of few values are decoded a value at a time.

    A code list, a date or a check digit costs a row twenty times as much as a look into a table of the few values that
    there are, and every question that is asked of the rows decodes them again.

    Args:
        entry: A side.
        dataset: Its fields.
    """
    layout = entry.snapshot.layout
    fields = {field.name for field in dataset.fields}
    names = [one.name for one in layout.columns if one.decode and one.name in fields] if layout else []
    if not names:
        return entry
    rows = entry.rows.select(names)
    if entry.history is not None:
        rows = pl.concat([rows, entry.history.select(names)])
    most = min(_MOST_VALUES, entry.snapshot.rows // _ROWS_A_VALUE)
    about = rows.select(pl.all().approx_n_unique()).collect(engine="streaming").row(0)
    few = [name for name, values in zip(names, about, strict=True) if values <= most]
    decodings = columnwise(dataset, layout, entry.snapshot.columns, entry.gaiji)
    known = {}
    for name in few:
        values = rows.select(pl.col(name).unique()).collect(engine="streaming")
        known[name] = by_value(values.select(name, decoded=decodings[name]))
    return entry._replace(known=known)


# ------------------------------------------------------------------------------------------------------------ clocks


def feed(inputs: Mapping[Side, Input], dataset: Dataset, at: datetime) -> Feed | None:
    """What the clocks of all rows say of the feed (津山: it stopped, and nobody noticed for six weeks).

    Args:
        inputs: Both sides, without what is out of scope.
        dataset: Declares which field the processing time is.
        at: The instant of the comparison.

    Returns:
        None where the dataset or a side keeps no processing time.
    """
    timing = dataset.timing
    if timing is None:
        return None
    times = {side: entry.canonical(dataset).get(timing.processed) for side, entry in inputs.items()}
    left, right = times[Side.LEFT], times[Side.RIGHT]
    if left is None or right is None:
        return None
    # A clock that runs ahead would look like a living feed for years.
    taken = f"{extracted(inputs[Side.LEFT].snapshot) or at:{_STAMP}}"
    dated = left.str.contains(_DIGITS)
    told = inputs[Side.LEFT].rows.select(
        newest=left.filter(dated & (left <= taken)).max(), ahead=(dated & (left > taken)).sum()
    )
    newest, ahead = told.collect(engine="streaming").row(0)
    if newest is None:
        return Feed("", 0, "", "", int(ahead))
    overdue, first, last = _overdue(inputs[Side.RIGHT], (dataset, timing), newest, at)
    return Feed(newest, overdue, first, last, int(ahead))


def _overdue(entry: Input, about: tuple[Dataset, Timing], newest: str, at: datetime) -> tuple[int, str, str]:
    dataset, timing = about
    expressions = entry.canonical(dataset)
    time = expressions[timing.processed]
    state = expressions.get(dataset.state, pl.lit(None, pl.String))
    sent = entry.rows.filter(time > newest).select(time=time, state=state).collect(engine="streaming")
    # What is not yet registered is not sent.
    sent = sent.filter(pl.col("state").ne_missing(timing.provisional), _overdue_days(at) > timing.grace_days)
    if sent.is_empty():
        return 0, "", ""
    return sent.height, str(sent["time"].min()), str(sent["time"].max())


def _overdue_days(at: datetime) -> pl.Expr:
    day = pl.col("time").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    return business_days_since(day, at.date())


# ------------------------------------------------------------------------------------------------- rows and their like


def rows_with(entry: Input, column: pl.Expr, values: pl.Series) -> dict[str, int]:
    """How many of all rows of a side have each of these texts in a column; those that none has are absent."""
    value = pl.col("value")
    counted = entry.rows.select(value=column).filter(value.is_in(values.implode())).group_by("value").len()
    return dict(counted.collect(engine="streaming").iter_rows())


def described(entry: Input, rows: pl.Series, columns: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """ROW and these columns of some rows of a side."""
    wanted = entry.rows.filter(pl.col(ROW).is_in(rows.implode()))
    return wanted.select(ROW, **columns).collect(engine="streaming")
