"""The byte-level scanners: they count records without any parser, and check what the file says of itself.

The engine trusts no reader alone (`reference/reliability.md` E-1), so a parser's rows must equal what is counted here
on bytes. Both scanners read a file once, in bounded memory, and hand on the very bytes they have checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from reconcile.errors import DeclarationError, SourceError
from reconcile.extract.envelope import control_total, read_items, settle
from reconcile.extract.reading import Reader
from reconcile.extract.structure import CR, QUOTE, Bytes, Flags, Grammar, MalformedError, Positions, Structure, refuse
from reconcile.model import ROW, Column, Envelope, Layout, Preflight

FIELD_BYTES = 4 * 1024  # with a layout: no item of 本人確認情報 comes near (reference/reliability.md F028)
FIELD_BYTES_UNDECLARED = 1024 * 1024
RECORDS_A_BLOCK = 4_096
_LONGEST_NUMBER = 18  # digits; a longer value is no code and counts 0 in a control total
_REWRITE = "the file may be cut: have it written again"


@dataclass(frozen=True, slots=True)
class Body:
    """Whole data records, checked. `value_bytes`: all values together, quotes, delimiters and ends of line left out."""

    text: bytes
    records: int
    value_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """Whole data records, checked: the first `records` of a text. `value_bytes` as in `Body`."""

    structure: Structure
    records: int
    value_bytes: int

    @classmethod
    def of(cls, structure: Structure, records: int, width: int, line_break: int) -> Found:
        """Records that have `width` fields each, and ends of line of `line_break` bytes."""
        cut = structure.cut(records)
        quotes = int(np.searchsorted(structure.quotes, cut))
        pairs = int(np.searchsorted(structure.pairs, cut))
        # Every end but those of lines is one delimiter; of the quotes, one of each pair is text.
        marks = records * (width - 1 + line_break) + quotes - pairs
        return cls(structure, records, cut - marks)

    @property
    def text_bytes(self) -> int:
        """How many bytes of the text they are."""
        return self.structure.cut(self.records)

    @property
    def body(self) -> Body:
        """The records alone."""
        return Body(self.structure.text[: self.text_bytes], self.records, self.value_bytes)


class DelimitedScan:
    """A delimited text, read once. Make it, read `names`, consume `bodies` or `found`, then ask for `preflight`.

    `begin` is where the data begins, in bytes; `lines` how many ends of line have been passed.

    With a layout, its header and trailer records, its column names in their order and its end of line are required;
    without one, the first record names the columns, and the last line may lack its end.
    """

    def __init__(self, texts: Iterator[bytes], layout: Layout | None, delimiter: str, where: str) -> None:
        """Read up to and including the column names.

        Args:
            texts: Blocks of UTF-8, none ending within a character (`extract.encoding`).
            layout: Of the source, or None.
            delimiter: One ASCII character.
            where: The file, for messages.

        Raises:
            SourceError: E_HEADER and everything that `bodies` raises.
            DeclarationError: A delimiter or an end of line that cannot be one.
        """
        end_of_line = layout.end_of_record if layout else ""
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in '"\r\n':
            raise DeclarationError(where, f"got the delimiter {delimiter!r}, expected one like ',' or a tab")
        if end_of_line not in ("", "\n", "\r\n"):
            raise DeclarationError(where, f"got the end of line {end_of_line!r}, expected LF or CRLF")
        self._texts = texts
        self._layout = layout
        self._where = where
        size = FIELD_BYTES if layout else FIELD_BYTES_UNDECLARED
        self._grammar = Grammar(ord(delimiter), end_of_line.encode(), size)
        self.lines = 0  # ends of line before the text at hand
        self._total = 0
        self._header: Mapping[str, str] = {}
        self._trailer: Mapping[str, str] = {}
        self._rest = b""
        self.records = 0
        self.names: tuple[str, ...] = ()
        self.names = self._begin()
        self._control: tuple[int, int] | None = None  # the column of codes, from 0, and the modulus of their total
        if layout and layout.control_column:
            self._control = self.names.index(layout.control_column), layout.control_modulus

    @property
    def grammar(self) -> Grammar:
        """How the text is delimited; its end of line is known once the names are."""
        return self._grammar

    def bodies(self) -> Iterator[Body]:
        """All data records in order, in blocks that end between records.

        Raises:
            SourceError: As `found`.
        """
        return (found.body for found in self.found())

    def found(self) -> Iterator[Found]:
        """All data records in order, in blocks that end between records, with what stands where in them.

        Raises:
            SourceError: E_CONTROL_CHAR, E_EOL, E_QUOTE, E_COLUMNS, E_FIELD_SIZE with the line; E_TRUNCATED at the end;
                E_COUNT or E_CONTROL where an item of the trailer is not written in digits.
        """
        # With a trailer the last record is always held back: only the end of the file shows which one it is.
        held = 1 if self._layout and self._layout.trailer else 0
        text, self._rest = self._rest, b""
        for more in chain((b"",), self._texts):
            text += more
            structure = self._structure(text)
            records = len(structure.line_ends) - held
            if records > 0:
                yield self._found(structure, records)
                text = self._after(structure, records)
        if held:
            self._end_with_trailer(text)
        elif text:
            structure = self._structure(self._completed(text))
            yield self._found(structure, 1)
            self._after(structure, 1)

    def preflight(self, source_bytes: int, sha256: str) -> Preflight:
        """What was found, once `bodies` is exhausted.

        Raises:
            SourceError: E_COUNT, E_CONTROL: the file states another number of records or another control total.
        """
        found = Preflight(records=self.records, source_bytes=source_bytes, sha256=sha256, control_total=self._total)
        return settle(self._where, self._header, self._trailer, found)

    def _begin(self) -> tuple[str, ...]:
        layout = self._layout
        wanted = 2 if layout and layout.header else 1
        text = next(self._texts, b"")
        # First no more than these lines: if they are not what was declared, that says more than what follows them.
        structure = self._structure(_first_lines(text, wanted))
        while len(structure.line_ends) < wanted:
            structure = self._structure(text)
            if len(structure.line_ends) >= wanted:
                break
            more = next(self._texts, None)
            if more is None and not text:
                raise SourceError(self._where, "got an empty file, expected records", code="E_EMPTY")
            text = self._completed(text) if more is None else text + more
        if layout and layout.header:
            self._header = self._items(structure.fields(0), layout, layout.header, "header")
        names = structure.fields(wanted - 1)
        where = f"{self._where}, line {wanted}"
        if layout:
            _check_declared_names(names, [column.source for column in layout.columns], where)
        else:
            check_names(names, where)
        cut = structure.cut(wanted)
        self.lines = text.count(b"\n", 0, cut)
        self.begin = cut
        self._rest = text[cut:]
        return tuple(column.name for column in layout.columns) if layout else tuple(names)

    def _end_with_trailer(self, text: bytes) -> None:
        structure = self._structure(text)
        if not len(structure.line_ends) or structure.cut(1) != len(text):
            raise SourceError(self._where, "the last record is not complete", hint=_REWRITE, code="E_TRUNCATED")
        if self._layout and self._layout.trailer:
            self._trailer = self._items(structure.fields(0), self._layout, self._layout.trailer, "trailer")

    def _items(self, fields: list[str], layout: Layout, envelope: Envelope, name: str) -> Mapping[str, str]:
        width = 1 + max((slot.offset for slot in envelope.slots.values()), default=0)
        if fields[0] != envelope.mark or len(fields) != width:
            raise _no_envelope(self._where, envelope, name)
        return read_items(envelope, layout, f"{self._where}, {name}", lambda offset, _: fields[offset])

    def _completed(self, text: bytes) -> bytes:
        """The last line with the end that it lacks, where that is allowed."""
        structure = self._structure(text)
        if structure.open_quote:
            raise self._refused(
                text, MalformedError(int(structure.quotes[-1]), "a quoted field does not end", "E_QUOTE")
            )
        if self._layout or text.endswith(b"\r"):
            raise SourceError(self._where, "the last record is not complete", hint=_REWRITE, code="E_TRUNCATED")
        return text + (self._grammar.end_of_line or b"\n")

    def _structure(self, text: bytes) -> Structure:
        try:
            structure = self._grammar.read(text, len(self.names))
        except MalformedError as error:
            raise self._refused(text, error) from None
        if not self._grammar.end_of_line and len(structure.line_ends):
            first = int(structure.line_ends[0])
            end_of_line = b"\r\n" if text[first - 1 : first] == b"\r" else b"\n"
            self._grammar = Grammar(self._grammar.delimiter, end_of_line, self._grammar.field_bytes)
        return structure

    def _refused(self, text: bytes, error: MalformedError) -> SourceError:
        line = self.lines + text.count(b"\n", 0, error.position) + 1
        return SourceError(f"{self._where}, line {line}", error.problem, code=error.code)

    def _after(self, structure: Structure, records: int) -> bytes:
        """What follows the first `records` records; their lines are passed."""
        cut = structure.cut(records)
        # Without quotes, every end of line ends a record.
        self.lines += structure.text.count(b"\n", 0, cut) if len(structure.quotes) else records
        return structure.text[cut:]

    def _found(self, structure: Structure, records: int) -> Found:
        """The first `records` records, once each of them has as many fields as there are names."""
        width = len(self.names)
        cut = structure.cut(records)
        ends = structure.ends[: np.searchsorted(structure.ends, cut)]
        lines = structure.line_ends[:records]
        begins = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
        line_break = len(self._grammar.end_of_line)
        try:
            if not np.array_equal(ends[width - 1 :: width], lines):
                _refuse_widths(ends, lines, width, line_break)
            if width == 1:
                refuse(lines + 1 - begins == line_break, begins, "got a blank line", "E_COLUMNS")
        except MalformedError as error:
            raise self._refused(structure.text, error) from None
        if self._control:
            column, modulus = self._control
            digits, lengths = _numbers(structure.data, begins[column::width], ends[column::width])
            self._total = (self._total + control_total(digits, lengths, modulus)) % modulus
        self.records += records
        return Found.of(structure, records, width, line_break)


def _first_lines(text: bytes, count: int) -> bytes:
    end = 0
    for _ in range(count):
        end = text.find(b"\n", end) + 1 or len(text)
    return text[:end]


def _check_declared_names(names: list[str], expected: list[str], where: str) -> None:
    # What was got is never quoted: where the header is missing, it is a resident.
    if len(names) != len(expected):
        raise SourceError(where, f"got {len(names)} columns, expected {len(expected)}", code="E_HEADER")
    for number, (name, other) in enumerate(zip(names, expected, strict=True), 1):
        if name != other:
            raise SourceError(where, f"column {number} is not named {other!r}", code="E_HEADER")


def check_names(names: list[str], where: str) -> None:
    """Refuse names of columns that are empty, ours, patterns to polars, or the same but for case.

    Raises:
        SourceError: E_HEADER. Columns are told by their number: where a header is missing, a name is a resident.
    """
    seen: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        # polars takes `*` and `^…$` for patterns of names: such a column would be compared as others, and come out equal.
        pattern = name == "*" or (name.startswith("^") and name.endswith("$"))
        if name in ("", ROW) or pattern:
            raise SourceError(where, f"column {number} has no name that can be used", code="E_HEADER")
        # Names that differ by case only are a trap for every reader after us (reference/peers.md §5, 27).
        first = seen.setdefault(name.casefold(), number)
        if first != number:
            raise SourceError(where, f"columns {first} and {number} have the same name", code="E_HEADER")


def _refuse_widths(ends: Positions, lines: Positions, width: int, line_break: int) -> None:
    counts = np.diff(np.searchsorted(ends, lines, side="right"), prepend=0)
    begins = np.concatenate((np.zeros(1, np.int64), lines[:-1] + 1))
    refuse((counts == 1) & (lines + 1 - begins == line_break), begins, "got a blank line", "E_COLUMNS")
    bad = counts != width
    refuse(bad, begins, f"got {counts[np.argmax(bad)]} fields, expected {width}", "E_COLUMNS")


def _numbers(data: Bytes, begins: Positions, ends: Positions) -> tuple[Bytes, Positions]:
    """The fields from `begins` to `ends` as a matrix of bytes and a length each, without quotes and CR."""
    quoted = (data[begins] == QUOTE).astype(np.int64)
    lengths = ends - begins - ((data[ends - 1] == CR) & (ends > begins)) - 2 * quoted
    lengths[lengths > _LONGEST_NUMBER] = 0
    places = (begins + quoted)[:, None] + np.arange(lengths.max(initial=0))
    return data[np.minimum(places, len(data) - 1)], lengths


def _no_envelope(where: str, envelope: Envelope, name: str) -> SourceError:
    place, code, hint = ("first", "E_HEADER", "") if name == "header" else ("last", "E_TRUNCATED", _REWRITE)
    problem = f"the {place} record is no {name}, expected the mark {envelope.mark!r} and its items"
    return SourceError(where, problem, hint=hint, code=code)


class FixedScan:
    """A file of records of one length, read once: consume `bodies`, then ask for `preflight`.

    A record is `record_bytes` of the layout, followed by its `end_of_record` if it has one.
    """

    def __init__(self, reader: Reader, layout: Layout) -> None:
        """Check the size of the file.

        Raises:
            SourceError: E_CONTROL_CHAR, the file ends in NUL or 1A; E_TRUNCATED, it is too short for its envelope.
        """
        self._reader = reader
        self._layout = layout
        self._where = reader.where
        self._end = layout.end_of_record.encode()
        self._stride = layout.record_bytes + len(self._end)
        self._total = 0
        self._header: Mapping[str, str] = {}
        self._trailer: Mapping[str, str] = {}
        self._control = next((c for c in layout.columns if c.name == layout.control_column), None)
        self._all_records, self._over = divmod(reader.size, self._stride)
        self.records = self._all_records - (layout.header is not None) - (layout.trailer is not None)
        self._check_size()

    def bodies(self) -> Iterator[tuple[int, Bytes]]:
        """All data records in order: the number of the first one, from 1, and (n, record bytes) as they stand.

        Raises:
            SourceError: E_HEADER; E_RECLEN with the record; E_TRUNCATED, no trailer or no whole number of records;
                E_COUNT or E_CONTROL where an item is not written in digits.
        """
        header, trailer = self._layout.header, self._layout.trailer
        passed = 0
        number = 1
        for block in self._reader.blocks(self._stride * RECORDS_A_BLOCK):
            # A file that shrinks meanwhile gives a broken record here; `blocks` refuses it at its end.
            records = np.frombuffer(block, np.uint8, len(block) // self._stride * self._stride)
            records = records.reshape(-1, self._stride)
            self._check_ends(records, passed + 1)
            first, last = passed == 0, passed + len(records) == self._all_records
            passed += len(records)
            if first and header:
                self._header = self._items(records[0], header, "header")
                records = records[1:]
            if last and self._over:
                # No whole number of records. If one is too short or too long, its successor told by now.
                self._check_marks(records[:-1], number)
                raise self._cut()
            if last and trailer:
                self._trailer = self._items(records[-1], trailer, "trailer")
                records = records[:-1]
            if len(records):
                self._check_marks(records, number)
                self._add_to_total(records)
                yield number, records
            number += len(records)

    def preflight(self) -> Preflight:
        """What was found, once `bodies` is exhausted.

        Raises:
            SourceError: E_COUNT, E_CONTROL: the file states another number of records or another control total.
        """
        found = Preflight(
            records=self.records,
            source_bytes=self._reader.size,
            sha256=self._reader.sha256,
            control_total=self._total,
        )
        return settle(self._where, self._header, self._trailer, found)

    def _check_size(self) -> None:
        last = self._over or self._stride
        tail = self._reader.peek(self._reader.size - last, last)
        if not tail.strip(b"\x00\x1a"):  # what a preallocated file, or CP/M, leaves at the end
            raise SourceError(self._where, "got NUL or 1A at the end, expected a record", code="E_CONTROL_CHAR")
        if self.records < 0:
            raise self._cut()

    def _cut(self) -> SourceError:
        problem = f"got {self._reader.size} bytes, expected whole records of {self._stride}, header and trailer"
        return SourceError(self._where, problem, hint=_REWRITE, code="E_TRUNCATED")

    def _check_ends(self, records: Bytes, number: int) -> None:
        if self._end:
            good = records[:, self._layout.record_bytes :] == np.frombuffer(self._end, np.uint8)
            self._refuse(good, number, "does not end as declared")

    def _check_marks(self, records: Bytes, number: int) -> None:
        if mark := self._layout.record_mark.encode():
            good = records[:, : len(mark)] == np.frombuffer(mark, np.uint8)
            self._refuse(good, number, "does not begin with the mark of a data record")

    def _refuse(self, good: Flags, number: int, problem: str) -> None:
        if not good.all():  # row by row is ten times as slow, and only to name one
            where = f"{self._where}, record {number + int(np.argmin(good.all(axis=1)))}"
            raise SourceError(where, problem, hint=f"records have {self._stride} bytes", code="E_RECLEN")

    def _items(self, record: Bytes, envelope: Envelope, name: str) -> Mapping[str, str]:
        text = record.tobytes().decode("latin-1")  # a byte a character: what is not ASCII fails as "not digits"
        if not text.startswith(envelope.mark):
            raise _no_envelope(self._where, envelope, name)
        where = f"{self._where}, {name}"
        return read_items(envelope, self._layout, where, lambda offset, length: text[offset : offset + length])

    def _add_to_total(self, records: Bytes) -> None:
        if self._control:
            digits, lengths = trimmed(records, self._control)
            modulus = self._layout.control_modulus
            self._total = (self._total + control_total(digits, lengths, modulus)) % modulus


def trimmed(records: Bytes, column: Column) -> tuple[Bytes, Positions]:
    """The bytes of an ASCII column, (n, length), and the length of each value without the spaces that fill it up."""
    cells = np.ascontiguousarray(records[:, column.offset : column.offset + column.length])
    lengths = np.full(len(cells), column.length)
    # From the end, and only the values that have been spaces so far: most have none.
    blank = np.flatnonzero(cells[:, -1] == ord(" "))
    for place in range(column.length - 1, 0, -1):
        lengths[blank] = place
        blank = blank[cells[blank, place - 1] == ord(" ")]
    lengths[blank] = 0
    return cells, lengths
