"""What a process costs, seen from outside: wall time, and the most anonymous memory it held with its children.

Anonymous memory is what cannot be dropped under pressure; pages of a mapped Parquet file can, so that resident size
would charge a program for reading its input. Source: `RssAnon` of `/proc/<pid>/status`, every 5 ms (Linux only).
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.005
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One process: what it cost, how it ended, and what it said on stdout."""

    wall_seconds: float
    peak_anonymous_bytes: int
    exit_code: int
    output: str


def measure(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and say what it cost.

    Args:
        command: The program and its arguments.
        cwd: Where it runs.
        environment: Variables on top of ours.

    Returns:
        Its cost. Wall time runs from before the start of the process to its reaped end.
    """
    begin = time.perf_counter()
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env={**_shell(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        peak: list[int] = [0]
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, done, peak), daemon=True)
        watcher.start()
        output, _ = process.communicate()
        wall_seconds = time.perf_counter() - begin
        done.set()
        watcher.join()
    return Cost(wall_seconds=wall_seconds, peak_anonymous_bytes=peak[0], exit_code=process.returncode, output=output)


def interleave(rounds: int, *contestants: Callable[[], Cost]) -> list[list[Cost]]:
    """The costs of each contestant, taken in turn: round by round, every second round in reverse.

    A machine's load drifts by more than the contestants differ; whoever runs beside each other shares it. Turning the
    order round gives nobody the warm cache.
    """
    costs: list[list[Cost]] = [[] for _ in contestants]
    for number in range(rounds):
        order = range(len(contestants)) if number % 2 == 0 else reversed(range(len(contestants)))
        for index in order:
            costs[index].append(contestants[index]())
    return costs


def _shell() -> dict[str, str]:
    """The environment as a shell would have it.

    This process imports polars, which leaves in `os.environ` how it wants its memory handled: a child would take that for
    what the user wants. And an installation is compiled, while a machine for tests may forbid it.
    """
    ours = {"_RJEM_MALLOC_CONF", "PYTHONDONTWRITEBYTECODE"}
    return {name: value for name, value in os.environ.items() if name not in ours}


def _watch(pid: int, done: threading.Event, peak: list[int]) -> None:
    while not done.wait(SAMPLE_SECONDS):
        peak[0] = max(peak[0], sum(map(_anonymous_bytes, _family(pid))))


def _family(pid: int) -> list[int]:
    family = [pid]
    for member in family:  # grows while it is walked: children of children
        try:
            # Each thread lists the children that it started itself.
            children = [
                (one / "children").read_text(encoding="ascii") for one in Path(f"/proc/{member}/task").iterdir()
            ]
        except OSError:  # gone between two looks
            continue
        family.extend(int(child) for listed in children for child in listed.split())
    return family


def _anonymous_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:  # gone between two looks
        return 0
    _, found, rest = status.partition("RssAnon:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if found else 0
