"""Readings: hiragana and katakana are two scripts of one reading; small and large kana are not.

The CS writes readings in hiragana, the register in katakana (標準仕様書 1.1.18). Small ャュョッ stand large in data of
older systems: that is a difference which somebody must look at, so `small_kana` grades and never equates.
"""

from __future__ import annotations

import polars as pl

_KATAKANA = {chr(c): chr(c + 0x60) for c in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_LARGE = dict(
    zip("ァィゥェォヵヶッャュョヮぁぃぅぇぉっゃゅょゎ", "アイウエオカケツヤユヨワあいうえおつやゆよわ", strict=True)
)


def katakana(text: pl.Expr) -> pl.Expr:
    """Hiragana -> katakana, character by character."""
    return text.str.replace_many(_KATAKANA)


def small_kana(text: pl.Expr) -> pl.Expr:
    """Small kana -> large."""
    return text.str.replace_many(_LARGE)
