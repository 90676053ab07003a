"""datacompy, its polars class: every difference, no sample (`reference/peers.md` §6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from datacompy.polars import PolarsCompare

from tests.bench.peers.call import Answer


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files as its command line reads them."""
    result = PolarsCompare(_read(left), _read(right), join_columns=list(key))
    changed = result.all_mismatch()
    for name, frame in (("chg", changed), ("l", result.df1_unq_rows), ("r", result.df2_unq_rows)):
        frame.write_parquet(out / f"{name}.parquet")
    return Answer(
        equal=bool(result.matches()),
        only_left=result.df1_unq_rows.height,
        only_right=result.df2_unq_rows.height,
        changed=changed.height,
        repeated=None,
    )


def _read(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
