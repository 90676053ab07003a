"""What characters are and how they are related: the answer of `reconcile chars 髙 高 J+9AD9 MJ028902 U+9AD9`.

Needs no personal data: characters in, the tables' rows and the ladder's judgement out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from reconcile.characters import clusters, codec, ladder, relations, tables
from reconcile.errors import ConfigError

CHARACTERS = pl.Schema(
    {
        "token": pl.String(),
        "text": pl.String(),
        "code_points": pl.String(),
        "mj": pl.String(),
        "juki": pl.String(),
        "koseki": pl.String(),
        "nyukan": pl.String(),
        "x0213": pl.String(),
        "unification": pl.String(),
        "policy": pl.String(),
        "collections": pl.List(pl.String()),
        "same_base": pl.List(pl.String()),
        "shrinks_to": pl.List(pl.String()),
        "note": pl.String(),
    }
)
"""One row a character asked for. `same_base`: the other glyphs of its UCS that have a J code. Null: it has none."""

RELATIONS = pl.Schema({"left": pl.String(), "right": pl.String(), **ladder.JUDGED})
"""One row a pair, left as the CS's, right as the register's character: what `ladder.judge` says."""

_LABELS = (
    ("code_points", "符号位置"),
    ("mj", "MJ文字図形名"),
    ("juki", "住基ネット統一文字"),
    ("koseki", "戸籍統一文字番号"),
    ("nyukan", "入管正字コード"),
    ("x0213", "JIS X 0213"),
    ("unification", "JIS包摂規準"),
    ("policy", "漢字施策"),
    ("collections", "IVDコレクション"),
    ("same_base", "同じ基底文字の字形"),
    ("shrinks_to", "縮退候補"),
    ("note", "注記"),
)
_GRADES = {
    "same_character": "L1 同一文字(符号化差)",
    "separator": "L1′ 区切りの差",
    "approved": "L2 承認済同定",
    "variant": "L3 異体字・縮退差(要確認)",
    "unmapped": "L4 外字・未同定(要確認)",
    "different": "L5 別の文字(要修正)",
}
_J_CODE = re.compile(r"J\+([0-9A-F]{4})", re.IGNORECASE)
_MJ_NAME = re.compile(r"MJ([0-9]{6})", re.IGNORECASE)
_CODE_POINTS = re.compile(r"U\+([0-9A-F]{4,6})(?:[ ,_+-]+(?:U\+)?([0-9A-F]{4,6}))?", re.IGNORECASE)
_HINT = "give a character, J+9AD9, MJ028902, U+9AD9 or U+845B-E0102"


@dataclass(frozen=True, slots=True)
class Description:
    """`characters`: CHARACTERS, in the order asked. `relations`: RELATIONS, every pair of unequal characters."""

    characters: pl.DataFrame
    relations: pl.DataFrame


def describe(tokens: Sequence[str]) -> Description:
    """Look the characters up and judge every pair of them.

    Args:
        tokens: Each a text (every character in it counts), a J code, an MJ文字図形名, or a code point with, if
            need be, a variation selector.

    Raises:
        ConfigError: A token is empty, names a glyph that the table does not have, or one that Unicode cannot write.
    """
    asked = [(token, key) for token in tokens for key in _keys(token)]
    characters = pl.DataFrame([_character(token, key) for token, key in asked], schema=CHARACTERS)
    distinct = dict.fromkeys(characters["text"])
    pairs = pl.DataFrame(list(combinations(distinct, 2)), schema={"left": pl.String, "right": pl.String}, orient="row")
    return Description(characters, pairs.hstack(ladder.judge(pairs)))


def as_text(description: Description) -> str:
    """The description for a terminal, in Japanese, with the edition of the tables in the last line."""
    lines: list[str] = []
    asked = description.characters.group_by("text", maintain_order=True).agg("token", pl.exclude("token").first())
    for row in asked.iter_rows(named=True):
        lines.append(f"{_glyph(row['text'])}  ({', '.join(row['token'])})")
        for column, label in _LABELS:
            values = row[column] if isinstance(row[column], list) else [row[column]]
            lines.extend(f"    {label}: {value}" for value in values if value)
    for row in description.relations.iter_rows(named=True):
        lines.extend((row["hint"], f"    判定: {_GRADES[row['grade']]}"))
        if row["rule"]:
            lines.append(f"    根拠: {'、'.join(relations.LABELS[name] for name in row['rule'].split('+'))}")
    lines.append(f"文字表: {tables.version()}")
    return "\n".join(lines)


def _glyph(text: str) -> str:
    """The character, or the code that it carries."""
    return codec.show_unmapped(ord(text)) if codec.CARRIER <= ord(text[0]) < codec.CARRIER + 0x10000 else text


def _keys(token: str) -> list[int]:
    if match := _J_CODE.fullmatch(token):
        text = codec.decode(np.array([[int(match[1], 16)]], dtype=np.uint16))
        if text[0] is None:
            raise ConfigError(f"chars: {token}", "a space, nothing to describe", hint=_HINT)
        return [int(key) for key in clusters.split(text).keys]
    if match := _MJ_NAME.fullmatch(token):
        number = int(match[1])
        if not (tables.mj()["mj"] == number).any():
            raise ConfigError(f"chars: {token}", f"{tables.source().mji} does not have it", hint=_HINT)
        key = int(clusters.of_mj(np.array([number], dtype=np.uint32))[0])
        if key == 0xFFFD:
            raise ConfigError(f"chars: {token}", "Unicode has no code point or sequence for this glyph")
        return [key]
    if match := _CODE_POINTS.fullmatch(token):
        points = [int(digits, 16) for digits in match.groups() if digits]
        if any(point >= clusters.CODE_POINTS or 0xD800 <= point <= 0xDFFF for point in points):
            raise ConfigError(f"chars: {token}", "no Unicode character has this code point", hint=_HINT)
        token = "".join(map(chr, points))
    if not token:
        raise ConfigError("chars", "got an empty text", hint=_HINT)
    return [int(key) for key in clusters.split(pl.Series([token])).keys]


def _character(token: str, key: int) -> dict[str, Any]:
    """One row of CHARACTERS."""
    keys = np.array([key], dtype=np.uint32)
    number = int(clusters.mj_numbers(keys)[0])
    row = tables.mj().filter(pl.col("mj") == number)
    about = row.row(0, named=True) if row.height else dict.fromkeys(row.columns)
    code = int(codec.codes_of(keys)[0])
    base, selector = key & clusters.BASE, key >> clusters.SELECTOR_SHIFT
    registered = tables.ivd().filter(ucs=base, ivs=selector)["collection"]
    units = [f"U+{ord(unit):04X}" for unit in clusters.texts(keys)[0]]
    return {
        "token": token,
        "text": clusters.texts(keys)[0],
        "code_points": " ".join(units),
        "mj": f"MJ{number:06d}" if number else None,
        "juki": codec.show_unmapped(code) if code else None,
        "koseki": None if about["koseki"] is None else f"{about['koseki']:06d}",
        "nyukan": None if about["nyukan"] is None else f"0x{about['nyukan']:04X}",
        "x0213": about["x0213"],
        "unification": about["unification"],
        "policy": about["policy"],
        "collections": [tables.COLLECTIONS[i] for i in registered],
        "same_base": _same_base(number, about["ucs"]),
        "shrinks_to": _shrinks_to(number),
        "note": "、".join(relations.LABELS[name] for name in relations.unmapped_as(key)) or None,
    }


def _same_base(number: int, ucs: int | None) -> list[str]:
    others = tables.mj().filter(
        pl.col("ucs").eq_missing(pl.lit(ucs, dtype=pl.UInt32)),
        pl.col("ucs").is_not_null(),
        pl.col("mj") != number,
        pl.col("juki").is_not_null(),
    )
    shown = ladder.show(clusters.of_mj(others["mj"].to_numpy()))
    return [f"{text} {codec.show_unmapped(code)}" for text, code in zip(shown, others["juki"], strict=True)]


def _shrinks_to(number: int) -> list[str]:
    own = int(clusters.of_mj(np.array([number], dtype=np.uint32))[0])
    rows = tables.shrink().filter(pl.col("mj") == number, pl.col("target") != own)
    candidates = rows.group_by("target", maintain_order=True).agg("rule")
    shown = ladder.show(candidates["target"].to_numpy())
    rules = candidates["rule"].to_list()
    return [f"{text}: {'、'.join(tables.RULES[i] for i in ids)}" for text, ids in zip(shown, rules, strict=True)]
