"""Ours, by its command line, in this process: what stands in the files that it wrote, and its exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from reconcile.cli import main
from tests.bench.peers.call import Answer, RefusedError


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files. That a side may be empty is said each time: no peer would refuse it."""
    options = ["--key", ",".join(key), "--out", str(out), "--report", "parquet", "--quiet", "--allow-empty"]
    sys.argv = ["reconcile", "diff", str(left), str(right), *options]
    status = 0
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
    if status not in (0, 1):
        raise RefusedError(status)
    found = pl.read_parquet(out / "findings.parquet")
    kinds = found["kind"]
    return Answer(
        equal=status == 0,
        only_left=int((kinds == "only_left").sum()),
        only_right=int((kinds == "only_right").sum()),
        changed=found.filter(kind="value").select(key).unique().height,
        repeated=int(kinds.str.starts_with("duplicate_").sum()),
        rejected=int(kinds.str.starts_with("reject_").sum()),
    )
