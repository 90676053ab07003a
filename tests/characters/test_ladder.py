"""The levels of `reference/domain.md` §3.2 on values: what is equal, what decides, what is named."""

import unicodedata
from typing import Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.characters.ladder import GRADES, INDISTINCT, JUDGED, judge

JIS = "JIS包摂規準・UCS統合規則"
FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
KOSEKI = "戸籍統一文字情報 親字・正字"


def _judge(left: str | None, right: str | None, approved: pl.DataFrame | None = None) -> dict[str, object]:
    pairs = pl.DataFrame({"left": [left], "right": [right]}, schema={"left": pl.String, "right": pl.String})
    return judge(pairs, approved).row(0, named=True)


def _approve(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["left_mj", "right_mj", "id"], orient="row")


@pytest.mark.parametrize(
    ("left", "right", "grade", "rule"),
    [
        ("葛\U000e0103城", "葛城", "same_character", "same_mj"),
        ("山田　太郎", "山田 太郎", "separator", "name_separator"),
        ("山田　太郎", "山田太郎", "separator", "name_separator"),
        ("　山田　　太郎　", "山田 太郎", "separator", "name_separator"),
        ("葛\U000e0103　城", "葛城", "separator", "name_separator+same_mj"),
        ("髙橋", "高橋", "variant", f"{JIS}+{KOSEKI}"),
        ("髙　橋", "高橋", "variant", f"{JIS}+{KOSEKI}+name_separator"),
        ("𠮷田", "吉田", "variant", f"{JIS}+法務省告示582号別表第四の一+{KOSEKI}"),
        ("山﨑", "山崎", "variant", KOSEKI),
        ("濱", "浜", "variant", KOSEKI),
        ("渡邉\U000e0119", "渡辺", "variant", f"{KOSEKI}+same_base_ucs"),
        ("葛\U000e0101", "葛\U000e0103", "variant", "same_base_ucs"),  # Adobe-Japan1 has no MJ glyph
        ("Ａ１", "A1", "variant", "width"),
        ("山\U000fac00", "山口", "unmapped", "no_table_row"),
        ("山\ue000", "山口", "unmapped", "private_use"),
        ("山\U00100123", "山口", "unmapped", "private_use"),
        ("山〓", "山口", "unmapped", "placeholder"),
        ("山\ufffd", "山口", "unmapped", "placeholder"),
        ("山\U000e01ef", "山", "unmapped", "unregistered_sequence"),
        ("山口", "川口", "different", None),
        ("斉藤", "斎藤", "different", None),
        ("山口花", "山口花子", "different", None),
        ("はな", "ハナ", "different", None),
        ("가", "山", "different", None),
        (None, "山口", "missing", None),
        ("山口", None, "missing", None),
    ],
)
def test_each_level_has_its_grade_and_authority(
    left: str | None, right: str | None, grade: str, rule: str | None
) -> None:
    judged = _judge(left, right)
    assert (judged["grade"], judged["rule"]) == (grade, rule)
    assert judged["equal"] == (grade in ("same_character", "separator", "approved"))


def test_the_gravest_pair_of_characters_decides() -> None:
    assert _judge("髙山", "高川")["grade"] == "different"
    assert _judge("髙〓", "高川")["grade"] == "unmapped"
    assert _judge("〓山", "口川")["grade"] == "different"
    assert _judge("葛\U000e0103髙", "葛高")["grade"] == "variant"


def test_the_hint_names_code_points_and_glyphs_of_what_differs() -> None:
    assert _judge("髙橋", "高橋")["hint"] == "髙 U+9AD9 MJ028902 / 高 U+9AD8 MJ028901"
    assert _judge("山\U000fac00", "山あ")["hint"] == "J+AC00 / あ U+3042"
    assert _judge("\ue123", "山")["hint"] == "外字 U+E123 / 山 U+5C71 MJ010392"


def test_the_hint_names_three_pairs_and_says_that_there_are_more() -> None:
    hint = str(_judge("一二三四", "五六七八")["hint"])
    assert hint.endswith("三 U+4E09 MJ006305 / 七 U+4E03 MJ006297, …")
    assert hint.count(" / ") == 3
    assert "…" not in str(_judge("一二三", "五六七")["hint"])
    assert _judge("髙髙髙髙", "高高高高")["hint"] == _judge("髙", "高")["hint"]


def test_a_register_without_selectors_is_said_to_be_unable_to_tell_the_glyphs_apart() -> None:
    assert str(_judge("渡邉\U000e0119", "渡邉")["hint"]).endswith(INDISTINCT)
    # A register that writes the selector can tell, and 髙 has one J code.
    assert INDISTINCT not in str(_judge("渡邉\U000e0119", "渡邉\U000e011b")["hint"])
    assert INDISTINCT not in str(_judge("高", "髙")["hint"])
    # What the CS wrote is always exact.
    assert INDISTINCT not in str(_judge("渡邉", "渡邉\U000e0119")["hint"])


def test_an_approved_pair_is_equal_and_names_its_entry() -> None:
    approved = _approve(("MJ028902", "MJ028901", "2026-001"), ("MJ030196", "MJ010541", "2026-002"))
    assert _judge("髙橋", "高橋", approved) == {
        "equal": True,
        "grade": "approved",
        "rule": "approved:2026-001",
        "hint": "髙 U+9AD9 MJ028902 / 高 U+9AD8 MJ028901",
    }
    assert _judge("髙﨑", "高崎", approved)["rule"] == "approved:2026-001+approved:2026-002"


def test_an_approval_is_directed_and_covers_its_pair_only() -> None:
    approved = _approve(("MJ028902", "MJ028901", "2026-001"))
    assert _judge("高橋", "髙橋", approved)["grade"] == "variant"
    both = _judge("髙濱", "高浜", approved)
    assert (both["grade"], both["rule"]) == ("variant", f"approved:2026-001+{KOSEKI}")
    assert _judge("髙山", "高川", approved)["grade"] == "different"


def test_between_a_common_beginning_and_end_a_placeholder_may_stand_for_several_characters() -> None:
    assert _judge("山??子", "山田子")["grade"] == "unmapped"
    assert _judge("******", "山田花子")["grade"] == "unmapped"
    assert _judge("山田＊", "山田")["grade"] == "unmapped"
    assert _judge("川??子", "山田子")["grade"] == "different"
    assert _judge("山田", "山田花子")["grade"] == "different"


def test_a_placeholder_on_both_sides_proves_nothing_and_neither_does_private_use() -> None:
    assert _judge("〓　山", "〓山")["grade"] == "unmapped"
    assert _judge("\ue000　山", "\ue000山")["grade"] == "unmapped"
    # A code without a row is still one code of one nationwide code system.
    assert _judge("\U000fac00　山", "\U000fac00山")["grade"] == "separator"


def test_only_the_two_spaces_separate_names() -> None:
    for white in "\u00a0\t\u2003\u200b\n":
        assert not _judge(f"山田{white}太郎", "山田太郎")["equal"]


def test_rows_and_order_stay_and_an_empty_frame_has_the_same_columns() -> None:
    left = ["髙", None, "山", "一二", "葛\U000e0103", "山 田"]
    right = ["高", "山", "川", "一", "葛", "山田"]
    judged = judge(pl.DataFrame({"left": left, "right": right}))
    grades = ["variant", "missing", "different", "different", "same_character", "separator"]
    assert judged["grade"].to_list() == grades
    assert judged.schema == JUDGED
    empty = judge(pl.DataFrame(schema={"left": pl.String, "right": pl.String}))
    assert empty.schema == JUDGED
    assert empty.height == 0


def test_what_only_a_normalization_form_makes_equal_is_never_equal() -> None:
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and not chr(c).isspace()]
    pairs = {(c, unicodedata.normalize(form, c)) for c in points for form in FORMS}
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    assert len(changed) > 5_000
    judged = judge(pl.DataFrame(changed, schema=["left", "right"], orient="row"))
    assert not judged["equal"].any()


NAMES = st.text(alphabet="髙高葛邉邊辺\U000e0100\U000e0103\U000e0119\ufe00 　〓\ue000\U000fac00山川ー-Ａa", max_size=6)


@settings(max_examples=50)
@given(NAMES, NAMES)
def test_swapping_the_sides_swaps_nothing_but_the_hint(left: str, right: str) -> None:
    one, other = _judge(left, right), _judge(right, left)
    assert [one[k] for k in ("equal", "grade", "rule")] == [other[k] for k in ("equal", "grade", "rule")]
    assert one["grade"] in GRADES


@settings(max_examples=15)
@given(st.lists(st.tuples(st.none() | NAMES, st.none() | NAMES), min_size=1, max_size=12))
def test_a_pair_is_judged_alike_alone_and_among_others(pairs: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(pairs, schema={"left": pl.String, "right": pl.String}, orient="row")
    assert judge(frame).rows() == [tuple(_judge(left, right).values()) for left, right in pairs]
