"""The code points in which two spellings of a name differ.

Two different characters may be drawn alike, and a font without a variation sequence silently draws the base character
(`reference/ecosystem.md` §3.3); so a list names the code points beside the picture.
"""

from __future__ import annotations

from itertools import takewhile

MOST = 6
"""Spellings that differ in more code points than this differ in more than a variant; the numbers would only be noise."""


def difference(left: str | None, right: str | None) -> str:
    """The differing middle of two texts as code points, or "" where that explains nothing.

    >>> difference("高橋", "髙橋")
    'U+9AD8 / U+9AD9'
    >>> difference("葛󠄀城", "葛城")
    'U+845B U+E0100 / U+845B'
    """
    if not left or not right or left == right:
        return ""
    ahead = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    # A selector belongs to the character before it: name both.
    while ahead and any(_is_selector(text[ahead : ahead + 1]) for text in (left, right)):
        ahead -= 1
    one, two = left[ahead:], right[ahead:]
    behind = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(reversed(one), reversed(two), strict=False))
    )
    # Nor may the common end begin with a selector.
    while behind and _is_selector(one[len(one) - behind]):
        behind -= 1
    one, two = one[: len(one) - behind], two[: len(two) - behind]
    if max(len(one), len(two)) > MOST:
        return ""
    return f"{_points(one)} / {_points(two)}"


def _is_selector(character: str) -> bool:
    # Unicode, chapter 23.4: VS1-VS16, VS17-VS256.
    return bool(character) and ("\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef")


def _points(text: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in text) or "(なし)"
