"""Delimited records as the bytes of their lines: equal bytes are equal records, so only lines that differ need a parser.

That holds between two files of one header, one delimiter and one encoding, once each line is in its *shortest form*:
without its end, and without the quotes that it does not need. A record has exactly one shortest form: a field without
anything is nothing, `""` is the empty text, and a field that holds a delimiter, a quote or an end of line stays quoted.

A block without quotes is proven by its marks alone (`structure.Grammar`). One with quotes goes through the parser as
well, and both must read the same. Nothing is written: `Lines.read` reads single records again from the open file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from reconcile.errors import SourceError
from reconcile.extract.delimited import delimiter_of, disagree, parse
from reconcile.extract.encoding import BOM, as_utf8
from reconcile.extract.preflight import DelimitedScan, Found
from reconcile.extract.reading import Held, Reader
from reconcile.extract.structure import CR, LF, QUOTE, Bytes, Flags, Grammar, MalformedError, Positions, Structure
from reconcile.extract.tally import Counted, Tally, pieces, words_of
from reconcile.model import ROW, DelimitedSource, Preflight

BLOCK_BYTES = 4 * 1024 * 1024

LINE = "\0line"
"""The column of `Lines.rows` that holds the hash of a record's line. No source has it: a NUL is refused in a name."""

_ROWS_AT_ONCE = 1_000_000
_THREADS = min(2, pl.thread_pool_size())
"""That read again at once: more would hold more blocks."""

_MOST_SINGLE = 0.25
"""Of the records of a block: if more are wanted, the whole block is parsed."""


class Batch(NamedTuple):
    """Records in their order, as bytes in their shortest form.

    Attributes:
        first: The number of the first, from 1.
        line: Each record, `pl.Binary`.
        key: Its fields that are the key, in the key's order, `pl.Binary`.
        blank: For each of those, whether it is null, empty or white space.
    """

    first: int
    line: pl.Series
    key: list[pl.Series]
    blank: list[Flags]


class Block(NamedTuple):
    """Where some records lie.

    Attributes:
        begin: The first byte, counted in the file.
        size: Their bytes, with the end of line that the last one of a file may lack.
        first: The number of the first, from 1.
        records: How many.
        plain: Whether no quote is among them, so that every LF ends one.
    """

    begin: int
    size: int
    first: int
    records: int
    plain: bool


class _Records(NamedTuple):
    """Records in their shortest form.

    Attributes:
        data: The bytes they stand in.
        begins: Where each begins.
        stops: Where each ends, its end of line left out.
        ends: Where each field ends, all records in one; the last of a record at its LF.
    """

    data: Bytes
    begins: Positions
    stops: Positions
    ends: Positions

    def lines(self) -> pl.Series:
        """Each record."""
        return pieces(self.data, self.begins, self.stops)

    def fields(self, number: int, width: int) -> tuple[Positions, Positions]:
        """Where each record's field begins and ends; counted from 0."""
        begins = self.ends[number - 1 :: width] + 1 if number else self.begins
        return begins, self.stops if number == width - 1 else self.ends[number::width]


def names_of(reader: Reader, source: DelimitedSource) -> tuple[str, ...]:
    """The names of the columns of an opened file, without reading it.

    Raises:
        SourceError: The first line is refused.
    """
    beginning = reader.peek(0, BLOCK_BYTES)
    if len(beginning) < reader.size:
        beginning = beginning[: beginning.rfind(b"\n") + 1]  # no line is taken for a whole one that is none
    texts = as_utf8(iter([beginning]), source.encoding, reader.where)
    return DelimitedScan(texts, None, delimiter_of(source), reader.where).names


def records_about(reader: Reader) -> int:
    """How many records an opened file may have, judged by its beginning."""
    beginning = reader.peek(0, BLOCK_BYTES)
    return reader.size * beginning.count(b"\n") // len(beginning)


def read_lines(reader: Reader, source: DelimitedSource, key: Sequence[int], take: Callable[[Batch], None]) -> Lines:
    """Read a file of UTF-8 once, from its first byte to its last.

    Args:
        reader: The opened file.
        source: Which one it is; without a layout.
        key: The numbers of columns, from 0.
        take: Gets every record.

    Raises:
        SourceError: Whatever is wrong with the file, as `extract` would say it.
    """
    blocks: list[Block] = []
    counted = _Passing(reader.blocks(BLOCK_BYTES))
    scan = DelimitedScan(as_utf8(counted, source.encoding, reader.where), None, delimiter_of(source), reader.where)
    names, width = scan.names, len(scan.names)
    begin = scan.begin + len(BOM) * (reader.peek(0, len(BOM)) == BOM)
    rows = 0
    for found in scan.found():
        if len(found.structure.quotes):
            parse(found.body, names, delimiter_of(source), reader.where)
        batch = _batch(_shortest(found, scan.grammar, width), key, width, rows + 1)
        plain = not len(found.structure.quotes)
        blocks.append(Block(begin, found.text_bytes, rows + 1, len(batch.line), plain))
        begin += found.text_bytes
        rows += len(batch.line)
        take(batch)
    if rows != scan.records or scan.lines - counted.lines != counted.lacks_end:
        raise disagree(reader.where)
    return Lines(
        where=reader.where,
        held=Held(reader),
        names=names,
        grammar=scan.grammar,
        blocks=blocks,
        preflight=scan.preflight(reader.size, reader.sha256),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The records of an open delimited file.

    Attributes:
        where: The file, for messages.
        held: The file.
        names: Of its columns.
        grammar: How it is delimited.
        blocks: Where the records lie, in their order.
        preflight: What the scanner found.
    """

    where: str
    held: Held
    names: tuple[str, ...]
    grammar: Grammar
    blocks: list[Block]
    preflight: Preflight

    @property
    def delimiter(self) -> str:
        """The character."""
        return chr(self.grammar.delimiter)

    def rows(self, hashed: Callable[[pl.Series], pl.Series]) -> pl.LazyFrame:
        """All records: ROW, the columns as text exactly as it stands, and LINE.

        Read anew each time: of a filter by ROW alone, only the records that pass are parsed.

        Args:
            hashed: Lines in their shortest form (`pl.Binary`) -> `pl.UInt64`.
        """

        def source(
            columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _size: int | None
        ) -> Iterator[pl.DataFrame]:
            by_row = predicate is not None and predicate.meta.root_names() == [ROW]
            wanted = _passing(predicate, self.preflight.records) if by_row and predicate is not None else None
            left = self.preflight.records if rows is None else rows
            for frame in self.read(wanted, hashed):
                found = frame if predicate is None or by_row else frame.filter(predicate)
                found = found.head(left)
                left -= found.height
                yield found if columns is None else found.select(columns)
                if not left:
                    return

        schema = {ROW: pl.UInt32(), **dict.fromkeys(self.names, pl.String()), LINE: pl.UInt64()}
        return register_io_source(source, schema=schema)

    def read(self, wanted: Positions | None, hashed: Callable[[pl.Series], pl.Series]) -> Iterator[pl.DataFrame]:
        """Some records, or all, as `rows` has them; at least one frame.

        Args:
            wanted: Their numbers, ascending; None for all.
            hashed: As for `rows`.

        Raises:
            SourceError: E_UNSTABLE, the file is not what it was; E_COUNT, parser and scanner do not agree.
        """
        yield pl.DataFrame(schema={ROW: pl.UInt32(), **dict.fromkeys(self.names, pl.String()), LINE: pl.UInt64()})
        if wanted is None:
            for block in self.blocks:
                yield self._frame(block, None, hashed)
            return
        begins = np.searchsorted(wanted, [block.first for block in self.blocks]).tolist()
        mine = [wanted[a:b] for a, b in pairwise([*begins, len(wanted)])]
        chosen = [(block, rows - block.first) for block, rows in zip(self.blocks, mine, strict=True) if len(rows)]
        with ThreadPoolExecutor(_THREADS) as pool:
            ahead: deque[Future[pl.DataFrame]] = deque()
            for block, rows in chosen:
                ahead.append(pool.submit(self._frame, block, rows, hashed))
                if len(ahead) > _THREADS:  # no more wait than are read
                    yield ahead.popleft().result()
            yield from (one.result() for one in ahead)

    def _frame(self, block: Block, chosen: Positions | None, hashed: Callable[[pl.Series], pl.Series]) -> pl.DataFrame:
        rows = np.arange(block.records) if chosen is None else chosen
        if len(rows) <= _MOST_SINGLE * block.records:
            structure, among = self._structure(self._alone(block, rows), len(rows)), np.arange(len(rows))
        else:
            structure, among = self._structure(self._text(block), block.records), rows
        found = Found.of(structure, len(structure.line_ends), len(self.names), len(self.grammar.end_of_line))
        frame = parse(found.body, self.names, self.delimiter, self.where)
        frame = frame.with_columns(hashed(_shortest(found, self.grammar, len(self.names)).lines()).alias(LINE))
        if len(among) < frame.height:
            frame = frame[among]
        return frame.insert_column(0, pl.Series(ROW, rows + block.first, dtype=pl.UInt32))

    def count(self, wanted: Mapping[str, Collection[str]]) -> dict[str, Counted]:
        """How many of all records have certain texts in certain columns: all columns in one reading.

        Args:
            wanted: Column -> texts.

        Raises:
            SourceError: E_UNSTABLE, the file is not what it was.
        """
        tallies = {name: Tally.of(texts, self.delimiter) for name, texts in wanted.items()}
        with ThreadPoolExecutor(_THREADS) as pool:
            for found in pool.map(lambda block: self._count(block, tallies), self.blocks):
                for name, (filled, each) in found.items():
                    tallies[name].add(filled, each)
        return {name: tally.counted() for name, tally in tallies.items()}

    def _count(self, block: Block, tallies: Mapping[str, Tally]) -> dict[str, tuple[int, Positions]]:
        width = len(self.names)
        found = Found.of(
            self._structure(self._text(block), block.records), block.records, width, len(self.grammar.end_of_line)
        )
        records = _shortest(found, self.grammar, width)
        words = words_of(records.data)
        spans = {name: records.fields(self.names.index(name), width) for name in tallies}
        return {
            name: (int(np.count_nonzero(ends > begins)), tallies[name].among(records.data, words, begins, ends))
            for name, (begins, ends) in spans.items()
        }

    def _alone(self, block: Block, rows: Positions) -> bytes:
        """Some records of a block, counted from 0, and no others."""
        text = self._text(block)
        if block.plain:
            lines = np.flatnonzero(np.frombuffer(text, np.uint8) == LF)
        else:
            lines = self._structure(text, block.records).line_ends
        if len(lines) != block.records:
            raise self._changed()
        begins = np.where(rows > 0, lines[rows - 1] + 1, 0)
        return b"".join(text[a : b + 1] for a, b in zip(begins.tolist(), lines[rows].tolist(), strict=True))

    def _text(self, block: Block) -> bytes:
        text = self.held.read(block.begin, block.size)
        self.held.check_unchanged()
        return text if text.endswith(b"\n") else text + self.grammar.end_of_line

    def _structure(self, text: bytes, records: int) -> Structure:
        try:
            structure = self.grammar.read(text, len(self.names))
        except MalformedError:
            raise self._changed() from None
        if len(structure.line_ends) != records:
            raise self._changed()
        return structure

    def _changed(self) -> SourceError:
        problem = "got other records than when it was first read, expected a finished file"
        return SourceError(self.where, problem, hint="is the disk sound? Run again", code="E_UNSTABLE")


class _Passing:
    """Blocks on their way to the scanner, and how many ends of line went by: counted without it."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.lines = 0
        self.lacks_end = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = next(self._blocks)
        self.lines += int(np.count_nonzero(np.frombuffer(block, np.uint8) == LF))
        self.lacks_end = not block.endswith(b"\n")
        return block


def _batch(records: _Records, key: Sequence[int], width: int, first: int) -> Batch:
    spans = [records.fields(number, width) for number in key]
    fields = [pieces(records.data, *span) for span in spans]
    blank = [_blank(one, records.data, *span) for one, span in zip(fields, spans, strict=True)]
    return Batch(first, records.lines(), fields, blank)


def _shortest(found: Found, grammar: Grammar, width: int) -> _Records:
    """Records without the quotes that they do not need."""
    structure, cut = found.structure, found.text_bytes
    data, ends = structure.data[:cut], structure.ends[: found.records * width]
    lines = structure.line_ends[: found.records]
    before = len(grammar.end_of_line) - 1
    if len(structure.quotes):
        gone = _needless(data, ends, grammar, width)
        kept = np.ones(cut, np.bool_)
        kept[gone] = False
        data = data[kept]
        ends = ends - np.searchsorted(gone, ends)
        lines = ends[width - 1 :: width]
    begins = np.concatenate((np.zeros(1, np.int64), lines[:-1] + 1))
    return _Records(data, begins, lines - before, ends)


def _needless(data: Bytes, ends: Positions, grammar: Grammar, width: int) -> Positions:
    """The quotes around fields that hold something, and nothing that means something; ascending."""
    begins = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    quoted = np.flatnonzero(data[begins] == QUOTE)
    stops = ends[quoted] - (len(grammar.end_of_line) - 1) * (quoted % width == width - 1)
    begins = begins[quoted]
    marks = np.flatnonzero((data == QUOTE) | (data == grammar.delimiter) | (data == LF) | (data == CR))
    inside = np.searchsorted(marks, stops) - np.searchsorted(marks, begins) - 2
    bare = (inside == 0) & (stops - begins > len('""'))
    return np.column_stack((begins[bare], stops[bare] - 1)).ravel()


def _blank(field: pl.Series, data: Bytes, begins: Positions, ends: Positions) -> Flags:
    """Whether each field is nothing, or quotes around nothing, or white space as Unicode has it."""
    head = data[begins]
    blank = (begins == ends) | (head <= 0x20) | (head >= 0x80) | (head == QUOTE)
    if blank.any():  # else it begins with a visible sign of ASCII
        text = field.filter(pl.Series(blank)).cast(pl.String)
        inner = text.str.strip_prefix('"').str.strip_suffix('"')
        blank[blank] = (inner.str.strip_chars() == "").to_numpy()
    return np.asarray(blank, np.bool_)


def _passing(predicate: pl.Expr, records: int) -> Positions:
    """The numbers of the records that pass a filter by ROW."""
    parts = []
    for first in range(1, records + 1, _ROWS_AT_ONCE):
        every = pl.int_range(first, min(first + _ROWS_AT_ONCE, records + 1), dtype=pl.UInt32, eager=True).alias(ROW)
        parts.append(every.to_frame().filter(predicate)[ROW].to_numpy())
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)
