"""datadiffer's command line, all samples, as JSON (`reference/peers.md` §6)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.peers.call import Answer, RefusedError

_DIFFERENT = 1


def compare(left: Path, right: Path, key: Sequence[str], out: Path) -> Answer:
    """Compare two files."""
    report = out / "datadiffer.json"
    with report.open("wb") as file:
        program = Path(sys.executable).with_name("datadiffer")
        options = ["--key", ",".join(key), "--sample-limit", "1000000000", "--no-attribution", "--format", "json"]
        done = subprocess.run(
            [program, "diff", left, right, *options], stdout=file, stderr=subprocess.DEVNULL, check=False
        )
    if done.returncode not in (0, _DIFFERENT):
        raise RefusedError(done.returncode)
    rows = json.loads(report.read_text(encoding="utf-8"))["rows"]
    return Answer(
        equal=done.returncode == 0,
        only_left=rows["removed"],
        only_right=rows["added"],
        changed=rows["modified"],
        repeated=None,
    )
