"""The scoreboard: what an answer is worth, and that ours are the expected ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bench.rivals import rival
from tests.bench.scoreboard import OURS, Mark, Question, mark, questions, render, score

CHANGED = {"only_left": 0, "only_right": 1, "changed": 2, "repeated": 0, "rejected": 0}
NOTHING = dict.fromkeys(CHANGED, 0)
REPEATED = {**NOTHING, "repeated": 2}
RIGHT = {"equal": False, "only_left": 0, "only_right": 1, "changed": 2, "repeated": None}
EQUAL = {"equal": True, "only_left": 0, "only_right": 0, "changed": 0, "repeated": 0}


def question(expected: Mapping[str, int] | None, trap: int = 1) -> Question:
    return Question(name="one", trap=trap, idea="It is so.", left="", right="", key="id", expected=expected)


@pytest.mark.parametrize(
    ("expected", "trap", "answer", "worth"),
    [
        (CHANGED, 1, RIGHT, Mark.EXPECTED),
        (CHANGED, 1, {**RIGHT, "changed": 1}, Mark.INCOMPLETE),
        (CHANGED, 1, {**RIGHT, "repeated": 1}, Mark.INCOMPLETE),
        (CHANGED, 1, {**RIGHT, "rejected": 1}, Mark.INCOMPLETE),
        (CHANGED, 1, EQUAL, Mark.WRONG),
        (CHANGED, 1, {"refused": "ValueError", "exit": 2}, Mark.REFUSED),
        (NOTHING, 1, EQUAL, Mark.EXPECTED),
        (NOTHING, 1, RIGHT, Mark.WRONG),
        (REPEATED, 1, EQUAL, Mark.WRONG),
        (REPEATED, 1, {**EQUAL, "equal": False}, Mark.INCOMPLETE),
        (REPEATED, 1, {**EQUAL, "equal": False, "repeated": 4}, Mark.EXPECTED),
        (None, 1, {"refused": "exit status", "exit": 2}, Mark.EXPECTED),
        (None, 1, EQUAL, Mark.WRONG),
        (None, 24, {"refused": "exit status", "exit": 0}, Mark.EXPECTED),
        (None, 15, {"refused": "exit status", "exit": 0}, Mark.WRONG),
    ],
)
def test_what_an_answer_is_worth(
    expected: Mapping[str, int] | None, trap: int, answer: Mapping[str, object], worth: Mark
) -> None:
    assert mark(question(expected, trap), answer) is worth


def test_we_give_the_expected_outcome_everywhere(tmp_path: Path) -> None:
    asked = list(questions(tmp_path))
    assert len(asked) > 70
    marks = score(rival(OURS), asked, tmp_path)
    assert [one.name for one, worth in zip(asked, marks, strict=True) if worth is not Mark.EXPECTED] == []


def test_the_document_counts_the_marks_of_everyone() -> None:
    asked = [question(CHANGED), question(None)]
    text = render(asked, {"ours": [Mark.EXPECTED, Mark.EXPECTED], "other": [Mark.WRONG, Mark.REFUSED]}, ["x is absent"])
    assert "| ours | 2 | 0 | 0 | 0 |" in text
    assert "| other | 0 | 0 | 1 | 1 |" in text
    assert "| 1 | one | ✓ | ✗ | It is so. |" in text
    assert "- x is absent" in text
