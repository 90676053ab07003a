"""How often certain texts stand in a column, counted on bytes: a field of up to eight bytes is one number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from reconcile.extract.structure import Bytes, Flags, Positions

Words = npt.NDArray[np.uint64]

_FEW = 8
"""Texts: up to so many are faster compared one by one than looked up."""

_WORD = 8
_MASKS = np.array([(1 << 8 * size) - 1 for size in range(_WORD + 1)], np.uint64)
"""What keeps so many bytes of a word."""


class Counted(NamedTuple):
    """What a column holds.

    Attributes:
        filled: How many records have anything there, be it the empty text.
        texts: How many have each text that was asked for.
    """

    filled: int
    texts: dict[str, int]


@dataclass(slots=True)
class Tally:
    """A count of some texts, as they are written in records in their shortest form (`lines`).

    Attributes:
        short: Texts of up to eight bytes, ascending by `numbers`.
        long: The others.
        numbers: The short ones as numbers.
        heads: The first eight bytes of each long one, as numbers: they sort out nearly all other fields.
        written: The long ones.
        lengths: For each number of bytes, up to one more than the longest has, whether a text has so many.
        filled: How many fields hold anything, so far.
        each: How many are each text, the short ones first, so far.
    """

    short: list[str]
    long: list[str]
    numbers: Words
    heads: Words
    written: pl.DataFrame
    lengths: Flags
    filled: int
    each: Positions

    @classmethod
    def of(cls, texts: Collection[str], delimiter: str) -> Tally:
        """Nothing counted yet."""
        written = {text: _written(text, delimiter).encode() for text in texts}
        numbers = {text: int.from_bytes(one[:_WORD], "little") for text, one in written.items()}
        short = sorted((text for text, one in written.items() if len(one) <= _WORD), key=lambda text: numbers[text])
        long = [text for text, one in written.items() if len(one) > _WORD]
        lengths = np.zeros(max(map(len, written.values()), default=0) + 2, np.bool_)
        lengths[[len(one) for one in written.values()]] = True
        return cls(
            short=short,
            long=long,
            numbers=np.array([numbers[text] for text in short], np.uint64),
            heads=np.array([numbers[text] for text in long], np.uint64),
            written=pl.DataFrame({"text": [written[text] for text in long]}, {"text": pl.Binary}).with_row_index(
                "number"
            ),
            lengths=lengths,
            filled=0,
            each=np.zeros(len(written), np.int64),
        )

    def among(self, data: Bytes, words: Words, begins: Positions, ends: Positions) -> Positions:
        """How many of some fields are each of the texts.

        Args:
            data: Where they stand.
            words: `words_of` the same.
            begins: Of each field, ascending.
            ends: Of each.
        """
        sizes = ends - begins
        at = np.flatnonzero(self.lengths[np.minimum(sizes, len(self.lengths) - 1)])
        sizes = sizes[at]
        numbers = words[begins[at]] & _MASKS[np.minimum(sizes, _WORD)]
        place = self._place(numbers, sizes)
        short = np.bincount(place, minlength=len(self.short) + 1)[: len(self.short)]
        if not self.long:
            return short
        at = at[(sizes > _WORD) & np.isin(numbers, self.heads)]
        fields = pieces(data, begins[at], ends[at]).alias("text").to_frame()
        number = fields.join(self.written, on="text")["number"].to_numpy()
        return np.concatenate((short, np.bincount(number, minlength=len(self.long))))

    def _place(self, numbers: Words, sizes: Positions) -> Positions:
        """Which of the short texts each field is; their number for none."""
        none = len(self.short)
        if none > _FEW:
            place = np.searchsorted(self.numbers, numbers)
            known = self.numbers[np.minimum(place, none - 1)] == numbers
        else:
            place = np.full(len(numbers), none)
            for number, one in enumerate(self.numbers):
                place[numbers == one] = number
            known = place < none
        return np.where(known & (sizes <= _WORD), place, none)

    def add(self, filled: int, each: Positions) -> None:
        """Add what `among` has found, and how many fields held anything."""
        self.filled += filled
        self.each += each

    def counted(self) -> Counted:
        """What was added."""
        return Counted(self.filled, dict(zip([*self.short, *self.long], self.each.tolist(), strict=True)))


def words_of(data: Bytes) -> Words:
    """For each byte, the number that it makes with the seven that follow, or with zeros beyond the end."""
    padded = np.concatenate((data, np.zeros(_WORD, np.uint8)))
    return np.ndarray(len(data) + 1, "<u8", padded, strides=(1,))


def pieces(data: Bytes, begins: Positions, ends: Positions) -> pl.Series:
    """The pieces of a text from each of `begins` to its end, ascending, as `pl.Binary`."""
    offsets = np.column_stack((begins, ends)).ravel()
    if not len(offsets):
        return pl.Series(dtype=pl.Binary)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    every = pl.Series(pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers))
    return every.gather_every(2)  # every other one is what stands between


def _written(text: str, delimiter: str) -> str:
    bare = text and not any(mark in text for mark in ('"', "\n", "\r", delimiter))
    return text if bare else '"' + text.replace('"', '""') + '"'
