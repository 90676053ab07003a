"""The gates that need the nights before, at their thresholds: one just inside, one just outside."""

from __future__ import annotations

from datetime import date

import pytest

from reconcile.decide import LastNights, history_gates


def failed(
    records: tuple[int, int],
    sha256: tuple[str | None, str | None] = ("a", "b"),
    last: LastNights | None = None,
    accepted: tuple[str, ...] = (),
) -> set[str]:
    gates = history_gates(
        records,
        sha256,
        last or LastNights(),
        volume_change_max=0.05,
        count_difference_max=0.005,
        accepted=accepted,
    )
    return {gate.name for gate in gates if not gate.passed}


@pytest.mark.parametrize(
    ("records", "held"),
    [
        ((200_000, 199_000), False),  # exactly 0.5 %
        ((200_000, 198_999), True),
        ((198_999, 200_000), True),
        ((1_000, 980), False),  # 2 %, and twenty records
        ((1_000, 979), True),
        ((0, 0), False),  # another gate's matter
    ],
)
def test_both_sides_count_alike_to_half_a_percent_or_twenty_records(records: tuple[int, int], *, held: bool) -> None:
    assert ("count_difference" in failed(records)) is held


def test_a_side_is_held_against_the_median_of_the_last_nights() -> None:
    # One bad night among six does not move the median of 100,000.
    last = LastNights(records=((100_000, 100_000),) * 5 + ((50_000, 100_000),))
    assert failed((105_000, 105_000), last=last) == set()
    assert failed((105_001, 104_999), last=last) == {"volume_left"}
    assert failed((94_999, 94_999), last=last) == {"volume_left", "volume_right"}
    assert failed((94_999, 94_999)) == set()  # the first night has none to be held against


def test_a_file_of_an_earlier_night_is_refused_unless_it_is_accepted_or_no_file() -> None:
    last = LastNights(sha256=((date(2026, 11, 18), ("a", "x")), (date(2026, 11, 19), ("c", "b"))))
    assert failed((9, 9), ("a", "y"), last) == {"fresh_left"}
    assert failed((9, 9), ("b", "a"), last) == set()  # the other side's file of then is this side's of now
    assert failed((9, 9), ("a", "b"), last, accepted=("a",)) == {"fresh_right"}
    assert failed((9, 9), (None, None), last) == set()
