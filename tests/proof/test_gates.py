"""What a night's inputs must be: each gate just inside and just outside, and the verdict over all of them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reconcile.decide import REQUIRED, Gate, decide
from reconcile.model import Balance, Envelope, Layout, Preflight, Side, Slot, Snapshot, Verdict
from reconcile.proof.gates import gates_of_inputs, gates_of_tables
from reconcile.settings.gate_limits import Gates
from schemas.identity_record import DATASET

AS_OF = datetime(2026, 11, 20, 2, 30, tzinfo=ZoneInfo("Asia/Tokyo"))


def snapshot(side: Side, at: str = "20261120010000", *, rows: int = 100, **more: object) -> Snapshot:
    preflight = Preflight(
        records=rows,
        source_bytes=1,
        sha256=str(more.get("sha256", side)),
        trailer_count=rows if side is Side.LEFT else None,
        header={"extracted_at": at, "municipality": str(more.get("municipality", "13107"))},
    )
    own = "pending" if side is Side.LEFT else "atena_no"
    columns = more.get("columns", ("juminhyo_code", own))
    assert isinstance(columns, tuple)
    return Snapshot(side=side, label="", path=Path(), columns=columns, rows=rows, preflight=preflight)


def failed(left: Snapshot, right: Snapshot, **limits: object) -> set[str]:
    gates = replace(Gates(municipality="131075"), **limits)  # type: ignore[arg-type]
    snapshots = {Side.LEFT: left, Side.RIGHT: right}
    return {gate.name for gate in gates_of_inputs(gates, DATASET, snapshots, AS_OF) if not gate.passed}


LEFT, RIGHT = snapshot(Side.LEFT), snapshot(Side.RIGHT)


def test_inputs_as_they_should_be_pass_every_gate() -> None:
    assert failed(LEFT, RIGHT, min_rows=100) == set()


@pytest.mark.parametrize(
    ("left", "right", "limits", "gates"),
    [
        pytest.param(LEFT, snapshot(Side.RIGHT, sha256="left"), {}, {"two_inputs"}, id="F039 the same bytes twice"),
        pytest.param(
            snapshot(Side.LEFT, columns=("juminhyo_code", "atena_no")),
            snapshot(Side.RIGHT, columns=("juminhyo_code", "pending")),
            {},
            {"role_left", "role_right"},
            id="F040 the sides exchanged",
        ),
        pytest.param(
            snapshot(Side.LEFT, "20261118115959"), RIGHT, {"window_hours": 99.0}, {"as_of_left"}, id="F041 older"
        ),
        pytest.param(snapshot(Side.LEFT, "20261118120000"), RIGHT, {"window_hours": 99.0}, set(), id="not yet too old"),
        pytest.param(snapshot(Side.LEFT, "20261121000000"), RIGHT, {}, {"as_of_left"}, id="F042 tomorrow"),
        pytest.param(snapshot(Side.LEFT, "20261120235959"), RIGHT, {}, set(), id="late on the day itself"),
        pytest.param(LEFT, snapshot(Side.RIGHT, "20261119005959"), {}, {"window"}, id="a second more than a day apart"),
        pytest.param(LEFT, snapshot(Side.RIGHT, "20261119010000"), {}, set(), id="a day apart"),
        pytest.param(snapshot(Side.LEFT, municipality="13108"), RIGHT, {}, {"municipality_left"}, id="F043 next ward"),
        pytest.param(LEFT, snapshot(Side.RIGHT, rows=99), {"min_rows": 100}, {"floor_right"}, id="one row too few"),
        pytest.param(replace(LEFT, rows=99), RIGHT, {}, {"stated_count_left"}, id="F006 a row lost after the scanner"),
    ],
)
def test_each_gate_just_inside_and_just_outside(
    left: Snapshot, right: Snapshot, limits: dict[str, object], gates: set[str]
) -> None:
    assert failed(left, right, **limits) == gates


ENVELOPE = Envelope(mark="T", slots={"count": Slot(offset=1), "control_total": Slot(offset=2)})
LAYOUT = Layout(name="cs", kind="delimited", columns=(), trailer=ENVELOPE)


@pytest.mark.parametrize(
    ("count", "total", "gates"),
    [
        pytest.param(100, 5, set(), id="both stated, both agree"),
        pytest.param(None, 5, {"stated_count_left"}, id="F007 no count where the layout has one"),
        pytest.param(100, None, {"control_total_left"}, id="F009 no control total where the layout has one"),
        pytest.param(99, 5, {"stated_count_left"}, id="F008 another count"),
    ],
)
def test_what_a_layout_promises_must_be_shown(count: int | None, total: int | None, gates: set[str]) -> None:
    """Positive evidence: not that no fault was noticed, but that both agreed."""
    found = replace(LEFT.preflight, trailer_count=count, control_total=total)
    assert failed(replace(LEFT, layout=LAYOUT, preflight=found), RIGHT) == gates


def test_two_extracts_of_one_system_are_not_two_sides() -> None:
    """F039: the same rows in another order have another digest, but the columns of one system only."""
    columns = LEFT.columns
    assert failed(LEFT, snapshot(Side.RIGHT, columns=columns)) == {"role_right"}
    assert failed(snapshot(Side.LEFT, columns=RIGHT.columns), RIGHT) == {"role_left"}


def test_a_source_that_says_nothing_of_itself_passes_no_gate_about_it() -> None:
    silent = replace(RIGHT, preflight=replace(RIGHT.preflight, header={}))
    names = {gate.name for gate in gates_of_inputs(Gates(), DATASET, {Side.LEFT: LEFT, Side.RIGHT: silent}, AS_OF)}
    assert not names & {"as_of_right", "window", "municipality_right", "stated_count_right"}


def test_a_table_of_characters_that_changed_is_held_until_its_digest_is_named() -> None:
    before = {"gaiji_right_sha256": "a" * 64, "characters": "6.02"}

    def passed(now: str, *accepted: str) -> list[bool]:
        return [gate.passed for gate in gates_of_tables(accepted, {"gaiji_right_sha256": now}, before)]

    assert passed("a" * 64) == [True]
    assert passed("b" * 64) == [False]
    assert passed("b" * 64, "b" * 64) == [True]
    assert [gate.passed for gate in gates_of_tables((), {}, before)] == [False]  # the table is gone


def test_of_all_combinations_of_the_evidence_exactly_one_is_consistent() -> None:
    """Architecture §4: unknown is never consistent. 2^9 combinations of what a run may or may not have shown."""
    whole = Balance(records=2, rows=2, out_of_scope=0, rejected=0, duplicate=0, matched=2, mismatched=0, only=0)
    verdicts = {}
    for facts in itertools.product((True, False), repeat=9):
        counted, balanced, filled, other, closes, refused, duplicate, differs, findings = facts
        gates = [
            *([Gate(name="counts", passed=True, ja="", en="")] if counted else []),
            *([Gate(name="balance", passed=True, ja="", en="")] if balanced else []),
            Gate(name="not_empty", passed=filled, ja="", en=""),
            Gate(name="any_other", passed=other, ja="", en=""),
        ]
        rows = replace(whole, matched=2 - refused - duplicate - (0 if closes else 1))
        rows = replace(rows, rejected=int(refused), duplicate=int(duplicate))
        if differs:
            rows = replace(rows, matched=rows.matched - 1, mismatched=1)
        verdicts[facts] = decide(gates, {Side.LEFT: rows, Side.RIGHT: rows}, int(findings))

    assert {"counts", "balance", "not_empty"} == set(REQUIRED)
    assert [facts for facts, verdict in verdicts.items() if verdict is Verdict.CONSISTENT] == [
        (True, True, True, True, True, False, False, False, False)
    ]
    sure = {facts: verdict for facts, verdict in verdicts.items() if all(facts[:5])}
    assert all(verdict is Verdict.INCONCLUSIVE for facts, verdict in verdicts.items() if facts not in sure)
    assert {verdict for facts, verdict in sure.items() if facts[5] or facts[6]} == {Verdict.PARTIAL}


def test_one_side_alone_is_never_consistent() -> None:
    whole = Balance(records=1, rows=1, out_of_scope=0, rejected=0, duplicate=0, matched=1, mismatched=0, only=0)
    gates = [Gate(name=name, passed=True, ja="", en="") for name in REQUIRED]
    assert decide(gates, {Side.LEFT: whole}, 0) is Verdict.INCONCLUSIVE
