"""What is wrong with a run as a whole: too many mismatches at once (X2), or a feed that has stopped (X3).

No finding can say either: each is about one record. An alarm says what it was decided by, and what to do; people decide
whether it is a case of 要綱第6条. Thresholds are defaults of ours (`reference/domain.md` §7), not of any rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import median

from reconcile.model import Alarm, Dataset, Limits

MASS, STOP = "mass_mismatch", "feed_stop"
"""Kinds of alarms, as the dataset's codes name them."""


def mass_mismatch(
    persons: int, pairs: int, previous: Sequence[float], dataset: Dataset, limits: Limits
) -> Alarm | None:
    """X2: truly mismatched persons are more than a share of the pairs, or more than a multiple of the usual.

    Args:
        persons: Persons with a true mismatch.
        pairs: Pairs that were compared.
        previous: The same share in earlier runs, oldest first; the last `limits.runs` count.
        dataset: Says whether it knows this alarm, and how grave it is.
        limits: The thresholds.

    Returns:
        None if it is not so. Without any pair, one person is too many.
    """
    category = dataset.taxonomy.get(dataset.codes.get(MASS, ""))
    if category is None or not persons:
        return None
    recent = list(previous)[-limits.runs :]
    usual = median(recent) if recent else None
    # Decimal, so that 0.1 % of 300,000 is 300 and not a little less.
    over_rate = persons > Decimal(str(limits.rate_max)) * pairs
    over_usual = (
        usual is not None
        and persons >= limits.multiple_least
        and persons > Decimal(str(limits.multiple_max)) * Decimal(str(usual)) * pairs
    )
    if not (over_rate or over_usual):
        return None
    rate = f" = {persons / pairs:.3%}" if pairs else ""
    share = f"{persons:,}人 / 対応付いた{pairs:,}組{rate}"
    share_en = f"{persons:,} persons / {pairs:,} pairs{rate}"
    said, said_en = [], []
    if over_rate:
        said.append(f"基準 {limits.rate_max:.3%} を超えました")
        said_en.append(f"above the limit of {limits.rate_max:.3%}")
    if over_usual and usual is not None:
        said.append(f"直近{len(recent)}回の中央値 {usual:.4%} の{limits.multiple_max:g}倍を超えました")
        said_en.append(f"above {limits.multiple_max:g} times the median {usual:.4%} of the last {len(recent)} runs")
    return Alarm(
        code=category.code,
        label=category.label,
        severity=category.severity,
        actor=category.actor,
        ja=f"重大・要修正の不一致が {share} あり、{'、また、'.join(said)}。",
        en=f"true mismatches: {share_en}, {' and '.join(said_en)}",
        todo_ja="個別に是正する前に、一つの原因(原因別の表)がないか確かめ、統括責任者へ報告する。"
        "要綱第6条に当たるかどうかは会長の判断を求める。",
        todo_en="look for one cause before correcting one by one; report to the 統括責任者",
        figures={
            "persons": persons,
            "pairs": pairs,
            "rate_max": limits.rate_max,
            "multiple_max": limits.multiple_max,
            "previous_runs": len(recent),
            **({} if usual is None else {"previous_median": usual}),
        },
    )


def feed_stop(newest: str, overdue: tuple[int, str, str], dataset: Dataset, limits: Limits) -> Alarm | None:
    """X3: the register went on, and nothing of it has arrived (津山市: 89 people in six weeks, found by a citizen).

    Args:
        newest: The newest processing time of the left side, YYYYMMDDhhmmss.
        overdue: Changes of the right side that are newer than that and beyond the grace: how many, and the times of
            the first and the last.
        dataset: Says whether it knows this alarm, and how grave it is.
        limits: The thresholds.

    Returns:
        None if it is not so.
    """
    category = dataset.taxonomy.get(dataset.codes.get(STOP, ""))
    count, first, last = overdue
    if category is None or count < limits.feed_changes_min:
        return None
    since, begin, end = (_time(text) for text in (newest, first, last))
    return Alarm(
        code=category.code,
        label=category.label,
        severity=category.severity,
        actor=category.actor,
        ja=f"CSの最新の更新は {since} で、その後に既存住基で処理され猶予を過ぎた異動 {count:,}件({begin} から {end} まで)が"
        f"一件も届いていません(基準 {limits.feed_changes_min:,}件)。",
        en=f"the newest update of the left side is of {since}; {count:,} changes of the right side since then "
        f"({begin} to {end}) are overdue (limit {limits.feed_changes_min:,})",
        todo_ja="既存住基からCSへの連携(送信・住基GW・手動連携への切替え)が動いているかを直ちに確かめ、"
        "止まっていれば再開して未送信の異動を送る。個別の再送信はその後とする。",
        todo_en="check at once whether the feed to the CS runs; restart it and send what was not sent",
        figures={
            "newest": newest,
            "overdue": count,
            "first": first,
            "last": last,
            "feed_changes_min": limits.feed_changes_min,
        },
        compared=False,
    )


def _time(stamp: str) -> str:
    """20261119101500 -> 2026-11-19 10:15; what is not of this form stays."""
    if len(stamp) < 12 or not stamp.isdigit():
        return stamp
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}"
