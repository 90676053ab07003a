"""Suspects of one side in groups, pressed in memory: one reading brings all of them, a comparison takes a group at a time.

A row of short texts takes some 500 bytes as columns that can be compared, and 70 as a pressed one: ten times as many
fit, and a file need not be read again for every group. Nothing here is written anywhere: these are residents.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import polars as pl

from reconcile.model import ROW

BYTES_AT_ONCE = 3 << 20
"""Of text, pressed together: enough that what each column costs beside its texts counts for little."""


class Packed:
    """Rows that come in any order, and are given back group by group.

    Attributes:
        size_bytes: What those take that are kept.
    """

    def __init__(self, groups: Sequence[pl.Series], none: pl.DataFrame) -> None:
        """Nothing yet.

        Args:
            groups: The record numbers of each.
            none: What comes, without rows.
        """
        self.size_bytes = 0
        rows = np.concatenate([one.to_numpy() for one in groups])
        order = np.argsort(rows)
        self._rows = rows[order]
        self._group = np.repeat(np.arange(len(groups), dtype=np.uint32), [len(one) for one in groups])[order]
        self._none = none
        self._waiting: list[pl.DataFrame] = []
        self._pressed: list[list[bytes]] = [[] for _ in groups]

    def add(self, batch: pl.DataFrame) -> None:
        """Add rows of the groups, with ROW; those of a group that was dropped go away."""
        self._waiting.append(batch)
        if sum(one.estimated_size() for one in self._waiting) >= BYTES_AT_ONCE:
            self._press()

    def drop(self) -> None:
        """Give up the last group."""
        self.size_bytes -= sum(map(len, self._pressed.pop()))

    def take(self, number: int) -> pl.DataFrame:
        """A group, by its number; each can be had once."""
        self._press()
        pressed, self._pressed[number] = self._pressed[number], []
        self.size_bytes -= sum(map(len, pressed))
        return pl.concat([self._none, *(pl.read_ipc(BytesIO(one)) for one in pressed)])

    def _press(self) -> None:
        rows = pl.concat([self._none, *self._waiting])
        self._waiting = []
        group = self._group[np.searchsorted(self._rows, rows[ROW].to_numpy())]
        for number in range(len(self._pressed)):
            if (mine := group == number).any():
                pressed = BytesIO()
                rows.filter(pl.Series(mine)).write_ipc(
                    pressed, compression="zstd", compat_level=pl.CompatLevel.newest()
                )
                self._pressed[number].append(pressed.getvalue())
                self.size_bytes += len(self._pressed[number][-1])
