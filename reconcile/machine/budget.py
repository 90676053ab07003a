"""How much is held at once, so that the whole process stays within a limit.

The figures were measured (`docs/decisions.md`), with the memory counted that cannot be dropped (anonymous). Nothing
here changes what is found: only how many rows are looked at together, and what waits on disk.
"""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20

STANDING = 290 * MEBIBYTE
"""The libraries, what a reader of Parquet holds with one thread (row groups of 140,000 rows, 21 columns), the findings of
100,000 suspects, and a margin."""

BYTES_PER_FINGERPRINT = 72
"""Of a row on both sides: what is kept, and what sorting takes beside it."""

BYTES_PER_VALUE = 110
"""Of one compared column of a suspect: both sides, and the pair."""

FEWEST_SUSPECTS, MOST_SUSPECTS = 5_000, 300_000
MOST_PARTITIONS = 64
ROWS_PER_PARTITION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be held at once.

    Attributes:
        rows_in_memory: Rows of one side whose fingerprints are held and sorted in memory; a larger side's go to disk.
        rows_per_partition: Rows of one side in a partition on disk.
        suspects: Suspects of one side that are held with all their text.
        kept_bytes: Of a few columns of all suspects of both sides (`narrow`); 0 reads them again instead.
    """

    rows_in_memory: int = 5_000_000
    rows_per_partition: int = ROWS_PER_PARTITION
    suspects: int = MOST_SUSPECTS
    kept_bytes: int = 640 * MEBIBYTE

    def partitions(self, rows: int) -> int:
        """How many parts a side of so many rows is compared in; 1 is no disk."""
        return 1 if rows <= self.rows_in_memory else min(MOST_PARTITIONS, 1 + rows // self.rows_per_partition)


def budget(limit_bytes: int, columns: int) -> Budget:
    """Divide a limit.

    Args:
        limit_bytes: What the process may hold; 0 is no limit, and the defaults.
        columns: How many are compared.
    """
    if not limit_bytes:
        return Budget()
    free = max(limit_bytes - STANDING, 0)
    rows = max(free // BYTES_PER_FINGERPRINT, 100_000)
    suspects = free // (BYTES_PER_VALUE * (columns + 1))
    return Budget(
        rows_in_memory=rows,
        rows_per_partition=min(rows, ROWS_PER_PARTITION),
        suspects=max(FEWEST_SUSPECTS, min(MOST_SUSPECTS, suspects)),
        kept_bytes=0,
    )
