"""F122: what stands in the working folder or in the environment does not become part of the program."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from reconcile.cli import app
from reconcile.machine.isolated import LOADS_CODE, _cleaned

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "docs" / "systemd"
MARK = "HOSTILE CODE RAN"
# As pip writes a console script: its folder is first on the path, not the working folder.
SCRIPT = "import sys\nfrom reconcile.machine.isolated import main\nsys.exit(main())\n"
HOSTILE = ("polars", "typer", "rich", "duckdb", "pyarrow", "cryptography")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder of modules that take the place of ours, two files to compare, and the console script elsewhere."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in HOSTILE:
        (folder / f"{name}.py").write_text(f"import os\nos.write(1, b'{MARK} {name}\\n')\n", encoding="utf-8")
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("id,v\n1,x\n", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "reconcile").write_text(SCRIPT, encoding="utf-8")
    return folder


def said(trap: Path, *start: str, **environment: str) -> str:
    """What a comparison says, started in the folder of the trap."""
    clean = {name: value for name, value in os.environ.items() if name not in LOADS_CODE}
    ran = subprocess.run(
        [sys.executable, *start, "diff", "a.csv", "b.csv", "--key", "id", "--lang", "en"],
        cwd=trap, env={**clean, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.stdout + ran.stderr


def test_a_module_on_pythonpath_is_not_loaded(trap: Path) -> None:
    answer = said(trap, str(trap.parent / "bin" / "reconcile"), PYTHONPATH=str(trap))
    assert MARK not in answer
    assert "consistent" in answer


def test_the_trap_would_have_closed(trap: Path) -> None:
    """Otherwise the test above shows only that the modules are harmless."""
    ran = subprocess.run(
        [sys.executable, "-c", "import polars"],
        env={**os.environ, "PYTHONPATH": str(trap)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert f"{MARK} polars" in ran.stdout


def test_a_module_in_the_working_folder_is_not_loaded(trap: Path) -> None:
    for start in ((str(trap.parent / "bin" / "reconcile"),), ("-m", "reconcile")):
        answer = said(trap, *start)
        assert MARK not in answer
        assert "consistent" in answer


def test_nothing_that_loads_code_is_handed_on() -> None:
    kept = {"HOME": "/h", "LANG": "ja_JP.UTF-8", "PREFECT_HOME": "/p", "RECONCILE_SITE_KEY": "/k"}
    for name in LOADS_CODE:
        if not sys.flags.isolated:
            assert _cleaned({**kept, name: "x"}) == kept
    assert _cleaned(kept) == {}
    assert _cleaned({}) == {}


def test_the_console_script_starts_there() -> None:
    assert 'reconcile = "reconcile.machine.isolated:main"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name, encoding="utf-8")
    return parser


@pytest.mark.parametrize("name", ["reconcile.service", "reconcile-status.service"])
def test_a_unit_calls_what_there_is_and_starts_it_isolated(name: str) -> None:
    service = unit(name)["Service"]
    python, *flags, command = shlex.split(service["ExecStart"])[:5]
    options = shlex.split(service["ExecStart"])[5:]
    assert (Path(python).name, flags) == ("python", ["-I", "-m", "reconcile"])
    parameters = dict(typer.main.get_group(app).commands)[command].params
    assert {one for one in options if one.startswith("--")} <= {opt for one in parameters for opt in one.opts}
    assert service["SuccessExitStatus"] == "1"


def test_the_unit_of_the_run_has_the_limits_of_the_report() -> None:
    """reference/reliability.md §5.3."""
    service = unit("reconcile.service")["Service"]
    wanted = {
        "UMask": "0077",
        "LimitCORE": "0",
        "PrivateTmp": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "NoNewPrivileges": "yes",
        "IPAddressDeny": "any",
        "MemorySwapMax": "0",
        "SystemCallFilter": "@system-service",
    }
    assert {name: service[name] for name in wanted} == wanted
    assert service["ReadWritePaths"]
    assert service["User"] != "root"
    assert not {"Environment", "EnvironmentFile", "PassEnvironment"} & set(service)


def test_every_timer_has_its_service_and_whoever_is_told_exists() -> None:
    for path in UNITS.glob("*.timer"):
        assert path.with_suffix(".service").exists()
    for path in UNITS.glob("*.service"):
        if told := unit(path.name)["Unit"].get("OnFailure"):
            assert (UNITS / told).exists()
