"""前回指摘の状況: where the findings stand against the nights before, and how old the open ones are, as counts."""

from __future__ import annotations

import polars as pl

from reconcile.model import Status

BUCKETS = (("当日", 0, 0), ("1~5日", 1, 5), ("6~10日", 6, 10), ("11~20日", 11, 20), ("21日以上", 21, None))
"""Label, and the business days since a finding appeared, first and last; 20 of them are a month."""

STATUS_LABELS = {
    Status.NEW: "新規",
    Status.OPEN: "継続",
    Status.CHANGED: "継続(区分変更)",
    Status.REAPPEARED: "再発",
    Status.RESOLVED: "解消",
    Status.UNCONFIRMED: "未確認",
}


def ageing(standing: pl.DataFrame) -> dict[str, object]:
    """Count a night against the nights before.

    Args:
        standing: `STANDING`.

    Returns:
        `by_status`: every status, also those without a finding. `by_age`: open findings by age, severity -> one count
        a bucket of `BUCKETS`. `oldest_business_days`: of the open ones, 0 without any. `promoted`: timing differences
        that were raised.
    """
    counted = dict(standing["status"].value_counts(name="n").iter_rows())
    still = standing.filter(pl.col("status") != Status.RESOLVED)
    severities = still["severity"].fill_null("").unique().sort().to_list()
    return {
        "by_status": {status.value: int(counted.get(status.value, 0)) for status in Status},
        "by_age": {
            severity: [
                still.filter(
                    (pl.col("severity").fill_null("") == severity)
                    & pl.col("business_days").is_between(low, high if high is not None else 1 << 30)
                ).height
                for _, low, high in BUCKETS
            ]
            for severity in severities
        },
        "oldest_business_days": int(still["business_days"].max() or 0),  # type: ignore[arg-type]
        "promoted": int(standing["promoted"].sum()),
    }
