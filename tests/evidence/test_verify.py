"""Tampering: every manipulation is found by both verifiers, and nothing is found where nothing was done (G10, G18)."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

import pytest

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.errors import EvidenceError, ReconcileError
from reconcile.evidence import append, merkle, public_key, verify
from reconcile.evidence.checkpoint import sign
from reconcile.evidence.log import canonical
from reconcile.ledger import digest_of
from tests.evidence import manipulations
from tests.evidence.places import (
    KEY,
    SECOND,
    VERIFIER,
    Files,
    Manipulation,
    Nights,
    alarms,
    dice_of,
    load,
    make_nights,
    store,
)
from tests.test_nightly import RUN_FILE, status

ROOT = Path(__file__).resolve().parents[2]
BOTH = (True, True)
STORED = ("log.jsonl", "checkpoint", "key.pub", "manifest.json", "findings.parquet", "variants.parquet",
          "summary.json", "worklist.xlsx", "council.pdf", "page.html")  # fmt: skip


def attempts(default: int, nightly: int) -> list[object]:
    """How many, by default and in the long version."""
    return [default, pytest.param(nightly, marks=pytest.mark.nightly)]


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return make_nights(tmp_path / "out", dice_of(1))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward of a thousand after one real night; tests copy it."""
    place = tmp_path_factory.mktemp("site")
    make_ward(place, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = place / "run.toml"
    config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    return config


@pytest.fixture
def copied(site: Path, tmp_path: Path) -> Path:
    shutil.copytree(site.parent, tmp_path / "site")
    return tmp_path / "site" / "run.toml"


def verifier_of(config: Path) -> str:
    return (config.parent / "results" / "evidence" / "key.pub").read_text().strip()


# ------------------------------------------------------------------------------------------------------------ tampering


@pytest.mark.parametrize("count", attempts(390, 10_000))
def test_every_manipulation_is_found_by_both_verifiers(tmp_path: Path, count: int) -> None:
    dice = dice_of(f"manipulations {count}")
    found: dict[str, int] = {}
    kinds = islice(cycle(manipulations.WITHOUT_THE_KEY), count)
    for place, group in enumerate(_chunks(kinds, 100)):
        nights = make_nights(tmp_path / str(place), dice)
        files = load(nights.folder)
        for kind in group:
            changed = kind(files, dice)
            if changed == files:  # two equal lines swapped: nothing was done
                continue
            store(nights.folder, files, changed)
            assert alarms(nights.folder, (nights.since,)) == BOTH, kind.__name__
            store(nights.folder, changed, files)
            found[kind.__name__] = found.get(kind.__name__, 0) + 1
        assert alarms(nights.folder, (nights.since,)) == (False, False)
    assert len(found) == len(manipulations.WITHOUT_THE_KEY)
    assert sum(found.values()) >= 0.95 * count


@pytest.mark.parametrize("count", attempts(60, 2_000))
@pytest.mark.parametrize("kind", [manipulations.rewrite_with_the_key, manipulations.roll_back])
def test_who_has_the_key_is_caught_by_an_earlier_checkpoint(
    tmp_path: Path, count: int, kind: Callable[[Files, random.Random, int], Files]
) -> None:
    dice = dice_of(f"{kind.__name__} {count}")
    for place in range(count // 20):
        nights = make_nights(tmp_path / str(place), dice)
        files = load(nights.folder)
        for _ in range(20):
            changed = kind(files, dice, nights.since_size)
            store(nights.folder, files, changed)
            assert alarms(nights.folder, (nights.since,)) == BOTH
            said = [one.where for one in verify(nights.folder, VERIFIER, since=[nights.since]).failures]
            assert "--since" in said
            store(nights.folder, changed, files)


def test_without_an_outside_checkpoint_the_insider_is_not_caught(nights: Nights) -> None:
    """Why the council keeps one: the log alone cannot show this, whatever it is made of."""
    files = load(nights.folder)
    lines = files["evidence/log.jsonl"].splitlines()
    log = [line for line in lines if b"left_records" not in line]  # as if the inputs had never been recorded
    changed = manipulations._signed(files, _chained(log), KEY)
    store(nights.folder, files, changed)
    assert alarms(nights.folder) == (False, False)
    assert alarms(nights.folder, (nights.since,)) == BOTH


@pytest.mark.parametrize("count", attempts(100, 1_000))
def test_nothing_is_found_where_nothing_was_done(tmp_path: Path, count: int) -> None:
    """Also after nights that were refused, died, or whose files went by the rule of retention."""
    for place in range(count):
        dice = dice_of(place)
        nights = make_nights(tmp_path / str(place), dice, runs=dice.randrange(2, 6))
        assert alarms(nights.folder, (nights.since,)) == (False, False), place
        shutil.rmtree(nights.folder)


@pytest.mark.parametrize("flips", attempts(30, 1_000))
@pytest.mark.parametrize("name", STORED)
def test_no_flipped_bit_of_a_stored_file_is_silent(copied: Path, name: str, flips: int) -> None:
    dice = dice_of(f"{name} {flips}")
    out, key = copied.parent / "results", verifier_of(copied)
    (path,) = out.rglob(name)
    content = path.read_bytes()
    assert alarms(out, key=key) == (False, False)
    for _ in range(flips):
        path.write_bytes(manipulations._flip(content, dice))
        assert alarms(out, key=key) == BOTH
    path.write_bytes(content)
    assert alarms(out, key=key) == (False, False)


@pytest.mark.parametrize("flips", attempts(60, 1_000))
def test_no_flipped_bit_of_the_ledger_is_silent(copied: Path, flips: int) -> None:
    """`integrity_check` finds a third of them; the evidence has the digest of all that it holds (F097, reliability E-3)."""
    dice, out, key = dice_of(f"ledger {flips}"), copied.parent / "results", verifier_of(copied)
    path = out / "ledger.sqlite"
    content = path.read_bytes()
    held = digest_of(out)
    assert held
    assert alarms(out, key=key) == (False, False)
    found = harmless = passed = 0
    for _ in range(flips):
        path.write_bytes(manipulations._flip(content, dice))
        ours, second = alarms(out, key=key)
        if digest_of(out) == held:  # in a byte that holds nothing: free space of a page, a counter of SQLite's own
            harmless += 1
            assert (ours, second) == (False, False)
            continue
        found += 1
        assert ours
        passed += second
        with pytest.raises(ReconcileError) as refused:
            nightly.run(copied, "2026-11-21", lambda _step, _done, _total: None)
        assert refused.value.code in {"E_LEDGER", "E_TAMPERED"}
        assert status(copied)["verdict"] in {"inconclusive", "tampered"}
    print(f"flips {flips}, noticed {found} (by the second verifier too {passed}), harmless {harmless}, silent 0")  # noqa: T201
    assert found


def test_a_name_of_another_finding_in_the_ledger_is_noticed_by_the_next_night(copied: Path) -> None:
    """What SQLite itself cannot see: a value that is a value."""
    out = copied.parent / "results"
    with closing(sqlite3.connect(out / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE breaks SET resolved = 1 - resolved WHERE rowid = (SELECT min(rowid) FROM breaks)")
    assert alarms(out, key=verifier_of(copied)) == BOTH
    with pytest.raises(EvidenceError):
        nightly.run(copied, "2026-11-21", lambda _step, _done, _total: None)
    assert status(copied)["verdict"] == "tampered"


def test_a_ledger_as_it_was_before_its_last_night_is_noticed(copied: Path) -> None:
    out = copied.parent / "results"
    earlier = (out / "ledger.sqlite").read_bytes()
    (copied.parent / "cs.dat").write_bytes(b"")
    with pytest.raises(ReconcileError):  # refused, and remembered so
        nightly.run(copied, "2026-11-21", lambda _step, _done, _total: None)
    assert alarms(out, key=verifier_of(copied)) == (False, False)
    (out / "ledger.sqlite").write_bytes(earlier)
    assert alarms(out, key=verifier_of(copied)) == BOTH


# -------------------------------------------------------------------------------------------------- where and what it is


def test_the_first_bad_entry_is_named(nights: Nights) -> None:
    log = nights.folder / "evidence" / "log.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"at":"2026', b'"at":"2025')
    log.write_bytes(b"".join(lines))
    assert [one.where for one in verify(nights.folder, VERIFIER).failures][:2] == ["log.jsonl 3", "checkpoint"]


def test_a_file_that_was_changed_added_or_removed_is_named(copied: Path) -> None:
    out = copied.parent / "results"
    (folder,) = out.glob("2*")
    (folder / "page.html").unlink()
    (folder / "council.pdf").write_bytes(b"%PDF")
    (folder / "notes.txt").write_bytes(b"")
    said = [(one.where, one.en) for one in verify(out, verifier_of(copied)).failures]
    assert said == [
        (f"{folder.name}/council.pdf", "was altered"),
        (f"{folder.name}/notes.txt", "stands in no manifest"),
        (f"{folder.name}/page.html", "is missing"),
    ]


def test_an_entry_that_a_crash_cut_is_a_remark_and_not_an_alarm(nights: Nights) -> None:
    place = nights.folder / "evidence"
    log = (place / "log.jsonl").read_bytes()
    append(nights.folder, "viewed", _later(nights), key=KEY, purpose="audit")
    whole = (place / "log.jsonl").read_bytes()
    # As a death between the second and the third step leaves it, with half of the line on the disk.
    (place / "checkpoint").rename(place / "checkpoint.next")
    (place / "checkpoint").write_bytes(_head_of(log))
    (place / "log.jsonl").write_bytes(whole[: len(log) + 20])
    found = verify(nights.folder, VERIFIER)
    assert (found.failures, len(found.remarks)) == ([], 1)
    assert alarms(nights.folder) == (False, False)
    # The same bytes without a head that was signed for them are somebody's.
    (place / "checkpoint.next").unlink()
    assert alarms(nights.folder) == BOTH


def test_another_key_beside_the_log_is_noticed_by_who_has_the_papers(nights: Nights) -> None:
    other = bytes(32)
    files = load(nights.folder)
    lines = files["evidence/log.jsonl"].splitlines()
    store(nights.folder, files, manipulations._signed(files, lines, other))
    assert alarms(nights.folder) == BOTH
    assert alarms(nights.folder, key=public_key(other)) == (False, False)
    assert alarms(nights.folder, (nights.since,), key=public_key(other)) == BOTH


# ---------------------------------------------------------------------------------------------------- the nightly run


def test_a_night_that_follows_an_alteration_says_tampered_and_adds_nothing(copied: Path) -> None:
    log = copied.parent / "results" / "evidence" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"findings":', b'"findings":1'))
    before = log.read_bytes()
    with pytest.raises(EvidenceError):
        nightly.run(copied, "2026-11-21", lambda _step, _done, _total: None)
    assert (status(copied)["verdict"], status(copied)["code"]) == ("tampered", "E_TAMPERED")
    assert log.read_bytes() == before
    assert len(list(log.parent.parent.glob("2*"))) == 1


def test_a_refused_night_stands_in_the_evidence_with_its_code(copied: Path) -> None:
    export = copied.parent / "cs.dat"
    export.write_bytes(export.read_bytes()[:-640])
    assert reconcile("run", "--config", str(copied)).returncode == 2
    log = (copied.parent / "results" / "evidence" / "log.jsonl").read_text()
    last = log.splitlines()[-1]
    assert '"event":"run_failed"' in last
    assert f'"code":"{status(copied)["code"]}"' in last
    assert verify(copied.parent / "results", verifier_of(copied)).failures == []


def test_the_commands_say_so_and_leave_with_three(copied: Path) -> None:
    out = copied.parent / "results"
    kept = copied.parent / "kept.txt"
    kept.write_bytes((out / "evidence" / "checkpoint").read_bytes())
    (run,) = (path.name for path in out.glob("2*"))
    for options in ([], [run], ["--since", str(kept)], ["--key", verifier_of(copied)]):
        clean = reconcile("verify", "--config", str(copied), *options)
        assert clean.returncode == 0, clean.stdout
        assert "OK 記録4件、実行1回" in clean.stdout
        assert second(out, *options).returncode == 0
    kept.write_bytes(kept.read_bytes().replace(b"\n", b"\r\n").rstrip())  # as a telephone reads it from the paper
    for found in (reconcile("verify", "--out", str(out), "--since", str(kept)), second(out, "--since", str(kept))):
        assert found.returncode == 0, found.stdout
    (out / run / "summary.json").write_bytes(b"{}")
    for found in (reconcile("verify", "--out", str(out)), second(out)):
        assert found.returncode == 3
        assert f"NG {run}/summary.json" in found.stdout
    assert "内容が書き換えられています  was altered" in reconcile("verify", "--out", str(out)).stdout


def test_a_run_that_never_was_is_a_slip_and_one_that_the_evidence_does_not_know_an_alarm(copied: Path) -> None:
    out, slip = copied.parent / "results", "20261120T000000Z-000000"
    asked = reconcile("verify", slip, "--out", str(out), "--lang", "en")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "E_CONFIG run: the evidence knows no such run" in asked.stderr
    assert second(out, slip).returncode == 2
    (out / slip).mkdir()
    assert reconcile("verify", slip, "--out", str(out)).returncode == 3
    assert second(out, slip).returncode == 3


def test_a_night_concludes_nothing_from_an_earlier_result_that_was_altered(copied: Path) -> None:
    (folder,) = (copied.parent / "results").glob("2*")
    summary = folder / "summary.json"
    summary.write_bytes(summary.read_bytes().replace(b'"partial"', b'"mismatch"'))
    refused = reconcile("run", "--config", str(copied))
    assert refused.returncode == 3
    assert "E_TAMPERED" in refused.stderr
    assert status(copied)["verdict"] == "tampered"
    log = (folder.parent / "evidence" / "log.jsonl").read_text()
    assert '"code":"E_TAMPERED"' in log.splitlines()[-1]


def test_what_is_not_there_cannot_be_verified(tmp_path: Path) -> None:
    assert reconcile("verify", "--out", str(tmp_path / "none")).returncode == 2
    assert reconcile("verify", "--out", str(tmp_path)).returncode == 3  # a folder without evidence proves nothing
    assert reconcile("verify", "--out", str(tmp_path), "--key", "abc").returncode == 2
    assert second(tmp_path).returncode == 3


def test_the_second_verifier_imports_nothing_of_ours() -> None:
    text = (ROOT / "docs" / "verify.py").read_text(encoding="utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert SECOND.tree([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _chunks(kinds: Iterator[Manipulation], size: int) -> Iterator[list[Manipulation]]:
    while group := list(islice(kinds, size)):
        yield group


def _chained(lines: list[bytes]) -> list[bytes]:
    chained: list[bytes] = []
    for seq, line in enumerate(lines):
        prev = merkle.leaf(chained[-1]).hex() if chained else "0" * 64
        chained.append(canonical({**json.loads(line), "seq": seq, "prev": prev}))
    return chained


def _head_of(log: bytes) -> bytes:
    leaves = [merkle.leaf(line) for line in log.splitlines()]
    return sign(KEY, len(leaves), merkle.root(leaves)).note.encode()


def _later(nights: Nights) -> datetime:
    last = (nights.folder / "evidence" / "log.jsonl").read_bytes().splitlines()[-1]
    return datetime.fromisoformat(json.loads(last)["at"]) + timedelta(hours=1)


def reconcile(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reconcile", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def second(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(ROOT / "docs" / "verify.py"), str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
