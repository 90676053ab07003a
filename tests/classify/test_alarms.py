"""Alarms about a run as a whole (`reference/domain.md` §2.4, §5 step 6, §7; traps 30, 33): just inside, just outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from reconcile.classify.alarms import feed_stop, mass_mismatch
from reconcile.model import Limits, Report, Side, Verdict
from schemas.identity_record import DATASET
from tests.classify.engine import STAMP, Person, person, run

LIMITS = Limits()
# Tuesday; Friday the 20th is one business day before it, Monday being 勤労感謝の日.
AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as the extracts write it
LONG_AGO = "20200401090000"


def mass(persons: int, pairs: int, previous: tuple[float, ...] = ()) -> bool:
    return mass_mismatch(persons, pairs, previous, DATASET, LIMITS) is not None


def test_x2_is_more_than_one_in_a_thousand_of_the_pairs() -> None:
    assert not mass(287, 287_302)
    assert mass(288, 287_302)
    assert not mass(300, 300_000)  # exactly 0.1 % is not more
    assert mass(1, 0)


def test_x2_is_more_than_three_times_the_median_of_the_last_six_runs() -> None:
    # Six runs of 10 persons in 100,000; three times that is 30.
    assert not mass(30, 100_000, (0.0001,) * 6)
    assert mass(31, 100_000, (0.0001,) * 6)
    # One bad night among the six does not raise what is usual; an older one does not count at all.
    assert mass(31, 100_000, (0.0001,) * 5 + (0.05,))
    assert mass(31, 100_000, (0.05, 0.05, 0.05, 0.05) + (0.0001,) * 6)
    assert not mass(31, 100_000, (0.0001, 0.0001, 0.0001, 0.0002, 0.0002, 0.0002))


def test_three_times_nothing_needs_five_persons() -> None:
    assert not mass(4, 100_000, (0.0,) * 6)
    assert mass(5, 100_000, (0.0,) * 6)


def test_x2_says_the_numbers_and_what_to_do() -> None:
    alarm = mass_mismatch(400, 100_000, (0.001, 0.0005), DATASET, LIMITS)
    assert alarm is not None
    assert (alarm.code, alarm.severity, alarm.actor) == ("X2", "重大", "統括責任者")
    assert "400人 / 対応付いた100,000組" in alarm.ja
    assert "0.100%" in alarm.ja
    assert "中央値 0.0750% の3倍" in alarm.ja
    assert alarm.figures == {
        "persons": 400, "pairs": 100_000, "rate_max": 0.001, "multiple_max": 3.0, "previous_runs": 2,
        "previous_median": 0.00075,
    }  # fmt: skip
    assert "統括責任者" in alarm.todo_ja


def test_a_site_sets_its_own_limit() -> None:
    assert mass_mismatch(288, 287_302, (), DATASET, replace(LIMITS, rate_max=0.002)) is None


def test_a_dataset_without_these_codes_has_no_alarms() -> None:
    ad_hoc = replace(DATASET, codes={}, taxonomy={})
    assert mass_mismatch(9, 10, (), ad_hoc, LIMITS) is None
    assert feed_stop(LONG_AGO, (99, LONG_AGO, LONG_AGO), ad_hoc, LIMITS) is None


# --------------------------------------------------------------------------------------- X3, through the whole engine


def stopped(work: Path, late: int, *, processed: datetime, cs: tuple[Person, ...] = ()) -> Report:
    """The CS had its last update on the 10th; `late` people moved after that, all in the CS under the old address."""
    last = person("00000000019", process_time="20261110120000", address_lot="1")
    moved = [f"{100 + i:011}" for i in range(late)]
    left = [last, *(person(code, process_time=LONG_AGO, address_lot="1") for code in moved), *cs]
    times = [f"{processed + timedelta(minutes=i):{STAMP}}" for i in range(late)]
    right = [last, *(person(code, process_time=at, address_lot="2") for code, at in zip(moved, times, strict=True))]
    taken = {Side.LEFT: AT, Side.RIGHT: AT}
    return run(work, left, [*right, *cs], AT, extracted=taken)


def x3(report: Report) -> bool:
    return "X3" in [alarm.code for alarm in report.overall.alarms]


OVERDUE = datetime(2026, 11, 18, 9, 0, 0)  # noqa: DTZ001


def test_a_feed_that_stopped_is_an_alarm_from_ten_changes_on(tmp_path: Path) -> None:
    assert not x3(stopped(tmp_path, 9, processed=OVERDUE))
    report = stopped(tmp_path, 10, processed=OVERDUE)
    assert x3(report)
    (alarm,) = (one for one in report.overall.alarms if one.code == "X3")
    assert "2026-11-10 12:00" in alarm.ja
    assert "異動 10件(2026-11-18 09:00 から 2026-11-18 09:09 まで)" in alarm.ja
    assert (alarm.severity, alarm.actor) == ("重大", "ICT+課長")
    assert report.verdict is Verdict.MISMATCH


def test_changes_within_grace_are_no_alarm_however_many(tmp_path: Path) -> None:
    friday = datetime(2026, 11, 20, 9, 0, 0)  # noqa: DTZ001
    assert not x3(stopped(tmp_path, 40, processed=friday))
    thursday = friday - timedelta(days=1)
    assert x3(stopped(tmp_path, 40, processed=thursday))


def test_one_update_of_the_cs_after_the_changes_shows_that_the_feed_runs(tmp_path: Path) -> None:
    alive = person("00000000027", process_time="20261118120000")
    assert not x3(stopped(tmp_path, 40, processed=OVERDUE, cs=(alive,)))


def test_a_clock_ahead_of_the_extract_does_not_hide_a_stopped_feed(tmp_path: Path) -> None:
    wrong = person("00000000027", process_time="20990101000000")
    assert x3(stopped(tmp_path, 40, processed=OVERDUE, cs=(wrong,)))


def test_who_is_only_provisionally_registered_is_not_a_change_to_be_sent(tmp_path: Path) -> None:
    left = [person("00000000019", process_time="20261110120000")]
    waiting = [person(f"{100 + i:011}", process_time=f"{OVERDUE:{STAMP}}", source_state="仮登録") for i in range(40)]
    assert not x3(run(tmp_path, left, [*left, *waiting], AT, extracted={Side.LEFT: AT, Side.RIGHT: AT}))


def test_an_alarm_stands_in_the_summary_and_no_key_with_it(tmp_path: Path) -> None:
    report = stopped(tmp_path, 40, processed=OVERDUE)
    alarms = report.summary["alarms"]
    assert isinstance(alarms, list)
    assert [alarm["code"] for alarm in alarms] == ["X2", "X3"]
    assert "00000000" not in str(report.summary["alarms"]).replace("20261118090000", "")


@pytest.mark.parametrize("late", [0, 40])
def test_rows_are_counted_among_the_pairs_once_each(tmp_path: Path, late: int) -> None:
    report = stopped(tmp_path, late, processed=OVERDUE)
    balance = report.sides[Side.LEFT].balance
    assert sum(report.overall.pairs.values()) == balance.matched + balance.mismatched == late + 1
