"""The traps of `reference/domain.md` §12 that are not about characters (those are in `tests/characters/test_traps.py`).

Each has a named test: in the table, where it belongs to a part of the engine, or here, where it needs the whole.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.golden import ROOT, arguments, run_here
from tests.identity_cases import BASE, IDENTITY, Case, key, number, read_cases, write

TRAPS: Mapping[int, tuple[str, tuple[str, ...]]] = {
    15: (
        "codes read as numbers",
        (
            "extract/test_delimited.py::test_nothing_is_typed_trimmed_or_taken_for_missing",
            "diff/test_key_hints.py::test_a_diagnosis_needs_a_key_that_the_damage_leads_to",
        ),
    ),
    16: ("municipality codes of 5 and 6 digits", ("test_traps.py::test_16_a_municipality_code_of_six_digits_is_one",)),
    17: (
        "people paired by name and birth date",
        ("classify/test_people.py::test_a_thousand_pairs_of_namesakes_never_become_candidates",),
    ),
    18: (
        "repeated keys dropped or multiplied",
        (
            "test_scale.py::test_a_key_that_repeats_on_both_sides_does_not_multiply",
            "diff/test_pair.py::test_with_closed_records_too_every_row_is_in_exactly_one_place",
        ),
    ),
    19: ("a truncated file", ("extract/test_preflight.py::test_a_file_cut_at_any_byte_is_refused",)),
    20: (
        "greatest 履歴番号, newest time, last line",
        (
            "classify/test_timing.py::test_two_rows_of_one_second_stand_in_the_order_of_their_numbers",
            "classify/test_timing.py::test_a_current_row_that_an_older_one_is_newer_than_is_out_of_order",
            "classify/test_timing.py::test_the_order_of_the_older_rows_in_the_source_means_nothing",
        ),
    ),
    21: (
        "帰化 and changed codes",
        (
            "classify/test_pairing.py::test_a_deleted_record_beside_a_current_one_is_no_duplicate",
            "classify/test_pairing.py::test_one_person_under_the_old_code_and_the_new_is_one_event",
        ),
    ),
    22: (
        "a hash of 個人番号 called anonymous",
        ("test_traps.py::test_22_no_output_depends_on_which_number_a_person_has",),
    ),
    23: (
        "dates that no calendar has",
        (
            "diff/test_comparators.py::test_trap_23_dates_that_no_calendar_has",
            "diff/test_comparators.py::test_trap_23_two_unknown_dates_are_never_one_day",
        ),
    ),
    24: (
        "null, empty, blank, なし",
        ("diff/test_comparators.py::test_trap_24_nothing_blank_and_the_word_for_nothing",),
    ),
    25: ("和暦 and 西暦", ("diff/test_comparators.py::test_trap_25_eras_and_western_years",)),
    26: (
        "hyphens folded or dropped",
        ("diff/test_comparators.py::test_trap_26_hyphens_are_one_sign_between_digits_only_and_never_dropped",),
    ),
    27: ("漢数字 in names", ("diff/test_comparators.py::test_trap_27_a_numeral_in_a_name_is_a_name",)),
    28: ("方書 on one side", ("diff/test_comparators.py::test_trap_28_a_missing_katagaki_is_its_own_difference",)),
    29: (
        "town code systems taken for one",
        ("test_traps.py::test_29_a_code_that_a_layout_does_not_declare_is_not_compared",),
    ),
    30: (
        "timing counted as mismatch, or hidden for ever",
        (
            "classify/test_timing.py::test_a_change_dated_after_its_own_extract_is_not_late_for_ever",
            "test_codes.py::test_a_code_appears_where_it_must_and_nowhere_else",
        ),
    ),
    31: ("judging by 異動日", ("test_traps.py::test_31_the_day_of_processing_decides_and_not_the_day_of_the_event",)),
    32: (
        "世帯 events in between",
        ("classify/test_timing.py::test_32_a_household_event_of_the_register_alone_is_no_difference",),
    ),
    33: ("a feed that stopped", ("classify/test_alarms.py::test_a_feed_that_stopped_is_an_alarm_from_ten_changes_on",)),
    34: (
        "rates without denominators, persons and items mixed",
        ("report/test_rates.py::test_persons_and_items_have_each_their_own_whole",),
    ),
    35: (
        "correction by itself, approval without a record",
        (
            "test_names.py::test_an_approval_holds_for_its_pair_its_direction_and_its_time",
            "test_golden.py::test_the_inputs_are_left_as_they_were",
        ),
    ),
    36: (
        "one cause as thousands of findings",
        ("classify/test_causes.py::test_a_town_that_was_renamed_on_one_side_is_one_cause_and_every_finding_stays",),
    ),
    37: ("支援措置 addresses", ("report/test_disclosure.py::test_no_list_names_where_a_protected_person_lives",)),
    38: (
        "persons in errors and temporary files",
        (
            "extract/test_preflight.py::test_no_refusal_of_a_known_layout_quotes_a_person",
            "extract/test_preflight.py::test_the_snapshot_is_for_its_owner_only",
        ),
    ),
    39: ("tests of masked real data", ("test_traps.py::test_39_everybody_in_the_cases_is_the_one_invented_person",)),
    40: (
        "non-determinism",
        (
            "test_determinism.py::test_any_number_of_threads_writes_the_same_bytes",
            "test_determinism.py::test_any_number_of_partitions_of_two_files_gives_the_same_bytes",
        ),
    ),
    41: (
        "absent fields called 一致",
        ("test_traps.py::test_41_a_field_that_one_side_lacks_is_said_not_to_be_compared",),
    ),
    42: (
        "extracts taken hours apart",
        ("classify/test_arrivals.py::test_42_who_came_into_the_cs_after_the_registers_extract_is_apart",),
    ),
}
"""Trap -> what it is, and the tests that show that we do not fall into it (below `tests/`)."""


def test_every_trap_has_tests_that_exist_and_are_not_skipped() -> None:
    assert list(TRAPS) == list(range(15, 43))
    for trap, (_, tests) in TRAPS.items():
        assert tests, trap
        for named in tests:
            path, _, name = named.partition("::")
            module = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
            (test,) = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name]
            marks = " ".join(ast.unparse(mark) for mark in test.decorator_list)
            assert not any(word in marks for word in ("skip", "xfail", "nightly")), named


def _run(
    case: Case, work: Path, capfd: pytest.CaptureFixture[str], to: str = "compared"
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Findings and summary of a case."""
    config = write(case, work)
    out = work / to
    outcome = run_here(arguments("cs", "register", ("--config", str(config)), out), out, capfd)
    assert outcome.exit in (0, 1), outcome.stderr
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return pl.read_parquet(out / "findings.parquet"), summary


def _case(**said: Any) -> Case:  # noqa: ANN401  the fields of a case
    return Case(code="", idea="", appears=False, findings=(), **said)


def test_16_a_municipality_code_of_six_digits_is_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    register = _case()
    findings, _ = _run(register, tmp_path, capfd)
    raw = (tmp_path / "cs.csv").read_text(encoding="utf-8")
    assert ",13107," in raw
    assert findings.is_empty(), "13107 in the CS is 131075 in the register"


def test_22_no_output_depends_on_which_number_a_person_has(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A hash of eleven digits is undone in minutes: so nothing that is made of the number may stand anywhere."""
    told = []
    for to, (ours, theirs) in {"one": (1, 2), "two": (3, 4)}.items():
        case = _case(left=[{"number_of": ours}], right=[{"number_of": theirs}])
        findings, summary = _run(case, tmp_path, capfd, to)  # one folder, so one site key
        for side in summary["sides"].values():
            side.pop("sha256")
        told.append((findings.to_dicts(), {name: summary[name] for name in ("findings", "persons", "sides")}))
        text = (tmp_path / to / "findings.parquet").read_bytes() + (tmp_path / to / "summary.json").read_bytes()
        assert not any(number(n).encode() in text for n in (ours, theirs))
    assert told[0] == told[1]
    assert told[0][0][0]["code"] == "B2"


def test_29_a_code_that_a_layout_does_not_declare_is_not_compared(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two systems number the same town differently: without a declared common system nothing follows from that."""
    for side, code in (("left", "107001"), ("right", "0051001")):
        row = {**BASE, "juminhyo_code": key(1), "town_code_of_the_vendor": code}
        names = list(row)
        (tmp_path / f"{side}.csv").write_text(
            ",".join(names) + "\n" + ",".join(str(row[name]) for name in names) + "\n", encoding="utf-8"
        )
    out = tmp_path / "out"
    options = ("--dataset", "schemas.identity_record")
    outcome = run_here(arguments(str(tmp_path / "left.csv"), str(tmp_path / "right.csv"), options, out), out, capfd)
    assert outcome.exit == 0, outcome.stderr


def test_31_the_day_of_processing_decides_and_not_the_day_of_the_event(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """令和8年11月23日 was yesterday, but the register wrote it weeks ago: the message is lost, not late."""
    moved = {"address_lot": "5番8号", "event_date": "R08-11-23", "sequence": "2"}
    for process_time, code in (("20261102100000", "G3"), ("20261120100000", "T1")):
        work = tmp_path / code
        work.mkdir()
        findings, _ = _run(_case(right=[{**moved, "process_time": process_time}], history=[{}]), work, capfd)
        assert set(findings["code"]) == {code}


def test_39_everybody_in_the_cases_is_the_one_invented_person() -> None:
    """Names, birth dates and numbers come from the cases' own invention, and no data of another form lies beside them."""
    assert {path.suffix for path in IDENTITY.iterdir()} == {".toml"}
    for case in read_cases():
        for row in (*case.left, *case.right, *case.history):
            given = str(row.get("kojin_bango", ""))
            assert given[:-1] in {"", "98320567321"}, "made by a formula, or the example that the ministry published"
            code = str(row.get("juminhyo_code", key(1)))
            assert code.lstrip("0").startswith("100000000")


def test_41_a_field_that_one_side_lacks_is_said_not_to_be_compared(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    row = {**BASE, "juminhyo_code": key(1)}
    for side, names in (("left", list(row)), ("right", [name for name in row if name != "sex"])):
        (tmp_path / f"{side}.csv").write_text(
            ",".join(names) + "\n" + ",".join(str(row[name]) for name in names) + "\n", encoding="utf-8"
        )
    out = tmp_path / "out"
    options = ("--dataset", "schemas.identity_record")
    outcome = run_here(arguments(str(tmp_path / "left.csv"), str(tmp_path / "right.csv"), options, out), out, capfd)
    summary = json.loads(outcome.stdout)
    assert summary["not_compared"]["left"] == ["sex"]
    assert "sex" not in summary["findings"]["by_field"]
