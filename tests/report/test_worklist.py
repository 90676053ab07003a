"""worklist.xlsx, opened as Excel's own format by openpyxl."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from xml.parsers import expat

import openpyxl
import polars as pl
import pytest
from openpyxl.utils.escape import unescape
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from reconcile.model import Dataset, Field, Report, Verdict, findings_schema, variants_schema
from reconcile.report import RENDERERS
from reconcile.report.worklist import LIST, render
from tests.report.conftest import HOSTILE, RUN

HEADINGS = (
    "No.", "重大度", "コード", "区分名", "担当", "宛名番号", "住民票コード", "項目", "CSの値", "既存の値", "根拠", "ヒント", "是正案(未実施)",
    "CS行", "既存行", "対応状況", "理由", "担当者番号", "期限", "所見", "finding_id",
)  # fmt: skip


def _open(written: bytes) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(written))


def _rows(sheet: Worksheet) -> list[dict[str, object]]:
    heading, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip([str(name) for name in heading], row, strict=True)) for row in rows]


@pytest.fixture
def book(report: Report) -> Workbook:
    return _open(render(report))


@pytest.fixture
def listed(book: Workbook) -> list[dict[str, object]]:
    return _rows(book[LIST])


def _texts(book: Workbook) -> str:
    return "\n".join(str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row)


def test_the_sheets_and_the_headings_are_those_the_office_knows(book: Workbook) -> None:
    assert book.sheetnames == ["表紙", "集計", LIST, "表記差"]
    assert tuple(cell.value for cell in book[LIST][1]) == HEADINGS
    assert all(sheet.sheet_state == "visible" for sheet in book)


def test_no_cell_is_a_formula_or_a_link(book: Workbook) -> None:
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell.coordinate for cell in cells if cell.data_type == "f"] == []
    assert [cell.coordinate for cell in cells if cell.hyperlink] == []


def test_hostile_values_stand_as_they_are_as_text(listed: list[dict[str, object]]) -> None:
    shown = {row["CSの値"] for row in listed}
    # Controls draw nothing, so the list shows their pictures.
    assert {text.replace("\t", "␉").replace("\x1b", "␛") for text in HOSTILE} <= shown


def test_leading_zeros_are_kept(listed: list[dict[str, object]]) -> None:
    first = next(row for row in listed if row["コード"] == "A2")
    assert (first["住民票コード"], first["宛名番号"]) == ("00000000027", "00000027")


def test_the_most_urgent_comes_first_then_code_then_key(listed: list[dict[str, object]]) -> None:
    assert [row["No."] for row in listed] == list(range(1, 25))
    severities = [row["重大度"] for row in listed]
    assert severities == ["重大"] + ["要修正"] * 19 + ["要確認"] * 3 + ["情報"]
    urgent = [(row["コード"], row["住民票コード"]) for row in listed if row["重大度"] == "要修正"]
    assert urgent == sorted(urgent)


def test_a_finding_has_its_words_its_rows_and_its_reason(listed: list[dict[str, object]]) -> None:
    row = next(row for row in listed if row["コード"] == "C2" and row["住民票コード"] == "00000000043")
    assert row["区分名"] == "異体字・縮退差"
    assert row["担当"] == "係(同定承認)"
    assert row["項目"] == "氏名(漢字)"
    assert (row["CSの値"], row["既存の値"]) == ("葛󠄀城 花", "葛城 花")
    assert (row["CS行"], row["既存行"]) == (5, 105)
    assert row["対応状況"] == "未着手"


def test_absent_empty_and_secret_values_are_told_apart(listed: list[dict[str, object]]) -> None:
    by_code = {row["コード"]: row for row in listed}
    assert by_code["F3"]["既存の値"] == "(なし)"
    assert by_code["B2"]["CSの値"] == by_code["B2"]["既存の値"] == "(非表示)"
    assert by_code["A1"]["CSの値"] is None


def test_an_empty_text_is_not_an_absent_one(make: Callable[..., Report], report: Report) -> None:
    known = report.context.with_columns(protected=pl.lit(value=False)) if report.context is not None else None
    row = next(row for row in _rows(_open(render(make(context=known)))[LIST]) if row["住民票コード"] == "00000000051")
    assert (row["CSの値"], row["既存の値"]) == ("14番8号", "(空文字)")


def test_no_place_of_a_protected_person_stands_anywhere_in_the_file(report: Report) -> None:
    with zipfile.ZipFile(io.BytesIO(render(report))) as parts:
        everything = b"".join(parts.read(name) for name in parts.namelist()).decode()
    assert "支援措置" in everything
    assert "両国" not in everything
    assert "向島" not in everything


def test_the_state_is_chosen_from_a_list_on_every_row(book: Workbook) -> None:
    choice, reason = book[LIST].data_validations.dataValidation
    assert choice.type == "list"
    assert choice.formula1 == '"未着手,調査中,是正依頼済,対応済,是正不要"'
    assert str(choice.sqref) == "P2:P25"
    assert str(reason.sqref) == "Q2:Q25"
    assert reason.formula1 == '"届出・入力の誤り,通知の未達,文字の同定,時期のずれ,システムの不具合,その他"'


def test_the_list_prints_on_a4_landscape_with_its_heading_and_page_numbers(book: Workbook) -> None:
    sheet = book[LIST]
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
    # One page wide (the width's default in ECMA-376, 18.3.1.63), as many high as it takes.
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.freeze_panes == "H2"
    assert sheet.auto_filter.ref == "A1:U25"
    assert sheet.oddFooter.center.text == "&P / &N"
    assert sheet.oddFooter.left.text == "実行 20261123-030000-7f3a"
    assert sheet.oddHeader.right.text == "取扱注意 全24件"
    # The identifier, in the last column, is for programs: not on paper.
    assert sheet.print_area == "'不一致一覧'!$A$1:$T$25"


def test_the_cover_has_verdict_run_inputs_and_balance(book: Workbook) -> None:
    text = "\n".join(str(cell.value) for row in book["表紙"].iter_rows() for cell in row)
    for said in (
        "取扱注意",
        "不一致あり",
        "20261123-030000-7f3a",
        "令和8年11月23日 0時00分",
        "a" * 64,
        "b" * 64,
        "99980",
    ):
        assert said in text


def test_the_balance_of_both_sides_is_an_equation(book: Workbook) -> None:
    rows = [row for row in book["表紙"].iter_rows(values_only=True) if isinstance(row[2], int)]
    signs, left, right = ([row[place] for row in rows] for place in (0, 2, 3))
    assert signs == ["", "", "=", "+", "+", "+", "+", "+"]
    assert (left[0], left[1]) == (100_040, 100_040)
    assert sum(left[2:]) == left[1]
    assert sum(right[2:]) == right[1]


def test_the_totals_add_up_to_the_list(book: Workbook) -> None:
    rows = list(book["集計"].iter_rows(values_only=True))
    by_code = [row for row in rows if row[1] and row[0] in ("重大", "要修正", "要確認", "情報")]
    assert ("要修正", "C1", "氏名相違", "係", 14, 14) in by_code
    assert sum(row[4] for row in by_code) == 24
    by_severity = {row[0]: row[4] for row in rows if not row[1] and row[0] in ("重大", "要修正", "要確認", "情報")}
    assert by_severity == {"重大": 1, "要修正": 19, "要確認": 3, "情報": 1}
    assert [row[4:] for row in rows if row[0] == "合計"] == [(24, 22)] * 3


def test_notation_differences_are_counted_by_code_rule_and_field(make: Callable[..., Report]) -> None:
    rows = [
        ("1", "address_lot", "E4", "1-2", "１－２", 1, 1, "width"),
        ("2", "address_lot", "E4", "1-3", "１－３", 2, 2, "width"),
        ("3", "address_town", "E4", "業平1丁目", "業平一丁目", 3, 3, "chome_notation"),
    ]
    variants = pl.DataFrame(rows, schema=variants_schema(("juminhyo_code",)), orient="row")
    sheet = _open(render(make(variants=variants)))["表記差"]
    assert list(sheet.iter_rows(min_row=2, max_row=4, values_only=True)) == [
        ("E4", "住所表記差", "丁目・番・号の表記", "住所(町字まで)", 1),
        ("E4", "住所表記差", "全角・半角", "番地・号", 2),
        ("合計", None, None, None, 3),
    ]
    assert "業平" not in "".join(str(cell.value) for row in sheet.iter_rows() for cell in row)


def test_what_does_not_fit_one_sheet_goes_to_further_ones(report: Report) -> None:
    book = _open(render(report, rows_a_sheet=10))
    parts = [LIST, f"{LIST} (2)", f"{LIST} (3)"]
    assert book.sheetnames == ["表紙", "集計", *parts, "表記差"]
    rows = [row for name in parts for row in _rows(book[name])]
    assert [row["No."] for row in rows] == list(range(1, 25))
    assert {row["finding_id"] for row in rows} == set(report.findings["finding_id"])
    assert [str(book[name].data_validations.dataValidation[0].sqref) for name in parts] == ["P2:P11", "P2:P11", "P2:P5"]


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_a_run_that_claims_nothing_shows_no_total(clean: Report, make: Callable[..., Report], verdict: Verdict) -> None:
    book = _open(render(make(verdict=verdict, findings=clean.findings, variants=clean.variants, sides=clean.sides)))
    assert [row for name in ("集計", "表記差") for row in book[name].iter_rows(values_only=True)] == [
        ("確認できなかったため、件数を示しません。",)
    ] * 2
    said = book[LIST]["A2"].value
    assert "確認できませんでした" in said
    assert "不一致0件" not in said
    assert "合う" not in _texts(book)
    assert "0 件" not in _texts(book)
    assert all("全0件" not in sheet.oddHeader.right.text for sheet in book)


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_the_list_of_a_run_that_claims_nothing_says_so_above_its_rows(
    report: Report, make: Callable[..., Report], verdict: Verdict
) -> None:
    first, *rest = _rows(_open(render(make(verdict=verdict)))[LIST])
    assert (first["区分名"], first["No."], first["finding_id"]) == ("確認できず", None, None)
    assert "載っていないことは一致を示しません" in str(first["ヒント"])
    assert [row["finding_id"] for row in rest] == [row["finding_id"] for row in _rows(_open(render(report))[LIST])]


def test_a_dataset_without_declarations_is_listed_by_its_own_key() -> None:
    dataset = Dataset(name="ad-hoc", fields=(Field(name="a", key=True), Field(name="b", key=True), Field(name="x")))
    rows = [("f1", "01", "=b", "value", None, None, "x", "1", "2", 1, 1, None, None)]
    made = Report(
        run=RUN,
        dataset=dataset,
        verdict=Verdict.MISMATCH,
        sides={},
        findings=pl.DataFrame(rows, schema=findings_schema(("a", "b")), orient="row"),
        variants=pl.DataFrame(schema=variants_schema(("a", "b"))),
        summary={},
    )
    (row,) = _rows(_open(RENDERERS["xlsx"](made))[LIST])
    assert (row["a"], row["b"], row["種類"], row["左の値"], row["右の値"]) == ("01", "=b", "値の相違", "1", "2")
    assert not {"宛名番号", "重大度", "コード", "担当", "区分名"} & set(row)


def test_the_files_properties_name_no_person_and_no_machine(report: Report) -> None:
    about = _open(render(report)).properties
    assert (about.creator, about.lastModifiedBy) == ("reconcile", "reconcile")
    assert about.created.isoformat() == "2026-11-23T03:00:05"


def test_two_renderings_are_the_same_bytes(report: Report) -> None:
    assert render(report) == render(report)


def test_no_title_key_or_value_of_a_strangers_file_becomes_anything_but_text() -> None:
    key = ("=1+1", "<b>&\x01")
    names = (*key, "=cmd|' /C calc'!A0", "@<script>\x02")
    dataset = Dataset(name="left & right", fields=tuple(Field(name=name, key=name in key) for name in names))
    values = (*HOSTILE, "a\x00b", "\ufffe", "_x0041_", "]]>", " lead", "two\nlines", "\u202eabc", "", "007", "1e5")
    rows = [
        (f"{number:032x}", f"{number:03}", text, "value", None, None, names[2 + number % 2], text, f"{text}x", number, 1,
         None, None)
        for number, text in enumerate(values)
    ]  # fmt: skip
    made = Report(
        run=RUN,
        dataset=dataset,
        verdict=Verdict.MISMATCH,
        sides={},
        findings=pl.DataFrame(rows, schema=findings_schema(key), orient="row"),
        variants=pl.DataFrame(schema=variants_schema(key)),
        summary={},
    )
    written = render(made)
    book = _open(written)
    assert not [c for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f" or c.hyperlink]
    listed = _rows(book[LIST])
    assert [row["=1+1"] for row in listed] == [f"{number:03}" for number in range(len(values))]
    assert [row["<b>&␁"] for row in listed][:3] == ["=1+1", "@SUM(A1)", "+81"]
    shown = [row["左の値"] for row in listed][len(HOSTILE) :]
    assert shown[:2] == ["a␀b", "[U+FFFE]"]
    # Excel reads "_x0041_" as "A", unless the underscore is written so (ECMA-376-1, 22.9.2.19).
    assert unescape(str(shown[2])) == "_x0041_"
    assert shown[3:] == ["]]>", " lead", "two␊lines", "[U+202E]abc", "(空文字)", "007", "1e5"]
    with zipfile.ZipFile(io.BytesIO(written)) as parts:
        for name in parts.namelist():
            expat.ParserCreate().Parse(parts.read(name), True)


def test_places_are_hidden_also_under_the_names_that_the_dataset_gives_them(
    make: Callable[..., Report], report: Report
) -> None:
    assert report.context is not None
    declared = report.context.rename({"list_key": "atena_no"})
    listed = _rows(_open(render(report))[LIST])
    assert _rows(_open(render(make(context=declared)))[LIST]) == listed
    unnumbered = _rows(_open(render(make(context=declared.drop("atena_no"))))[LIST])
    assert unnumbered == [{**row, "宛名番号": None} for row in listed]


def test_rules_and_hints_are_said_in_words(make: Callable[..., Report], report: Report) -> None:
    about = pl.col("juminhyo_code")
    spoken = report.findings.with_columns(
        rule=pl.when(about == "00000000043")
        .then(pl.lit("法務省告示582号別表第四の一+same_base_ucs"))
        .otherwise("rule"),
        hint=pl.when(about == "00000000019").then(pl.lit("ambiguous 2 × 1")).otherwise("hint"),
    )
    rows = {str(row["finding_id"])[-2:]: row for row in _rows(_open(render(make(findings=spoken)))[LIST])}
    assert rows["05"]["根拠"] == "法務省告示582号別表第四の一、同じ基底文字"
    assert rows["01"]["ヒント"] == "CSに2件、既存に1件あり、組を特定できません"
    assert rows["02"]["ヒント"] == "先頭のゼロの有無だけが違う番号が相手側にあります"


def test_equal_codes_that_mean_different_things_are_said_to_be_so(make: Callable[..., Report], report: Report) -> None:
    same = report.findings.with_columns(
        pl.when(field="furigana_name").then(pl.lit("1")).otherwise(raw).alias(raw) for raw in ("left_raw", "right_raw")
    )
    (row,) = [row for row in _rows(_open(render(make(findings=same)))[LIST]) if row["コード"] == "F3"]
    assert (row["CSの値"], row["既存の値"], row["ヒント"]) == ("1", "1", "符号は同じですが、両側で意味が違います")


def test_a_hint_that_quotes_a_hidden_value_is_hidden_too(make: Callable[..., Report], report: Report) -> None:
    quoting = report.findings.with_columns(hint=pl.lit("両 U+4E21 / 向 U+5411"))
    rows = _rows(_open(render(make(findings=quoting)))[LIST])
    assert {row["ヒント"] for row in rows if row["CSの値"] in ("支援措置", "(非表示)")} == {None}


def test_what_needs_nobody_is_not_waiting_for_anybody(listed: list[dict[str, object]]) -> None:
    waiting = {row["重大度"]: row["対応状況"] for row in listed}
    assert waiting == {"重大": "未着手", "要修正": "未着手", "要確認": "未着手", "情報": None}


def test_how_many_places_are_hidden_for_lack_of_knowledge_stands_on_the_cover(book: Workbook) -> None:
    assert "支援措置の有無が分からないため、1件の住所を表示していません。" in _texts(book)


def test_every_severity_is_colored_and_bold_print_marks_the_gravest(book: Workbook) -> None:
    ranges = list(book[LIST].conditional_formatting)
    rules = {rule.formula[0]: rule for cells in ranges for rule in cells.rules}
    assert {str(cells.sqref) for cells in ranges} == {"B2:B25"}
    assert set(rules) == {'"重大"', '"要修正"', '"要確認"', '"時差"', '"情報"', '"対象外"'}
    assert rules['"重大"'].dxf.font.b


def test_every_pair_of_characters_stands_once_with_its_ground_and_number_of_persons(report: Report) -> None:
    pair = {"left": "髙", "right": "高", "pair": "髙 U+9AD9 MJ028902 / 高 U+9AD8 MJ028901", "grade": "variant"}
    summary = {**report.summary, "character_pairs": [{**pair, "rule": "戸籍統一文字情報 親字・正字", "persons": 3}]}

    book = _open(render(replace(report, summary=summary)))

    lines = [[cell for cell in line if cell is not None] for line in book["文字"].iter_rows(values_only=True)]
    assert ["髙 U+9AD9 MJ028902", "高 U+9AD8 MJ028901", "異体字・縮退差", "戸籍統一文字情報 親字・正字", 3] in lines
