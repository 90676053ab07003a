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
from typing import NamedTuple

import polars as pl

from reconcile.classify.business_days import business_days_since
from reconcile.classify.lines import missed
from reconcile.model import REASONS, Timing

_DAY = "%Y-%m-%d"
_NONE = pl.lit(None, pl.UInt32)


class Instants(NamedTuple):
    """The clocks of a comparison.

    Attributes:
        register: When the right side was extracted, None if unknown.
        instant: The instant of the comparison: the earlier of the two extracts.
        last: The later of the two; nothing in either side was written after it but by a clock that runs ahead.
    """

    register: datetime | None
    instant: datetime
    last: datetime


def explain_pairs(
    pairs: pl.DataFrame,
    history: pl.DataFrame | None,
    columns: Sequence[str],
    timing: Timing,
    instants: Instants,
    *,
    events: Sequence[str] = (),
) -> pl.DataFrame:
    """Why pairs differ, as far as flags, history and clocks tell; the first of these that holds.

    Args:
        pairs: One row a pair with a difference: the key `k0`, …, `left_row`, `right_row`, the left side's compared
            values under `columns`, the right side's under the same with `lines.CURRENT`, and `left_processed`,
            `right_processed` (YYYYMMDDhhmmss), `right_sequence`, `pending`.
        history: The register's older rows of these keys: the key, `columns`, `processed`, `sequence`; None if there
            is none.
        columns: The names of the compared values.
        timing: The dataset's.
        instants: The clocks.
        events: Those of `columns` that tell of the last event and not of the person.

    Returns:
        REASONS. Reasons: `waiting`, `planned`, `behind`, `overdue`, `recent` (only without history), `apart`, `ahead`.
    """
    older = missed(pairs, history, columns, events)
    told = pairs.join(older, on=["left_row", "right_row"], how="left", maintain_order="left")
    since, known = _date("since"), _date("known")
    behind = known.is_not_null()
    newer = (pl.col("left_processed") > pl.col("right_processed")) & pl.col("changes").is_null()
    # Without history nothing proves that the CS is behind; that the register was written to within grace suggests it.
    written = _date("right_processed")
    steps = (
        ("waiting", pl.col("pending").str.contains(timing.waiting)),
        ("planned", pl.col("pending").str.contains(timing.planned)),
        ("behind", behind & _within_grace(since, timing, instants)),
        ("overdue", behind),
        ("recent", _within_grace(written, timing, instants) & pl.lit(history is None)),
        ("apart", newer & _after_the_register(instants)),
        ("ahead", newer),
    )
    history_says = pl.format(
        "変更{}件前の状態({}処理日 {}、{}営業日)",
        "changes",
        # The first of the changes has no time: the CS has been behind for longer than can be said.
        pl.when(since.is_null()).then(pl.lit("遅くとも")).otherwise(pl.lit("")),
        known.dt.strftime(_DAY),
        _age(known, instants),
    )
    clocks_say = pl.format("CSの処理日時 {}", pl.col("left_processed"))
    evidence = {
        "recent": pl.format("処理日 {}(履歴での裏付けなし)", written.dt.strftime(_DAY)),
        "behind": history_says,
        "overdue": history_says,
        "apart": clocks_say,
        "ahead": clocks_say,
    }
    return _say(told, steps, evidence)


def explain_arrivals(only: pl.DataFrame, timing: Timing, instants: Instants) -> pl.DataFrame:
    """Why rows stand on the right only: not yet registered, or so fresh that the message is on its way.

    Args:
        only: `right_row`, `processed` (since when the register has had the person), `state`.
        timing: The dataset's.
        instants: The clocks.

    Returns:
        REASONS, `left_row` null. Reasons: `provisional`, `behind`.
    """
    since = _date("processed")
    steps = (
        ("provisional", pl.col("state") == timing.provisional),
        ("behind", _within_grace(since, timing, instants)),
    )
    said = pl.format("処理日 {}、{}営業日", since.dt.strftime(_DAY), _age(since, instants))
    return _say(only.with_columns(left_row=_NONE), steps, {"behind": said, "provisional": pl.lit(None, pl.String)})


def explain_departures(only: pl.DataFrame, timing: Timing, instants: Instants) -> pl.DataFrame:
    """Why rows stand on the left only: the register let them go within grace, or took them in after its extract.

    Args:
        only: `left_row`, `left_processed`, `pending`, and `gone`, the time of the last row that the register's
            history has under the key, null if it has none. The person left the register then or later.
        timing: The dataset's.
        instants: The clocks.

    Returns:
        REASONS, `right_row` null. Reasons: `waiting`, `planned`, `behind`, `apart`, and `departed`, which excuses
        nothing: the register had the person, and long ago.
    """
    gone = _date("gone")
    steps = (
        ("waiting", pl.col("pending").str.contains(timing.waiting)),
        ("planned", pl.col("pending").str.contains(timing.planned)),
        ("behind", _within_grace(gone, timing, instants)),
        ("apart", gone.is_null() & _after_the_register(instants)),
        ("departed", gone.is_not_null()),
    )
    history_says = pl.format("既存住基の最終履歴 処理日 {}、{}営業日", gone.dt.strftime(_DAY), _age(gone, instants))
    evidence = {
        "behind": history_says,
        "departed": history_says,
        "apart": pl.format("CSの処理日時 {}", pl.col("left_processed")),
    }
    return _say(only.with_columns(right_row=_NONE), steps, evidence)


def explain_key_changes(changed: pl.DataFrame, timing: Timing, instants: Instants) -> pl.DataFrame:
    """Why the CS holds a person under a key that the register has replaced: the lawful change is on its way.

    Args:
        changed: `left_row`, `right_row`: a row of the CS whose key the register's history has, and the current row of
            that person, under another key, both without a partner; `since`, when the register first wrote the new
            key; `pending`.
        timing: The dataset's.
        instants: The clocks.

    Returns:
        REASONS: for each, the pair, and either row alone. Reasons: `waiting`, `behind`. After the grace nothing is
        said: one person under two keys is then what it is.
    """
    since = _date("since")
    steps = (
        ("waiting", pl.col("pending").str.contains(timing.waiting)),
        ("behind", _within_grace(since, timing, instants)),
    )
    said = pl.format("変更処理日 {}、{}営業日(履歴に旧番号あり)", since.dt.strftime(_DAY), _age(since, instants))
    whole = _say(changed, steps, {"behind": said})
    return pl.concat([whole, whole.with_columns(right_row=_NONE), whole.with_columns(left_row=_NONE)])


def _date(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, 8).str.to_date("%Y%m%d", strict=False)


def _age(day: pl.Expr, instants: Instants) -> pl.Expr:
    """Business days that have passed; none, where the register wrote after the CS was extracted."""
    return business_days_since(day, instants.instant.date()).clip(lower_bound=0)


def _within_grace(day: pl.Expr, timing: Timing, instants: Instants) -> pl.Expr:
    """Whether the register wrote this on a day that the CS need not know of yet (`reference/domain.md` §5, step 3).

    The CS may have been extracted first, so that the day lies after the comparison. After its own extract the register
    wrote nothing: a clock that runs ahead would hide a lost record for years (§12, trap 30).
    """
    last = (instants.register or instants.last).date()
    return (_age(day, instants) <= timing.grace_days) & (day <= pl.lit(last))


def _after_the_register(instants: Instants) -> pl.Expr:
    """Whether the CS wrote its row when the register had been extracted already; a clock that runs ahead proves nothing."""
    if instants.register is None:
        return pl.lit(value=False)
    begin, end = (f"{one:%Y%m%d%H%M%S}" for one in (instants.register, instants.last))
    return pl.col("left_processed").is_between(pl.lit(begin), pl.lit(end))


def _say(rows: pl.DataFrame, steps: Sequence[tuple[str, pl.Expr]], evidence: dict[str, pl.Expr]) -> pl.DataFrame:
    """The first step that holds, with its evidence; by default, the flags."""
    tests = (pl.when(test.fill_null(value=False)).then(pl.lit(name)) for name, test in steps)
    flags = pl.format("更新フラグ {}", "pending") if "pending" in rows.columns else pl.lit(None, pl.String)
    texts = [pl.when(pl.col("reason") == name).then(text) for name, text in evidence.items()]
    silent = pl.when(~pl.col("reason").is_in(list(evidence))).then(flags)
    return (
        rows.with_columns(reason=pl.coalesce(*tests))
        .filter(pl.col("reason").is_not_null())
        .with_columns(evidence=pl.coalesce(*texts, silent))
        .match_to_schema(REASONS, extra_columns="ignore")
    )
