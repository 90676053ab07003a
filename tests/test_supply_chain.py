"""What we are made of: every part named with the digests of its files, and the same list each time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock.txt"
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;]+)(?P<rest>.*(?:\n .*)*)", re.MULTILINE)


def _bill(out: Path) -> bytes:
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", str(out)]
    program = [sys.executable, "-m", "cyclonedx_py"]
    subprocess.run([*program, "requirements", str(LOCK), *options], check=True, capture_output=True)
    return out.read_bytes()


def test_the_list_of_parts_names_every_pin_of_the_lock_with_all_its_digests(tmp_path: Path) -> None:
    bill = json.loads(_bill(tmp_path / "sbom.json"))

    listed = sorted(
        (
            one["name"],
            one["version"],
            frozenset(h["content"] for ref in one["externalReferences"] for h in ref["hashes"]),
        )
        for one in bill["components"]
    )
    locked = sorted(
        (pin["name"], pin["version"], frozenset(re.findall(r"sha256:([0-9a-f]{64})", pin["rest"])))
        for pin in PIN.finditer(LOCK.read_text())
    )
    assert bill["bomFormat"] == "CycloneDX"
    assert len(locked) > 100
    assert listed == locked
    assert all(digests for _, _, digests in listed)
    assert bill["metadata"]["component"]["name"] == "reconcile"


def test_no_line_of_the_lock_may_be_installed_without_a_digest() -> None:
    pins = [line for line in LOCK.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert len(pins) == len([*PIN.finditer(LOCK.read_text())])
    assert all("--hash=sha256:" in pin["rest"] for pin in PIN.finditer(LOCK.read_text()))
