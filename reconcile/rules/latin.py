"""Names in Latin letters: case and diacritics, which grade a difference and never equate.

The register holds them in upper case without marks, as on the residence card (入管法の旅券・在留カードの表記); a mark or
a small letter tells where a value came from, and that somebody typed it.
"""

from __future__ import annotations

import polars as pl

_MARKED = {
    "A": "ÀÁÂÃÄÅĀĂĄǍ",
    "C": "ÇĆĈĊČ",
    "D": "ÐĎĐ",
    "E": "ÈÉÊËĒĔĖĘĚ",
    "G": "ĜĞĠĢ",
    "H": "ĤĦ",
    "I": "ÌÍÎÏĨĪĬĮİǏ",
    "J": "Ĵ",
    "K": "Ķ",
    "L": "ĹĻĽĿŁ",
    "N": "ÑŃŅŇŊ",
    "O": "ÒÓÔÕÖØŌŎŐƠǑ",
    "R": "ŔŖŘ",
    "S": "ŚŜŞŠȘ",
    "T": "ŢŤŦȚ",
    "U": "ÙÚÛÜŨŪŬŮŰŲƯǓ",
    "W": "Ŵ",
    "Y": "ÝŶŸ",
    "Z": "ŹŻŽ",
}
# ISO/IEC 8859-1 to -16, and the Vietnamese horned letters; small letters by their capitals.
_PLAIN = {
    marked: plain.lower() if marked.islower() else plain
    for plain, capitals in _MARKED.items()
    for letter in capitals
    for marked in (letter, letter.lower())
    if len(marked) == 1
} | {"Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "ß": "ss", "Þ": "TH", "þ": "th", "ı": "i"}
_COMBINING = "[\u0300-\u036f]"


def lower_case(text: pl.Expr) -> pl.Expr:
    """Capitals -> small letters."""
    return text.str.to_lowercase()


def no_diacritics(text: pl.Expr) -> pl.Expr:
    """Latin letters without their marks, precomposed or combining."""
    return text.str.replace_many(_PLAIN).str.replace_all(_COMBINING, "")
