"""An end to a process in which nothing moves any more.

polars' runtime keeps work for a thread that the machine did not give it, for want of memory or of tasks, in a queue that
nobody serves: the process waits for itself, and no exception ever says so (`reference/reliability.md` F079). It is ended
as one that was killed: `status.json` says "unknown" since it began, and the next run repairs what it left.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

IDLE_SECONDS = 120.0
"""How long the threads of a process at work may use no processor time. Nothing here sleeps."""

_LOOKS = 12
_HOUSEKEEPING = b"(jemalloc_bg_thd"
"""The allocator's own thread: where it gets no second one, it tries for ever, and uses a whole processor for it."""

_away = 0
_counted = threading.Lock()


@contextmanager
def watched(idle_seconds: float = IDLE_SECONDS) -> Iterator[None]:
    """End this process, with status 2 and one line, should nothing move in it for `idle_seconds` in here."""
    done = threading.Event()
    threading.Thread(target=_watch, args=(done, idle_seconds), name="watch", daemon=True).start()
    try:
        yield
    finally:
        done.set()


@contextmanager
def elsewhere() -> Iterator[None]:
    """In here another machine works for this process, which has set it a limit: it may wait."""
    global _away  # noqa: PLW0603  one process, one answer
    with _counted:
        _away += 1
    try:
        yield
    finally:
        with _counted:
            _away -= 1


def _watch(done: threading.Event, idle_seconds: float) -> None:
    # Looks are counted, not time: while a machine is asleep none is taken.
    look = idle_seconds / _LOOKS
    still, used = 0, _ticks()
    while not done.wait(look):
        before, used = used, _ticks()
        still = 0 if _away or used != before else still + 1
        if still == _LOOKS:
            told = f"nothing has moved for {idle_seconds:.0f} seconds 処理が進まなくなったため終了しました"
            sys.stderr.write(f"reconcile: E_STUCK {told}\n")
            sys.stderr.flush()
            os._exit(2)


def _ticks() -> dict[str, int]:
    """Thread -> hundredths of a second that it has computed; without this one and the allocator's."""
    used, own = {}, str(threading.get_native_id())
    for thread in Path("/proc/self/task").glob("*/stat"):
        with suppress(OSError):  # it has ended
            head, _, said = thread.read_bytes().rpartition(b") ")  # proc(5)
            if thread.parent.name != own and not head.endswith(_HOUSEKEEPING):
                used[thread.parent.name] = sum(map(int, said.split()[11:13]))  # utime, stime
    return used or {"": round(time.process_time() * 100)}  # not Linux
