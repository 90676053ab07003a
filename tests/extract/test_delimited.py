"""Text exactly as it stands in CSV and TSV, whatever the encoding, the quoting and where the blocks end."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import SourceError
from reconcile.extract import delimited, extract
from reconcile.extract.delimited import parse
from reconcile.extract.encoding import as_utf8
from reconcile.extract.preflight import Body, DelimitedScan
from reconcile.model import DelimitedSource, Side
from tests.extract.forms import Desk, csv_bytes, csv_layout, rows_of

TEXT = st.text(st.sampled_from("a1あ𠮷髙\u3000\ufeff\U000e0100,\"' \n\t;"), max_size=6)
# What a field is: its text, and whether the writer put quotes around it.
FIELD = st.tuples(TEXT, st.booleans())
ENDS = st.sampled_from(["\n", "\r\n"])


def written(field: tuple[str, bool]) -> str:
    text, quoted = field
    return '"' + text.replace('"', '""') + '"' if quoted or any(mark in text for mark in ',"\n') else text


def blocks(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def read(parts: list[bytes], encoding: str = "utf-8") -> list[tuple[str | None, ...]]:
    scan = DelimitedScan(as_utf8(iter(parts), encoding, "left"), None, ",", "left")
    return [row for body in scan.bodies() for row in parse(body, scan.names, ",", "left").rows()]


@given(st.lists(st.tuples(FIELD, FIELD, FIELD)), ENDS, st.integers(1, 64))
def test_every_text_comes_out_as_it_went_in_wherever_blocks_end(
    rows: list[tuple[tuple[str, bool], ...]], end: str, size: int
) -> None:
    content = "".join(",".join(map(written, row)) + end for row in rows)
    expected = [tuple(None if field == ("", False) else field[0] for field in row) for row in rows]
    whole = ("a,b,c" + end + content).encode()
    assert read(blocks(whole, size)) == expected
    by_stdlib = [tuple(row) for row in csv.reader(io.StringIO(content, newline=""), strict=True)]
    assert [tuple(value or "" for value in row) for row in expected] == by_stdlib


@given(st.lists(st.text(st.sampled_from("aｱあ髙―～－\ue000\ue757表ソ"), min_size=1, max_size=5)), st.integers(1, 9))
def test_cp932_gives_what_pythons_own_codec_gives_wherever_blocks_end(values: list[str], size: int) -> None:
    content = ("名,v\r\n" + "".join(f'"{value}",x\r\n' for value in values)).encode("cp932")
    expected = [(value, "x") for value in values]
    assert read(blocks(content, size), "cp932") == expected
    assert [row[0] for row in csv.reader(io.StringIO(content.decode("cp932"), newline=""))][1:] == values


def test_gaiji_become_private_use_and_double_codes_become_one(desk: Desk) -> None:
    # F040 is the first code of the user-defined area; 髙 has two codes (reference/domain.md §12, 8).
    content = b"a,b,c\n\xf0\x40,\xee\xe0,\xfb\xfc\n"
    assert desk.rows(content, encoding="cp932") == [("\ue000", "髙", "髙")]


@pytest.mark.parametrize("byte", [0x80, 0xA0, 0xFD, 0xFE, 0xFF])
def test_a_byte_without_a_character_in_cp932_is_refused(desk: Desk, byte: int) -> None:
    refusal = desk.refusal(b"a,b\n1,x\n2," + bytes([byte]) + b"\n", encoding="cp932")
    assert (refusal.code, refusal.where) == ("E_ENCODING", "left (left.csv), line 3")


def test_an_undecodable_byte_is_named_by_its_line(desk: Desk) -> None:
    refusal = desk.refusal('a,b\n1,"あ\nい"\n2,'.encode() + b"\xff\n")
    assert (refusal.code, refusal.where) == ("E_ENCODING", "left (left.csv), line 4")


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "euc-jp", "sjis-win", ""])
def test_an_encoding_that_is_not_supported_is_refused_not_guessed(desk: Desk, encoding: str) -> None:
    assert desk.refusal(b"a\n1\n", encoding=encoding).code == "E_ENCODING"


def test_nothing_is_typed_trimmed_or_taken_for_missing(desk: Desk) -> None:
    values = ("0123", "1.0", "1e3", "NULL", "NA", "nan", "true", "2026-01-01", " a ", "\u3000", "２", "-0")
    content = "v,w\n" + "".join(f"{value},x\n" for value in values)
    assert [row[0] for row in desk.rows(content.encode())] == list(values)


def test_nothing_is_null_and_quoted_nothing_is_empty_text(desk: Desk) -> None:
    assert desk.rows(b'a,b,c\n,"",\n') == [(None, "", None)]


def test_one_column_may_hold_quoted_nothing(desk: Desk) -> None:
    assert desk.rows(b'a\n""\nx\n') == [("",), ("x",)]


def test_tabs_delimit_where_the_file_is_named_tsv_and_are_text_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "left.TSV"
    path.write_bytes(b"a\tb\n1,5\t2\n")
    assert extract(DelimitedSource(path=path), Side.LEFT, tmp_path / "work").columns == ("a", "b")
    path = tmp_path / "left.csv"
    path.write_bytes(b"a\tb,c\n1,2\n")
    assert extract(DelimitedSource(path=path), Side.LEFT, tmp_path / "work").columns == ("a\tb", "c")


def test_columns_are_named_by_the_layout_where_there_is_one(desk: Desk) -> None:
    assert desk.snapshot(csv_bytes("cp932"), csv_layout("cp932")).columns == ("code", "name")


def test_records_keep_their_order_over_many_blocks_and_row_groups(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 4096)
    seen: list[int] = []
    source = desk.source(b"n\n" + b"".join(b"%d\n" % number for number in range(20_000)))
    snapshot = extract(source, Side.LEFT, desk.work, progress=seen.append)
    assert snapshot.rows == seen[-1] == 20_000
    assert seen == sorted(seen)
    assert len(seen) > 20
    assert rows_of(snapshot) == [(str(number),) for number in range(20_000)]


def test_a_parser_that_reads_other_records_than_the_scanner_stops_the_run() -> None:
    # The scanner's count of such a body is one more, or its bytes are others: as if either of the two had a fault.
    for body in (Body(b"1,a\n2,b\n", 3, 4), Body(b"1,a\n2,b\n", 2, 5)):
        with pytest.raises(SourceError) as caught:
            parse(body, ("id", "v"), ",", "left")
        assert caught.value.code == "E_COUNT"
    assert parse(Body(b"1,a\n2,b\n", 2, 4), ("id", "v"), ",", "left").height == 2
