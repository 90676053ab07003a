"""What a cell can hold, and rows poured into a form, read back by openpyxl."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import polars as pl
import pytest
import xlsxwriter

from reconcile.report import spreadsheet
from reconcile.report.spreadsheet import CELL_UNITS, Rows, fitted, heights, pour, visible


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _one(text: str) -> str:
    return str(visible(pl.Series([text])).item())


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, 0x85, 0xA0, 0xAD, 0x200B, 0x202E, 0x2066, 0xFEFF, 0xFFFE, 0xFFFF])
def test_what_draws_nothing_is_made_visible(code: int) -> None:
    shown = _one(f"墨{chr(code)}田")
    assert chr(code) not in shown
    assert shown != "墨田"
    assert all(character.isprintable() for character in shown)


@pytest.mark.parametrize("text", ["墨田　太郎", "葛\U000e0100城", "𠮷", " a ", "=1+1", "", "ｱ", "é", "㍻", "辻󠄁"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert _one(text) == text


def test_a_code_without_a_character_is_shown_as_the_code() -> None:
    # U+F0000 + code: the carrier of 統一文字 J+AC0A (reference/domain.md §3.1); U+E000: 外字.
    assert _one("渡辺\U000fac0a\ue000") == "渡辺[J+AC0A][外字U+E000]"


def test_null_is_no_text() -> None:
    assert fitted(visible(pl.Series([None, ""], dtype=pl.String))).to_list() == [None, ""]


@pytest.mark.parametrize("text", ["a" * CELL_UNITS, "𠮷" * (CELL_UNITS // 2), "墨" * CELL_UNITS])
def test_a_text_that_a_cell_can_hold_is_whole(text: str) -> None:
    assert _units(text) in (CELL_UNITS, CELL_UNITS - 1)
    assert fitted(pl.Series([text])).item() == text


@pytest.mark.parametrize("text", ["a" * (CELL_UNITS + 1), "𠮷" * (CELL_UNITS // 2 + 1), "墨" * 100_000])
def test_a_longer_text_is_cut_and_says_by_how_much(text: str) -> None:
    cut = str(fitted(pl.Series([text])).item())
    assert _units(cut) <= CELL_UNITS
    kept, _, note = cut.partition("…")
    assert text.startswith(kept)
    assert f"以下{len(text) - len(kept)}字省略" in note


def _form() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        other = book.add_worksheet("other")
        other.write_string(0, 0, "untouched")
        sheet = book.add_worksheet("list")
        sheet.set_column(1, 1, 20, book.add_format({"bold": True}))
        for place, heading in enumerate(("n", "text", "more")):
            sheet.write_string(0, place, heading)
    return buffer.getvalue()


def _poured(rows: Rows) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(pour(_form(), {2: rows})))


def test_rows_are_poured_below_the_heading_in_the_style_of_their_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "ROWS_PER_BATCH", 2)
    cells = pl.DataFrame({"n": [1, None, 3], "a": ["007", "=1+1", "<&>"], "b": [" x ", None, "葛\U000e0100"]})
    book = _poured(Rows(cells, pl.Series([None, 30.0, None], dtype=pl.Float64)))
    sheet = book["list"]
    assert list(sheet.iter_rows(values_only=True)) == [
        ("n", "text", "more"), (1, "007", " x "), (None, "=1+1", None), (3, "<&>", "葛\U000e0100"),
    ]  # fmt: skip
    assert not {cell.data_type for cell in sheet["B"]} & {"n", "f", "e", "b"}
    assert [cell.font.b for cell in sheet["B"][1:]] == [True] * 3
    assert (sheet.row_dimensions[2].height, sheet.row_dimensions[3].height) == (None, 30.0)
    assert sheet.dimensions == "A1:C4"
    assert book["other"]["A1"].value == "untouched"


def test_the_28th_column_is_ab() -> None:
    cells = pl.DataFrame({f"c{place}": [place] for place in range(28)})
    assert _poured(Rows(cells, pl.Series([None], dtype=pl.Float64)))["list"]["AB2"].value == 27


def test_no_clock_and_no_machine_stand_in_the_file() -> None:
    rows = Rows(pl.DataFrame({"n": [1]}), pl.Series([None], dtype=pl.Float64))
    with zipfile.ZipFile(io.BytesIO(pour(_form(), {2: rows}))) as parts:
        assert {entry.date_time for entry in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_row_is_as_high_as_its_longest_text_needs() -> None:
    # 12 digits of 7 pixels hold 7 kanji of 12 pixels; a variation selector takes no room.
    cells = pl.DataFrame({"a": ["墨" * 6, "墨" * 8, "墨" * 30, None, "葛\U000e0100" * 6]})
    first, second, third, *rest = heights(cells, {"a": 12}).to_list()
    assert first is None
    assert 20 < second < third
    assert rest == [None, None]


def test_no_row_is_higher_than_excel_allows() -> None:
    assert heights(pl.DataFrame({"a": ["墨" * 30_000]}), {"a": 12}).item() == 409
