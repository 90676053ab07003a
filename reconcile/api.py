"""The engine for Python: `compare` two frames or files under a key, with nothing declared of them."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import polars as pl

from reconcile import __version__
from reconcile.config import source_of
from reconcile.extract import extract, scan
from reconcile.machine.boundary import guarded
from reconcile.model import (
    ROW,
    Balance,
    Dataset,
    Field,
    Preflight,
    Run,
    Secrecy,
    Side,
    Snapshot,
    Source,
    Verdict,
)
from reconcile.pipeline import Options, reconcile
from reconcile.search.check import Input

KEY = sha256(b"reconcile: in-process comparison").digest()
"""Keys the finding ids of comparisons that leave no file: they need be stable, not secret."""


class Comparison(NamedTuple):
    """What a comparison found.

    Attributes:
        verdict: What may be claimed.
        balance: Every row of each side, accounted for once.
        findings: `model.findings_schema(key)`, sorted by key, then field.
        variants: `model.variants_schema(key)`.
        summary: The object of `summary.json`.
    """

    verdict: Verdict
    balance: Mapping[Side, Balance]
    findings: pl.DataFrame
    variants: pl.DataFrame
    summary: Mapping[str, object]


def compare(
    left: pl.DataFrame | Path,
    right: pl.DataFrame | Path,
    *,
    key: Sequence[str],
    partitions: int = 0,
    allow_empty: bool = False,
) -> Comparison:
    """Compare every column that both sides have, as text exactly as it stands.

    Args:
        left: A frame, or a CSV, TSV or Parquet file.
        right: The other side.
        key: The columns that name a record.
        partitions: How many parts to compare by turns; 0 chooses by size. The result is the same.
        allow_empty: Whether a side without rows may be compared.

    Raises:
        SourceError: A file is not whole, or a column's type has no exact text.
        ConfigError: A side has no such key column.
        ReconcileError: E_FAILED, a fault of ours; without the library's text, which may hold a value.
    """
    return guarded(lambda: _compare((left, right), key, partitions=partitions, allow_empty=allow_empty), "compare")


def _compare(
    sides: tuple[pl.DataFrame | Path, pl.DataFrame | Path], key: Sequence[str], *, partitions: int, allow_empty: bool
) -> Comparison:
    with tempfile.TemporaryDirectory(prefix="reconcile-") as work:
        inputs = [_input(side, what, Path(work)) for side, what in zip(Side, sides, strict=True)]
        now = datetime.now(UTC)
        run = Run(run_id="compare", started_at=now, as_of=now, version=__version__, site_key=KEY)
        dataset = ad_hoc(key, *(entry.snapshot for entry in inputs))
        options = Options(seed=secrets.randbits(40), partitions=partitions, work=Path(work), allow_empty=allow_empty)
        report = reconcile(run, dataset, (inputs[0], inputs[1]), options).in_text()
    return Comparison(
        verdict=report.verdict,
        balance={side: one.balance for side, one in report.sides.items()},
        findings=report.findings,
        variants=report.variants,
        summary=report.summary,
    )


def ad_hoc(key: Sequence[str], left: Snapshot, right: Snapshot) -> Dataset:
    """A dataset of which nothing is declared: its key, and every other column of either side, by name.

    Columns are ordered by name, so that their order in a source changes nothing.
    """
    names = sorted(({*left.columns} | {*right.columns}) - {*key})
    return Dataset(
        name="ad-hoc",
        fields=(
            *(Field(name=name, label=name, key=True, compared=False) for name in key),
            *(Field(name=name, label=name, secrecy=Secrecy.PERSONAL) for name in names),
        ),
    )


def _input(side: Side, what: pl.DataFrame | Path, work: Path) -> Input:
    if isinstance(what, pl.DataFrame):
        return _frame(side, what)
    source: Source = source_of(what)
    snapshot = extract(source, side, work)
    return Input(snapshot, scan(snapshot))


def _frame(side: Side, frame: pl.DataFrame) -> Input:
    from reconcile.extract.parquet import as_text  # noqa: PLC0415
    from reconcile.extract.preflight import check_names  # noqa: PLC0415

    check_names(frame.columns, side.value)
    rows = frame.lazy().select(
        pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias(ROW), *(as_text(n, t) for n, t in frame.schema.items())
    )
    snapshot = Snapshot(
        side=side,
        label=side.value,
        path=Path(),
        columns=tuple(frame.columns),
        rows=frame.height,
        preflight=Preflight(records=frame.height, source_bytes=int(frame.estimated_size()), sha256=""),
        native={n: str(t) for n, t in frame.schema.items() if t != pl.String},
    )
    return Input(snapshot, rows)
