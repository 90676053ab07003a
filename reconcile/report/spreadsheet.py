"""What a spreadsheet cell can hold, and how a million of them are written.

A library that keeps every cell as an object needs gigabytes for the list of a bad night, the one night on which the
list must be there; and its way around that, a temporary file, would put names and addresses on the disk. So the
library writes the form (styles, validation, print settings) and the rows are poured into its sheets: text that is put
together by the column, a batch at a time, and compressed at once.

Every poured text is an inline string (ECMA-376-1 §18.3.1.53): never a formula, a number or a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import polars as pl

from reconcile.characters.codec import CARRIER

CELL_UNITS = 32_767
"""UTF-16 code units that a cell may hold (Excel specifications and limits); Excel calls a file with more damaged."""

CUT_CHARACTERS = 16_000
"""How much of a longer text is shown: twice as many units at most, and room for the note."""

ROWS_PER_BATCH = 20_000
_ZIP64_BYTES = 1 << 31
_LINE_POINTS, _HIGHEST_POINTS = 12.5, 409.0  # of 9 point text; the most that Excel allows
_UNITS_PER_DIGIT = 7 / 6  # a digit of the standard font is 7 pixels wide, half a kanji of 9 points is 6
_WIDE = "[^\x00-\x7f\uff61-\uff9f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_SELECTOR = "[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_CELL_BYTES = 96  # of markup about one cell, and a margin

# XML cannot hold control characters, and a person cannot see them: U+2400 "control pictures" are for this.
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "\u2421"}
# Drawn as nothing, or as a plain space, or turning the direction of what follows: two values look alike and differ.
_UNSEEN = (
    *range(0x80, 0xA1), 0xAD, 0x61C, 0x180E, *range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070),
    0xFEFF, *range(0xFFF9, 0xFFFC), 0xFFFE, 0xFFFF,
)  # fmt: skip
_SHOWN = _PICTURES | {chr(code): f"[U+{code:04X}]" for code in _UNSEEN}
_PRIVATE = "[\ue000-\uf8ff\U000f0000-\U0010ffff]"
_SUPPLEMENTARY = "[\U00010000-\U0010ffff]"


class Rows(NamedTuple):
    """What is poured into one sheet.

    `cells`: text columns become text cells, integers numbers; texts are `visible` and `fitted`. `heights`: of each
    row, in points, null for the standard one.
    """

    cells: pl.DataFrame
    heights: pl.Series


def visible(text: pl.Series) -> pl.Series:
    """Texts as a person can see them and XML can hold them. Null stays null; the lossless copy is the Parquet file.

    Control characters become their pictures (␀ ␉ ␊), other invisible ones and 外字 their code points; a 統一文字 code
    without a character is shown as the code (`J+AC0A`). Variation selectors stay: they are part of a character.
    """
    private = text.str.extract_all(_PRIVATE).explode(empty_as_null=False, keep_nulls=False).unique()
    return text.str.replace_many(_SHOWN | {character: _private(ord(character)) for character in private})


def fitted(text: pl.Series) -> pl.Series:
    """Texts that a cell can hold: a longer one is cut, and says so and by how much."""
    if not (text.str.len_bytes() > CELL_UNITS).any():
        return text
    characters = pl.col("text").str.len_chars()
    note = pl.format("…(以下{}字省略。全文はfindings.parquetにあります)", characters - CUT_CHARACTERS)
    long = characters + pl.col("text").str.count_matches(_SUPPLEMENTARY) > CELL_UNITS
    cut = pl.when(long).then(pl.col("text").str.slice(0, CUT_CHARACTERS) + note).otherwise("text")
    return text.alias("text").to_frame().select(cut.alias(text.name)).to_series()


def heights(rows: pl.DataFrame, widths: Mapping[str, float]) -> pl.Series:
    """How high each row must be for its wrapped texts, in points; null where one line will do.

    An estimate, for programs that do not measure a row when they open the file. Nobody is bound by it: the row grows
    when somebody writes more into it.

    Args:
        rows: As poured.
        widths: The text columns that wrap, and their widths in digits of the standard font.
    """
    lines = [(_units(name) / max(1.0, width * _UNITS_PER_DIGIT - 1)).ceil() for name, width in widths.items()]
    most = pl.max_horizontal(pl.lit(1.0), *lines)
    points = pl.min_horizontal(most * _LINE_POINTS + 2, pl.lit(_HIGHEST_POINTS))
    return rows.select(height=pl.when(most > 1).then(points)).to_series()


def pour(form: bytes, rows: Mapping[int, Rows]) -> bytes:
    """Append rows to sheets of a workbook.

    Args:
        form: An xlsx file. A column's style is the one that the sheet declares for the whole column.
        rows: Number of a sheet, from 1 -> what begins in its row 2, below the heading, which the form has.

    Returns:
        The file with the rows: equal bytes for equal rows.
    """
    parts = {f"xl/worksheets/sheet{number}.xml": part for number, part in rows.items()}
    poured = BytesIO()
    with ZipFile(BytesIO(form)) as source, ZipFile(poured, "w", ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            info = ZipInfo(entry.filename)  # 1980-01-01: no clock in the file
            info.compress_type = ZIP_DEFLATED
            if entry.filename not in parts:
                target.writestr(info, content)
                continue
            cells = parts[entry.filename].cells
            large = cells.estimated_size() + cells.height * cells.width * _CELL_BYTES > _ZIP64_BYTES
            with target.open(info, "w", force_zip64=large) as sheet:
                for piece in _sheet(content.decode(), parts[entry.filename]):
                    sheet.write(piece.encode())
    return poured.getvalue()


def _private(code: int) -> str:
    carried = CARRIER <= code < CARRIER + 0x10000
    return f"[J+{code - CARRIER:04X}]" if carried else f"[外字U+{code:04X}]"


def _units(name: str) -> pl.Expr:
    """The width of a text in half-width characters; 0 for null."""
    text = pl.col(name)
    units = text.str.len_chars() + text.str.count_matches(_WIDE).cast(pl.Int64) - text.str.count_matches(_SELECTOR)
    return units.fill_null(0)


def _sheet(form: str, rows: Rows) -> Iterator[str]:
    """The sheet's XML in pieces."""
    frame = rows.cells
    head, end, tail = form.partition("</sheetData>")
    last = f"{_letters(frame.width - 1)}{frame.height + 1}"
    yield re.sub(r'<dimension ref="[^"]*"', f'<dimension ref="A1:{last}"', head, count=1)
    styles = {
        column: style
        for first, final, style in re.findall(r'<col min="(\d+)" max="(\d+)"[^>]* style="(\d+)"', head)
        for column in range(int(first) - 1, int(final))
    }
    cells = [
        _cell(name, place, styles.get(place, "0"), text=dtype == pl.String)
        for place, (name, dtype) in enumerate(frame.schema.items())
    ]
    # Without customHeight: a height to begin with, which a program may measure again.
    height = pl.format(' ht="{}"', "_height").fill_null("")
    line = pl.concat_str(pl.lit('<row r="'), "_row", pl.lit('"'), height, pl.lit(">"), *cells, pl.lit("</row>"))
    numbered = frame.with_row_index("_row", offset=2).with_columns(_height=rows.heights)
    for batch in numbered.iter_slices(ROWS_PER_BATCH):
        texts = batch.with_columns(_escaped(pl.col(pl.String)))
        yield "".join(texts.select(line).to_series())
    yield end + tail


def _cell(name: str, place: int, style: str, *, text: bool) -> pl.Expr:
    opening = pl.format('<c r="{}{}" s="{}"', pl.lit(_letters(place)), "_row", pl.lit(style))
    before, after = (' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>") if text else ("><v>", "</v></c>")
    filled = pl.concat_str(opening, pl.lit(before), pl.col(name).cast(pl.String), pl.lit(after))
    return pl.coalesce(filled, opening + "/>")


def _escaped(text: pl.Expr) -> pl.Expr:
    # A cell's "_x0041_" means "A" (ECMA-376-1 §22.9.2.19), unless its underscore is itself written so.
    plain = text.str.replace_all(r"_(x[0-9A-Fa-f]{4})", "_x005F_${1}")
    return plain.str.replace_many({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _letters(place: int) -> str:
    """0 -> A, 26 -> AA."""
    head, rest = divmod(place, 26)
    return (_letters(head - 1) if head else "") + chr(65 + rest)
