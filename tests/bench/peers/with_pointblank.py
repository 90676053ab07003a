"""pointblank's `compare`: every row of every class (`reference/peers.md` §6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pointblank

from tests.bench.peers.call import Answer

_ALL = 10**9


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files."""
    result = pointblank.compare(str(left), str(right), keys=list(key), schema="common")
    for status in ("changed", "missing", "extra", "dup_key"):
        result.rows(status, limit=_ALL).write_parquet(out / f"{status}.parquet")
    return Answer(
        equal=bool(result.identical),
        only_left=result.n_missing,
        only_right=result.n_extra,
        changed=result.n_changed,
        repeated=result.n_dup_key,
    )
