"""The traps that other tools fall into (`reference/peers.md` §5), one folder each, through the command line.

`pytest tests/test_golden.py --update` rewrites the `expected.csv` that differ; then read the diff.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from reconcile.model import findings_schema
from tests.golden import (
    CASES,
    Case,
    Cells,
    Outcome,
    arguments,
    inputs,
    read_case,
    read_cells,
    run_here,
    run_process,
    write_cells,
)

FOLDERS = sorted(path.parent for path in CASES.glob("*/case.toml"))  # those of the taxonomy: test_codes.py
PROCESSES = ("consistent", "identity_swap", "row_too_short", "right_empty", "time_zones", "naive_against_aware")
"""Also run as processes of their own: one of each exit status, and those that set the environment."""

ELSEWHERE = {
    4: "threads: test_determinism",
    16: "rounded percentages: test_scale",
    17: "sample limits: test_scale",
    18: "masking: tests/report",
    32: "lag: needs history",
    33: "suppression: needs history",
    34: "out of scope: needs a declared dataset",
    35: "wide and big: test_scale",
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], update: bool) -> None:  # noqa: FBT001
    case = read_case(folder)
    out = tmp_path / "out"
    args = arguments(*inputs(case, tmp_path), case.args, out)
    check(case, run_here(args, out, capfd), update=update)


@pytest.mark.parametrize("name", PROCESSES)
def test_case_as_a_process(name: str, tmp_path: Path) -> None:
    case = read_case(CASES / name)
    out = tmp_path / "out"
    args = arguments(*inputs(case, tmp_path), case.args, out)
    check(case, run_process(args, out, case.env))


def test_a_refused_run_takes_back_the_all_clear_of_the_one_before(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = read_case(CASES / "consistent"), read_case(CASES / "row_too_short")
    verdicts = []
    for case in (good, bad):
        outcome = run_here(arguments(*inputs(case, tmp_path), case.args, tmp_path), tmp_path, capfd)
        assert outcome.exit == case.exit
        verdicts.append(json.loads((tmp_path / "status.json").read_text(encoding="utf-8"))["verdict"])
    assert verdicts == ["consistent", "inconclusive"]


def test_the_inputs_are_left_as_they_were(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Both sides are read only: same bytes, same time of change, and nothing new beside them."""
    source, work = read_case(CASES / "parquet_against_csv"), tmp_path / "work"
    work.mkdir()
    paths = inputs(source, work)
    before = [(Path(path).read_bytes(), Path(path).stat().st_mtime_ns) for path in paths]
    run_here(arguments(*paths, source.args, tmp_path / "out"), tmp_path / "out", capfd)
    assert [(Path(path).read_bytes(), Path(path).stat().st_mtime_ns) for path in paths] == before
    assert [path.name for path in work.iterdir()] == ["right.parquet"]
    assert {path.name for path in source.folder.iterdir()} == source.files


def test_every_folder_is_a_case_and_every_file_belongs_to_it() -> None:
    for folder in FOLDERS:
        case = read_case(folder)
        assert {path.name for path in folder.iterdir()} == case.files, folder.name
        assert case.idea.endswith("."), folder.name
        if case.env:
            assert folder.name in PROCESSES, f"{folder.name}: sets the environment, needs a process"


def test_every_trap_has_a_case_or_a_test_elsewhere() -> None:
    here = {read_case(folder).trap for folder in FOLDERS}
    assert here | set(ELSEWHERE) == set(range(1, 37))
    assert not here & set(ELSEWHERE)


def test_what_a_case_expects_is_sorted_as_findings_are() -> None:
    """By key in byte order, null first; within a key a finding about the record first, then by field."""
    for folder in FOLDERS:
        case = read_case(folder)
        if not case.expected.exists():
            continue
        names, rows = read_cells(case.expected)
        ordered = [names.index(name) for name in (*case.key, "field", "kind") if name in names]
        keys = [[(row[at] is not None, (row[at] or "").encode()) for at in ordered] for row in rows]
        assert keys == sorted(keys), folder.name


def check(case: Case, outcome: Outcome, *, update: bool = False) -> None:
    """Hold an outcome to its case, and to what every outcome must keep."""
    assert outcome.exit == case.exit, outcome.stderr
    for part in case.stderr:
        assert part in outcome.stderr
    for part in case.stderr_lacks:
        assert part not in outcome.stderr + outcome.stdout
    if case.exit in (0, 1):
        _check_findings(case, outcome, update=update)
    elif case.verdict:
        assert json.loads(outcome.stdout)["verdict"] == case.verdict
    else:
        _check_refusal(case, outcome)


def _check_refusal(case: Case, outcome: Outcome) -> None:
    """One line says what is wrong, and no file claims anything."""
    usage = "--key" not in case.args or "--allow-emtpy" in case.args
    if not usage:  # the command line parser has its own form, and never gets as far as the folder
        assert len(outcome.stderr.strip().splitlines()) == 1, outcome.stderr
    assert "Traceback" not in outcome.stderr
    written = {path.name for path in outcome.out.rglob("*")} if outcome.out.exists() else set()
    assert written <= {"status.json"}
    if written:
        assert '"consistent"' not in (outcome.out / "status.json").read_text(encoding="utf-8")


def _check_findings(case: Case, outcome: Outcome, *, update: bool) -> None:
    summary = json.loads(outcome.stdout)
    assert summary == json.loads((outcome.out / "summary.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == case.verdict
    _check_balance(case, summary["sides"])
    found = pl.read_parquet(outcome.out / "findings.parquet")
    assert found.schema == findings_schema(case.key)
    assert found.select("code", "severity").null_count().row(0) == (found.height, found.height)
    assert {kind: n for kind, n in summary["findings"]["by_kind"].items() if n} == dict(
        found["kind"].value_counts().iter_rows()
    )
    names, expected = read_cells(case.expected)
    rows: list[Cells] = found.select(pl.col(name).cast(pl.String) for name in names).rows()
    if update and rows != expected:
        write_cells(case.expected, names, rows)
        return
    assert rows == expected


def _check_balance(case: Case, sides: dict[str, Any]) -> None:
    for side, counts in sides.items():
        parts = ("out_of_scope", "rejected", "duplicate", "matched", "mismatched", "only")
        assert counts["records"] == counts["rows"] == sum(counts[part] for part in parts)
        for name, expected in case.balance.get(side, {}).items():
            assert counts[name] == expected, f"{side}.{name}"
    for name in ("matched", "mismatched"):
        assert sides["left"][name] == sides["right"][name]
