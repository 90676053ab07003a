"""Suspects of one side in groups, pressed in memory: one reading brings all of them, a comparison takes a group at a time.

A row of short texts takes some 500 bytes as columns, several times that while it is compared, and 75 pressed: so a file
need not be read again for every group. They are pressed as they are read. Nothing here is written anywhere: these are
residents.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import polars as pl

from reconcile.model import ROW


class Packed:
    """Rows that are given back group by group."""

    def __init__(self, none: pl.DataFrame, groups: Sequence[pl.Series]) -> None:
        """Wait for them.

        Args:
            none: What the rows are like: ROW, and other columns.
            groups: The record numbers of each.
        """
        numbers = np.concatenate([one.to_numpy() for one in groups])
        order = np.argsort(numbers)
        self._none = none
        self._numbers = numbers[order]
        self._group = np.repeat(np.arange(len(groups)), [len(one) for one in groups])[order]
        self._pressed: list[list[bytes]] = [[] for _ in groups]

    @property
    def size_bytes(self) -> int:
        """What those take that are not taken yet."""
        return sum(len(part) for parts in self._pressed for part in parts)

    def add(self, rows: pl.DataFrame) -> None:
        """Press some rows, in any order; those that are in no group are left out."""
        numbers = rows[ROW].to_numpy()
        at = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        group = np.where(self._numbers[at] == numbers, self._group[at], -1)
        for number in np.unique(group[group >= 0]):
            self._pressed[number].append(_pressed(rows.filter(pl.Series(group == number))))

    def take(self, number: int) -> pl.DataFrame:
        """A group, by its number; each can be had once."""
        parts, self._pressed[number] = self._pressed[number], []
        return pl.concat([self._none, *(pl.read_ipc(BytesIO(part)) for part in parts)])


def _pressed(rows: pl.DataFrame) -> bytes:
    pressed = BytesIO()
    # The oldest form has the texts of these rows; the newest, views, would bring along what they were cut from.
    rows.write_ipc(pressed, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return pressed.getvalue()
