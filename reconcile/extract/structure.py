"""Where the fields and records of a delimited text begin and end, found on its bytes alone, a block at a time.

Read as RFC 4180 has it, without its tolerance: a quote opens only at the beginning of a field and closes only at its
end; within quotes, delimiters and ends of line are text, and `""` is one quote. Whether a byte lies within quotes is
the parity of the quotes before it, so that one cumulative sum settles a whole block.

Everything that two readers might read differently is refused: six CSV readers were given 29 damaged or unusual files,
and none was right on all (`reference/reliability.md` E-1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

QUOTE, TAB, LF, CR, DELETE = (ord(character) for character in '"\t\n\r\x7f')


class MalformedError(Exception):
    """What is wrong at a byte of a text: the scanner that knows the line turns it into a `SourceError`."""

    def __init__(self, position: int, problem: str, code: str) -> None:
        super().__init__(problem)
        self.position = position
        self.problem = problem
        self.code = code


def refuse(bad: Flags, at: Positions, problem: str, code: str) -> None:
    """Raise `MalformedError` for the first position that is bad, if there is one."""
    if bad.any():
        raise MalformedError(int(at[np.argmax(bad)]), problem, code)


@dataclass(frozen=True, slots=True)
class Structure:
    """What stands where in a text that begins with a record: positions of bytes, ascending.

    `ends`: every delimiter and LF outside quotes; `line_ends`: the LF among them; `quotes`: every quote; `pairs`: the
    second quote of every `""` within a quoted field. `open_quote`: the text ends within quotes. The last record may be
    incomplete.
    """

    text: bytes
    data: Bytes
    ends: Positions
    line_ends: Positions
    quotes: Positions
    pairs: Positions
    open_quote: bool

    def cut(self, records: int) -> int:
        """Where the first `records` records end, in bytes."""
        return int(self.line_ends[records - 1]) + 1 if records else 0

    def fields(self, record: int) -> list[str]:
        """One record, counted from 0, as texts. For the few records that are not data."""
        begin, after = self.cut(record), self.cut(record + 1)
        own = self.ends[np.searchsorted(self.ends, begin) : np.searchsorted(self.ends, after)]
        begins = [begin, *(int(end) + 1 for end in own[:-1])]
        return [_unquoted(self.text[a:b]) for a, b in zip(begins, own, strict=True)]


def _unquoted(field: bytes) -> str:
    text = field.decode("utf-8").removesuffix("\r")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a text is delimited. `end_of_line` empty: not known yet. `field_bytes`: the longest field, quotes included."""

    delimiter: int
    end_of_line: bytes
    field_bytes: int

    def read(self, text: bytes, width: int = 0) -> Structure:
        """The structure of `text`, which begins with a record and may end anywhere.

        Args:
            text: UTF-8, or another encoding in which no byte of a longer character is below 80.
            width: How many fields the records should have; where they do, and no quote is there, this is several times
                as fast. 0 for not known.

        Raises:
            MalformedError: E_CONTROL_CHAR (anything below a space but tab and ends of line, and DEL), E_QUOTE, E_EOL,
                E_FIELD_SIZE.
        """
        data = np.frombuffer(text, np.uint8) if text else np.zeros(0, np.uint8)
        return (self._plain(text, data, width) if width else None) or self._any(text, data)

    def _plain(self, text: bytes, data: Bytes, width: int) -> Structure | None:
        """The structure of a text of which nothing has to be looked at twice; None where something may have to.

        Every `width`-th mark ends a line, and there are no more bytes below a space than those, the CR before each
        where they belong there, and tabs: so there is no other end of line, and no control character.
        """
        if b'"' in text or b"\x7f" in text:
            return None
        ends = np.flatnonzero((data == LF) | (data == self.delimiter))
        lines = ends[width - 1 :: width]
        returns = len(lines) if self.end_of_line == b"\r\n" else 0
        tabs = text.count(b"\t") if b"\t" in text else 0
        if np.count_nonzero(data < 0x20) != len(lines) + returns + tabs or (data[lines] != LF).any():
            return None
        if returns and (lines[0] == 0 or (data[lines - 1] != CR).any()):
            return None
        sizes = np.diff(lines, prepend=-1, append=len(data))
        if sizes.max() > self.field_bytes:
            return None
        nothing = np.zeros(0, np.int64)
        return Structure(text, data, ends, lines, nothing, nothing, open_quote=False)

    def _any(self, text: bytes, data: Bytes) -> Structure:
        special = (data < 0x20) | (data == QUOTE) | (data == DELETE)
        if self.delimiter >= 0x20:
            special |= data == self.delimiter
        # From here on only the bytes that mean something: about one in ten.
        at = np.flatnonzero(special)
        kind = data[at]
        control = ((kind < 0x20) & (kind != TAB) & (kind != LF) & (kind != CR)) | (kind == DELETE)
        refuse(control, at, "got a control character", "E_CONTROL_CHAR")
        is_quote = kind == QUOTE
        outside = (np.cumsum(is_quote, dtype=np.int32) & 1) == 0
        open_quote = bool(len(outside) and not outside[-1])
        quotes, pairs = self._quotes(data, at[is_quote], outside[is_quote])
        is_line = (kind == LF) & outside
        self._check_ends_of_line(data, at[(kind == CR) & outside], at[is_line])
        ends = at[is_line | ((kind == self.delimiter) & outside)]
        self._check_field_sizes(data, ends, open_quote=open_quote)
        return Structure(text, data, ends, at[is_line], quotes, pairs, open_quote)

    def _quotes(self, data: Bytes, quotes: Positions, closing: Flags) -> tuple[Positions, Positions]:
        if not len(quotes):
            return quotes, quotes
        opens, closes = quotes[~closing], quotes[closing]
        before = np.where(opens > 0, data[opens - 1], LF)
        bad = (before != self.delimiter) & (before != LF) & (before != QUOTE)
        refuse(bad, opens, "got a quote within a field that is not quoted", "E_QUOTE")
        closes = closes[closes + 1 < len(data)]
        after = data[closes + 1]
        bad = (after != self.delimiter) & (after != LF) & (after != CR) & (after != QUOTE)
        refuse(bad, closes, "got text after the end of a quoted field", "E_QUOTE")
        # Before an opening quote all quotes are closed, so the quote right before it closed: the two are a `""`.
        return quotes, opens[before == QUOTE]

    def _check_ends_of_line(self, data: Bytes, returns: Positions, lines: Positions) -> None:
        returns = returns[returns + 1 < len(data)]  # the last byte of a block may be half an end of line
        if self.end_of_line == b"\n":
            refuse(np.ones(len(returns), np.bool_), returns, "got a CR, expected LF to end a line", "E_EOL")
            return
        refuse(data[returns + 1] != LF, returns, "got a CR without its LF", "E_EOL")
        lacks_return = (lines == 0) | (data[lines - 1] != CR)
        if self.end_of_line:
            refuse(lacks_return, lines, "got LF, expected CRLF to end a line", "E_EOL")
        else:
            refuse(lacks_return != lacks_return[:1], lines, "got LF and CRLF, expected one of them throughout", "E_EOL")

    def _check_field_sizes(self, data: Bytes, ends: Positions, *, open_quote: bool) -> None:
        begins = np.concatenate((np.zeros(1, np.int64), ends + 1))
        sizes = np.append(ends, len(data)) - begins
        large = sizes > self.field_bytes
        if not large.any():
            return
        # Right at the limit, the CR of an end of line makes the difference.
        large &= (sizes > self.field_bytes + 1) | (data[begins + sizes - 1] != CR)
        if open_quote and large[-1] and not large[:-1].any():
            refuse(large, begins, f"a quoted field does not end within {self.field_bytes} bytes", "E_QUOTE")
        refuse(large, begins, f"got a field of more than {self.field_bytes} bytes", "E_FIELD_SIZE")
