"""What holds residents goes when its time is over: the lists and findings of old runs; the counts stay.

In two phases, so that a deletion that was interrupted is finished by the next run and nothing is ever missing without a
word: marked in the ledger and the evidence, unlinked, marked as done in both (`reference/reliability.md` F104, §5.5).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconcile import deliver
from reconcile.config import RunConfig
from reconcile.nights import attest
from reconcile.nights.history import ledger_of
from reconcile.report import FILE_NAMES

PERSONAL = tuple(FILE_NAMES[name] for name in ("xlsx", "parquet", "variants", "csv"))
"""The files that hold values of residents; the council paper, the page, the summary and the manifest hold counts."""


def thin(config: RunConfig, at: datetime) -> int:
    """Delete the personal files of runs older than the run file's `[retention] days`. The caller holds the folder.

    Returns:
        How many runs were thinned.

    Raises:
        SourceError: E_LEDGER, or E_OUT if a file cannot be deleted.
        EvidenceError: The evidence was altered: nothing more is deleted.
    """
    if not config.retention_days:
        return 0
    day = at.astimezone(UTC).date()
    with ledger_of(config.out) as ledger:
        nights = [night for night in ledger.nights() if night.manifest and not night.deleted]
        begun = [night.run_id for night in nights if night.deleting]
        old = day - timedelta(days=config.retention_days)
        due = [
            night.run_id
            for night in nights
            if not night.deleting and night.started_at.date() < old and (config.out / night.run_id).is_dir()
        ]
        if not begun + due:
            return 0
        days = config.retention_days
        if due:
            ledger.mark(due, "deleting", day, attest.told(config, "retention_marked", {"runs": due, "days": days}, at))
        for run_id in begun + due:
            deliver.forget(config.out / run_id, PERSONAL)
        gone = begun + due
        ledger.mark(gone, "deleted", day, attest.told(config, "retention_deleted", {"runs": gone, "days": days}, at))
    return len(begun + due)
