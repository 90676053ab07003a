"""The prototype's way with CSV: fingerprints of both files over `scan_csv`, then the suspects by a second parse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from reconcile.diff.fingerprint import fingerprint, suspects
from reconcile.model import ROW
from tests.bench.peers.call import Answer


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Every difference of unique keys, written out."""
    sides = [pl.scan_csv(path, infer_schema=False, row_index_name=ROW, row_index_offset=1) for path in (left, right)]
    values = [name for name in sides[0].collect_schema().names() if name not in (ROW, *key)]
    columns = fingerprint([pl.col(name) for name in key], [pl.col(name) for name in values], 1)
    prints = [side.select(columns).collect(engine="streaming") for side in sides]
    found = suspects(*prints)
    one, two = (
        side.filter(pl.col(ROW).is_in(rows.implode())).collect(engine="streaming")
        for side, rows in zip(sides, (found.left, found.right), strict=True)
    )
    both = one.join(two, on=list(key), how="full", coalesce=False)
    both.write_parquet(out / "two_passes.parquet")
    only_left, only_right = both[f"{key[0]}_right"].null_count(), both[key[0]].null_count()
    return Answer(
        equal=both.is_empty(),
        only_left=only_left,
        only_right=only_right,
        changed=both.height - only_left - only_right,
        repeated=None,
    )
