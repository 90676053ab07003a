"""The site's 外字 table: which glyph a private-use code of one system means there.

A private-use code means nothing outside the system that assigned it, and an update of the 外字 file changes its meaning
without a trace (三田市; `reference/domain.md` §12, trap 10). So the table is given per side, carries its digest for the
report, and only codes that it identifies with an MJ文字図形名 are replaced; every other stays private use and is judged
*unmapped*. CSV (UTF-8), one row a code:

    code,mj,note,version
    U+E001,MJ026191,邉の俗字,2026-04
    U+E002,,点が一つ多い辻,2026-04
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from reconcile.characters import clusters, tables
from reconcile.errors import ConfigError

_COLUMNS = ["code", "mj", "note", "version"]
_PRIVATE = (range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaiji:
    """A checked table. `meanings`: private-use character -> the text that writes its glyph. `known`: rows in all."""

    sha256: str
    versions: tuple[str, ...]
    known: int
    meanings: Mapping[str, str] = field(repr=False)

    def replace(self, expr: pl.Expr) -> pl.Expr:
        """The text with every identified code written as its glyph. Null stays null."""
        if not self.meanings:
            return expr
        return expr.str.replace_many(list(self.meanings), list(self.meanings.values()))


def load(path: Path) -> Gaiji:
    """Read and check a 外字 table.

    Raises:
        ConfigError: The file cannot be read, has other columns, or a row names no private-use code, a code twice, an
            unknown MJ文字図形名, or one that Unicode cannot write.
    """
    where = path.name
    try:
        content = path.read_bytes()
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(where, f"cannot be read as CSV in UTF-8 ({type(error).__name__})") from None
    if reader.fieldnames != _COLUMNS:
        raise ConfigError(where, f"got other columns, expected {','.join(_COLUMNS)}")
    codes: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        at = f"{where}: line {number}"
        code = _code(at, row["code"])
        if code in codes:
            raise ConfigError(at, f"{row['code']} stands twice")
        codes[code] = _glyph(at, row["mj"]) if row["mj"] else ""
    return Gaiji(
        sha256=hashlib.sha256(content).hexdigest(),
        versions=tuple(sorted({row["version"] for row in rows if row["version"]})),
        known=len(codes),
        meanings={code: text for code, text in codes.items() if text},
    )


def _code(where: str, value: str | None) -> str:
    try:
        point = int((value or "").removeprefix("U+"), 16)
    except ValueError:
        point = 0
    if not any(point in block for block in _PRIVATE):
        raise ConfigError(f"{where}, code", "expected a private-use code point such as U+E001")
    return chr(point)


def _glyph(where: str, name: str) -> str:
    number = int(name[2:]) if name.startswith("MJ") and name[2:].isdecimal() and len(name) == 8 else 0
    if not (tables.mj()["mj"] == number).any():
        raise ConfigError(f"{where}, mj", f"expected an MJ文字図形名 of {tables.source().mji}")
    text: str = clusters.texts(clusters.of_mj(np.array([number], dtype=np.uint32)))[0]
    if text == "\ufffd":
        raise ConfigError(f"{where}, mj", "Unicode has no code point or sequence for this glyph")
    return text
