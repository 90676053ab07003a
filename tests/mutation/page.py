"""docs/mutation.md: what was tried, and every mutant that no test notices, with its reason."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from tests.mutation.targets import equivalent, survivors
from tests.mutation.trial import ROOT, Source

PAGE = ROOT / "docs" / "mutation.md"
HEAD = """# Mutants

Small faults put into the modules that must not be wrong, one at a time: a comparison turned round or off by one, a condition left
out, `and` for `or`, the other side's value, a step of a chain or a statement forgotten, another join, one word of an SQL text
(`tests/mutation/operators.py` has all of them). A mutant is *killed* if a test fails. It is *equivalent* if the altered program does the same as ours for
every input, which `tests/mutation/equivalent.toml` argues. Of those that *survived*, `tests/mutation/survivors.toml` says why no test looks for them: they
are other programs (slower, or without a second safeguard) that give the same answer. Texts for people are not altered.

What a promise of order is worth is tried with a polars that reverses every order which it does not promise (`tests/contrary.py`).

Written by `make mutants`. The share is killed / (mutants − equivalent).
"""


def counted(path: str, known: Mapping[str, Any]) -> tuple[int, int, list[tuple[int, str]], list[int]]:
    """All mutants, the killed, the excused ones with their reasons, the rest."""
    source, excuses = Source(path), equivalent(path)
    excused, left = [], []
    for number, what in known["results"].items():
        if what == "killed":
            continue
        mutant = source.mutants[int(number)]
        reason = excuses.get((mutant.function, mutant.before, mutant.after))
        if reason:
            excused.append((int(number), reason))
        else:
            left.append(int(number))
    total = len(known["results"])
    return total, total - len(excused) - len(left), excused, left


def page(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of all modules."""
    now = datetime.now(UTC).date().isoformat()
    of = ", ".join(f"{name} {version(name)}" for name in ("polars", "pytest", "hypothesis"))
    table = ["| module | mutants | killed | equivalent | survived | share |", "|---|---:|---:|---:|---:|---:|"]
    lists: list[str] = []
    sums = [0, 0, 0, 0]
    for path, known in kept.items():
        total, killed, excused, left = counted(path, known)
        sums = [one + more for one, more in zip(sums, (total, killed, len(excused), len(left)), strict=True)]
        table.append(_row(f"`{path}`", total, killed, len(excused), len(left)))
        lists += _listed(path, excused, left)
    table.append(_row("all", *sums))
    return "\n".join([HEAD, f"{now}; Python {platform.python_version()}, {of}.", "", *table, "", *lists])


def _row(name: str, total: int, killed: int, excused: int, left: int) -> str:
    if not total:
        return f"| {name} | not tried as it stands | | | | |"
    return f"| {name} | {total} | {killed} | {excused} | {left} | {killed / max(total - excused, 1):.1%} |"


def _listed(path: str, excused: list[tuple[int, str]], left: list[int]) -> list[str]:
    source, known = Source(path), survivors(path)
    rows = [(number, f"equivalent: {reason}") for number, reason in excused]
    for number in left:
        mutant = source.mutants[number]
        reason = known.get((mutant.function, mutant.before, mutant.after))
        rows.append((number, f"survived: {reason}" if reason else "**survived**"))
    lines = []
    for number, reason in sorted(rows):
        mutant = source.mutants[number]
        lines.append(f"| `{mutant.function or '–'}` | {_code(mutant.before)} → {_code(mutant.after)} | {reason} |")
    return [f"## `{path}`", "", "| where | fault | |", "|---|---|---|", *lines, ""] if lines else []


def _code(text: str) -> str:
    short = text if len(text) <= 110 else f"{text[:107]}…"
    return f"`{short}`".replace("|", "\\|") if text else "left out"
