"""The gates that a nightly run's inputs must pass before anything is compared: whose they are, how old, how many.

Pure: what the sources say of themselves, the run file's limits, and the day the run is about. A gate that nothing can
answer (no header, no limit) is not in the list, and so claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from reconcile.decide import Gate
from reconcile.model import Dataset, Side, Snapshot, extracted
from reconcile.settings.gate_limits import Gates


def gates_of_inputs(
    limits: Gates, dataset: Dataset, snapshots: Mapping[Side, Snapshot], as_of: datetime
) -> Iterator[Gate]:
    """Every gate that two snapshots alone can answer.

    Args:
        limits: Of the run file.
        dataset: Says by which columns its sides are known.
        snapshots: Both sides.
        as_of: The day the run is about, at the ward.
    """
    left, right = snapshots[Side.LEFT], snapshots[Side.RIGHT]
    yield Gate(
        name="two_inputs",
        passed=left.preflight.sha256 != right.preflight.sha256,
        ja="左右の入力が別のものであること",
        en="the two inputs are not the same bytes",
    )
    for side, snapshot in snapshots.items():
        yield from _whose(limits, dataset, side, snapshot)
        yield from _how_many(limits, snapshot)
        yield from _how_old(limits, snapshot, as_of)
    taken = [moment for moment in map(extracted, snapshots.values()) if moment]
    if len(taken) == len(Side):
        apart = abs(taken[0] - taken[1])
        yield Gate(
            name="window",
            passed=apart <= timedelta(hours=limits.window_hours),
            ja=f"両側の抽出時刻の差が{limits.window_hours:g}時間以内であること({_hours(apart)}時間)",
            en=f"the two extracts were taken within {limits.window_hours:g} hours ({_hours(apart)})",
        )


def gates_of_tables(accepted: tuple[str, ...], named: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Gate]:
    """Whether the tables that decide about characters are those of the previous run.

    A 外字 file that was overwritten changes names without changing a record (三田市 2020: 113 addresses): the run is
    held until somebody says that the new table is meant, by naming its digest in the run file.

    Args:
        accepted: The digests that the run file names.
        named: Role -> digest of tonight's tables.
        before: The same of the previous run that claimed something.
    """
    for name, digest in before.items():
        if name.startswith("gaiji_"):
            side = name.split("_")[1]
            yield Gate(
                name=name.removesuffix("_sha256"),
                passed=named.get(name) == digest or named.get(name, "") in accepted,
                ja=f"外字表({side})が前回から変わっていないこと(前回 {digest[:12]}…)",
                en=f"the 外字 table ({side}) is the one of the previous run ({digest[:12]}…)",
            )


def gates_of_views(accepted: tuple[str, ...], named: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Gate]:
    """Whether the views that a side is read through say what they said at the previous run.

    A view that was redefined gives other rows or values under the same name (`reference/reliability.md` F065). A side
    that is read from no database any more has none: everything about it is new, and other gates see that.

    Args:
        accepted: The digests that the run file names.
        named: Role -> digest of tonight's views (`extract.probing.digest_of_views`).
        before: The same of the previous run that claimed something.
    """
    for side in Side:
        role = f"view_{side}_sha256"
        if role in named and role in before:
            yield Gate(
                name=f"view_{side}",
                passed=named[role] == before[role] or named[role] in accepted,
                ja=f"ビューの定義({side})が前回から変わっていないこと(前回 {before[role][:12]}…、今回 {named[role][:12]}…)",
                en=f"the views ({side}) say what they said before ({before[role][:12]}…, now {named[role][:12]}…)",
            )


def _whose(limits: Gates, dataset: Dataset, side: Side, snapshot: Snapshot) -> Iterator[Gate]:
    got = snapshot.preflight.header.get("municipality")
    if limits.municipality and got is not None:
        yield Gate(
            name=f"municipality_{side}",
            passed=got[:5] == limits.municipality[:5],
            ja=f"{snapshot.label}の市区町村コードが{limits.municipality}であること",
            en=f"{snapshot.label}: the header's municipality is {limits.municipality}",
        )
    own, others = dataset.marks.get(side), dataset.marks.get(side.other)
    if own and others:
        yield Gate(
            name=f"role_{side}",
            passed=own in snapshot.columns or others not in snapshot.columns,
            ja=f"{snapshot.label}が{'左' if side is Side.LEFT else '右'}側の項目を持つこと(左右の取り違えがないこと)",
            en=f"{snapshot.label}: has the columns of the {side} side (the two are not exchanged)",
        )


def _how_many(limits: Gates, snapshot: Snapshot) -> Iterator[Gate]:
    if limits.min_rows:
        yield Gate(
            name=f"floor_{snapshot.side}",
            passed=snapshot.rows >= limits.min_rows,
            ja=f"{snapshot.label}の件数が{limits.min_rows:,}件以上であること({snapshot.rows:,}件)",
            en=f"{snapshot.label}: at least {limits.min_rows:,} rows ({snapshot.rows:,})",
        )
    found, promised = snapshot.preflight, _promised(snapshot)
    stated = found.trailer_count
    if stated is not None or "count" in promised:
        yield Gate(
            name=f"stated_count_{snapshot.side}",
            passed=stated == found.records == snapshot.rows,
            ja=f"{snapshot.label}が述べる件数と読取り件数の一致({'なし' if stated is None else f'{stated:,}件'})",
            en=f"{snapshot.label}: as many rows as it says itself ({'nothing said' if stated is None else f'{stated:,}'})",
        )
    if found.control_total is not None or "control_total" in promised:
        yield Gate(
            name=f"control_total_{snapshot.side}",
            passed=found.control_total is not None,  # a total that does not agree is a SourceError
            ja=f"{snapshot.label}が述べる合計値と、全件から求めた合計値の一致",
            en=f"{snapshot.label}: the control total that it states is that of its records",
        )


def _promised(snapshot: Snapshot) -> frozenset[str]:
    """What the layout says that header and trailer hold: a source that does not hold it has not been proved whole."""
    layout = snapshot.layout
    envelopes = (layout.header, layout.trailer) if layout else ()
    return frozenset(item for envelope in envelopes if envelope for item in envelope.slots)


def _how_old(limits: Gates, snapshot: Snapshot, as_of: datetime) -> Iterator[Gate]:
    taken = extracted(snapshot)
    if taken is None:
        return
    day = as_of.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    yield Gate(
        name=f"as_of_{snapshot.side}",
        passed=day - timedelta(hours=limits.max_age_hours) <= taken < day + timedelta(days=1),
        ja=f"{snapshot.label}の抽出時刻が基準日のもの(前{limits.max_age_hours:g}時間以内、未来でない)であること({taken:%Y-%m-%d %H:%M})",
        en=f"{snapshot.label}: extracted for this day, at most {limits.max_age_hours:g} hours before ({taken:%Y-%m-%d %H:%M})",
    )


def _hours(apart: timedelta) -> str:
    return f"{apart / timedelta(hours=1):.1f}"
