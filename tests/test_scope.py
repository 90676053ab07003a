"""What is out of scope is counted by name on each side, and hides nothing (`reference/domain.md` §2.1, §9.3, §11 A1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from reconcile.model import Report, Side, Verdict
from schemas.identity_record import DATASET
from tests.classify.engine import Person, codes, person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo
CODE = "00000000019"
OTHER = person("00000000027")
# Five years before 2026-11-24: one day more, and to the day.
OVER, EXACT = "20211123235959", "20211124000000"


def gone(processed: str | None, code: str = CODE, **values: str | None) -> Person:
    return person(code, source_state="消除", process_time=processed, **values)


def compared(work: Path, left: list[Person], right: list[Person], *names: str) -> Report:
    chosen = tuple(replace(rule, applies=rule.applies or rule.name in names) for rule in DATASET.scope)
    return run(work, [*left, OTHER], [*right, OTHER], AT, dataset=replace(DATASET, scope=chosen))


def outside(report: Report) -> dict[tuple[str, str], int]:
    return {(one.side, one.rule): one.rows for one in report.overall.outside if one.rows}


def balanced(report: Report) -> tuple[int, int]:
    assert all(side.balance.closes for side in report.sides.values())
    left, right = (report.sides[side].balance.out_of_scope for side in Side)
    return left, right


def test_a_deleted_record_of_the_cs_whose_register_row_was_moved_away_after_five_years_is_out_of_scope(
    tmp_path: Path,
) -> None:
    report = compared(tmp_path, [gone(OVER)], [])
    assert codes(report) == {}
    assert balanced(report) == (1, 0)
    assert outside(report) == {("left", "expired"): 1}
    assert report.verdict is Verdict.CONSISTENT


@pytest.mark.parametrize("processed", [EXACT, None, "", "2021", "平成3年1月"])
def test_a_deleted_record_of_five_years_or_of_unknown_age_is_only_in_the_cs(tmp_path: Path, processed: str) -> None:
    report = compared(tmp_path, [gone(processed)], [])
    assert codes(report) == {(CODE, "only_left", None): "A1"}
    assert balanced(report) == (0, 0)


def test_a_current_record_of_the_cs_is_never_too_old(tmp_path: Path) -> None:
    report = compared(tmp_path, [person(CODE, process_time="20100101000000")], [])
    assert codes(report) == {(CODE, "only_left", None): "A1"}


def test_both_sides_deleted_long_ago_are_not_compared(tmp_path: Path) -> None:
    report = compared(tmp_path, [gone(OVER, address_lot="1")], [gone(OVER, address_lot="2")])
    assert codes(report) == {}
    assert balanced(report) == (1, 1)


def test_a_record_deleted_long_ago_on_one_side_and_current_on_the_other_is_a_difference(tmp_path: Path) -> None:
    current = person(CODE, process_time=OVER)
    for left, right in ((gone(OVER), current), (current, gone(OVER))):
        report = compared(tmp_path, [left], [right])
        assert codes(report) == {(CODE, "value", "source_state"): "A3"}
        assert balanced(report) == (0, 0)


def test_who_came_back_is_compared_by_the_current_row_and_the_old_one_is_out_of_scope(tmp_path: Path) -> None:
    report = compared(tmp_path, [person(CODE)], [gone(OVER), person(CODE)])
    assert codes(report) == {}
    assert balanced(report) == (0, 1)
    assert report.verdict is Verdict.CONSISTENT


def test_a_faulty_row_that_is_out_of_scope_has_no_findings_and_one_without_a_key_is_refused(tmp_path: Path) -> None:
    report = compared(tmp_path, [gone(OVER, kojin_bango="123456789010"), gone(OVER, code=" ")], [])
    assert list(codes(report).values()) == ["Q2"]
    assert balanced(report) == (1, 0)


def test_provisional_and_deleted_rows_are_out_of_scope_only_where_the_site_says_so(tmp_path: Path) -> None:
    waiting = person(CODE, source_state="仮登録")
    assert codes(compared(tmp_path, [], [waiting])) == {(CODE, "only_right", None): "T5"}
    report = compared(tmp_path, [], [waiting], "provisional")
    assert (codes(report), outside(report)) == ({}, {("right", "provisional"): 1})
    assert codes(compared(tmp_path, [gone(EXACT)], [])) == {(CODE, "only_left", None): "A1"}
    report = compared(tmp_path, [gone(EXACT)], [], "deleted")
    assert (codes(report), outside(report)) == ({}, {("left", "deleted"): 1})


def test_the_family_registers_appendix_is_out_of_scope_on_either_side(tmp_path: Path) -> None:
    report = compared(tmp_path, [person(CODE, record_kind="附票")], [person("00000000035", record_kind="附票")])
    assert (codes(report), balanced(report)) == ({}, (1, 1))
    report = compared(tmp_path, [person(CODE, record_kind="住民票")], [])
    assert codes(report) == {(CODE, "only_left", None): "A1"}


def test_a_row_counts_under_the_first_rule_that_holds(tmp_path: Path) -> None:
    report = compared(tmp_path, [gone(OVER)], [], "deleted")
    assert outside(report) == {("left", "expired"): 1}


def test_nothing_but_rows_out_of_scope_is_no_agreement_of_anything(tmp_path: Path) -> None:
    report = run(tmp_path, [gone(OVER)], [gone(OVER)], AT)
    assert balanced(report) == (1, 1)
    assert report.verdict is Verdict.INCONCLUSIVE
