"""The code points in which two spellings of a name differ, and characters that nobody can see made visible.

Two different characters may be drawn alike, and a font without a variation sequence silently draws the base character
(`reference/ecosystem.md` §3.3); so a list names the code points beside the picture.
"""

from __future__ import annotations

import re

import polars as pl

MOST = 3
"""Spellings that differ in more characters than this are different names; the numbers would only be noise."""

# A character with its variation selectors (Unicode, chapter 23.4: VS1-VS16, VS17-VS256).
_CLUSTER = re.compile("[^\ufe00-\ufe0f\U000e0100-\U000e01ef][\ufe00-\ufe0f\U000e0100-\U000e01ef]*", re.DOTALL)

# Controls have pictures of their own in U+2400-U+2421; the others that draw nothing or turn the line around are named.
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(0x20)} | {"\x7f": "␡"}
_NAMED = {
    chr(code): f"<U+{code:04X}>"
    for block in ((0x80, 0xA0), (0x200B, 0x2010), (0x2028, 0x202F), (0x2060, 0x206A), (0xFEFF, 0xFF00))
    for code in range(*block)
}
_VISIBLE = _PICTURES | _NAMED


def difference(left: str | None, right: str | None) -> str:
    """The characters in which two spellings differ, as code points, or "" where that explains nothing.

    It explains a difference in single characters: as many characters on both sides, and something in common, unless
    the name is one character long.

    >>> difference("高橋", "髙橋")
    '高 U+9AD8 / 髙 U+9AD9'
    >>> difference("葛󠄀城", "葛城") == "葛󠄀 U+845B U+E0100 / 葛 U+845B"
    True
    >>> difference("田中", "鈴木")
    ''
    """
    ones, twos = _CLUSTER.findall(left or ""), _CLUSTER.findall(right or "")
    if len(ones) != len(twos):
        return ""
    differing = [(one, two) for one, two in zip(ones, twos, strict=True) if one != two]
    if len(differing) > MOST or len(differing) == len(ones) > 1:
        return ""
    return "\n".join(f"{one} {_points(one)} / {two} {_points(two)}" for one, two in differing)


def visible(column: pl.Expr) -> pl.Expr:
    """Text in which controls, zero-width and direction-changing characters are shown as pictures or numbers."""
    return column.str.replace_many(_VISIBLE)


def _points(text: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in text)
