"""Stage 6: tonight's findings against the nights before: new, open, changed, reappeared, resolved, and how old.

    open     -> open ...      while it is found again
    open     -> resolved      only where tonight compared that key and found it equal, or both sides report it absent
    open     -> unconfirmed   tonight found nothing and proved nothing: it stays open, and its age goes on
    resolved -> reappeared    the same finding again: its age begins anew, its first night is kept

Absence is never equality (`reference/reliability.md` §2.1). Pure: the state before, the night, the proof and the
calendar are arguments. The state before is that of the *nights* before: a second run of one night replaces the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from reconcile.model import BREAKS, STANDING, Carried, Memory, Proof, Status, Tracked


def track(
    findings: pl.DataFrame,
    memory: Memory,
    proof: Proof,
    night: date,
    holidays: Sequence[date] = (),
) -> Tracked:
    """Compare tonight with the nights before.

    Args:
        findings: One row a finding of tonight: `finding_id`, `person`, `field`, `code`, `severity`.
        memory: The nights before `night`. A row of its `before` that was seen on `night` itself comes from an earlier
            run of this night, which opened it.
        proof: What tonight proves of keys without a finding.
        night: The day the run is about.
        holidays: Days on which the office is closed, weekends aside.

    Returns:
        The standing of every finding that is open or was resolved tonight, and the rows to remember.
    """
    before, carried = memory.before, memory.carried
    open_before = before.filter(~pl.col("resolved"))
    if not proof.conclusive:
        return Tracked(
            standing=standing(open_before.with_columns(status=_lit(Status.UNCONFIRMED)), night, carried, holidays),
            breaks=pl.DataFrame(schema=BREAKS),
            night=night,
        )
    seen = _seen(findings, before, night, carried, holidays)
    missing = open_before.join(findings, on="finding_id", how="anti").with_columns(status=_fate(proof))
    resolved = missing.filter(pl.col("status") == Status.RESOLVED).with_columns(
        resolved=pl.lit(value=True), resolved_on=pl.lit(night, pl.Date)
    )
    unconfirmed = missing.filter(pl.col("status") == Status.UNCONFIRMED)
    touched = pl.concat([part.select(*BREAKS, "status") for part in (seen, resolved)])
    every = pl.concat([touched, unconfirmed.select(*BREAKS, "status")])
    return Tracked(
        standing=standing(every, night, carried, holidays),
        breaks=touched.sort("finding_id").select(BREAKS.names()),
        night=night,
    )


def _seen(
    findings: pl.DataFrame, before: pl.DataFrame, night: date, carried: Carried, holidays: Sequence[date]
) -> pl.DataFrame:
    """BREAKS and `status` of tonight's findings."""
    known = findings.join(before, on="finding_id", how="left", suffix=":before", maintain_order="left")
    tonight = pl.lit(night, pl.Date)
    unknown = pl.col("first_seen").is_null() | (pl.col("first_seen") == tonight)
    was_open = ~pl.col("resolved").fill_null(value=True)
    again = was_open & (pl.col("last_seen") < tonight)
    altered = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}:before")) for name in ("code", "severity"))
    is_open_day = _business_days(pl.lit(night), pl.lit(night) + pl.duration(days=1), holidays)
    timing = (pl.col("severity") == carried.timing).fill_null(value=False)
    still = again & (pl.col("severity:before") == carried.timing).fill_null(value=False)
    return known.with_columns(
        status=pl.when(unknown)
        .then(_lit(Status.NEW))
        .when(~again)
        .then(_lit(Status.REAPPEARED))
        .when(altered)
        .then(_lit(Status.CHANGED))
        .otherwise(_lit(Status.OPEN)),
        first_seen=pl.coalesce("first_seen", tonight),
        since=pl.when(again).then("since").otherwise(tonight),
        last_seen=tonight,
        nights=(pl.when(again).then("nights").otherwise(0) + 1).cast(pl.UInt32),
        carried_since=pl.when(timing & still).then("carried_since").when(timing).then(tonight),
        carried_nights=pl.when(timing)
        .then(pl.when(still).then("carried_nights").otherwise(0) + is_open_day)
        .otherwise(0)
        .cast(pl.UInt32),
        resolved=pl.lit(value=False),
        resolved_on=pl.lit(None, pl.Date),
    ).select(*BREAKS, "status")


def _fate(proof: Proof) -> pl.Expr:
    """What became of an open finding that was not found: resolved by proof, or unconfirmed."""
    compared = pl.col("person").is_in(proof.compared["person"].implode())
    field_compared = ~pl.col("field").is_in(sorted(proof.not_compared)).fill_null(value=False)
    absent = pl.col("person").is_in(proof.absent["person"].implode())
    # A record without a key is nobody's: what is gone is the row, and all rows were counted.
    nobody = pl.col("person").is_null()
    # Under an earlier site key nobody is recognized: that the person is met nowhere says nothing.
    ours = ~pl.col("finding_id").is_in(sorted(proof.earlier))
    proven = ours & (nobody | (compared & field_compared) | absent)
    return pl.when(proven).then(_lit(Status.RESOLVED)).otherwise(_lit(Status.UNCONFIRMED))


def standing(rows: pl.DataFrame, night: date, carried: Carried, holidays: Sequence[date]) -> pl.DataFrame:
    """STANDING of rows of BREAKS and `status`, on a night."""
    tonight = pl.lit(night, pl.Date)
    stretch = _business_days(pl.col("carried_since"), tonight, holidays)
    own = pl.col("code").replace_strict(dict(carried.own), default=None, return_dtype=pl.Int32)
    days = pl.coalesce(own, pl.lit(carried.business_days))
    unseen = pl.col("carried_nights").cast(pl.Int64)
    nights = pl.when(own.is_null()).then(unseen).otherwise(0)
    still = (pl.col("severity") == carried.timing) & (pl.col("status") != Status.RESOLVED)
    late, very_late = (still & ((nights > k * carried.nights) | (stretch > k * days)) for k in (1, 2))
    promoted = late.fill_null(value=False)
    return (
        rows.with_columns(
            severity=pl.when(very_late)
            .then(pl.lit(carried.then))
            .when(late)
            .then(pl.lit(carried.first))
            .otherwise("severity"),
            promoted=promoted,
            days=(tonight - pl.col("since")).dt.total_days(),
            business_days=_business_days(pl.col("since"), tonight, holidays),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in STANDING.items())
        .sort("finding_id")
    )


def _business_days(start: pl.Expr, end: pl.Expr, holidays: Sequence[date]) -> pl.Expr:
    """Open days in [start, end)."""
    return pl.business_day_count(start, end, holidays=holidays)


def _lit(status: Status) -> pl.Expr:
    return pl.lit(status.value)
