"""Output folders of nights that never ran: the real log, the real delivery, contents that mean nothing."""

from __future__ import annotations

import importlib.util
import os
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from reconcile import deliver
from reconcile.evidence import append, public_key, verify
from reconcile.ledger import digest_of
from reconcile.model import Verdict

KEY = bytes(range(32))
VERIFIER = public_key(KEY)
NAMES = ("council.pdf", "findings.parquet", "page.html", "summary.json", "worklist.xlsx")
ENDINGS = ("published", "published", "published", "failed", "thinned", "died_started", "died_decided", "died_placed")

Files = dict[str, bytes]


def dice_of(seed: object) -> random.Random:
    """Dice that fall alike for the same seed."""
    return random.Random(str(seed))  # noqa: S311  a test's choice, no secret


class Nights(NamedTuple):
    """An output folder, and a checkpoint that was carried out of it on the way."""

    folder: Path
    since: bytes
    since_size: int


def _second_verifier() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "docs" / "verify.py"
    spec = importlib.util.spec_from_file_location("second_verifier", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SECOND = _second_verifier()


def alarms(folder: Path, since: tuple[bytes, ...] = (), key: str = VERIFIER) -> tuple[bool, bool]:
    """Whether the program's verifier and the separate one find something wrong."""
    ours = bool(verify(folder, key, since=since, ledger=digest_of(folder)).failures)
    try:
        SECOND.check(folder, "", key, list(since))
    except SECOND.Wrong:
        return ours, True
    return ours, False


def make_nights(folder: Path, dice: random.Random, runs: int = 4) -> Nights:
    """Some nights, each with an end of its own, as `reconcile.nights.attest` and `reconcile.nightly` leave them."""
    # What is verified here is what was written, not that it would outlive a power cut: flushing takes nine tenths.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _descriptor: None)
        return _make_nights(folder, dice, runs)


def _make_nights(folder: Path, dice: random.Random, runs: int) -> Nights:
    at = datetime(2026, 11, 1, 17, 30, tzinfo=UTC)
    since, since_size = b"", 0
    for night in range(runs):
        at += timedelta(days=1)
        run = f"{at:%Y%m%dT%H%M%SZ}-{dice.getrandbits(24):06x}"
        # The first is whole, so that there is something to lose.
        ending = "published" if night == 0 else dice.choice(ENDINGS)
        _night(folder, run, at, ending, dice)
        if night < runs - 1:
            since = (folder / "evidence" / "checkpoint").read_bytes()
            since_size = int(since.split(b"\n")[1])
    return Nights(folder, since, since_size)


def _night(folder: Path, run: str, at: datetime, ending: str, dice: random.Random) -> None:
    def say(event: str, **details: str | int) -> None:
        append(folder, event, at, key=KEY, run_id=run, **details)

    deliver.announce(folder, run)
    say("run_started", config_sha256="0" * 64)
    if ending == "died_started":
        return
    if ending == "failed":
        deliver.conclude(folder, run, Verdict.INCONCLUSIVE, code="E_COUNT")
        say("run_failed", verdict="inconclusive", code="E_COUNT")
        return
    say("inputs_accepted", left_records=dice.randrange(300_000))
    staged = folder / f".stage-{run}"
    staged.mkdir()
    for name in NAMES:
        (staged / name).write_bytes(dice.randbytes(dice.randrange(1, 400)))
    verdict = dice.choice((Verdict.PARTIAL, Verdict.MISMATCH, Verdict.CONSISTENT))
    say("run_decided", verdict=verdict.value, manifest_sha256=deliver.seal(staged, {"run_id": run}))
    if ending == "died_decided":
        return
    deliver.publish(staged, folder / run)
    if ending == "died_placed":
        return
    say("run_published", verdict=verdict.value)
    deliver.conclude(folder, run, verdict)
    if ending == "thinned":
        say("retention_marked")
        for name in dice.sample(NAMES, dice.randrange(1, len(NAMES))):
            (folder / run / name).unlink()
        say("retention_deleted")


def load(folder: Path) -> Files:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def store(folder: Path, now: Mapping[str, bytes], then: Mapping[str, bytes]) -> None:
    """Turn what stands in a folder (`now`) into `then`, touching only what differs."""
    for name in now.keys() - then.keys():
        (folder / name).unlink()
        if not any((folder / name).parent.iterdir()):
            (folder / name).parent.rmdir()
    for name, content in then.items():
        if now.get(name) != content:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


Manipulation = Callable[[Files, random.Random], Files]
