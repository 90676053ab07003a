"""`make faults`: run every test of the registry, and say of each fault whether the program does what is required.

`--write` writes docs/faults.md from the registry and runs nothing.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.faults.registry import PAGE, Fault, faults, page


class Outcomes:
    """What pytest reports of each test: its worst outcome."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Failed in any phase is failed; skipped is not passed."""
        worst = self.of.get(report.nodeid, "passed")
        self.of[report.nodeid] = report.outcome if worst == "passed" else worst


def outcome(fault: Fault, of: dict[str, str]) -> str:
    """`as required`, `not as required`, `not run`, `open` or `not testable`."""
    if fault.not_testable:
        return "not testable"
    seen = [[result for test, result in of.items() if fault_test(name, test)] for name in fault.tests]
    if any("failed" in results for results in seen):
        return "not as required"
    if fault.open:
        return "open"
    return "as required" if all("passed" in results for results in seen) else "not run"


def fault_test(name: str, test: str) -> bool:
    """Whether a test is one that a name of the registry stands for: a file, a function with all its cases, a case."""
    return test == name or test.startswith((f"{name}[", f"{name}::"))


def table(known: Iterable[Fault], of: dict[str, str]) -> str:
    """Every fault that is not as required, and the sums."""
    said = [(fault, outcome(fault, of)) for fault in known]
    lines = [
        f"{fault.id}  {what:<16} {fault.fault}: {fault.open or fault.not_testable}"
        for fault, what in said
        if what != "as required"
    ]
    sums = Counter(what for _, what in said)
    tried = sum(1 for fault, _ in said if fault.tests)
    total = ", ".join(
        f"{what} {sums[what]}" for what in ("as required", "not as required", "not run", "open", "not testable")
    )
    return "\n".join([*lines, "", f"faults {len(said)}: tried {tried} (with {len(of)} tests), {total}"])


def main() -> int:
    """Run, print, and fail if anything is not as required."""
    known = faults()
    if "--write" in sys.argv:
        PAGE.write_text(page(known), encoding="utf-8")
        return 0
    outcomes = Outcomes()
    names = sorted({test for fault in known for test in fault.tests})
    files = sorted({name.partition("::")[0] for name in names})
    pytest.main(
        [*files, "-q", "-m", "not bench and not nightly", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[outcomes]
    )
    of = {test: result for test, result in outcomes.of.items() if any(fault_test(name, test) for name in names)}
    sys.stdout.write(table(known, of) + "\n")
    return int(any(outcome(fault, of) in ("not as required", "not run") for fault in known))


if __name__ == "__main__":
    sys.exit(main())
