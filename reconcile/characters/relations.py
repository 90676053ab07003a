"""How two characters are related, and on whose authority: the part of the ladder that looks at one pair.

Levels, in order of gravity (`reference/domain.md` §3.2):

    SAME       L1  both write the same MJ文字図形名
    APPROVED   L2  given by the site's table of approved identifications; set by `ladder`, never here
    VARIANT    L3  related by a 縮退 rule, by the same base code point, or by notation (width, hyphen, CP932 mapping)
    UNMAPPED   L4  one of them is not known as a character: placeholder, private use, code without a row
    DIFFERENT  L5  nothing relates them

Relations are bits, so that the relations of all pairs of a value add up with a bitwise or. IPA calls MJ縮退マップ a
reference (参考): it explains a difference and never makes two characters equal.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl

from reconcile.characters import clusters, codec, tables

RELATIONS = (
    *tables.RULES,
    "same_base_ucs",
    "cp932_mapping",
    "width",
    "hyphen",
    "placeholder",
    "private_use",
    "no_table_row",
    "unregistered_sequence",
    "name_separator",
    "same_mj",
)
"""What a bit of `relation` stands for, in the order in which a finding names them."""

BIT = {name: 1 << position for position, name in enumerate(RELATIONS)}

Bits = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]

LABELS = {
    **{rule: rule for rule in tables.RULES},
    "same_base_ucs": "同じ基底文字",
    "cp932_mapping": "CP932変換表の差",
    "width": "全角・半角の差",
    "hyphen": "長音・ハイフン類の差",
    "placeholder": "代替記号(文字として比較しない)",
    "private_use": "外字領域(系ごとに意味が異なる)",
    "no_table_row": "文字表にない統一文字コード",
    "unregistered_sequence": "IVDに登録のない異体字列",
    "name_separator": "区切り・空白の差",
    "same_mj": "同一のMJ文字図形名",
}
"""How each relation is called in a paper for the office."""

PAIRS = pl.Schema({"left": pl.UInt32, "right": pl.UInt32})
RELATED = pl.Schema(
    {
        "left": pl.UInt32,
        "right": pl.UInt32,
        "left_mj": pl.UInt32,
        "right_mj": pl.UInt32,
        "level": pl.UInt8,
        "relation": pl.UInt32,
        "ambiguous": pl.Boolean,
    }
)


class Level(IntEnum):
    """Where a pair stands on the ladder; the gravest pair decides for the value."""

    SAME = 0
    APPROVED = 1
    VARIANT = 2
    UNMAPPED = 3
    DIFFERENT = 4


# 〓■●？＊ stand for a character that a system could not print (domain §12, trap 12); U+FFFD for one it could not decode.
_PLACEHOLDERS = "〓■●？＊?*\ufffd"
DOUBTFUL_TEXT = r"[\x{E000}-\x{F8FF}\x{100000}-\x{10FFFD}" + _PLACEHOLDERS.replace("*", r"\*") + "]"
"""A regular expression for text whose equality proves nothing: a placeholder, or private use, whose codes each system
assigns for itself. A carrier is neither: it is one code of one nationwide code system."""

# JIS X 0208 characters that CP932 and Shift_JIS decoders map to different code points (domain §4.2; trap 8).
_CP932 = ("～∥－￠￡￢―￤￥￣", "〜‖−¢£¬—¦¥‾")
_HYPHENS = "ー―－−‐ｰ-—–‑"
_HALF_KANA = "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜"


def relate(pairs: pl.DataFrame) -> pl.DataFrame:
    """Judge distinct pairs of characters.

    Args:
        pairs: PAIRS, cluster keys (`clusters`), no pair twice.

    Returns:
        RELATED, one row a pair, in the order given. `left_mj`, `right_mj`: 0 where the character has no MJ文字図形名.
        `relation`: bits of RELATIONS, 0 for L5. `ambiguous`: the right side wrote a bare code point that several
        J codes share, the left side's among them, so that it could not have written the difference.
    """
    left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
    left_mj, right_mj = clusters.mj_numbers(left), clusters.mj_numbers(right)
    left_base, right_base = clusters.base_of(left), clusters.base_of(right)
    frame = pairs.select(
        "left", "right", left_mj=pl.Series(left_mj, dtype=pl.UInt32), right_mj=pl.Series(right_mj, dtype=pl.UInt32)
    ).with_row_index("pair")
    same = (left == right) & ~is_doubtful(left) | (left_mj == right_mj) & (left_mj > 0)
    unmapped = _unmapped_bits(left) | _unmapped_bits(right)
    direct, indirect = _shrink_bits(frame)
    direct |= _notation_bits(left, right)
    same_base = _ucs_of(left) == _ucs_of(right)
    variant = np.where(direct > 0, direct, np.where(same_base, BIT["same_base_ucs"], indirect))
    relation = np.where(same, BIT["same_mj"], np.where(unmapped > 0, unmapped, variant))
    steps = [int(Level.SAME), int(Level.UNMAPPED), int(Level.VARIANT)]
    level = np.select([same, unmapped > 0, variant > 0], steps, int(Level.DIFFERENT))
    ambiguous = (level == Level.VARIANT) & (left_base == right_base) & (clusters.selector_of(right) == 0)
    return frame.select(
        "left",
        "right",
        "left_mj",
        "right_mj",
        level=pl.Series(level, dtype=pl.UInt8),
        relation=pl.Series(relation, dtype=pl.UInt32),
        ambiguous=pl.Series(ambiguous & _shared()[right_base]),
    )


def is_unmapped(keys: clusters.Keys) -> Flags:
    """Whether each key is not known as a character (L4)."""
    return _unmapped_bits(keys) > 0


def is_doubtful(keys: clusters.Keys) -> Flags:
    """Whether equal keys prove nothing: placeholders, and private use, whose codes each system assigns for itself.

    A carrier is not doubtful: it is one code of one nationwide code system.
    """
    return _unmapped_bits(keys) & ~np.uint32(BIT["no_table_row"]) > 0


def unmapped_as(key: int) -> list[str]:
    """Why one key is not known as a character, by the name of the relation; empty if it is."""
    return names(int(_unmapped_bits(np.array([key], dtype=np.uint32))[0]))


def names(relation: int) -> list[str]:
    """The relations whose bits are set, the strongest authority first."""
    return [name for name, bit in BIT.items() if relation & bit]


def _unmapped_bits(keys: clusters.Keys) -> Bits:
    base, selector = clusters.base_of(keys), clusters.selector_of(keys)
    carrier = (base >= codec.CARRIER) & (base < codec.CARRIER + 0x10000)
    private = (base >= 0xE000) & (base <= 0xF8FF) | (base >= 0x100000)
    placeholder = np.isin(base, np.array([ord(c) for c in _PLACEHOLDERS], dtype=np.uint32))
    stray = (base >= 0xFE00) & (base <= 0xFE0F) | (base >= 0xE0100) & (base <= 0xE01EF)
    unregistered = stray | (selector > 0) & ~np.isin(keys, _registered())
    return np.select(
        [carrier, private, placeholder, unregistered],
        [BIT["no_table_row"], BIT["private_use"], BIT["placeholder"], BIT["unregistered_sequence"]],
        0,
    ).astype(np.uint32)


def _shrink_bits(frame: pl.DataFrame) -> tuple[Bits, Bits]:
    """The 縮退 rules that relate each pair, directly and indirectly.

    Direct: one is a candidate of the other. Indirect, where that is not so: by way of the default glyph of a base
    (邉󠄙 → 邉 → 辺; bit `same_base_ucs` too), or because both have a candidate in common (邊 → 辺 ← 邉).
    """
    ours, theirs = _targets(frame, "left"), _targets(frame, "right")
    our_base, their_base = _targets(frame, "left", by_base=True), _targets(frame, "right", by_base=True)
    our_names, their_names = _names(frame, "left"), _names(frame, "right")
    direct = (_meeting(ours, their_names), _meeting(theirs, our_names))
    by_base = (_meeting(our_base, their_names), _meeting(their_base, our_names))
    ours, theirs = pl.concat((ours, our_base)), pl.concat((theirs, their_base))
    common = (_meeting(ours, theirs), _meeting(theirs, ours))
    found = [_per_pair(pl.concat(some), frame.height) for some in (direct, by_base, common)]
    return found[0], np.where(found[1] > 0, found[1], found[2])


def _meeting(targets: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return targets.join(others, on=["pair", "target"], how="semi").select("pair", "bits")


def _per_pair(found: pl.DataFrame, pairs: int) -> Bits:
    by_pair = found.group_by("pair").agg(pl.col("bits").bitwise_or())
    bits = np.zeros(pairs, dtype=np.uint32)
    bits[by_pair["pair"].to_numpy()] = by_pair["bits"].to_numpy()
    return bits


def _targets(frame: pl.DataFrame, side: str, *, by_base: bool = False) -> pl.DataFrame:
    """The 縮退 candidates of one side, or of the default glyph of its base: pair, target, bits."""
    glyphs = frame[f"{side}_mj"].to_numpy()
    extra = 0
    if by_base:
        default = clusters.mj_numbers(_ucs_of(frame[side].to_numpy()))
        glyphs, extra = np.where(default == glyphs, 0, default), BIT["same_base_ucs"]
    return (
        frame.select("pair", mj=pl.Series(glyphs, dtype=pl.UInt32))
        .join(_shrink(), on="mj")
        .select("pair", "target", bits=pl.col("bits") | pl.lit(extra, dtype=pl.UInt32))
    )


def _names(frame: pl.DataFrame, side: str) -> pl.DataFrame:
    """The code points by which a 縮退 target may mean one side: as written, or the UCS of its glyph."""
    keys = frame[side].to_numpy()
    written = frame.select("pair", target=pl.Series(clusters.base_of(keys), dtype=pl.UInt32))
    ucs = frame.select("pair", target=pl.Series(_ucs_of(keys), dtype=pl.UInt32))
    return pl.concat((written, ucs))


def _notation_bits(left: clusters.Keys, right: clusters.Keys) -> Bits:
    bits = np.zeros(left.size, dtype=np.uint32)
    for name, (points, folded) in _notations().items():
        at_left, at_right = np.searchsorted(points, left), np.searchsorted(points, right)
        known_left = points[np.minimum(at_left, points.size - 1)] == left
        known_right = points[np.minimum(at_right, points.size - 1)] == right
        fold_left = np.where(known_left, folded[np.minimum(at_left, points.size - 1)], left)
        fold_right = np.where(known_right, folded[np.minimum(at_right, points.size - 1)], right)
        bits[(fold_left == fold_right) & (left != right)] |= BIT[name]
    return bits


def _ucs_of(keys: clusters.Keys) -> clusters.Keys:
    """The 対応するUCS of the glyph (a compatibility ideograph's unified one), or the code point itself."""
    ucs = _ucs()[clusters.mj_numbers(keys)]
    return np.where(ucs > 0, ucs, clusters.base_of(keys))


@cache
def _ucs() -> clusters.Keys:
    table = tables.mj().unique("mj", keep="first", maintain_order=True).drop_nulls("ucs")
    ucs = np.zeros(int(table["mj"].to_numpy().max()) + 1, dtype=np.uint32)
    ucs[table["mj"].to_numpy()] = table["ucs"].to_numpy()
    return ucs


@cache
def _shrink() -> pl.DataFrame:
    """MJ縮退マップ with the rules of one pair of glyph and target as bits, without the glyphs that stay themselves."""
    own = tables.mj().select("mj", target="bare").drop_nulls()
    bit = pl.col("rule").replace_strict(list(range(len(tables.RULES))), [BIT[rule] for rule in tables.RULES])
    rows = tables.shrink().join(own, on=["mj", "target"], how="anti")
    return rows.group_by("mj", "target").agg(bits=bit.cast(pl.UInt32).bitwise_or())


@cache
def _shared() -> Flags:
    """Whether several J codes decode to the same base code point, by code point."""
    coded = tables.mj().drop_nulls("juki")
    texts = codec.decode(coded["juki"].to_numpy().reshape(-1, 1))
    return np.bincount(clusters.base_of(clusters.split(texts).keys), minlength=clusters.CODE_POINTS) > 1


@cache
def _registered() -> clusters.Keys:
    """Every sequence that a collection of the IVD or the MJ table (SVS) gives a meaning."""
    table = tables.ivd()
    ivd = table["ucs"].to_numpy() | table["ivs"].to_numpy().astype(np.uint32) << np.uint32(clusters.SELECTOR_SHIFT)
    svs = tables.mj().drop_nulls("svs")
    standard = svs["ucs"].to_numpy() | svs["svs"].to_numpy().astype(np.uint32) << np.uint32(clusters.SELECTOR_SHIFT)
    return np.unique(np.concatenate((ivd, standard)))


@cache
def _notations() -> dict[str, tuple[clusters.Keys, clusters.Keys]]:
    """Notation classes: sorted code points and what each is folded to, by the name of the relation."""
    full = {0xFF01 + i: 0x21 + i for i in range(94)}
    kana = {0xFF61 + i: ord(c) for i, c in enumerate(_HALF_KANA)}
    classes = {
        "cp932_mapping": {ord(a): ord(b) for a, b in zip(*_CP932, strict=True)},
        "width": full | kana,
        "hyphen": {ord(c): ord("-") for c in _HYPHENS},
    }
    return {
        name: (
            np.array(sorted(fold), dtype=np.uint32),
            np.array([fold[point] for point in sorted(fold)], dtype=np.uint32),
        )
        for name, fold in classes.items()
    }
