"""worklist.xlsx: every difference with its reason, most urgent first, and room to record what was decided.

Text stays text: cells are written as strings (`reference/ecosystem.md` §3.1), so leading zeros are kept and a name
that begins with "=" is a name. There are no formulas, no links and no hidden sheets. Built in memory: xlsxwriter would
otherwise spill personal values into the system's temporary folder.
"""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import xlsxwriter

from reconcile.model import Report
from reconcile.report import listing, tables, wording

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

ROWS_A_SHEET = 1_048_000
"""Excel holds 1,048,576 rows a sheet; what does not fit goes to a further sheet."""

LIST = "不一致一覧"
NOTHING = "確認できなかったため、件数を示しません。"
"""Stands for every total under a verdict that claims nothing: a 0 there would look like an all-clear."""

HANDLING = "取扱注意(個人情報を含む。業務目的外の利用及び許可のない持出しを禁ずる)"

# Fills that still differ as grey levels; the word itself stands in the cell.
_FILLS = {"重大": "#E8B4AE", "要修正": "#F6DFB8", "要確認": "#FBF3D0", "時差": "#E6EEF5", "情報": "#F4F4F4"}
_FONT = {"font_name": "BIZ UDゴシック", "font_size": 10, "valign": "top"}


def render(report: Report, *, rows_a_sheet: int = ROWS_A_SHEET) -> bytes:
    """The workbook. Sheets: 表紙, 集計, 不一致一覧 (more of them if need be), 表記差.

    Args:
        report: What to render. Every finding is written, whatever the verdict; the cover says what it is worth.
        rows_a_sheet: Findings on one sheet.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
    """
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        # Fixed, so that the same report gives the same bytes; and no name of a person or machine.
        created = datetime.fromtimestamp(wording.epoch(report.run.started_at), tz=wording.JAPAN).replace(tzinfo=None)
        book.set_properties({"title": "本人確認情報 整合性確認 作業一覧", "author": "reconcile", "created": created})
        book.set_size(2400, 1600)
        looks = {name: book.add_format({**_FONT, **about}) for name, about in _LOOKS.items()}
        looks |= {
            f"severity:{name}": book.add_format(
                {**_FONT, "bg_color": fill, "bold": name == "重大", "align": "center", **_LINE}
            )
            for name, fill in _FILLS.items()
        }
        _cover(_sheet(book, "表紙", report, landscape=False), report, looks)
        _totals(_sheet(book, "集計", report, landscape=False), report, looks)
        rows, columns = listing.rows(report), listing.columns(report)
        for place, start in enumerate(range(0, max(rows.height, 1), rows_a_sheet), start=1):
            sheet = _sheet(book, LIST if place == 1 else f"{LIST} ({place})", report)
            listing.write(sheet, rows.slice(start, rows_a_sheet), columns, looks)
        _variants(_sheet(book, "表記差", report, landscape=False), report, looks)
    return buffer.getvalue()


_LINE = {"bottom": 1, "bottom_color": "#D9D9D9"}

_LOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "title": {"font_size": 16, "bold": True},
    "section": {"font_size": 11, "bold": True, "bottom": 2},
    "verdict": {"font_size": 14, "bold": True, "border": 2, "text_wrap": True, "valign": "vcenter", "indent": 1},
    "wrapped": {"text_wrap": True},
    "label": {"font_color": "#333333", "bg_color": "#F2F2F2", "border": 1, "border_color": "#BFBFBF"},
    "box": {"border": 1, "border_color": "#BFBFBF", "text_wrap": True},
    "head": {"bold": True, "bg_color": "#D9E1E8", "border": 1, "text_wrap": True, "valign": "vcenter"},
    # Quoted text: stays text also after somebody has edited the cell.
    "text": {"num_format": "@", "quote_prefix": True, "text_wrap": True, **_LINE},
    "mono": {
        **_LINE,
        "num_format": "@",
        "font_name": "Consolas",
        "font_size": 8,
        "text_wrap": True,
        "font_color": "#595959",
    },
    "number": {"num_format": "#,##0", "align": "right", **_LINE},
    "count": {"num_format": "#,##0", "align": "right", "border": 1, "border_color": "#BFBFBF"},
    "sum": {"num_format": "#,##0", "align": "right", "border": 1, "top": 2, "bold": True},
    "sum_label": {"border": 1, "top": 2, "bold": True},
    "entry": {"bg_color": "#FFFFF2", "border": 1, "border_color": "#BFBFBF", "text_wrap": True},
}


def _sheet(book: xlsxwriter.Workbook, name: str, report: Report, *, landscape: bool = True) -> Worksheet:
    sheet = book.add_worksheet(name)
    sheet.set_paper(9)  # A4
    if landscape:
        sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    # "&" begins a field code in a footer.
    run = report.run.run_id.replace("&", "&&")
    claims = report.verdict in wording.CLAIMING
    about = f"差異 全{report.findings.height:,}件" if claims else wording.VERDICTS[report.verdict]
    sheet.set_footer(f"&L&8実行 {run}&C&8{name}({about})&R&8&P / &N ページ")
    return sheet


def _cover(sheet: Worksheet, report: Report, looks: dict[str, Format]) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 2, 34)
    sheet.write_string(0, 0, HANDLING, looks["plain"])
    sheet.write_string(1, 0, f"{report.dataset.label or report.dataset.name} 整合性確認 作業一覧", looks["title"])
    sheet.set_row(3, 84)
    sheet.merge_range(3, 0, 3, 2, f"{wording.VERDICTS[report.verdict]}: {wording.headline(report)}", looks["verdict"])
    found = f"{report.findings.height:,} 件({tables.persons(report):,} {wording.unit(report.dataset)})"
    facts = [
        ("実行番号", report.run.run_id),
        ("基準日時", wording.moment(report.run.as_of)),
        ("実行日時", wording.moment(report.run.started_at)),
        ("プログラムの版", report.run.version),
        ("差異の件数", found if report.verdict in wording.CLAIMING else NOTHING),
    ]
    row = 5
    for name, text in facts:
        sheet.write_string(row, 0, name, looks["label"])
        sheet.merge_range(row, 1, row, 2, text, looks["box"])
        row += 1
    row = _balance(sheet, row + 1, report, looks)
    row = _gates(sheet, row + 1, report, looks)
    row += 1
    sheet.write_string(row, 0, "帳票管理簿(印刷したときに記入)", looks["section"])
    for name in ("印刷者・印刷日時", "受領者・受領日", "廃棄者・廃棄日"):
        row += 1
        sheet.write_string(row, 0, name, looks["label"])
        sheet.merge_range(row, 1, row, 2, "", looks["entry"])


def _balance(sheet: Worksheet, row: int, report: Report, looks: dict[str, Format]) -> int:
    read = tables.inputs(report)
    sheet.write_string(row, 0, "入力と件数の照合", looks["section"])
    row += 1
    sheet.write_string(row, 0, "", looks["head"])
    for place, side in enumerate(read, start=1):
        sheet.write_string(row, place, side.label, looks["head"])
        sheet.write_string(row + 1, place, side.sha256, looks["mono"])
    sheet.write_string(row + 1, 0, "入力のSHA-256", looks["label"])
    sheet.set_row(row + 1, 26)
    row += 2
    for account in tables.accounts(report):
        if not (account.total or report.verdict in wording.CLAIMING):
            continue
        indent = "" if account.total else "　"
        sheet.write_string(row, 0, indent + account.label, looks["label"])
        for place, figure in enumerate(account.counts, start=1):
            sheet.write_number(row, place, figure, looks["count"])
        row += 1
    if report.verdict in wording.CLAIMING:
        sheet.write_string(row, 0, "照合", looks["sum_label"])
        for place, side in enumerate(read, start=1):
            sheet.write_string(row, place, "合う" if side.closes else "合わない", looks["sum"])
        row += 1
    return row


def _gates(sheet: Worksheet, row: int, report: Report, looks: dict[str, Format]) -> int:
    listed = tables.gates(report)
    if not listed:
        return row - 1
    sheet.write_string(row, 0, "確認の条件", looks["section"])
    for name, outcome, detail in listed:
        row += 1
        for place, text in enumerate((name, outcome, detail)):
            sheet.write_string(row, place, text, looks["box"])
    return row + 1


def _totals(sheet: Worksheet, report: Report, looks: dict[str, Format]) -> None:
    if report.verdict not in wording.CLAIMING:
        sheet.write_string(0, 0, NOTHING, looks["plain"])
        return
    unit = f"{wording.unit(report.dataset)}数"
    sheet.set_column(0, 0, 9)
    sheet.set_column(1, 1, 8)
    sheet.set_column(2, 3, 28)
    sheet.set_column(4, 5, 11)
    sheet.write_string(0, 0, "重大度と区分", looks["section"])
    for place, name in enumerate(("重大度", "コード", "区分名", "担当", "件数", unit)):
        sheet.write_string(1, place, name, looks["head"])
    row = 2
    for line in tables.by_code(report):
        sheet.write_string(row, 0, line.severity, looks.get(f"severity:{line.severity}", looks["box"]))
        for place, text in enumerate((line.code, line.label, line.actor), start=1):
            sheet.write_string(row, place, text, looks["box"])
        sheet.write_number(row, 4, line.findings, looks["count"])
        sheet.write_number(row, 5, line.persons, looks["count"])
        row += 1
    _sum(sheet, row, report, looks)
    sheet.write_string(row + 1, 0, f"{unit}の合計は、重複を除いた数です。", looks["plain"])
    row += 3
    sheet.write_string(row, 0, "項目", looks["section"])
    row += 1
    sheet.merge_range(row, 0, row, 3, "項目", looks["head"])
    sheet.write_string(row, 4, "件数", looks["head"])
    sheet.write_string(row, 5, unit, looks["head"])
    row += 1
    for line in tables.by_field(report):
        sheet.merge_range(row, 0, row, 3, line.label, looks["box"])
        sheet.write_number(row, 4, line.findings, looks["count"])
        sheet.write_number(row, 5, line.persons, looks["count"])
        row += 1
    _sum(sheet, row, report, looks)


def _sum(sheet: Worksheet, row: int, report: Report, looks: dict[str, Format]) -> None:
    sheet.merge_range(row, 0, row, 3, "合計", looks["sum_label"])
    sheet.write_number(row, 4, report.findings.height, looks["sum"])
    sheet.write_number(row, 5, tables.persons(report), looks["sum"])


def _variants(sheet: Worksheet, report: Report, looks: dict[str, Format]) -> None:
    if report.verdict not in wording.CLAIMING:
        sheet.write_string(0, 0, NOTHING, looks["plain"])
        return
    sheet.set_column(0, 1, 36)
    sheet.set_column(2, 2, 12)
    sheet.write_string(0, 0, "表記は異なるが、規則により一致とみなした値の数", looks["section"])
    for place, name in enumerate(("規則", "項目", "件数")):
        sheet.write_string(1, place, name, looks["head"])
    row = 2
    for rule, name, found in tables.by_rule(report):
        sheet.write_string(row, 0, rule, looks["box"])
        sheet.write_string(row, 1, name, looks["box"])
        sheet.write_number(row, 2, found, looks["count"])
        row += 1
    sheet.merge_range(row, 0, row, 1, "合計", looks["sum_label"])
    sheet.write_number(row, 2, report.variants.height, looks["sum"])
