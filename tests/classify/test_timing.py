"""Late, or lost: each reason just inside and just outside its rule (`reference/domain.md` §5; traps 20, 21, 30, 31, 42).

The comparison is on Tuesday 2026-11-24; Monday is 勤労感謝の日, so that the last business day before it is Friday the
20th and the last but one Thursday the 19th. The grace is one business day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from reconcile.classify.lines import CURRENT
from reconcile.classify.timing import Instants, explain_pairs
from reconcile.model import REASONS, Side, Timing
from schemas.identity_record import DATASET
from tests.classify.engine import codes, person, run

AT = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as the extracts write it
LONG_AGO = "20200401090000"
THURSDAY, FRIDAY, MIDNIGHT = "20261119101500", "20261120101500", "20261124000000"

VALUES = ("v0", "v1")
State = tuple[str | None, str | None]
A: State = ("山田 花子", "23番20号")
B: State = ("山田 花子", "5番8号")
C: State = ("山田 花子", "12番1号")
D: State = ("山田 花子", "7番7号")
"""What the register says now."""

PAIR = pl.Schema(
    {
        "k0": pl.String,
        "left_row": pl.UInt32,
        "right_row": pl.UInt32,
        **dict.fromkeys((*VALUES, "left_processed", "right_processed", "pending", "right_sequence"), pl.String),
        **dict.fromkeys((f"{name}{CURRENT}" for name in VALUES), pl.String),
    }
)
HISTORY = pl.Schema(dict.fromkeys(("k0", *VALUES, "processed", "sequence"), pl.String))

Older = tuple[State, str | None] | tuple[State, str | None, str]


def _timing() -> Timing:
    assert DATASET.timing is not None
    return DATASET.timing


def _told(
    cs: State,
    older: list[Older] | None,
    *,
    current: str | None = FRIDAY,
    cs_time: str | None = LONG_AGO,
    pending: str | None = "00",
    extracted: datetime | None = None,
    at: datetime = AT,
    key: str = "00000000001",
    now: State = D,
) -> tuple[str, str] | None:
    """Reason and evidence of one pair whose CS holds `cs`; the register's current row was processed at `current`."""
    pair = ("00000000001", 3, 7, *cs, cs_time, current, pending, "9", *now)
    pairs = pl.DataFrame([pair], schema=PAIR, orient="row")
    rows = None if older is None else [(key, *row[0], row[1], row[2] if len(row) > 2 else None) for row in older]
    history = None if rows is None else pl.DataFrame(rows, schema=HISTORY, orient="row")
    told = explain_pairs(pairs, history, VALUES, _timing(), Instants(extracted, at, max(at, extracted or at, AT)))
    assert told.schema == REASONS
    if told.is_empty():
        return None
    ((left, right, reason, evidence),) = told.rows()
    assert (left, right) == (3, 7)
    return reason, evidence


def _reason(cs: State, older: list[Older] | None, **about: Any) -> str | None:  # noqa: ANN401  the keywords of `_told`
    told = _told(cs, older, **about)
    return None if told is None else told[0]


# ---------------------------------------------------------------------------------------- behind, overdue: the history


def test_one_business_day_behind_is_within_grace_and_two_are_not() -> None:
    assert _reason(A, [(A, LONG_AGO)], current=FRIDAY) == "behind"
    assert _reason(A, [(A, LONG_AGO)], current=THURSDAY) == "overdue"


@pytest.mark.parametrize(
    ("processed", "compared", "reason"),
    [
        # Over a weekend: Saturday and Sunday do not count.
        ("20261113170000", datetime(2026, 11, 16), "behind"),  # noqa: DTZ001
        ("20261113170000", datetime(2026, 11, 17), "overdue"),  # noqa: DTZ001
        # Over a weekend and 勤労感謝の日 (Monday, 2026-11-23).
        ("20261120170000", datetime(2026, 11, 24), "behind"),  # noqa: DTZ001
        ("20261120170000", datetime(2026, 11, 25), "overdue"),  # noqa: DTZ001
        # Processed on the closed Saturday itself: until Tuesday's end no business day has passed.
        ("20261121100000", datetime(2026, 11, 25), "behind"),  # noqa: DTZ001
        ("20261121100000", datetime(2026, 11, 26), "overdue"),  # noqa: DTZ001
        # 年末年始: the last day of work is Monday 2026-12-28, the next Monday 2027-01-04.
        ("20261228170000", datetime(2027, 1, 4), "behind"),  # noqa: DTZ001
        ("20261228170000", datetime(2027, 1, 5), "overdue"),  # noqa: DTZ001
        ("20261225170000", datetime(2026, 12, 29), "overdue"),  # noqa: DTZ001
        # シルバーウィーク 2026: 敬老の日, 国民の休日, 秋分の日 on Monday to Wednesday.
        ("20260918170000", datetime(2026, 9, 24), "behind"),  # noqa: DTZ001
        ("20260918170000", datetime(2026, 9, 25), "overdue"),  # noqa: DTZ001
    ],
)
def test_days_on_which_the_office_is_closed_do_not_age_a_message(
    processed: str, compared: datetime, reason: str
) -> None:
    assert _reason(A, [(A, LONG_AGO)], current=processed, at=compared) == reason


def test_two_changes_behind_is_aged_from_the_first_change_that_did_not_arrive() -> None:
    # The register: A, then B on Thursday, then the current row on Friday. The CS has missed both.
    older: list[Older] = [(A, LONG_AGO), (B, THURSDAY)]
    assert _told(A, older, current=FRIDAY) == ("overdue", "変更2件前の状態(処理日 2026-11-19、2営業日)")
    assert _told(B, older, current=FRIDAY) == ("behind", "変更1件前の状態(処理日 2026-11-20、1営業日)")


def test_two_changes_of_one_day_are_both_within_grace() -> None:
    older: list[Older] = [(A, LONG_AGO), (B, "20261120090000")]
    assert _told(A, older, current=FRIDAY) == ("behind", "変更2件前の状態(処理日 2026-11-20、1営業日)")


def test_the_order_of_the_older_rows_in_the_source_means_nothing() -> None:
    older: list[Older] = [(B, THURSDAY), (C, "20261120090000"), (A, LONG_AGO)]
    for rows in (older, older[::-1]):
        assert _told(A, rows, current=FRIDAY) == ("overdue", "変更3件前の状態(処理日 2026-11-19、2営業日)")


def test_a_cs_that_equals_no_older_row_is_explained_by_no_history() -> None:
    assert _reason(C, [(A, LONG_AGO), (B, THURSDAY)]) is None


@pytest.mark.parametrize("cs", [("山田 花江", A[1]), (A[0], "23番21号"), (None, A[1]), (A[0], ""), (A[1], A[0])])
def test_a_cs_that_equals_an_older_row_in_all_but_one_value_is_explained_by_no_history(cs: State) -> None:
    assert _reason(cs, [(A, LONG_AGO)]) is None


def test_an_empty_value_equals_the_same_empty_value_of_an_older_row() -> None:
    without_lot: State = ("山田 花子", None)
    assert _reason(without_lot, [(without_lot, LONG_AGO)]) == "behind"


def test_the_history_of_another_key_never_explains() -> None:
    assert _reason(A, [(A, LONG_AGO)], key="00000000002") is None
    assert _reason(A, [(A, LONG_AGO)], key="0000000001") is None


def test_every_pair_is_explained_by_its_own_history() -> None:
    pairs = pl.DataFrame(
        [
            ("00000000001", 1, 1, *A, LONG_AGO, FRIDAY, "00", "9", *D),
            ("00000000002", 2, 2, *A, LONG_AGO, THURSDAY, "00", "9", *D),
            ("00000000003", 3, 3, *A, LONG_AGO, FRIDAY, "00", "9", *D),
        ],
        schema=PAIR,
        orient="row",
    )
    rows = [("00000000001", *A, LONG_AGO, "1"), ("00000000002", *A, LONG_AGO, "1"), ("00000000003", *B, LONG_AGO, "1")]
    history = pl.DataFrame(rows, schema=HISTORY, orient="row")
    told = explain_pairs(pairs, history, VALUES, _timing(), Instants(None, AT, AT))
    assert told.select("left_row", "reason").rows() == [(1, "behind"), (2, "overdue")]


def test_a_key_of_two_parts_finds_the_history_of_both_parts_only() -> None:
    both = pl.DataFrame(
        [("1", "1", 1, 1, *A, LONG_AGO, FRIDAY, "00", "9", *D), ("1", "2", 2, 2, *A, LONG_AGO, FRIDAY, "00", "9", *D)],
        schema=pl.Schema({"k0": pl.String(), "k1": pl.String(), **dict(list(PAIR.items())[1:])}),
        orient="row",
    )
    history = pl.DataFrame(
        [("1", "2", *A, LONG_AGO, "1")], schema=["k0", "k1", *VALUES, "processed", "sequence"], orient="row"
    )
    assert explain_pairs(both, history, VALUES, _timing(), Instants(None, AT, AT))["left_row"].to_list() == [2]


# ---------------------------------------------------------------------------- 取消し: an older state that came back


def test_a_state_that_came_back_counts_from_its_newest_row() -> None:
    # A, B, again A (the cancellation, Thursday), then C (Friday, current). The CS holds A: it has missed C alone.
    older: list[Older] = [(A, LONG_AGO), (B, "20261118100000"), (A, THURSDAY)]
    assert _told(A, older, current=FRIDAY) == ("behind", "変更1件前の状態(処理日 2026-11-20、1営業日)")
    assert _told(B, older, current=FRIDAY) == ("overdue", "変更2件前の状態(処理日 2026-11-19、2営業日)")


def _registered(state: State, processed: str) -> Mapping[str, str | None]:
    return {"name_kanji": state[0], "address_lot": state[1], "process_time": processed}


def test_a_cs_that_holds_the_state_to_which_the_register_went_back_is_no_difference(tmp_path: Path) -> None:
    key = "00000000001"
    cs = [person(key, **_registered(A, LONG_AGO))]
    register = [person(key, **_registered(A, FRIDAY))]
    history = [person(key, **_registered(A, LONG_AGO)), person(key, **_registered(B, THURSDAY))]
    assert codes(run(tmp_path, cs, register, AT, history=history)) == {}


def test_a_cs_that_missed_the_cancellation_is_behind_by_it(tmp_path: Path) -> None:
    key = "00000000001"
    history = [person(key, **_registered(A, LONG_AGO)), person(key, **_registered(B, THURSDAY))]
    for processed, code in ((FRIDAY, "T1"), (THURSDAY, "G3")):
        register = [person(key, **_registered(A, processed))]
        found = run(tmp_path, [person(key, **_registered(B, LONG_AGO))], register, AT, history=history)
        assert codes(found) == {(key, "value", "address_lot"): code}


# ------------------------------------------------------------------------------------- which clock decides (trap 31)


def test_the_time_of_processing_decides_and_never_the_day_of_the_event(tmp_path: Path) -> None:
    # Two moves told on Friday, one that happened a year ago and one that lies ahead; and two told on Thursday.
    history, cs, register = [], [], []
    expected: dict[tuple[str, str, str | None], str] = {}
    told = [("2025-11-20", FRIDAY), ("2026-12-20", FRIDAY), ("2026-11-20", THURSDAY), ("2026-12-20", THURSDAY)]
    for n, (happened, processed) in enumerate(told):
        key = f"{n:011}"
        history.append(person(key, event_date="2001-04-01", **_registered(A, LONG_AGO)))
        cs.append(history[-1])
        register.append(person(key, event_date=happened, **_registered(B, processed)))
        code = "T1" if processed == FRIDAY else "G3"
        expected |= {(key, "value", field): code for field in ("address_lot", "event_date")}
    assert codes(run(tmp_path, cs, register, AT, history=history)) == expected


def test_every_difference_of_a_late_pair_has_its_reason_and_its_field_no_code_of_its_own(tmp_path: Path) -> None:
    key = "00000000001"
    old = person(key, event_reason="国内転入", event_date="2001-04-01", **_registered(A, LONG_AGO))
    new = person(key, event_reason="転居", event_date="2026-11-20", **_registered(B, FRIDAY))
    found = codes(run(tmp_path, [old], [new], AT, history=[old]))
    assert found == {(key, "value", field): "T1" for field in ("address_lot", "event_reason", "event_date")}


# ------------------------------------------------------------------------------------------------------ what is unknown


def test_without_a_time_of_processing_nobody_is_called_late_or_ahead() -> None:
    assert _reason(A, [(A, LONG_AGO)], current=None) is None
    assert _reason(C, [(A, LONG_AGO)], current=None, cs_time=MIDNIGHT) is None
    assert _reason(C, [(A, LONG_AGO)], cs_time=None) is None
    assert _reason(C, [(A, LONG_AGO)], cs_time=None, current=None, extracted=AT) is None


def test_a_time_of_processing_that_is_no_date_is_unknown() -> None:
    assert _reason(A, [(A, LONG_AGO)], current="20261399000000") is None
    assert _reason(A, [(A, LONG_AGO)], current="") is None


def test_an_older_row_without_a_time_still_shows_the_state_that_the_cs_is_behind_by() -> None:
    assert _reason(A, [(A, None)], current=FRIDAY) == "behind"
    assert _reason(A, [(A, None)], current=THURSDAY) == "overdue"


def test_the_current_row_without_a_time_leaves_the_times_of_the_older_rows() -> None:
    # A, then B on Thursday, then a row of unknown time: since Thursday the CS has been behind.
    assert _reason(A, [(A, LONG_AGO), (B, THURSDAY)], current=None) == "overdue"


def test_unknown_flags_say_nothing() -> None:
    assert _reason(A, [(A, LONG_AGO)], pending=None) == "behind"
    assert _reason(C, [(A, LONG_AGO)], pending=None) is None


def test_an_empty_history_is_no_missing_history() -> None:
    # A register that keeps older rows and has none of this person proves that the CS is not merely behind.
    assert _reason(A, [], current=FRIDAY) is None


def test_without_any_history_a_register_row_within_grace_is_a_weak_sign_of_delay() -> None:
    # Domain §5, step 3: 時差候補(根拠弱), r0.処理日 ≥ T − 猶予 only.
    assert _told(A, None, current=FRIDAY) == ("recent", "処理日 2026-11-20(履歴での裏付けなし)")
    assert _reason(A, None, current=THURSDAY) is None
    assert _reason(A, None, current=None) is None


# ----------------------------------------------------------------------------------------- apart, ahead: the two clocks


def test_a_cs_newer_than_every_register_row_is_ahead() -> None:
    assert _told(C, [(A, LONG_AGO)], current=THURSDAY, cs_time=FRIDAY) == (
        "ahead",
        "CSの処理日時 20261120101500",
    )
    one_second = {"current": "20261120101500", "cs_time": "20261120101501"}
    assert _reason(C, [(A, LONG_AGO)], **one_second) == "ahead"


def test_a_cs_as_old_as_the_register_row_or_older_is_not_ahead() -> None:
    assert _reason(C, [(A, LONG_AGO)], current=FRIDAY, cs_time=FRIDAY) is None
    assert _reason(C, [(A, LONG_AGO)], current=FRIDAY, cs_time=THURSDAY) is None


def test_what_the_cs_took_after_the_register_was_extracted_is_apart_and_before_it_is_ahead() -> None:
    # Trap 42: extracts taken hours apart. The register was extracted at midnight.
    midnight = datetime(2026, 11, 24, 0, 0, 0)  # noqa: DTZ001
    older: list[Older] = [(A, LONG_AGO)]
    assert _reason(C, older, cs_time="20261124000000", extracted=midnight) == "apart"
    assert _reason(C, older, cs_time="20261124013000", extracted=midnight) == "apart"
    assert _reason(C, older, cs_time="20261123235959", extracted=midnight) == "ahead"


def test_a_register_of_unknown_extraction_never_makes_a_cs_apart() -> None:
    assert _reason(C, [(A, LONG_AGO)], cs_time="20991231235959", extracted=None) == "ahead"


def test_a_cs_that_is_newer_and_yet_equals_an_older_row_is_behind_not_ahead() -> None:
    # Applied late: the CS wrote an old state after the register's last change.
    midnight = datetime(2026, 11, 24, 0, 0, 0)  # noqa: DTZ001
    assert _reason(A, [(A, LONG_AGO)], current=FRIDAY, cs_time=MIDNIGHT, extracted=midnight) == "behind"
    assert _reason(A, [(A, LONG_AGO)], current=THURSDAY, cs_time=MIDNIGHT, extracted=midnight) == "overdue"


def test_the_earlier_extract_is_the_instant_of_the_comparison(tmp_path: Path) -> None:
    # Domain §5, step 1: min. Processed on Thursday: one business day before Friday's CS, two before Tuesday's register.
    key = "00000000001"
    old, new = person(key, **_registered(A, LONG_AGO)), person(key, **_registered(B, THURSDAY))
    friday, tuesday = datetime(2026, 11, 20, 22, 0, 0), datetime(2026, 11, 24, 0, 0, 0)  # noqa: DTZ001
    times = {Side.LEFT: friday, Side.RIGHT: tuesday}
    found = run(tmp_path, [old], [new], AT, history=[old], extracted=times)
    assert set(codes(found).values()) == {"T1"}
    found = run(tmp_path, [old], [new], AT, history=[old], extracted={Side.LEFT: AT, Side.RIGHT: tuesday})
    assert set(codes(found).values()) == {"G3"}


# ------------------------------------------------------------------------------------------------ waiting, planned: flags


@pytest.mark.parametrize(
    ("pending", "reason"),
    [
        ("10", "waiting"),  # 受理待ち
        ("20", "waiting"),  # エラー
        ("01", "planned"),  # 予定者
        ("11", "waiting"),
        ("21", "waiting"),
        ("00", None),
        ("30", None),
        ("02", None),
        ("010", "planned"),
        ("", None),
    ],
)
def test_the_flags_of_the_cs_are_believed_and_no_other_text_is_a_flag(pending: str, reason: str | None) -> None:
    told = _told(C, [(A, LONG_AGO)], pending=pending)
    assert told == (None if reason is None else (reason, f"更新フラグ {pending}"))


@pytest.mark.parametrize(("pending", "reason"), [("10", "waiting"), ("20", "waiting"), ("01", "planned")])
@pytest.mark.parametrize("current", [FRIDAY, THURSDAY, None])
def test_a_flag_comes_before_history_and_clocks(pending: str, reason: str, current: str | None) -> None:
    assert _reason(A, [(A, LONG_AGO)], current=current, pending=pending) == reason
    assert _reason(C, [(A, LONG_AGO)], current=current, pending=pending, cs_time=MIDNIGHT) == reason
    assert _reason(A, None, current=current, pending=pending) == reason


def test_a_reason_of_time_comes_before_a_suspicion_about_people(tmp_path: Path) -> None:
    # The register's code was given to somebody else's record and set right since; the CS has the old state: late, not X1.
    key = "00000000001"
    one = {"name_kanji": "山田 花子", "birth": "S45-07-30", "sex": "女", "address_lot": "23番20号"}
    two = {"name_kanji": "小林 太一", "birth": "H02-01-15", "sex": "男", "address_lot": "5番8号"}
    old = person(key, **one, process_time=LONG_AGO)
    new = person(key, **two, process_time=FRIDAY)
    assert set(codes(run(tmp_path, [old], [new], AT, history=[old])).values()) == {"T1"}
    assert codes(run(tmp_path, [old], [new], AT, history=[]))[key, "mixed_identity", None] == "X1"


def test_without_history_a_change_after_an_earlier_extract_of_the_cs_is_a_sign_of_delay(tmp_path: Path) -> None:
    times = {Side.LEFT: datetime(2026, 11, 19, 22, 0, 0), Side.RIGHT: AT}  # noqa: DTZ001
    key = "00000000001"
    for processed, code in ((FRIDAY, "T1"), ("20991231235959", "E2")):
        sides = [person(key, **_registered(A, LONG_AGO))], [person(key, **_registered(B, processed))]
        assert codes(run(tmp_path, *sides, AT, extracted=times)) == {(key, "value", "address_lot"): code}


# --------------------------------------------------------------------- the line: order, clocks that run ahead, gaps


def test_two_rows_of_one_second_stand_in_the_order_of_their_numbers() -> None:
    # Trap 20: A (1) and B (2) of one second on Thursday, then the current row on Friday.
    older: list[Older] = [(A, THURSDAY, "1"), (B, THURSDAY, "2")]
    for rows in (older, older[::-1]):
        assert _told(A, rows, current=FRIDAY) == ("overdue", "変更2件前の状態(処理日 2026-11-19、2営業日)")
        assert _told(B, rows, current=FRIDAY) == ("behind", "変更1件前の状態(処理日 2026-11-20、1営業日)")


def test_numbers_are_ordered_as_numbers() -> None:
    older: list[Older] = [(A, THURSDAY, "9"), (B, THURSDAY, "10")]
    assert _told(B, older, current=FRIDAY) == ("behind", "変更1件前の状態(処理日 2026-11-20、1営業日)")


def test_an_older_row_without_a_time_stands_where_its_number_says() -> None:
    # A (1), B (2) at an unknown time, C (3) on Thursday, current on Friday.
    older: list[Older] = [(C, THURSDAY, "3"), (B, None, "2"), (A, LONG_AGO, "1")]
    assert _told(C, older, current=FRIDAY) == ("behind", "変更1件前の状態(処理日 2026-11-20、1営業日)")
    assert _told(B, older, current=FRIDAY) == ("overdue", "変更2件前の状態(処理日 2026-11-19、2営業日)")


def test_a_missed_change_of_unknown_time_is_never_within_grace() -> None:
    # B was written at some time before Friday: that the CS is only a day behind is not proved.
    older: list[Older] = [(A, LONG_AGO, "1"), (B, None, "2")]
    assert _told(A, older, current=FRIDAY) == ("overdue", "変更2件前の状態(遅くとも処理日 2026-11-20、1営業日)")


def test_a_change_dated_after_its_own_extract_is_not_late_for_ever() -> None:
    # Trap 30: a clock that runs ahead must not hide a lost message until 2099.
    assert _reason(A, [(A, LONG_AGO)], current="20991231235959", extracted=AT) == "overdue"
    assert _reason(A, [(A, LONG_AGO)], current="20991231235959") == "overdue"


def test_what_the_register_wrote_after_the_extract_of_the_cs_is_no_days_old() -> None:
    # The CS as of Thursday evening; the register, as of Tuesday, changed on Friday. No age is ever negative.
    thursday = datetime(2026, 11, 19, 22, 0, 0)  # noqa: DTZ001
    told = _told(A, [(A, LONG_AGO)], current=FRIDAY, at=thursday, extracted=AT)
    assert told == ("behind", "変更1件前の状態(処理日 2026-11-20、0営業日)")


def test_a_cs_dated_after_both_extracts_is_ahead_and_not_apart_for_ever() -> None:
    midnight = datetime(2026, 11, 24, 0, 0, 0)  # noqa: DTZ001
    older: list[Older] = [(A, LONG_AGO)]
    assert _reason(C, older, cs_time="20261124020000", extracted=midnight) == "apart"
    assert _reason(C, older, cs_time="20991231235959", extracted=midnight) == "ahead"


# ------------------------------------------------------- rows that change nothing compared (domain §1.6; trap 32)

MOVED = {"event_reason": "転居", "event_date": "2019-04-01"}
HOUSEHOLD = {"event_reason": "世帯分離", "event_date": "2026-10-01"}


def test_32_a_household_event_of_the_register_alone_is_no_difference(tmp_path: Path) -> None:
    key = "00000000001"
    old = person(key, **_registered(A, LONG_AGO), **MOVED, sequence="1")
    new = person(key, **_registered(A, THURSDAY), **HOUSEHOLD, sequence="2")
    report = run(tmp_path, [old], [new], AT, history=[old])
    assert codes(report) == {}
    assert report.variants.select("field", "code", "rule").rows() == [
        ("event_reason", "G1", "unrelated_event"),
        ("event_date", "G2", "unrelated_event"),
    ]
    balance = report.sides[Side.LEFT].balance
    assert (balance.matched, balance.mismatched) == (1, 0)


def test_32_events_that_the_register_never_wrote_of_this_state_differ(tmp_path: Path) -> None:
    key = "00000000001"
    old = person(key, **_registered(A, LONG_AGO), **MOVED, sequence="1")
    new = person(key, **_registered(A, THURSDAY), **HOUSEHOLD, sequence="2")
    cs = {**old, "event_date": "2019-04-02"}
    found = codes(run(tmp_path, [cs], [new], AT, history=[old]))
    assert found == {(key, "value", "event_reason"): "G1", (key, "value", "event_date"): "G2"}


def test_32_the_event_of_a_row_before_the_last_change_of_state_is_not_excused(tmp_path: Path) -> None:
    # The register: A, then B, and back to A (取消し, Thursday). The CS has A with the ground of long ago: two behind.
    key = "00000000001"
    first = person(key, **_registered(A, LONG_AGO), **MOVED, sequence="1")
    second = person(key, **_registered(B, "20261001090000"), event_reason="転居", event_date="2026-10-01", sequence="2")
    back = person(key, **_registered(A, THURSDAY), event_reason="異動の取消し", event_date="2026-11-19", sequence="3")
    found = codes(run(tmp_path, [first], [back], AT, history=[first, second]))
    assert set(found.values()) == {"G3"}


def test_32_another_difference_stays_when_the_event_is_excused(tmp_path: Path) -> None:
    key = "00000000001"
    old = person(key, **_registered(A, LONG_AGO), **MOVED, sex="女", sequence="1")
    new = person(key, **_registered(A, THURSDAY), **HOUSEHOLD, sex="女", sequence="2")
    found = codes(run(tmp_path, [{**old, "sex": "男"}], [new], AT, history=[old]))
    assert found == {(key, "value", "sex"): "S1"}


def test_32_a_household_event_after_the_missed_change_does_not_make_it_younger(tmp_path: Path) -> None:
    # Missed on Thursday; a household event on Friday. The CS is one change behind, for two business days.
    key = "00000000001"
    first = person(key, **_registered(A, LONG_AGO), **MOVED, sequence="1")
    moved = person(key, **_registered(B, THURSDAY), event_reason="転居", event_date="2026-11-18", sequence="2")
    now = person(key, **_registered(B, FRIDAY), **HOUSEHOLD, sequence="3")
    report = run(tmp_path, [first], [now], AT, history=[first, moved])
    assert set(codes(report).values()) == {"G3"}
    assert set(report.findings["hint"]) == {"変更1件前の状態(処理日 2026-11-19、2営業日)"}


def test_32_without_a_history_the_events_differ(tmp_path: Path) -> None:
    key = "00000000001"
    old = person(key, **_registered(A, LONG_AGO), **MOVED)
    new = person(key, **_registered(A, THURSDAY), **HOUSEHOLD)
    found = codes(run(tmp_path, [old], [new], AT))
    assert found == {(key, "value", "event_reason"): "G1", (key, "value", "event_date"): "G2"}


# ------------------------------------------------------------------------- a current row that is not the newest (G3)


@pytest.mark.parametrize(
    ("older", "found"),
    [
        ({"sequence": "3", "process_time": LONG_AGO}, True),  # a greater number
        ({"sequence": "1", "process_time": FRIDAY}, True),  # a later time
        ({"sequence": "1", "process_time": THURSDAY}, False),
        ({"sequence": "2", "process_time": THURSDAY}, False),
        ({"sequence": "10", "process_time": None}, True),  # numbers, not texts
        ({"sequence": None, "process_time": None}, False),
        ({"sequence": "3", "process_time": LONG_AGO, "atena_no": "9"}, False),  # of another person's line
    ],
)
def test_a_current_row_that_an_older_one_is_newer_than_is_out_of_order(
    older: dict[str, str | None],
    found: bool,  # noqa: FBT001  drawn by name
    tmp_path: Path,
) -> None:
    key = "00000000001"
    now = person(key, **_registered(A, THURSDAY), sequence="2", atena_no="1")
    history = [{**now, **older}]
    wanted = {(key, "disordered_right", "sequence"): "G3"} if found else {}
    assert codes(run(tmp_path, [now], [now], AT, history=history)) == wanted


# ------------------------------------------------------------------- lawful changes of number and code in progress (B1, B2)

NUMBER, NEW_NUMBER = "123456789018", "234567890129"


@pytest.mark.parametrize(("processed", "number", "event"), [(FRIDAY, "T1", "T1"), (THURSDAY, "B2", "G3")])
def test_a_change_of_the_individual_number_is_late_within_grace_and_two_numbers_after_it(
    processed: str, number: str, event: str, tmp_path: Path
) -> None:
    key = "00000000001"
    old = person(key, kojin_bango=NUMBER, process_time=LONG_AGO, **MOVED, sequence="1")
    new = {"event_reason": "個人番号の変更", "event_date": "2026-11-18", "process_time": processed, "sequence": "2"}
    found = codes(run(tmp_path, [old], [{**old, "kojin_bango": NEW_NUMBER, **new}], AT, history=[old]))
    about = {field: code for (_, kind, field), code in found.items() if kind == "value"}
    assert about == {"kojin_bango": number, "event_reason": event, "event_date": event}


def test_two_numbers_of_which_the_history_knows_neither_differ(tmp_path: Path) -> None:
    key = "00000000001"
    one = person(key, kojin_bango=NUMBER, process_time=LONG_AGO)
    other = {**one, "kojin_bango": NEW_NUMBER, "process_time": FRIDAY}
    found = codes(run(tmp_path, [one], [other], AT, history=[]))
    assert found[key, "value", "kojin_bango"] == "B2"


@pytest.mark.parametrize(("processed", "code"), [(FRIDAY, "T1"), (THURSDAY, "B1")])
def test_a_change_of_the_resident_code_is_late_within_grace_and_two_codes_after_it(
    processed: str, code: str, tmp_path: Path
) -> None:
    old = person("00000000001", kojin_bango=NUMBER, process_time=LONG_AGO, atena_no="1", sequence="1", **MOVED)
    new = {**old, "juminhyo_code": "00000000002", "old_juminhyo_code": "00000000001"}
    new |= {"process_time": processed, "sequence": "2", "event_reason": "住民票コードの変更"}
    found = codes(run(tmp_path, [old], [new], AT, history=[old]))
    assert set(found.values()) == {code}
    # Another person's history explains nothing.
    found = codes(run(tmp_path, [old], [new], AT, history=[{**old, "atena_no": "2"}]))
    assert set(found.values()) == {"B1"}


def test_a_later_change_of_something_else_does_not_make_the_change_of_code_younger(tmp_path: Path) -> None:
    old = person("00000000001", kojin_bango=NUMBER, process_time=LONG_AGO, atena_no="1", sequence="1")
    changed = {**old, "juminhyo_code": "00000000002", "process_time": THURSDAY, "sequence": "2"}
    now = {**changed, "address_lot": "5番8号", "process_time": FRIDAY, "sequence": "3"}
    assert set(codes(run(tmp_path, [old], [now], AT, history=[old, changed])).values()) == {"B1"}
