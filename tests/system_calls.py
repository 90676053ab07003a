"""ENOSPC, EIO and SIGKILL at the system calls of a command: where they may befall it, and doing so with strace.

A fault befalls one call upon one path of ours. By number alone it would also hit the wake-up of a thread pool, which no
full disk can refuse, and which hangs it; and a fault that strace did not inject is not counted (`reliability.md` §3.2).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

WRITING = "openat,write,pwrite64,fsync,fdatasync,rename,mkdir,rmdir,unlink,unlinkat,ftruncate"
READING = "read,pread64"
FAULTS = ("error=ENOSPC", "error=EIO", "signal=SIGKILL")
ROOT = Path(__file__).resolve().parents[1]
# One thread to a pool: their order is then no matter of chance.
ENVIRONMENT = {**os.environ, "POLARS_MAX_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
PATIENCE_SECONDS = 300

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed (apt-get install strace)"
)

_CALL = re.compile(r"(\d+) +(\w+)\((.*)")
_OPENED_TO_WRITE = re.compile(r"O_WRONLY|O_RDWR|O_CREAT")


class Point(NamedTuple):
    """One call of one kind upon one path below the folder, counted as strace counts them, thread by thread; its fate."""

    call: str
    path: str
    number: int
    fault: str


class Befallen(NamedTuple):
    """What became of a command: its status (negative: the signal), whether the fault was injected, what it printed."""

    status: int
    injected: bool
    said: str


def traced(command: Sequence[str], log: Path, *options: str) -> Befallen:
    """Run a command of ours under strace."""
    # The kernel stops it at the calls that are traced only, not at each: half the time. Not where a signal is sent: strace
    # forgets to send it then.
    stops = () if any("signal=" in option for option in options) else ("--seccomp-bpf",)
    done = subprocess.run(
        ["strace", "-f", *stops, "-qq", "-o", str(log), *options, *command],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    text = log.read_text(encoding="utf-8", errors="replace")
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    return Befallen(done.returncode, "(INJECTED)" in text or "killed by SIGKILL" in text, said)


def points(command: Sequence[str], folder: Path, calls: str = WRITING) -> list[Point]:
    """Every call of a dry run that names something below a folder, or a descriptor of it, with each fault it may meet.

    What reads meets EIO only: a full disk is still read, and a death between two writes is the death at the second.
    """
    log = folder.with_name(f"{folder.name}.strace")
    traced(command, log, "-y", "-e", f"trace={calls}")
    ours = re.compile(re.escape(f"{folder}/") + r"[^\s\">]*")
    counted: Counter[tuple[str, str, str]] = Counter()
    found: dict[tuple[str, str, int], tuple[str, ...]] = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        matched = _CALL.match(line)
        paths = list(dict.fromkeys(ours.findall(line.rpartition(" = ")[0])))
        if matched is None or matched[2] not in calls.split(",") or not paths:
            continue
        thread, call, arguments = matched.groups()
        counted.update((thread, call, path) for path in paths)
        reads = call in READING.split(",") or (call == "openat" and not _OPENED_TO_WRITE.search(arguments))
        place = (call, paths[0].removeprefix(str(folder)), counted[thread, call, paths[0]])
        found.setdefault(place, ("error=EIO",) if reads else FAULTS)
    log.unlink()
    return [Point(*place, fault) for place, faults in found.items() for fault in faults]


def befall(command: Sequence[str], folder: Path, point: Point) -> Befallen:
    """Run a command, and let the fault befall it."""
    log = folder.with_name(f"{folder.name}.strace")
    fault = f"inject={point.call}:{point.fault}:when={point.number}"
    done = traced(command, log, "-P", f"{folder}{point.path}", "-e", f"trace={point.call}", "-e", fault)
    log.unlink()
    return done
