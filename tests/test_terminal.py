"""What a person sees on the terminal: one line a fault, in their language, and nothing that drives the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconcile.errors import SourceError
from reconcile.terminal import FAULTS, Terminal

ROOT = Path(__file__).parents[1]
CUT = SourceError("left (cs.dat)", "got 99 records, expected 100", hint="transfer it again", code="E_COUNT")


def test_every_code_of_a_fault_has_its_words_in_japanese() -> None:
    sources = [path for package in ("reconcile", "flows") for path in (ROOT / package).rglob("*.py")]
    raised = {code for path in sources for code in re.findall(r"\bE_[A-Z_]+", path.read_text(encoding="utf-8"))}

    assert set(FAULTS) == raised


def test_a_fault_is_one_line_with_where_got_expected_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(lang="en", quiet=True, as_json=False).error(CUT)
    Terminal(lang="ja", quiet=True, as_json=False).error(CUT)

    english, japanese = capsys.readouterr().err.splitlines()
    line = "left (cs.dat): got 99 records, expected 100. Hint: transfer it again"
    assert english == f"reconcile: E_COUNT {line}"
    assert japanese == f"reconcile: E_COUNT 件数が合いません: {line}"


def test_the_language_is_the_locale_s_unless_one_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    Terminal(lang="", quiet=True, as_json=False).error(CUT)
    Terminal(lang="en", quiet=True, as_json=False).error(CUT)

    assert ["件数" in line for line in capsys.readouterr().err.splitlines()] == [True, False]


def test_a_name_from_a_source_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(lang="en", quiet=False, as_json=False).note("column \x1b[2Jname\x07 \u202egnp")

    seen = capsys.readouterr().err
    assert "\x1b" not in seen
    assert "\x07" not in seen
    assert "\u202e" not in seen
