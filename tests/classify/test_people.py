"""Who stands under a key: somebody else (X1), or one person under two (A5) (`reference/domain.md` §10, §11; trap 17)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.classify.engine import codes, person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as the extracts write it

HANAKO = {
    "name_kanji": "山田 花子",
    "birth": "S45-07-30",
    "sex": "女",
    "address_town": "墨田区吾妻橋一丁目",
    "address_lot": "23番20号",
    "address_katagaki": "本所ハイツ101号",
}
TARO = {
    "name_kanji": "小林 太一",
    "birth": "H02-01-15",
    "sex": "男",
    "address_town": "墨田区押上二丁目",
    "address_lot": "5番8号",
    "address_katagaki": None,
}


def _codes_of_pair(
    work: Path, left: Mapping[str, str | None], right: Mapping[str, str | None]
) -> dict[str | None, str | None]:
    report = run(work, [person("00000000001", **left)], [person("00000000001", **right)], AT)
    return {field: code for (_, _, field), code in codes(report).items()}


# ------------------------------------------------------------------------------------------- X1: somebody else's record


def test_all_four_items_different_under_one_code_is_somebody_elses_record(tmp_path: Path) -> None:
    report = run(tmp_path, [person("00000000001", **HANAKO)], [person("00000000001", **TARO)], AT)
    rows = report.findings.select("kind", "field", "code", "severity", "rule").rows()
    event, *items = rows
    assert event == ("mixed_identity", None, "X1", "重大", "mixed_identity")
    assert {(field, code) for _, field, code, _, _ in items} == {
        ("name_kanji", "C1"),
        ("birth", "D1"),
        ("sex", "S1"),
        ("address_town", "E1"),
        ("address_lot", "E2"),
        ("address_katagaki", "E3"),
    }
    assert all(severity == "情報" and rule.split("+")[0] == "part_of:X1" for *_, severity, rule in items)


@pytest.mark.parametrize(
    "kept", [("name_kanji",), ("birth",), ("sex",), ("address_town", "address_lot", "address_katagaki")]
)
def test_one_of_the_four_items_in_common_is_enough_to_be_no_mixed_identity(
    kept: tuple[str, ...], tmp_path: Path
) -> None:
    found = _codes_of_pair(tmp_path, HANAKO, {**TARO, **{name: HANAKO[name] for name in kept}})
    assert "X1" not in found.values()
    assert not set(kept) & set(found)


@pytest.mark.parametrize("part", ["address_town", "address_lot"])
def test_either_part_of_the_address_is_enough_for_the_address_to_be_different(part: str, tmp_path: Path) -> None:
    other = {**TARO, "address_town": HANAKO["address_town"], "address_lot": HANAKO["address_lot"], part: TARO[part]}
    assert _codes_of_pair(tmp_path, HANAKO, other)[None] == "X1"


def test_another_room_alone_is_no_other_address(tmp_path: Path) -> None:
    other = {**HANAKO, **{name: TARO[name] for name in ("name_kanji", "birth", "sex")}, "address_katagaki": "203号"}
    found = _codes_of_pair(tmp_path, HANAKO, other)
    assert found == {"name_kanji": "C1", "birth": "D1", "sex": "S1", "address_katagaki": "E3"}


def test_a_variant_of_the_name_is_no_other_name(tmp_path: Path) -> None:
    # 邉 and 邊 are variants of one character (縮退マップ): a question to the office, not another person.
    left, right = {**HANAKO, "name_kanji": "渡邉 花子"}, {**TARO, "name_kanji": "渡邊 花子"}
    found = _codes_of_pair(tmp_path, left, right)
    assert found["name_kanji"] == "C2"
    assert "X1" not in found.values()


def test_an_address_written_differently_is_no_other_address(tmp_path: Path) -> None:
    left = {**HANAKO, "address_lot": "23-20"}
    right = {**TARO, "address_town": HANAKO["address_town"], "address_lot": "23\uff0d20"}
    assert "X1" not in _codes_of_pair(tmp_path, left, right).values()


def test_the_same_birth_date_in_another_era_is_no_other_birth_date(tmp_path: Path) -> None:
    found = _codes_of_pair(tmp_path, {**HANAKO, "birth": "1989-01-08"}, {**TARO, "birth": "H01-01-08"})
    assert "X1" not in found.values()
    assert "birth" not in found, "one day written in two ways"


# ------------------------------------------------------------------------------------- A5: one person under two codes


def _leftovers(
    work: Path, left: list[Mapping[str, str | None]], right: list[Mapping[str, str | None]]
) -> list[tuple[str, str, str | None, str | None]]:
    """Key, kind, code and hint of every finding; codes are handed out so that none is on both sides."""
    on_left = [person(f"1{n:010}", **row) for n, row in enumerate(left)]
    on_right = [person(f"2{n:010}", **row) for n, row in enumerate(right)]
    found = run(work, on_left, on_right, AT).findings
    return list(found.select("juminhyo_code", "kind", "code", "hint").iter_rows())


def test_a_leftover_on_each_side_with_one_name_birth_and_sex_is_a_candidate_that_names_the_other(
    tmp_path: Path,
) -> None:
    assert _leftovers(tmp_path, [HANAKO], [HANAKO]) == [
        ("10000000000", "only_left", "A5", "20000000000"),
        ("20000000000", "only_right", "A5", "10000000000"),
    ]


@pytest.mark.parametrize("item", ["name_kanji", "birth", "sex"])
def test_who_differs_in_name_birth_or_sex_is_no_candidate(item: str, tmp_path: Path) -> None:
    found = _leftovers(tmp_path, [HANAKO], [{**HANAKO, item: TARO[item]}])
    assert [(kind, code) for _, kind, code, _ in found] == [("only_left", "A1"), ("only_right", "A2")]


@pytest.mark.parametrize("item", ["name_kanji", "birth", "sex"])
def test_nobody_is_a_candidate_on_the_strength_of_a_missing_item(item: str, tmp_path: Path) -> None:
    found = _leftovers(tmp_path, [{**HANAKO, item: None}], [{**HANAKO, item: None}])
    assert [code for _, _, code, _ in found] == ["A1", "A2"]


def test_the_address_does_not_decide_who_is_a_candidate(tmp_path: Path) -> None:
    moved = {**HANAKO, **{name: TARO[name] for name in ("address_town", "address_lot")}}
    assert {code for _, _, code, _ in _leftovers(tmp_path, [HANAKO], [moved])} == {"A5"}


@pytest.mark.parametrize(("left", "right"), [(2, 1), (1, 2), (2, 2)])
def test_where_two_have_one_name_birth_and_sex_nobody_is_a_candidate(left: int, right: int, tmp_path: Path) -> None:
    found = _leftovers(tmp_path, [HANAKO] * left, [HANAKO] * right)
    assert [code for _, _, code, _ in found] == ["A1"] * left + ["A2"] * right


def test_a_thousand_pairs_of_namesakes_never_become_candidates(tmp_path: Path) -> None:
    # Trap 17 (西東京市): twins and namesakes. 1,000 pairs, each pair of one name, birth date and sex.
    twins = [{**HANAKO, "birth": f"{date(1950, 1, 1) + timedelta(days=n)}"} for n in range(1_000)]
    found = _leftovers(tmp_path, [*twins, *twins], [*twins, *twins])
    assert len(found) == 4_000
    assert {(kind, code) for _, kind, code, _ in found} == {("only_left", "A1"), ("only_right", "A2")}


def test_one_kojin_bango_under_two_codes_is_another_code_not_a_candidate(tmp_path: Path) -> None:
    # 123456789018: the check digit by 省令85号第5条. One finding (B1) under the left code; both rows are in it.
    number = {"kojin_bango": "123456789018"}
    found = _leftovers(tmp_path, [{**HANAKO, **number}], [{**HANAKO, **number}])
    assert [(kind, code) for _, kind, code, _ in found] == [("other_key", "B1")]


def test_two_different_kojin_bango_are_still_a_question(tmp_path: Path) -> None:
    left, right = {**HANAKO, "kojin_bango": "123456789018"}, {**HANAKO, "kojin_bango": "023456789013"}
    found = _leftovers(tmp_path, [left], [right])
    assert {code for _, kind, code, _ in found if kind.startswith("only")} == {"A5"}


def test_a_candidate_is_never_paired(tmp_path: Path) -> None:
    left = [person("10000000000", **HANAKO)]
    right = [person("20000000000", **HANAKO)]
    for side in run(tmp_path, left, right, AT).sides.values():
        assert (side.balance.matched, side.balance.mismatched, side.balance.only) == (0, 0, 1)
