"""CSV and TSV: scanned on bytes, then parsed by polars, block by block; the two must agree on every block.

Text exactly as it stands: a field without anything is null, `""` is the empty text, nothing is trimmed, typed or
taken for a missing value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from reconcile.errors import SourceError
from reconcile.extract.encoding import as_utf8
from reconcile.extract.preflight import Body, DelimitedScan
from reconcile.extract.reading import TRUSTING, Custody, Reader, open_regular, role
from reconcile.extract.writing import write_snapshot
from reconcile.model import DelimitedSource, Side, Snapshot

BLOCK_BYTES = 2 * 1024 * 1024


def extract_delimited(
    source: DelimitedSource,
    side: Side,
    work: Path,
    progress: Callable[[int], None] | None = None,
    custody: Custody = TRUSTING,
) -> Snapshot:
    """Write the snapshot of a delimited file.

    Encoding and delimiter are the layout's where there is one, else the source's.

    Raises:
        SourceError: The file cannot be opened, is not in its encoding, or is refused by the scanner.
        DeclarationError: The delimiter or end of line declared cannot be one.
    """
    layout = source.layout
    where = role(side, source.label, source.path)
    delimiter = delimiter_of(source)
    with open_regular(source.path, where, custody) as reader:
        texts = as_utf8(reader.blocks(BLOCK_BYTES), layout.encoding if layout else source.encoding, where)
        scan = DelimitedScan(texts, layout, delimiter, where)
        frames = _frames(scan, delimiter, reader)
        path, rows = write_snapshot(frames, scan.names, work, side, progress)
        preflight = scan.preflight(reader.size, reader.sha256)
    return Snapshot(
        side=side, label=source.label, path=path, columns=scan.names, rows=rows, preflight=preflight, layout=layout
    )


def delimiter_of(source: DelimitedSource) -> str:
    """The layout's; else the source's own; else a tab for a file named .tsv, and a comma for any other."""
    declared = source.layout.delimiter if source.layout else source.delimiter
    return declared or ("\t" if source.path.suffix.lower() == ".tsv" else ",")


def _frames(scan: DelimitedScan, delimiter: str, reader: Reader) -> Iterator[pl.DataFrame]:
    for body in scan.bodies():
        yield parse(body, scan.names, delimiter, reader.where)
    scan.preflight(reader.size, reader.sha256)  # here, so that a file that is refused leaves no snapshot


def parse(body: Body, names: tuple[str, ...], delimiter: str, where: str) -> pl.DataFrame:
    """The records of a body as text columns.

    Raises:
        SourceError: E_COUNT, polars found another number of records, or of bytes in their values, than the scanner.
    """
    # A line of our own above each block: polars takes a byte order mark off the beginning of what it is given, and here
    # that may be the first character of a name.
    own = [str(number) for number in range(len(names))]
    try:
        frame = pl.read_csv(
            delimiter.join(own).encode() + b"\n" + body.text,
            schema=dict.fromkeys(own, pl.String()),
            separator=delimiter,
            infer_schema=False,
            empty_string_is_null=True,
            glob=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):  # the text of either may quote a resident
        raise disagree(where) from None
    frame.columns = list(names)
    value_bytes = frame.select(pl.sum_horizontal(pl.all().str.len_bytes().sum().cast(pl.Int64))).item()
    if frame.height != body.records or value_bytes != body.value_bytes:
        raise disagree(where)
    return frame


def disagree(where: str) -> SourceError:
    """E_COUNT, to be raised: two readers of one file read other records."""
    return SourceError(
        where,
        "the parser and the scanner do not read the same records in it",
        hint="keep the file and report this: one of the two is wrong",
        code="E_COUNT",
    )
