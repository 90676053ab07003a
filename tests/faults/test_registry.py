"""The registry is whole: every fault stands in it, with tests that exist or a reason; and the page is written from it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.faults.__main__ import fault_test, outcome
from tests.faults.registry import COUNT, PAGE, ROOT, Fault, faults, page


def test_every_fault_has_tests_or_says_why_not() -> None:
    known = faults()
    assert [fault.id for fault in known] == [f"F{number:03d}" for number in range(1, COUNT + 1)]
    assert [fault.id for fault in known if not (fault.tests or fault.open or fault.not_testable)] == []
    assert all(fault.fault and fault.required and fault.does for fault in known)


def test_every_test_that_is_named_exists_and_is_run() -> None:
    names = {test for fault in faults() for test in fault.tests}
    files = sorted({name.partition("::")[0] for name in names})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    collected = done.stdout.splitlines()
    assert sorted(name for name in names if not any(fault_test(name, test) for test in collected)) == []


def test_the_page_is_the_registrys() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(faults()), "python -m tests.faults --write"
    assert len(re.findall(r"^\| F\d{3} \| .* \| .* \| .* \| .* \|$", page(faults()), re.MULTILINE)) == COUNT


@pytest.mark.parametrize(
    ("of", "opened", "reason", "said"),
    [
        ({"a::b[1]": "passed", "a::c": "passed"}, "", "", "as required"),
        ({"a::b[1]": "passed", "a::b[2]": "failed", "a::c": "passed"}, "", "", "not as required"),
        ({"a::b[1]": "failed", "a::c": "passed"}, "half of it", "", "not as required"),
        ({"a::b[1]": "passed"}, "", "", "not run"),
        ({"a::b[1]": "skipped", "a::c": "passed"}, "", "", "not run"),
        ({"a::b": "passed", "a::c": "passed"}, "half of it", "", "open"),
        ({}, "", "a medium", "not testable"),
    ],
)
def test_what_is_said_of_a_fault_follows_from_its_tests(
    of: dict[str, str], opened: str, reason: str, said: str
) -> None:
    fault = Fault("F001", "f", "r", "d", tests=("a::b", "a::c"), open=opened, not_testable=reason)
    assert outcome(fault, of) == said
