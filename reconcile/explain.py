"""Why whole pairs differ and rows stand alone: fetches what the explanations of `classify` need of the rows in question.

Only rows that are findings already are looked at again, with the columns that a comparison does not need: processing
times, flags, and the register's older rows of their keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from reconcile.check import Input
from reconcile.classify.people import mixed_identity, two_keys
from reconcile.classify.timing import explain_arrivals, explain_pairs
from reconcile.diff import DiffPlan
from reconcile.model import REASONS, ROW, Dataset, Material, Side, Timing


def reasons(
    inputs: Mapping[Side, Input], material: Material, dataset: Dataset, this: DiffPlan, as_of: datetime
) -> pl.DataFrame:
    """Everything that explains a pair or a leftover row; where two things do, the first of this order.

    Order: flags, history and clocks; then who stands under a key.

    Args:
        inputs: Both sides.
        material: What was found.
        dataset: Declares the timing, the identity, and who a person is.
        this: The plan.
        as_of: The instant of the comparison, if no extract says when it was taken.

    Returns:
        REASONS, each pair or row once.
    """
    found = [mixed_identity(material.values, dataset.identity), two_keys(material.only, list(this.key))]
    if dataset.timing is not None and _knows_time(inputs, dataset.timing):
        found = [*_timing(inputs, material, dataset.timing, this, (dataset, as_of)), *found]
    return pl.concat([pl.DataFrame(schema=REASONS), *found]).unique(
        ["left_row", "right_row"], keep="first", maintain_order=True
    )


def _knows_time(inputs: Mapping[Side, Input], timing: Timing) -> bool:
    has = {side: set(entry.snapshot.columns) for side, entry in inputs.items()}
    return {timing.processed, timing.pending} <= has[Side.LEFT] and timing.processed in has[Side.RIGHT]


def _timing(
    inputs: Mapping[Side, Input],
    material: Material,
    timing: Timing,
    this: DiffPlan,
    about: tuple[Dataset, datetime],
) -> list[pl.DataFrame]:
    dataset, as_of = about
    left, right = inputs[Side.LEFT], inputs[Side.RIGHT]
    taken = {side: _extracted(entry) for side, entry in inputs.items()}
    instant = min((one for one in taken.values() if one), default=as_of.replace(tzinfo=None))
    key, columns = list(this.key), list(this.fields)
    pairs = material.values.filter(~pl.col("equal")).select(*key, "left_row", "right_row").unique(maintain_order=True)
    ours = left.canonical(dataset)
    theirs = right.canonical(dataset)
    flags = {"left_processed": ours[timing.processed], "pending": ours[timing.pending]}
    values = {name: ours[field.name] for name, field in this.fields.items()}
    pairs = pairs.join(
        _rows(left, pairs["left_row"], {**values, **flags}), left_on="left_row", right_on=ROW, how="left"
    )
    processed = _rows(right, pairs["right_row"], {"right_processed": theirs[timing.processed]})
    pairs = pairs.join(processed, left_on="right_row", right_on=ROW, how="left")
    alone = material.only[Side.RIGHT][ROW]
    state = theirs[dataset.state] if dataset.state in theirs else pl.lit(None, pl.String)
    arrived = _rows(right, alone, {"processed": theirs[timing.processed], "state": state})
    instants = (taken[Side.RIGHT], instant)
    return [
        explain_pairs(pairs, _history(right, pairs, this, (dataset, timing)), columns, timing, instants),
        explain_arrivals(arrived.rename({ROW: "right_row"}), timing, instants),
    ]


def _rows(entry: Input, rows: pl.Series, expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """ROW and these expressions, of the given rows."""
    wanted = entry.rows.filter(pl.col(ROW).is_in(rows.unique().implode()))
    return wanted.select(ROW, **expressions).collect(engine="streaming")


def _history(entry: Input, pairs: pl.DataFrame, this: DiffPlan, about: tuple[Dataset, Timing]) -> pl.DataFrame | None:
    """The older rows of the pairs' keys: the key, the compared values, `processed`."""
    if entry.history is None:
        return None
    dataset, timing = about
    expressions = entry.canonical(dataset)
    older = entry.history.select(
        **{name: expressions[source] for name, source in this.key.items()},
        **{name: expressions[field.name] for name, field in this.fields.items()},
        processed=expressions[timing.processed],
    )
    keys = pairs.select(list(this.key)).unique().lazy()
    return older.join(keys, on=list(this.key), how="semi").collect(engine="streaming")


def _extracted(entry: Input) -> datetime | None:
    """When a side was extracted, as its header or the run file says: Asia/Tokyo, without a zone."""
    said = entry.snapshot.preflight.header.get("extracted_at")
    try:
        return None if said is None else datetime.strptime(said, "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
