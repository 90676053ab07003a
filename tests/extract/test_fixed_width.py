"""Records cut by byte: ASCII and 住基ネット統一文字, filling, and what stands at the edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import SourceError
from reconcile.extract import extract
from reconcile.extract.fixed_width import cut
from reconcile.extract.layout import read_layout
from reconcile.model import Column, FixedWidthSource, Layout, Side
from tests.extract.forms import CODES, Desk, fixed_bytes, fixed_layout, rows_of

ASCII = Layout(
    name="ascii",
    kind="fixed_width",
    record_bytes=8,
    end_of_record="",
    columns=(Column(name="a", offset=0, length=3), Column(name="b", offset=3, length=5)),
)
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


def records(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer("".join(texts).encode("ascii"), np.uint8).reshape(len(texts), 8)


@given(st.lists(st.tuples(PRINTABLE, PRINTABLE).map(lambda pair: (pair[0][:3], pair[1][:5])), min_size=1))
def test_only_the_spaces_that_fill_a_field_are_cut_off(values: list[tuple[str, str]]) -> None:
    frame = cut(records([a.ljust(3) + b.ljust(5) for a, b in values]), ASCII, 1, "left")
    assert frame.rows() == [tuple(text.rstrip(" ") or None for text in pair) for pair in values]


def test_spaces_before_a_value_belong_to_it() -> None:
    assert cut(records([" a  b c "]), ASCII, 1, "left").rows() == [(" a", " b c")]


def test_juki_codes_are_cut_by_byte_and_decoded_by_table(desk: Desk) -> None:
    # J+AEAC is 𠮷, beyond the basic plane; UTF-16 would read a Hangul syllable (reference/domain.md §3.1).
    name = b"\xae\xac\x30\x42\x30\x00\x30\x00"
    content = fixed_bytes().replace("あ\u3000\u3000\u3000".encode("utf-16-be"), name)
    found = desk.rows(content, fixed_layout())
    assert found[0][1] == "\U00020bb7あ"
    assert found[1] == ("22222222222", "いう", "ok")


def test_a_field_of_filling_only_is_null(desk: Desk) -> None:
    content = fixed_bytes().replace("あ".encode("utf-16-be"), "\u3000".encode("utf-16-be")).replace(b"ok  ", b"    ")
    assert desk.rows(content, fixed_layout())[0] == ("11111111111", None, None)


def test_low_bytes_of_juki_codes_are_no_control_characters(desk: Desk) -> None:
    # 一 is J+4E00 and ends in NUL, as a record may.
    columns = (Column(name="code", offset=1, length=11), Column(name="name", offset=12, length=12, charset="juki"))
    content = b"".join(b"D%011d" % code + "あ一一一一一".encode("utf-16-be") for code in CODES)
    layout = fixed_layout(columns=columns, header=None, trailer=None)
    assert {row[1] for row in desk.rows(content, layout)} == {"あ一一一一一"}


def test_a_file_without_envelope_and_marks_is_whole_records(desk: Desk) -> None:
    assert desk.rows(b"abc12345" * 3, ASCII) == [("abc", "12345")] * 3
    assert desk.refusal(b"abc12345" * 3 + b"a", ASCII).code == "E_TRUNCATED"


def test_records_keep_their_order_over_many_blocks(desk: Desk) -> None:
    content = b"".join(b"%08d" % number for number in range(10_000))
    assert [f"{a}{b}" for a, b in desk.rows(content, ASCII)] == [f"{number:08d}" for number in range(10_000)]


@pytest.mark.parametrize(("byte", "code"), [(0x80, "E_ENCODING"), (0xFF, "E_ENCODING"), (0x09, "E_CONTROL_CHAR")])
def test_a_byte_that_is_no_printable_ascii_is_refused_with_record_and_column(byte: int, code: str) -> None:
    data = records(["abc12345", "abc12345"]).copy()
    data[1, 4] = byte
    with pytest.raises(SourceError) as caught:
        cut(data, ASCII, 7, "left")
    assert (caught.value.code, caught.value.where) == (code, "left, record 8, b")


def test_a_header_of_another_version_is_refused(desk: Desk) -> None:
    layout = read_layout(Path("schemas/layouts/cs_fixed.toml"))
    header, trailer = b"H13107202611010300000001".ljust(640), (b"T" + b"0" * 20).ljust(640)
    snapshot = desk.snapshot(header + trailer, layout)
    assert (snapshot.rows, snapshot.preflight.header["layout_version"]) == (0, "0001")
    assert desk.refusal(header.replace(b"0001 ", b"0002 ") + trailer, layout).code == "E_HEADER"


def test_the_layout_of_the_cs_is_read_column_by_column(tmp_path: Path) -> None:
    layout = read_layout(Path("schemas/layouts/cs_fixed.toml"))
    record = bytearray(b"D".ljust(640))
    expected: dict[str, str] = {}
    for number, column in enumerate(layout.columns, 1):
        # Every column gets its own number: hiragana in juki columns, digits elsewhere.
        if column.charset == "juki":
            expected[column.name] = chr(ord("あ") + number)
            cell = expected[column.name].ljust(column.length // 2, "\u3000").encode("utf-16-be")
        else:
            expected[column.name] = str(number)[: column.length]
            cell = expected[column.name].encode().ljust(column.length)
        record[column.offset : column.offset + column.length] = cell
    header = b"H13107202611010300000001".ljust(640)
    trailer = (b"T%010d%010d" % (1, int(expected["juminhyo_code"]))).ljust(640)
    path = tmp_path / "cs.dat"
    path.write_bytes(header + bytes(record) + trailer)
    snapshot = extract(FixedWidthSource(path=path, layout=layout), Side.LEFT, tmp_path / "work")
    assert rows_of(snapshot) == [tuple(expected.values())]
    assert snapshot.columns == tuple(expected)
