"""Blocks of bytes in the declared encoding -> blocks of UTF-8, strictly: nothing is guessed, replaced or dropped."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from reconcile.errors import SourceError
from reconcile.extract.structure import LF

BOM = codecs.BOM_UTF8
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# Python's cp932 gives these for 80, A0, FD, FE and FF, which are no characters of code page 932.
_UNASSIGNED = "\x80\uf8f0\uf8f1\uf8f2\uf8f3"


def as_utf8(blocks: Iterator[bytes], encoding: str, where: str) -> Iterator[bytes]:
    """Check (`utf-8`) or transcode (`cp932`) a file, block by block; no block ends within a character.

    One byte order mark of UTF-8 is stripped. The private use area of cp932 (F040 and on: 外字) becomes U+E000 and on,
    and the characters that have two codes (NEC and IBM extensions) become one, as in Python's own `cp932`.

    Raises:
        SourceError: E_ENCODING with the line, E_TRUNCATED where the file ends within a character.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = ""
    match name:
        case "utf-8" | "utf-8-sig":
            return _utf8(blocks, where)
        case "cp932":
            return _cp932(blocks, where)
        case _:
            raise SourceError(where, f"got the encoding {encoding!r}, expected utf-8 or cp932", code="E_ENCODING")


def is_utf8(encoding: str) -> bool:
    """Whether an encoding, by any of its names, is UTF-8."""
    try:
        return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    except LookupError:
        return False


def _utf8(blocks: Iterator[bytes], where: str) -> Iterator[bytes]:
    lines = 0
    rest = b""
    first = True
    for block in blocks:
        text = rest + block if rest else block
        if first:
            first = False
            _refuse_utf16(text, where)
            text = text.removeprefix(BOM)
            if text.startswith(BOM):
                raise SourceError(
                    f"{where}, line 1", "got two byte order marks, expected one or none", code="E_ENCODING"
                )
        end = _last_boundary(text)
        text, rest = text[:end], text[end:]
        _check_utf8(text, where, lines)
        lines += int(np.count_nonzero(np.frombuffer(text, np.uint8) == LF))  # three times as fast as `bytes.count`
        yield text
    if rest:
        raise _cut(where, lines)


def _check_utf8(text: bytes, where: str, lines: int) -> None:
    # Arrow checks gigabytes a second; Python's decoder, three times as long, is only asked where it went wrong.
    offsets = pa.array([0, len(text)], pa.int64()).buffers()[1]
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _undecodable(where, lines + 1 + text.count(b"\n", 0, error.start), "utf-8") from None
        raise


def _last_boundary(text: bytes) -> int:
    """Where the last whole character ends: 0 to 3 bytes before the end of `text`."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:  # the first byte of a character of 2, 3 or 4 bytes
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(text) - back if back < length else len(text)
    return len(text)


def _cp932(blocks: Iterator[bytes], where: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("cp932")("strict")
    lines = 0
    first = True
    for block in blocks:
        if first:
            first = False
            _refuse_utf16(block, where)
            if block.startswith(BOM):
                raise _undecodable(where, 1, "cp932")
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            # LF is never the second byte of a character of cp932, so counting bytes counts lines.
            raise _undecodable(where, lines + 1 + error.object.count(b"\n", 0, error.start), "cp932") from None
        for character in _UNASSIGNED:
            if character in text:
                raise _undecodable(where, lines + 1 + text.count("\n", 0, text.index(character)), "cp932")
        lines += text.count("\n")
        yield text.encode("utf-8")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _cut(where, lines) from None


def _refuse_utf16(text: bytes, where: str) -> None:
    if text.startswith(_UTF16_BOMS):
        raise SourceError(where, "got UTF-16, expected utf-8 or cp932", code="E_ENCODING")


def _undecodable(where: str, line: int, encoding: str) -> SourceError:
    return SourceError(
        f"{where}, line {line}",
        f"got a byte that is no character of {encoding}",
        hint="declare the encoding the file was written in: utf-8 or cp932",
        code="E_ENCODING",
    )


def _cut(where: str, lines: int) -> SourceError:
    return SourceError(f"{where}, line {lines + 1}", "the file ends within a character", code="E_TRUNCATED")
