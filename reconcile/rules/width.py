"""Widths and spaces: the same letters in the forms of JIS X 0201 and JIS X 0208.

Digits, Latin letters and signs stand half-width in one system and full-width in the other; katakana and its
punctuation (｡｢｣､･) the other way round, its voicing marks as characters of their own. Some cells of JIS X 0208 became
two characters of Unicode, one by Microsoft's table and one by the standard's (81 7C is － or −, 81 60 ～ or 〜,
`reference/domain.md` §12.8): they are one sign. NFKC would do this and much more (㈱, ㍻, compatibility ideographs),
so it is never used: the table here is the two JIS sets and nothing else.
"""

from __future__ import annotations

import polars as pl

_ASCII = {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"\u3000": " "}
# JIS X 0208 has ’ and ” where JIS X 0201 has ' and "; the rest are the second characters of cells with two.
_TWINS = {"’": "'", "”": '"', "−": "-", "〜": "~", "￥": "¥", "￠": "¢", "￡": "£", "￢": "¬", "‖": "∥", "—": "―"}
_HALF = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"
_KANA = {chr(0xFF61 + i): full for i, full in enumerate(_HALF)}
_VOICED = {
    f"{chr(0xFF61 + i)}{mark}": chr(ord(full) + step)
    for i, full in enumerate(_HALF)
    for mark, step, rows in (("\uff9e", 1, "カキクケコサシスセソタチツテトハヒフヘホ"), ("\uff9f", 2, "ハヒフヘホ"))
    if full in rows
} | {"\uff73\uff9e": "ヴ"}
_COMBINED = (
    {
        f"{full}{mark}": chr(ord(full) + step)
        for marks, step, rows in (
            ("\u3099\u309b", 1, "カキクケコサシスセソタチツテトハヒフヘホかきくけこさしすせそたちつてとはひふへほ"),
            ("\u309a\u309c", 2, "ハヒフヘホはひふへほ"),
        )
        for mark in marks
        for full in rows
    }
    | {f"ウ{mark}": "ヴ" for mark in "\u3099\u309b"}
    | {f"う{mark}": "ゔ" for mark in "\u3099\u309b"}
)
_SPACE = r"[\s\u3000\u200B]+"
_NO_WORD = "[^ 0-9A-Za-z０-９Ａ-Ｚａ-ｚ]"


def width(text: pl.Expr) -> pl.Expr:
    """Digits, Latin letters, their signs and spaces half-width; katakana and its signs full-width, voicing composed."""
    folded = text.str.replace_many(_VOICED).str.replace_many({**_ASCII, **_TWINS, **_KANA})
    return folded.str.replace_many(_COMBINED)


def spaces(text: pl.Expr) -> pl.Expr:
    """No spaces at the ends, and one plain space for every run of any kind of space."""
    return text.str.replace_all(_SPACE, " ").str.strip_chars(" ")


def no_spaces(text: pl.Expr) -> pl.Expr:
    """Without any kind of space."""
    return text.str.replace_all(_SPACE, "")


def idle_spaces(text: pl.Expr) -> pl.Expr:
    """No spaces but where two digits or Latin letters would run together: `コーポ 101` -> `コーポ101`, `A 1` stays."""
    plain = spaces(text)
    for beside in (f"({_NO_WORD}) ", f" ({_NO_WORD})"):
        plain = plain.str.replace_all(beside, "${1}")
    return plain
