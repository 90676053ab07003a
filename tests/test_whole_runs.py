"""Whole runs over a ward full of canaries, seen from outside: what they leave behind, and whom they talk to.

The nightly flow under Prefect runs once, in a network namespace with loopback only and under strace; the command line
once for each of its commands; failing runs in this process. Then everything that was written is searched: results,
evidence, Prefect's home, temporary folders, caches, both streams.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from typer.testing import CliRunner

from reconcile.cli import app
from tests.canary import Scan, scan, scan_text
from tests.planted import AS_OF, MY_NUMBER, Site, plant
from tests.system_calls import needs_strace

ROOT = Path(__file__).parents[1]
FLOW = "import sys; from flows.nightly import reconcile_nightly as flow; flow(sys.argv[1], sys.argv[2])"
INPUTS = frozenset(("site/cs.csv", "site/register.duckdb"))
LISTS = frozenset(("worklist.xlsx", "findings.parquet", "variants.parquet", "findings.csv"))
"""What may name a resident. The council's paper, the page, the summary, the status and the evidence may not."""


class Ran(NamedTuple):
    """A process that ended."""

    status: int
    out: str
    err: str


class World(NamedTuple):
    """Everything a process may write to, under one folder: the site, a home, a place for temporary files."""

    root: Path
    site: Site

    def environment(self) -> dict[str, str]:
        folders = {name: self.root / name for name in ("home", "tmp", "prefect")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True, mode=0o700)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        return {
            **kept,
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["tmp"]),
            "PREFECT_HOME": str(folders["prefect"]),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RECONCILE_SITE_KEY": str(self.site.config.parent / "keys" / "site.key"),
        }

    def start(self, *command: str) -> Ran:
        where = self.root / "cwd"
        where.mkdir(exist_ok=True)
        done = subprocess.run(
            command,
            cwd=where,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            umask=0o022,  # as a login shell has it
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def reconcile(self, *arguments: str) -> Ran:
        return self.start(sys.executable, "-m", "reconcile", *arguments)

    def searched(self) -> Scan:
        return scan(self.root, self.site.canaries)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("world")
    return World(root, plant(root / "site"))


@pytest.fixture(scope="module")
def traced(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, str]:
    """The nightly flow, Prefect and its server included, cut off and watched."""
    log = tmp_path_factory.mktemp("strace") / "calls"
    watch = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", str(log)]
    calls = ["-e", "trace=%network,open,openat,creat,mkdir,mkdirat"]
    flow = [sys.executable, "-c", FLOW, str(world.site.config), AS_OF]
    ran = world.start(sys.executable, str(ROOT / "tests" / "offline.py"), *watch, *calls, *flow)
    return ran, log.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def commands(world: World) -> dict[str, Ran]:
    """`diff` with every format, `explain` of somebody who differs, a rehearsal, the bundle for a contractor."""
    site = world.site.config
    someone = str(world.site.canaries["right juminhyo_code"])
    out = str(world.root / "diff")
    formats = "xlsx,pdf,html,parquet,csv,json"
    return {
        "diff": world.reconcile("diff", "cs", "register", "--config", str(site), "--out", out, "--report", formats),
        "explain": world.reconcile("explain", someone, "--config", str(site), "--purpose", "試験", "--as-of", AS_OF),
        "rehearsal": world.reconcile("run", "--config", str(site), "--dry-run"),
        "bundle": world.reconcile("bundle", "--config", str(site)),
    }


# ---------------------------------------------------------------------------------------------------- what is left


def test_the_canaries_are_in_the_inputs_before_anything_runs(world: World) -> None:
    found = world.searched()
    assert found.unknown == ()
    assert {hit.canary for hit in found.hits} == set(world.site.canaries)
    assert len(world.site.canaries) >= 40


@needs_strace
def test_a_nightly_run_leaves_no_value_outside_the_permitted_files(world: World, traced: tuple[Ran, str]) -> None:
    ran, _ = traced
    assert ran.status == 0, ran.err[-3000:]

    found = world.searched()

    assert found.unknown == ()
    assert found.files >= 20
    assert (world.root / "prefect" / "prefect.db").exists()
    assert scan_text(ran.out + ran.err, world.site.canaries) == set()
    assert _astray(found) == set()
    assert _spread(found, MY_NUMBER, world) <= INPUTS
    (results,) = world.site.config.parent.glob("results/2*")
    for name in ("worklist.xlsx", "findings.parquet"):  # found where it must be: the search works, and nothing is lost
        held = found.found_in((results / name).relative_to(world.root).as_posix())
        assert held >= world.site.of("name_kanji", "furigana_name", "address_lot", "juminhyo_code") - {
            "history name_kanji",
            "history furigana_name",
            "history address_lot",
            "history juminhyo_code",
        }


def test_no_command_leaves_a_value_outside_the_permitted_files(world: World, commands: dict[str, Ran]) -> None:
    found = world.searched()

    assert {name: ran.status for name, ran in commands.items()} == {
        "diff": 1,
        "explain": 1,
        "rehearsal": 2,
        "bundle": 0,
    }
    assert found.unknown == ()
    assert _astray(found) == set()
    assert _spread(found, MY_NUMBER, world) <= INPUTS
    for ran in (commands["diff"], commands["rehearsal"], commands["bundle"]):
        assert scan_text(ran.out + ran.err, world.site.canaries) == set()
    assert scan_text(commands["explain"].err, world.site.canaries) == set()
    shown = scan_text(commands["explain"].out, world.site.canaries)  # the one command that is asked for a person
    assert "right juminhyo_code" in shown
    assert not shown & world.site.of(MY_NUMBER)


@needs_strace
def test_every_file_of_ours_is_for_its_owner_only(
    world: World, traced: tuple[Ran, str], commands: dict[str, Ran]
) -> None:
    """Started with the umask of a login shell, 022."""
    assert traced
    assert commands
    site = world.site.config.parent
    ours = [*_below(site / "results"), *_below(world.root / "diff"), *_below(world.root / "prefect")]
    wide = {
        path.relative_to(world.root).as_posix(): oct(stat.S_IMODE(path.stat().st_mode))
        for path in ours
        if path.stat().st_mode & 0o077
    }
    assert len(ours) > 20
    assert wide == {}
    assert [path for path in _below(world.root / "tmp") if path.is_file()] == []


def _below(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def _astray(found: Scan) -> set[str]:
    """Files that hold a canary and may not."""
    holding = {hit.file.partition("!")[0] for hit in found.hits}
    return {name for name in holding if name not in INPUTS and "/keys/" not in name and Path(name).name not in LISTS}


def _spread(found: Scan, field: str, world: World) -> set[str]:
    return {file for canary in world.site.of(field) for file in found.files_with(canary)}


# ------------------------------------------------------------------------------------------------ whom it talks to

CALL = re.compile(r"^\d+ +(connect|sendto|sendmsg|sendmmsg|bind)\((?P<rest>.*)$", re.MULTILINE)
LOCAL = re.compile(
    r"sa_family=AF_UNIX|sa_family=AF_NETLINK|sin_addr=inet_addr\(\"127\.\d+\.\d+\.\d+\"\)|inet_pton\(AF_INET6, \"::1\""
)
MADE = re.compile(
    r"^\d+ +(?:openat\(AT_FDCWD, |open\(|creat\(|mkdir\(|mkdirat\(AT_FDCWD, )\"(?P<path>[^\"]*)\"(?P<rest>.*)$",
    re.MULTILINE,
)


UNNAMED = re.compile(r", NULL, 0(?:\)| <unfinished)|msg_name=NULL")


def strangers(log: str) -> list[str]:
    """Calls that name an address which is neither a local socket nor loopback.

    A call without an address goes where an earlier one has connected to; an address that strace could not read counts.
    """
    return [
        call[0] for call in CALL.finditer(log) if not LOCAL.search(call["rest"]) and not UNNAMED.search(call["rest"])
    ]


@needs_strace
def test_a_whole_nightly_run_talks_to_nobody_but_itself(traced: tuple[Ran, str]) -> None:
    ran, log = traced
    assert ran.status == 0, ran.err[-3000:]
    calls = [call[0] for call in CALL.finditer(log)]
    assert any("127.0.0.1" in call for call in calls)  # Prefect asks its own server: the watch sees calls
    assert strangers(log) == []


@needs_strace
def test_the_watch_would_see_a_stranger(tmp_path: Path) -> None:
    """Each way in which a program asks somebody else, under the same watch."""
    asks = """
import socket
for kind, address in ((socket.SOCK_STREAM, ("192.0.2.1", 443)), (socket.SOCK_DGRAM, ("192.0.2.2", 53))):
    with socket.socket(socket.AF_INET, kind) as one:
        try: one.connect(address)
        except OSError: pass
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    try: one.sendto(b"x", ("192.0.2.3", 53))
    except OSError: pass
    try: one.sendmsg([b"x"], [], 0, ("192.0.2.4", 53))
    except OSError: pass
with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as one:
    try: one.connect(("2001:db8::1", 443))
    except OSError: pass
"""
    log = tmp_path / "calls"
    watch = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log), "-e", "trace=%network"]
    offline = [sys.executable, str(ROOT / "tests" / "offline.py")]
    subprocess.run([*offline, *watch, sys.executable, "-c", asks], check=True, capture_output=True)

    seen = strangers(log.read_text())

    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::1"):
        assert any(address in call for call in seen), address


@needs_strace
def test_a_nightly_run_writes_nowhere_else(world: World, traced: tuple[Ran, str]) -> None:
    """No file is made outside the output, Prefect's home and the folder for temporary files."""
    _, log = traced
    made = {
        call["path"]
        for call in MADE.finditer(log)
        if ("O_CREAT" in call["rest"] or call[0].split()[1].startswith(("creat", "mkdir")))
        and " = -1 " not in call["rest"]
    }
    elsewhere = {path for path in made if not path.startswith((str(world.root), "/dev/", "/proc/"))}
    assert len(made) > 10
    assert elsewhere == set()


# --------------------------------------------------------------------------------------------------- runs that fail


def _rows(site: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = site / "cs.csv"
    path.write_bytes(b"\r\n".join(change(path.read_bytes().split(b"\r\n"))))


def _with_canary(rows: list[bytes]) -> int:
    return next(number for number, row in enumerate(rows) if "カナリア".encode() in row)


def _replaced(rows: list[bytes], old: bytes, new: bytes) -> list[bytes]:
    number = _with_canary(rows)
    return [*rows[:number], rows[number].replace(old, new, 1), *rows[number + 1 :]]


def _register(site: Path, *statements: str) -> None:
    with duckdb.connect(str(site / "register.duckdb")) as database:
        for statement in statements:
            database.execute(statement)


def _config(site: Path, old: str, new: str) -> None:
    path = site / "run.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def _password(site: Path, secret: str) -> None:
    _config(site, "duckdb:///register.duckdb", f"postgresql://reader:{secret}@127.0.0.1:1/none")


def _key(site: Path, secret: str) -> None:
    path = site / "keys" / "site.key"
    path.unlink()
    path.write_text(secret)
    path.chmod(0o400)


FAULTS: dict[str, tuple[str, Callable[[Path, str], object]]] = {
    "cut within a canary": ("E_TRUNCATED", lambda site, _: _rows(site, lambda rows: rows[: _with_canary(rows) + 1])),
    "row lost": ("E_COUNT", lambda site, _: _rows(site, lambda rows: [*rows[:9], *rows[10:]])),
    "not utf-8": ("E_ENCODING", lambda site, _: _rows(site, lambda rows: _replaced(rows, b"\xe3\x82\xab", b"\x83J"))),
    "quote": ("E_QUOTE", lambda site, _: _rows(site, lambda rows: _replaced(rows, "カナ".encode(), '"カ"ナ'.encode()))),
    "column more": ("E_COLUMNS", lambda site, _: _rows(site, lambda rows: _replaced(rows, b",", b",,"))),
    "no such column": ("E_COLUMNS", lambda site, _: _register(site, "ALTER TABLE juki_current DROP shimei_kana")),
    "no such table": ("E_COLUMNS", lambda site, _: _register(site, "DROP TABLE juki_current")),
    "no database": ("E_CONNECT", lambda site, _: (site / "register.duckdb").write_bytes(b"nothing of the kind" * 99)),
    "password in a url": ("E_CONNECT", _password),
    "secret for a number": (
        "E_CONFIG",
        lambda site, secret: _config(site, '"13107"', f'"13107"\noverlap_min = "{secret}"'),
    ),
    "key of the wrong size": ("E_CONFIG", _key),
}


def test_a_run_that_fails_says_its_code_and_no_value(world: World, tmp_path: Path) -> None:
    secret = "Geheim" + os.urandom(8).hex()
    canaries = {**world.site.canaries, "secret": secret}
    said, statuses = {}, {}
    for number, (name, (_, break_it)) in enumerate(FAULTS.items()):
        site = tmp_path / str(number)
        shutil.copytree(world.site.config.parent, site, ignore=shutil.ignore_patterns("results"))
        break_it(site, secret)
        ran = CliRunner().invoke(app, ["run", "--config", str(site / "run.toml"), "--as-of", AS_OF])
        said[name] = ran.output + (ran.stderr if ran.stderr_bytes else "")
        statuses[name] = ran.exit_code

    found = scan(tmp_path, canaries)

    assert statuses == dict.fromkeys(FAULTS, 2)
    assert {name: code for name, (code, _) in FAULTS.items() if code not in said[name]} == {}
    assert {name: scan_text(text, canaries) for name, text in said.items() if scan_text(text, canaries)} == {}
    assert {name.partition("/")[2].partition(":")[0] for name in found.unknown} <= {
        "cs.csv",
        "register.duckdb",
    }  # broken
    holding = {hit.file.partition("!")[0].partition("/")[2] for hit in found.hits}
    assert holding <= {"cs.csv", "register.duckdb", "run.toml", "keys/site.key", "keys/evidence.key"}
