"""Frames of text -> the snapshot file of a side: Parquet that only its owner may read, whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from reconcile.errors import SourceError
from reconcile.model import Side

ROW_GROUP_ROWS = 100_000


def snapshot_path(work: Path, side: Side) -> Path:
    """Where the snapshot of a side stands."""
    return work / f"{side.value}.parquet"


def write_snapshot(
    frames: Iterator[pl.DataFrame],
    columns: Sequence[str],
    work: Path,
    side: Side,
    progress: Callable[[int], None] | None = None,
) -> tuple[Path, int]:
    """Write `work/<side>.parquet` (zstd) from frames in order.

    Args:
        frames: With exactly `columns`, all `pl.String`. What it raises is raised here, and nothing is left behind.
        columns: Their names, in order.
        work: The folder; made with mode 0700 if it is not there.
        side: Names the file.
        progress: Called with the number of records so far, after each frame.

    Returns:
        The file (mode 0600) and its rows.

    Raises:
        SourceError: E_DISK, it could not be written.
    """
    path = snapshot_path(work, side)
    partial = path.with_suffix(".partial")
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritten(side, error) from None
    try:
        rows = _write(frames, columns, descriptor, side, progress)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path, rows


def _write(
    frames: Iterator[pl.DataFrame],
    columns: Sequence[str],
    descriptor: int,
    side: Side,
    progress: Callable[[int], None] | None,
) -> int:
    rows = 0
    failures: list[BaseException] = []

    def numbered(*_: object) -> Iterator[pl.DataFrame]:
        nonlocal rows
        try:
            for frame in frames:
                rows += frame.height
                if progress is not None:
                    progress(rows)
                yield frame
        except BaseException as error:
            failures.append(error)  # polars turns it into an error of its own, with the text of the first one
            raise

    try:
        with os.fdopen(descriptor, "wb") as file:
            register_io_source(numbered, schema=dict.fromkeys(columns, pl.String())).sink_parquet(
                file, compression="zstd", compression_level=1, statistics=False, row_group_size=ROW_GROUP_ROWS
            )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        if failures:
            raise failures[0] from None
        raise _unwritten(side, error) from None
    return rows


def _unwritten(side: Side, error: Exception) -> SourceError:
    problem = f"the snapshot could not be written ({type(error).__name__})"
    return SourceError(f"{side.value} snapshot", problem, hint="is the disk full, the folder writable?", code="E_DISK")
