"""住基ネット統一文字 <-> Unicode, every code."""

import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.characters import clusters, codec, tables

CODED = tables.mj().drop_nulls("juki")
EVERY = np.arange(0x10000, dtype=np.uint16).reshape(-1, 1)


def _decode(*codes: int) -> str | None:
    text: str | None = codec.decode(np.array([codes], dtype=">u2"))[0]
    return text


def test_every_code_of_the_table_decodes_to_its_glyph_and_encodes_back() -> None:
    codes = CODED["juki"].to_numpy().reshape(-1, 1)
    texts = codec.decode(codes)
    cut = clusters.split(texts)
    assert (cut.counts == 1).all()
    assert (clusters.mj_numbers(cut.keys) == CODED["mj"].to_numpy()).all()
    back, damaged = codec.encode(texts, 1)
    assert (back == codes).all()
    assert not damaged.any()


def test_every_code_of_the_table_decodes_to_the_implemented_code_point_or_else_to_base_and_ivs() -> None:
    texts = codec.decode(CODED["juki"].to_numpy().reshape(-1, 1)).to_list()
    rows = CODED.select("ucs", "bare", "ivs").iter_rows()
    expected = [chr(bare) if bare else chr(ucs) + chr(0xE0100 + ivs - 17) for ucs, bare, ivs in rows]
    assert texts == expected


def test_no_code_of_the_hangul_block_decodes_to_hangul() -> None:
    codes = np.arange(0xAC00, 0xD7A4, dtype=np.uint16).reshape(-1, 1)
    texts = codec.decode(codes)
    assert texts.len() == 11_172
    assert not texts.str.contains("[가-힣]").any()
    mapped = texts.filter(~texts.to_frame("t").select(codec.is_unmapped(pl.col("t"))).to_series())
    assert mapped.len() == 5_170


def test_a_code_without_a_row_is_carried_and_never_guessed() -> None:
    rows = set(CODED["juki"].to_list())
    same = {*range(0x20, 0x3400), *range(0xFF00, 0xFFFE)} - set(range(0x7F, 0xA0))
    unknown = [code for code in range(0x10000) if code not in rows and code not in same]
    texts = codec.decode(np.array(unknown, dtype=np.uint16).reshape(-1, 1))
    assert texts.to_list() == [chr(0xF0000 + code) for code in unknown]
    assert texts.to_frame("t").select(codec.is_unmapped(pl.col("t")).all()).item()


def test_kana_signs_and_full_width_letters_are_the_same_in_both_codes() -> None:
    for text in ("あいうえお", "アイウエオ", "ＡＢＣ１２３", "（株）", "－～・"):
        assert _decode(*map(ord, text)) == text


def test_every_code_but_the_two_paddings_encodes_back_to_itself() -> None:
    fields, damaged = codec.encode(codec.decode(EVERY), 1)
    changed = np.flatnonzero(fields[:, 0] != EVERY[:, 0])
    # A space of either width is padding. 々 has two codes: J+3005 among the signs, and J+AD1D, which the table knows.
    assert changed.tolist() == [0x20, 0x3005]
    assert not damaged.any()


def test_padding_is_cut_at_the_end_only_and_a_field_of_padding_is_null() -> None:
    field = "　山 田　太郎　 　"
    assert _decode(*map(ord, field)) == "　山 田　太郎"
    assert _decode(0x3000, 0x20, 0x3000) is None


def test_a_zero_is_no_padding_but_an_unmapped_code() -> None:
    text = _decode(0x5C71, 0, 0)
    assert text is not None
    assert [codec.show_unmapped(ord(char)) for char in text[1:]] == ["J+0000", "J+0000"]


def test_byte_order_and_memory_layout_do_not_change_the_text() -> None:
    record = np.array([[0x41, 0x9AD8, 0x6A4B, 0x3000], [0x41, 0xAEAC, 0x845B, 0xBC2F]])
    expected = ["高橋", "𠮷葛󠄂辻"]
    assert codec.decode(record.astype(">u2")[:, 1:]).to_list() == expected
    assert codec.decode(record.astype("<u2")[:, 1:]).to_list() == expected
    assert codec.decode(np.asfortranarray(record.astype(np.uint16))[:, 1:]).to_list() == expected


def test_no_rows_give_no_texts() -> None:
    assert codec.decode(np.empty((0, 5), dtype=">u2")).to_list() == []
    fields, damaged = codec.encode(pl.Series([], dtype=pl.String), 5)
    assert fields.shape == (0, 5)
    assert damaged.shape == (0,)


def test_a_field_is_big_endian_and_padded_with_the_ideographic_space() -> None:
    fields, damaged = codec.encode(pl.Series(["髙", None, ""]), 2)
    assert fields.tobytes() == bytes.fromhex("9AD9 3000 3000 3000 3000 3000")
    assert not damaged.any()


def test_a_length_counts_characters_and_a_longer_value_is_cut_and_said_so() -> None:
    fields, damaged = codec.encode(pl.Series(["葛󠄂邉󠄙", "葛󠄂邉󠄙𠮷"]), 2)
    assert codec.decode(fields).to_list() == ["葛󠄂邉󠄙", "葛󠄂邉󠄙"]
    assert damaged.tolist() == [False, True]


@pytest.mark.parametrize(("substitute", "written"), [(None, 0x3013), (0x25A0, 0x25A0)])
def test_what_has_no_code_is_substituted_and_said_so(substitute: int | None, written: int) -> None:
    # Hangul and emoji have no 統一文字コード; neither has 𩸽 with a selector that no table registers.
    values = pl.Series(["山가", "😀", "𩸽\U000e01ef", "山"])
    fields, damaged = codec.encode(values, 2, substitute)
    assert fields[:, 0].tolist() == [0x5C71, written, written, 0x5C71]
    assert fields[0, 1] == written
    assert damaged.tolist() == [True, True, True, False]


def test_all_ways_to_write_a_glyph_encode_to_its_one_code() -> None:
    # 神 U+FA19, as SVS and as IVS; 葛 bare and with its own IVS.
    values = pl.Series(["\ufa19", "\u795e\ufe00", "\u795e\U000e0103", "葛", "葛\U000e0103"])
    fields, _ = codec.encode(values, 1)
    assert [f"{code:04X}" for code in fields[:, 0]] == ["FA19", "FA19", "FA19", "B9D5", "B9D5"]


def test_korean_in_a_column_of_names_means_the_wrong_charset() -> None:
    pool = CODED["juki"].to_numpy()
    names = np.random.default_rng(1).choice(pool, (1_000, 5)).astype(">u2")
    wrong = pl.Series([row.tobytes().decode("utf-16-be", "replace") for row in names])
    frame = pl.DataFrame(
        {"right": codec.decode(names), "wrong": wrong, "none": pl.Series([None] * 1_000, dtype=pl.String)}
    )
    verdict = frame.select(codec.looks_misdecoded(pl.all())).row(0, named=True)
    assert verdict == {"right": False, "wrong": True, "none": False}


@given(st.lists(st.lists(st.integers(0, 0xFFFF), min_size=7, max_size=7), min_size=1, max_size=20))
def test_decoding_a_column_is_decoding_its_characters_one_by_one(rows: list[list[int]]) -> None:
    codes = np.array(rows, dtype=">u2")
    single = codec.decode(EVERY).fill_null("")
    plain = [
        "".join(chr(code) if code in (0x20, 0x3000) else single[code] for code in row).rstrip(" 　") or None
        for row in rows
    ]
    assert codec.decode(codes).to_list() == plain


@given(st.lists(st.text(max_size=8) | st.none(), max_size=20))
def test_cutting_into_characters_loses_nothing(values: list[str | None]) -> None:
    cut = clusters.split(pl.Series(values, dtype=pl.String))
    assert cut.starts.size == len(values) + 1
    assert "".join(clusters.texts(cut.keys).to_list()) == "".join(value or "" for value in values)
    selectors = [unicodedata.name(c, "").startswith("VARIATION SELECTOR") for value in values for c in value or ""]
    assert cut.keys.size >= len(selectors) - sum(selectors)
