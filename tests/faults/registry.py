"""The registry of the 150 faults (`registry.toml`), and the page of the documentation that is written from it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.corruptions import CORRUPTIONS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
FILE = Path(__file__).with_name("registry.toml")
BY_FILE = "tests/faults/test_inputs.py::test_a_damaged_input_gets_the_verdict_that_is_required_and_names_nobody"
COUNT = 150


@dataclass(frozen=True)
class Fault:
    """One fault: what is required, what the program does, and what shows it.

    Attributes:
        id: F001 to F150.
        fault: What happens.
        required: By `reference/reliability.md` §2.2.
        does: What the program does.
        tests: Node ids of pytest: a file, a function with all its cases, or one case.
        open: What is required and not built; "" if nothing.
        not_testable: Why it cannot be tried here; "" if it can.
    """

    id: str
    fault: str
    required: str
    does: str
    tests: tuple[str, ...] = ()
    open: str = ""
    not_testable: str = ""


def faults() -> tuple[Fault, ...]:
    """All of them, in order, those that are done to a file with their cases."""
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))
    known = []
    for name, said in read.items():
        own = [f"{BY_FILE}[{one}]" for one in CORRUPTIONS if one.fault == name]
        known.append(Fault(id=name, **{**said, "tests": (*own, *said.get("tests", ()))}))
    return tuple(known)


def page(known: Sequence[Fault]) -> str:
    """docs/faults.md."""
    unproved = [fault for fault in known if fault.open or fault.not_testable]
    whole = len(known) - len(unproved)
    not_testable = sum(1 for fault in known if fault.not_testable)
    rows = [f"| {fault.id} | {fault.fault} | {fault.required} | {fault.does} | {_shown(fault)} |" for fault in known]
    left = [
        f"| {fault.id} | {fault.fault} | {fault.open or 'not testable: ' + fault.not_testable} |" for fault in unproved
    ]
    return "\n".join(
        [
            "# The 150 faults",
            "",
            "What can go wrong with a run, what is required then, what this program does, and which test shows it. Written from",
            "`tests/faults/registry.toml` by `python -m tests.faults --write`; `make faults` runs the tests and prints the sums.",
            "The words of the verdicts are those of the [handbook](operator-handbook.ja.md).",
            "",
            f"As required: {whole}. Open: {len(unproved) - not_testable}. Not testable here: {not_testable}.",
            "",
            "## What is left",
            "",
            "| | fault | |",
            "|---|---|---|",
            *left,
            "",
            "## All",
            "",
            "| | fault | required | what the program does | shown by |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _shown(fault: Fault) -> str:
    own = [test for test in fault.tests if test.startswith(BY_FILE)]
    others = [test.removeprefix("tests/") for test in fault.tests if not test.startswith(BY_FILE)]
    inputs = [f"faults/test_inputs.py ({len(own)})"] if own else []
    return "<br>".join(f"`{name}`" for name in (*inputs, *others)) or "–"
