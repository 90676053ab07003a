"""How many of how many (`reference/domain.md` §5 step 5, §7; §12 traps 30, 34); small places (§6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from reconcile.errors import BalanceError
from reconcile.model import Limits, Place, Report, Side, findings_schema
from reconcile.report.rates import PAIRS, pair_classes, places, rates
from schemas.identity_record import DATASET
from tests.classify.engine import person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo
FRESH = "20261120101500"
LIMITS = Limits()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Ten pairs, one of each sort and two equal ones; one record that only the CS has, one that is on its way."""
    both = [
        ({}, {}),
        ({}, {}),
        ({"address_lot": "1番"}, {"address_lot": "2番"}),  # E2
        ({"address_lot": "1番", "event_reason": "転居"}, {"address_lot": "2番", "event_reason": "出生"}),  # E2, G1
        ({"address_katagaki": "101号"}, {"address_katagaki": "102号"}),  # E3
        ({"event_reason": "転居"}, {"event_reason": "出生"}),  # G1
        ({"furigana_name": "スミダ ハナ"}, {"furigana_name": "スミダ ハル"}),  # F3
        ({"furigana_name": "ｽﾐﾀﾞ ﾊﾅ"}, {"furigana_name": "スミダ ハナ"}),  # notation
        ({"name_kanji": "榊 花"}, {"name_kanji": "榊\U000e0103 花"}),  # one MJ character
        ({"pending": "10", "sex": "男"}, {"sex": "女"}),  # T2
    ]
    left = [person(f"{100 + i:011}", **mine) for i, (mine, _) in enumerate(both)]
    right = [person(f"{100 + i:011}", **yours) for i, (_, yours) in enumerate(both)]
    left.append(person("00000000001"))
    right.append(person("00000000002", process_time=FRESH))
    return run(tmp_path_factory.mktemp("seen"), left, right, AT)


def test_every_pair_is_in_one_class_and_the_sum_is_all_pairs(seen: Report) -> None:
    balance = seen.sides[Side.LEFT].balance
    pairs = dict(seen.overall.pairs)
    assert tuple(pairs) == PAIRS
    assert sum(pairs.values()) == balance.matched + balance.mismatched == 10
    assert pairs == {
        "identical": 2, "encoding": 1, "notation": 1, "approved": 0, "timing": 1, "information": 2, "review": 1, "mismatch": 2,
    }  # fmt: skip


def test_persons_and_items_have_each_their_own_whole(seen: Report) -> None:
    assert seen.overall.rates is not None
    persons, items = seen.overall.rates.persons, seen.overall.rates.items
    fields = len(DATASET.compared) - 1  # neither side declares a system of its town codes: they are not compared
    # Two pairs and the record that only the CS has; G1 of one of them is an item of no weight.
    assert [(persons[name].count, persons[name].of) for name in ("mismatch", "with_timing", "timing")] == [
        (3, 10), (5, 10), (2, 10),
    ]  # fmt: skip
    assert [(items[name].count, items[name].of) for name in ("mismatch", "with_timing", "timing")] == [
        (3, 10 * fields), (5, 10 * fields), (2, 10 * fields),
    ]  # fmt: skip
    assert persons["mismatch"].rate == pytest.approx(0.3)


def test_readings_are_counted_in_their_own_budget_alone(seen: Report) -> None:
    assert seen.overall.rates is not None
    assert seen.overall.rates.persons["振り仮名"].count == 1
    # Also where the site has made them graver.
    taxonomy = {**DATASET.taxonomy, "F3": replace(DATASET.taxonomy["F3"], severity="要修正")}
    graver = seen.findings.with_columns(
        severity=pl.when(pl.col("code") == "F3").then(pl.lit("要修正")).otherwise("severity")
    )
    again = rates(graver, replace(DATASET, taxonomy=taxonomy), 10, 17)
    assert again is not None
    assert (again.persons["振り仮名"].count, again.persons["mismatch"].count) == (1, 3)


def test_findings_that_do_not_bear_out_the_comparison_are_refused(seen: Report) -> None:
    balance = seen.sides[Side.LEFT].balance
    lost = seen.findings.filter(pl.col("code") != "E3")
    with pytest.raises(BalanceError):
        pair_classes(lost, seen.variants, DATASET, balance.matched, balance.mismatched)
    with pytest.raises(BalanceError):
        pair_classes(seen.findings, seen.variants, DATASET, 0, balance.mismatched)


HANAKO = {
    "name_kanji": "墨田 花子",
    "birth": "S45-01-02",
    "sex": "女",
    "address_town": "太平三丁目",
    "address_lot": "1番",
}
TARO = {"name_kanji": "両国 太郎", "birth": "H03-04-05", "sex": "男", "address_town": "緑四丁目", "address_lot": "9番"}


def test_somebody_else_under_a_code_is_a_mismatch_and_no_information(tmp_path: Path) -> None:
    report = run(tmp_path, [person("00000000019", **HANAKO)], [person("00000000019", **TARO)], AT)
    assert "X1" in set(report.findings["code"])
    assert {name: count for name, count in report.overall.pairs.items() if count} == {"mismatch": 1}
    assert report.overall.rates is not None
    persons, items = report.overall.rates.persons, report.overall.rates.items
    # One person, and one item: the values of somebody else are not mistakes of their own, nor differences to explain.
    assert (persons["mismatch"].count, items["mismatch"].count, report.overall.considered) == (1, 1, 1)


def test_two_people_who_crossed_over_are_two_pairs_and_two_persons(tmp_path: Path) -> None:
    left = [person("00000000019", **HANAKO), person("00000000027", **TARO)]
    right = [person("00000000019", **TARO), person("00000000027", **HANAKO)]
    report = run(tmp_path, left, right, AT)
    assert {name: count for name, count in report.overall.pairs.items() if count} == {"mismatch": 2}
    assert report.overall.rates is not None
    assert report.overall.rates.persons["mismatch"].count == 2
    assert sum(one.persons for one in report.overall.places) == 2


def test_what_is_approved_is_counted_as_approved(seen: Report) -> None:
    variants = seen.variants.head(1).with_columns(rule=pl.lit("approved:7+width"), left_row=pl.lit(1, pl.UInt32))
    counts = pair_classes(seen.findings, variants, DATASET, 10 - 6, seen.sides[Side.LEFT].balance.mismatched)
    assert (counts["approved"], counts["notation"], counts["encoding"]) == (1, 0, 0)


# ------------------------------------------------------------------------------------------------------ small places


def _placed(towns: dict[str | None, int], severity: str = "要修正") -> tuple[Place, ...]:
    rows = [town for town, persons in towns.items() for _ in range(persons)]
    findings = pl.DataFrame(
        [("f", f"{i:011}", "value", "E2", severity, "x", "1", "2", i, i, None, None) for i in range(len(rows))],
        schema=findings_schema(DATASET.key),
        orient="row",
    )
    return places(findings, pl.Series(rows, dtype=pl.String), DATASET, LIMITS)


def test_a_place_of_four_is_not_named_and_one_of_five_is() -> None:
    assert _placed({"甲": 9, "乙": 5, "丙": 4, "丁": 1}) == (
        Place(label="甲", persons=9),
        Place(label="乙", persons=5),
        Place(label="", persons=5, places=2),
    )


def test_a_single_small_place_cannot_be_found_by_subtraction() -> None:
    assert _placed({"甲": 9, "乙": 5, "丙": 2}) == (Place(label="甲", persons=9), Place(label="", persons=7, places=2))


@pytest.mark.parametrize("towns", [{}, {"甲": 1}, {"甲": 4, "乙": 3}, {"甲": 30, None: 2}, {"甲": 5, "乙": 1, "丙": 1}])
def test_the_total_is_exact_and_no_small_count_has_a_name(towns: dict[str | None, int]) -> None:
    found = _placed(towns)
    assert sum(one.persons for one in found) == sum(towns.values())
    assert all(one.persons >= 5 for one in found if one.label)
    named = [one for one in found if one.label]
    rest = [one for one in found if not one.label]
    assert all(one.persons >= 5 for one in rest) or not named


def test_only_who_needs_action_is_counted_by_place_and_each_person_once() -> None:
    assert _placed({"甲": 9}, severity="情報") == ()
    findings = pl.DataFrame(
        [("f", f"{i // 2:011}", "value", "E2", "要修正", "x", "1", "2", i, i, None, None) for i in range(12)],
        schema=findings_schema(DATASET.key),
        orient="row",
    )
    assert places(findings, pl.Series(["甲"] * 12), DATASET, LIMITS) == (Place(label="甲", persons=6),)


def test_the_summary_names_no_place_of_few(tmp_path: Path) -> None:
    left = [person(f"{i:011}", address_town="甲" if i < 3 else "乙", sex="男") for i in range(12)]
    right = [{**row, "sex": "女"} for row in left]
    summary = run(tmp_path, left, right, AT).summary
    assert summary["places"] == [{"label": "", "persons": 12, "places": 2}]
    assert "甲" not in str(summary)
