"""Stage 1: a source -> a snapshot, the text exactly as it stands, with an independent count of its records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import assert_never

import polars as pl

from reconcile.extract.locate import check_two, locate
from reconcile.extract.parquet import scan
from reconcile.extract.reading import TRUSTING, Custody
from reconcile.extract.writing import snapshot_path
from reconcile.model import (
    ROW,
    DatabaseSource,
    DelimitedSource,
    FixedWidthSource,
    ParquetSource,
    Side,
    Snapshot,
    Source,
)

__all__ = [
    "Custody",
    "check_two",
    "extract",
    "extract_history",
    "locate",
    "name_of",
    "scan",
    "scan_history",
    "scan_sentinels",
]

HISTORY = "history"
"""The folder of the older rows, beside the snapshots."""

SENTINELS = "sentinels"
"""The folder of the planted records, beside the snapshots."""


def extract(
    source: Source,
    side: Side,
    work: Path,
    *,
    progress: Callable[[int], None] | None = None,
    custody: Custody = TRUSTING,
) -> Snapshot:
    """Read one side as it stands now.

    Nothing is inferred, trimmed or repaired; only what fills up a fixed-width field is cut off. A source without rows
    is no error here: its snapshot has none.

    Args:
        source: Where the side lies; a pattern in its path must mean exactly one file.
        side: Which one it is.
        work: The folder for `<side>.parquet`, made with mode 0700 if it is not there. A Parquet source is read in
            place and writes nothing, unless `custody` wants a copy.
        progress: Called with the number of records so far, now and then.
        custody: What the source must be besides, and whether it is copied.

    Returns:
        The snapshot: columns named by the layout, or by the source where it has none; records in the source's order.

    Raises:
        SourceError: The source is not what it must be. Its `code` names the fault (`reference/reliability.md` §2.2).
        DeclarationError: The layout cannot be what it declares.
    """
    if not isinstance(source, ParquetSource):
        # A source that is refused must not leave an earlier snapshot standing as if it were this one.
        snapshot_path(work, side).unlink(missing_ok=True)
    source = locate(source, side)
    # Imported where they are used: a comparison of two Parquet files needs neither DuckDB nor the tables of characters.
    match source:
        case DelimitedSource():
            from reconcile.extract.delimited import extract_delimited  # noqa: PLC0415

            return extract_delimited(source, side, work, progress, custody)
        case FixedWidthSource():
            from reconcile.extract.fixed_width import extract_fixed_width  # noqa: PLC0415

            return extract_fixed_width(source, side, work, progress, custody)
        case ParquetSource():
            from reconcile.extract.parquet import extract_parquet  # noqa: PLC0415

            return extract_parquet(source, side, work, custody)
        case DatabaseSource():
            from reconcile.extract.database import extract_database  # noqa: PLC0415

            return extract_database(source, side, work, progress, custody)
        case _:
            assert_never(source)


def name_of(source: Source, side: Side) -> str:
    """What a report calls a side that nobody named: its file."""
    return side.value if isinstance(source, DatabaseSource) else source.path.name


def extract_history(source: Source, side: Side, work: Path, custody: Custody = TRUSTING) -> bool:
    """Read a side's older rows as they stand now, into `history/<side>.parquet` below `work`.

    Returns:
        Whether the source keeps any.
    """
    if not isinstance(source, DatabaseSource) or not source.layout.history_table:
        return False
    older = replace(source.layout, table=source.layout.history_table, history_table="")
    extract(replace(source, layout=older), side, work / HISTORY, custody=custody)
    return True


def scan_history(snapshot: Snapshot, work: Path) -> pl.LazyFrame | None:
    """What `extract_history` wrote, as `scan` yields it; None if it wrote nothing."""
    path = work / HISTORY / f"{snapshot.side}.parquet"
    return scan(replace(snapshot, path=path, temporary=True)) if path.exists() else None


def scan_sentinels(snapshot: Snapshot, work: Path) -> pl.LazyFrame | None:
    """What `sentinels.extract_sentinels` wrote, numbered after the snapshot's records; None if it wrote nothing."""
    path = work / SENTINELS / f"{snapshot.side}.parquet"
    if not path.exists():
        return None
    planted = scan(replace(snapshot, path=path, temporary=True, native={}))
    return planted.with_columns(pl.col(ROW) + snapshot.rows)
