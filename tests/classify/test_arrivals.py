"""Rows of the register alone: on their way, provisional, or missing (`reference/domain.md` §5; traps 30, 42).

The comparison is on Tuesday 2026-11-24; Monday is 勤労感謝の日, so that Friday the 20th is one business day before it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from reconcile.classify.timing import Instants, explain_arrivals
from reconcile.model import REASONS, Side
from schemas.identity_record import DATASET
from tests.classify.engine import Person, codes, person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as the extracts write it
LONG_AGO, THURSDAY, FRIDAY = "20200401090000", "20261119101500", "20261120101500"

ONLY = pl.Schema({"right_row": pl.UInt32, "processed": pl.String, "state": pl.String})


def _arrival(processed: str | None, state: str | None = "現存", *, at: datetime = AT) -> tuple[str, str | None] | None:
    only = pl.DataFrame([(9, processed, state)], schema=ONLY, orient="row")
    assert DATASET.timing is not None
    told = explain_arrivals(only, DATASET.timing, Instants(None, at, at))
    assert told.schema == REASONS
    if told.is_empty():
        return None
    ((left, right, reason, evidence),) = told.rows()
    assert (left, right) == (None, 9)
    return reason, evidence


def test_an_arrival_is_on_its_way_for_one_business_day_and_missing_after_two() -> None:
    assert _arrival(FRIDAY) == ("behind", "処理日 2026-11-20、1営業日")
    assert _arrival("20261124003000") == ("behind", "処理日 2026-11-24、0営業日")
    assert _arrival(THURSDAY) is None


def test_an_arrival_of_the_last_day_of_work_is_within_grace_on_the_first_day_of_the_new_year() -> None:
    assert _arrival("20261228170000", at=datetime(2027, 1, 4)) == (  # noqa: DTZ001
        "behind",
        "処理日 2026-12-28、1営業日",
    )
    assert _arrival("20261228170000", at=datetime(2027, 1, 5)) is None  # noqa: DTZ001


@pytest.mark.parametrize("processed", [FRIDAY, THURSDAY, LONG_AGO, None])
def test_who_is_provisionally_registered_is_not_expected_in_the_cs_however_old(processed: str | None) -> None:
    assert _arrival(processed, "仮登録") == ("provisional", None)


@pytest.mark.parametrize("state", ["現存", "転出予定", "仮登録済", None])
def test_no_other_state_excuses_a_missing_record(state: str | None) -> None:
    assert _arrival(THURSDAY, state) is None


@pytest.mark.parametrize("processed", [None, "", "20261399000000"])
def test_an_arrival_of_unknown_time_is_not_excused(processed: str | None) -> None:
    assert _arrival(processed) is None


@pytest.mark.parametrize("history", [None, []])
def test_what_the_register_wrote_after_an_earlier_extract_of_the_cs_cannot_be_in_the_cs(
    history: list[Person] | None, tmp_path: Path
) -> None:
    # Trap 42 and domain §5, step 3 (r0.処理日 ≥ T − 猶予): the CS as of Thursday evening, the register as of Tuesday.
    times = {Side.LEFT: datetime(2026, 11, 19, 22, 0, 0), Side.RIGHT: AT}  # noqa: DTZ001
    old, arrival = person("00000000002"), person("00000000001", process_time=FRIDAY)
    found = run(tmp_path, [old], [arrival, old], AT, history=history, extracted=times)
    assert codes(found) == {("00000000001", "only_right", None): "T1"}


def test_a_row_from_after_the_extract_of_its_own_register_is_not_excused(tmp_path: Path) -> None:
    # A clock that runs ahead must not hide a missing record for years (trap 30).
    times = {Side.LEFT: datetime(2026, 11, 19, 22, 0, 0), Side.RIGHT: AT}  # noqa: DTZ001
    arrival = person("00000000001", process_time="20991231235959")
    found = run(tmp_path, [person("00000000002")], [arrival], AT, history=[], extracted=times)
    assert codes(found)["00000000001", "only_right", None] == "A2"


def test_arrivals_are_coded_by_their_reason_and_departures_are_not(tmp_path: Path) -> None:
    cs = [person("00000000009", process_time=FRIDAY)]
    register = [
        person("00000000001", process_time=FRIDAY),
        person("00000000002", process_time=THURSDAY),
        person("00000000003", process_time=THURSDAY, source_state="仮登録"),
    ]
    assert codes(run(tmp_path, cs, register, AT, history=[])) == {
        ("00000000001", "only_right", None): "T1",
        ("00000000002", "only_right", None): "A2",
        ("00000000003", "only_right", None): "T5",
        ("00000000009", "only_left", None): "A1",
    }


# ------------------------------------------------------------------------------------------------ rows of the CS alone

KEY = "00000000009"
MIDNIGHT, TWO = datetime(2026, 11, 24, 0, 0, 0), AT  # noqa: DTZ001


def _departure(cs: Person, history: list[Person] | None, folder: Path) -> tuple[str | None, str | None, str | None]:
    """Code, rule and evidence of the one row that the CS has alone; the register as of midnight, the CS of two."""
    other = person("00000000002")
    times = {Side.LEFT: TWO, Side.RIGHT: MIDNIGHT}
    report = run(folder, [cs, other], [other], AT, history=history, extracted=times)
    (told,) = report.findings.select("code", "rule", "hint").rows()
    return told


def _gone(processed: str | None, key: str = KEY) -> Person:
    return person(key, source_state="消除", event_reason="国内転出", process_time=processed)


def test_who_left_the_register_within_grace_is_late_in_the_cs_and_after_it_is_there_by_mistake(tmp_path: Path) -> None:
    said = "既存住基の最終履歴 処理日 2026-11-{}、{}営業日"
    assert _departure(person(KEY), [_gone(FRIDAY)], tmp_path) == ("T1", "behind", said.format(20, 1))
    assert _departure(person(KEY), [_gone(THURSDAY)], tmp_path) == ("A1", "departed", said.format(19, 2))


def test_the_last_row_of_the_history_counts_and_none_of_another_person(tmp_path: Path) -> None:
    assert _departure(person(KEY), [_gone(LONG_AGO), _gone(FRIDAY)], tmp_path)[0] == "T1"
    assert _departure(person(KEY), [_gone(FRIDAY, "00000000008")], tmp_path)[0] == "A1"


def test_a_departure_that_lies_after_the_register_was_extracted_is_not_late_for_ever(tmp_path: Path) -> None:
    assert _departure(person(KEY), [_gone("20991231235959")], tmp_path)[0] == "A1"


def test_a_departure_of_unknown_time_is_not_excused(tmp_path: Path) -> None:
    assert _departure(person(KEY), [_gone(None)], tmp_path)[0] == "A1"


@pytest.mark.parametrize(
    ("processed", "code"),
    [
        ("20261123235959", "A1"),  # before the register's extract: it should have had the person
        ("20261124000000", "T4"),
        ("20261124013000", "T4"),
        ("20261124020000", "T4"),
        ("20261124020001", "A1"),  # after the CS's own extract: a clock that runs ahead
        (None, "A1"),
    ],
)
def test_42_who_came_into_the_cs_after_the_registers_extract_is_apart(
    processed: str | None, code: str, tmp_path: Path
) -> None:
    assert _departure(person(KEY, process_time=processed), [], tmp_path)[0] == code


@pytest.mark.parametrize(("pending", "code"), [("10", "T2"), ("20", "T2"), ("01", "T3"), ("00", "A1")])
def test_the_flags_of_a_row_of_the_cs_alone_are_believed(pending: str, code: str, tmp_path: Path) -> None:
    assert _departure(person(KEY, pending=pending), [], tmp_path)[0] == code


# --------------------------------------------------------------------------------------- since when the register has them


@pytest.mark.parametrize(
    ("older", "code"),
    [
        ({"process_time": LONG_AGO}, "A2"),  # has lived here for years; a change of Friday excuses nothing
        ({"process_time": THURSDAY}, "A2"),
        ({"process_time": "20261120090000"}, "T1"),
        ({"process_time": LONG_AGO, "source_state": "仮登録"}, "T1"),  # in full since Friday
        ({"process_time": LONG_AGO, "source_state": "消除"}, "T1"),  # came back on Friday (再転入)
        ({"process_time": LONG_AGO, "atena_no": "2"}, "T1"),  # another person's line
        ({"process_time": None}, "T1"),
    ],
)
def test_an_arrival_counts_from_the_row_with_which_the_register_took_the_person_in(
    older: Person, code: str, tmp_path: Path
) -> None:
    now = person("00000000001", process_time=FRIDAY, atena_no="1", sequence="2")
    history = [{**now, "sequence": "1", **older}]
    assert set(
        codes(run(tmp_path, [person("00000000002")], [now, person("00000000002")], AT, history=history)).values()
    ) == {code}
