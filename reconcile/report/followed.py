"""前回指摘の状況 and the nights planned and done, as tables of texts (`reference/domain.md` §7, sections 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reconcile.model import Report, Status
from reconcile.report.ageing import BUCKETS, STATUS_LABELS
from reconcile.report.build import SEVERITIES

MISSED_SHOWN = 10


class Followed(NamedTuple):
    """One table: title, headings, lines of texts, and how to read it; all columns but the first are figures."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    note: str


def followed(report: Report) -> tuple[Followed, ...]:
    """The tables of a report that was tracked; none without a history."""
    past = report.summary.get("history")
    if not isinstance(past, Mapping):
        return ()
    tables = [_statuses(past), _ages(past)]
    if isinstance(past.get("nights"), Mapping):
        tables.append(_nights(past["nights"]))
    return tuple(table for table in tables if table.lines)


def _statuses(past: Mapping[str, object]) -> Followed:
    counted = past["by_status"]
    lines = (
        tuple((STATUS_LABELS[status], f"{counted.get(status.value, 0):,}") for status in Status)
        if isinstance(counted, Mapping)
        else ()
    )
    by_hand = past.get("by_hand")
    if by_hand:
        lines += (("手動で終了", f"{by_hand:,}"),)
    hand = (
        "手動で終了は、確かめようがなく、二人の職員が理由を記して終えたもの(累計)で、一致を示しません。"
        if by_hand
        else ""
    )
    promoted = past.get("promoted", 0)
    raised = f"時差のまま残り、要確認・要修正へ引き上げたもの{promoted:,}件を含みます。" if promoted else ""
    return Followed(
        title="前回指摘の状況",
        heads=("状態", "件数"),
        lines=lines,
        note="解消は、この回に比較して一致したか、両側とも記録がないことを確かめたものだけです。未確認は、この回に比較できず、"
        f"継続として扱うものです。再発は、解消の後に再び見つかったものです。{hand}{raised}",
    )


def _ages(past: Mapping[str, object]) -> Followed:
    by_age = past.get("by_age")
    rows: Mapping[str, Sequence[int]] = by_age if isinstance(by_age, Mapping) else {}
    ordered = sorted(rows, key=lambda name: SEVERITIES.index(name) if name in SEVERITIES else len(SEVERITIES))
    return Followed(
        title="指摘の経過日数",
        heads=("重大度", *(label for label, _, _ in BUCKETS)),
        lines=tuple((name or "―", *(f"{count:,}" for count in rows[name])) for name in ordered),
        note=f"初めて見つかった日から数えた開庁日の数です。最も古いものは{past.get('oldest_business_days', 0):,}日です。",
    )


def _nights(nights: Mapping[str, object]) -> Followed:
    missed = nights.get("missed")
    days = [str(day) for day in missed] if isinstance(missed, Sequence) else []
    more = f" ほか{len(days) - MISSED_SHOWN}回" if len(days) > MISSED_SHOWN else ""
    listed = f"確認できなかった回: {'、'.join(days[-MISSED_SHOWN:])}{more}。" if days else ""
    last = nights.get("last_confirmed")
    return Followed(
        title="実施の状況",
        heads=("", "回数"),
        lines=(
            ("計画した回", f"{nights.get('planned', 0):,}"),
            ("確認できた回", f"{nights.get('done', 0):,}"),
            ("確認できなかった回", f"{len(days):,}"),
        ),
        note=f"{nights.get('since')}から、実行ファイルの予定による。{listed}直前に確認できた回: {last or 'なし'}。",
    )
