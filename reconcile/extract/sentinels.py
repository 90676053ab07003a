"""Records of our own, written in a source's form and read back by what reads the source.

The nightly run plants pairs whose differences are known (`reconcile.proof.sentinel`). They take the way of every other
record: as bytes through the scanner, the count, the parser and the decoder of the layout. A database is read only and
holds no record of ours; its sentinels begin as the text that it would have given.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import polars as pl

from reconcile.characters import codec
from reconcile.errors import DeclarationError
from reconcile.extract.delimited import extract_delimited
from reconcile.extract.fixed_width import extract_fixed_width
from reconcile.extract.writing import write_snapshot
from reconcile.model import Column, DelimitedSource, Envelope, FixedWidthSource, Layout, Side

_LABEL = "sentinels"
_EXTRACTED_AT = "20000101000000"


def extract_sentinels(records: pl.DataFrame, layout: Layout, side: Side, folder: Path) -> None:
    """Write records in the form of a layout and read them, as its source is read, into `folder/<side>.parquet`.

    Args:
        records: The layout's columns as text in the source's notation, null for nothing.
        layout: Of the source.
        side: Which one it is.
        folder: Where; made with mode 0700 if it is not there.

    Raises:
        DeclarationError: A value of the sentinels does not fit into its column.
        SourceError: They could not be read back: then no record of the source can be trusted either.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    tiny = folder / f"{side.value}.source"
    match layout.kind:
        case "fixed_width":
            tiny.write_bytes(_fixed_width(records, layout))
            extract_fixed_width(FixedWidthSource(path=tiny, layout=layout, label=_LABEL), side, folder)
        case "delimited":
            tiny.write_bytes(_delimited(records, layout))
            source = DelimitedSource(
                path=tiny, layout=layout, label=_LABEL, encoding=layout.encoding, delimiter=layout.delimiter
            )
            extract_delimited(source, side, folder)
        case _:
            names = [column.name for column in layout.columns]
            write_snapshot(iter([records.select(names)]), names, folder, side)
    tiny.unlink(missing_ok=True)


def _fixed_width(records: pl.DataFrame, layout: Layout) -> bytes:
    end = layout.end_of_record.encode("ascii")
    cells = np.full((records.height, layout.record_bytes + len(end)), ord(" "), np.uint8)
    for place, text in ((0, layout.record_mark.encode("ascii")), (layout.record_bytes, end)):
        cells[:, place : place + len(text)] = np.frombuffer(text, np.uint8)
    for column in layout.columns:
        cells[:, column.offset : column.offset + column.length] = _cells(records[column.name], column, layout)
    return b"".join(
        (
            _fixed_envelope(layout.header, records, layout),
            cells.tobytes(),
            _fixed_envelope(layout.trailer, records, layout),
        )
    )


def _cells(values: pl.Series, column: Column, layout: Layout) -> np.ndarray:
    """(n, bytes of the column): one column of fixed-width records."""
    if column.charset == "juki":
        codes, damaged = codec.encode(values, column.length // 2)
        fits = not damaged.any()
        data = np.ascontiguousarray(codes).tobytes()
    else:
        texts = [text.ljust(column.length) for text in values.fill_null("")]
        fits = all(text.isascii() and len(text) == column.length for text in texts)
        data = "".join(texts).encode("ascii", "replace")
    if not fits:
        raise DeclarationError(f"layout {layout.name}: sentinel", f"the value of {column.name} does not fit its column")
    return np.frombuffer(data, np.uint8).reshape(len(values), column.length)


def _fixed_envelope(envelope: Envelope | None, records: pl.DataFrame, layout: Layout) -> bytes:
    if envelope is None:
        return b""
    record = bytearray(b" " * layout.record_bytes)
    record[: len(envelope.mark)] = envelope.mark.encode("ascii")
    for name, slot in envelope.slots.items():
        item = _item(name, records, layout).rjust(slot.length, "0").encode("ascii")
        record[slot.offset : slot.offset + slot.length] = item[: slot.length]
    return bytes(record) + layout.end_of_record.encode("ascii")


def _delimited(records: pl.DataFrame, layout: Layout) -> bytes:
    text = io.StringIO(newline="")
    write = csv.writer(text, delimiter=layout.delimiter, lineterminator=layout.end_of_record or "\n").writerow
    if layout.header is not None:
        write(_envelope_fields(layout.header, records, layout))
    write([column.source for column in layout.columns])
    for row in records.select(column.name for column in layout.columns).iter_rows():
        write(["" if value is None else value for value in row])
    if layout.trailer is not None:
        write(_envelope_fields(layout.trailer, records, layout))
    return text.getvalue().encode(layout.encoding)


def _envelope_fields(envelope: Envelope, records: pl.DataFrame, layout: Layout) -> list[str]:
    last = max((slot.offset for slot in envelope.slots.values()), default=0)
    fields = [envelope.mark] + [""] * last
    for name, slot in envelope.slots.items():
        fields[slot.offset] = _item(name, records, layout)
    return fields


def _item(name: str, records: pl.DataFrame, layout: Layout) -> str:
    """What header and trailer say of these records."""
    match name:
        case "extracted_at":
            return _EXTRACTED_AT
        case "layout_version":
            return layout.version
        case "count":
            return str(records.height)
        case "control_total":
            return str(_control(records[layout.control_column], layout.control_modulus))
        case _:
            return "0"


def _control(values: pl.Series, modulus: int) -> int:
    return sum(int(text) for text in values if text is not None and text.isascii() and text.isdigit()) % modulus
