"""How a process of ours behaves, as the kernel says it."""

import signal
import subprocess
import sys
from pathlib import Path

LOOK = """
import ctypes, os, resource
from reconcile.machine.process import settle
settle()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), oct(os.umask(0)))
"""


def test_files_are_for_the_owner_and_no_crash_writes_the_memory_to_a_file() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True).stdout
    assert said.split("\n")[0] == "(0, 0) 0 0o77"


def test_a_crash_leaves_no_core_file(tmp_path: Path) -> None:
    crash = "import os; from reconcile.machine.process import settle; settle(); os.abort()"
    died = subprocess.run([sys.executable, "-c", crash], cwd=tmp_path, check=False, capture_output=True)
    assert died.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []
