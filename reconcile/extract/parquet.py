"""A Parquet file, read in place or from a copy; and the one exact text that a value of every type has.

Nothing is rounded, trimmed or guessed, and what a type can express in two ways has one text: an instant is written in
UTC, a fraction of a second without trailing zeros, so that milliseconds and nanoseconds agree where the moments do.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.errors import SourceError
from reconcile.extract.preflight import check_names
from reconcile.extract.reading import TRUSTING, Custody, Held, Reader, open_regular, role
from reconcile.model import ROW, Layout, ParquetSource, Preflight, Side, Snapshot

_ROWS_DECODED = 65_536
BLOCK_BYTES = 4 * 1024 * 1024
_MAGIC = b"PAR1"
DIGEST = ".sha256"
"""Behind a file's name: the file beside it that holds its digest."""

_LINE_BYTES = 256
_I32 = rb"\x15[\x80-\xff]*[\x00-\x7f]"  # the field after the one before, of type i32, and its varint
_CHECKSUM = re.compile(_I32 * 4, re.DOTALL)
_PROOF = f"have it written with page checksums, or its digest put beside it (sha256sum FILE > FILE{DIGEST})"
_SMALLEST = 12  # bytes: the mark, the length of the footer, the mark


def extract_parquet(source: ParquetSource, side: Side, work: Path, custody: Custody = TRUSTING) -> Snapshot:
    """A snapshot that is the Parquet file itself: the one that was opened and hashed, or a copy of it in `work`.

    With a layout, its columns are looked up under their `source` names, and no other column is loaded. Of a copy, every
    page is decoded once: a checksum that does not match its page, or a page that cannot be read, is found before any
    comparison. In place that would cost as much as the comparison itself.

    A flipped bit in a page without a checksum may be another value, or the other side's. So a copy is taken only of a
    file whose pages have checksums, or beside which its digest stands (`DIGEST`, as `sha256sum` writes it); a file that
    is read in place is `proven` by the digest alone.

    Raises:
        SourceError: E_UNPROVEN, neither checksums nor a digest, or another digest;
            E_TRUNCATED, no whole Parquet file or a damaged page; E_HEADER, names that cannot be told apart;
            E_COLUMNS, a column of the layout is missing; E_SCHEMA, a column has a type without a text.
    """
    where = role(side, source.label, source.path)
    copy = work / f"{side.value}.source.parquet" if custody.copied else None
    with open_regular(source.path, where, custody) as reader:
        preflight = replace(_preflight(reader, copy), proven=_stated(source.path, where, reader.sha256))
        held = None if copy else Held(reader)
    if copy:
        if not preflight.proven and not _checksummed(copy, where):
            raise SourceError(where, "its pages have no checksums", hint=_PROOF, code="E_UNPROVEN")
        _decode(copy, preflight.records, where)
        preflight = replace(preflight, proven=True)
    path = held.path if held else copy or source.path
    schema = _schema(path, where)
    stored = _stored_names(source.layout, tuple(schema))
    if missing := [number for number, name in enumerate(stored.values(), 1) if name not in schema]:
        raise SourceError(where, f"column {missing[0]} of the layout is not in it", code="E_COLUMNS")
    for number, name in enumerate(stored.values(), 1):
        if not has_text(schema[name]):
            problem = f"column {number} has the type {_type_name(schema[name])}, expected single values"
            raise SourceError(where, problem, hint="unnest or drop it", code="E_SCHEMA")
    return Snapshot(
        side=side,
        label=source.label,
        path=path,
        columns=tuple(stored),
        rows=preflight.records,
        preflight=preflight,
        layout=source.layout,
        native={name: _type_name(schema[other]) for name, other in stored.items() if schema[other] != pl.String()},
        temporary=False,
        held=held,
    )


def scan(snapshot: Snapshot) -> pl.LazyFrame:
    """Any snapshot's rows: `model.ROW` (UInt32, from 1, in source order), then its columns, all `pl.String`.

    Streams, and reads only the columns that are used. The snapshot must outlive the frame: it holds the file.
    """
    # Numbered by the reader itself: a filter reaches the reader past its own numbers, and not past a step behind it.
    frame = _scan(snapshot.path, row_index_name=ROW, row_index_offset=1)
    if snapshot.temporary:
        return frame.select(ROW, *snapshot.columns)
    schema = frame.collect_schema()
    stored = _stored_names(snapshot.layout, snapshot.columns)
    texts = (as_text(other, schema[other]).alias(name) for name, other in stored.items())
    return frame.select(ROW, *texts)


def has_text(dtype: pl.DataType) -> bool:
    """Whether a type's values have one exact text: all but nested and foreign ones."""
    return not (dtype.is_nested() or isinstance(dtype, pl.Object | pl.Unknown | pl.BaseExtension))


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as the one exact text of its values. Null stays null.

    Integers and decimals in digits (a decimal with all the places of its type); floats as the shortest digits that
    give the same number back, `NaN`, `inf`; `true`, `false`; dates and times in ISO 8601 with a fraction only if it is
    not zero; an aware time as its instant in UTC, with `Z`; durations in ISO 8601; bytes in hexadecimal.

    Args:
        name: Of the column, which the result keeps.
        dtype: Its type.

    Raises:
        SourceError: E_SCHEMA, the type has no text (nested).
    """
    text = column = pl.col(name)
    match dtype:
        case pl.String():
            pass
        case pl.Datetime(time_zone=None):
            text = _without_zeros(column.dt.strftime("%Y-%m-%dT%H:%M:%S%.9f"))
        case pl.Datetime():
            utc = column.dt.convert_time_zone("UTC")
            text = _without_zeros(utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.9f")) + "Z"
        case pl.Time():
            text = _without_zeros(column.dt.strftime("%H:%M:%S%.9f"))
        case pl.Duration():
            text = column.dt.to_string("iso")
        case pl.Binary():
            text = column.bin.encode("hex")
        case _ if has_text(dtype):
            text = column.cast(pl.String)
        case _:
            raise SourceError(
                f"column {name}", f"got the type {_type_name(dtype)}, expected single values", code="E_SCHEMA"
            )
    return text


def _type_name(dtype: pl.DataType) -> str:
    # The categories of an Enum are values, and the fields of a Struct may be.
    return str(dtype.base_type()) if isinstance(dtype, pl.Enum) or dtype.is_nested() else str(dtype)


def _without_zeros(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars_end("0").str.strip_chars_end(".")


def _stored_names(layout: Layout | None, columns: tuple[str, ...]) -> dict[str, str]:
    """Name in the snapshot -> name in the file."""
    if layout:
        return {column.name: column.source for column in layout.columns}
    return {name: name for name in columns}


def _preflight(reader: Reader, copy: Path | None) -> Preflight:
    size = reader.size
    if size < _SMALLEST or reader.peek(0, 4) != _MAGIC or reader.peek(size - 4, 4) != _MAGIC:
        problem = "it does not begin and end as a Parquet file, expected PAR1 at both ends"
        raise SourceError(reader.where, problem, hint="it may be cut, or no Parquet file", code="E_TRUNCATED")
    if copy:
        reader.copy(copy)
    else:
        for _ in reader.blocks(BLOCK_BYTES):
            pass  # the digest of what stands there now
    reader.file.seek(0)
    try:
        footer = pq.read_metadata(pa.PythonFile(reader.file, mode="r"))
        rows = sum(footer.row_group(number).num_rows for number in range(footer.num_row_groups))
        names = footer.schema.to_arrow_schema().names
    except (pa.ArrowException, OSError, ValueError):
        raise _no_footer(reader.where) from None
    if rows != footer.num_rows:
        problem = f"its row groups hold {rows} rows, expected {footer.num_rows}"
        raise SourceError(reader.where, problem, code="E_COUNT")
    check_names(names, reader.where)
    return Preflight(records=rows, source_bytes=size, sha256=reader.sha256)


def _stated(path: Path, where: str, sha256: str) -> bool:
    """Whether the digest that stands beside a file is its own; False if none stands there.

    Raises:
        SourceError: E_UNPROVEN, it is another one, or none.
    """
    try:
        with path.with_name(path.name + DIGEST).open("rb") as file:
            stated = file.read(_LINE_BYTES).split(maxsplit=1)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SourceError(where, f"its digest cannot be read: {error.strerror}", code="E_UNPROVEN") from None
    if not stated or stated[0].lower() != sha256.encode():
        problem = f"its bytes are not those of the digest beside it ({DIGEST})"
        raise SourceError(where, problem, hint="the transfer or the disk has altered it", code="E_UNPROVEN")
    return True


def _checksummed(path: Path, where: str) -> bool:
    """Whether every chunk of a column begins with a page that has a checksum: a writer writes all of them, or none.

    A page's header is a Thrift struct in the compact protocol: type and two sizes (fields 1 to 3, i32), then `crc`
    (field 4, i32) if there is one (parquet.thrift, PageHeader).
    """
    try:
        with path.open("rb") as file:
            footer = pq.read_metadata(file)
            for group in map(footer.row_group, range(footer.num_row_groups)):
                for chunk in map(group.column, range(group.num_columns)):
                    offsets = (chunk.dictionary_page_offset, chunk.data_page_offset)
                    file.seek(min(offset for offset in offsets if offset))
                    if not _CHECKSUM.match(file.read(_LINE_BYTES)):
                        return False
    except (pa.ArrowException, OSError, ValueError):
        raise _no_footer(where) from None
    return True


def _decode(path: Path, records: int, where: str) -> None:
    """Read every page, with its checksum where it has one.

    Raises:
        SourceError: E_TRUNCATED, a page is damaged; E_COUNT, other rows than the footer says.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            rows = sum(batch.num_rows for batch in file.iter_batches(batch_size=_ROWS_DECODED, use_threads=True))
    except (pa.ArrowException, OSError, ValueError):  # the text of these may quote a value
        problem = "a page is damaged: its checksum does not match, or it cannot be decoded"
        raise SourceError(where, problem, hint="have it written again", code="E_TRUNCATED") from None
    if rows != records:
        raise SourceError(where, f"its pages hold {rows} rows, expected {records}", code="E_COUNT")


def _scan(path: Path, **numbered: Any) -> pl.LazyFrame:  # noqa: ANN401  the reader's own options
    # A name is a name: neither a pattern nor a partition, whatever characters it has.
    return pl.scan_parquet(path, glob=False, hive_partitioning=False, **numbered)


def _schema(path: Path, where: str) -> pl.Schema:
    try:
        return _scan(path).collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        raise _no_footer(where) from None


def _no_footer(where: str) -> SourceError:
    problem = "its footer cannot be read"
    return SourceError(where, problem, hint="it may be damaged: have it written again", code="E_TRUNCATED")
