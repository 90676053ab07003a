"""`make mutants`: put small faults into the modules that must not be wrong, and see that a test notices each.

python -m tests.mutation [MODULE …]       tries all mutants of the modules (of all, if none is named)
python -m tests.mutation --again …        only those that survived the last time
python -m tests.mutation --write          writes docs/mutation.md from what was tried last
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tests.mutation.page import PAGE, counted, page
from tests.mutation.targets import TARGETS, equivalent, survivors
from tests.mutation.trial import ROOT, Source, limit_memory, run

KEPT = ROOT / ".mutation"
MEMORY_MIB = 6 * 1024
SHARE = 0.9
"""Killed, of those that are not equivalent, in each module."""


def attempt(path: str, tests: tuple[str, ...], todo: list[int]) -> dict[int, str]:
    """The results of mutants, by number; a process that a fault kills has killed the mutant."""
    source = Source(path)
    results: dict[int, str] = {}
    left = [number for number in todo if not source.mutants[number].fresh]
    while left:
        done, broken = _process(path, tests, left)
        results.update({number: "killed" if what == "begun" else what for number, what in done.items()})
        following = [number for number in left if number not in results]
        if following == left:
            sys.exit(f"{path}: {broken or 'no mutant was tried'}")
        left = following
    # Constants that somebody has taken a copy of while he was loaded, and what stands in class bodies and defaults.
    for number in todo:
        mutant = source.mutants[number]
        if mutant.fresh or (not mutant.function and results.get(number) == "survived"):
            done, _ = _process(path, tests, [number], fresh=True)
            results[number] = "survived" if done.get(number) == "survived" else "killed"
    return results


def _process(path: str, tests: tuple[str, ...], todo: list[int], *, fresh: bool = False) -> tuple[dict[int, str], str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "results")
        out.touch()
        child = os.fork()
        if not child:
            try:
                limit_memory(MEMORY_MIB)
                run(path, tests, todo, out, fresh=fresh)
            except BaseException:  # noqa: BLE001  the driver's own
                with out.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"broken": traceback.format_exc()}) + "\n")
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    done = {line["mutant"]: line["result"] for line in said if "mutant" in line}
    broken = next((line["broken"] for line in said if "broken" in line), "")
    if broken:
        print(f"{path}: {broken}", file=sys.stderr)
        # What was tried since the tests were last seen to be sound is tried again.
        done = {number: what for number, what in done.items() if number in _sound(said)}
    return done, broken


def _sound(said: list[dict[str, Any]]) -> set[int]:
    at = max((number for number, line in enumerate(said) if line.get("sound")), default=-1)
    return {line["mutant"] for line in said[: at + 1] if "mutant" in line}


def tried(path: str, again: list[str]) -> dict[str, Any]:
    """All mutants of a module with their results; `again`: what is known already, but for those that survived."""
    source = Source(path)
    digest = digest_of(source)
    file = KEPT / (source.name + ".json")
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not again or known.get("source") != digest:
        known = {"source": digest, "results": {}}
    results = {int(number): what for number, what in known["results"].items() if what == "killed"}
    results.update(attempt(path, TARGETS[path], [n for n in range(len(source.mutants)) if n not in results]))
    known["results"] = {str(number): results[number] for number in sorted(results)}
    file.write_text(json.dumps(known), encoding="utf-8")
    return known


def main(arguments: list[str]) -> int:
    """0 if every share is as high as it must be and every reason has its mutant."""
    again = [word for word in arguments if word == "--again"]
    asked = [word for word in arguments if not word.startswith("--")]
    KEPT.mkdir(exist_ok=True)
    low = False
    if "--write" in arguments:
        PAGE.write_text(page({path: kept_of(path) for path in TARGETS}), encoding="utf-8")
        return 0
    for path in asked or TARGETS:
        known = tried(path, again)
        print(summary(path, known), flush=True)
        total, killed, excused, _ = counted(path, known)
        low |= killed < SHARE * (total - len(excused))
    return int(low)


def digest_of(source: Source) -> str:
    """Of the module's code and its mutants, which are known by their numbers; comments and docstrings do not matter."""
    mutants = [(one.function, one.before, one.after) for one in source.mutants]
    return hashlib.sha256(json.dumps([code_of(source.tree), mutants]).encode()).hexdigest()


def code_of(tree: ast.Module) -> str:
    """The program without what is said about it."""
    bare = copy.deepcopy(tree)
    for node in ast.walk(bare):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [one for one in node.body if not _is_said(one)] or [ast.Pass()]
    return ast.unparse(bare)


def _is_said(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def kept_of(path: str) -> dict[str, Any]:
    """What was tried of a module, as it stands; nothing if it was altered since."""
    source = Source(path)
    file = KEPT / (source.name + ".json")
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if known.get("source") != digest_of(source):
        return {"results": {}}
    return known


def summary(path: str, known: dict[str, Any]) -> str:
    """Counts of a module, every mutant that nobody noticed and no reason explains, every reason without a mutant."""
    source = Source(path)
    total, killed, excused, left = counted(path, known)
    explained = survivors(path)
    lines = []
    for number in left:
        mutant, what = source.mutants[number], known["results"][str(number)]
        if (mutant.function, mutant.before, mutant.after) in explained:
            continue
        lines.append(f"  {path}:{mutant.line} {mutant.function} [{what}] {mutant.before!r} -> {mutant.after!r}")
    there = {(mutant.function, mutant.before, mutant.after) for mutant in source.mutants}
    told = [*equivalent(path), *explained]
    lines += [f"  {path}: no such mutant any more: {one}" for one in told if one not in there]
    return "\n".join(
        [*lines, f"{path}: {total} mutants, {killed} killed, {len(excused)} equivalent, {len(left)} survived"]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
