"""Columns as a whole: one that fell silent on one side, one that nobody fills, one that is not what it was last night.

An export whose mapping went wrong is well formed, has all its rows, and may even agree with the other side, if both were
made by the same hand (`reference/reliability.md` F055-F057). A record cannot show it; the column can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from reconcile.decide import FEW, Gate
from reconcile.model import CLASSES, SIDE_LABELS, ColumnProfile, Field, Side

CLASS_LABELS: Mapping[str, str] = {
    "digit": "数字",
    "latin": "英字",
    "sign": "記号",
    "kana": "かな",
    "kanji": "漢字",
    "width": "全角・半角形",
    "beyond": "補助面の文字",
    "other": "その他の文字",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLimits:
    """What the run file allows, and what the columns were on the last night that claimed something.

    `dead_max` is the share of records that may depart from a column that says the same for all on the other side,
    `change_max` by how much a share, or the mean length as a share of itself, may move from one night to the next.
    `accepted` names the columns for which neither counts. `before`: side -> field -> `ColumnProfile.told`.
    """

    dead_max: float = 0.001
    change_max: float = 0.1
    accepted: tuple[str, ...] = ()
    before: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)


def profile(batch: pl.DataFrame) -> dict[str, ColumnProfile]:
    """Every column of a batch of text, all its rows."""
    return {series.name: _of(series) for series in batch}


def column_gates(
    fields: Sequence[Field],
    profiles: Mapping[Side, Mapping[str, ColumnProfile]],
    limits: ColumnLimits,
    departing: Callable[[Side, str, str], int],
    labels: Mapping[Side, str] = SIDE_LABELS,
) -> Iterator[Gate]:
    """The gates of columns. None for a side without rows.

    Args:
        fields: Those that are compared.
        profiles: Side -> name of the field -> all its rows.
        limits: Of the run file, and of the nights before.
        departing: Side, field, value -> the number of rows of that side that say anything else.
        labels: What the sides are called.
    """
    if not all(one.rows for side in Side for one in profiles[side].values()):
        return
    fields = [one for one in fields if all(one.name in profiles[side] for side in Side)]
    asked = [one for one in fields if one.name not in limits.accepted]
    dead = [said for one in asked for said in _dead(one, profiles, limits, departing, labels)]
    yield Gate(
        name="dead_columns",
        passed=not dead,
        ja="片側だけ値がない、又は全件同じ値の項目がないこと" + _listed([ja for ja, _ in dead]),
        en="no column is empty or constant on one side only" + _listed([en for _, en in dead]),
    )
    empty = [one for one in asked if not any(profiles[side][one.name].values for side in Side)]
    yield Gate(
        name="empty_columns",
        passed=not empty,
        part=True,
        ja="比較する全ての項目に値があること"
        + _listed([_label(one) + "は両側とも値がなく、比較不能" for one in empty]),
        en="every compared column has values" + _listed([f"{one.name}: none on either side" for one in empty]),
    )
    for side in Side:
        if limits.before.get(side):
            yield _as_before((side, labels[side]), asked, profiles[side], limits)


def _dead(
    one: Field,
    profiles: Mapping[Side, Mapping[str, ColumnProfile]],
    limits: ColumnLimits,
    departing: Callable[[Side, str, str], int],
    labels: Mapping[Side, str],
) -> Iterator[tuple[str, str]]:
    for side, name in labels.items():
        here, there = profiles[side][one.name], profiles[side.other][one.name]
        if not here.constant or there.constant:
            continue
        apart = there.values if here.one is None else departing(side.other, one.name, here.one)
        if apart > max(FEW, limits.dead_max * there.rows):
            ja = "値がない" if here.one is None else "全件同じ値"
            en = "empty" if here.one is None else "the same for all"
            yield (
                f"{name}の{_label(one)}が{ja}、相手側は{apart:,}件で異なる",
                f"{name} {one.name}: {en}, other side: {apart:,} differ",
            )


def _as_before(
    whose: tuple[Side, str], fields: Sequence[Field], now: Mapping[str, ColumnProfile], limits: ColumnLimits
) -> Gate:
    side, name = whose
    before = limits.before[side]
    moved = [
        (f"{_label(one)}の{what[0]} {change}", f"{one.name}: {what[1]} {change}")
        for one in fields
        if one.name in before
        for what, change in _moved(before[one.name], now[one.name].told, limits.change_max)
    ]
    return Gate(
        name=f"profile_{side}",
        passed=not moved,
        ja=f"{name}の各項目の値の有無・長さ・字種が前回から{limits.change_max:.0%}を超えて変わっていないこと"
        + _listed([ja for ja, _ in moved]),
        en=f"{name}: how full, how long and in which characters each column is, as last night within {limits.change_max:.0%}"
        + _listed([en for _, en in moved]),
    )


def _moved(before: Mapping[str, Any], now: Mapping[str, Any], most: float) -> Iterator[tuple[tuple[str, str], str]]:
    """What moved by more than allowed, and by more than a few records can move it."""
    filled = [one["values"] / one["rows"] for one in (before, now)]
    if abs(filled[1] - filled[0]) > most and abs(filled[1] - filled[0]) * now["rows"] > FEW:
        yield ("値のある割合", "share of values"), f"{filled[0]:.1%} → {filled[1]:.1%}"
    values = min(before["values"], now["values"])
    if values * most <= FEW:
        return
    lengths = before["length"], now["length"]
    if abs(lengths[1] - lengths[0]) > most * lengths[0]:
        yield ("平均の長さ", "mean length"), f"{lengths[0]:.1f} → {lengths[1]:.1f}"
    for name in CLASSES:
        shares = [one["characters"].get(name, 0.0) for one in (before, now)]
        if abs(shares[1] - shares[0]) > most:
            yield (f"{CLASS_LABELS[name]}の割合", f"share of {name}"), f"{shares[0]:.1%} → {shares[1]:.1%}"


def _listed(said: Sequence[str]) -> str:
    return f"({'; '.join(said)})" if said else ""


def _label(one: Field) -> str:
    return one.label or one.name


def _of(series: pl.Series) -> ColumnProfile:
    present = series.drop_nulls()
    if present.is_empty():
        return ColumnProfile(rows=len(series))
    return ColumnProfile(
        rows=len(series),
        values=len(present),
        characters=_characters(present),
        one=present[0],
        varies=bool((present != present[0]).any()),
    )


def _characters(present: pl.Series) -> tuple[int, ...]:
    """Characters by class, counted by their first bytes: one pass over the bytes of all values, none over values."""
    array = present.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    data = array.buffers()[2]
    if data is None:
        return (0,) * len(CLASSES)
    offsets = np.frombuffer(array.buffers()[1], np.int64)
    counts = np.bincount(
        np.frombuffer(data, np.uint8)[offsets[array.offset] : offsets[array.offset + len(array)]], minlength=256
    )
    return tuple(int(counts[lead].sum()) for lead in _LEADS)


_DIGIT = (*range(0x30, 0x3A),)
_LATIN = (*range(0x41, 0x5B), *range(0x61, 0x7B))
_FIRST_BYTES: Mapping[str, Sequence[int]] = {
    "digit": _DIGIT,
    "latin": _LATIN,
    "sign": [byte for byte in range(0x80) if byte not in _DIGIT and byte not in _LATIN],
    "kana": [0xE3],
    "kanji": range(0xE4, 0xEA),
    "width": range(0xEE, 0xF0),
    "beyond": range(0xF0, 0xF8),
    "other": [*range(0xC0, 0xE3), *range(0xEA, 0xEE)],
}
_LEADS = tuple(np.array(_FIRST_BYTES[name]) for name in CLASSES)
