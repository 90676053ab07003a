"""What is mutated, and with which tests; and the mutants that no test notices, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
SURVIVORS = Path(__file__).with_name("survivors.toml")

TARGETS: dict[str, tuple[str, ...]] = {
    "reconcile/decide.py": ("tests/test_decide.py", "tests/test_history_gates.py", "tests/proof/test_gates.py"),
    "reconcile/account.py": ("tests/test_account.py",),
    "reconcile/extract/preflight.py": ("tests/extract/test_scanner.py",),
    "reconcile/ledger.py": ("tests/test_ledger.py",),
    "reconcile/report/profiles.py": ("tests/report/test_masking.py",),
    "reconcile/report/disclosure.py": ("tests/report/test_disclosure.py",),
    "reconcile/machine/boundary.py": ("tests/machine/test_boundary.py",),
    "reconcile/nights/decided.py": ("tests/test_ledger.py",),
    "reconcile/nights/tables.py": ("tests/nights/test_tables.py",),
    "reconcile/diff/__init__.py": ("tests/diff/test_diff.py",),
    "reconcile/diff/fingerprint.py": ("tests/diff/test_fingerprint.py",),
    "reconcile/diff/compare.py": ("tests/diff/test_compare.py",),
    "reconcile/diff/pair.py": ("tests/diff/test_pair.py",),
    "reconcile/diff/assign.py": ("tests/diff/test_assign.py",),
    "reconcile/diff/comparators.py": ("tests/diff/test_comparators.py",),
    "reconcile/diff/key_hints.py": ("tests/diff/test_key_hints.py",),
}
"""Module -> files of tests, which are quick."""


Reasons = Mapping[tuple[str, str, str], str]
"""(function, before, after) -> why no test notices."""


def equivalent(path: str) -> Reasons:
    """The mutants of a module that are the same program."""
    return _read(EQUIVALENT, path)


def survivors(path: str) -> Reasons:
    """The mutants of a module that are another program, but one that nobody need notice: they count as survived."""
    return _read(SURVIVORS, path)


def _read(file: Path, path: str) -> Reasons:
    known = tomllib.loads(file.read_text(encoding="utf-8")).get(path, [])
    return {(one["function"], one["before"], one["after"]): one["reason"] for one in known}
