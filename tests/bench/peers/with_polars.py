"""No peer but the floor: polars' bare full join of all columns, streaming. It finds nothing, it only joins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tests.bench.peers.call import Answer


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Join, write what differs."""
    one, two = pl.scan_parquet(left), pl.scan_parquet(right)
    shared = [name for name in one.collect_schema().names() if name not in key]
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_right")) for name in shared)
    first = key[0]
    absent = pl.col(first).is_null() | pl.col(f"{first}_right").is_null()
    found = one.join(two, on=list(key), how="full").filter(absent | differs).collect(engine="streaming")
    found.write_parquet(out / "polars.parquet")
    only_left, only_right = found[f"{first}_right"].null_count(), found[first].null_count()
    return Answer(
        equal=found.is_empty(),
        only_left=only_left,
        only_right=only_right,
        changed=found.height - only_left - only_right,
        repeated=None,
    )
