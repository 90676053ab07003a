"""How much is held at once, so that the whole process stays within a limit.

The figures were measured (`docs/decisions.md`), with the memory counted that cannot be dropped (anonymous). Nothing
here changes what is found: only how many rows are looked at together, and what waits on disk.
"""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20

STANDING = 230 * MEBIBYTE
"""The libraries, what a reader of Parquet holds with one thread (row groups of 140,000 rows, 21 columns), the findings of
200,000 suspects, and a margin."""

A_READER = 115 * MEBIBYTE
"""What each further thread of that reader holds."""

BYTES_PER_FINGERPRINT = 144
"""Of a row on both sides: what is kept, and what reading it from disk and sorting take beside it."""

BYTES_PER_VALUE = 110
"""Of one compared column of a suspect that is compared: both sides, and the pair."""

BYTES_PER_TEXT = 12
"""Of one compared column of a suspect that waits, pressed: both sides."""

FEWEST_SUSPECTS, MOST_SUSPECTS = 5_000, 100_000
MOST_PARTITIONS = 64
ROWS_PER_PARTITION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be held at once.

    Attributes:
        rows_in_memory: Rows of one side whose fingerprints are held and sorted in memory; a larger side's go to disk.
        rows_per_partition: Rows of one side in a partition on disk.
        suspects: Suspects of one side that are compared at once.
        at_once: Suspects of one side that one reading is asked for; all but those compared wait pressed (`packed`).
        many: Suspects of one side beyond which it is asked whether few columns make most of the differences.
        kept_bytes: Of a few columns of all suspects of both sides (`narrow`); 0 reads them again instead.
    """

    rows_in_memory: int = 1_500_000
    rows_per_partition: int = ROWS_PER_PARTITION
    suspects: int = MOST_SUSPECTS
    at_once: int = 3_000_000
    many: int = 300_000
    kept_bytes: int = 640 * MEBIBYTE

    def partitions(self, rows: int) -> int:
        """How many parts a side of so many rows is compared in; 1 is no disk."""
        return 1 if rows <= self.rows_in_memory else min(MOST_PARTITIONS, 1 + rows // self.rows_per_partition)


def budget(limit_bytes: int, columns: int, threads: int) -> Budget:
    """Divide a limit.

    Args:
        limit_bytes: What the process may hold; 0 is no limit, and the defaults.
        columns: How many are compared.
        threads: How many read.
    """
    if not limit_bytes:
        return Budget()
    free = max(limit_bytes - STANDING - (threads - 1) * A_READER, 0)
    rows = max(free // BYTES_PER_FINGERPRINT, 100_000)
    values = free // 2 // (columns + 1)  # half for what is compared, half for what waits
    suspects = max(FEWEST_SUSPECTS, min(MOST_SUSPECTS, values // BYTES_PER_VALUE))
    at_once = max(suspects, values // BYTES_PER_TEXT)
    return Budget(
        rows_in_memory=rows,
        rows_per_partition=min(rows, ROWS_PER_PARTITION),
        suspects=suspects,
        at_once=at_once,
        many=at_once,
        kept_bytes=0,
    )
