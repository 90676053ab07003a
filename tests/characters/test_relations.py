"""The ladder over the whole table: nothing but the same glyph is equal, and every published relation is named."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import polars as pl

from reconcile.characters import clusters, tables
from reconcile.characters.ladder import judge

GLYPHS = tables.mj().unique("mj", keep="first", maintain_order=True)
EQUAL = {"same_character", "separator", "approved"}


def _writings() -> pl.DataFrame:
    """Every way in which the table writes a glyph, from its columns: mj, ucs, text."""
    rows = [
        (mj, ucs, text)
        for mj, ucs, bare, ivs, svs in tables.mj().select("mj", "ucs", "bare", "ivs", "svs").iter_rows()
        for text in (
            chr(bare) if bare else None,
            chr(ucs) + chr(0xE0100 + ivs - 17) if ivs else None,
            chr(ucs) + chr(0xFE00 + svs - 1) if svs else None,
        )
        if text
    ]
    return pl.DataFrame(rows, schema={"mj": pl.UInt32, "ucs": pl.UInt32, "text": pl.String}, orient="row")


WRITINGS = _writings()
TEXT_OF = dict(WRITINGS.unique("mj", keep="first", maintain_order=True).select("mj", "text").iter_rows())
MJ_OF = dict(WRITINGS.select("text", "mj").iter_rows())


def _frame(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"left": pl.String, "right": pl.String}, orient="row")


def test_every_writing_of_a_glyph_is_the_same_character_as_every_other() -> None:
    written = WRITINGS.group_by("mj").agg("text").filter(pl.col("text").list.len() > 1)["text"].to_list()
    pairs = [pair for texts in written for pair in combinations(texts, 2)]
    judged = judge(_frame(pairs))
    assert len(pairs) > 5_000
    assert judged["equal"].all()
    assert judged.select("grade", "rule").unique().rows() == [("same_character", "same_mj")]


def test_a_writing_stands_for_one_glyph() -> None:
    assert WRITINGS["text"].n_unique() == WRITINGS.height
    cut = clusters.split(WRITINGS["text"])
    assert (cut.counts == 1).all()
    assert (clusters.mj_numbers(cut.keys) == WRITINGS["mj"].to_numpy()).all()


def test_glyphs_of_one_base_are_equal_only_if_they_are_one_glyph() -> None:
    by_base = WRITINGS.group_by("ucs").agg("text").filter(pl.col("text").list.len() > 1)["text"].to_list()
    pairs = [pair for texts in by_base for pair in combinations(texts, 2)]
    expected = [MJ_OF[left] == MJ_OF[right] for left, right in pairs]
    judged = judge(_frame(pairs))
    assert judged["equal"].to_list() == expected
    assert set(judged.filter(~pl.col("equal"))["grade"]) == {"variant"}


def test_every_candidate_of_every_rule_is_a_variant_and_the_rule_is_named() -> None:
    rows = [
        (TEXT_OF[mj], chr(target), tables.RULES[rule])
        for mj, rule, target in tables.shrink().select("mj", "rule", "target").iter_rows()
        if mj in TEXT_OF and MJ_OF.get(chr(target)) != mj
    ]
    frame = pl.DataFrame(rows, schema=["left", "right", "authority"], orient="row")
    named = pl.col("rule").str.split("+").list.contains(pl.col("authority"))
    for judged in (judge(frame), judge(frame.rename({"left": "right", "right": "left"}))):
        assert set(judged["grade"]) == {"variant"}
        assert frame.hstack(judged).select(named.all()).item()
    assert set(frame["authority"]) == set(tables.RULES)
    assert frame.height > 45_000


def test_ten_thousand_unrelated_pairs_are_different() -> None:
    family = _families()
    glyphs = [mj for mj in TEXT_OF if TEXT_OF[mj] != "\ufffd"]
    draw = np.random.default_rng(14).choice(glyphs, (11_000, 2)).tolist()
    pairs = [(TEXT_OF[a], TEXT_OF[b]) for a, b in draw if family(a) != family(b)][:10_000]
    assert len(pairs) == 10_000
    judged = judge(_frame(pairs))
    assert set(judged["grade"]) == {"different"}
    assert judged["rule"].null_count() == 10_000


def test_random_glyphs_are_equal_only_if_they_are_one_glyph() -> None:
    glyphs = list(TEXT_OF)
    draw = np.random.default_rng(15).choice(glyphs, (100_000, 2)).tolist()
    judged = judge(_frame([(TEXT_OF[a], TEXT_OF[b]) for a, b in draw]))
    assert judged["equal"].to_list() == [a == b for a, b in draw]


def _families() -> Callable[[object], object]:
    """Union-find over base code points and 縮退 candidates, in plain Python: what the tables connect at all."""
    parent: dict[object, object] = {}

    def root(node: object) -> object:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for mj, ucs in GLYPHS.select("mj", "ucs").drop_nulls().iter_rows():
        parent[root(mj)] = root(("ucs", ucs))
    unified: dict[int, int] = dict(GLYPHS.select("bare", "ucs").drop_nulls().iter_rows())
    for mj, target in tables.shrink().select("mj", "target").iter_rows():
        parent[root(mj)] = root(("ucs", unified.get(target, target)))
    return root
