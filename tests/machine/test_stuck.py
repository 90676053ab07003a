"""A process in which nothing moves any more is ended; one that works, or waits for a database, is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

START = "import threading, time; from reconcile.machine.stuck import elsewhere, watched\n"
CASES = {
    # A lock that nobody gives back stands for an engine that waits for itself: no signal and no exception ends it.
    "stuck": ("with watched(0.6): nobody = threading.Lock(); nobody.acquire(); nobody.acquire()", 2),
    "working": ("with watched(0.6):\n end = time.time() + 3\n while time.time() < end: pass", 0),
    "waiting": ("with watched(0.6), elsewhere(): time.sleep(3)", 0),
    "waited": ("with watched(0.6):\n with elsewhere(): time.sleep(2)\n threading.Event().wait()", 2),
    # The allocator's thread, where the machine gives it no second one (measured: one whole processor).
    "housekeeping": (
        """
import hashlib
def spin():
    open("/proc/thread-self/comm", "w").write("jemalloc_bg_thd")
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
with watched(0.6):
    threading.Thread(target=spin, daemon=True).start()
    threading.Event().wait()
""",
        2,
    ),
    "done": ("with watched(0.6): pass\ntime.sleep(3)", 0),
    "within": ("with watched(0.6):\n with watched(0.6): pass\n threading.Event().wait()", 2),
}


@pytest.mark.parametrize("case", CASES)
def test_a_process_in_which_nothing_moves_is_ended_and_no_other(case: str) -> None:
    program, status = CASES[case]
    done = subprocess.run(
        [sys.executable, "-c", START + program], capture_output=True, text=True, check=False, timeout=20
    )

    assert done.returncode == status, done.stderr
    assert ("E_STUCK" in done.stderr) == (status == 2)
