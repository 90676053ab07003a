"""worklist.xlsx: every difference with its reason, most urgent first, and room to record what was done about it.

For the 係 that works the differences (`reference/domain.md` §6). Text stays text, so that leading zeros are kept and a
name that begins with "=" is a name; there are no formulas, no links, no hidden sheets, and nothing of the machine that
made it. The list is ordered and worded by `listing`; the rows are poured in by `spreadsheet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl
import xlsxwriter

from reconcile.model import Report
from reconcile.report import build, tables, wording
from reconcile.report.listing import REASON, REASONS, STATE, STATES, Column, Listing, listing
from reconcile.report.spreadsheet import Rows, fitted, heights, pour, visible
from reconcile.report.whole import alarms, sections
from reconcile.report.words import rule_label

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

ROWS_A_SHEET = 1_048_000
"""Findings on one sheet: a sheet has 1,048,576 rows (Excel specifications and limits). The rest goes to the next."""

LIST = "不一致一覧"
NOTHING = "確認できなかったため、件数を示しません。"
"""Stands for every total under a verdict that claims nothing: a 0 there would look like an all-clear."""

_TEXTS = 4  # columns of text before the counts, on the sheets of counts

_GOTHIC = "BIZ UDゴシック"
# Draws every MJ文字図形 with its variation selector, and is on the desks of a register office; others fall back.
_MINCHO = "IPAmj明朝"
_LINE = {"border": 1, "border_color": "#BFBFBF"}
_LOOKS: dict[str, dict[str, Any]] = {
    "title": {"font_size": 16, "bold": True},
    "stamp": {"font_size": 12, "bold": True, "align": "center", "border": 2},
    "verdict": {"font_size": 14, "bold": True, "border": 2, "valign": "vcenter", "indent": 1},
    "alarm": {"text_wrap": True, "font_size": 10, "indent": 1, "border": 2, "border_color": "#A11D2B"},
    "said": {"text_wrap": True, "font_size": 10, "indent": 1},
    "note": {"font_color": "#404040"},
    "sign": {"align": "center", "bold": True, "bg_color": "#F5F6F8", **_LINE},
    "section": {"font_size": 10, "bold": True},
    "head": {"bold": True, "bg_color": "#DDE3EA", "align": "center", "valign": "vcenter", "text_wrap": True, **_LINE},
    "label": {"bg_color": "#F5F6F8", **_LINE},
    "box": {"text_wrap": True, **_LINE},
    "digest": {"font_size": 8, "text_wrap": True, **_LINE},
    "count": {"num_format": "#,##0", "align": "right", **_LINE},
    "figure": {"num_format": "@", "align": "right", **_LINE},
    "sum": {"num_format": "#,##0", "align": "right", "bold": True, **_LINE},
    "sum_label": {"bold": True, "bg_color": "#F5F6F8", **_LINE},
    "list:number": {"num_format": "0", "align": "right", **_LINE},
    "list:center": {"num_format": "@", "align": "center", "text_wrap": True, **_LINE},
    "list:text": {"num_format": "@", "text_wrap": True, **_LINE},
    "list:value": {"num_format": "@", "text_wrap": True, "font_name": _MINCHO, "font_size": 10, **_LINE},
    "list:entry": {"num_format": "@", "text_wrap": True, "bg_color": "#FFFEF0", **_LINE},
    "list:small": {"num_format": "@", "font_size": 7, "font_color": "#808080"},
}
# Light enough for black print on a copier; the word in the cell, and bold print, say the same.
_SEVERITIES: dict[str, dict[str, Any]] = {
    "重大": {"bg_color": "#F4C7C3", "bold": True},
    "要修正": {"bg_color": "#FCE3C5"},
    "要確認": {"bg_color": "#FFF6D1"},
    "時差": {"bg_color": "#E6EEF7"},
    "情報": {"bg_color": "#F2F2F2"},
    "対象外": {"font_color": "#808080"},
}


_GRADES = {"variant": "異体字・縮退差", "unmapped": "外字・未同定", "approved": "承認済同定"}


def render(report: Report, *, rows_a_sheet: int = ROWS_A_SHEET) -> bytes:
    """The workbook: 表紙, 集計, 原因・率, 不一致一覧 (and 不一致一覧 (2), … if one sheet cannot hold it), 文字, 表記差.

    Args:
        report: What to render. Every finding is in the list, whatever the verdict; the cover says what it is worth.
        rows_a_sheet: Findings on one sheet.

    Raises:
        BalanceError: The verdict and the counts contradict each other (`wording.all_clear`).
    """
    listed = listing(report)
    book = _Book(report, listed.unseen)
    book.add_cover(listed)
    book.add_totals()
    book.add_whole()
    rows, wrapping = {}, {c.source: c.width for c in listed.columns if c.looks in {"text", "value"}}
    for start in range(0, max(listed.rows.height, 1), rows_a_sheet):
        part = listed.rows.slice(start, rows_a_sheet)
        rows[book.add_list(listed.columns, part.height)] = Rows(part, heights(part, wrapping))
    book.add_characters()
    book.add_variants()
    return pour(book.close(), rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table of counts: its headings, its lines (texts and counts), the total, and how to read it."""

    texts: Sequence[str]
    counts: Sequence[str]
    lines: Sequence[tuple[Sequence[str], Sequence[int]]]
    total: Sequence[int]
    note: str


class _Book:
    """The form: all that stands in the workbook except the rows of the list."""

    def __init__(self, report: Report, unseen: int) -> None:
        self._report, self._unseen = report, unseen
        self._claims = report.verdict.claims
        self._headline = _plain(wording.headline(report))
        self._name = f"{_plain(report.dataset.label or report.dataset.name)} {LIST}"
        self._buffer = BytesIO()
        # In memory: the alternative is a temporary file, with names and addresses in it.
        text_stays_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
        self._book = xlsxwriter.Workbook(self._buffer, {"in_memory": True, **text_stays_text})
        # The run's time, so that the same report gives the same bytes; and no name of a person or a machine.
        made = datetime.fromtimestamp(wording.epoch(report.run.started_at), tz=wording.JAPAN).replace(tzinfo=None)
        self._book.set_properties({"title": self._name, "author": "reconcile", "created": made})
        self._book.set_size(2400, 1600)
        font = {"font_name": _GOTHIC, "font_size": 9, "valign": "top"}
        self._looks = {name: self._book.add_format({**font, **look}) for name, look in _LOOKS.items()}
        self._colors = {name: self._book.add_format(look) for name, look in _SEVERITIES.items()}
        self._sheets = self._lists = 0

    def close(self) -> bytes:
        """The bytes of the form."""
        self._book.close()
        return self._buffer.getvalue()

    def _sheet(self, name: str) -> Worksheet:
        sheet = self._book.add_worksheet(name)
        self._sheets += 1
        sheet.set_paper(9)  # A4
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.center_horizontally()
        # The total stands on every page, so that a lost one is noticed (F145); but only where a count may be claimed.
        more = f"、ほか未確認{self._unseen:,}件" if self._unseen else ""
        found = f"全{self._report.findings.height:,}件{more}"
        total = found if self._claims else wording.VERDICTS[self._report.verdict]
        sheet.set_header(f"&L&8{name}&R&8{build.handling(self._report, build.HANDLING)} {total}")
        run = _plain(self._report.run.run_id).replace("&", "&&")  # "&" begins a field
        sheet.set_footer(f"&L&8実行 {run}&C&8&P / &N")  # a digit right behind "&8" would be part of the size
        return sheet

    # ------------------------------------------------------------------------------------------------------- cover

    def add_cover(self, listed: Listing) -> None:
        """What this is, what it may claim, from what it was made, and that the rows add up."""
        sheet, looks = self._sheet("表紙"), self._looks
        sheet.fit_to_pages(1, 1)
        sheet.hide_gridlines(2)
        for place, width in enumerate((3, 30, 42, 42)):
            sheet.set_column(place, place, width)
        sheet.merge_range(0, 0, 0, 2, self._name, looks["title"])
        sheet.write_string(0, 3, build.handling(self._report, build.HANDLING), looks["stamp"])
        sheet.set_row(0, 24)
        sheet.merge_range(2, 0, 2, 3, wording.VERDICTS[self._report.verdict], looks["verdict"])
        sheet.set_row(2, 28)
        sheet.merge_range(3, 0, 3, 3, self._headline, looks["said"])
        sheet.set_row(3, 30)
        row = 5
        for alarm in alarms(self._report):
            head = f"【警報】{alarm.code} {alarm.label}({alarm.severity}、報告先 {alarm.actor})"
            text = "\n".join(_plain(part) for part in (head, alarm.said, f"すること: {alarm.todo}"))
            sheet.merge_range(row, 0, row, 3, text, looks["alarm"])
            sheet.set_row(row, 62)
            row += 1
        row += bool(alarms(self._report))
        for name, text in self._facts(listed):
            sheet.merge_range(row, 0, row, 1, name, looks["label"])
            sheet.merge_range(row, 2, row, 3, _plain(text), looks["box"])
            row += 1
        row = self._balance(sheet, row + 1)
        row = self._gates(sheet, row + 1)
        # Who printed it and where it went, for the 帳票管理簿 (`reference/reliability.md` F145).
        sheet.merge_range(row + 1, 0, row + 1, 3, "印刷したときの記入欄", looks["section"])
        for line, name in enumerate(("帳票管理簿の番号", "出力者・出力日時", "廃棄者・廃棄日"), start=row + 2):
            sheet.merge_range(line, 0, line, 1, name, looks["label"])
            sheet.merge_range(line, 2, line, 3, "", looks["list:entry"])

    def _facts(self, listed: Listing) -> list[tuple[str, str]]:
        report = self._report
        found = f"{report.findings.height:,}件({tables.persons(report):,}{wording.unit(report.dataset)})"
        hidden = f"支援措置の有無が分からないため、{listed.unclear:,}件の住所を表示していません。"
        return [
            ("実行番号", report.run.run_id),
            ("基準日時", wording.moment(report.run.as_of)),
            ("実行日時", wording.moment(report.run.started_at)),
            ("プログラムの版", report.run.version),
            ("差異の件数", found if self._claims else NOTHING),
            ("取扱い", build.handling(report, build.HANDLING_PERSONAL)),
            *([("非表示", hidden)] if listed.unclear else []),
            *([("未確認", f"前の回までの{listed.unseen:,}件。値はその回の一覧にあります。")] if listed.unseen else []),
            *([("比較不能の項目", items)] if self._claims and (items := wording.items_not_compared(report)) else []),
            *(("未定義コード値", said) for said in wording.undeclared_codes(report) if self._claims),
        ]

    def _balance(self, sheet: Worksheet, row: int) -> int:
        looks, read = self._looks, tables.inputs(self._report)
        sheet.merge_range(row, 0, row, 3, "入力と件数の検算", looks["section"])
        sheet.merge_range(row + 1, 0, row + 1, 1, "", looks["head"])
        sheet.merge_range(row + 2, 0, row + 2, 1, "入力のSHA-256", looks["label"])
        for place, side in enumerate(read, start=2):
            sheet.write_string(row + 1, place, _plain(side.label), looks["head"])
            sheet.write_string(row + 2, place, side.sha256, looks["digest"])
        sheet.set_row(row + 2, 24)
        row += 3
        signs = iter("=" + "+" * 9)
        for account in tables.accounts(self._report):
            if not (account.total or self._claims):
                continue
            sheet.write_string(row, 0, "" if account.total else next(signs), looks["sign"])
            sheet.write_string(row, 1, account.label, looks["label"])
            for place, figure in enumerate(account.counts, start=2):
                sheet.write_number(row, place, figure, looks["count"])
            row += 1
        if self._claims:
            sheet.merge_range(row, 0, row, 1, "検算", looks["sum_label"])
            for place, side in enumerate(read, start=2):
                sheet.write_string(row, place, "合う" if side.closes else "合わない", looks["sum"])
            row += 1
        return row

    def _gates(self, sheet: Worksheet, row: int) -> int:
        looks, listed = self._looks, tables.gates(self._report)
        if not listed:
            return row - 1
        sheet.merge_range(row, 0, row, 3, "確認の条件", looks["section"])
        for name, outcome, detail in listed:
            row += 1
            sheet.merge_range(row, 0, row, 2, _plain(detail or name), looks["label"])
            sheet.write_string(row, 3, outcome, looks["box"])
        return row + 1

    # ------------------------------------------------------------------------------------------------------ counts

    def add_totals(self) -> None:
        """How many findings, and about how many people: by severity, by code (or kind) and by field."""
        report, sheet = self._report, self._counts("集計", (8, 8, 30, 22, 10, 10))
        if not self._claims:
            return
        people = f"{wording.unit(report.dataset)}数"
        counts, total = ("件数", people), (report.findings.height, tables.persons(report))
        note = f"{people}の合計は、重複を除いた数です。"
        severities = _Table(
            texts=("重大度",),
            counts=counts,
            lines=[((one.severity,), (one.findings, one.persons)) for one in tables.by_severity(report)],
            total=total,
            note=f"{people}は、重大度が複数にわたるとき、最も重いものに一度だけ数えています。",
        )
        codes = _Table(
            texts=("重大度", "コード", "区分名", "担当"),
            counts=counts,
            lines=[
                ((one.severity, one.code, one.label, one.actor), (one.findings, one.persons))
                for one in tables.by_code(report)
            ],
            total=total,
            note=note,
        )
        kinds = _Table(
            texts=("種類",),
            counts=counts,
            lines=[((one.label,), (one.findings, one.persons)) for one in tables.by_code(report)],
            total=total,
            note=note,
        )
        fields = _Table(
            texts=("項目",),
            counts=counts,
            lines=[((one.label,), (one.findings, one.persons)) for one in tables.by_field(report)],
            total=total,
            note=note,
        )
        row = 0
        for table in (severities, codes, fields) if report.dataset.taxonomy else (kinds, fields):
            row = self._table(sheet, row, table)

    def add_whole(self) -> None:
        """What concerns the run as a whole: causes, rates, what was out of scope, what the site has changed."""
        if not (told := sections(self._report)):
            return
        sheet = self._counts("原因・率", (60, 30, 16, 16, 16, 16))
        sheet.ignore_errors({"number_stored_as_text": "A1:F1048576"})
        row = 0
        for section in told:
            words = len(section.heads) - section.figures
            sheet.write_string(row, 0, section.title, self._looks["section"])
            for place, head in enumerate(section.heads):
                sheet.write_string(row + 1, place, _plain(head), self._looks["head"])
            for line in section.lines:
                for place, cell in enumerate(line):
                    look = "box" if place < words else "figure"
                    sheet.write_string(row + 2, place, _plain(cell), self._looks[look])
                row += 1
            sheet.write_string(row + 2, 0, _plain(section.note), self._looks["note"])
            row += 4

    def add_characters(self) -> None:
        """The pairs of characters that differ, so that one decision is made per pair and not per person."""
        pairs = self._report.summary.get("character_pairs", ())
        if not isinstance(pairs, Sequence) or not pairs:
            return
        sheet = self._counts("文字", (44, 44, 16, 52, 8))
        if not self._claims:
            return
        sheet.set_landscape()
        sheet.repeat_rows(0)
        table = _Table(
            texts=(*(_plain(side.label) for side in self._report.sides.values()), "判定", "根拠"),
            counts=(f"{wording.unit(self._report.dataset)}数",),
            lines=[
                (
                    (*pair["pair"].split(" / ", 1), _GRADES[pair["grade"]], rule_label(pair["rule"] or "")),
                    (pair["persons"],),
                )
                for pair in pairs
            ],
            total=(),
            note="文字の組ごとに、同じ文字とみなすかどうかを判断します(同定承認表)。一人に二つ以上の組があれば、それぞれに数えます。",
        )
        self._table(sheet, 0, table)

    def add_variants(self) -> None:
        """How often values differ as written and agree under a rule, by code, rule and field."""
        report, sheet = self._report, self._counts("表記差", (8, 24, 48, 24, 10))
        if not self._claims:
            return
        labels = {code: category.label for code, category in report.dataset.taxonomy.items()}
        fields = tables.field_labels(report)
        order = {name: place for place, name in enumerate(fields)}
        counted = report.variants.group_by("code", "rule", "field").len().rows()
        counted.sort(key=lambda one: (one[0] or "", one[1] or "", order.get(one[2], len(order))))
        table = _Table(
            texts=("コード", "区分名", "規則", "項目"),
            counts=("件数",),
            lines=[
                ((code or "", labels.get(code, ""), rule_label(rule or ""), fields.get(field, field)), (count,))
                for code, rule, field, count in counted
            ],
            total=(report.variants.height,),
            note="書き方は違うが、規則により同じ値とみなしたものの数です。値は variants.parquet にあります。",
        )
        self._table(sheet, 0, table)

    def _counts(self, name: str, widths: Sequence[float]) -> Worksheet:
        sheet = self._sheet(name)
        sheet.hide_gridlines(2)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        if not self._claims:
            sheet.write_string(0, 0, NOTHING, self._looks["note"])
        return sheet

    def _table(self, sheet: Worksheet, row: int, table: _Table) -> int:
        """Write a table from `row` on; where the next one may begin. The counts of all of a sheet stand in line."""
        looks = self._looks
        self._texts(sheet, row, table.texts, "head")
        for place, heading in enumerate(table.counts, start=_TEXTS):
            sheet.write_string(row, place, heading, looks["head"])
        for texts, figures in table.lines:
            row += 1
            self._texts(sheet, row, texts, "box")
            for place, figure in enumerate(figures, start=_TEXTS):
                sheet.write_number(row, place, figure, looks["count"])
        if table.total:
            row += 1
            sheet.merge_range(row, 0, row, _TEXTS - 1, "合計", looks["sum_label"])
        for place, figure in enumerate(table.total, start=_TEXTS):
            sheet.write_number(row, place, figure, looks["sum"])
        sheet.write_string(row + 1, 0, table.note, looks["note"])
        return row + 3

    def _texts(self, sheet: Worksheet, row: int, texts: Sequence[str], look: str) -> None:
        """Texts from the left, the last of them as wide as is left before the counts."""
        last = len(texts) - 1
        for place, text in enumerate(texts):
            if place == last < _TEXTS - 1:
                sheet.merge_range(row, place, row, _TEXTS - 1, _plain(text), self._looks[look])
            else:
                sheet.write_string(row, place, _plain(text), self._looks[look])

    # -------------------------------------------------------------------------------------------------------- list

    def add_list(self, columns: Sequence[Column], height: int) -> int:
        """A sheet of the list with everything but its rows; its number, from 1."""
        self._lists += 1
        sheet = self._sheet(LIST if self._lists == 1 else f"{LIST} ({self._lists})")
        for place, column in enumerate(columns):
            sheet.set_column(place, place, column.width, self._looks[f"list:{column.looks}"])
            sheet.write_string(0, place, column.heading, self._looks["head"])
        at = {column.source: place for place, column in enumerate(columns)}
        end, last = max(height, 1), len(columns) - 1
        sheet.set_row(0, 26)
        sheet.repeat_rows(0)
        sheet.freeze_panes(1, at["item"])
        sheet.autofilter(0, 0, end, last)
        # The identifier is for the round trip, not for paper.
        sheet.print_area(0, 0, end, at["finding_id"] - 1)
        sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{end + 1}"})
        if not height:
            # An empty list says nothing by itself; the verdict does.
            sheet.merge_range(1, 0, 1, at["finding_id"] - 1, self._headline, self._looks["box"])
            sheet.set_row(1, 30)
            return self._sheets
        choice = {"validate": "list", "source": list(STATES), "error_title": STATE, "error_message": "一覧から選択"}
        sheet.data_validation(1, at["state"], end, at["state"], choice)
        sheet.data_validation(
            1, at["reason"], end, at["reason"], {**choice, "source": list(REASONS), "error_title": REASON}
        )
        for severity, look in self._colors.items() if "severity" in at else ():
            rule = {"type": "cell", "criteria": "==", "value": f'"{severity}"', "format": look}
            sheet.conditional_format(1, at["severity"], end, at["severity"], rule)
        return self._sheets


def _plain(text: str) -> str:
    """A text that a cell can hold and a person can see."""
    plain: str = fitted(visible(pl.Series([text]))).item()
    return plain
