"""`make scoreboard`: the traps of `reference/peers.md` §5, put to the peers and to us; who gives the expected outcome.

The questions are the golden cases, whose expected findings were written down from the traps. A peer is asked for what
every tool of its kind has: equal or not, how many keys stand on one side only, how many pairs of rows differ, whether
keys repeat. Hints, rules and kinds that only we have are not asked for.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.bench.rivals import PEERS, Rival, ask, rivals
from tests.bench.tables import conditions
from tests.golden import CASES, inputs, read_case, read_cells, write_cells

OURS = "reconcile"
NOT_ASKED = {
    "no_key": "about our command line",
    "unknown_option": "about our command line",
    "same_file_twice": "a policy of ours",
    "both_empty": "a policy of ours; `both_empty_allowed` is asked",
    "left_empty": "a policy of ours; `left_empty_allowed` is asked",
    "right_empty": "a policy of ours; `right_empty_allowed` is asked",
    "cp932": "the encoding is an option that not every tool has",
    "cp932_coded_twice": "the encoding is an option that not every tool has",
}
ELSEWHERE = {
    4: "the same bytes on every run, whatever the threads (`tests/test_determinism.py`)",
    16: "percentages are never rounded up to all (`tests/test_scale.py`)",
    17: "no class is lost behind a limit (`tests/test_scale.py`)",
    18: "masked values leak nowhere (`tests/report`)",
    32: "lag (`tests/classify`)",
    33: "suppression",
    34: "what is out of scope takes no partner",
}
"""Traps that are not about two files alone: shown for us by tests, not asked of peers."""

MANY = 1000
EXIT_STATUS_TRAP = 15


class Mark(StrEnum):
    """An outcome, from best to worst."""

    EXPECTED = "✓"
    INCOMPLETE = "○"
    REFUSED = "–"
    WRONG = "✗"


LEGEND = {
    Mark.EXPECTED: "the expected outcome",
    Mark.INCOMPLETE: "rightly equal or different, but counts or a class are not as expected",
    Mark.REFUSED: "no answer, where one was due",
    Mark.WRONG: "wrong: equal where they differ, different where they are equal, or an answer to what must be refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Two files, and what every tool should say of them; `expected` None: it must refuse."""

    name: str
    trap: int
    idea: str
    left: str
    right: str
    key: str
    expected: Mapping[str, int] | None


def main() -> int:
    """Ask everyone, write the document, and exit 1 if we are wrong or refuse anywhere."""
    parser = argparse.ArgumentParser(description="the traps, put to the peers and to us")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    names = [name for name in options.peers.split(",") if name]
    here, absent = rivals([OURS, *names, "duckdb"])
    with tempfile.TemporaryDirectory(prefix="reconcile-scoreboard-") as work:
        asked = list(questions(Path(work)))
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for its own processes
            scored = pool.map(lambda who: score(who, asked, Path(work)), here)
        marks = {who.label: theirs for who, theirs in zip(here, scored, strict=True)}
    document = render(asked, marks, absent)
    print(document)
    if options.write:
        options.write.write_text(document, encoding="utf-8")
    return int(any(mark is not Mark.EXPECTED for mark in marks[OURS]))


def questions(work: Path) -> Iterator[Question]:
    """The golden cases that two files alone can ask, in the order of the traps, then what needs many rows."""
    folders = sorted(path.parent for path in CASES.glob("*/case.toml"))
    cases = [read_case(folder) for folder in folders if folder.name not in NOT_ASKED]
    for case in sorted(cases, key=lambda case: case.trap):
        folder = work / case.folder.name
        folder.mkdir()
        left, right = inputs(case, folder)
        expected = None
        if case.exit in (0, 1):
            names, rows = read_cells(case.expected)
            kinds = [row[names.index("kind")] for row in rows]
            at = [names.index(part) for part in case.key]
            changed = {tuple(row[i] for i in at) for row, kind in zip(rows, kinds, strict=True) if kind == "value"}
            expected = {
                "only_left": kinds.count("only_left"),
                "only_right": kinds.count("only_right"),
                "changed": len(changed),
                "repeated": sum((kind or "").startswith("duplicate_") for kind in kinds),
                "rejected": sum((kind or "").startswith("reject_") for kind in kinds),
            }
        yield Question(
            name=case.folder.name,
            trap=case.trap,
            idea=case.idea,
            left=left,
            right=right,
            key=",".join(case.key),
            expected=expected,
        )
    yield _many_rows_of_one_key(work)


def _many_rows_of_one_key(work: Path) -> Question:
    paths = []
    for side, order in (("left", range(MANY)), ("right", reversed(range(MANY)))):
        paths.append(work / f"many_{side}.csv")
        write_cells(paths[-1], ("id", "v"), [("a1", f"v{n}") for n in order])
    return Question(
        name="many_rows_of_one_key",
        trap=35,
        idea=f"{MANY:,} rows of one key on each side, in another order: nothing differs, and the key repeats.",
        left=str(paths[0]),
        right=str(paths[1]),
        key="id",
        expected={"only_left": 0, "only_right": 0, "changed": 0, "repeated": 2, "rejected": 0},
    )


def score(who: Rival, asked: Sequence[Question], work: Path) -> list[Mark]:
    """One mark a question."""
    lines = [[one.left, one.right, one.key, str(work / f"out.{who.name}" / one.name)] for one in asked]
    return [mark(one, answer) for one, answer in zip(asked, ask(who, lines), strict=True)]


def mark(question: Question, answer: Mapping[str, Any]) -> Mark:
    """What an answer is worth."""
    expected = question.expected
    if "refused" in answer:
        if expected is not None:
            return Mark.REFUSED
        # A script that looks at the exit status takes this refusal for an all-clear.
        return Mark.WRONG if question.trap == EXIT_STATUS_TRAP and answer["exit"] == 0 else Mark.EXPECTED
    if expected is None or answer["equal"] == any(expected.values()):
        return Mark.WRONG
    counts = all(answer[name] == expected[name] for name in ("only_left", "only_right", "changed"))
    classes = all(bool(answer.get(name)) == bool(expected[name]) for name in ("repeated", "rejected"))
    return Mark.EXPECTED if counts and classes else Mark.INCOMPLETE


def render(asked: Sequence[Question], marks: Mapping[str, Sequence[Mark]], absent: Sequence[str]) -> str:
    """The document."""
    lines = ["# Scoreboard", "", conditions("make scoreboard")]
    lines += [
        "The traps that tools of this kind fall into, put to each of them as two files (`fixtures/cases`). Marks:",
        "",
    ]
    lines += [f"- {mark} {meaning}" for mark, meaning in LEGEND.items()]
    lines += ["", f"| {len(asked)} questions | {' | '.join(LEGEND)} |", f"|---|{'---:|' * len(LEGEND)}"]
    for label, theirs in marks.items():
        lines.append(f"| {label} | {' | '.join(str(list(theirs).count(mark)) for mark in LEGEND)} |")
    lines += ["", f"| trap | case | {' | '.join(marks)} | what is so |", f"|---:|---|{':-:|' * len(marks)}---|"]
    for position, one in enumerate(asked):
        cells = " | ".join(theirs[position] for theirs in marks.values())
        lines.append(f"| {one.trap} | {one.name} | {cells} | {one.idea.replace('|', '/')} |")
    lines += [
        "",
        "Each tool is called by its API or command line for complete output, with what it does by default and nothing",
    ]
    lines += [
        "declared. diffly reads no CSV and reladiff only tables: both are given everything as text, in their favor."
    ]
    lines += ["", "Not asked of others:", ""]
    lines += [f"- case {name}: {why}" for name, why in NOT_ASKED.items()]
    lines += [f"- trap {trap}: {why}" for trap, why in ELSEWHERE.items()]
    lines += [f"- {sentence}" for sentence in absent]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
