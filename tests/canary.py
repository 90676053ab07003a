"""Finds planted values wherever they went: in any encoding, escaped, packed, or inside a database or a document.

    found = scan(folder, {"left name_kanji": "カナリア1f0c92aa", "site key": key})
    assert not found.unknown                                # a type of file that this cannot open proves nothing
    assert found.files_with("left name_kanji") <= {"results/worklist.xlsx"}

A plain search is not enough: of 16 artifacts full of canaries, `grep -a` missed nine (`reference/reliability.md` §3.5).
What is told of a hit is its file, its form and the *name* of the canary, never the value.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import re
import sqlite3
import tempfile
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pyarrow as pa
import pymupdf

ENCODINGS = ("utf-8", "cp932", "euc_jp", "utf-16-le", "utf-16-be")
KEY_BYTES = 32
_DEPTH = 8
_BINARY = {  # known, and searched as they stand
    b"\x89PNG\r\n\x1a\n": "png",
    b"\x00\x01\x00\x00": "truetype",
    b"OTTO": "opentype",
    b"\x37\x7f\x06\x82": "sqlite-wal",
    b"\x37\x7f\x06\x83": "sqlite-wal",
}
_SHARED_MEMORY = "-shm"
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_DAMAGED = (
    OSError,
    EOFError,
    RuntimeError,  # pymupdf's
    zlib.error,
    zipfile.BadZipFile,
    sqlite3.Error,
    duckdb.Error,
    pl.exceptions.PolarsError,
    pa.ArrowException,
)
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")


class Hit(NamedTuple):
    """One canary in one file: the file below the folder (members after `!`), the canary's name, the form it had."""

    file: str
    canary: str
    form: str


class Scan(NamedTuple):
    """What a scan saw.

    Attributes:
        hits: Every canary of every file, once a form.
        unknown: Files of a type that cannot be opened: of these nothing is known.
        files: How many files were looked into.
    """

    hits: tuple[Hit, ...]
    unknown: tuple[str, ...]
    files: int

    def files_with(self, canary: str) -> set[str]:
        """The files on the disk that hold a canary, without their members."""
        return {hit.file.partition("!")[0] for hit in self.hits if hit.canary == canary}

    def found_in(self, file: str) -> set[str]:
        """The names of the canaries that a file on the disk holds."""
        return {hit.canary for hit in self.hits if hit.file.partition("!")[0] == file}


class UnknownTypeError(Exception):
    """A type of file that cannot be looked into."""


def scan(folder: Path, canaries: Mapping[str, str | bytes]) -> Scan:
    """Look into every file below a folder, and at its name.

    Args:
        folder: Where to look; links are not followed, their targets are looked at as text.
        canaries: Name -> the value, at least eight characters or bytes long.

    Returns:
        Hits, sorted by file and canary.
    """
    needles = _needles(canaries)
    hits: set[Hit] = set()
    unknown: list[str] = []
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    for path in paths:
        name = path.relative_to(folder).as_posix()
        leaves = [(name, name.encode())]
        try:
            if path.is_symlink():
                leaves.append((name, str(path.readlink()).encode()))
            elif path.is_file():
                leaves.extend(_leaves(name, path.read_bytes(), _beside(path), 0))
        except UnknownTypeError as error:
            unknown.append(str(error))
        hits |= _search(leaves, needles)
    return Scan(tuple(sorted(hits)), tuple(unknown), len(paths))


def scan_text(text: str | bytes, canaries: Mapping[str, str | bytes]) -> set[str]:
    """The names of the canaries that a text holds: what a process wrote to its two streams."""
    data = text.encode() if isinstance(text, str) else text
    return {hit.canary for hit in _search([("text", data), *_unescaped("text", data, 0)], _needles(canaries))}


# ---------------------------------------------------------------------------------------------------------- needles


def _needles(canaries: Mapping[str, str | bytes]) -> dict[str, list[tuple[str, str]]]:
    """Latin-1 text of the bytes to look for -> (canary, form); several canaries may share one."""
    needles: dict[str, list[tuple[str, str]]] = {}
    for name, value in canaries.items():
        for form, needle in _forms(value):
            if len(needle) >= 8:
                needles.setdefault(needle.decode("latin-1"), []).append((name, form))
    return needles


def _forms(value: str | bytes) -> Iterator[tuple[str, bytes]]:
    if isinstance(value, bytes):
        yield from _of_bytes("raw", value)
        return
    for text, form in _spellings(value):
        for encoding in ENCODINGS:
            try:
                data = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            yield from _of_bytes(f"{form}{encoding}", data)
        yield f"{form}\\u", text.encode("ascii", "backslashreplace")
        yield (
            f"{form}\\u upper",
            re.sub(rb"(?<=\\u)....", lambda m: m[0].upper(), text.encode("ascii", "backslashreplace")),
        )
        yield f"{form}&#", "".join(f"&#{ord(c)};" for c in text).encode()
        yield f"{form}&#x", "".join(f"&#x{ord(c):x};" for c in text).encode()


def _spellings(value: str) -> Iterator[tuple[str, str]]:
    yield value, ""
    if value.isascii() and value.isdigit():
        yield value.lstrip("0"), "stripped "
        yield value.translate({ord("0") + i: ord("０") + i for i in range(10)}), "full-width "
        for separator in "- ,":
            for size in (3, 4):
                yield separator.join(value[i : i + size] for i in range(0, len(value), size)), "grouped "
                yield (
                    separator.join(reversed([value[max(0, i - size) : i] for i in range(len(value), 0, -size)])),
                    ("grouped from the right "),
                )


def _of_bytes(form: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield form, data
    yield f"{form} hex", data.hex().encode()
    yield f"{form} HEX", data.hex().upper().encode()
    yield f"{form} \\x", "".join(f"\\x{byte:02x}" for byte in data).encode()
    yield f"{form} repr", repr(data)[2:-1].encode()
    yield f"{form} percent", urllib.parse.quote(data, safe="").encode()
    for offset in range(3):
        # Of the bytes around it nothing is known: the characters that they have a part in are left out.
        coded = base64.b64encode(bytes(offset) + data)
        first = -(-offset * 8 // 6)
        last = (offset + len(data)) * 8 // 6
        yield f"{form} base64 at {offset}", coded[first:last]
        yield f"{form} base64url at {offset}", coded[first:last].translate(bytes.maketrans(b"+/", b"-_"))


def _search(leaves: list[tuple[str, bytes]], needles: Mapping[str, list[tuple[str, str]]]) -> set[Hit]:
    if not leaves or not needles:
        return set()
    texts = pl.Series([data.decode("latin-1") for _, data in leaves])
    patterns = list(needles)
    found = texts.str.extract_many(patterns, overlapping=True)
    return {
        Hit(name, canary, form)
        for (name, _), seen in zip(leaves, found, strict=True)
        for needle in set(seen)
        for canary, form in needles[needle]
    }


# ------------------------------------------------------------------------------------------------- what is in a file


def _beside(path: Path) -> Mapping[str, bytes]:
    """What SQLite and DuckDB keep beside their file and read with it."""
    names = [f"{path.name}{suffix}" for suffix in ("-wal", "-shm", "-journal", ".wal")]
    return {
        name[len(path.name) :]: path.with_name(name).read_bytes() for name in names if path.with_name(name).exists()
    }


def _leaves(name: str, data: bytes, beside: Mapping[str, bytes], depth: int) -> Iterator[tuple[str, bytes]]:
    """The bytes themselves, and all that they unfold to.

    Raises:
        UnknownTypeError: Neither text nor a type that is known here, or one that is damaged.
    """
    try:
        yield from _unfolded(name, data, beside, depth)
    except _DAMAGED as error:
        raise UnknownTypeError(f"{name}: {type(error).__name__}") from None


def _unfolded(name: str, data: bytes, beside: Mapping[str, bytes], depth: int) -> Iterator[tuple[str, bytes]]:
    if depth > _DEPTH:
        raise UnknownTypeError(f"{name}: packed too deep")
    yield name, data
    if data.startswith(b"\x1f\x8b"):
        yield from _leaves(f"{name}!gzip", gzip.decompress(data), {}, depth + 1)
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            yield name, packed.comment
            for member in packed.infolist():
                inner = f"{name}!{member.filename}"
                yield inner, member.filename.encode() + b"\n" + member.comment + b"\n" + member.extra
                yield from _leaves(inner, packed.read(member), {}, depth + 1)
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        with pa.CompressedInputStream(pa.py_buffer(data), "zstd") as stream:
            yield from _leaves(f"{name}!zstd", stream.read(), {}, depth + 1)
    elif reader := _reader(data):
        for place, value in reader(data, beside):
            yield f"{name}!{place}", value
            yield from _unescaped(f"{name}!{place}", value, depth)
    elif _text(data) is not None:
        yield from _unescaped(name, data, depth)
    elif not _known(name, data):
        raise UnknownTypeError(name)


def _known(name: str, data: bytes) -> bool:
    last = name.rpartition("/")[2].rpartition("!")[2]
    if any(data.startswith(magic) for magic in _BINARY):
        return True
    return last.endswith(_SHARED_MEMORY) or (last.endswith(".key") and len(data) == KEY_BYTES)


def _reader(data: bytes) -> Any:  # noqa: ANN401  one of the four below
    if data.startswith(b"SQLite format 3\0"):
        return _sqlite
    if data[8:12] == b"DUCK":
        return _duckdb
    if data.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        return _frame
    if data.startswith(b"%PDF-"):
        return _pdf
    return None


def _sqlite(data: bytes, beside: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "copy")  # opening it writes to it
        path.write_bytes(data)
        for suffix, content in beside.items():
            Path(f"{path}{suffix}").write_bytes(content)
        with closing(sqlite3.connect(path)) as database:
            database.text_factory = bytes
            tables = [
                row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  names of the file itself
                    for value in row:
                        yield table, value if isinstance(value, bytes) else str(value).encode()


def _duckdb(data: bytes, beside: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "copy")
        path.write_bytes(data)
        if ".wal" in beside:
            Path(f"{path}.wal").write_bytes(beside[".wal"])
        with closing(duckdb.connect(str(path))) as database:
            for schema, table in database.sql("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                rows = database.sql(f'SELECT COLUMNS(*)::VARCHAR FROM "{schema}"."{table}"').pl()  # noqa: S608
                yield from _columns(table, rows)


def _frame(data: bytes, _beside: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    read = (
        pl.read_parquet
        if data.startswith(b"PAR1")
        else pl.read_ipc
        if data.startswith(b"ARROW1")
        else pl.read_ipc_stream
    )
    frame: pl.DataFrame = read(io.BytesIO(data))
    yield from _columns("", frame)


def _columns(table: str, frame: pl.DataFrame) -> Iterator[tuple[str, bytes]]:
    for column in frame:
        place = f"{table}.{column.name}"
        if column.dtype == pl.Binary:
            yield place, b"\n".join(column.drop_nulls())
        elif column.dtype.is_nested() or column.dtype == pl.Object:
            yield place, str(column.to_list()).encode()
        else:
            yield place, "\n".join(column.cast(pl.String).drop_nulls()).encode()


def _pdf(data: bytes, _beside: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    with pymupdf.Document(stream=data, filetype="pdf") as document:  # type: ignore[no-untyped-call]
        yield "metadata", f"{document.metadata}\n{document.get_xml_metadata()}".encode()
        for page in document:
            text = page.get_text()
            yield f"page {page.number + 1}", text.encode()
            # A cell that is too narrow breaks a word over lines.
            yield f"page {page.number + 1}", re.sub(r"\s", "", text).encode()
        for xref in range(1, document.xref_length()):
            yield f"object {xref}", document.xref_object(xref).encode("utf-8", "surrogateescape")
            if document.xref_is_stream(xref):
                yield f"object {xref}", document.xref_stream(xref) or b""


def _text(data: bytes) -> str | None:
    """The bytes as text, None if they are none in any encoding that an office uses."""
    bom = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in ("utf-16",) if bom else ("utf-8", "cp932", "euc_jp", "utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Nearly any bytes are *something* in UTF-16; a text has no controls and no code points that nobody assigned.
        if not any(
            unicodedata.category(c) in ("Cc", "Cn", "Cs") and c not in "\t\n\r\f\b\a\x1b\x85" for c in set(text)
        ):
            return text
    return None


def _unescaped(name: str, data: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    """The same text with its escapes undone, whatever mixture they are; and what base64 in it unpacks to."""
    text = data.decode("utf-8", "surrogateescape")
    for form, other in (
        ("html", html.unescape(text) if "&" in text else text),
        ("percent", urllib.parse.unquote_plus(text, errors="surrogateescape") if "%" in text else text),
        ("\\u", _ESCAPED.sub(lambda m: chr(int(m[1] or m[2], 16)), text) if "\\" in text else text),
        ("lines joined", re.sub(r"\r?\n[ \t]*", "", text)),
    ):
        if other != text:
            yield f"{name}!{form}", other.encode("utf-8", "surrogatepass")
    for run in _BASE64.findall(data.replace(b"\n", b"").replace(b"\r", b"")):
        whole = run.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        whole = whole[: len(whole) - (len(whole) % 4 == 1)]
        content = base64.b64decode(whole + b"=" * (-len(whole) % 4))
        if content.startswith(_PACKED):
            # Two bytes of a digest look like an archive now and then: what cannot be unpacked was searched as it stands.
            with suppress(UnknownTypeError):
                yield from _leaves(f"{name}!base64", content, {}, depth + 1)
