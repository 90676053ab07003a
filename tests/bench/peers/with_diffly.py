"""diffly, exact: every difference (`reference/peers.md` §6). It reads no CSV: that is given as text, in its favor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from diffly import compare_frames

from tests.bench.peers.call import Answer


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files; keys must be unique."""
    result = compare_frames(_scan(left), _scan(right), primary_key=list(key), abs_tol=0, rel_tol=0)
    parts = {"chg": result.joined_unequal(), "l": result.left_only(), "r": result.right_only()}
    for name, frame in parts.items():
        frame.lazy().collect().write_parquet(out / f"{name}.parquet")
    return Answer(
        equal=bool(result.equal()),
        only_left=result.num_rows_left_only(),
        only_right=result.num_rows_right_only(),
        changed=result.num_rows_joined_unequal(),
        repeated=None,
    )


def _scan(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False)
