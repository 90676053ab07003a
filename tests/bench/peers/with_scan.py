"""The floor of every comparison: both files read once, every value of every column touched, nothing kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tests.bench.peers.call import Answer


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Read; it finds nothing."""
    del key, out
    for path in (left, right):
        rows = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False)
        rows.select(pl.all().str.len_bytes().sum()).collect(engine="streaming")
    return Answer(equal=True, only_left=0, only_right=0, changed=0, repeated=None)
