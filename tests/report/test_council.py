"""council.pdf, read back by PyMuPDF: what the council sees, and what it must not."""

import re
from collections.abc import Callable
from dataclasses import replace

import polars as pl
import pymupdf
import pytest

from reconcile.model import Report, Run, Verdict
from reconcile.report import council, tables

A4 = (595, 842)


def _text(written: bytes) -> str:
    with pymupdf.open(stream=written, filetype="pdf") as paper:
        # Ligatures and line ends are the page's, not the text's.
        return re.sub(r"\s+", "", "".join(page.get_text() for page in paper))


def test_it_is_a_short_a4_paper_with_page_numbers(report: Report) -> None:
    with pymupdf.open(stream=council.render(report), filetype="pdf") as paper:
        assert paper.page_count == 2
        assert {(round(page.rect.width), round(page.rect.height)) for page in paper} == {A4}
        pages = [re.sub(r"\s+", "", page.get_text()) for page in paper]
    assert [f"{n}/2ページ" in page for n, page in enumerate(pages, start=1)] == [True, True]
    assert all("20261123-030000-7f3a" in page and "差異全24件" in page for page in pages)


def test_it_says_what_for_whom_and_with_which_inputs(report: Report) -> None:
    text = _text(council.render(report))
    for said in (
        "本人確認情報の整合性確認結果報告",
        "墨田区住基ネットセキュリティ会議(要綱第5条第2項第1号)",
        "不一致あり",
        "令和8年11月23日0時00分",
        "a" * 64,
        "b" * 64,
        "100,040=40+1+0+99,980+18+1",
        "99.98%",
    ):
        assert said in text


def test_it_has_every_code_with_findings_and_persons(report: Report) -> None:
    text = _text(council.render(report))
    for said in ("重大B2個人番号不一致・重複課長→統括責任者11", "要修正C1氏名相違係1414", "合計2422"):
        assert said in text


def test_no_resident_stands_in_it(report: Report) -> None:
    text = _text(council.render(report))
    about = pl.concat([report.findings[name] for name in ("juminhyo_code", "left_raw", "right_raw", "finding_id")])
    context = report.context["list_key"] if report.context is not None else pl.Series(dtype=pl.String)
    personal = [re.sub(r"\s+", "", value) for value in pl.concat([about, context]).drop_nulls()]
    assert len(personal) > 70
    # "＝1" and "+81" are too short to mean anything in a page of figures.
    assert [value for value in personal if len(value) > 4 and value in text] == []


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_a_run_that_could_not_confirm_shows_no_result(report: Report, verdict: Verdict) -> None:
    made = replace(report, verdict=verdict)
    text = _text(council.render(made))
    assert "確認できませんでした" in text
    assert "総括表" not in text
    assert "一致率(" not in text
    assert council.contents(made)["findings"] == 0


def test_the_all_clear_is_printed_for_two_sides_that_agree(clean: Report) -> None:
    text = _text(council.render(clean))
    assert "不一致0件" in text
    assert "5=0+0+0+5+0+0" in text


def test_what_looks_like_markup_is_printed_not_run(make: Callable[..., Report], report: Report) -> None:
    run = Run(run_id='#panic("x") $', started_at=report.run.started_at, as_of=report.run.as_of, version="*b* _i_ #1")
    text = _text(council.render(make(run=run)))
    assert '#panic("x")$' in text
    assert "*b*_i_#1" in text


def test_a_trend_is_shown_where_there_is_one(make: Callable[..., Report]) -> None:
    trend = ({"as_of": "2026-11-21", "verdict": "partial", "findings": 10, "persons": 9},)
    assert "2026-11-21一部比較不能109" in _text(council.render(make(trend=trend)))
    assert "推移" not in _text(council.render(make()))


def test_the_font_of_the_wheel_is_enough(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(council, "FONTS", ("IPAexGothic",))
    with pymupdf.open(stream=council.render(report), filetype="pdf") as paper:
        fonts = {font[3].split("+")[-1] for page in paper for font in page.get_fonts()}
    assert fonts == {"IPAexGothic"}


def test_a_chart_never_drops_a_code() -> None:
    lines = [
        tables.Line(severity="要修正", code=f"Z{n}", label="", actor="", findings=n, persons=n) for n in range(1, 31)
    ]
    shown = council.bars(lines, 18)
    assert len(shown) == 19
    assert shown[0] == ("Z30", 30)
    assert shown[-1] == ("その他 12 区分", sum(range(1, 13)))
    assert sum(found for _, found in shown) == sum(range(1, 31))


def test_it_is_an_archivable_pdf_dated_with_the_run(report: Report) -> None:
    with pymupdf.open(stream=council.render(report), filetype="pdf") as paper:
        assert "pdfaid:part>2<" in paper.get_xml_metadata().replace(" ", "")
        assert paper.metadata["creationDate"].startswith("D:20261122180005")
        assert paper.metadata["author"] == "reconcile"
