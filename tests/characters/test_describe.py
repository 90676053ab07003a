"""`reconcile chars`: the same character however it is asked for, with its codes, relations and the judgement."""

import pytest

from reconcile.characters import tables
from reconcile.characters.describe import CHARACTERS, RELATIONS, as_text, describe
from reconcile.errors import ConfigError


def test_a_character_is_found_by_itself_and_by_each_of_its_names() -> None:
    about = describe(["髙", "J+9AD9", "j+9ad9", "MJ028902", "U+9AD9"])
    rows = about.characters.drop("token").unique()
    assert about.characters.schema == CHARACTERS
    assert about.characters.height == 5
    assert rows.height == 1
    row = rows.row(0, named=True)
    # MJ文字情報一覧表, MJ028902
    assert {k: row[k] for k in ("text", "code_points", "mj", "juki", "koseki", "nyukan", "x0213", "unification")} == {
        "text": "髙",
        "code_points": "U+9AD9",
        "mj": "MJ028902",
        "juki": "J+9AD9",
        "koseki": "513280",
        "nyukan": "0x9AD9",
        "x0213": "1-25-66",
        "unification": "U145",
    }
    assert about.relations.height == 0


def test_a_sequence_can_be_typed_with_its_selector() -> None:
    for token in ("葛\U000e0102", "U+845B-E0102", "U+845B U+E0102", "J+845B"):
        row = describe([token]).characters.row(0, named=True)
        assert (row["mj"], row["code_points"]) == ("MJ022335", "U+845B U+E0102")
        assert row["collections"] == ["Moji_Joho", "Hanyo-Denshi"]
        assert len(row["same_base"]) == 5


def test_every_pair_is_judged_with_its_authority() -> None:
    about = describe(["髙", "高", "山"])
    assert about.relations.schema == RELATIONS
    rows = about.relations.select("left", "right", "grade").rows()
    assert rows == [("髙", "高", "variant"), ("髙", "山", "different"), ("高", "山", "different")]


def test_the_text_says_what_it_is_why_and_by_which_edition() -> None:
    text = as_text(describe(["髙", "高", "J+AC00"]))
    for expected in ("J+9AD9", "MJ028901", "L3", "戸籍統一文字情報 親字・正字", "L4", "文字表にない統一文字コード"):
        assert expected in text
    assert tables.version() in text
    assert "\U000fac00" not in text


def test_a_character_outside_the_tables_is_described_as_far_as_known() -> None:
    row = describe(["あ"]).characters.row(0, named=True)
    assert (row["mj"], row["juki"]) == (None, "J+3042")
    assert describe(["\ue000"]).characters["note"][0] is not None


@pytest.mark.parametrize("token", ["", "MJ999999", "U+110000", "U+D800", "J+3000", "MJ003719"])
def test_what_is_no_character_is_refused_with_a_hint_or_reason(token: str) -> None:
    with pytest.raises(ConfigError):
        describe([token])
