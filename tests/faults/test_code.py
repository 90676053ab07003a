"""Faults that are kept out by what stands in the code: read as a tree, or tried on the part itself."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from reconcile.nights.pseudonym import pseudonyms

ROOT = Path(__file__).parents[2]
PROGRAM = sorted(path for folder in ("reconcile", "schemas", "flows") for path in (ROOT / folder).rglob("*.py"))
PATTERNS = frozenset(("compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"))
RUNS = frozenset(("eval", "exec", "compile", "__import__"))
RUNNING_MODULES = frozenset(("pickle", "marshal", "shelve", "yaml", "dill", "joblib"))
PASSING_OVER = frozenset(
    ("ignore_errors", "truncate_ragged_lines", "null_padding", "buffer_size", "infer_schema_length")
)
LOSSY = frozenset(("ignore", "replace"))
NOT_RECORDS = {
    "reconcile/nights/attest.py",  # the text of a public key, which is then parsed
    "reconcile/extract/sentinels.py",  # our own test people, refused in the next line if anything was replaced
}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the program, with where it stands."""
    for path in PROGRAM:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def called(call: ast.Call) -> str:
    """`module.name` or `name`."""
    return ast.unparse(call.func)


def test_no_pattern_comes_from_outside() -> None:
    """F116: a pattern that somebody may write can take for ever. Every one of `re` is a literal, or made of them."""
    used = [
        (where, call)
        for where, call in calls()
        if called(call).removeprefix("re.") in PATTERNS and called(call).startswith("re.")
    ]
    made_elsewhere = [
        where
        for where, call in used
        if any(
            isinstance(part, ast.Attribute | ast.Call) and not ast.unparse(part).startswith(("re.", "'|'.join", "'|'"))
            for part in ast.walk(call.args[0])
        )
    ]
    assert len(used) > 5
    assert made_elsewhere == []


def test_nothing_runs_what_it_reads() -> None:
    """F117: TOML and JSON are data; nothing else is read that could be a program."""
    running = [where for where, call in calls() if called(call) in RUNS]
    shells = [where for where, call in calls() if any(word.arg == "shell" for word in call.keywords)]
    imported = []
    for path in PROGRAM:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            imported += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in RUNNING_MODULES]
    assert (running, shells, imported) == ([], [], [])


def test_nothing_passes_over_what_it_reads() -> None:
    """F014, F028: no reader is told to leave out, cut or replace what it does not understand."""
    told = [
        f"{where} {word.arg}"
        for where, call in calls()
        for word in call.keywords
        if (word.arg in PASSING_OVER and not called(call).endswith("rmtree") and ast.unparse(word.value) != "None")
        or (word.arg == "errors" and isinstance(word.value, ast.Constant) and word.value.value in LOSSY)
        or (word.arg == "infer_schema" and not (isinstance(word.value, ast.Constant) and word.value.value is False))
    ]
    lossy = [
        where
        for where, call in calls()
        if called(call).endswith((".decode", ".encode"))
        for one in call.args[1:]
        if isinstance(one, ast.Constant) and one.value in LOSSY
    ]
    assert told == []
    assert {where.partition(":")[0] for where in lossy} == NOT_RECORDS


def test_a_flow_hides_no_failure_and_repeats_no_result() -> None:
    """F106: a task's failure reaches the flow, and no result of another night is given again."""
    tree = ast.parse((ROOT / "flows" / "nightly.py").read_text(encoding="utf-8"))
    tasks = [
        decorator
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and called(decorator) == "task"
    ]
    told = [{word.arg: ast.unparse(word.value) for word in task.keywords} for task in tasks]
    assert len(told) >= 3
    assert {(one["cache_policy"], one["persist_result"]) for one in told} == {("NO_CACHE", "False")}
    assert [one for one in told if "retries" in one and "retry_condition_fn" not in one] == []
    used = [called(node).rpartition(".")[2] for node in ast.walk(tree) if isinstance(node, ast.Call)]
    options = [word.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords]
    assert used.count("submit") == 1  # both sides, in a list
    assert "side.result" in [called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]  # and each asked
    assert {"wait", "map"}.isdisjoint(used)
    assert "return_state" not in options


def test_a_plain_hash_is_undone_and_a_keyed_one_is_not() -> None:
    """F130: all codes of a toy space are tried, as all codes of eleven digits can be."""
    codes = [f"{code:04d}" for code in range(10_000)]
    people = codes[::997]
    plain = {hashlib.sha256(code.encode()).hexdigest()[:32]: code for code in codes}
    stored = pseudonyms(pl.DataFrame({"code": people}), "toy", bytes(32)).to_list()
    guessed = pseudonyms(pl.DataFrame({"code": codes}), "toy", b"\1" * 32).to_list()

    assert [plain[hashlib.sha256(one.encode()).hexdigest()[:32]] for one in people] == people  # undone
    assert len(set(stored)) == len(people)
    assert [one for one in stored if one in plain or one in set(guessed)] == []
