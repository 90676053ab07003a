"""The real engine over a handful of people: rows in, report out; Parquet in between, as a run has it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from reconcile.model import ROW, Dataset, Preflight, Report, Run, Side, Snapshot
from reconcile.pipeline import Options, reconcile
from reconcile.search.check import Input
from schemas.identity_record import DATASET

Person = dict[str, str | None]

COLUMNS = tuple(field.name for field in DATASET.fields)

STAMP = "%Y%m%d%H%M%S"


def person(code: str, **values: str | None) -> Person:
    """One row in the dataset's canonical terms: who is not described otherwise is current, and long unchanged."""
    said: Person = {
        "source_state": "現存",
        "resident_kind": "日本人",
        "municipality": "131075",
        "process_time": "20200401090000",
        "pending": "00",
        "protected": "0",
    }
    row = {**dict.fromkeys(COLUMNS), **said, "juminhyo_code": code, **values}
    if unknown := set(row) - set(COLUMNS):
        raise ValueError(f"no such fields: {sorted(unknown)}")
    return row


def run(
    work: Path,
    left: Sequence[Person],
    right: Sequence[Person],
    as_of: datetime,
    *,
    history: Sequence[Person] | None = None,
    extracted: Mapping[Side, datetime] | None = None,
    dataset: Dataset = DATASET,
) -> Report:
    """Compare. `history` are the register's older rows, None if it keeps none; `extracted` is what the headers say."""
    said = extracted or {}
    sides = (
        _input(work, Side.LEFT, left, said.get(Side.LEFT), None),
        _input(work, Side.RIGHT, right, said.get(Side.RIGHT), history),
    )
    about = Run(run_id="test", started_at=as_of, as_of=as_of, version="test", site_key=b"a key of the tests' own")
    return reconcile(about, dataset, sides, Options(seed=7)).in_text()


def codes(report: Report) -> dict[tuple[str, str, str | None], str | None]:
    """Key, kind and field of every finding -> its code."""
    found = report.findings.select("juminhyo_code", "kind", "field", "code").rows()
    told = {(key, kind, field): code for key, kind, field, code in found}
    assert len(told) == len(found), "two findings about one thing"
    return told


def _input(
    work: Path, side: Side, rows: Sequence[Person], extracted: datetime | None, history: Sequence[Person] | None
) -> Input:
    path = _written(work / f"{side}.parquet", rows)
    header = {} if extracted is None else {"extracted_at": f"{extracted:{STAMP}}"}
    seen = path.read_bytes()
    snapshot = Snapshot(
        side=side,
        label=side.value,
        path=path,
        columns=COLUMNS,
        rows=len(rows),
        preflight=Preflight(
            records=len(rows), source_bytes=len(seen), sha256=hashlib.sha256(seen).hexdigest(), header=header
        ),
    )
    older = None if history is None else pl.scan_parquet(_written(work / f"{side}-history.parquet", history))
    return Input(snapshot, pl.scan_parquet(path).with_row_index(ROW, offset=1), None, older)


def _written(path: Path, rows: Sequence[Person]) -> Path:
    pl.DataFrame(list(rows), schema=dict.fromkeys(COLUMNS, pl.String)).write_parquet(path)
    return path
