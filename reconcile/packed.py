"""Suspects of one side in groups, pressed in memory: one reading brings all of them, a comparison takes a group at a time.

A row of short texts takes some 500 bytes as columns, several times that while it is compared, and 75 pressed: so a file
need not be read again for every group. Nothing here is written anywhere: these are residents.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import polars as pl

from reconcile.model import ROW


class Packed:
    """Rows that are given back group by group."""

    def __init__(self, rows: pl.DataFrame, groups: Sequence[pl.Series]) -> None:
        """Press them.

        Args:
            rows: With ROW, in any order.
            groups: The record numbers of each; every row is in one of them.
        """
        numbers = np.concatenate([one.to_numpy() for one in groups])
        order = np.argsort(numbers)
        group = np.repeat(np.arange(len(groups)), [len(one) for one in groups])[order]
        mine = pl.Series(group[np.searchsorted(numbers, rows[ROW].to_numpy(), sorter=order)])
        self._pressed = [_pressed(rows.filter(mine == number)) for number in range(len(groups))]

    @property
    def size_bytes(self) -> int:
        """What those take that are not taken yet."""
        return sum(map(len, self._pressed))

    def take(self, number: int) -> pl.DataFrame:
        """A group, by its number; each can be had once."""
        pressed, self._pressed[number] = self._pressed[number], b""
        return pl.read_ipc(BytesIO(pressed))


def _pressed(rows: pl.DataFrame) -> bytes:
    pressed = BytesIO()
    # The oldest form has the texts of these rows; the newest, views, would bring along what they were cut from.
    rows.write_ipc(pressed, compression="zstd", compat_level=pl.CompatLevel.oldest())
    return pressed.getvalue()
