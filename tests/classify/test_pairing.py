"""Who belongs together when keys do not meet, or meet too often, and what is one event (`reference/domain.md` §10, §11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from reconcile.model import Report, Side
from tests.classify.engine import Person, codes, person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as the extracts write it
OLD, NEW, THIRD = "00000000010", "00000000020", "00000000030"
HANAKO = {"name_kanji": "山田 花子", "birth": "S45-07-30", "sex": "女", "address_lot": "23番20号"}
TARO = {"name_kanji": "小林 太一", "birth": "H02-01-15", "sex": "男", "address_lot": "5番8号"}
# Check digits by 省令85号第5条.
NUMBER, ANOTHER = "123456789018", "023456789013"

Told = list[tuple[str, str, str | None, str | None, str | None, str | None]]


def _run(work: Path, left: Sequence[Person], right: Sequence[Person]) -> Report:
    return run(work, left, right, AT)


def _told(report: Report) -> Told:
    """Key, kind, field, code, rule and hint of every finding."""
    return list(report.findings.select("juminhyo_code", "kind", "field", "code", "rule", "hint").iter_rows())


def _places(report: Report) -> list[tuple[int, ...]]:
    """Of each side: out of scope, duplicate, matched, mismatched, only."""
    accounts = [report.sides[side].balance for side in Side]
    assert all(one.closes for one in accounts)
    return [(one.out_of_scope, one.duplicate, one.matched, one.mismatched, one.only) for one in accounts]


# ------------------------------------------------------------------------------------------------------- 旧住民票コード


@pytest.mark.parametrize("changed", ["left", "right"])
def test_one_person_under_the_old_code_and_the_new_is_one_event(changed: str, tmp_path: Path) -> None:
    # Trap 21: shown by other tools as A1 and A2, two strangers.
    before, after = person(OLD, **HANAKO), person(NEW, **HANAKO, old_juminhyo_code=OLD)
    left, right = (after, before) if changed == "left" else (before, after)
    report = _run(tmp_path, [left], [right])
    key = left["juminhyo_code"]
    assert _told(report) == [(key, "other_key", "juminhyo_code", "B1", "former_key", None)]
    assert report.findings.select("left_raw", "right_raw").row(0) == (key, right["juminhyo_code"])
    assert _places(report) == [(0, 0, 0, 0, 1), (0, 0, 0, 0, 1)]


def test_the_old_code_comes_before_the_number(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER)]
    right = [
        person(NEW, **HANAKO, old_juminhyo_code=OLD, kojin_bango=ANOTHER),
        person(THIRD, **TARO, kojin_bango=NUMBER),
    ]
    told = _told(_run(tmp_path, left, right))
    assert (OLD, "other_key", "juminhyo_code", "B1", "former_key", "second_key_differs") in told
    assert [told[1][:4], len(told)] == [(THIRD, "only_right", None, "A2"), 2]


def test_two_who_name_the_same_old_code_are_not_paired(tmp_path: Path) -> None:
    right = [person(NEW, **HANAKO, old_juminhyo_code=OLD), person(THIRD, **TARO, old_juminhyo_code=OLD)]
    told = _told(_run(tmp_path, [person(OLD, **HANAKO)], right))
    assert {kind for _, kind, *_ in told} == {"only_left", "only_right"}


def test_the_old_code_of_somebody_whose_key_meets_pairs_nobody(tmp_path: Path) -> None:
    both = person(NEW, **HANAKO, old_juminhyo_code=OLD)
    told = _told(_run(tmp_path, [both, person(OLD, **TARO)], [both]))
    assert told == [(OLD, "only_left", None, "A1", "no_partner", None)]


def test_one_number_on_two_leftovers_of_a_side_pairs_nobody(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER)]
    right = [person(NEW, **HANAKO, kojin_bango=NUMBER), person(THIRD, **TARO, kojin_bango=NUMBER)]
    found = codes(_run(tmp_path, left, right))
    assert not any(kind == "other_key" for _, kind, _ in found)
    assert found[NEW, "shared_right", "kojin_bango"] == found[THIRD, "shared_right", "kojin_bango"] == "B2"


# ---------------------------------------------------------------------------------------- one code, two records: A4, A6


def _foreign(state: str, **values: str) -> Person:
    """The foreigner's record; a deleted one is not yet five years old, and so in scope."""
    since = {"process_time": "20251001090000"} if state == "消除" else {}
    return person(
        OLD, **{**HANAKO, "resident_kind": "外国人", "source_state": state, "atena_no": "9", **since, **values}
    )


def test_a_deleted_record_beside_a_current_one_is_no_duplicate(tmp_path: Path) -> None:
    # 帰化 (標準仕様書 4.5.3): the foreigner's record is 消除, with the same 住民票コード as the Japanese one.
    current = person(OLD, **HANAKO)
    report = _run(tmp_path, [current], [_foreign("消除"), current])
    assert _told(report) == []
    assert _places(report) == [(0, 0, 1, 0, 0), (1, 0, 1, 0, 0)]
    assert report.verdict.value == "consistent"


def test_of_a_naturalized_person_the_current_record_is_compared(tmp_path: Path) -> None:
    report = _run(tmp_path, [_foreign("現存")], [_foreign("消除"), person(OLD, **HANAKO)])
    assert [(kind, field, code) for _, kind, field, code, _, _ in _told(report)] == [("value", "resident_kind", "A6")]
    assert _places(report) == [(0, 0, 0, 1, 0), (1, 0, 0, 1, 0)]


def test_a_current_record_that_the_other_side_knows_only_as_deleted_is_missing_there(tmp_path: Path) -> None:
    report = _run(tmp_path, [_foreign("消除")], [_foreign("消除"), person(OLD, **HANAKO)])
    assert [(kind, code) for _, kind, _, code, _, _ in _told(report)] == [("only_right", "A2")]
    assert _places(report) == [(0, 0, 1, 0, 0), (0, 0, 1, 0, 1)]


def test_two_current_records_of_different_kind_are_one_person_twice_and_no_mere_duplicate(tmp_path: Path) -> None:
    current = person(OLD, **HANAKO)
    report = _run(tmp_path, [current], [_foreign("現存"), current])
    assert [(kind, code, hint) for _, kind, _, code, _, hint in _told(report)] == [("two_kinds_right", "A6", "1 × 2")]
    assert report.verdict.value == "partial"


def test_two_current_records_of_one_kind_are_a_duplicate(tmp_path: Path) -> None:
    current, other = person(OLD, **HANAKO), person(OLD, **TARO)
    report = _run(tmp_path, [current], [current, other])
    assert [(kind, code) for _, kind, _, code, _, _ in _told(report)] == [("duplicate_right", "A4")]


def test_two_deleted_records_of_which_neither_is_the_other_sides_are_told(tmp_path: Path) -> None:
    left = person(OLD, **HANAKO)
    report = _run(tmp_path, [left], [_foreign("消除"), _foreign("消除", address_lot="9番9号")])
    told = _told(report)
    assert [(kind, code) for _, kind, _, code, _, _ in told] == [("unassigned_right", "A3")]
    assert str(told[0][5]).startswith("ambiguous 1 × 2; nearest 1-1 ")
    assert report.verdict.value == "partial"


def test_an_ambiguous_group_says_which_look_most_alike_and_pairs_none(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, address_katagaki="101号"), person(OLD, **TARO)]
    report = _run(tmp_path, left, [person(OLD, **HANAKO)])
    (event,) = _told(report)
    compared = 16
    assert event[1:4] == ("duplicate_left", None, "A4")
    assert event[5] == f"ambiguous 2 × 1; nearest 1-1 ({compared - 1}/{compared})"
    assert _places(report) == [(0, 2, 0, 0, 0), (0, 1, 0, 0, 0)]


# -------------------------------------------------------------------------------------------- B2: one number, two people


def test_a_number_of_a_leftover_under_another_code_on_the_other_side_is_told(tmp_path: Path) -> None:
    left = [person(OLD, **TARO, kojin_bango=NUMBER), person(NEW, **HANAKO)]
    right = [person(NEW, **HANAKO, kojin_bango=NUMBER)]
    found = codes(_run(tmp_path, left, right))
    assert found[OLD, "shared_across", None] == "B2"
    assert found[NEW, "value", "kojin_bango"] == "B4"


def test_two_people_whose_numbers_were_exchanged_are_two_findings_and_no_more(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER), person(NEW, **TARO, kojin_bango=ANOTHER)]
    right = [person(OLD, **HANAKO, kojin_bango=ANOTHER), person(NEW, **TARO, kojin_bango=NUMBER)]
    found = codes(_run(tmp_path, left, right))
    assert found == {(OLD, "value", "kojin_bango"): "B2", (NEW, "value", "kojin_bango"): "B2"}


def test_a_number_that_only_one_has_is_no_second_use(tmp_path: Path) -> None:
    left = [person(OLD, **TARO, kojin_bango=ANOTHER), person(NEW, **HANAKO)]
    right = [person(NEW, **HANAKO, kojin_bango=NUMBER)]
    assert not any(kind == "shared_across" for _, kind, _ in codes(_run(tmp_path, left, right)))


def test_no_number_stands_in_any_finding(tmp_path: Path) -> None:
    left = [person(OLD, **TARO, kojin_bango=NUMBER), person(NEW, **HANAKO, kojin_bango=ANOTHER)]
    right = [person(NEW, **HANAKO, kojin_bango=NUMBER)]
    report = _run(tmp_path, left, right)
    text = report.findings.write_csv()
    assert NUMBER not in text
    assert ANOTHER not in text


# ------------------------------------------------------------------------------------------------------------ one event


def _severities(report: Report) -> dict[str | None, tuple[str, str]]:
    return {
        field: (severity, (rule or "").split("+")[0])
        for field, severity, rule in report.findings.select("field", "severity", "rule").iter_rows()
    }


def test_two_people_who_crossed_over_are_one_event_with_all_items_as_its_parts(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER), person(NEW, **TARO, kojin_bango=ANOTHER)]
    right = [person(OLD, **TARO, kojin_bango=ANOTHER), person(NEW, **HANAKO, kojin_bango=NUMBER)]
    report = _run(tmp_path, left, right)
    # Either code alone is somebody else's record (four items): both together are one exchange.
    event = report.findings.filter(report.findings["kind"] != "value")
    assert event.select("juminhyo_code", "kind", "code", "severity").rows() == [(OLD, "identity_swap", "X1", "重大")]
    parts = report.findings.filter(report.findings["kind"] == "value")
    assert parts.height == 10
    assert set(parts["severity"]) == {"情報"}
    assert report.summary["suppressed"] == {"findings": 10, "by_event": {"X1": 10}}


def test_an_item_beside_another_number_is_a_part_and_named_in_the_event(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER)]
    right = [person(OLD, **{**HANAKO, "address_lot": "5番8号"}, kojin_bango=ANOTHER)]
    report = _run(tmp_path, left, right)
    assert _severities(report) == {"kojin_bango": ("重大", "no_rule"), "address_lot": ("情報", "part_of:B2")}
    assert report.findings["hint"].to_list() == ["ほかに相違する項目: 番地・号", None]


def test_an_item_graver_than_the_event_is_no_part(tmp_path: Path) -> None:
    # B3 (要確認): the check digit of a number that both sides hold alike says nothing about the name.
    wrong = NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10)
    left = [person(OLD, **HANAKO, kojin_bango=wrong)]
    right = [person(OLD, **{**HANAKO, "name_kanji": "小林 太一"}, kojin_bango=wrong)]
    report = _run(tmp_path, left, right)
    found = dict(report.findings.select("code", "severity").iter_rows())
    assert found == {"B3": "要確認", "C1": "要修正"}
    assert report.summary["suppressed"] == {"findings": 0, "by_event": {}}


def test_the_items_of_somebody_without_an_event_are_findings_of_their_own(tmp_path: Path) -> None:
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER), person(NEW, **TARO)]
    right = [person(OLD, **HANAKO, kojin_bango=ANOTHER), person(NEW, **{**TARO, "address_lot": "9番9号"})]
    report = _run(tmp_path, left, right)
    assert _severities(report) == {"kojin_bango": ("重大", "no_rule"), "address_lot": ("要修正", "no_rule")}


def test_a_part_keeps_its_identity_when_the_event_is_over(tmp_path: Path) -> None:
    """What was a part last night is the same finding tonight: the ledger must not call it new."""
    left = [person(OLD, **HANAKO, kojin_bango=NUMBER)]
    moved = {**HANAKO, "address_lot": "5番8号"}
    ids = []
    for number in (ANOTHER, NUMBER):
        found = _run(tmp_path, left, [person(OLD, **moved, kojin_bango=number)]).findings
        ids.append(dict(found.select("field", "finding_id").iter_rows())["address_lot"])
    assert ids[0] == ids[1]
