"""How this process behaves, said before the libraries that read it are imported."""

from __future__ import annotations

import ctypes
import io
import os
import re
import resource
import sys
import threading
import tomllib
from pathlib import Path
from types import TracebackType

from reconcile.errors import ConfigError
from reconcile.machine.boundary import CODE, place_of

PR_SET_DUMPABLE = 4
"""`prctl(2)`: whether a crash may write the memory to a file, and whether others of the user may look into it."""


LIMIT = "RECONCILE_MEMORY_LIMIT"
"""The variable that carries the limit, in bytes, to whoever divides it: this process, or one that it starts."""

LEAST_LIMIT = 300 << 20
"""Bytes. Below it the libraries alone leave too little."""

A_THREAD = 150 << 20
"""Bytes of a limit, beyond the least, for each thread beyond the first: it holds the row group that it decodes."""

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def memory_limit(text: str) -> int:
    """Bytes of a limit as it is written: "600MiB", "1.5GiB"; 0 for "".

    Raises:
        ConfigError: It is not a number and a unit, or less than this program can work in.
    """
    if not text:
        return 0
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([KMG]iB)", text)
    if found is None:
        raise ConfigError("--memory-limit", f"got {text!r}, expected a number and KiB, MiB or GiB", hint="600MiB")
    limit = int(float(found[1]) * _UNITS[found[2]])
    if limit < LEAST_LIMIT:
        raise ConfigError("--memory-limit", f"got {text}, expected {LEAST_LIMIT >> 20}MiB or more")
    return limit


def threads_within(limit_bytes: int, cores: int) -> int:
    """How many threads may read within a limit."""
    return max(1, min(cores, 1 + (limit_bytes - LEAST_LIMIT) // A_THREAD))


def limit_of(run_file: Path) -> str:
    """What a run file says of the memory, "" if nothing or if it is no run file: whoever reads it next will say so."""
    try:
        said = tomllib.loads(run_file.read_text(encoding="utf-8")).get("memory_limit", "")
    except (OSError, ValueError):
        return ""
    return str(said)


def limited() -> int:
    """The limit of this process in bytes, 0 for none."""
    return int(os.environ.get(LIMIT, "0"))


def settle(threads: int = 0, limit: str = "") -> None:
    """Files for the owner only; no image of the memory; as many threads as asked for; freed memory given back soon.

    The memory holds residents, and a core file would hold them for whoever finds it (`reliability.md` F128).

    polars' defaults favor throughput on large machines: several row groups read ahead, freed pages kept for seconds.
    The values here were measured with `make bench`: the same time, and a third less memory. Without a limit all of
    them can be set from outside.

    Args:
        threads: For polars; 0 takes every core, or as many as the limit has room for.
        limit: Of the memory of the whole process, as it is written (`memory_limit`); "" is none.

    Raises:
        ConfigError: The limit is not one.
    """
    if limit:
        size = memory_limit(limit)
        os.environ[LIMIT] = str(size)
        threads = threads or threads_within(size, os.cpu_count() or 1)
        os.environ["POLARS_ROW_GROUP_PREFETCH_SIZE"] = "1"
        # Pages kept for a time are more pages on a faster machine; none at all is twice the time. Not `setdefault`:
        # importing polars sets this variable, so that whatever a process with polars starts inherits half a second.
        os.environ["_RJEM_MALLOC_CONF"] = "dirty_decay_ms:10,muzzy_decay_ms:0"
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if threads:
        os.environ["POLARS_MAX_THREADS"] = str(threads)
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:100,muzzy_decay_ms:0")


def hush() -> None:
    """From here on, nothing that this process did not mean to say reaches the terminal or the journal.

    An exception that nobody caught becomes one line without its text, in every thread. What native code writes to file
    descriptor 2 by itself (Rust prints the text of a panic before Python hears of it) goes nowhere: `sys.stderr` writes
    to a copy of the descriptor. For a process of its own.
    """
    sys.stderr.flush()
    raw = getattr(sys.stderr.buffer, "raw", sys.stderr.buffer)
    if isinstance(raw, io.FileIO):  # not where somebody has put a stream of their own in its place
        own = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        # The same object with another descriptor: who has taken hold of it (logging) keeps writing.
        io.FileIO.__init__(raw, own, "w", closefd=False)
    sys.excepthook = _tell
    threading.excepthook = lambda died: _tell(died.exc_type, died.exc_value, died.exc_traceback)
    sys.unraisablehook = lambda lost: _tell(lost.exc_type, lost.exc_value, lost.exc_traceback)


def _tell(kind: type[BaseException], _error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, SystemExit):  # how a thread may end
        return
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    sys.stderr.write(" ".join(["reconcile:", CODE, name, *filter(None, [place_of(trace)])]) + "\n")
