"""The sheet 不一致一覧 of the worklist: one row a finding, most urgent severity first, then code, then key.

Its headings are the contract of the round trip: what people enter is read back by heading and `finding_id`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from reconcile.model import Characters, Report, Secrecy, Side
from reconcile.report import glyphs, tables, wording
from reconcile.report.build import gravity
from reconcile.report.disclosure import LIST_KEY, for_list

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

STATES = ("未着手", "調査中", "是正依頼済", "対応済", "是正不要")
"""対応状況: what may be chosen in the drop-down; the first is what a new finding has."""

STATE, REMARK, IDENTIFIER = "対応状況", "所見", "finding_id"

ABSENT, EMPTY, SECRET = "(なし)", "(空文字)", "(表示しない)"
"""What stands for a value that is null, that is a text without characters, or that nobody may see."""

CELL_CHARACTERS = 16_000
"""Excel holds 32,767 UTF-16 units a cell and refuses a longer text; a kanji outside the BMP takes two."""

LINE_POINTS, MOST_POINTS = 13, 409
"""The height of a line at this font, and the most that Excel allows a row."""

NUMBER = "_number"
_KEY = "_key_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the list: heading, width in characters, column of `rows`, and the look of its cells."""

    heading: str
    width: float
    source: str
    look: str = "text"


def columns(report: Report) -> list[Column]:
    """The columns, in their order. An ad-hoc dataset has one for each part of its key and none for a list key."""
    labels = tables.field_labels(report)
    left, right = wording.label(report, Side.LEFT), wording.label(report, Side.RIGHT)
    name = report.dataset.list_key
    found = [Column(heading=labels.get(name, name), width=11, source=LIST_KEY)] if name else []
    return [
        Column(heading="No.", width=6, source=NUMBER, look="number"),
        Column(heading="重大度", width=8, source="severity", look="severity"),
        Column(heading="コード", width=6, source="code"),
        Column(heading="区分名", width=19, source="_label"),
        Column(heading="担当", width=11, source="_actor"),
        *found,
        *(Column(heading=labels[name], width=13, source=_KEY + name) for name in report.dataset.key),
        Column(heading="項目", width=12, source="_field"),
        Column(heading=f"{left}の値", width=19, source="left_raw"),
        Column(heading=f"{right}の値", width=19, source="right_raw"),
        Column(heading="根拠/規則", width=24, source="_basis"),
        Column(heading="ヒント", width=11, source="_hint"),
        Column(heading=f"{left}行", width=8, source="left_row", look="number"),
        Column(heading=f"{right}行", width=8, source="right_row", look="number"),
        Column(heading=STATE, width=11, source="_state", look="entry"),
        Column(heading=REMARK, width=20, source="_remark", look="entry"),
        Column(heading=IDENTIFIER, width=16, source="finding_id", look="mono"),
    ]


def rows(report: Report) -> pl.DataFrame:
    """The findings as they are written: the columns that `columns` names, in the order of the list.

    Values are masked (`disclosure.for_list`), characters that draw nothing are made visible (`glyphs.visible`), and a
    text too long for a cell ends in a note that says how long it is.
    """
    taxonomy = report.dataset.taxonomy
    secret = [f.name for f in report.dataset.fields if f.secrecy is Secrecy.MY_NUMBER]
    listed = for_list(report).sort(gravity(), "severity", "code", maintain_order=True, nulls_last=True)
    kind = pl.col("kind").replace(wording.kinds(report))
    code = pl.col("code")
    described = listed.with_columns(
        pl.col("severity").fill_null(tables.NO_SEVERITY),
        # An unknown code has no words; the kind has.
        code.replace_strict({c: about.label for c, about in taxonomy.items()}, default=None, return_dtype=pl.String)
        .fill_null(kind)
        .alias("_label"),
        code.replace_strict(
            {c: about.actor.strip("-") for c, about in taxonomy.items()}, default=None, return_dtype=pl.String
        ).alias("_actor"),
        pl.col("field").replace(tables.field_labels(report)).alias("_field"),
        _basis(listed, report).alias("_basis"),
        wording.hint_text(pl.col("hint")).alias("_hint"),
        pl.lit(STATES[0]).alias("_state"),
        pl.lit("").alias("_remark"),
        *(glyphs.visible(pl.col(name)).alias(_KEY + name) for name in report.dataset.key),
    )
    shown = described.with_columns(_value(name, secret) for name in ("left_raw", "right_raw"))
    numbered = shown.with_row_index(NUMBER, offset=1)
    return numbered.select(column.source for column in columns(report)).with_columns(
        pl.col(pl.String).map_batches(_fitted, return_dtype=pl.String)
    )


def write(sheet: Worksheet, frame: pl.DataFrame, listed: list[Column], looks: Mapping[str, Format]) -> None:
    """Write some of `rows` to an empty sheet: heading, cells, drop-down, filter, frozen and repeated heading."""
    last = max(frame.height, 1)
    for place, column in enumerate(listed):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, column.heading, looks["head"])
        _write_column(sheet, place, frame[column.source].to_list(), column, looks)
    headings = [column.heading for column in listed]
    state = headings.index(STATE)
    sheet.data_validation(
        1,
        state,
        last,
        state,
        {"validate": "list", "source": list(STATES), "error_title": STATE, "error_message": "一覧から選んでください"},
    )
    sheet.set_row(0, 28)
    # Excel makes room for wrapped text when it opens a file; other programs do not.
    for row, lines in enumerate(_lines(frame, listed).to_list(), start=1):
        if lines > 1:
            sheet.set_row(row, min(LINE_POINTS * lines, MOST_POINTS))
    sheet.freeze_panes(1, headings.index("区分名"))
    sheet.repeat_rows(0)
    sheet.autofilter(0, 0, last, len(listed) - 1)
    # The identifier is for the round trip, not for paper.
    sheet.print_area(0, 0, last, headings.index(REMARK))
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{last + 1}"})


def _write_column(
    sheet: Worksheet, place: int, values: list[object], column: Column, looks: Mapping[str, Format]
) -> None:
    put: Callable[..., object]
    if column.look == "number":
        put = partial(sheet.write_number, cell_format=looks["number"])
    elif column.look == "severity":
        for row, value in enumerate(values, start=1):
            sheet.write_string(row, place, str(value), looks.get(f"severity:{value}", looks["text"]))
        return
    else:
        put = partial(sheet.write_string, cell_format=looks[column.look])
    for row, value in enumerate(values, start=1):
        if value is None:
            sheet.write_blank(row, place, None, looks[column.look])
        else:
            put(row, place, value)


def _lines(frame: pl.DataFrame, listed: list[Column]) -> pl.Series:
    """How many lines each row needs: a full-width character (three bytes or more) is twice as wide as a digit."""
    needed = []
    for column in listed:
        if column.look == "text":
            text = pl.col(column.source).fill_null("")
            width = (text.str.len_chars() + text.str.len_bytes()) / 2
            wrapped = (width / column.width).ceil()
            needed.append(pl.max_horizontal(wrapped, text.str.count_matches("\n", literal=True) + 1))
    return frame.select(pl.max_horizontal(1, *needed).cast(pl.Int64).alias("lines"))["lines"]


def _value(name: str, secret: list[str]) -> pl.Expr:
    return (
        pl.when(pl.col("field").is_null())
        .then(glyphs.visible(pl.col(name)))
        .when(pl.col("field").is_in(secret))
        .then(pl.lit(SECRET))
        .when(pl.col(name).is_null())
        .then(pl.lit(ABSENT))
        .when(pl.col(name) == "")
        .then(pl.lit(EMPTY))
        .otherwise(glyphs.visible(pl.col(name)))
        .alias(name)
    )


def _basis(listed: pl.DataFrame, report: Report) -> pl.Series:
    """The rule or evidence; for names in kanji, with the code points in which the two spellings differ."""
    names = [f.name for f in report.dataset.fields if isinstance(f.comparator, Characters)]
    spelled = listed["field"].is_in(names).fill_null(value=False)
    points = pl.Series(
        [
            glyphs.difference(left, right) if there else ""
            for there, left, right in zip(spelled, listed["left_raw"], listed["right_raw"], strict=True)
        ],
        dtype=pl.String,
    )
    return (listed["rule"].fill_null("") + "\n" + points).str.strip_chars("\n")


def _fitted(texts: pl.Series) -> pl.Series:
    length = texts.str.len_chars()
    if not (length > CELL_CHARACTERS).any():
        return texts
    note = pl.format("{}…(全{}文字。全文は findings.parquet)", pl.col("t").str.head(CELL_CHARACTERS - 100), pl.col("n"))
    frame = pl.DataFrame({"t": texts, "n": length})
    return frame.select(pl.when(pl.col("n") > CELL_CHARACTERS).then(note).otherwise(pl.col("t")))["t"]
