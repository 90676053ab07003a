"""What `architecture.md` says of the code as a whole: who imports whom, how long a module is, what is pure."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("reconcile", "schemas", "flows", "fixtures")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_MODULE_LINES = 400

# Stages 2 to 6 (architecture.md §3): time, run id and keys are arguments.
PURE_STAGES = ("validate", "canonicalize", "diff", "classify", "track")
CLOCK_ENVIRONMENT_NETWORK_CHANCE = frozenset(
    [
        "os",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "tempfile",
        "time",
        "urllib",
        "http",
        "uuid",
        "requests",
        "httpx",
    ]
)
CLOCK_CALLS = frozenset(("now", "utcnow", "today"))

# What the command line loads only when it is asked for: seconds of start-up, and a scheduler that `diff` never needs.
NEVER_FOR_DIFF = ("prefect", "fastapi", "sqlalchemy", "pandera")
NEVER_FOR_HELP = (*NEVER_FOR_DIFF, "duckdb", "pyarrow", "polars", "xlsxwriter", "typst")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold the code in `folder` to the contracts of its pyproject.toml."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False)


def test_the_import_contracts_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


AGAINST_THE_CONTRACTS = (
    ("reconcile/classify/__init__.py", "import reconcile.diff"),  # one stage knows another
    ("reconcile/rules/__init__.py", "import reconcile.diff"),  # upwards
    ("reconcile/report/__init__.py", "import prefect"),  # the engine knows its orchestrator
    ("reconcile/extract/__init__.py", "import schemas"),  # the engine knows a dataset
    ("schemas/taxonomy.py", "import reconcile.extract"),  # a dataset does more than declare
)


@pytest.mark.parametrize(("module", "statement"), AGAINST_THE_CONTRACTS)
def test_an_import_against_the_contracts_is_found(tmp_path: Path, module: str, statement: str) -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum(1 for line in lines if line.strip()) <= LONGEST_MODULE_LINES  # blank lines are free: they help to read


def test_no_module_is_a_drawer_for_odds_and_ends() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert not [path for path in MODULES if path.stem.strip("_") in drawers]


def stage_modules() -> list[Path]:
    return [
        path
        for path in MODULES
        if path.is_relative_to(ROOT / "reconcile")
        and path.relative_to(ROOT / "reconcile").parts[0].split(".")[0] in PURE_STAGES
    ]


@pytest.mark.parametrize("path", stage_modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_stage_knows_no_clock_environment_network_or_chance(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not imported(tree) & CLOCK_ENVIRONMENT_NETWORK_CHANCE
    calls = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    assert not calls & CLOCK_CALLS


def imported(tree: ast.AST) -> set[str]:
    """The top-level names of all packages that a module imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def loaded_by(*arguments: str | Path, cwd: Path) -> set[str]:
    """The top-level packages in memory after `reconcile ARGUMENTS`, in a process of its own."""
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('\\nloaded', *{m.partition('.')[0] for m in sys.modules}))\n"
        "from reconcile.cli import main\n"
        f"sys.argv = {['reconcile', *map(str, arguments)]!r}\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_diff_with_a_key_loads_neither_the_orchestrator_nor_the_schema_library(tmp_path: Path) -> None:
    (tmp_path / "left.csv").write_text("id,v\n1,a\n2,b\n", encoding="utf-8")
    (tmp_path / "right.csv").write_text("id,v\n1,a\n2,c\n", encoding="utf-8")
    loaded = loaded_by("diff", "left.csv", "right.csv", "--key", "id", "--out", "out", cwd=tmp_path)
    assert "polars" in loaded
    assert not loaded & set(NEVER_FOR_DIFF)


def test_help_loads_no_engine(tmp_path: Path) -> None:
    assert not loaded_by("--help", cwd=tmp_path) & set(NEVER_FOR_HELP)


def test_every_bound_and_every_ignored_check_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = tomllib.loads(text)["project"]["dependencies"]
    lines = {line.strip().split('"')[1]: line for line in text.splitlines() if line.strip().startswith('"')}
    assert not [requirement for requirement in declared if "#" not in lines[requirement]]


def test_the_lock_pins_every_file_by_digest_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock.txt").read_text(encoding="utf-8")
    entries = [entry for entry in lock.replace("\\\n", " ").splitlines() if entry and not entry.startswith("#")]
    assert entries
    assert not [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
    assert "://" not in lock
    assert "--index" not in lock
