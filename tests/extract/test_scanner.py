"""The byte-level scanners by themselves, against the standard library's reader: whatever the size of the blocks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import DeclarationError, SourceError
from reconcile.extract import preflight as module
from reconcile.extract.preflight import DelimitedScan, FixedScan, check_names, trimmed
from reconcile.extract.reading import open_regular
from reconcile.extract.structure import Grammar
from reconcile.model import ROW, Column, Envelope, Layout, Preflight, Slot
from tests.extract.forms import CODES, NAMES, TOTAL, csv_bytes, csv_layout, fixed_bytes, fixed_layout

GOOD = csv_bytes("utf-8")
LAYOUT = csv_layout("utf-8")
HEADER = {"municipality": "13107", "extracted_at": "20261101030000"}
REWRITE = "the file may be cut: have it written again"


def blocks(content: bytes, size: int) -> Iterator[bytes]:
    """Of so many characters: a block never ends within one."""
    text = content.decode()
    return (text[at : at + size].encode() for at in range(0, len(text), size))


def scanned(
    content: bytes, layout: Layout | None = None, delimiter: str = ",", size: int = 7
) -> tuple[DelimitedScan, list[bytes], int, Preflight]:
    """The scan, the texts of its bodies, the bytes of all their values, and what was found."""
    scan = DelimitedScan(blocks(content, size), layout, delimiter, "left")
    bodies = [*scan.bodies()]
    assert sum(body.records for body in bodies) == scan.records
    assert all(body.text.endswith(b"\n") and body.records for body in bodies)
    return scan, [body.text for body in bodies], sum(body.value_bytes for body in bodies), scan.preflight(5, "digest")


def refused(content: bytes, layout: Layout | None = None, size: int = 7) -> SourceError:
    with pytest.raises(SourceError) as caught:
        scanned(content, layout, size=size)
    return caught.value


def told(error: SourceError) -> tuple[str, str, str]:
    return error.code, error.where, error.problem


# ------------------------------------------------------------------------------------------------- what is whole is read


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 21, 34, 1_000])
def test_a_good_file_is_read_alike_in_blocks_of_any_size(size: int) -> None:
    scan, texts, values, found = scanned(GOOD, LAYOUT, size=size)
    assert scan.names == ("code", "name")
    assert b"".join(texts) == b"".join(f'{c},"{n}"\r\n'.encode() for c, n in zip(CODES, NAMES, strict=True))
    assert values == sum(11 + len(name.encode()) for name in NAMES)
    assert found == Preflight(
        records=3, source_bytes=5, sha256="digest", trailer_count=3, control_total=TOTAL, header=HEADER
    )


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("trailer", [True, False])
def test_a_layout_may_have_either_envelope_and_either_end_of_line(ends: str, *, header: bool, trailer: bool) -> None:
    records = GOOD.decode().split("\r\n")[:-1]
    content = "".join(line + ends for line in records[0 if header else 1 : None if trailer else -1]).encode()
    layout = replace(
        LAYOUT,
        end_of_record=ends,
        header=LAYOUT.header if header else None,
        trailer=LAYOUT.trailer if trailer else None,
    )
    for size in (1, 4, 50, 1_000):
        scan, _, values, found = scanned(content, layout, size=size)
        assert (scan.records, values) == (3, sum(11 + len(name.encode()) for name in NAMES))
        assert found.header == (HEADER if header else {})
        assert (found.trailer_count, found.control_total) == ((3, TOTAL) if trailer else (None, None))


PIECES = st.lists(st.sampled_from(["a", "1", "あ", ",", '"', '""', "\n", "\r\n", " ", "\t"]), max_size=24)


@given(PIECES, st.integers(1, 40), st.booleans())
def test_what_is_accepted_the_standard_library_reads_the_same(pieces: list[str], size: int, tab: bool) -> None:  # noqa: FBT001
    """And the bytes of the values are those of all its fields together."""
    delimiter = "\t" if tab else ","
    content = f"id{delimiter}v\n".encode() + "".join(pieces).encode()
    try:
        scan, texts, values, found = scanned(content, None, delimiter, size)
    except SourceError:
        return
    expected = [*csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, strict=True)]
    assert scan.names == tuple(expected[0])
    assert scan.records == found.records == len(expected) - 1
    whole = b"".join(texts)
    assert [*csv.reader(io.StringIO(whole.decode(), newline=""), delimiter=delimiter, strict=True)] == expected[1:]
    assert values == sum(len(value.encode()) for row in expected[1:] for value in row)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_last_line_gets_the_end_that_the_others_have(ends: str, size: int) -> None:
    for content, expected in (("id,v|1,a|2,b", "1,a|2,b|"), ("id,v|1,a|", "1,a|"), ("id,v|", ""), ("id,v", "")):
        scan, texts, values, _ = scanned(content.replace("|", ends).encode(), size=size)
        assert b"".join(texts) == expected.replace("|", ends).encode()
        assert values == 2 * scan.records


def test_a_layout_may_state_no_control_total_and_a_first_block_may_be_empty() -> None:
    layout = replace(LAYOUT, control_column="", trailer=Envelope(mark="T", slots={"count": Slot(offset=1)}))
    content = GOOD.replace(f",{TOTAL}".encode(), b"")
    assert scanned(content, layout)[3].trailer_count == 3
    scan = DelimitedScan(iter([b"", content]), layout, ",", "left")
    assert sum(body.records for body in scan.bodies()) == 3


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "5,e"])
@pytest.mark.parametrize("size", [1, 4, 9, 1_000])
def test_a_scan_tells_where_the_data_begins_how_it_is_delimited_and_how_many_lines_it_has(
    ends: str, last: str, size: int
) -> None:
    names = 'id,"a|name"|'.replace("|", ends).encode()
    content = names + f'1,a|2,"b|b"|3,c|{last}'.replace("|", ends).encode()
    scan, *_ = scanned(content, size=size)
    assert content[scan.begin :].startswith(b"1,a")
    assert scan.begin == len(names)
    assert scan.lines == content.count(b"\n") + bool(last)  # the last one gets the end that it lacks
    assert scan.grammar == Grammar(ord(","), ends.encode(), 1024 * 1024)


def test_records_of_the_right_width_are_not_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_refuse_widths", None)
    for content, layout, records in ((GOOD, LAYOUT, 3), (b"id\n1\n2\n", None, 2), (b'a,b,c\n1,"2,",3\n', None, 1)):
        assert scanned(content, layout)[0].records == records


def test_without_any_end_of_line_there_are_names_only() -> None:
    scan, texts, values, found = scanned(b"id,v")
    assert (scan.names, texts, values, found.records) == (("id", "v"), [], 0, 0)


def test_one_column_may_be_empty_if_it_says_so() -> None:
    scan, _, values, _ = scanned(b'id\n""\n"a"\n""""\n')
    assert (scan.records, values) == (3, 2)
    assert told(refused(b'id\n""\n\n1\n')) == ("E_COLUMNS", "left, line 3", "got a blank line")
    assert told(refused(b"id\r\n1\r\n\r\n2\r\n")) == ("E_COLUMNS", "left, line 3", "got a blank line")
    assert scanned(b"id\r\n1\r\n22\r\n")[2] == 3


# ------------------------------------------------------------------------------------------------ what is not, and where

LINES = 'id,"a\nname"\n1,a\n2,"b\nb"\n3,c\n{}\n5,e\n'
"""Two names and records, two of them on two lines: what takes the place of the braces stands on line 7."""


@pytest.mark.parametrize("size", [1, 4, 9, 1_000])
@pytest.mark.parametrize(("line", "told_at", "code", "problem"), [
    ("4,\x01", 7, "E_CONTROL_CHAR", "got a control character"),
    ('4,a"b', 7, "E_QUOTE", "got a quote within a field that is not quoted"),
    ('4,"a"b', 7, "E_QUOTE", "got text after the end of a quoted field"),
    ("4", 7, "E_COLUMNS", "got 1 fields, expected 2"),
    ("4,d,x", 7, "E_COLUMNS", "got 3 fields, expected 2"),
    ("", 7, "E_COLUMNS", "got a blank line"),
    ('4,"d\n\n', 7, "E_QUOTE", "a quoted field does not end"),
    ("4,d\n4\n4,d,x", 8, "E_COLUMNS", "got 1 fields, expected 2"),  # the first of two
    ("4,d,x\n4", 7, "E_COLUMNS", "got 3 fields, expected 2"),  # as many fields as two records have
])  # fmt: skip
def test_the_line_that_an_editor_shows_is_named(line: str, told_at: int, code: str, problem: str, size: int) -> None:
    assert told(refused(LINES.format(line).encode(), size=size)) == (code, f"left, line {told_at}", problem)


def test_a_blank_line_at_the_beginning_of_a_block_is_a_line_too() -> None:
    for size in (1, 5, 1_000):
        assert told(refused(b"id,v\n\n2,\x01\n", size=size))[0] in ("E_COLUMNS", "E_CONTROL_CHAR")
    assert told(refused(b"id,v\n\n2,\x01\n", size=1_000))[:2] == ("E_CONTROL_CHAR", "left, line 3")
    # Before the names: what follows them is not looked at.
    assert told(refused(b"\n\x01\n", size=1_000))[:2] == ("E_HEADER", "left, line 1")


@pytest.mark.parametrize("size", [1, 5, 1_000])
def test_a_declared_end_of_line_is_required_from_the_first_line_on(size: int) -> None:
    for line in range(1, 7):
        parts = GOOD.split(b"\r\n")
        damaged = b"\r\n".join(parts[:line]) + b"\n" + b"\r\n".join(parts[line:])
        error = refused(damaged, LAYOUT, size=size)
        assert told(error) == ("E_EOL", f"left, line {line}", "got LF, expected CRLF to end a line")
    unix = replace(LAYOUT, end_of_record="\n")
    assert told(refused(GOOD, unix, size=size))[:2] == ("E_EOL", "left, line 1")


def test_without_a_layout_the_first_line_says_how_lines_end() -> None:
    assert told(refused(b"id,v\n1,a\r\n"))[:2] == ("E_EOL", "left, line 2")
    assert told(refused(b"id,v\r\n1,a\r\n2,b\n"))[:2] == ("E_EOL", "left, line 3")
    for size in (1, 3, 1_000):
        assert told(refused(LINES.format("4,d\r").encode(), size=size))[:2] == ("E_EOL", "left, line 7")


@pytest.mark.parametrize("size", [1, 6, 1_000])
def test_a_file_that_ends_too_early_is_told_from_a_wrong_one(size: int) -> None:
    incomplete = ("E_TRUNCATED", "left", "the last record is not complete")
    assert told(refused(b"", size=size)) == ("E_EMPTY", "left", "got an empty file, expected records")
    assert told(refused(b"", LAYOUT, size=size)) == ("E_EMPTY", "left", "got an empty file, expected records")
    for content, layout in (
        (GOOD[:10], LAYOUT),  # in the header
        (GOOD[:30], LAYOUT),  # in the names
        (GOOD[:-1], LAYOUT),  # in the trailer's end of line
        (GOOD[:-3], LAYOUT),
        (GOOD[: GOOD.index(b"111")], LAYOUT),  # names only
        (b"id,v\r\n1,a\r", None),
        (b"id,v\r", None),
    ):
        error = refused(content.decode(errors="ignore").encode(), layout, size=size)
        assert told(error) == incomplete
        assert error.hint == REWRITE
    bare = replace(LAYOUT, trailer=None)
    assert told(refused(GOOD[: GOOD.index(b"T,") - 1], bare, size=size)) == incomplete
    whole = GOOD[: GOOD.index(b"T,")]
    assert scanned(whole, bare, size=size)[0].records == 3


@pytest.mark.parametrize("size", [1, 6, 1_000])
def test_the_last_record_of_a_file_is_its_trailer_and_no_other(size: int) -> None:
    problem = "the last record is no trailer, expected the mark 'T' and its items"
    for content in (
        GOOD[: GOOD.index(b"T,")],  # a resident in its place
        GOOD.replace(b"T,3,", b"T,3,1,"),
        GOOD.replace(b"T,3,", b"T"),
        GOOD.replace(b"T,3,", b"TT,3,"),
    ):
        error = refused(content, LAYOUT, size=size)
        assert (*told(error), error.hint) == ("E_TRUNCATED", "left", problem, REWRITE)
    assert told(refused(GOOD.replace(b"T,3,", b"T,x,"), LAYOUT, size=size))[:2] == ("E_COUNT", "left, trailer, count")
    assert told(refused(GOOD.replace(b"T,3,", b"T,4,"), LAYOUT, size=size))[:2] == ("E_COUNT", "left")
    only = Envelope(mark="T", slots={})
    assert scanned(GOOD[: GOOD.index(b"T,")] + b"T\r\n", replace(LAYOUT, trailer=only), size=size)[0].records == 3


@pytest.mark.parametrize("size", [1, 6, 1_000])
def test_the_first_record_of_a_file_is_its_header_and_the_next_one_its_names(size: int) -> None:
    problem = "the first record is no header, expected the mark 'H' and its items"
    for content in (
        GOOD[GOOD.index(b"\n") + 1 :],
        GOOD.replace(b"H,13107,", b"H,13107,x,"),
        GOOD.replace(b"H,", b"h,"),
    ):
        error = refused(content, LAYOUT, size=size)
        assert (*told(error), error.hint) == ("E_HEADER", "left", problem, "")
    assert told(refused(GOOD.replace(b"03000", b"0300x"), LAYOUT, size=size))[:2] == (
        "E_HEADER",
        "left, header, extracted_at",
    )
    renamed = GOOD.replace(",氏名".encode(), ",氏".encode())
    assert told(refused(renamed, LAYOUT, size=size)) == ("E_HEADER", "left, line 2", "column 2 is not named '氏名'")
    added = GOOD.replace(",氏名".encode(), ",氏名,性別".encode())
    assert told(refused(added, LAYOUT, size=size)) == ("E_HEADER", "left, line 2", "got 3 columns, expected 2")
    bare = replace(LAYOUT, header=None)
    turned = GOOD[GOOD.index(b"\n") + 1 :].replace("住民票コード,氏名".encode(), "氏名,住民票コード".encode())
    assert told(refused(turned, bare, size=size)) == (
        "E_HEADER",
        "left, line 1",
        "column 1 is not named '住民票コード'",
    )


def test_what_follows_the_first_lines_is_not_what_is_told_if_they_are_wrong() -> None:
    """A file of another kind: its first line says so, not a control character further on."""
    error = refused(b"nothing,of,the,kind\r\n\x00\r\n\x00\r\n", replace(LAYOUT, header=None), size=1_000)
    assert told(error)[:2] == ("E_HEADER", "left, line 1")
    error = refused(b"x,13107,20261101030000\r\n" + "住民票コード,氏名\r\n".encode() + b"\x00", LAYOUT, size=1_000)
    assert told(error)[:2] == ("E_HEADER", "left")


@pytest.mark.parametrize(("names", "problem"), [
    (["id", ""], "column 2 has no name that can be used"),
    (["id", "v", ROW], "column 3 has no name that can be used"),
    (["id", "*"], "column 2 has no name that can be used"),  # polars: every column
    (["id", "^i.*$", "v"], "column 2 has no name that can be used"),  # polars: every column that begins with i
    (["Id", "v", "iD"], "columns 1 and 3 have the same name"),
    (["v", "ß", "x", "SS"], "columns 2 and 4 have the same name"),  # the same but for case: STRASSE is Straße
])  # fmt: skip
def test_names_that_two_readers_might_take_otherwise_are_refused_by_number(names: list[str], problem: str) -> None:
    with pytest.raises(SourceError) as caught:
        check_names(names, "left, line 1")
    assert told(caught.value) == ("E_HEADER", "left, line 1", problem)
    check_names(["id", "v", "w"], "left")
    assert told(refused(",".join(names).encode() + b"\n")) == ("E_HEADER", "left, line 1", problem)


@pytest.mark.parametrize(("layout", "limit"), [(LAYOUT, 4 * 1024), (None, 1024 * 1024)])
@pytest.mark.parametrize("size", [1_000, 3_000_000])
def test_a_field_is_as_long_as_its_limit_and_no_longer(layout: Layout | None, limit: int, size: int) -> None:
    def file(length: int) -> bytes:
        value = "a" * length
        if layout is None:
            return f"id,v\r\n1,{value}\r\n".encode()
        return GOOD.decode().replace('"あ"', value).encode()

    assert scanned(file(limit), layout, size=size)[0].records == (3 if layout else 1)
    line = 3 if layout else 2
    error = refused(file(limit + 1), layout, size=size)
    assert told(error) == ("E_FIELD_SIZE", f"left, line {line}", f"got a field of more than {limit} bytes")


@pytest.mark.parametrize("delimiter", ["", "a", "1", '"', "\n", "\r", "::", "、"])
def test_a_delimiter_that_cannot_be_one_is_a_wrong_declaration(delimiter: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        DelimitedScan(iter([b"id\n"]), None, delimiter, "left")
    assert caught.value.where == "left"
    assert repr(delimiter) in caught.value.problem


@pytest.mark.parametrize("end", ["\r", ";", "\n\r"])
def test_an_end_of_line_that_cannot_be_one_is_a_wrong_declaration(end: str) -> None:
    with pytest.raises(DeclarationError, match="expected LF or CRLF") as caught:
        DelimitedScan(iter([GOOD]), replace(LAYOUT, end_of_record=end), ",", "left")
    assert caught.value.where == "left"


@pytest.mark.parametrize("delimiter", [";", "|", "\t", " "])
def test_other_delimiters(delimiter: str) -> None:
    scan, _, values, _ = scanned(f"id{delimiter}v\n1{delimiter}a\n".encode(), None, delimiter)
    assert (scan.names, scan.records, values) == (("id", "v"), 1, 2)


# ------------------------------------------------------------------------------------------------------ control totals

NUMBERS = st.lists(st.integers(0, 10**18 - 1), min_size=1, max_size=12)


@given(NUMBERS, st.integers(1, 10**9), st.integers(1, 60), st.data())
def test_the_control_total_is_of_the_codes_wherever_they_stand_and_however_they_are_written(
    numbers: list[int], modulus: int, size: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, 2))
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    names = ["a", "b", "c"]
    lines = []
    for number in numbers:
        fields = ["12", '"x,y"', "7"]
        fields[place] = f'"{number}"' if data.draw(st.booleans()) else str(number)
        lines.append(",".join(fields))
    layout = Layout(
        name="",
        kind="delimited",
        end_of_record=ends,
        columns=tuple(Column(name=f"c{name}", source=name) for name in names),
        trailer=Envelope(mark="T", slots={"control_total": Slot(offset=1)}),
        control_column=f"c{names[place]}",
        control_modulus=modulus,
    )
    total = sum(numbers) % modulus
    for stated in (total, total + 1):
        content = "".join(line + ends for line in ("a,b,c", *lines, f"T,{stated}")).encode()
        if stated == total:
            assert scanned(content, layout, size=size)[3].control_total == total
        else:
            assert refused(content, layout, size=size).code == "E_CONTROL"


def test_codes_at_the_very_end_of_a_file_are_summed_like_all_others() -> None:
    """A short code after a long one: there are fewer bytes behind it than the long one has."""
    layout = Layout(
        name="",
        kind="delimited",
        columns=(Column(name="a", source="a"),),
        header=Envelope(mark="H", slots={"control_total": Slot(offset=1)}),
        control_column="a",
        control_modulus=1_000_003,
    )
    total = (int("9" * 18) + 7) % 1_000_003
    content = f"H,{total}\na\n{'9' * 18}\n7\n".encode()
    assert scanned(content, layout, size=1_000)[3].control_total == total
    assert refused(content.replace(b"\n7\n", b"\n8\n"), layout).code == "E_CONTROL"


@pytest.mark.parametrize(("text", "counts"), [
    ("1" * 18, int("1" * 18)),
    ("1" * 19, 0),  # no code
    ("", 0),
    ('""', 0),
    ("12a", 0),
    ("-1", 0),
    ('"12"', 12),
])  # fmt: skip
def test_what_is_no_number_of_eighteen_digits_counts_nothing(text: str, counts: int) -> None:
    total = (CODES[0] + CODES[2] + counts) % 1_000_000_007
    content = GOOD.decode().replace("22222222222", text).replace(str(TOTAL), str(total)).encode()
    for size in (1, 1_000):
        assert scanned(content, LAYOUT, size=size)[3].control_total == total


# ------------------------------------------------------------------------------------------------------- fixed records


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECORDS_A_BLOCK", 2)


def fixed(folder: Path, content: bytes, layout: Layout) -> tuple[FixedScan, list[tuple[int, bytes]], Preflight]:
    """The scan, its blocks with the number of their first record, and what was found."""
    path = folder / "left.dat"
    path.write_bytes(content)
    with open_regular(path, "left") as reader:
        scan = FixedScan(reader, layout)
        bodies = [(number, records.tobytes()) for number, records in scan.bodies()]
        return scan, bodies, scan.preflight()


def fixed_refused(folder: Path, content: bytes, layout: Layout) -> tuple[str, str, str, str]:
    with pytest.raises(SourceError) as caught:
        fixed(folder, content, layout)
    where = caught.value.where.replace("left (left.dat)", "left")
    return caught.value.code, where, caught.value.problem, caught.value.hint


FIXED = fixed_bytes()
RECORDS = [FIXED[at : at + 24] for at in range(0, len(FIXED), 24)]
HEAD, *DATA, TAIL = RECORDS


def ended(records: Sequence[bytes], end: str) -> bytes:
    return b"".join(record + end.encode() for record in records)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("trailer", [True, False])
@pytest.mark.usefixtures("small_blocks")
def test_fixed_records_are_read_block_by_block_with_their_numbers(
    tmp_path: Path, end: str, *, header: bool, trailer: bool
) -> None:
    layout = fixed_layout(end_of_record=end)
    layout = replace(layout, header=layout.header if header else None, trailer=layout.trailer if trailer else None)
    content = ended([*([HEAD] if header else []), *DATA, *([TAIL] if trailer else [])], end)
    scan, bodies, found = fixed(tmp_path, content, layout)
    assert b"".join(records for _, records in bodies) == ended(DATA, end)
    assert [number for number, _ in bodies] == ([1, 2] if header else [1, 3])
    assert scan.records == 3
    assert found == Preflight(
        records=3,
        source_bytes=len(content),
        sha256=sha256(content).hexdigest(),
        trailer_count=3 if trailer else None,
        control_total=TOTAL if trailer else None,
        header=HEADER if header else {},
    )


def test_a_block_of_fixed_records_is_bounded(tmp_path: Path) -> None:
    layout = replace(fixed_layout(), header=None, trailer=None, control_column="")
    _, bodies, _ = fixed(tmp_path, DATA[0] * 5_000, layout)
    assert [(number, len(records) // 24) for number, records in bodies] == [(1, 4_096), (4_097, 904)]


def test_a_total_is_taken_modulo_that_of_the_layout_and_only_of_a_declared_column(tmp_path: Path) -> None:
    layout = replace(fixed_layout(control_modulus=97), trailer=None)
    scan, _, _ = fixed(tmp_path, b"".join([HEAD, *DATA * 40]), layout)
    assert scan.records == 120
    tail = (b"T%06d%010d" % (120, sum(CODES) * 40 % 97)).ljust(24)
    trailed = fixed_layout(control_modulus=97)
    assert fixed(tmp_path, b"".join([HEAD, *DATA * 40, tail]), trailed)[2].control_total == sum(CODES) * 40 % 97
    bare = fixed_layout(control_column="")
    assert fixed_refused(tmp_path, FIXED, bare)[0] == "E_CONTROL"  # nothing was summed
    assert fixed(tmp_path, b"".join([HEAD, *DATA, b"T0000030000000000".ljust(24)]), bare)[2].control_total == 0


@pytest.mark.usefixtures("small_blocks")
def test_totals_of_several_blocks_are_added(tmp_path: Path) -> None:
    for times in (1, 2, 5):
        tail = (b"T%06d%010d" % (3 * times, TOTAL * times % 1_000_000_007)).ljust(24)
        assert fixed(tmp_path, b"".join([HEAD, *DATA * times, tail]), fixed_layout())[2].records == 3 * times


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize(("end", "wrong"), [("\n", b"x"), ("\r\n", b"\rx"), ("\r\n", b"x\n"), ("\r\n", b"\n\r")])
def test_a_record_that_does_not_end_as_declared_is_told_by_its_place_in_the_file(
    tmp_path: Path, at: int, end: str, wrong: bytes
) -> None:
    stride = 24 + len(end)
    content = bytearray(ended(RECORDS, end))
    content[stride * at + 24 : stride * (at + 1)] = wrong
    assert fixed_refused(tmp_path, bytes(content), fixed_layout(end_of_record=end)) == (
        "E_RECLEN",
        f"left, record {at + 1}",
        "does not end as declared",
        f"records have {stride} bytes",
    )


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("at", range(3))
def test_a_record_without_its_mark_is_told_by_its_number_among_the_residents(tmp_path: Path, at: int) -> None:
    damaged = [*DATA]
    damaged[at] = b"X" + DATA[at][1:]
    assert fixed_refused(tmp_path, b"".join([HEAD, *damaged, TAIL]), fixed_layout()) == (
        "E_RECLEN",
        f"left, record {at + 1}",
        "does not begin with the mark of a data record",
        "records have 24 bytes",
    )
    unmarked = fixed_layout(record_mark="")
    assert fixed(tmp_path, b"".join([HEAD, *damaged, TAIL]), unmarked)[0].records == 3
    whole = fixed_layout(record_mark="D" + "1")
    assert fixed_refused(tmp_path, FIXED, whole)[1] == "left, record 2"  # every byte of the mark counts


@pytest.mark.usefixtures("small_blocks")
def test_a_file_that_is_no_whole_number_of_records_is_refused_where_it_went_wrong(tmp_path: Path) -> None:
    layout = fixed_layout()
    cut = "got {} bytes, expected whole records of 24, header and trailer"
    assert fixed_refused(tmp_path, FIXED[:-1], layout) == ("E_TRUNCATED", "left", cut.format(119), REWRITE)
    assert fixed_refused(tmp_path, FIXED + b"T", layout) == ("E_TRUNCATED", "left", cut.format(121), REWRITE)
    short = b"".join([HEAD, DATA[0][:-1], *DATA[1:], TAIL])
    assert fixed_refused(tmp_path, short, layout)[:2] == ("E_RECLEN", "left, record 2")
    long = b"".join([HEAD, DATA[0], DATA[1] + b"x", DATA[2], TAIL])
    assert fixed_refused(tmp_path, long, layout)[:2] == ("E_RECLEN", "left, record 3")
    for length in (23, 25):  # in a later block
        wrong = [*DATA * 3]
        wrong[6] = wrong[6][:12].ljust(length, b"x")
        content = b"".join([HEAD, *wrong, TAIL])
        assert fixed_refused(tmp_path, content, layout)[:2] == ("E_RECLEN", "left, record 8")
    # The last whole record may be what was cut: it says nothing by itself.
    assert fixed_refused(tmp_path, b"".join([HEAD, *DATA, b"x" * 24, b"y"]), layout)[0] == "E_TRUNCATED"


def test_a_file_too_short_for_its_envelope_is_cut(tmp_path: Path) -> None:
    layout = fixed_layout()
    problem = "got 24 bytes, expected whole records of 24, header and trailer"
    assert fixed_refused(tmp_path, HEAD, layout) == ("E_TRUNCATED", "left", problem, REWRITE)
    empty = b"".join([HEAD, b"T0000000000000000".ljust(24)])
    assert fixed(tmp_path, empty, layout)[1:] == (
        [],
        Preflight(
            records=0,
            source_bytes=48,
            sha256=sha256(empty).hexdigest(),
            trailer_count=0,
            control_total=0,
            header=HEADER,
        ),
    )


@pytest.mark.parametrize("tail", [b"\0", b"\x1a", b"\0" * 10, b"\x1a\0\x1a", b"\0" * 24, b"\x1a" * 24, b"\0" * 48])
def test_what_a_system_leaves_at_the_end_of_a_file_is_no_record(tmp_path: Path, tail: bytes) -> None:
    assert fixed_refused(tmp_path, FIXED + tail, fixed_layout()) == (
        "E_CONTROL_CHAR",
        "left",
        "got NUL or 1A at the end, expected a record",
        "",
    )


def test_a_tail_that_only_begins_or_ends_with_such_bytes_is_a_cut(tmp_path: Path) -> None:
    for tail in (b"\0x\0", b"x\0", b"X", b"0"):
        assert fixed_refused(tmp_path, FIXED + tail, fixed_layout())[0] == "E_TRUNCATED"


def test_the_envelope_of_fixed_records_is_held_to_its_declaration(tmp_path: Path) -> None:
    layout = fixed_layout()
    header = "the first record is no header, expected the mark 'H' and its items"
    trailer = "the last record is no trailer, expected the mark 'T' and its items"
    assert fixed_refused(tmp_path, b"".join([*DATA, TAIL]), layout) == ("E_HEADER", "left", header, "")
    assert fixed_refused(tmp_path, b"".join([HEAD, *DATA]), layout) == ("E_TRUNCATED", "left", trailer, REWRITE)
    no_day = HEAD.replace(b"20261101", b"20261131")
    assert fixed_refused(tmp_path, b"".join([no_day, *DATA, TAIL]), layout)[:2] == (
        "E_HEADER",
        "left, header, extracted_at",
    )
    no_digit = TAIL.replace(b"T000003", b"T00000\xb3")  # a byte that is no ASCII is no digit either
    assert fixed_refused(tmp_path, b"".join([HEAD, *DATA, no_digit]), layout)[:2] == ("E_COUNT", "left, trailer, count")


@pytest.mark.parametrize(("cell", "length"), [
    (b"abcd", 4), (b"abc ", 3), (b"a c ", 3), (b"a   ", 1), (b"   a", 4), (b"    ", 0), (b" b  ", 2),
])  # fmt: skip
def test_the_spaces_that_fill_a_column_up_are_no_part_of_its_value(cell: bytes, length: int) -> None:
    records = np.frombuffer(b"xx" + cell + b" yz" + b"xxabcd yz", np.uint8).reshape(2, 9)
    cells, lengths = trimmed(records, Column(name="c", source="c", offset=2, length=4))
    assert [bytes(row) for row in cells] == [cell, b"abcd"]
    assert lengths.tolist() == [length, 4]
