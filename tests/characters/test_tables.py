"""The tables say of themselves what `reference/domain.md` §3.1 measured on the source; jntajis is a second opinion."""

from importlib.resources import files

import jntajis
import polars as pl
import pytest

from reconcile.characters import clusters, tables

MJ = tables.mj().unique("mj", keep="first", maintain_order=True)


def test_there_are_as_many_glyphs_and_codes_as_the_published_table_has() -> None:
    coded = MJ.drop_nulls("juki")
    assert MJ.height == 58_862
    assert coded.height == coded["juki"].n_unique() == 19_563
    assert coded.filter(pl.col("juki") == pl.col("ucs")).height == 14_000
    assert coded.filter(pl.col("juki").is_between(0xAC00, 0xD7A3)).height == 5_170
    assert MJ["koseki"].count() == 55_270
    assert MJ.drop_nulls("svs").height == 89


def test_the_code_blocks_hold_what_the_standard_counts_in_them() -> None:
    blocks = {(0x4E00, 0x9FFF): 13_185, (0x3400, 0x4DFF): 806, (0xAAA0, 0xABFF): 303, (0xF900, 0xFAFF): 99}
    counted = {b: MJ.filter(pl.col("juki").is_between(*b)).height for b in blocks}
    assert counted == blocks


def test_a_character_of_many_glyphs_has_all_its_codes() -> None:
    codes = {char: MJ.filter(pl.col("ucs") == ord(char))["juki"].count() for char in "邉邊葛齋"}
    assert codes == {"邉": 16, "邊": 11, "葛": 6, "齋": 5}


def test_the_ten_rules_have_the_rows_that_their_publisher_states() -> None:
    counts = tables.shrink()["rule"].value_counts().sort("rule")["count"].to_list()
    assert counts == [14_515, 5_006, 7_562, 138, 233, 150, 618, 18_089, 413, 15_958]
    assert len(tables.RULES) == 10


def test_the_variation_sequences_are_those_of_the_ivd() -> None:
    counts = dict(tables.ivd().group_by("collection").len().iter_rows())
    sizes = {name: counts[i] for i, name in enumerate(tables.COLLECTIONS)}
    assert sizes == {"Moji_Joho": 11_384, "Hanyo-Denshi": 13_045, "Adobe-Japan1": 14_684, "MSARG": 154, "KRName": 36}


def test_every_report_can_state_edition_and_digest() -> None:
    assert "Ver.006.02" in tables.version()
    assert "1.8.1" in tables.version()
    assert len(bytes.fromhex(tables.digest())) == 32


def test_the_licence_names_the_author_and_stands_beside_the_tables() -> None:
    notice = (files("reconcile.characters.data") / "LICENSE.data").read_text(encoding="utf-8")
    assert "CC BY-SA 2.1 JP" in notice
    assert "独立行政法人情報処理推進機構" in notice
    assert "UNICODE LICENSE V3" in notice


SCHEMES = jntajis.MJShrinkSchemeCombo


@pytest.mark.parametrize(
    ("scheme", "rules", "newer"),
    [
        (SCHEMES.JIS_INCORPORATION_UCS_UNIFICATION_RULE, {0}, set()),
        (SCHEMES.MOJ_NOTICE_582, {1, 2}, {27_132}),
        (SCHEMES.MOJ_FAMILY_REGISTER_ACT_RELATED_NOTICE, {3, 4, 5, 6, 7}, {6_885, 22_614}),
        (SCHEMES.INFERENCE_BY_READING_AND_GLYPH, {8}, set()),
    ],
)
def test_jntajis_knows_every_candidate_of_the_same_rule(scheme: int, rules: set[int], newer: set[int]) -> None:
    # jntajis carries an older edition of MJ縮退マップ: three candidates came in later.
    ours = tables.shrink().filter(pl.col("rule").is_in(rules)).group_by("mj").agg("target")
    keys = clusters.of_mj(ours["mj"].to_numpy())
    rows = zip(ours["mj"], clusters.texts(keys), ours["target"], strict=True)
    unknown = {
        mj
        for mj, text, targets in rows
        if text != "\ufffd" and not set(map(chr, targets)) <= {*jntajis.mj_shrink_candidates(text, scheme), text[0]}
    }
    assert unknown == newer
