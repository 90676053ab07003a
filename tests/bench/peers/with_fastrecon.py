"""fastrecon, keyed, without its fast path, which would skip the comparison (`reference/peers.md` §6)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import fastrecon

from tests.bench.peers.call import Answer, RefusedError

_ALL = 10**9


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files. What it writes in full is its JSON report with all samples."""
    logging.disable(logging.CRITICAL)
    config = fastrecon.ReconConfig(sample_limit=_ALL, fast_path=False)
    result = fastrecon.compare(_source(left), _source(right), keys=list(key), config=config)
    if result.status == "ERROR":
        raise RefusedError(result.exit_code())
    result.to_json(str(out / "fastrecon.json"))
    return Answer(
        equal=result.status == "MATCH",
        only_left=result.missing_in_right,
        only_right=result.missing_in_left,
        changed=result.changed_rows,
        repeated=result.duplicate_keys_left + result.duplicate_keys_right,
    )


def _source(path: Path) -> object:
    return (fastrecon.ParquetFile if path.suffix == ".parquet" else fastrecon.CsvFile)(str(path))
