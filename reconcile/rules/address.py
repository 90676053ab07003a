"""Addresses: notation only.

二丁目, 2丁目 and ２丁目 are one 丁目; 12番3号 and 12-3 are one lot. Kanji numerals are numerals only right before
丁目, 番地, 番 or 号: 三田, 八広, 千歳 and 一番館 are names. Hyphens are one sign only between digits: in a name ー is a
vowel. And no hyphen is ever removed: 2-11 is not 2-1-1 (`reference/domain.md` §4.2).
"""

from __future__ import annotations

import polars as pl

from reconcile.rules.width import width

_DASHES = r"[-ー―－−‐ｰ‑–—]"
_KANJI_DIGITS = "〇一二三四五六七八九"
_MARK = r"(丁目|番地|番|号)"


def _numeral(number: int) -> str:
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("" if tens == 1 else _KANJI_DIGITS[tens]) + "十"
    return head + (_KANJI_DIGITS[ones] if ones else "")


# Longest first, so that 十二 is not read as 十 and 二.
_NUMERALS = sorted(((_numeral(n), str(n)) for n in range(1, 100)), key=lambda pair: -len(pair[0]))
_BEFORE_MARK = {f"{kanji}{mark}": f"{digits}{mark}" for kanji, digits in _NUMERALS for mark in ("丁目", "番", "号")}


def hyphen_between_digits(text: pl.Expr) -> pl.Expr:
    """Any dash between two digits -> "-"."""
    # Twice: in 1－2－3 the middle digit belongs to both matches.
    once = text.str.replace_all(rf"([0-9０-９]){_DASHES}([0-9０-９])", "${1}-${2}")
    return once.str.replace_all(rf"([0-9０-９]){_DASHES}([0-9０-９])", "${1}-${2}")


def chome_notation(text: pl.Expr) -> pl.Expr:
    """One way of writing 丁目, 番地, 番, 号: half-width digits joined by hyphens."""
    digits = hyphen_between_digits(width(text).str.replace_many(_BEFORE_MARK, leftmost=True))
    joined = digits.str.replace_all(rf"([0-9]){_MARK}(の|-)?([0-9])", "${1}-${4}")
    joined = joined.str.replace_all(rf"([0-9]){_MARK}(の|-)?([0-9])", "${1}-${4}")
    return joined.str.replace_all(r"([0-9])(丁目|番地|番|号)$", "${1}")
