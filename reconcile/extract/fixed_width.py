"""Records of one length in bytes: cut by byte, then decoded, whole columns at a time.

Bytes first, characters after: a record cut by characters shifts with every character that takes another number of
bytes (`reference/domain.md` §12, 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from reconcile.characters import clusters, codec
from reconcile.errors import SourceError
from reconcile.extract.preflight import FixedScan, trimmed
from reconcile.extract.reading import TRUSTING, Custody, open_regular, role
from reconcile.extract.structure import Bytes
from reconcile.extract.writing import write_snapshot
from reconcile.model import Column, FixedWidthSource, Layout, Side, Snapshot


def extract_fixed_width(
    source: FixedWidthSource,
    side: Side,
    work: Path,
    progress: Callable[[int], None] | None = None,
    custody: Custody = TRUSTING,
) -> Snapshot:
    """Write the snapshot of a fixed-width file.

    Raises:
        SourceError: The file cannot be opened, is refused by the scanner, or has a byte in an ASCII column that is none.
    """
    layout = source.layout
    where = role(side, source.label, source.path)
    names = tuple(column.name for column in layout.columns)
    with open_regular(source.path, where, custody) as reader:
        scan = FixedScan(reader, layout)
        path, rows = write_snapshot(_frames(scan, layout, where), names, work, side, progress)
        preflight = scan.preflight()
    return Snapshot(
        side=side, label=source.label, path=path, columns=names, rows=rows, preflight=preflight, layout=layout
    )


def _frames(scan: FixedScan, layout: Layout, where: str) -> Iterator[pl.DataFrame]:
    for number, records in scan.bodies():
        yield cut(records, layout, number, where)
    scan.preflight()  # here, so that a file that is refused leaves no snapshot


def cut(records: Bytes, layout: Layout, number: int, where: str) -> pl.DataFrame:
    """The columns of records as text; filling spaces are cut off, a value of filling only is null.

    Args:
        records: (n, record bytes), as they stand in the file.
        layout: Offsets, lengths and character sets.
        number: The record number of the first, for messages.
        where: The file, for messages.

    Raises:
        SourceError: E_ENCODING or E_CONTROL_CHAR: a byte in an ASCII column that is no printable ASCII.
    """
    series = []
    for column in layout.columns:
        match column.charset:
            case "juki":
                values = codec.decode(records[:, column.offset : column.offset + column.length].view(">u2"))
            case _:
                values = _ascii(records, column, number, where)
        series.append(values.alias(column.name))
    return pl.DataFrame(series)


def _ascii(records: Bytes, column: Column, number: int, where: str) -> pl.Series:
    cells, lengths = trimmed(records, column)
    if cells.min(initial=0x20) < 0x20 or cells.max(initial=0x20) > 0x7E:
        bad = ((cells < 0x20) | (cells > 0x7E)).any(axis=1)
        first = int(np.argmax(bad))
        high = (cells[first] > 0x7F).any()
        raise SourceError(
            f"{where}, record {number + first}, {column.name}",
            "got a byte that is not ASCII" if high else "got a control character",
            hint="are the offsets of the layout those of this file?",
            code="E_ENCODING" if high else "E_CONTROL_CHAR",
        )
    if (lengths == column.length).all():
        data = cells.tobytes()
    else:
        data = cells[np.arange(column.length) < lengths[:, None]].tobytes()
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    return clusters.strings(data, offsets, lengths > 0)
