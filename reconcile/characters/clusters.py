"""Text as an array of characters: a base with its variation selector is one number.

A *cluster key* is a uint32: the code point in bits 0-20, the number of the variation selector in bits 21-29 (0 =
none, 1-16 = U+FE00-FE0F, 17-256 = U+E0100-E01EF). What a reader calls one character (葛󠄂) is one key, so that lengths
and positions count characters, not code points (`reference/domain.md` §12, trap 3). Every other code point, combining
marks included, is a key of its own. Nothing is normalized: two keys are equal only if their code points are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from reconcile.characters import tables

CODE_POINTS = 0x110000
BASE = 0x1FFFFF
SELECTOR_SHIFT = 21

Keys = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Many values cut into characters: value i is `keys[starts[i]:starts[i + 1]]`."""

    keys: Keys
    starts: npt.NDArray[np.int64]

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """The number of characters of each value."""
        return np.diff(self.starts)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The position of the value that each character belongs to."""
        return np.repeat(np.arange(self.starts.size - 1), self.counts)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Clusters:
        """The same values without the characters where `mask` is False."""
        kept = np.concatenate(([0], np.cumsum(mask)))
        return Clusters(self.keys[mask], kept[self.starts])


def split(values: pl.Series) -> Clusters:
    """Cut each value into cluster keys. A null counts as the empty value."""
    text = values.cast(pl.String).fill_null("")
    points = np.frombuffer(_utf8(text).decode().encode("utf-32-le"), dtype="<u4").astype(np.uint32, copy=False)
    starts = np.concatenate(([0], np.cumsum(text.str.len_chars().to_numpy(), dtype=np.int64)))
    number = _selector_numbers()[points]
    is_selector = number > 0
    if not is_selector.any():
        return Clusters(points, starts)
    first = np.zeros(points.size, dtype=np.bool_)
    first[starts[:-1][starts[:-1] < points.size]] = True
    # A selector that begins a value or follows another selector has no base: it stays a character of its own.
    attached = is_selector & ~first
    attached[1:] &= ~is_selector[:-1]
    where = np.flatnonzero(attached)
    keys = points.copy()
    keys[where - 1] |= number[where].astype(np.uint32) << np.uint32(SELECTOR_SHIFT)
    return Clusters(keys, starts).keep(~attached)


def texts(keys: Keys) -> pl.Series:
    """Each key as the text it stands for; the inverse of `split` on single characters."""
    base, selector = base_of(keys), selector_of(keys)
    points = np.column_stack((base, _selector_points()[selector]))
    flat = points.reshape(-1)
    flat = flat[np.column_stack((np.ones(keys.size, dtype=np.bool_), selector > 0)).reshape(-1)]
    data = flat.astype("<u4").tobytes().decode("utf-32-le").encode()
    sizes = utf8_bytes(base) + np.where(selector > 0, utf8_bytes(points[:, 1]), 0)
    return strings(data, np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))))


def base_of(keys: Keys) -> Keys:
    """The code point without its selector."""
    return keys & np.uint32(BASE)


def selector_of(keys: Keys) -> Keys:
    """The number of the variation selector, 0 for none."""
    return keys >> np.uint32(SELECTOR_SHIFT)


def mj_numbers(keys: Keys) -> Keys:
    """The number of the MJ文字図形名 that each key writes, 0 where the table has none.

    A bare code point stands for the glyph that implements it (実装したUCS), a sequence for the glyph of its Moji_Joho
    IVS or its SVS. Compatibility ideographs are looked up as they stand: no normalization form is involved.
    """
    sequences, numbers = _sequences()
    at = np.minimum(np.searchsorted(sequences, keys), sequences.size - 1)
    by_sequence = np.where(sequences[at] == keys, numbers[at], np.uint32(0))
    bare = selector_of(keys) == 0
    return np.where(bare, _bare()[np.where(bare, keys, 0)], by_sequence)


def of_mj(numbers: Keys) -> Keys:
    """The key that writes each glyph: its own code point, else its IVS; U+FFFD for the few that Unicode cannot write."""
    written = _written()
    known = numbers < written.size
    return np.where(known, written[np.where(known, numbers, 0)], np.uint32(0xFFFD))


def strings(data: bytes, offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None = None) -> pl.Series:
    """A text column from its UTF-8 bytes and offsets, without going through Python objects."""
    validity = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    buffers = [validity, pa.py_buffer(np.ascontiguousarray(offsets, dtype=np.int64)), pa.py_buffer(data)]
    return pl.Series(pa.Array.from_buffers(pa.large_string(), offsets.size - 1, buffers))


def utf8_bytes(points: Keys) -> npt.NDArray[np.int64]:
    """How many bytes each code point takes in UTF-8."""
    return 1 + (points > 0x7F).astype(np.int64) + (points > 0x7FF) + (points > 0xFFFF)


def _utf8(text: pl.Series) -> bytes:
    """All values one after the other, without a separator."""
    array = text.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    data = array.buffers()[2]
    return b"" if data is None else memoryview(data)[offsets[0] : offsets[-1]].tobytes()


@cache
def _selector_points() -> Keys:
    numbers = np.arange(257, dtype=np.uint32)
    return np.where(numbers >= 17, 0xE0100 + numbers - 17, 0xFE00 + numbers - 1).astype(np.uint32)


@cache
def _selector_numbers() -> npt.NDArray[np.uint16]:
    numbers = np.zeros(CODE_POINTS, dtype=np.uint16)
    numbers[0xFE00:0xFE10] = np.arange(1, 17)
    numbers[0xE0100:0xE01F0] = np.arange(17, 257)
    return numbers


@cache
def _bare() -> Keys:
    table = tables.mj().drop_nulls("bare")
    numbers = np.zeros(CODE_POINTS, dtype=np.uint32)
    numbers[table["bare"].to_numpy()] = table["mj"].to_numpy()
    return numbers


@cache
def _written() -> Keys:
    sequence = pl.col("ucs") + pl.col("ivs").cast(pl.UInt32) * (1 << SELECTOR_SHIFT)
    table = (
        tables.mj()
        .select("mj", key=pl.coalesce("bare", sequence))
        .drop_nulls()
        .unique("mj", keep="first", maintain_order=True)
    )
    keys = np.full(int(tables.mj()["mj"].to_numpy().max()) + 1, 0xFFFD, dtype=np.uint32)
    keys[table["mj"].to_numpy()] = table["key"].to_numpy()
    return keys


@cache
def _sequences() -> tuple[Keys, Keys]:
    """Sequence keys, sorted, and the MJ number of each."""
    table = tables.mj()
    sequences = pl.concat(
        table.drop_nulls(column).select(
            "mj", key=pl.col("ucs") + pl.col(column).cast(pl.UInt32) * (1 << SELECTOR_SHIFT)
        )
        for column in ("ivs", "svs")
    ).sort("key")
    return sequences["key"].to_numpy(), sequences["mj"].to_numpy()
