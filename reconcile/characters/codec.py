"""住基ネット統一文字 (16-bit J codes) <-> Unicode with variation selectors, whole columns at a time.

The CS writes a code that looks like UTF-16 and is not: 5,563 of the 19,563 kanji codes of the MJ table differ from the
character's code point and 5,170 of them lie in the Hangul block (`reference/domain.md` §3.1). Decoding is by table:

* a code with a row in MJ文字情報一覧表 becomes the code point that implements its glyph, or base + IVS where none does,
  so that a bare ideograph stands for its default glyph;
* the non-kanji blocks J+0020-33FF and J+FF00-FFFD are identity (controls excepted);
* every other code (変体仮名 J+AC00-ACFF, the two kanji without a row, surrogates, private use, controls) becomes a
  *carrier*, U+F0000 + code: visible, reversible, and never mistaken for a character. Plane 15, because MJ+ exports use
  plane 16.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from reconcile.characters import clusters, tables

CARRIER = 0xF0000
PAD = 0x3000
GETA = 0x3013
HANGUL_SHARE = 0.02
"""From this share of values with Hangul on, a column was decoded with the wrong charset (`looks_misdecoded`)."""

_CARRIERS = "[\U000f0000-\U000fffff]"
HANGUL = "[가-힣]"
_CHUNK_CODES = 1 << 18  # the working arrays of a chunk stay in the cache

_ODD = np.uint32(1 << 31)


def decode(codes: npt.NDArray[np.uint16]) -> pl.Series:
    """Text of fixed-length fields.

    Args:
        codes: Shape (n, k): n values of k codes, native or big endian, contiguous or a view into records.

    Returns:
        n texts (String). Trailing padding (U+3000, U+0020) is cut; a value of padding only is null.
    """
    rows, width = codes.shape
    step = max(1, _CHUNK_CODES // max(1, width))
    data: list[bytes] = []
    sizes = np.zeros(rows, dtype=np.int64)
    for start in range(0, rows, step):
        part, sizes[start : start + step] = _decode_chunk(np.ascontiguousarray(codes[start : start + step]))
        data.append(part)
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    return clusters.strings(b"".join(data), offsets, sizes > 0)


def encode(
    values: pl.Series, characters: int, substitute: int | None = None
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Fixed-length fields of J codes from text, as a system that feeds the CS writes them.

    Args:
        values: Text (String); null is written as padding.
        characters: The length k of the field. What is longer is cut.
        substitute: The code written for a character that has none; 〓 (J+3013) if not given.

    Returns:
        Codes of shape (n, k), big endian, padded with U+3000; and for each value whether something was substituted
        or cut. A carrier is written as the code it carries.
    """
    cut = clusters.split(values)
    codes = codes_of(cut.keys)
    lost = (codes == 0) & (cut.keys != CARRIER)
    codes[lost] = GETA if substitute is None else substitute
    rows, counts = cut.rows, cut.counts
    columns = np.arange(codes.size) - np.repeat(cut.starts[:-1], counts)
    fits = columns < characters
    fields = np.full((counts.size, characters), PAD, dtype=">u2")
    fields[rows[fits], columns[fits]] = codes[fits]
    damaged = counts > characters
    damaged[rows[lost]] = True
    return fields, damaged


def codes_of(keys: clusters.Keys) -> npt.NDArray[np.uint16]:
    """The J code of each cluster key (`clusters`), 0 where it has none; a carrier has the code it carries."""
    bare = clusters.selector_of(keys) == 0
    base = clusters.base_of(keys)
    codes = _code_of_mj()[clusters.mj_numbers(keys)]
    identity = bare & (codes == 0) & (base < 0x10000)
    codes[identity] = np.where(_is_identity()[base[identity]], base[identity], 0)
    carried = bare & (base >= CARRIER) & (base < CARRIER + 0x10000)
    codes[carried] = base[carried] - CARRIER
    return codes


def is_unmapped(expr: pl.Expr) -> pl.Expr:
    """Whether the decoded text holds a code without a row in the table. Null stays null."""
    return expr.str.contains(_CARRIERS)


def show_unmapped(code: int) -> str:
    """How a carrier, or the code it carries, is written for people: `J+AC00`."""
    return f"J+{code & 0xFFFF:04X}"


def hangul_share(expr: pl.Expr) -> pl.Expr:
    """The share (0-1) of the non-null values that hold a Hangul syllable; 0 for a column without values."""
    return expr.str.contains(HANGUL).mean().fill_null(0.0)


def looks_misdecoded(expr: pl.Expr) -> pl.Expr:
    """Whether a column of names was decoded with the wrong charset: one Boolean.

    J codes read as UTF-16 raise no error, they turn into Korean (J+BC2F 辻󠄃 reads 밯). Ideographs in J+AD00-D6FF are a
    few per cent of any ward's names, and the register's own names are never written in Hangul.
    """
    return hangul_share(expr) >= HANGUL_SHARE


def _decode_chunk(codes: npt.NDArray[np.uint16]) -> tuple[bytes, npt.NDArray[np.int64]]:
    """The UTF-8 bytes of all values, and the number of bytes of each."""
    codes = codes.astype(np.uint16, copy=False)
    counts = _lengths(codes)
    words = _decoding().take(codes[np.arange(codes.shape[1]) < counts[:, None]])
    sizes = 3 * counts
    odd = np.flatnonzero(words & _ODD)
    if odd.size:
        base, selector = clusters.base_of(words[odd]), clusters.selector_of(words[odd] ^ _ODD)
        surplus = clusters.utf8_bytes(base) - 3 + np.where(selector > 0, 4, 0)
        rows = np.searchsorted(np.cumsum(counts), odd, side="right")
        sizes += np.bincount(rows, surplus, counts.size).astype(np.int64)
        words[odd] = base
        paired = selector > 0
        words = np.insert(words, odd[paired] + 1, selector[paired] - 17 + 0xE0100)
    return words.astype("<u4", copy=False).tobytes().decode("utf-32-le").encode(), sizes


def _lengths(codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.int64]:
    """The number of codes of each value before its padding."""
    backwards = ((codes != PAD) & (codes != 0x20))[:, ::-1]
    last = np.argmax(backwards, axis=1)
    return np.where(backwards[np.arange(last.size), last], codes.shape[1] - last, 0)


@cache
def _decoding() -> npt.NDArray[np.uint32]:
    """What each code stands for: a cluster key, with `_ODD` set unless it takes three bytes in UTF-8."""
    every = np.arange(0x10000, dtype=np.uint32)
    words = np.where(_is_identity(), every, CARRIER + every).astype(np.uint32)
    coded = tables.mj().drop_nulls("juki")
    words[coded["juki"].to_numpy()] = clusters.of_mj(coded["mj"].to_numpy())
    three_bytes = (words > 0x7FF) & (words <= 0xFFFF)
    words[~three_bytes] |= _ODD
    return words


@cache
def _code_of_mj() -> npt.NDArray[np.uint16]:
    table = tables.mj()
    coded = table.drop_nulls("juki")
    codes = np.zeros(int(table["mj"].to_numpy().max()) + 1, dtype=np.uint16)
    codes[coded["mj"].to_numpy()] = coded["juki"].to_numpy()
    return codes


@cache
def _is_identity() -> npt.NDArray[np.bool_]:
    """The non-kanji blocks. U+FFFE is no character but a byte order mark read backwards: a carrier."""
    same = np.zeros(0x10000, dtype=np.bool_)
    same[0x20:0x3400] = True
    same[0x7F:0xA0] = False
    same[0xFF00:0xFFFE] = True
    return same
