"""The comparison ladder (`reference/domain.md` §3.2): for two values that differ, how far apart and on whose authority.

Values are cut into characters (base with selector), spaces are set aside, and where both sides have as many
characters they are aligned by position; `relations` judges each distinct pair of characters once. The gravest pair
decides. Where the lengths differ, what remains between the common beginning and the common end is looked at: if one
side holds only placeholders there, the other may be what was lost (L4), otherwise the values differ (L5).

Nothing is folded or normalized first, and only L1, L1′ and L2 are equal: a variant is a difference of the record that
somebody must accept or correct.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from reconcile.characters import clusters, codec, relations
from reconcile.characters.clusters import Clusters
from reconcile.characters.relations import BIT, Level

JUDGED = pl.Schema({"equal": pl.Boolean, "grade": pl.String, "rule": pl.String, "hint": pl.String})
"""What `judge` returns, one row a pair of values, in the order given."""

APPROVED = pl.Schema({"left_mj": pl.String, "right_mj": pl.String, "id": pl.String})
"""The approved identifications that apply to a field (`approvals.applicable`)."""

CHARACTER_PAIRS = pl.Schema(
    {
        "row": pl.UInt32,
        "left": pl.String,
        "right": pl.String,
        "pair": pl.String,
        "grade": pl.String,
        "rule": pl.String,
    }
)
"""What `character_pairs` returns: the two characters, `pair` for people, as in a hint; `rule` the authorities."""

PAIR = ("left", "right")
SWITCHES = {"same_mj": "same_character", "name_separator": "separator"}
"""Rules under which values are equal, and the grade of such values; a field may switch them off. An approval is not
switched off here: it names the fields it is for."""

GRADES = ("same_character", "separator", "approved", "variant", "unmapped", "different", "missing")
INDISTINCT = "既存側の符号では区別不能"

# Separators of 氏 and 名 and padding; other white space is a character like any other.
_SPACES = np.array([0x20, 0x3000], dtype=np.uint32)
_HINTED = 3
_GRADE_OF = {
    Level.SAME: "same_character",
    Level.APPROVED: "approved",
    Level.VARIANT: "variant",
    Level.UNMAPPED: "unmapped",
    Level.DIFFERENT: "different",
}


def judge(pairs: pl.DataFrame, approved: pl.DataFrame | None = None) -> pl.DataFrame:
    """Place each pair of values on the ladder.

    Args:
        pairs: Columns `left` (CS) and `right` (register), String, differing; one of them may be null.
        approved: APPROVED, or None for no approved identification. Directed: left is the CS's character.

    Returns:
        JUDGED, as many rows in the same order. `grade` is one of GRADES; `equal` is True for the first three.
        `rule`: the authorities that together explain the value, joined by "+"; null for "different" and "missing".
        `hint`: the pairs of characters that differ, at most three, with code points and MJ文字図形名; null where
        none can be named.
    """
    (left, left_spaces), (right, right_spaces) = (_separators(clusters.split(pairs[side])) for side in PAIR)
    missing = (pairs["left"].is_null() | pairs["right"].is_null()).to_numpy()
    aligned = (left.counts == right.counts) & ~missing
    unaligned = ~aligned & ~missing

    differing = _differing(left, right, aligned)
    related = _with_approved(relations.relate(differing.select("left", "right").unique()), approved)
    by_value = _by_value(differing, related)

    level = np.zeros(pairs.height, dtype=np.uint8)
    relation = np.zeros(pairs.height, dtype=np.uint32)
    rows = by_value["row"].to_numpy()
    level[rows] = by_value["level"].to_numpy()
    relation[rows] = by_value["relation"].to_numpy()
    level[unaligned], relation[unaligned] = _judge_middles(left, right, np.flatnonzero(unaligned))
    moved = aligned & _unequal(left_spaces, right_spaces)
    relation[moved] |= BIT["name_separator"]
    # That a character is merely written otherwise explains nothing where another one differs.
    relation[level > Level.SAME] &= ~np.uint32(BIT["same_mj"])

    grade = np.array([_GRADE_OF[step] for step in Level])[level]
    grade[(level == Level.SAME) & moved] = "separator"
    grade[missing] = "missing"
    explained = by_value.select("row", "approved", "hint")
    lengths = {"left": left.counts, "right": right.counts}
    return (
        pl.DataFrame({"grade": grade, "relation": relation, "unaligned": unaligned, **lengths})
        .with_row_index("row")
        .join(explained, on="row", how="left", maintain_order="left")
        .join(_wordings(relation), on="relation", how="left", maintain_order="left")
        .select(
            equal=pl.col("grade").is_in(GRADES[:3]),
            grade="grade",
            rule=pl.when(~pl.col("grade").is_in(["different", "missing"])).then(
                pl.concat_list("approved", "wording").list.drop_nulls().list.join("+").replace("", None)
            ),
            hint=pl.when("unaligned").then(pl.format("文字数 {} / {}", *PAIR)).otherwise("hint"),
        )
        .cast(JUDGED)
    )


def character_pairs(pairs: pl.DataFrame, approved: pl.DataFrame | None = None) -> pl.DataFrame:
    """The pairs of characters that differ within values of equal length, so that one decision can be made per pair.

    Args:
        pairs: As `judge` takes them.
        approved: As `judge` takes it.

    Returns:
        CHARACTER_PAIRS, one row a value and distinct pair in it; `row` is the value's position in `pairs`.
    """
    (left, _), (right, _) = (_separators(clusters.split(pairs[side])) for side in PAIR)
    missing = (pairs["left"].is_null() | pairs["right"].is_null()).to_numpy()
    differing = _differing(left, right, (left.counts == right.counts) & ~missing).unique(maintain_order=True)
    related = _with_approved(relations.relate(differing.select("left", "right").unique()), approved)
    worded = related.join(_wordings(related["relation"].to_numpy()), on="relation", how="left")
    grades = {int(level): grade for level, grade in _GRADE_OF.items()}
    texts = {side: clusters.texts(differing[side].to_numpy()) for side in PAIR}
    return differing.join(worded, on=["left", "right"], how="left", maintain_order="left").select(
        "row",
        **texts,
        pair="hint",
        grade=pl.col("level").cast(pl.Int64).replace_strict(grades, return_dtype=pl.String),
        rule=pl.coalesce("approved", "wording"),
    )


def show(keys: clusters.Keys) -> pl.Series:
    """Characters for people: `葛󠄂 U+845B U+E0102 MJ022335`; a carrier is shown as the code it carries, `J+AC00`."""
    base, selector = clusters.base_of(keys), clusters.selector_of(keys)
    carrier = (base >= codec.CARRIER) & (base < codec.CARRIER + 0x10000)
    frame = pl.DataFrame(
        {
            "text": clusters.texts(keys),
            "base": _hexadecimal(base, 4),
            "selector": _hexadecimal(np.where(selector > 16, 0xE0100 + selector - 17, 0xFE00 + selector - 1), 4),
            "selected": selector > 0,
            "mj": pl.Series(clusters.mj_numbers(keys), dtype=pl.UInt32),
            "carrier": carrier,
            "code": _hexadecimal(base & np.uint32(0xFFFF), 4),
            "private": (base >= 0xE000) & (base <= 0xF8FF) | (base >= 0x100000),
        }
    )
    glyph = pl.when("private").then(pl.lit("外字")).otherwise("text")
    sequence = pl.when("selected").then(pl.format(" U+{}", "selector")).otherwise(pl.lit(""))
    number = (
        pl.when(pl.col("mj") > 0)
        .then(pl.format(" MJ{}", pl.col("mj").cast(pl.String).str.zfill(6)))
        .otherwise(pl.lit(""))
    )
    written = pl.format("{} U+{}{}{}", glyph, "base", sequence, number)
    return frame.select(pl.when("carrier").then(pl.format("J+{}", "code")).otherwise(written)).to_series()


def _separators(cut: Clusters) -> tuple[Clusters, Clusters]:
    """A value without its separators, and its separators alone, each with the number of characters before it.

    The second is packed as position * 2^21 + code point, so that equal arrays mean equal separators.
    """
    space = np.isin(cut.keys, _SPACES)
    before: npt.NDArray[np.int64] = np.concatenate(([0], np.cumsum(~space)))
    first = before[cut.starts[:-1]]
    at = (before[:-1] - np.repeat(first, cut.counts)).astype(np.uint32) << np.uint32(clusters.SELECTOR_SHIFT)
    return cut.keep(~space), Clusters(cut.keys | at, cut.starts).keep(space)


def _unequal(left: Clusters, right: Clusters) -> npt.NDArray[np.bool_]:
    """Which values differ in any character or in length."""
    unequal: npt.NDArray[np.bool_] = left.counts != right.counts
    in_left, in_right = np.repeat(~unequal, left.counts), np.repeat(~unequal, right.counts)
    differ = left.keys[in_left] != right.keys[in_right]
    unequal[left.rows[in_left][differ]] = True
    return unequal


def _differing(left: Clusters, right: Clusters, aligned: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """The pairs of unequal (or doubtful) characters of aligned values: row, left, right, in the order of the text."""
    in_left, in_right = np.repeat(aligned, left.counts), np.repeat(aligned, right.counts)
    ours, theirs = left.keys[in_left], right.keys[in_right]
    unequal = (ours != theirs) | relations.is_doubtful(ours)
    return pl.DataFrame(
        {
            "row": pl.Series(left.rows[in_left][unequal], dtype=pl.UInt32),
            "left": pl.Series(ours[unequal], dtype=pl.UInt32),
            "right": pl.Series(theirs[unequal], dtype=pl.UInt32),
        }
    )


def _with_approved(related: pl.DataFrame, approved: pl.DataFrame | None) -> pl.DataFrame:
    """Raise the pairs that the site has approved to L2, with the id of the entry, and word each pair's hint."""
    suffix = pl.when("ambiguous").then(pl.lit(f" {INDISTINCT}")).otherwise(pl.lit(""))
    texts = {f"{side}_text": show(related[side].to_numpy()) for side in ("left", "right")}
    worded = related.with_columns(**texts).with_columns(hint=pl.format("{} / {}{}", "left_text", "right_text", suffix))
    entries = APPROVED.to_frame() if approved is None else approved.select(APPROVED.names())
    numbers = entries.select(
        pl.col("left_mj", "right_mj").str.strip_prefix("MJ").str.to_integer(dtype=pl.UInt32), approved="id"
    ).unique(["left_mj", "right_mj"], keep="first", maintain_order=True)
    holds = pl.col("approved").is_not_null() & (pl.col("level") > Level.APPROVED)
    return worded.join(numbers, on=["left_mj", "right_mj"], how="left").with_columns(
        level=pl.when(holds).then(pl.lit(int(Level.APPROVED))).otherwise("level").cast(pl.UInt8),
        relation=pl.when(holds).then(pl.lit(0)).otherwise("relation").cast(pl.UInt32),
        approved=pl.when(holds).then(pl.format("approved:{}", "approved")),
    )


def _by_value(differing: pl.DataFrame, related: pl.DataFrame) -> pl.DataFrame:
    """One row a value with unequal characters: row, level, relation, approved, hint."""
    hints = pl.col("hint").unique(maintain_order=True)
    return (
        differing.join(related, on=["left", "right"], how="left", maintain_order="left")
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("level").max(),
            pl.col("relation").bitwise_or(),
            pl.col("approved").drop_nulls().unique(maintain_order=True),
            hint=hints.head(_HINTED),
            more=pl.col("hint").n_unique() > _HINTED,
        )
        .with_columns(
            pl.col("approved").list.join("+").replace("", None),
            hint=pl.col("hint").list.join(", ") + pl.when("more").then(pl.lit(", …")).otherwise(pl.lit("")),
        )
    )


def _judge_middles(
    left: Clusters, right: Clusters, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Level and relation of values of unequal length, by what stands between their common beginning and end."""
    level = np.full(rows.size, Level.DIFFERENT, dtype=np.uint8)
    relation = np.zeros(rows.size, dtype=np.uint32)
    if not rows.size:
        return level, relation
    shorter = np.minimum(left.counts, right.counts)[rows]
    before = _agreement(left, right, rows, shorter, from_end=False)
    after = np.minimum(_agreement(left, right, rows, shorter, from_end=True), shorter - before)
    for side in (left, right):
        start, stop = side.starts[rows] + before, side.starts[rows + 1] - after
        known = np.concatenate(([0], np.cumsum(~relations.is_unmapped(side.keys))))
        lost = (stop > start) & (known[stop] == known[start])
        level[lost], relation[lost] = Level.UNMAPPED, BIT["placeholder"]
    return level, relation


def _agreement(
    left: Clusters, right: Clusters, rows: npt.NDArray[np.int64], length: npt.NDArray[np.int64], *, from_end: bool
) -> npt.NDArray[np.int64]:
    """How many characters the values of these rows have in common, counted from one end."""
    steps = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    if from_end:
        at_left = np.repeat(left.starts[rows + 1] - 1, length) - steps
        at_right = np.repeat(right.starts[rows + 1] - 1, length) - steps
    else:
        at_left = np.repeat(left.starts[rows], length) + steps
        at_right = np.repeat(right.starts[rows], length) + steps
    agreed = length.copy()
    unequal = left.keys[at_left] != right.keys[at_right]
    # Backwards, so that the first disagreement of a value is what stays.
    owner = np.repeat(np.arange(rows.size), length)
    agreed[owner[unequal][::-1]] = steps[unequal][::-1]
    return agreed


def _wordings(relation: npt.NDArray[np.uint32]) -> pl.DataFrame:
    """The names of each combination of relations that occurs: relation, wording (null for none)."""
    distinct = np.unique(relation)
    words = ["+".join(relations.names(bits)) or None for bits in distinct.tolist()]
    return pl.DataFrame({"relation": distinct, "wording": pl.Series(words, dtype=pl.String)})


def _hexadecimal(points: npt.NDArray[np.uint32], digits: int) -> pl.Series:
    """Code points as upper-case hexadecimal digits, by distinct value."""
    distinct, at = np.unique(points, return_inverse=True)
    return pl.Series([f"{point:0{digits}X}" for point in distinct.tolist()], dtype=pl.String).gather(at)
