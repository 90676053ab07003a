"""What the byte-level scanner refuses: the files of `reference/reliability.md` §2.2 A, and every cut and bit flip."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import socket
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconcile.errors import DeclarationError, SourceError
from reconcile.extract import extract
from reconcile.extract.delimited import parse
from reconcile.extract.encoding import as_utf8
from reconcile.extract.envelope import control_total
from reconcile.extract.preflight import DelimitedScan
from reconcile.extract.reading import open_regular
from reconcile.model import DelimitedSource, Layout, Side
from tests.extract.forms import CODES, NAMES, TOTAL, Desk, csv_bytes, csv_layout, fixed_bytes, fixed_layout

GOOD = csv_bytes("utf-8")
LAYOUT = csv_layout("utf-8")
PEOPLE = [(str(code), name) for code, name in zip(CODES, NAMES, strict=True)]


def declared(old: str, new: str) -> bytes:
    """The good file with a text replaced."""
    assert old in GOOD.decode()
    return GOOD.decode().replace(old, new).encode()


# Name of the fault -> the file, its code. `reference/reliability.md` numbers in the names.
REFUSED_WITH_LAYOUT: dict[str, tuple[bytes, str]] = {
    "F001 empty": (b"", "E_EMPTY"),
    "F001 byte order mark only": (b"\xef\xbb\xbf", "E_EMPTY"),
    "F005 cut in the last field": (GOOD[:-5], "E_TRUNCATED"),
    "F005 cut in a character": (GOOD[: GOOD.index("お".encode()) + 1], "E_TRUNCATED"),
    "F006 cut at the end of a record": (GOOD[: GOOD.rindex(b"T,")], "E_TRUNCATED"),
    "F007 trailer missing, names only": (GOOD[: GOOD.index(b"111")], "E_TRUNCATED"),
    "F008 trailer counts one too many": (declared("T,3,", "T,4,"), "E_COUNT"),
    "F008 trailer counts one too few": (declared("T,3,", "T,2,"), "E_COUNT"),
    "F008 trailer counts none": (declared("T,3,", "T,0,"), "E_COUNT"),
    "F008 negative count": (declared("T,3,", "T,-3,"), "E_COUNT"),
    "F008 full-width count": (declared("T,3,", "T,３,"), "E_COUNT"),
    "F009 a record replaced": (declared("22222222222", "22222222223"), "E_CONTROL"),
    "F009 a code lost": (declared("22222222222", ""), "E_CONTROL"),
    "F012 UTF-16": (GOOD.decode().encode("utf-16"), "E_ENCODING"),
    "F012 UTF-16 without a mark": (GOOD.decode().encode("utf-16-le"), "E_ENCODING"),
    "F013 cp932 where utf-8 is declared": (csv_bytes("cp932"), "E_ENCODING"),
    "F011 two byte order marks": (b"\xef\xbb\xbf" * 2 + GOOD, "E_ENCODING"),
    "F014 a surrogate": (GOOD.replace("あ".encode(), b"\xed\xa0\x80"), "E_ENCODING"),
    "F016 one LF among CRLF": (declared('"あ"\r\n', '"あ"\n'), "E_EOL"),
    "F016 CR CR LF": (declared('"あ"\r\n', '"あ"\r\r\n'), "E_EOL"),
    "F016 CR only": (GOOD.replace(b"\r\n", b"\r"), "E_EOL"),
    "F016 LF where CRLF is declared": (GOOD.replace(b"\r\n", b"\n"), "E_EOL"),
    "F017 NUL in a field": (declared("あ", "\0"), "E_CONTROL_CHAR"),
    "F017 NUL tail of 4 KiB": (GOOD + bytes(4096), "E_CONTROL_CHAR"),
    "F018 1A at the end": (GOOD + b"\x1a", "E_CONTROL_CHAR"),
    "F018 1A instead of the last line": (GOOD[:-2] + b"\x1a", "E_CONTROL_CHAR"),
    "F017 DEL": (declared("あ", "\x7f"), "E_CONTROL_CHAR"),
    "F017 escape": (declared("あ", "\x1b[2J"), "E_CONTROL_CHAR"),
    "F019 quote in an unquoted field": (declared('"あ"', '佐藤"花子'), "E_QUOTE"),
    "F019 text after a quote": (declared('"あ"', '"あ"い'), "E_QUOTE"),
    "F019 unbalanced quote": (declared('"あ"', '"あ'), "E_QUOTE"),
    "F021 short record": (declared(',"あ"', ""), "E_COLUMNS"),
    "F021 long record": (declared('"あ"', '"あ",x'), "E_COLUMNS"),
    "F022 blank line": (declared('"あ"\r\n', '"あ"\r\n\r\n'), "E_COLUMNS"),
    "F022 blank line at the end": (GOOD + b"\r\n", "E_COLUMNS"),
    "F024 names missing": (declared("住民票コード,氏名\r\n", ""), "E_HEADER"),
    "F024 header record missing": (GOOD[GOOD.index("住".encode()) :], "E_HEADER"),
    "F025 columns in another order": (declared("住民票コード,氏名", "氏名,住民票コード"), "E_HEADER"),
    "F026 column added": (declared("住民票コード,氏名", "住民票コード,氏名,性別"), "E_HEADER"),
    "F026 column renamed": (declared(",氏名", ",氏 名"), "E_HEADER"),
    "F026 extraction time not digits": (declared("20261101030000", "2026-11-01 03:"), "E_HEADER"),
    "F026 extraction time too short": (declared("20261101030000", "20261101"), "E_HEADER"),
    "F027 semicolons": (GOOD.replace(b",", b";"), "E_HEADER"),
    "F028 field over 4 KiB": (declared("あ", "あ" * 1366), "E_FIELD_SIZE"),
    "two files one after the other": (GOOD + GOOD, "E_COLUMNS"),
    "something after the trailer": (GOOD + b"33333333333,x\r\n", "E_COLUMNS"),
}

REFUSED_WITHOUT_LAYOUT: dict[str, tuple[bytes, str]] = {
    "F001 empty": (b"", "E_EMPTY"),
    "F016 LF, then CRLF": (b"id,v\n1,a\r\n", "E_EOL"),
    "F016 CRLF, then LF": (b"id,v\r\n1,a\n", "E_EOL"),
    "F016 CR only": (b"id,v\r1,a\r", "E_EOL"),
    "F005 cut between CR and LF": (b"id,v\r\n1,a\r", "E_TRUNCATED"),
    "F019 quote not closed": (b'id,v\n1,"a\n2,b\n', "E_QUOTE"),
    "F020 newline outside quotes": (b"id,v\n1,a\nb\n", "E_COLUMNS"),
    "F021 short record": (b"id,v,w\n1,a\n", "E_COLUMNS"),
    "F022 blank line": (b"id,v\n1,a\n\n2,b\n", "E_COLUMNS"),
    "F022 blank line in one column": (b"id\n1\n\n2\n", "E_COLUMNS"),
    "F022 blank line first": (b"\nid\n1\n", "E_HEADER"),
    "F023 duplicate name": (b"id,v,id\n1,a,2\n", "E_HEADER"),
    "names that differ by case": (b"id,Name,name\n1,a,b\n", "E_HEADER"),
    "a column without a name": (b"id,\n1,a\n", "E_HEADER"),
    "a column with the name of ours": (b"_row,v\n1,a\n", "E_HEADER"),
    "F028 field over 1 MiB": (b"id,v\n1," + b"a" * (1024 * 1024 + 1) + b"\n", "E_FIELD_SIZE"),
    "F028 quoted field that never ends": (b'id,v\n1,"' + b"a\n" * (3 * 1024 * 1024), "E_QUOTE"),
}


@pytest.mark.parametrize("fault", REFUSED_WITH_LAYOUT)
def test_a_damaged_file_of_a_known_layout_is_refused_with_its_code(desk: Desk, fault: str) -> None:
    content, code = REFUSED_WITH_LAYOUT[fault]
    assert desk.refusal(content, LAYOUT).code == code


@pytest.mark.parametrize("fault", REFUSED_WITHOUT_LAYOUT)
def test_a_damaged_file_of_which_nothing_is_known_is_refused_with_its_code(desk: Desk, fault: str) -> None:
    content, code = REFUSED_WITHOUT_LAYOUT[fault]
    assert desk.refusal(content).code == code


def test_the_good_file_of_each_form_is_read_with_what_it_says_of_itself(desk: Desk, form: tuple[bytes, Layout]) -> None:
    content, layout = form
    preflight = desk.snapshot(content, layout).preflight
    assert [row[:2] for row in desk.rows(content, layout)] == PEOPLE
    assert (preflight.records, preflight.trailer_count, preflight.control_total) == (3, 3, TOTAL)
    assert preflight.header == {"municipality": "13107", "extracted_at": "20261101030000"}
    assert (preflight.source_bytes, preflight.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_file_cut_at_any_byte_is_refused(desk: Desk, form: tuple[bytes, Layout]) -> None:
    content, layout = form
    for size in range(len(content)):
        desk.refusal(content[:size], layout)


def test_a_file_with_any_record_removed_doubled_or_swapped_is_refused_or_the_same_set(
    desk: Desk, form: tuple[bytes, Layout]
) -> None:
    content, layout = form
    size = layout.record_bytes
    records = [content[i : i + size] for i in range(0, len(content), size)] if size else content.splitlines(True)
    for at in range(len(records)):
        desk.refusal(b"".join(records[:at] + records[at + 1 :]), layout)
        desk.refusal(b"".join([*records[: at + 1], *records[at:]]), layout)
    first = next(i for i, record in enumerate(records) if str(CODES[0]).encode() in record)
    records[first], records[first + 1] = records[first + 1], records[first]
    assert sorted(row[:2] for row in desk.rows(b"".join(records), layout)) == PEOPLE


def test_a_flipped_bit_is_refused_or_shows_in_the_data_and_never_in_a_code(
    desk: Desk, form: tuple[bytes, Layout]
) -> None:
    content, layout = form
    for at in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[at] ^= 1 << bit
            try:
                found = desk.rows(bytes(damaged), layout)
            except SourceError:
                continue
            # The control total covers the codes; what else is accepted has the same people under them.
            assert [row[0] for row in found] == [str(code) for code in CODES]


def test_a_refusal_names_the_line_and_no_value(desk: Desk) -> None:
    names = "123-canary-山田"
    lines = ["id,name,age", "1,a,30", f"2,{names}", "3,b,31"]
    refusal = desk.refusal("\n".join(lines).encode())
    assert str(refusal) == "left (left.csv), line 3: got 2 fields, expected 3."
    shifted = desk.refusal(f'id,name\n1,"a\nb"\n2,{names}\x01\n'.encode())
    assert shifted.where == "left (left.csv), line 4", "lines are those an editor shows"


@pytest.mark.parametrize("fault", REFUSED_WITH_LAYOUT)
def test_no_refusal_of_a_known_layout_quotes_a_person(desk: Desk, fault: str) -> None:
    text = str(desk.refusal(REFUSED_WITH_LAYOUT[fault][0], LAYOUT))
    assert not any(value in text for value in (*map(str, CODES), "えおか", "佐藤", "花子", str(TOTAL)))


def test_without_a_layout_the_last_line_may_lack_its_end(desk: Desk) -> None:
    assert desk.rows(b"id,v\n1,a\n2,b") == [("1", "a"), ("2", "b")]
    assert desk.rows(b"id,v\r\n1,a\r\n2,b") == [("1", "a"), ("2", "b")]
    assert desk.rows(b"id,v") == []


def test_a_file_with_names_and_no_records_has_no_rows(desk: Desk) -> None:
    snapshot = desk.snapshot(b"id,v\n")
    assert (snapshot.rows, snapshot.preflight.records, snapshot.columns) == (0, 0, ("id", "v"))
    empty = b"H,13107,20261101030000\r\n" + "住民票コード,氏名\r\n".encode() + b"T,0,0\r\n"
    assert desk.rows(empty, LAYOUT) == []


def test_one_byte_order_mark_is_taken_off_and_only_at_the_beginning(desk: Desk) -> None:
    assert desk.snapshot(b"\xef\xbb\xbfid,v\n1,a\n").columns == ("id", "v")
    assert desk.rows("id,v\n\ufeff1,a\n".encode()) == [("\ufeff1", "a")]


def test_records_are_counted_not_lines(desk: Desk) -> None:
    snapshot = desk.snapshot(b'id,v\n1,"a\nb\r\nc"\n"2","x,""y"""\n')
    assert snapshot.preflight.records == snapshot.rows == 2


def test_a_field_of_4_kib_is_read_and_one_byte_more_is_not(desk: Desk) -> None:
    record = GOOD.decode().replace('"あ"', "{}")
    assert desk.rows(record.format("a" * 4096).encode(), LAYOUT)[0][1] == "a" * 4096
    assert desk.refusal(record.format("a" * 4097).encode(), LAYOUT).code == "E_FIELD_SIZE"


@pytest.mark.parametrize("delimiter", ["", "a", "1", '"', "\n", "::", "、"])
def test_a_delimiter_that_cannot_be_one_is_a_wrong_declaration(delimiter: str) -> None:
    with pytest.raises(DeclarationError):
        DelimitedScan(iter([b"id\n"]), None, delimiter, "left")


# ------------------------------------------------------------------------------------------------- control totals


@given(st.lists(st.integers(0, 10**18 - 1)), st.integers(1, 2**32 - 1))
def test_the_control_total_is_the_sum_of_the_numbers(numbers: list[int], modulus: int) -> None:
    texts = [str(number).encode() for number in numbers]
    digits = np.frombuffer(b"".join(t.ljust(18) for t in texts), np.uint8).reshape(-1, 18)
    lengths = np.array([len(t) for t in texts], np.int64)
    assert control_total(digits, lengths, modulus) == sum(numbers) % modulus


@pytest.mark.parametrize("text", ["", "12a", "１２", "-1", " 1", "1 2"])
def test_what_is_no_number_counts_nothing_in_the_control_total(desk: Desk, text: str) -> None:
    content = GOOD.decode().replace("22222222222", text).replace(str(TOTAL), str((CODES[0] + CODES[2]) % 1_000_000_007))
    assert [row[0] for row in desk.rows(content.encode(), LAYOUT)] == ["11111111111", text or None, "33333333333"]


# ---------------------------------------------------------------------------------------------------- the opened file


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    expected = {
        fifo: "E_NOT_A_FILE",
        tmp_path: "E_NOT_A_FILE",
        tmp_path / "socket": "E_NOT_A_FILE",
        Path("/dev/null"): "E_NOT_A_FILE",
        tmp_path / "nothing": "E_NOT_FOUND",
        circle: "E_NOT_FOUND",
        Path("a\0b"): "E_NOT_FOUND",
    }
    with listening:
        for path, code in expected.items():
            with pytest.raises(SourceError) as caught:
                extract(DelimitedSource(path=path), Side.LEFT, tmp_path / "work")
            assert caught.value.code == code


def test_a_link_named_by_a_person_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"id\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert extract(DelimitedSource(path=tmp_path / "link.csv"), Side.LEFT, tmp_path / "work").rows == 1


def test_a_file_that_grows_or_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    for change in (b"x" * 200, b"x"):
        path.write_bytes(b"a" * 100)
        with open_regular(path, "left") as reader:
            blocks_left = reader.blocks(30)
            next(blocks_left)
            path.write_bytes(change)
            with pytest.raises(SourceError) as caught:
                list(blocks_left)
        assert caught.value.code == "E_UNSTABLE"


def test_the_snapshot_is_for_its_owner_only(desk: Desk) -> None:
    snapshot = desk.snapshot(b"id\n1\n")
    assert snapshot.path.stat().st_mode & 0o777 == 0o600
    assert snapshot.path.parent.stat().st_mode & 0o777 == 0o700


# ------------------------------------------------------------------------------------------------------- fixed width

FIXED = fixed_bytes()
REFUSED_FIXED: dict[str, tuple[bytes, str]] = {
    "F036 a byte too few in the middle": (FIXED[:30] + FIXED[31:], "E_RECLEN"),
    "F036 records with an end of line not declared": (
        b"".join(FIXED[i : i + 24] + b"\n" for i in range(0, len(FIXED), 24)),
        "E_RECLEN",
    ),
    "F017 NUL tail": (FIXED + bytes(10), "E_CONTROL_CHAR"),
    "F017 NUL record at the end": (FIXED + bytes(24), "E_CONTROL_CHAR"),
    "F018 1A at the end": (FIXED + b"\x1a", "E_CONTROL_CHAR"),
    "F013 a byte that is not ASCII": (FIXED.replace(b"ok", b"o\xeb", 1), "E_ENCODING"),
    "F017 NUL in an ASCII column": (FIXED.replace(b"ok", b"o\0", 1), "E_CONTROL_CHAR"),
    "F024 header missing": (FIXED[24:], "E_HEADER"),
    "F007 trailer missing": (FIXED[:-24], "E_TRUNCATED"),
    "F005 cut in a record": (FIXED[:-1], "E_TRUNCATED"),
    "F008 wrong count": (FIXED.replace(b"T000003", b"T000004"), "E_COUNT"),
    "F008 blank count": (FIXED.replace(b"T000003", b"T     3"), "E_COUNT"),
    "F009 wrong control total": (FIXED.replace(b"22222222222", b"22222222223"), "E_CONTROL"),
    "header among the data": (FIXED[:48] + FIXED[:24] + FIXED[48:], "E_RECLEN"),
    "header only": (FIXED[:24], "E_TRUNCATED"),
}


@pytest.mark.parametrize("fault", REFUSED_FIXED)
def test_a_damaged_fixed_width_file_is_refused_with_its_code(desk: Desk, fault: str) -> None:
    content, code = REFUSED_FIXED[fault]
    assert desk.refusal(content, fixed_layout()).code == code


def test_the_first_bad_record_is_named_by_its_number(desk: Desk) -> None:
    bad = FIXED[: 24 * 3] + FIXED[24 * 3 : 24 * 4].replace(b"ok", b"o\xff") + FIXED[24 * 4 :]
    assert desk.refusal(bad, fixed_layout()).where == "left (left.csv), record 3, mark"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_fixed_width_record_ends_as_declared(desk: Desk, end: str) -> None:
    layout = fixed_layout(end_of_record=end)
    content = b"".join(FIXED[i : i + 24] + end.encode() for i in range(0, len(FIXED), 24))
    assert [row[0] for row in desk.rows(content, layout)] == [str(code) for code in CODES]
    broken = bytearray(content)
    broken[(24 + len(end)) * 2 - 1] = ord(" ")
    assert desk.refusal(bytes(broken), layout).code == "E_RECLEN"


# -------------------------------------------------------------------------------- against the standard library's reader

DIALECT_BYTES = st.lists(st.sampled_from([b"a", b"1", "あ".encode(), b",", b'"', b"\n", b"\r\n", b" "]), max_size=24)


def blocks(content: bytes, size: int) -> list[bytes]:
    edges = [*range(0, len(content), size), len(content)]
    return [content[a:b] for a, b in pairwise(edges)]


@given(DIALECT_BYTES, st.integers(1, 40))
@example([b"a", b",", b"b", b"\n", b'"', b'"', b'"', b'"', b",", b"\n"], 3)
def test_what_is_accepted_the_standard_library_reads_the_same(pieces: list[bytes], size: int) -> None:
    content = b"id,v\n" + b"".join(pieces)
    try:
        scan = DelimitedScan(as_utf8(iter(blocks(content, size)), "utf-8", "left"), None, ",", "left")
        found = [row for body in scan.bodies() for row in parse(body, scan.names, ",", "left").rows()]
    except SourceError:
        return
    expected = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))[1:]
    assert [[value or "" for value in row] for row in found] == expected
    assert scan.records == len(expected)
