"""Late, or lost? What the register's own history and the clocks say of a pair that differs (`reference/domain.md` §5).

The register keeps every older row. If the CS equals one of them, it is that many changes behind: within grace the
message is on its way, beyond it the message is lost. If it equals none, and is newer than all of them, it is ahead:
because it was extracted later, or because somebody changed it. Flags that a message waits, or that a move is only
planned, are believed before either. The processing time decides, never the day of the event, which may lie ahead.

Pure: the rows of the pairs, the history of their keys, and the times of the extracts are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from reconcile.classify.business_days import business_days_since
from reconcile.model import REASONS, Timing

_DAY = "%Y-%m-%d"


def explain_pairs(
    pairs: pl.DataFrame,
    history: pl.DataFrame | None,
    columns: Sequence[str],
    timing: Timing,
    instants: tuple[datetime | None, datetime],
) -> pl.DataFrame:
    """Why pairs differ, as far as flags, history and clocks tell; the first of these that holds.

    Args:
        pairs: One row a pair with a difference: the key `k0`, …, `left_row`, `right_row`, the left side's compared
            values under `columns`, and `left_processed`, `right_processed` (YYYYMMDDhhmmss), `pending`.
        history: The register's older rows of these keys: the key, `columns`, `processed`; None if there is none.
        columns: The names of the compared values.
        timing: The dataset's.
        instants: When the right side was extracted, None if unknown; the instant of the comparison.

    Returns:
        REASONS. Reasons: `waiting`, `planned`, `behind`, `overdue`, `recent` (only without history), `apart`, `ahead`.
    """
    extracted, instant = instants
    older = _older(pairs, history, columns)
    told = pairs.join(older, on=["left_row", "right_row"], how="left", maintain_order="left")
    since = pl.col("since").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    age = business_days_since(since, instant.date())
    newer = (pl.col("left_processed") > pl.col("right_processed")).fill_null(value=False) & pl.col("since").is_null()
    # Without history nothing proves that the CS is behind; that the register was written to within grace suggests it.
    written = pl.col("right_processed").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    recent = _within_grace(written, timing, instants) & pl.lit(history is None)
    apart = newer & (
        (pl.col("left_processed") >= pl.lit(f"{extracted:%Y%m%d%H%M%S}")) if extracted else pl.lit(value=False)
    )
    steps = (
        ("waiting", pl.col("pending").str.contains(timing.waiting)),
        ("planned", pl.col("pending").str.contains(timing.planned)),
        ("behind", since.is_not_null() & (age <= timing.grace_days)),
        ("overdue", since.is_not_null()),
        ("recent", recent),
        ("apart", apart),
        ("ahead", newer),
    )
    history_says = pl.format("変更{}件前の状態(処理日 {}、{}営業日)", "changes", since.dt.strftime(_DAY), age)
    clocks_say = pl.format("CSの処理日時 {}", pl.col("left_processed"))
    guess = pl.format("処理日 {}(履歴での裏付けなし)", written.dt.strftime(_DAY))
    evidence = {
        "recent": guess,
        "behind": history_says,
        "overdue": history_says,
        "apart": clocks_say,
        "ahead": clocks_say,
    }
    flags = pl.format("更新フラグ {}", "pending")
    return (
        told.with_columns(reason=_first(steps))
        .filter(pl.col("reason").is_not_null())
        .with_columns(
            evidence=pl.coalesce(
                *(pl.when(pl.col("reason") == name).then(text) for name, text in evidence.items()), flags
            )
        )
        .match_to_schema(REASONS, extra_columns="ignore")
    )


def explain_arrivals(only: pl.DataFrame, timing: Timing, instants: tuple[datetime | None, datetime]) -> pl.DataFrame:
    """Why rows stand on the right only: not yet registered, or so fresh that the message is on its way.

    Args:
        only: `right_row`, `processed`, `state`.
        timing: The dataset's.
        instants: When the right side was extracted, None if unknown; the instant of the comparison.

    Returns:
        REASONS, `left_row` null. Reasons: `provisional`, `behind`.
    """
    since = pl.col("processed").str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    age = business_days_since(since, instants[1].date())
    steps = (
        ("provisional", pl.col("state") == timing.provisional),
        ("behind", _within_grace(since, timing, instants)),
    )
    said = pl.format("処理日 {}、{}営業日", since.dt.strftime(_DAY), age)
    return (
        only.with_columns(reason=_first(steps), left_row=pl.lit(None, pl.UInt32))
        .filter(pl.col("reason").is_not_null())
        .with_columns(evidence=pl.when(pl.col("reason") == "behind").then(said))
        .match_to_schema(REASONS, extra_columns="ignore")
    )


def _within_grace(day: pl.Expr, timing: Timing, instants: tuple[datetime | None, datetime]) -> pl.Expr:
    """Whether the register wrote this on a day that the CS need not know of yet (`reference/domain.md` §5, step 3).

    The CS may have been extracted first, so that the day lies after the comparison. After its own extract the register
    wrote nothing: a clock that runs ahead would hide a lost record for years (§12, trap 30).
    """
    extracted, instant = instants
    last = max(extracted or instant, instant).date()
    return (business_days_since(day, instant.date()) <= timing.grace_days) & (day <= pl.lit(last))


def _first(steps: Sequence[tuple[str, pl.Expr]]) -> pl.Expr:
    return pl.coalesce(*(pl.when(test.fill_null(value=False)).then(pl.lit(name)) for name, test in steps))


def _older(pairs: pl.DataFrame, history: pl.DataFrame | None, columns: Sequence[str]) -> pl.DataFrame:
    """The newest older row of the register that the CS equals in every compared value.

    Returns:
        `left_row`, `right_row`, `changes` (how many register rows are newer), `since` (the processing time of the
        next newer one: from then on the CS has been behind).
    """
    schema = pl.Schema({"left_row": pl.UInt32, "right_row": pl.UInt32, "changes": pl.UInt32, "since": pl.String})
    if history is None or history.is_empty():
        return pl.DataFrame(schema=schema)
    key = [name for name in pairs.columns if name in history.columns and name not in columns]
    both = pairs.join(history, on=key, how="inner", suffix=":older", maintain_order="left_right")
    equal = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}:older")) for name in columns)
    met = both.filter(equal).select("left_row", "right_row", *key, "right_processed", at="processed")
    newest = met.group_by("left_row", "right_row", *key, "right_processed", maintain_order=True).agg(pl.col("at").max())
    newer = (
        newest.join(history.select(*key, "processed"), on=key, how="left")
        .filter(pl.col("processed") > pl.col("at"))
        .group_by("left_row", "right_row")
        .agg(between=pl.len().cast(pl.UInt32), next=pl.col("processed").min())
    )
    return (
        newest.join(newer, on=["left_row", "right_row"], how="left", maintain_order="left")
        .with_columns(changes=pl.col("between").fill_null(0) + 1, since=pl.min_horizontal("next", "right_processed"))
        .match_to_schema(schema, extra_columns="ignore")
    )
