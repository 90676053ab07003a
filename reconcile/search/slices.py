"""What a comparison on many machines is made of: slices of files, and what is done with them. Knows no engine.

    look -> check a slice -> suspects of a partition -> fetch of a slice -> diff of a partition

A slice is a range of records of a Parquet file, a partition a residue of the key's hash. Each function takes and
returns plain values, so that any engine can run it as a task; `cluster` runs them on Dask.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from reconcile.account import Checks
from reconcile.diff import Diff, DiffPlan, Suspects, diff, suspects
from reconcile.diff.fingerprint import second_sum
from reconcile.extract import extract, scan
from reconcile.model import ROW, Dataset, ParquetSource, Preflight, Side, Snapshot
from reconcile.search.check import Input, check
from reconcile.search.prints import Prints

_PROBE = pl.Series(["墨田区"])
"""polars promises the same hash within one version on one kind of processor: a key that hashed otherwise elsewhere
would go to another partition and find no partner."""


class Slice(NamedTuple):
    """A range of records: of `snapshot`'s file from `offset`, which are the side's from `first`, counted from 0."""

    snapshot: Snapshot
    offset: int
    rows: int
    first: int

    def scan(self) -> pl.LazyFrame:
        """As `extract.scan` yields them: ROW, counted over the whole side, and the columns as text."""
        here = scan(self.snapshot).slice(self.offset, self.rows)
        return here.with_columns((pl.col(ROW) + (self.first - self.offset)).cast(pl.UInt32))


def cut(parts: Sequence[Snapshot], rows_per_slice: int) -> Iterator[Slice]:
    """All records of a side's files, in order; an empty file is one empty slice."""
    first = 0
    for part in parts:
        for offset in range(0, max(1, part.rows), rows_per_slice):
            yield Slice(part, offset, min(rows_per_slice, part.rows - offset), first + offset)
        first += part.rows


def whole(path: Path, parts: Sequence[Snapshot]) -> Snapshot:
    """A side of one or more files as one snapshot; the digest of a folder is that of its `sha256sum` list."""
    if len(parts) == 1:
        return replace(parts[0], label=path.name)
    listing = "".join(f"{part.preflight.sha256}  {part.path.name}\n" for part in parts)
    records = sum(part.rows for part in parts)
    preflight = Preflight(
        records=records,
        source_bytes=sum(part.preflight.source_bytes for part in parts),
        sha256=sha256(listing.encode()).hexdigest(),
    )
    return replace(parts[0], label=path.name, path=path, rows=records, preflight=preflight)


def together(slices: Sequence[Slice], parts: Sequence[Snapshot]) -> pl.LazyFrame:
    """All slices of a side as one frame, as `extract.scan` yields it."""
    return pl.concat([one.scan() for one in slices]) if slices else scan(parts[0])


def within(one: Slice, suspect: Suspects, side: Side) -> pl.Series:
    """The suspects of a side that lie in a slice: record numbers, ascending."""
    rows = suspect.left if side is Side.LEFT else suspect.right
    begin, end = np.searchsorted(rows.to_numpy(), [one.first + 1, one.first + one.rows + 1])
    return rows[int(begin) : int(end)]


def look(path: Path, side: Side) -> Snapshot:
    """One file of a side, whole and hashed; it is read in place.

    Raises:
        SourceError: As `extract`.
    """
    with tempfile.TemporaryDirectory(prefix="reconcile-") as work:  # a Parquet source writes nothing into it
        snapshot = extract(ParquetSource(path=path), side, Path(work))
    # Other workers open it by its name: a descriptor is of one process. A swap shows in the sums (`prove_equal`).
    return replace(snapshot, path=path, held=None)


class Checked(NamedTuple):
    """What checking a slice gave.

    Attributes:
        parts: `prints.KEPT`, a frame a partition.
        checks: With keys.
        second: The sum of the second hashes modulo 2**64.
        probe: The hash of a fixed text: the same wherever hashes may be compared.
    """

    parts: list[pl.DataFrame]
    checks: Checks
    second: int
    probe: int


def check_slice(one: Slice, dataset: Dataset, this: DiffPlan, partitions: int) -> Checked:
    """The fingerprints of a slice, cut by partition, and its checks."""
    entry = Input(replace(one.snapshot, rows=one.rows), one.scan())
    prints = Prints(partitions)
    checks = check(entry, dataset, this, prints, lambda _step, _done, _total: None)
    parts = [prints.part(number) for number in range(partitions)]
    return Checked(parts, checks, prints.second, int(_PROBE.hash(this.seed).item()))


def suspects_of(left: list[pl.DataFrame], right: list[pl.DataFrame]) -> Suspects:
    """The suspects of a partition, from its fingerprints out of every slice of both sides."""
    return suspects(pl.concat(left), pl.concat(right))


def fetch(one: Slice, wanted: list[pl.Series], dataset: Dataset, this: DiffPlan) -> tuple[list[pl.DataFrame], int]:
    """The suspects of a slice with all that is compared, a frame for each entry of `wanted`, and their `second_sum`."""
    expressions = Input(one.snapshot, one.scan()).canonical(dataset)
    columns = this.select(expressions, decoded=False)
    every = pl.concat(wanted)
    # Appending nothing makes texts of their own, which let the pages go that they were read from.
    texts = pl.col(pl.String) + pl.lit("")
    rows = (
        one.scan().filter(pl.col(ROW).is_in(every.implode())).select(ROW, *columns, this.fingerprint(expressions)[-1])
    )
    here = rows.with_columns(texts).collect(engine="streaming")
    second = second_sum(here)
    here = here.drop("_two")
    return [here.filter(pl.col(ROW).is_in(part.implode())) for part in wanted], second


def diff_partition(this: DiffPlan, left: list[pl.DataFrame], right: list[pl.DataFrame]) -> Diff:
    """The comparison of a partition's suspects, out of every slice of both sides."""
    return diff(this, pl.concat(left), pl.concat(right))
