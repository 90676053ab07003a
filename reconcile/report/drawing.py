"""Which font draws exactly this character, variation selector included.

No single font draws every variant of a name: Moji_Joho sequences stand in IPAmj明朝, Adobe-Japan1 sequences in Noto CJK
(`reference/ecosystem.md` §3.3). A font without a sequence draws the base glyph and says nothing, so the font is chosen
per sequence from the fonts' own tables (OpenType `cmap`, format 14), and what none of them draws is shown as its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from reconcile.report.fonts import BUNDLED, Found

FAMILIES = ("IPAmjMincho", "Noto Serif CJK JP", "Noto Sans CJK JP", BUNDLED)
"""In order of choice: IPAmj first, because a character without selector stands for its default MJ glyph."""


class Repertoire(NamedTuple):
    """What one font draws: code points, and (base, selector) pairs."""

    points: frozenset[int]
    sequences: frozenset[tuple[int, int]]

    def draws(self, character: str) -> bool:
        """Whether the font has this character, with its selector if it has one."""
        base, *selector = map(ord, character)
        return (base, selector[0]) in self.sequences if selector else base in self.points


def families(characters: Iterable[str], found: Found) -> Mapping[str, str]:
    """Character -> the first family of `FAMILIES` that draws it; those that none draws are left out."""
    repertoires = {}
    for family in FAMILIES:
        here = [font for font in found.fonts.fonts() if font.family == family and font.style == "normal"]
        if here:
            # The weight nearest to that of the text.
            chosen = min(here, key=lambda font: abs(font.weight - 400))
            repertoires[family] = _repertoire(str(chosen.path), chosen.index)
    chosen_families = {}
    for character in dict.fromkeys(characters):
        for family, repertoire in repertoires.items():
            if repertoire.draws(character):
                chosen_families[character] = family
                break
    return chosen_families


@cache
def _repertoire(path: str, index: int) -> Repertoire:
    from fontTools.ttLib import TTFont  # noqa: PLC0415  an extra, and 0.1 s

    with TTFont(path, fontNumber=index, lazy=True) as font:
        tables = font["cmap"].tables
        points = {point for table in tables if table.format != 14 for point in table.cmap}
        sequences = {
            (base, selector)
            for table in tables
            if table.format == 14
            for selector, bases in table.uvsDict.items()
            for base, _ in bases
        }
    return Repertoire(frozenset(points), frozenset(sequences))
