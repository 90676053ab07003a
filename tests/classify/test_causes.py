"""One bulk cause is one cause, not n findings (`reference/domain.md` §12, trap 36); chance is none."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from reconcile.api import compare
from reconcile.model import Cause, Report, Side
from tests.classify.engine import Person, person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo
TOWNS = [f"{name}{chome}丁目" for name in ("向島", "両国", "緑", "業平", "立花") for chome in "一二三四五六"]


def ward(residents: int = 3_000) -> list[Person]:
    """People who were changed on a thousand different days, a hundred to a town."""
    return [
        person(
            f"{1_000 + i:011}",
            address_town=TOWNS[i % 30],
            address_lot=f"{i}番",
            process_time=f"20{10 + i % 9:02}{1 + i % 11:02}{1 + i % 27:02}{i % 24:02}{i % 60:02}{i % 59:02}",
            sex="男" if i % 2 else "女",
            event_reason=("転居", "国内転入", "出生")[i % 3],
        )
        for i in range(residents)
    ]


def changed(rows: list[Person], places: list[int], **values: str | None) -> list[Person]:
    return [{**row, **values} if i in set(places) else row for i, row in enumerate(rows)]


def found(work: Path, left: list[Person], right: list[Person]) -> tuple[Cause, ...]:
    return report(work, left, right).overall.causes


def report(work: Path, left: list[Person], right: list[Person]) -> Report:
    return run(work, left, right, AT)


def spread(count: int) -> list[int]:
    """Places of a ward that have no town, day or ground in common beyond chance."""
    return [(7 * i + i // 30) % 3_000 for i in range(count)]


def test_a_town_that_was_renamed_on_one_side_is_one_cause_and_every_finding_stays(tmp_path: Path) -> None:
    left = ward()
    renamed = [i for i in range(3_000) if i % 30 == 4]  # all 100 of 向島五丁目
    right = changed(left, renamed, address_town="東向島五丁目")
    # Seven that have nothing to do with it.
    right = changed(right, [11, 522, 1033, 1544, 2055, 2560, 2907], address_katagaki="101号")
    seen = report(tmp_path, left, right)
    (cause,) = seen.overall.causes
    assert cause.label == "町名変更: 住所(町字まで) 「向島五丁目」 → 「東向島五丁目」"
    assert (cause.kind, cause.findings, cause.rows, cause.group) == ("change", 100, 100, 100)
    assert cause.codes == {"E1": 100}
    # All of 100 people, where 100 of 3,000 pairs differ in it: thirty times as frequent.
    assert cause.lift == pytest.approx(30.0)
    assert (seen.findings.height, seen.overall.considered) == (107, 107)


def test_nineteen_alike_are_no_cause_and_twenty_are(tmp_path: Path) -> None:
    left = ward()
    for count, causes in ((19, 0), (20, 1)):
        right = changed(left, [4 + 30 * i for i in range(count)], address_town="東向島五丁目")
        assert len(found(tmp_path, left, right)) == causes


def test_frequent_values_among_scattered_differences_are_no_cause(tmp_path: Path) -> None:
    # 150 people whose sex differs, half of whom are men: "男 → 女" stands 75 times, and means nothing.
    left = ward()
    right = [
        {**row, "sex": "女" if row["sex"] == "男" else "男"} if i in set(spread(150)) else row
        for i, row in enumerate(left)
    ]
    assert found(tmp_path, left, right) == ()


def test_a_batch_of_one_day_is_one_cause_though_its_values_have_nothing_in_common(tmp_path: Path) -> None:
    places = spread(60)
    left = changed(ward(), places, process_time="20261005030000")
    right = [{**row, "address_lot": f"{i}番地の{i}"} if i in set(places) else row for i, row in enumerate(left)]
    (cause,) = found(tmp_path, left, right)
    assert (cause.kind, cause.label, cause.findings, cause.rows) == ("day", "処理日 2026-10-05", 60, 60)


def test_a_block_of_one_town_is_one_cause(tmp_path: Path) -> None:
    left = ward()
    places = [4 + 30 * i for i in range(40)]
    right = [{**row, "address_lot": f"{i}番地の{i}"} if i in set(places) else row for i, row in enumerate(left)]
    (cause,) = found(tmp_path, left, right)
    assert (cause.kind, cause.label, cause.rows, cause.group) == ("group", "住所(町字まで) 「向島五丁目」", 40, 100)


def test_records_that_one_side_lacks_have_a_cause_too(tmp_path: Path) -> None:
    left = ward()
    missing = {4 + 30 * i for i in range(30)}
    (cause,) = found(tmp_path, [row for i, row in enumerate(left) if i not in missing], left)
    assert (cause.label, cause.codes) == ("住所(町字まで) 「向島五丁目」", {"A2": 30})


def test_a_column_that_differs_in_every_row_is_one_cause(tmp_path: Path) -> None:
    left = ward()
    right = [{**row, "address_katagaki": f"{i}号室"} for i, row in enumerate(left)]
    (cause,) = found(tmp_path, left, right)
    assert (cause.kind, cause.findings) == ("field", 3_000)
    assert cause.label == "方書: 項目全体の相違(対応付いた3,000組のうち3,000組)"


def test_a_column_that_is_empty_on_one_side_for_most_who_have_it_is_one_cause(tmp_path: Path) -> None:
    left = ward()
    have = spread(90)
    right = [{**row, "kyu_uji": f"旧姓{i}"} if i in set(have) else row for i, row in enumerate(left)]
    kept = [{**row, "kyu_uji": f"旧姓{i}"} if i in set(have[:40]) else row for i, row in enumerate(left)]
    (cause,) = found(tmp_path, kept, right)
    assert (cause.kind, cause.label) == ("missing", "片側だけの項目: leftに旧氏の値がない")
    assert (cause.findings, cause.group) == (50, 90)


def test_two_causes_are_two_and_the_larger_is_named_first(tmp_path: Path) -> None:
    left = ward()
    right = changed(left, [i for i in range(3_000) if i % 30 == 4], address_town="東向島五丁目")
    right = changed(right, [i for i in range(3_000) if i % 30 == 9][:50], address_town="新両国四丁目")
    assert [cause.findings for cause in found(tmp_path, left, right)] == [100, 50]


def test_the_same_wrong_value_of_a_code_list_is_one_cause(tmp_path: Path) -> None:
    right = ward()
    left = changed(right, spread(60), sex="不明")
    causes = found(tmp_path, left, right)
    assert causes[0].kind == "left_value"
    assert causes[0].label == "同じ値: leftの性別が 「不明」"
    assert causes[0].findings == 60


def test_a_pair_of_characters_is_one_cause(tmp_path: Path) -> None:
    right = ward()
    places = spread(30)
    left = [{**row, "name_kanji": f"高橋 {i}郎"} if i in set(places) else row for i, row in enumerate(right)]
    right = [{**row, "name_kanji": f"髙橋 {i}郎"} if i in set(places) else row for i, row in enumerate(right)]
    (cause,) = found(tmp_path, left, right)
    assert (cause.kind, cause.findings, cause.codes) == ("characters", 30, {"C2": 30})
    assert "U+9AD9" in cause.label


def test_what_is_merely_late_is_not_asked_for_a_cause(tmp_path: Path) -> None:
    left = ward()
    late = [{**left[i], "juminhyo_code": f"{90_000 + i:011}", "process_time": "20261120101500"} for i in range(50)]
    seen = report(tmp_path, left, [*left, *late])
    assert set(seen.findings["code"]) == {"T1"}
    assert (seen.overall.causes, seen.overall.considered) == ((), 0)


def test_values_of_persons_are_not_named_in_a_cause(tmp_path: Path) -> None:
    right = ward()
    left = changed(right, spread(60), name_kanji="墨田 太郎")
    causes = found(tmp_path, left, right)
    assert causes
    assert all("墨田" not in cause.label for cause in causes)
    assert "墨田" not in str(report(tmp_path, left, right).summary["causes"])


def test_the_order_of_rows_changes_no_cause(tmp_path: Path) -> None:
    left = ward()
    right = changed(left, [i for i in range(3_000) if i % 30 == 4], address_town="東向島五丁目")
    right = changed(right, spread(80), event_reason="出生")
    assert found(tmp_path, left, right) == found(tmp_path, left[::-1], right[1500:] + right[:1500])


def test_a_column_of_an_ad_hoc_comparison_that_differs_in_every_row_is_one_cause() -> None:
    left = pl.DataFrame({"id": range(500), "a": range(500), "b": ["x"] * 500})
    right = left.with_columns(pl.col("a") + 1, b=pl.lit("y"))
    causes = compare(left, right, key=["id"]).summary["causes"]
    assert isinstance(causes, list)
    assert [(cause["kind"], cause["findings"]) for cause in causes] == [("field", 500), ("field", 500)]
    assert causes[1]["label"].endswith("、どれも同じ値から同じ値へ")
    assert Side.LEFT.value not in causes[0]["label"]
