"""Addresses: notation only.

二丁目, 2丁目 and ２丁目 are one 丁目; 12番3号 and 12-3 are one lot. Kanji numerals are numerals only right before
丁目, 番地, 番 or 号, and before the last two only where no name goes on: 三田, 八広, 千歳, 一番町 and 一番館 are names.
Hyphens are one sign only between digits: in a name ー is a vowel. And no hyphen is ever removed: 2-11 is not 2-1-1
(`reference/domain.md` §4.2).
"""

from __future__ import annotations

import polars as pl

from reconcile.rules.width import width

# The hyphens of domain.md §4.2 and their neighbors in Unicode; "-" itself is what they become.
_DASHES = "ー―－−‐ｰ‑–—"
_KANJI_DIGITS = "〇一二三四五六七八九"
_RUN = "[〇一二三四五六七八九十百千]+"
_GREATEST = 999
_DIGIT = "[0-9０-９]"
_MARK = "(丁目|番地|番|号)"
# What may follow 番 or 号 in an address. Anything else goes on with a name: 一番町, 十番館, 二号線.
_GOES_ON = rf"[^地0-9０-９〇一二三四五六七八九十百千の、\s\-{_DASHES}]"
# 丁目, 番, 号 and a room: so many numbers of an address can be called something.
_MARKED = 4
# Noncharacters, which no text carries: they hold a numeral apart while it is read as a whole.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"


def _numeral(number: int) -> str:
    """百二, 十二, 二."""
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    places = ((hundreds, "百"), (tens, "十"), (ones, ""))
    return "".join(("" if n == 1 and unit else _KANJI_DIGITS[n]) + unit for n, unit in places if n)


def _positional(number: int) -> str:
    """一〇二, 一二, 二."""
    return "".join(_KANJI_DIGITS[int(digit)] for digit in str(number))


_NUMBERS = {
    f"{_OPEN}{kanji}{_CLOSE}": str(number)
    for number in range(1, _GREATEST + 1)
    for kanji in (_numeral(number), _positional(number))
}


def hyphen_between_digits(text: pl.Expr) -> pl.Expr:
    """Any dash between two digits -> "-"."""
    # Twice: in 1－2－3 the middle digit belongs to both matches.
    once = text.str.replace_all(f"([0-9０-９])[{_DASHES}]([0-9０-９])", "${1}-${2}")
    return once.str.replace_all(f"([0-9０-９])[{_DASHES}]([0-9０-９])", "${1}-${2}")


def chome_notation(text: pl.Expr) -> pl.Expr:
    """One way of writing 丁目, 番地, 番, 号: half-width digits joined by hyphens.

    What is lost is which number was called what, so two texts that come out alike mean the same place only if
    `marks_agree`.
    """
    return chome_as_wide(width(text))


def chome_as_wide(text: pl.Expr) -> pl.Expr:
    """`chome_notation` with the widths of signs and digits as they stand; kanji numerals become half-width digits."""
    joined = _with_digits(text).str.replace_all(f"({_DIGIT}){_MARK}(の|-)?({_DIGIT})", "${1}-${4}")
    joined = joined.str.replace_all(f"({_DIGIT}){_MARK}(の|-)?({_DIGIT})", "${1}-${4}")
    return joined.str.replace_all(f"({_DIGIT}){_MARK}$", "${1}")


def marks_agree(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """Whether no number is called 丁目, 番 or 号 on one side and otherwise on the other.

    2丁目3番 and 2番3号 are both 2-3 and are two places; 2-3 may be either. 番地 and 番 are one here. Numbers are
    counted from the left; a number that only one side has agrees with nothing said.
    """
    one, other = _marks(width(left)), _marks(width(right))

    def contradict(i: int) -> pl.Expr:
        mine, its = one.list.get(i, null_on_oob=True), other.list.get(i, null_on_oob=True)
        return ((mine != "") & (its != "") & (mine != its)).fill_null(value=False)

    return ~pl.any_horizontal(contradict(i) for i in range(_MARKED))


def _marks(text: pl.Expr) -> pl.Expr:
    """What each number of an address is called, "" for nothing, as a list."""
    called = _with_digits(text).str.extract_all("[0-9]+(?:丁目|番|号)?")
    return called.list.eval(pl.element().str.strip_chars_start("0123456789"))


def _with_digits(text: pl.Expr) -> pl.Expr:
    """Hyphens between digits, and kanji numerals before a mark as digits."""
    names_apart = text.str.replace_all(f"({_RUN})(番|号)({_GOES_ON})", f"${{1}}{_OPEN}${{2}}${{3}}")
    held = names_apart.str.replace_all(f"({_RUN}){_MARK}", f"{_OPEN}${{1}}{_CLOSE}${{2}}")
    read = held.str.replace_many(_NUMBERS).str.replace_all(f"[{_OPEN}{_CLOSE}]", "")
    return hyphen_between_digits(read)
