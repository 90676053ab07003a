"""Which items the two sides have in common, and in what form: what can be compared at all, and what is 比較不能."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.model import Dataset, Side
from reconcile.search.check import Input


def composed(inputs: Mapping[Side, Input]) -> dict[Side, Input]:
    """Both sides; where one writes several names as one text, the other is composed alike for the comparison."""
    layouts = {side: entry.snapshot.layout for side, entry in inputs.items()}
    written = {side: layout.composite if layout else None for side, layout in layouts.items()}
    return {side: entry._replace(composite=written[side.other]) for side, entry in inputs.items()}


def other_systems(inputs: Mapping[Side, Input], dataset: Dataset) -> list[str]:
    """Fields of local codes that both sides have, and that are not declared to be of one system."""

    def system(entry: Input, name: str) -> str:
        layout = entry.snapshot.layout
        return next((column.system for column in layout.columns if column.name == name), "") if layout else ""

    found = []
    for name in (one.name for one in dataset.fields if one.code_system):
        systems = {system(entry, name) for entry in inputs.values()}
        if all(name in entry.snapshot.columns for entry in inputs.values()) and (len(systems) > 1 or "" in systems):
            found.append(name)
    return found


def not_compared(inputs: Mapping[Side, Input], dataset: Dataset) -> dict[str, list[str]]:
    """Side -> the fields that only this side has, and those of `neither`: 比較不能, which is not 一致.

    So are the fields whose `systems` of local codes differ or are unknown, and, on a side without a table of its towns,
    whether code and text contradict each other (`contradictions`).
    """
    names = [field.name for field in dataset.compared]
    has = {side: set(entry.snapshot.columns) for side, entry in inputs.items()}
    # What the other side writes as a part of one text is compared there.
    parts = {side: entry.composite.components if entry.composite else () for side, entry in inputs.items()}
    absent = {
        side.value: [name for name in names if name in has[side] - has[side.other] and name not in parts[side]]
        for side in Side
    }
    return absent | {
        "neither": [name for name in names if not any(name in columns for columns in has.values())],
        "systems": other_systems(inputs, dataset),
        "contradictions": [
            side.value
            for side, entry in inputs.items()
            for field in dataset.fields
            if field.code_system
            and not (field.name in has[side] and entry.snapshot.layout and entry.snapshot.layout.towns)
        ],
    }


def unproven(inputs: Mapping[Side, Input], dataset: Dataset) -> frozenset[str]:
    """The fields of which a comparison proves nothing: a side lacks them, or the means to hold their codes against a text.

    A difference in one of them, found on an earlier night, is not resolved by not being found.
    """
    told = not_compared(inputs, dataset)
    codes = [field.name for field in dataset.fields if field.code_system]
    lacking = {name for who in (*Side, "neither") for name in told[str(who)]}
    return frozenset(lacking | set(codes if told["contradictions"] else ()))
