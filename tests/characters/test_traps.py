"""The traps of `reference/domain.md` §12 that concern characters, one golden case each; the number is the trap's."""

import unicodedata

import numpy as np
import polars as pl

from reconcile.characters import clusters, codec, tables
from reconcile.characters.ladder import judge


def _decode(*codes: int) -> str:
    return str(codec.decode(np.array([codes], dtype=">u2"))[0])


def _grade(left: str, right: str) -> str:
    return str(judge(pl.DataFrame({"left": [left], "right": [right]}))["grade"][0])


def test_01_j_codes_are_not_utf_16_though_decoding_them_so_raises_no_error() -> None:
    raw = np.array([[0xBC2F, 0xAEAC]], dtype=">u2")
    assert raw.tobytes().decode("utf-16-be") == "밯꺬"
    assert codec.decode(raw)[0] == "辻𠮷"
    column = pl.DataFrame({"name": ["밯"]})
    assert column.select(codec.looks_misdecoded(pl.col("name"))).item()


def test_02_the_sixteen_glyphs_of_one_code_point_stay_sixteen() -> None:
    codes = tables.mj().filter(pl.col("ucs") == ord("邉")).drop_nulls("juki")["juki"].to_numpy()
    texts = codec.decode(codes.reshape(-1, 1))
    assert texts.n_unique() == 16
    assert _decode(0x845B) != _decode(0xB9D5)


def test_03_a_selector_is_part_of_its_character_and_never_stripped() -> None:
    cut = clusters.split(pl.Series(["渡邉\U000e0119", "葛\U000e0102飾"]))
    assert cut.counts.tolist() == [2, 2]
    assert _grade("渡邉\U000e0119", "渡邉\U000e011b") == "variant"


def test_04_a_character_beyond_the_bmp_is_one_code_and_one_character() -> None:
    fields, damaged = codec.encode(pl.Series(["𠮷野家"]), 3)
    assert [f"{code:04X}" for code in fields[0]] == ["AEAC", "91CE", "5BB6"]
    assert not damaged[0]
    coded = tables.mj().drop_nulls("juki")
    beyond = coded.filter(pl.col("ucs") > 0xFFFF)["juki"].to_numpy()
    assert beyond.size == 1_932
    inside = [text for text in codec.decode(beyond.reshape(-1, 1)) if ord(text[0]) < 0x10000]
    assert inside == ["\ufa6c"]  # the one compatibility ideograph whose unified form lies beyond


def test_05_a_compatibility_ideograph_is_not_its_normalized_form() -> None:
    for compatible, unified in (("\ufa30", "侮"), ("\ufa19", "神"), ("\uf9dc", "隆")):
        assert unicodedata.normalize("NFC", compatible) == unified
        assert _grade(compatible, unified) == "variant"
    assert _decode(0xFA19) == "\ufa19"
    assert _grade("㈱", "(株)") == "different"


def test_06_the_reduction_map_explains_and_never_makes_equal() -> None:
    for left, right in (("髙", "高"), ("𠮷", "吉"), ("濱", "浜"), ("﨑", "崎"), ("邊", "辺"), ("邉", "辺")):
        assert _grade(left, right) == "variant"


def test_07_the_2000_and_the_2004_form_of_one_code_point_are_two_characters() -> None:
    # J+845B prints the form of JIS X 0213:2000, the bare code point that of 2004, J+B9D5.
    assert _decode(0x845B) == "葛\U000e0102"
    assert _decode(0xB9D5) == "葛"
    assert _grade(_decode(0x845B), "葛") == "variant"


def test_08_two_mappings_of_one_jis_character_are_named_and_not_equal() -> None:
    raw = b"\x81\x7c\x81\x60"
    pairs = list(zip(raw.decode("cp932"), raw.decode("shift_jis"), strict=True))
    assert pairs == [("－", "−"), ("～", "〜")]
    judged = judge(pl.DataFrame(pairs, schema=["left", "right"], orient="row"))
    assert judged["grade"].to_list() == ["variant", "variant"]
    assert all("cp932_mapping" in rule for rule in judged["rule"])
    # The two CP932 codes of 髙 (NEC selected, IBM extended) are one character once decoded: no bytes are compared.
    assert b"\xee\xe0".decode("cp932") == b"\xfb\xfc".decode("cp932") == "髙"


def test_09_a_glyph_without_a_j_code_is_substituted_visibly_and_is_no_input_error() -> None:
    glyphs = tables.mj().unique("mj", keep="first", maintain_order=True)
    assert glyphs["juki"].null_count() == 39_299
    glyph = "葛\U000e0107"  # MJ022337
    fields, damaged = codec.encode(pl.Series([glyph]), 1)
    assert damaged[0]
    assert _grade(str(codec.decode(fields)[0]), glyph) == "unmapped"
    assert _grade("葛", glyph) == "variant"


def test_10_private_use_says_nothing_across_systems() -> None:
    assert _grade("\ue000　田", "\ue000田") == "unmapped"
    assert _grade("\ue000田", "辻田") == "unmapped"


def test_11_padding_is_the_space_of_either_width_at_the_end_and_nothing_else() -> None:
    assert _decode(0x5C71, 0x3000, 0x5DDD, 0x3000, 0x20) == "山　川"
    assert _decode(0x5C71, 0, 0x3000) == "山\U000f0000"
    assert _grade("山　川", "山 川") == "separator"


def test_12_a_placeholder_is_not_compared_as_text() -> None:
    for mark in "〓■●？＊?*\ufffd":
        assert _grade(f"{mark}田", "辻田") == "unmapped"


def test_13_a_field_is_cut_by_bytes_before_anything_is_decoded() -> None:
    record = b"D" + np.array([0x9AD8, 0xAEAC, 0xBD47, 0x3000], dtype=">u2").tobytes() + b"1"
    field = np.frombuffer(record * 2, dtype=np.uint8).reshape(2, -1)[:, 1:9]
    codes = np.ascontiguousarray(field).view(">u2")
    assert codec.decode(codes).to_list() == ["高𠮷邉\U000e0119"] * 2


def test_14_a_reading_of_asterisks_is_no_value_and_no_kana_is_folded() -> None:
    assert _grade("******", "ヤマダ　ハナコ") == "unmapped"
    for left, right in (("ハナ", "はな"), ("ショウ", "シヨウ"), ("ハ゛ナ", "バナ"), ("オオタ", "オータ")):
        assert _grade(left, right) == "different"
    assert _grade("ﾊﾅ", "ハナ") == "variant"
