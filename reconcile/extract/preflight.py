"""The byte-level scanners: they count records without any parser, and refuse what two readers might read differently.

Six CSV readers were given 29 damaged or unusual files; none was right on all (`reference/reliability.md` E-1). So the
engine trusts none of them alone: these scanners know only bytes, and a parser's rows must equal their count. They work
in bounded memory and hand on the very bytes they have checked.

How a delimited text is read, as RFC 4180 has it, without its tolerance: a quote opens only at the beginning of a field
and closes only at its end; within quotes, delimiters and ends of line are text, and `""` is one quote. Whether a byte
lies within quotes is the parity of the quotes before it, so that one cumulative sum settles a whole block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from reconcile.errors import DeclarationError, SourceError
from reconcile.extract.envelope import read_items, settle
from reconcile.model import Layout, Preflight

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]

FIELD_BYTES = 4 * 1024  # with a layout: no item of 本人確認情報 comes near (reference/reliability.md F028)
FIELD_BYTES_UNDECLARED = 1024 * 1024
_QUOTE, _TAB, _LF, _CR, _DELETE = (ord(c) for c in '"\t\n\r\x7f')
_LONGEST_NUMBER = 18  # digits; longer ones are no codes and count 0 in a control total


def control_total(digits: Bytes, lengths: Positions, modulus: int) -> int:
    """The sum, modulo `modulus`, of numbers written in ASCII digits.

    Args:
        digits: (n, width) bytes; row i holds its number in its first `lengths[i]` bytes.
        lengths: (n,) bytes of each number.
        modulus: Of the layout; below 2**32, so that neither a digit more nor a sum of a block leaves 64 bits.

    Returns:
        The sum. A value that is empty or has anything but digits counts 0: it becomes a reject, later.

    Raises:
        DeclarationError: The modulus is out of range.
    """
    if not 1 <= modulus < 2**32:
        raise DeclarationError("control_modulus", f"got {modulus}, expected 1 to 2**32 - 1")
    values = np.zeros(len(digits), np.uint64)
    valid = np.ones(len(digits), np.bool_)
    for place in range(digits.shape[1]):
        within = place < lengths
        digit = digits[:, place] - np.uint8(ord("0"))  # wraps: all but digits become greater than 9
        valid &= (digit <= 9) | ~within
        values = np.where(within, (values * np.uint64(10) + digit) % np.uint64(modulus), values)
    return int(values[valid].sum()) % modulus


@dataclass(frozen=True, slots=True)
class Body:
    """Whole data records, checked. `value_bytes`: the length of all values together, quotes and delimiters left out."""

    text: bytes
    records: int
    value_bytes: int


@dataclass(frozen=True, slots=True)
class _Structure:
    """What stands where in a text that begins with a record: positions of bytes, ascending.

    `ends`: every delimiter and LF outside quotes; `line_ends`: the LF among them; `quotes`: every quote; `pairs`: the
    second quote of every `""` within a quoted field. `open_quote`: the text ends within quotes.
    """

    text: bytes
    data: Bytes
    ends: Positions
    line_ends: Positions
    quotes: Positions
    pairs: Positions
    open_quote: bool

    def fields(self, record: int) -> list[str]:
        """One record as texts. For the few records that are not data."""
        begin = int(self.line_ends[record - 1]) + 1 if record else 0
        stop = int(self.line_ends[record])
        own = self.ends[np.searchsorted(self.ends, begin) : np.searchsorted(self.ends, stop, side="right")]
        begins = [begin, *(int(end) + 1 for end in own[:-1])]
        return [_unquoted(self.text[a:b]) for a, b in zip(begins, own, strict=True)]


def _unquoted(field: bytes) -> str:
    text = field.decode("utf-8").removesuffix("\r")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


class DelimitedScan:
    """A delimited text, read once. Make it, read `names`, consume `bodies`, then ask for `preflight`.

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
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n' or delimiter.isalnum():
            raise DeclarationError(where, f"got the delimiter {delimiter!r}, expected one like ',' or a tab")
        if end_of_line not in ("", "\n", "\r\n"):
            raise DeclarationError(where, f"got the end of line {end_of_line!r}, expected LF or CRLF")
        self._texts = texts
        self._layout = layout
        self._where = where
        self._delimiter = ord(delimiter)
        self._end_of_line = end_of_line.encode()
        self._field_bytes = FIELD_BYTES if layout else FIELD_BYTES_UNDECLARED
        self._lines = 0  # ends of line before the text at hand
        self.records = 0
        self._total = 0
        self._trailer: Mapping[str, str] = {}
        self._header: Mapping[str, str] = {}
        self._rest = b""
        self.names = self._begin()
        self._control = self._control_index()

    def bodies(self) -> Iterator[Body]:
        """All data records in order, in blocks that end between records.

        Raises:
            SourceError: E_CONTROL_CHAR, E_EOL, E_QUOTE, E_COLUMNS, E_FIELD_SIZE with the line; E_TRUNCATED at the end;
                E_COUNT or E_CONTROL where the trailer's own items are not digits.
        """
        # With a trailer the last record is always held back: only the end of the file shows which one it is.
        held = 1 if self._layout is not None and self._layout.trailer is not None else 0
        text, self._rest = self._rest, b""
        for more in chain((b"",), self._texts):
            text += more
            if not text:
                continue
            structure = self._structure(text)
            records = len(structure.line_ends) - held
            if records > 0:
                yield self._body(structure, records)
                text = self._after(structure, records)
        if held:
            self._end_with_trailer(text)
        elif text:
            text = self._completed(text)
            yield self._body(self._structure(text), 1)

    def preflight(self, source_bytes: int, sha256: str) -> Preflight:
        """What was found, once `bodies` is exhausted.

        Raises:
            SourceError: E_COUNT, E_CONTROL: the file states another number of records or another control total.
        """
        found = Preflight(
            records=self.records, source_bytes=source_bytes, sha256=sha256, control_total=self._total
        )
        return settle(self._where, self._header, self._trailer, found)

    # ------------------------------------------------------------------------------------- the records that are not data

    def _begin(self) -> tuple[str, ...]:
        envelope = self._layout.header if self._layout else None
        wanted = 1 if envelope is None else 2
        text = b""
        while True:
            more = next(self._texts, None)
            if more is None:
                if not text:
                    raise SourceError(self._where, "got an empty file, expected records", code="E_EMPTY")
                text = self._completed(text)
            text += more or b""
            structure = self._structure(text)
            if len(structure.line_ends) >= wanted:
                break
        if self._layout and envelope:
            self._header = self._items(structure.fields(0), envelope.mark, "header", "E_HEADER")
        names = structure.fields(wanted - 1)
        self._check_names(names, f"{self._where}, line {wanted}")
        self._rest = self._after(structure, wanted)
        return tuple(c.name for c in self._layout.columns) if self._layout else tuple(names)

    def _end_with_trailer(self, text: bytes) -> None:
        structure = self._structure(text) if text else None
        if structure is None or not len(structure.line_ends) or int(structure.line_ends[0]) + 1 != len(text):
            raise self._truncated("the file does not end with the end of a line")
        self._trailer = self._items(structure.fields(0), "", "trailer", "E_TRUNCATED")

    def _items(self, fields: list[str], mark: str, name: str, code: str) -> Mapping[str, str]:
        layout = self._layout
        envelope = None if layout is None else layout.header if name == "header" else layout.trailer
        if layout is None or envelope is None:
            return {}
        expected = 1 + max((slot.offset for slot in envelope.slots.values()), default=0)
        if fields[0] != envelope.mark or len(fields) != expected:
            place = "first" if name == "header" else "last"
            raise SourceError(
                self._where,
                f"the {place} record is no {name}, expected {envelope.mark!r} and {expected - 1} items",
                hint="have the file written again" if mark else "the file may be cut: have it written again",
                code=code,
            )
        return read_items(envelope, layout, f"{self._where}, {name}", lambda offset, _: fields[offset])

    def _check_names(self, names: list[str], where: str) -> None:
        # What was got is never quoted: where the header is missing, it is a resident.
        if self._layout is not None:
            expected = [column.source for column in self._layout.columns]
            if len(names) != len(expected):
                raise SourceError(where, f"got {len(names)} columns, expected {len(expected)}", code="E_HEADER")
            for number, (name, other) in enumerate(zip(names, expected, strict=True), 1):
                if name != other:
                    raise SourceError(where, f"column {number} is not named {other!r}", code="E_HEADER")
            return
        if "" in names and len(names) == 1:
            raise SourceError(where, "got a blank line, expected the names of the columns", code="E_HEADER")
        seen: dict[str, int] = {}
        for number, name in enumerate(names, 1):
            if not name or name == "_row":
                raise SourceError(where, f"column {number} has no usable name", code="E_HEADER")
            # Names that differ by case only are a trap for every reader after us (reference/peers.md §5, 27).
            if other_number := seen.setdefault(name.casefold(), number) - number:
                raise SourceError(
                    where, f"columns {number + other_number} and {number} have the same name", code="E_HEADER"
                )

    def _completed(self, text: bytes) -> bytes:
        """The last line with the end it lacks, where that is allowed."""
        structure = self._structure(text)
        if structure.open_quote:
            line = self._line(text, int(structure.quotes[-1]))
            raise SourceError(f"{self._where}, line {line}", "a quoted field does not end", code="E_QUOTE")
        if self._layout is not None or text.endswith(b"\r"):
            raise self._truncated("the file does not end with the end of a line")
        return text + (self._end_of_line or b"\n")

    def _truncated(self, problem: str) -> SourceError:
        return SourceError(self._where, problem, hint="the file may be cut: have it written again", code="E_TRUNCATED")

    # ------------------------------------------------------------------------------------------------------ the data

    def _structure(self, text: bytes) -> _Structure:
        data = np.frombuffer(text, np.uint8)
        special = (data < 0x20) | (data == _QUOTE) | (data == _DELETE)
        if self._delimiter >= 0x20:
            special |= data == self._delimiter
        at = np.flatnonzero(special)
        kind = data[at]
        control = ((kind < 0x20) & (kind != _TAB) & (kind != _LF) & (kind != _CR)) | (kind == _DELETE)
        self._refuse(control, at, text, "got a control character", "E_CONTROL_CHAR")
        is_quote = kind == _QUOTE
        outside = (np.cumsum(is_quote, dtype=np.int32) & 1) == 0
        quotes, pairs = self._quotes(text, data, at, is_quote, outside)
        is_line = (kind == _LF) & outside
        self._check_ends_of_line(text, data, at, (kind == _CR) & outside, is_line)
        is_end = is_line | ((kind == self._delimiter) & outside)
        ends = at[is_end]
        self._check_field_sizes(text, ends, open_quote=bool(len(outside) and not outside[-1]))
        return _Structure(text, data, ends, at[is_line], quotes, pairs, bool(len(outside) and not outside[-1]))

    def _quotes(
        self, text: bytes, data: Bytes, at: Positions, is_quote: npt.NDArray[np.bool_], outside: npt.NDArray[np.bool_]
    ) -> tuple[Positions, Positions]:
        quotes = at[is_quote]
        if not len(quotes):
            return quotes, quotes
        closing = outside[is_quote]
        opens, closes = quotes[~closing], quotes[closing]
        before = np.where(opens > 0, data[opens - 1], _LF)
        bad = (before != self._delimiter) & (before != _LF) & (before != _QUOTE)
        self._refuse(bad, opens, text, "got a quote within a field that is not quoted", "E_QUOTE")
        closes = closes[closes + 1 < len(data)]
        after = data[closes + 1]
        bad = (after != self._delimiter) & (after != _LF) & (after != _CR) & (after != _QUOTE)
        self._refuse(bad, closes, text, "got text after the end of a quoted field", "E_QUOTE")
        return quotes, opens[before == _QUOTE]

    def _check_ends_of_line(
        self,
        text: bytes,
        data: Bytes,
        at: Positions,
        is_return: npt.NDArray[np.bool_],
        is_line: npt.NDArray[np.bool_],
    ) -> None:
        lines = at[is_line]
        after_return = (lines > 0) & (data[lines - 1] == _CR)
        if not self._end_of_line and len(lines):
            self._end_of_line = b"\r\n" if after_return[0] else b"\n"
        returns = at[is_return]
        returns = returns[returns + 1 < len(data)]  # the last byte of a block may be half an end of line
        if self._end_of_line == b"\n":
            self._refuse(np.ones(len(returns), np.bool_), returns, text, "got a CR, expected LF to end a line", "E_EOL")
        else:
            self._refuse(data[returns + 1] != _LF, returns, text, "got a CR without its LF", "E_EOL")
            self._refuse(~after_return, lines, text, "got LF, expected CRLF to end a line", "E_EOL")

    def _check_field_sizes(self, text: bytes, ends: Positions, *, open_quote: bool) -> None:
        begins = np.concatenate((np.zeros(1, np.int64), ends + 1))
        sizes = np.append(ends, len(text)) - begins
        large = sizes > self._field_bytes
        if open_quote and large.any() and int(np.argmax(large)) == len(ends):
            self._refuse(large, begins, text, f"a quoted field does not end within {self._field_bytes} bytes", "E_QUOTE")
        self._refuse(large, begins, text, f"got a field of more than {self._field_bytes} bytes", "E_FIELD_SIZE")

    def _body(self, structure: _Structure, records: int) -> Body:
        """The first `records` records, once every one of them has as many fields as there are names."""
        width = len(self.names)
        cut = int(structure.line_ends[records - 1]) + 1
        ends = structure.ends[: np.searchsorted(structure.ends, cut)]
        lines = structure.line_ends[:records]
        if len(ends) != records * width or not np.array_equal(ends[width - 1 :: width], lines):
            self._refuse_columns(structure, ends, lines)
        begins = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
        line_break = len(self._end_of_line)
        if width == 1:
            blank = lines + 1 - begins == line_break
            self._refuse(blank, begins, structure.text, "got a blank line", "E_COLUMNS")
        if self._control is not None:
            self._add_to_total(structure.data, begins[self._control :: width], ends[self._control :: width])
        self.records += records
        quotes = int(np.searchsorted(structure.quotes, cut))
        pairs = int(np.searchsorted(structure.pairs, cut))
        # Every end but those of lines is one delimiter; of the quotes, one of each pair is text.
        marks = len(ends) - records + records * line_break + quotes - pairs
        return Body(structure.text[:cut] if cut < len(structure.text) else structure.text, records, cut - marks)

    def _refuse_columns(self, structure: _Structure, ends: Positions, lines: Positions) -> None:
        counts = np.diff(np.searchsorted(ends, lines, side="right"), prepend=0)
        bad = int(np.argmax(counts != len(self.names)))
        begin = int(lines[bad - 1]) + 1 if bad else 0
        blank = int(lines[bad]) + 1 - begin == len(self._end_of_line)
        got = "a blank line" if blank else f"{counts[bad]} fields"
        where = f"{self._where}, line {self._line(structure.text, begin)}"
        raise SourceError(where, f"got {got}, expected {len(self.names)} fields", code="E_COLUMNS")

    def _add_to_total(self, data: Bytes, begins: Positions, ends: Positions) -> None:
        quoted = (data[begins] == _QUOTE).astype(np.int64)
        # A CR stands before the LF of a last column: in a field of digits it can be nothing else.
        returned = (data[ends - 1] == _CR) & (ends > begins)
        lengths = ends - returned - begins - 2 * quoted
        lengths[lengths > _LONGEST_NUMBER] = 0
        width = int(lengths.max(initial=0))
        places = (begins + quoted)[:, None] + np.arange(width)
        digits = data[np.minimum(places, len(data) - 1)]
        modulus = self._layout.control_modulus if self._layout else 1
        self._total = (self._total + control_total(digits, lengths, modulus)) % modulus

    def _control_index(self) -> int | None:
        if self._layout is None or not self._layout.control_column:
            return None
        return self.names.index(self._layout.control_column)

    def _after(self, structure: _Structure, records: int) -> bytes:
        """What follows the first `records` records; their lines are counted as passed."""
        cut = int(structure.line_ends[records - 1]) + 1
        self._lines += structure.text.count(b"\n", 0, cut)
        return structure.text[cut:]

    def _line(self, text: bytes, position: int) -> int:
        return self._lines + text.count(b"\n", 0, position) + 1

    def _refuse(self, bad: npt.NDArray[np.bool_], at: Positions, text: bytes, problem: str, code: str) -> None:
        """Raise for the first position that is bad, if there is one."""
        if bad.any():
            line = self._line(text, int(at[np.argmax(bad)]))
            raise SourceError(f"{self._where}, line {line}", problem, code=code)
