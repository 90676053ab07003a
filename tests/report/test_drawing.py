"""A character is drawn by a font that has exactly it, or shown as its code: never as a silent base glyph."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pymupdf
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.report import drawing, fonts
from tests.test_nightly import RUN_FILE

KUZU = "葛"
KUZU_E0102 = "葛\U000e0102"


def small_font(path: Path) -> Path:
    """A font with 葛, and 葛 with the selector U+E0102 as a glyph of its own."""
    builder = FontBuilder(1000, isTTF=True)
    glyphs = [".notdef", "kuzu", "kuzu.E0102"]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(KUZU): "kuzu"}, uvs=[(ord(KUZU), 0xE0102, "kuzu.E0102")])
    builder.setupGlyf({name: Glyph() for name in glyphs})
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader()
    builder.setupNameTable({"familyName": "Small", "styleName": "Regular"})
    builder.setupPost()
    builder.save(path)
    return path


def test_a_sequence_counts_only_where_the_font_s_table_names_it(tmp_path: Path) -> None:
    repertoire = drawing._repertoire(str(small_font(tmp_path / "small.ttf")), 0)

    assert repertoire.draws(KUZU)
    assert repertoire.draws(KUZU_E0102)
    assert not repertoire.draws("葛\U000e0100")
    assert not repertoire.draws("邉")


def test_the_wheel_s_font_draws_base_characters_and_no_variant() -> None:
    """IPAexGothic has no variation sequences (reference/ecosystem.md §3.3): so they are left to their codes."""
    drawn = drawing.families(["髙", "高", KUZU, KUZU_E0102], fonts.find(system=False))

    assert drawn == {"髙": fonts.BUNDLED, "高": fonts.BUNDLED, KUZU: fonts.BUNDLED}


def test_the_council_paper_names_every_pair_by_code_point_and_mj(tmp_path: Path) -> None:
    make_ward(tmp_path, 2_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    summary, folder = nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    with pymupdf.open(folder / "council.pdf") as paper:  # type: ignore[no-untyped-call]
        text = "".join(page.get_text() for page in paper)

    assert "MJ022335" in text  # 葛󠄂, the form of 2000
    assert "U+9AD9" in text
    assert "MJ028902" in text
    pairs = summary["character_pairs"]
    assert isinstance(pairs, list)
    assert any(pair["left"] == KUZU_E0102 and pair["right"] == KUZU for pair in pairs)
