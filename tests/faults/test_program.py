"""Faults of the machine, the operator and the hour, on the real program: no run may claim what it did not show."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from reconcile import nightly, pipeline
from reconcile.errors import ConfigError
from reconcile.terminal import FAULTS
from tests.faults.corruptions import Files
from tests.faults.site import AS_OF, Said, leaked, night, people, place, quickly, ward
from tests.system_calls import needs_strace

RUN = (sys.executable, "-m", "reconcile", "run", "--as-of", AS_OF, "--lang", "ja", "--config")
CLAIMS = ("consistent", "mismatch", "partial")
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return ward(tmp_path_factory.mktemp("ward"))


@pytest.fixture
def site(whole: Files, tmp_path: Path) -> Path:
    """A run file whose last night was `consistent`."""
    config = place(whole, tmp_path / "site")
    assert again(config).verdict == "consistent"
    return config


def again(config: Path, *options: str) -> Said:
    with quickly():
        return night(config, *options)


def verdict(config: Path) -> str:
    return str(json.loads((config.parent / "results" / "status.json").read_bytes())["verdict"])


def repaired(config: Path) -> None:
    """The same command again is the repair, and nothing of the dead run is left."""
    assert again(config).verdict == "consistent"
    assert list((config.parent / "results").glob(".stage-*")) == []


def failed_gates(said: Said) -> list[str]:
    return [gate["gate"] for gate in said.summary["gates"] if gate["outcome"] == "failed"]


# ------------------------------------------------------------------------------------------------------- the machine


@needs_strace
def test_a_device_that_fails_while_it_is_read_ends_the_run(site: Path, whole: Files) -> None:
    """F038: EIO at the second read of the CS export."""
    export = site.parent / "cs.dat"
    watch = ["strace", "-f", "-qq", "-o", str(site.parent / "calls"), "-P", str(export)]
    inject = ["-e", "trace=read,pread64", "-e", "inject=read:error=EIO:when=1"]
    done = subprocess.run([*watch, *inject, *RUN, str(site)], capture_output=True, text=True, check=False)

    assert "(INJECTED)" in (site.parent / "calls").read_text(encoding="utf-8")
    assert done.returncode == 2
    assert f"E_READ {FAULTS['E_READ']}" in done.stderr
    assert verdict(site) == "inconclusive"
    assert [value for value in people(whole) if value in done.stdout + done.stderr] == []
    repaired(site)


def _little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))


def _few_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))


@pytest.mark.parametrize("poor", [_little_memory, _few_descriptors], ids=["memory", "descriptors"])
def test_a_run_without_memory_or_descriptors_claims_nothing(poor: Callable[[], None], site: Path, whole: Files) -> None:
    """F079, F102: whatever gives way first, yesterday's all-clear does not stand."""
    done = subprocess.run(
        [*RUN, str(site)],
        preexec_fn=poor,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode != 0
    assert verdict(site) not in CLAIMS
    assert [value for value in people(whole) if value in done.stdout + done.stderr] == []
    repaired(site)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda stop: stop.name)
def test_a_run_that_is_stopped_claims_nothing_and_the_next_one_repairs_it(stop: signal.Signals, site: Path) -> None:
    """F089, F149, F150: the stop comes while residents are being read or compared."""
    results = site.parent / "results"

    def attended() -> None:
        signal.signal(stop, signal.SIG_DFL)  # under nohup a child inherits that SIGHUP is ignored

    with subprocess.Popen(
        [*RUN, str(site)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=attended,  # noqa: PLW1509  no thread of ours runs
    ) as process:
        until = time.monotonic() + PATIENCE_SECONDS
        while not list(results.glob(".stage-*")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(stop)
        status = process.wait(PATIENCE_SECONDS)

    assert status != 0
    assert verdict(site) not in CLAIMS
    repaired(site)


def test_a_panic_of_a_library_is_a_failed_run_without_its_text(
    site: Path, whole: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F078, F124: polars' panic is no Exception, and its text may quote a resident."""
    someone = max(people(whole), key=len)

    def panics(*_: object, **__: object) -> object:
        raise pl.exceptions.PanicException(someone)

    monkeypatch.setattr(pipeline, "reconcile", panics)
    said = again(site)

    assert not issubclass(pl.exceptions.PanicException, Exception)
    assert (said.exit, said.verdict, said.status["code"]) == (2, "failed", "E_FAILED")
    assert "E_FAILED" in said.text
    assert leaked(said, {someone}) == []
    monkeypatch.undo()
    repaired(site)


# ------------------------------------------------------------------------------------------------------ the operator


def test_a_rehearsal_confirms_nothing_and_says_so(whole: Files, tmp_path: Path) -> None:
    """F141."""
    config = place(whole, tmp_path)
    done = subprocess.run([*RUN, str(config), "--dry-run"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "試行です。何も確認していません。" in done.stdout
    assert not (tmp_path / "results").exists()


def test_a_pattern_that_means_two_files_means_none(whole: Files, tmp_path: Path) -> None:
    """F003, F004: two files match, and neither is taken for the one that is meant."""
    config = place(Files(whole.cs, whole.register, whole.run.replace('"cs.dat"', '"cs*.dat"')), tmp_path)
    (tmp_path / "cs2.dat").write_bytes(whole.cs)

    said = again(config)

    assert (said.verdict, said.status["code"], said.exit) == ("inconclusive", "E_AMBIGUOUS", 2)


def test_a_workbook_is_no_input(tmp_path: Path) -> None:
    """F118: its name is refused, and its bytes under another name are none of a text."""
    for name in ("left.xlsx", "right.xlsx"):
        pl.DataFrame({"id": ["1"], "v": ["a"]}).write_excel(tmp_path / name)
        shutil.copyfile(tmp_path / name, tmp_path / name.replace("xlsx", "csv"))
    for kind in ("xlsx", "csv"):
        arguments = [str(tmp_path / f"{side}.{kind}") for side in ("left", "right")]
        command = [sys.executable, "-m", "reconcile", "diff", *arguments, "--key", "id", "--lang", "ja"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert any(f"{code} {FAULTS[code]}" in done.stderr for code in ("E_CONFIG", "E_ARCHIVE"))


@pytest.mark.parametrize("mode", [0o777, 0o703])
def test_a_folder_that_others_may_write_is_refused(mode: int, whole: Files, tmp_path: Path) -> None:
    """F101: before anything is read."""
    config = place(Files(b"", whole.register), tmp_path)  # reading it would be E_EMPTY
    (tmp_path / "results").mkdir()
    (tmp_path / "results").chmod(mode)
    done = subprocess.run([*RUN, str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"E_OUT {FAULTS['E_OUT']}" in done.stderr
    assert list((tmp_path / "results").iterdir()) == []


def test_the_run_file_stands_in_the_evidence_by_its_digest(site: Path) -> None:
    """F084, F123: whoever asks sees which run file a night was run under, and that it was another one."""
    first = sha256(site.read_bytes()).hexdigest()
    with site.open("a", encoding="utf-8") as file:
        file.write("\n# edited\n")
    second = sha256(site.read_bytes()).hexdigest()
    again(site)

    log = (site.parent / "results" / "evidence" / "log.jsonl").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in log.splitlines()]
    assert [entry["config_sha256"] for entry in entries if entry["event"] == "run_started"] == [
        first,
        second,
    ]


# ---------------------------------------------------------------------------------------------------------- the hour


@pytest.mark.parametrize(
    ("clock", "day"),
    [
        (datetime(2026, 12, 31, 14, 59, tzinfo=UTC), "2026-12-31"),
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), "2027-01-01"),
        (datetime(2028, 2, 28, 17, 30, tzinfo=UTC), "2028-02-29"),
        (datetime(1970, 1, 1, 0, 0, tzinfo=UTC), "1970-01-01"),
    ],
)
@pytest.mark.parametrize("zone", ["", "America/New_York", "Pacific/Kiritimati"])
def test_the_day_is_tokyos_whatever_the_machine_says(
    clock: datetime, day: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F096."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert nightly.day_of("", clock).date().isoformat() == day
        assert nightly.day_of(day, clock).date().isoformat() == day
        tomorrow = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
        for wrong in (tomorrow, "1967-02-29", "20260101"):
            with pytest.raises(ConfigError):
                nightly.day_of(wrong, clock)
    finally:
        monkeypatch.undo()
        time.tzset()


# ------------------------------------------------------------------------------------------------------- a database

STARTUP, TLS, GSS = 196_608, 80_877_103, 80_877_104


@pytest.fixture
def refusing() -> Iterator[tuple[int, list[int]]]:
    """A server that speaks PostgreSQL's protocol and says that the password has expired: its port, and the attempts."""
    attempts: list[int] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            with client:
                while head := client.recv(8):
                    length, request = struct.unpack("!II", head)
                    if request in (TLS, GSS):
                        client.sendall(b"N")
                        continue
                    client.recv(length - 8)
                    attempts.append(request)
                    fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "taro"\0\0'
                    client.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)
                    break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listening.getsockname()[1], attempts
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(10)


def test_a_password_is_tried_once(refusing: tuple[int, list[int]], whole: Files, tmp_path: Path) -> None:
    """F070: a second attempt may lock the account."""
    pytest.importorskip("adbc_driver_postgresql")
    port, attempts = refusing
    url = f'url = "postgresql://taro:himitsu@127.0.0.1:{port}/ward"'
    run = whole.run.replace('path = "register.csv"', url).replace('"register_csv"', '"register_table"')
    config = place(Files(whole.cs, whole.register, run), tmp_path)

    said = again(config)

    assert attempts == [STARTUP]
    assert (said.verdict, said.status["code"], said.exit) == ("inconclusive", "E_AUTH", 2)
    assert "himitsu" not in said.text
    assert "taro" not in said.text
    assert os.environ.get("PGPASSWORD") is None
