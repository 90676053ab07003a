"""The fingerprints of one side: in memory, or in files of plain numbers, one a range of key hashes.

No personal value is ever here: a record number, and two hashes whose seeds are drawn anew each run. A partition holds
the rows of both sides whose key hash leaves the same remainder, so that it can be compared by itself.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from reconcile.diff.fingerprint import second_sum
from reconcile.model import FINGERPRINTS, ROW

KEPT = pl.Schema({name: dtype for name, dtype in FINGERPRINTS.items() if name != "_two"})
"""What is kept of every row: 20 bytes."""

_RECORD = np.dtype([("_key", "<u8"), ("_one", "<u8"), (ROW, "<u4")])
_MODULUS = 1 << 64


class Prints:
    """The fingerprints of one side, added a batch at a time and given back a partition at a time.

    Attributes:
        rows: How many rows were added.
        partitions: How many parts they are given back in.
        second: The sum of their second hashes modulo 2**64.
    """

    def __init__(self, partitions: int, folder: Path | None = None) -> None:
        """Hold them.

        Args:
            partitions: How many parts they are given back in.
            folder: In which a folder of their own is made, mode 0700, and files, mode 0600; None holds the numbers in memory.
        """
        self.rows = 0
        self.second = 0
        self.partitions = partitions
        self._held: list[pl.DataFrame] = []
        self._files = []
        if folder is not None:
            own = Path(tempfile.mkdtemp(prefix="prints-", dir=folder))
            self._files = [own / f"{number}.bin" for number in range(partitions)]
            for file in self._files:
                os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def add(self, batch: pl.DataFrame) -> None:
        """Add FINGERPRINTS, in any order."""
        self.rows += batch.height
        self.second = (self.second + second_sum(batch)) % _MODULUS
        if self._files:
            self._spill(batch)
        else:
            self._held.append(batch.select(KEPT.names()))

    def part(self, number: int) -> pl.DataFrame:
        """The rows of a partition, KEPT; each is asked for once, in order, and is not kept any longer."""
        if self._files:
            records = np.fromfile(self._files[number], dtype=_RECORD)
            self._files[number].unlink()
            return pl.DataFrame({name: np.ascontiguousarray(records[name]) for name in KEPT}, schema=KEPT)
        every = pl.concat(self._held or [pl.DataFrame(schema=KEPT)])
        self._held = [] if number == self.partitions - 1 else [every]
        return every if self.partitions == 1 else every.filter(pl.col("_key") % self.partitions == number)

    def _spill(self, batch: pl.DataFrame) -> None:
        keys = batch["_key"].to_numpy()
        where = (keys % self.partitions).astype(np.uint16)
        order = np.argsort(where, kind="stable")
        records = np.empty(batch.height, _RECORD)
        for name in KEPT:
            records[name] = batch[name].to_numpy()[order]
        ends = np.cumsum(np.bincount(where, minlength=self.partitions))
        for file, begin, end in zip(self._files, [0, *ends[:-1]], ends, strict=True):
            if begin < end:
                with file.open("ab") as out:
                    records[begin:end].tofile(out)
