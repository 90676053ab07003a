"""The nightly flow under the real Prefect: what it delivers, what its database may know, and that it is scheduled."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from fixtures.ward import make_ward
from reconcile import evidence
from reconcile.config import signing_key
from tests.test_nightly import RUN_FILE

FLOW = "import sys; from flows.nightly import reconcile_nightly as flow; flow(sys.argv[1], sys.argv[2])"
ROOT = Path(__file__).parents[1]
TOKYO = ZoneInfo("Asia/Tokyo")
PATIENCE_SECONDS = 120


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A ward of a thousand, and its run file."""
    make_ward(tmp_path, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    return config


def environment(home: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PREFECT_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def flow(config: Path, home: Path, as_of: str = "2026-11-20", program: str = FLOW) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(config), as_of],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def stored(home: Path) -> str:
    """Every value of every table of Prefect's database, and of its log beside it."""
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in database.execute(f'SELECT * FROM "{table}"')]  # noqa: S608
    return "\n".join(str(value) for row in rows for value in row)


def people(folder: Path) -> set[str]:
    """The names, codes and numbers of everyone in the register."""
    with duckdb.connect(str(folder / "register.duckdb"), read_only=True) as database:
        columns = "shimei_kanji, jumin_cd, kojin_no"
        rows = database.sql(f"SELECT {columns} FROM juki_current").fetchall()  # noqa: S608
    return {value for row in rows for value in row if value}


def test_a_night_is_delivered_and_prefect_learns_nobody_s_name(site: Path, tmp_path: Path) -> None:
    ran = flow(site, tmp_path / "prefect")

    status = json.loads((tmp_path / "results" / "status.json").read_bytes())
    known = stored(tmp_path / "prefect")
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert status["verdict"] == "partial"
    assert (tmp_path / "results" / status["results"] / "worklist.xlsx").exists()
    assert "整合性確認" in known  # the flow is there
    assert recorded(tmp_path / "results") == ["run_started", "inputs_accepted", "run_decided", "run_published"]
    assert [one for one in people(tmp_path) if one in known] == []


def test_a_day_that_has_not_come_yet_fails_the_flow_and_touches_nothing(site: Path, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o700)
    (tmp_path / "results" / "status.json").write_text("of the night before", encoding="utf-8")

    ran = flow(site, tmp_path / "prefect", "2926-11-20")

    assert ran.returncode != 0
    assert "E_CONFIG" in stored(tmp_path / "prefect")
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["status.json"]
    assert (tmp_path / "results" / "status.json").read_text(encoding="utf-8") == "of the night before"


OUT_OF_MEMORY = f"""
import numpy
from reconcile import nightly

def comparing(*_):
    numpy.empty(1 << 60, dtype=numpy.uint8)  # numpy's own: numpy._core._exceptions._ArrayMemoryError

nightly.compare = comparing
{FLOW}"""


def test_a_night_that_dies_of_memory_is_recorded_as_failed(site: Path, tmp_path: Path) -> None:
    ran = flow(site, tmp_path / "prefect", program=OUT_OF_MEMORY)

    status = json.loads((tmp_path / "results" / "status.json").read_bytes())
    assert ran.returncode != 0
    assert (status["verdict"], status["code"]) == ("failed", "E_FAILED _ArrayMemoryError")
    assert recorded(tmp_path / "results") == ["run_started", "run_failed"]


def test_a_refused_source_fails_the_flow_with_a_code_and_no_value(site: Path, tmp_path: Path) -> None:
    export = tmp_path / "cs.dat"
    export.write_bytes(export.read_bytes()[:-640])

    ran = flow(site, tmp_path / "prefect")

    status = json.loads((tmp_path / "results" / "status.json").read_bytes())
    known = stored(tmp_path / "prefect")
    assert ran.returncode != 0
    assert status["verdict"] == "inconclusive"
    assert status["code"] in known
    assert recorded(tmp_path / "results") == ["run_started", "run_failed"]
    assert [one for one in people(tmp_path) if one in known or one in ran.stderr] == []


def recorded(out: Path) -> list[str]:
    """The events in the evidence, after all of it has been verified with the public key of the site."""
    verifier = evidence.public_key(signing_key(out.parent / "evidence.key"))
    assert evidence.verify(out, verifier).failures == []
    return [json.loads(line)["event"] for line in (out / "evidence" / "log.jsonl").read_bytes().splitlines()]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], env: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, env=env, stdout=output, stderr=output) as process:
        try:
            yield
        finally:
            process.terminate()


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not what() and time.monotonic() < until:
        time.sleep(0.5)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own server on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def scheduled(api: str) -> list[str]:
    """When the API says that a run is scheduled to start."""
    asked = urllib.request.Request(  # noqa: S310  our own server on loopback
        f"{api}/flow_runs/filter",
        data=json.dumps({"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "limit": 5}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310
            return [run["expected_start_time"] for run in json.load(answer)]
    except OSError:
        return []


def test_the_schedule_really_schedules_half_past_two_in_tokyo(site: Path, tmp_path: Path) -> None:
    """With other bounds of sqlalchemy the server comes up and never schedules a run (reference/ecosystem.md §1.1)."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    env = environment(tmp_path / "prefect", PREFECT_API_URL=api, DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="0")
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    serve = [sys.executable, "-m", "reconcile", "schedule", "--config", str(site)]
    with running(server, env, tmp_path / "server.log"):
        wait_for(lambda: answers(f"{api}/health"))
        with running(serve, env, tmp_path / "serve.log"):
            wait_for(lambda: bool(scheduled(api)))
            starts = scheduled(api)

    assert starts, (tmp_path / "serve.log").read_text()[-2000:]
    local = [datetime.fromisoformat(start).astimezone(TOKYO) for start in starts]
    assert {(start.hour, start.minute) for start in local} == {(2, 30)}
