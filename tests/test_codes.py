"""Every code of the taxonomy, just inside and just outside (`fixtures/cases/identity`), through the command line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from schemas.identity_record import DATASET
from schemas.taxonomy import TAXONOMY
from tests.golden import ROOT, Outcome, arguments, run_here
from tests.identity_cases import Case, key, read_cases, write

CODES = list(read_cases())

RUN_LEVEL = {
    "Q1": "extract/test_preflight.py::test_a_damaged_fixed_width_file_is_refused_with_its_code",
    "X2": "classify/test_alarms.py::test_x2_is_more_than_one_in_a_thousand_of_the_pairs",
    "X3": "classify/test_alarms.py::test_a_feed_that_stopped_is_an_alarm_from_ten_changes_on",
    "X4": "evidence/test_verify.py::test_no_flipped_bit_of_a_stored_file_is_silent",
}
"""Codes that are said of a run and not of a record: where each is shown, inside and outside."""


@pytest.mark.parametrize("case", CODES, ids=lambda case: f"{case.code}: {case.idea}")
def test_a_code_appears_where_it_must_and_nowhere_else(
    case: Case, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = write(case, tmp_path)
    out = tmp_path / "compared"
    outcome = run_here(arguments("cs", "register", ("--config", str(config)), out), out, capfd)
    assert outcome.exit == (1 if case.findings else 0), outcome.stderr
    found = _table(outcome, "findings")
    assert sorted(_lines(found, "kind")) == sorted(case.findings)
    assert found["code"].null_count() == found["severity"].null_count() == 0
    parts = found.filter(pl.col("rule").str.starts_with("part_of:"))
    events = parts["rule"].str.extract("^part_of:([^+]+)")
    assert sorted(_lines(parts.with_columns(code=events))) == sorted(case.parts)
    assert set(parts["severity"]) <= {"情報"}
    if case.variants is not None:
        assert sorted(_lines(_table(outcome, "variants"))) == sorted(case.variants)


def _table(outcome: Outcome, name: str) -> pl.DataFrame:
    return pl.read_parquet(outcome.out / f"{name}.parquet")


def _lines(rows: pl.DataFrame, *more: str) -> list[str]:
    """`person [kind] field code`, the person by number where the key is one of theirs."""
    people = {key(n): str(n) for n in range(10)}
    columns = ["juminhyo_code", *more, "field", "code"]
    return [
        " ".join([people.get(who, who), *(text or "-" for text in rest)]) for who, *rest in rows.select(columns).rows()
    ]


def test_every_code_has_a_case_inside_and_one_outside() -> None:
    """Every code that the dataset can give: who declares a new one adds its file of cases."""
    declared = {*DATASET.codes.values(), *(code for field in DATASET.fields for code in field.codes.values())}
    inside = {case.code for case in CODES if case.appears}
    outside = {case.code for case in CODES if not case.appears}
    assert inside == outside == {case.code for case in CODES}
    assert not inside & set(RUN_LEVEL)
    assert declared <= inside | set(RUN_LEVEL) <= set(TAXONOMY)
    for named in RUN_LEVEL.values():
        path, _, name = named.partition("::")
        assert f"\ndef {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8"), named


def test_a_case_says_whether_its_code_appears() -> None:
    for case in CODES:
        assert case.appears == (case.code in case.told), f"{case.code}: {case.idea}"
        assert case.idea.endswith((".", ")"))
