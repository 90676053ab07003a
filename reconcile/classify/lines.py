"""The register's rows of one person in their order, and what the CS has missed of them (`reference/domain.md` §1.6, §5).

A line is every row that the register ever wrote under a key: the older ones, and last the current one. Two rows
written in one second are told apart by their number (履歴番号), and a row without a time stands where its number says.

A row need not change anything that is compared: 世帯分離, 世帯主変更 and the like leave a new row with a new ground and
day, and no message is ever sent of them. So what is *missed* are the rows that changed the state: every compared value
but the ground and the day of the event itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

CURRENT = ":current"
"""Behind a column's name: the register's current value."""

PAIR = ("left_row", "right_row")
MISSED = pl.Schema(
    {"left_row": pl.UInt32, "right_row": pl.UInt32, "changes": pl.UInt32, "since": pl.String, "known": pl.String}
)


def missed(
    pairs: pl.DataFrame, history: pl.DataFrame | None, columns: Sequence[str], events: Sequence[str] = ()
) -> pl.DataFrame:
    """What the CS has missed, where it equals an older row of the register in every compared value.

    Args:
        pairs: The key, `left_row`, `right_row`, the CS's values under `columns`, the register's current ones under
            the same names with `CURRENT`, `right_processed`, `right_sequence`.
        history: The register's older rows: the key, `columns`, `processed`, `sequence`; None if it keeps none.
        columns: The names of the compared values.
        events: Those of them that tell of the last event and not of the person.

    Returns:
        MISSED, one row a pair that is behind: `changes` (how many rows since then changed the state), `since` (when the first
        of them was written; null if that is unknown), `known` (the first known time of them).
    """
    if history is None or history.is_empty() or pairs.is_empty():
        return pl.DataFrame(schema=MISSED)
    lines = _lines(pairs, history, columns, events)
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}:cs")) for name in columns)
    newest = lines.filter(equal & ~pl.col("is_current")).group_by(PAIR).agg(newest=pl.col("place").max())
    return (
        lines.join(newest, on=PAIR, how="inner", maintain_order="left")
        .filter("changed", pl.col("place") > pl.col("newest"))
        .group_by(PAIR, maintain_order=True)
        .agg(
            changes=pl.len().cast(pl.UInt32),
            since=pl.col("processed").first(),
            known=pl.col("processed").drop_nulls().first(),
        )
        .match_to_schema(MISSED, extra_columns="ignore")
    )


def unrelated_events(
    pairs: pl.DataFrame, history: pl.DataFrame, columns: Sequence[str], events: Sequence[str]
) -> pl.DataFrame:
    """Pairs whose CS tells of an event after which the register wrote rows that changed nothing compared.

    The ground and the day of the CS are then right, although the register's current row says others (domain §1.6):
    they are those of a row that left the person as the current row has them.

    Args:
        pairs: As for `missed`.
        history: As for `missed`.
        columns: As for `missed`.
        events: As for `missed`; not empty.

    Returns:
        `left_row`, `right_row`.
    """
    if history.is_empty() or pairs.is_empty():
        return pl.DataFrame(schema=dict.fromkeys(PAIR, pl.UInt32))
    lines = _lines(pairs, history, columns, events)
    # Rows after which the state has not changed: from the last row that changed it on.
    last = pl.col("place").filter("changed").max().over(PAIR)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}:cs")) for name in events)
    return lines.filter(same & (pl.col("place") >= last.fill_null(0))).select(PAIR).unique(maintain_order=True)


def disordered(current: pl.LazyFrame, history: pl.LazyFrame, person: Sequence[str]) -> pl.DataFrame:
    """Current rows that are not the newest of their person: an older row bears a greater number, or a later time (G3).

    What the register shows as current is then in doubt, whatever the CS says (trap 20).

    Args:
        current: `_row`, `person`, `processed`, `sequence`.
        history: `person`, `processed`, `sequence`.
        person: The columns that say whose line it is.

    Returns:
        `_row`, in order.
    """
    newest = history.group_by(person).agg(_number("sequence").max().alias("number"), pl.col("processed").max())
    later = (pl.col("number") > _number("sequence")) | (pl.col("processed:older") > pl.col("processed"))
    met = current.join(newest, on=list(person), how="inner", suffix=":older")
    return met.filter(later.fill_null(value=False)).select("_row").sort("_row").collect(engine="streaming")


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64, strict=False)


def _lines(pairs: pl.DataFrame, history: pl.DataFrame, columns: Sequence[str], events: Sequence[str]) -> pl.DataFrame:
    """Every row of the register of every pair, in its line's order.

    Returns:
        `left_row`, `right_row`, `columns`, the CS's values with `:cs`, `processed`, `place` (in the whole frame),
        `is_current`, `changed` (whether it changed the state; the first row of a line did).
    """
    key = [name for name in pairs.columns if name in history.columns and name not in columns]
    ours = {f"{name}:cs": pl.col(name) for name in columns}
    cs = pairs.select(*PAIR, **ours)
    older = (
        pairs.select(*key, *PAIR)
        .join(history, on=key, how="inner", maintain_order="left_right")
        .select(*PAIR, *columns, "processed", "sequence", is_current=pl.lit(value=False))
    )
    now = pairs.select(
        *PAIR,
        *(pl.col(f"{name}{CURRENT}").alias(name) for name in columns),
        processed="right_processed",
        sequence="right_sequence",
        is_current=pl.lit(value=True),
    )
    state = [name for name in columns if name not in events]
    return (
        pl.concat([older, now])
        .with_columns(number=_number("sequence"))
        .sort(*PAIR, "is_current", "number", "processed", nulls_last=False)
        # A row without a time was written after the one before it.
        .with_columns(order=pl.col("processed").forward_fill().over(PAIR))
        # The values last: rows of one second without a number stand in an order that no source decides.
        .sort(*PAIR, "is_current", "order", "number", *columns, nulls_last=False)
        .with_columns(
            changed=pl.any_horizontal(
                pl.lit(value=False), *(pl.col(name).ne_missing(pl.col(name).shift(1)).over(PAIR) for name in state)
            )
            | (pl.int_range(pl.len()).over(PAIR) == 0)
        )
        .with_row_index("place")
        .join(cs, on=list(PAIR), how="left", maintain_order="left")
    )
