"""The scanner must find its canary in everything that a value may be written into, before its "0 hits" count."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import pickle
import sqlite3
import urllib.parse
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pymupdf
import pytest
import xlsxwriter

from tests.canary import scan, scan_text

NAME, CODE, SECRET = "カナリア1f0c92aa", "01234509876", bytes(range(100, 132))
CANARIES: dict[str, str | bytes] = {"name": NAME, "code": CODE, "secret": SECRET}
BOTH = f"氏名 {NAME} 番号 {CODE} "


def _sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a, b)")
        database.execute("INSERT INTO t VALUES (?, ?)", (base64.b64encode(gzip.compress(NAME.encode())), int(CODE)))
        database.commit()


def _duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as database:
        rows = [(f"{NAME}", CODE)] * 20_000  # compressed: no search of the bytes finds one
        frame = pl.DataFrame(rows, schema=["a", "b"], orient="row")
        database.execute("CREATE TABLE t AS SELECT * FROM frame")
    assert frame.height == 20_000


def _xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_string(0, 0, NAME)
        book.worksheets()[0].write_comment(1, 1, CODE)


def _pdf(path: Path) -> None:
    with pymupdf.Document() as document:  # type: ignore[no-untyped-call]
        document.new_page().insert_text((72, 72), CODE)
        document.set_metadata({"title": NAME})
        document.save(path, deflate=True)


def _zip_in_zip(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.txt", BOTH * 100)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("b.zip", inner.getvalue())


def _zstd(path: Path) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write((BOTH * 100).encode())


def _in(encoding: str) -> Callable[[Path], int]:
    return lambda path: _write(path, BOTH.encode(encoding))


def _write(path: Path, data: bytes) -> int:
    return path.write_bytes(data)


FRAME = pl.DataFrame({"a": [NAME] * 1000, "b": [int(CODE)] * 1000})
FORMATS: dict[str, Callable[[Path], object]] = {
    "utf-8": _in("utf-8"),
    "cp932": _in("cp932"),
    "euc-jp": _in("euc_jp"),
    "utf-16": _in("utf-16"),
    "utf-16-be": _in("utf-16-be"),
    "json escapes": lambda path: _write(path, json.dumps({"a": BOTH}).encode()),
    "url": lambda path: _write(path, urllib.parse.quote(BOTH).replace("4509", "%34509").encode()),
    "html entities": lambda path: _write(path, "".join(f"&#{ord(c)};" for c in BOTH).encode()),
    "html, one entity of many": lambda path: _write(
        path, BOTH.replace("ナ", "&#12490;").replace("5", "&#x35;").encode()
    ),
    "base64 of a pickle": lambda path: _write(path, base64.b64encode(b"x" + pickle.dumps({"a": BOTH}))),
    "base64 of cp932, at 1": lambda path: _write(path, base64.b64encode(b"x" + BOTH.encode("cp932"))),
    "base64 at 2, in lines": lambda path: _write(path, base64.encodebytes(b"xy" + (BOTH * 3).encode())),
    "hex": lambda path: _write(path, BOTH.encode("cp932").hex().encode()),
    "python's bytes": lambda path: _write(path, repr(BOTH.encode("cp932")).encode()),
    "leading zeros lost": lambda path: _write(path, f"{NAME},{int(CODE)}".encode()),
    "grouped digits": lambda path: _write(path, f"{NAME} 0123-4509-876".encode()),
    "full-width digits": lambda path: _write(path, f"{NAME} ０１２３４５０９８７６".encode()),
    "gzip": lambda path: _write(path, gzip.compress((BOTH * 100).encode("cp932"))),
    "zip in a zip": _zip_in_zip,
    "zstd": _zstd,
    "xlsx": _xlsx,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "parquet": lambda path: FRAME.write_parquet(path, compression="zstd"),
    "arrow": lambda path: FRAME.write_ipc(path, compression="zstd"),
    "arrow stream": lambda path: FRAME.write_ipc_stream(path, compression="lz4"),
    "pdf": _pdf,
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_canary_is_found_in(form: str, tmp_path: Path) -> None:
    FORMATS[form](tmp_path / "artifact")

    found = scan(tmp_path, CANARIES)

    assert found.unknown == ()
    assert {hit.canary for hit in found.hits} == {"name", "code"}
    assert found.files_with("name") == {"artifact"}


def test_a_value_that_no_plain_search_finds_is_in_most_of_these(tmp_path: Path) -> None:
    """Otherwise the decoding above shows nothing."""
    for number, write in enumerate(FORMATS.values()):
        write(tmp_path / str(number))
    plain = [path for path in tmp_path.iterdir() if NAME.encode() in path.read_bytes()]
    assert len(plain) <= len(FORMATS) // 2


@pytest.mark.parametrize(
    "text",
    [
        f"key {SECRET.hex()}",
        f"key {base64.b64encode(SECRET).decode()}",
        f"key {base64.urlsafe_b64encode(b'a' + SECRET).decode()}",
        f"key {SECRET!r}",
    ],
)
def test_a_key_is_found_in_a_stream(text: str) -> None:
    assert scan_text(text, CANARIES) == {"secret"}


def test_a_file_name_and_a_link_s_target_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.txt").write_text("x")
    (tmp_path / "link").symlink_to(f"/nowhere/{CODE}")

    found = scan(tmp_path, CANARIES)

    assert {hit.canary for hit in found.hits} == {"name", "code"}
    assert found.files == 2


def test_what_was_written_to_a_sqlite_log_only_is_found(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (a)")
        database.execute("INSERT INTO t VALUES (?)", (html.escape(NAME).encode("utf-16-le"),))
        database.commit()

        found = scan(tmp_path, CANARIES)

    assert found.unknown == ()
    assert "a.db-wal" in found.files_with("name")
    assert "a.db" in found.files_with("name")


def test_an_unknown_type_is_told_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"\x07\x00\xff\xfe" * 9 + bytes(range(256)))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(BOTH.encode())[:-9])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 cut")
    assert [name.partition(":")[0] for name in scan(tmp_path, CANARIES).unknown] == ["blob", "cut.gz", "cut.parquet"]


def test_what_holds_no_canary_has_no_hit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"カナリア{NAME[4:-1]} {CODE[1:-1]} 5")
    pl.DataFrame({"a": [CODE[:-1]]}).write_parquet(tmp_path / "b.parquet")
    (tmp_path / "site.key").write_bytes(bytes(32))

    found = scan(tmp_path, CANARIES)

    assert (found.hits, found.unknown, found.files) == ((), (), 3)
    assert html.escape(NAME) == NAME
