"""The verdict over every combination of evidence, and what each gate says of two inputs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from reconcile.decide import (
    REMEDIES,
    Gate,
    LastNights,
    check_balance,
    decide,
    gates_of,
    history_gates,
    remedy,
    verdict_of_fault,
)
from reconcile.errors import BalanceError
from reconcile.model import Balance, Side, Verdict

CLEAN = Balance(records=10, rows=10, out_of_scope=0, rejected=0, duplicate=0, matched=10, mismatched=0, only=0)
BOTH = dict.fromkeys(Side, CLEAN)


def gate(name: str, *, passed: bool = True, part: bool = False) -> Gate:
    return Gate(name=name, passed=passed, ja="", en="", part=part)


NEEDED = [gate("counts"), gate("balance"), gate("not_empty")]


def one_side(**counts: int) -> Balance:
    """Ten rows, some of them not matched."""
    return replace(CLEAN, matched=10 - sum(counts.values()), **counts)


# ------------------------------------------------------------------------------------------------------- the verdict


@pytest.mark.parametrize("missing", ["counts", "balance", "not_empty"])
def test_a_gate_that_was_not_tried_is_no_gate_that_was_passed(missing: str) -> None:
    assert decide(NEEDED, BOTH, 0) is Verdict.CONSISTENT
    assert decide([one for one in NEEDED if one.name != missing], BOTH, 0) is Verdict.INCONCLUSIVE


def test_a_side_without_a_balance_proves_nothing() -> None:
    assert decide(NEEDED, {Side.LEFT: CLEAN}, 0) is Verdict.INCONCLUSIVE
    assert decide(NEEDED, {}, 0) is Verdict.INCONCLUSIVE
    for side in Side:
        assert decide(NEEDED, {**BOTH, side: replace(CLEAN, rows=11)}, 0) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("place", "verdict"), [
    ("rejected", Verdict.PARTIAL),
    ("duplicate", Verdict.PARTIAL),
    ("mismatched", Verdict.MISMATCH),
    ("only", Verdict.MISMATCH),
    ("out_of_scope", Verdict.CONSISTENT),
])  # fmt: skip
def test_one_row_in_its_place_on_one_side_decides(side: Side, place: str, verdict: Verdict) -> None:
    assert decide(NEEDED, {**BOTH, side: one_side(**{place: 1})}, 0) is verdict


def test_of_all_combinations_exactly_one_is_consistent() -> None:
    """Gate held, gate held in part, row rejected, row only here, finding: worst first."""
    clean = 0
    for held, part, rejected, only, finding in product((False, True), repeat=5):
        gates = [*NEEDED, gate("volume_left", passed=not held), gate("sentinels", passed=not part, part=True)]
        balance = {**BOTH, Side.RIGHT: one_side(rejected=int(rejected), only=int(only))}
        verdict = decide(gates, balance, int(finding))
        if held:
            assert verdict is Verdict.INCONCLUSIVE
        elif part or rejected:
            assert verdict is Verdict.PARTIAL
        elif only or finding:
            assert verdict is Verdict.MISMATCH
        else:
            assert verdict is Verdict.CONSISTENT
            clean += 1
    assert clean == 1


def test_a_gate_holds_the_whole_run_unless_it_says_that_it_is_of_a_part() -> None:
    assert decide([*NEEDED, Gate(name="fresh_left", passed=False, ja="", en="")], BOTH, 0) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("code", "verdict"), [
    ("E_TAMPERED", Verdict.TAMPERED),
    ("E_BALANCE", Verdict.FAILED),
    ("E_FAILED", Verdict.FAILED),
    ("E_ORACLE", Verdict.FAILED),
    ("E_SELFTEST", Verdict.FAILED),
    ("E_STAGE_FULL", Verdict.FAILED),
    ("E_TRUNCATED", Verdict.INCONCLUSIVE),
    ("", Verdict.INCONCLUSIVE),
])  # fmt: skip
def test_a_fault_of_ours_is_failed_and_of_an_input_inconclusive(code: str, verdict: Verdict) -> None:
    assert verdict_of_fault(code) is verdict


# ------------------------------------------------------------------------------------------------------- the balance


@pytest.mark.parametrize("side", Side)
def test_a_side_that_does_not_add_up_is_named(side: Side) -> None:
    check_balance(BOTH)
    with pytest.raises(BalanceError) as broken:
        check_balance({**BOTH, side: replace(CLEAN, only=1)})
    assert broken.value.where == f"{side} side"


@pytest.mark.parametrize("changed", [{"mismatched": 1}, {"only": 1}])
def test_both_sides_have_as_many_matched_and_mismatched(changed: dict[str, int]) -> None:
    """Each closes by itself; they contradict each other."""
    with pytest.raises(BalanceError, match=r"matched 10 and 9, mismatched 0 and \d") as broken:
        check_balance({Side.LEFT: CLEAN, Side.RIGHT: one_side(**changed)})
    assert broken.value.where == "both sides"
    with pytest.raises(BalanceError, match=r"matched 10 and 10, mismatched 0 and 1"):
        check_balance({Side.LEFT: CLEAN, Side.RIGHT: replace(CLEAN, records=11, rows=11, mismatched=1)})


# ------------------------------------------------------------------------------------- the gates of two inputs alone


def held(balance: dict[Side, Balance], *, allow_empty: bool = False, overlap_min: float = 0.5) -> set[str]:
    gates = gates_of(balance, allow_empty=allow_empty, overlap_min=overlap_min)
    assert not any(one.part for one in gates)
    return {one.name for one in gates if not one.passed}


def test_two_sides_that_agree_pass_every_gate() -> None:
    assert held(BOTH) == set()
    assert [one.name for one in gates_of(BOTH, allow_empty=False, overlap_min=0)] == ["counts", "balance", "not_empty"]


@pytest.mark.parametrize("side", Side)
def test_one_side_alone_holds_the_run(side: Side) -> None:
    assert held({**BOTH, side: replace(CLEAN, records=11)}) == {"counts", "balance"}
    assert held({**BOTH, side: replace(CLEAN, only=1)}) == {"balance"}
    assert held({**BOTH, side: replace(CLEAN, matched=0, out_of_scope=10)}) == {"not_empty"}
    assert held({**BOTH, side: replace(CLEAN, matched=0, out_of_scope=10)}, allow_empty=True) == set()


def test_at_least_the_stated_share_of_the_smaller_side_must_have_met_somebody() -> None:
    def sides(met: dict[str, int], out: int = 0) -> dict[Side, Balance]:
        """Ten rows on the left, of which some are out of scope; a hundred on the right."""
        rest = 10 - out - sum(met.values())
        left = replace(CLEAN, matched=0, out_of_scope=out, only=rest)
        right = replace(CLEAN, records=100, rows=100, matched=0, only=100 - sum(met.values()))
        return {side: replace(one, **met) for side, one in ((Side.LEFT, left), (Side.RIGHT, right))}

    assert held(sides({"matched": 5})) == set()
    assert held(sides({"matched": 4})) == {"overlap"}
    for place in ("mismatched", "duplicate", "rejected"):  # each of them has met its key on the other side, or may have
        assert held(sides({"matched": 4, place: 1})) == set(), place
    assert held(sides({"matched": 4}, out=2)) == set()  # four of the eight that are compared
    assert held(sides({"matched": 4}), overlap_min=0.4) == set()
    # What one side set aside proves nothing of the other: the side that met fewer counts.
    uneven = sides({"matched": 4})
    uneven[Side.RIGHT] = replace(uneven[Side.RIGHT], duplicate=50, only=46)
    assert held(uneven) == {"overlap"}


# ----------------------------------------------------------------------------------------------- the nights before


def test_every_gate_has_a_remedy_with_and_without_its_side() -> None:
    for name in REMEDIES:
        assert remedy(name) == remedy(f"{name}_left") == remedy(f"{name}_right") == REMEDIES[name]
        assert remedy(name).ja
        assert remedy(name).en


CODES = (
    (("counts", "stated_count"), "E_COUNT"),
    (("balance",), "E_BALANCE"),
    (("not_empty",), "E_ZERO_ROWS"),
    (("overlap",), "E_NO_OVERLAP"),
    (("two_inputs",), "E_SAME_INPUT"),
    (("municipality",), "E_MUNICIPALITY"),
    (("role",), "E_SIDE"),
    (("floor", "volume", "count_difference"), "E_VOLUME"),
    (("control_total",), "E_CONTROL"),
    (("as_of", "window", "fresh"), "E_STALE"),
    (("gaiji",), "E_TABLE"),
    (("view",), "E_VIEW"),
    (("run_file",), "E_RUN_FILE"),
    (("dead_columns",), "E_COLUMN_DEAD"),
    (("empty_columns",), "E_COLUMN_EMPTY"),
    (("profile",), "E_PROFILE"),
    (("sentinels",), "E_SELFTEST"),
    (("oracle",), "E_ORACLE"),
)
"""Gates -> their code."""


@pytest.mark.parametrize(("names", "code"), CODES)
def test_the_handbook_s_code_of_each_gate(names: tuple[str, ...], code: str) -> None:
    """`docs/operator-handbook.ja.md` §3."""
    assert {remedy(name).code for name in names} == {code}


def test_every_gate_has_a_code_of_the_handbook() -> None:
    """None is added whose code the test above does not hold."""
    assert len(REMEDIES) == sum(len(names) for names, _ in CODES)


def test_a_gate_that_a_side_has_is_told_for_that_side_and_says_which_night() -> None:
    last = LastNights(
        records=((100, 200),),
        sha256=((date(2026, 11, 18), ("a", "x")), (date(2026, 11, 19), ("a", "b"))),
    )
    gates = {
        one.name: one
        for one in history_gates((100, 200), ("a", "b"), last, volume_change_max=0.05, count_difference_max=0.9,
                                 accepted=("b",))
    }  # fmt: skip
    assert list(gates) == ["count_difference", "volume_left", "fresh_left", "volume_right", "fresh_right"]
    assert [name for name, one in gates.items() if not one.passed] == ["fresh_left"]
    assert "左の入力" in gates["fresh_left"].ja
    assert "2026-11-19と同じ" in gates["fresh_left"].ja  # the last of the nights
    assert "2026-11-19" in gates["fresh_left"].en
    assert "承認済" not in gates["fresh_left"].ja
    assert "右の入力" in gates["fresh_right"].ja
    assert "2026-11-19と同じ、承認済" in gates["fresh_right"].ja
    assert gates["fresh_left"].ja.endswith("(2026-11-19と同じ)")
    assert "(100/100)" in gates["volume_left"].ja
    assert "(200/200)" in gates["volume_right"].ja
    assert "(100/200)" in gates["count_difference"].ja
    assert "(100 / 200)" in gates["count_difference"].en


def test_the_sides_are_called_by_their_labels() -> None:
    last = LastNights(records=((100, 200),), sha256=((date(2026, 11, 19), ("a", "b")),))
    labels = {Side.LEFT: "CS", Side.RIGHT: "既存住基"}
    gates = history_gates((100, 200), ("a", "b"), last, volume_change_max=0.05, count_difference_max=0.9, labels=labels)
    said = {one.name: one.ja for one in gates}
    assert [name for name, ja in said.items() if ja.startswith("CSの")] == ["volume_left", "fresh_left"]
    assert [name for name, ja in said.items() if ja.startswith("既存住基の")] == ["volume_right", "fresh_right"]


def test_a_new_file_is_said_to_be_like_none() -> None:
    gates = history_gates((9, 9), ("a", None), LastNights(), volume_change_max=0.05, count_difference_max=0.005)
    assert [one.name for one in gates] == ["count_difference", "fresh_left"]
    assert gates[1].ja.endswith("でないこと")
    assert gates[1].en.endswith("night")
