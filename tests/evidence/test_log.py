"""The log of events: what stands in it, what may not, and that a death in the middle of writing loses nothing."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Self

import pytest

from reconcile.config import signing_key
from reconcile.errors import ConfigError, DeclarationError, EvidenceError, ReconcileError, SourceError
from reconcile.evidence import append, head, merkle, public_key
from reconcile.evidence.log import matching, read

KEY = bytes(range(32))
NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def fill(folder: Path, entries: int) -> Path:
    for place in range(entries):
        append(folder, "run_started", NOON + timedelta(minutes=place), key=KEY, run_id=f"r{place}")
    return folder / "evidence"


def sound(place: Path) -> bool:
    return matching(read(place), public_key(KEY)) is not None


def test_an_entry_names_the_one_before_it_and_is_sealed_at_once(tmp_path: Path) -> None:
    place = fill(tmp_path, 3)

    lines = (place / "log.jsonl").read_bytes().splitlines()
    said = [json.loads(line) for line in lines]
    assert [one["seq"] for one in said] == [0, 1, 2]
    assert said[0] == {
        "seq": 0,
        "prev": "0" * 64,
        "at": "2026-11-20T03:00:00.000Z",
        "event": "run_started",
        "run_id": "r0",
    }
    # RFC 6962 §2.1: a leaf is hashed with a zero byte before it.
    assert [one["prev"] for one in said[1:]] == [sha256(b"\x00" + line).hexdigest() for line in lines[:2]]
    signed = head(tmp_path, public_key(KEY))
    assert signed is not None
    assert signed.size == 3
    assert sound(place)


def test_what_stands_there_is_for_its_owner_only(tmp_path: Path) -> None:
    place = fill(tmp_path, 1)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    assert {path.name for path in place.iterdir()} == {".lock", "checkpoint", "key.pub", "log.jsonl"}


def test_the_signing_key_is_made_once_and_may_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "evidence.key"
    assert signing_key(path) == signing_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        signing_key(path)


PERSONAL = (
    "山田太郎様の件 12345678901",
    "１２３４５６７８９０１の確認",
    "1234 5678 9012",
    "03-1234-5678の照会",
    "a\nb",
    "\u202eabc",
    "",
)


@pytest.mark.parametrize("purpose", PERSONAL)
def test_a_purpose_with_a_number_of_a_person_is_refused_and_not_shown(tmp_path: Path, purpose: str) -> None:
    with pytest.raises(ConfigError) as refused:
        append(tmp_path, "viewed", NOON, key=KEY, purpose=purpose)
    assert not purpose or purpose not in str(refused.value)
    assert not (tmp_path / "evidence" / "log.jsonl").exists()


@pytest.mark.parametrize("purpose", ["異動届 2026-11-20 の確認", "令和8年度 整合性確認(第1234号)", "audit 2026"])
def test_a_purpose_that_names_a_task_is_written(tmp_path: Path, purpose: str) -> None:
    assert append(tmp_path, "viewed", NOON, key=KEY, purpose=purpose).details == {"purpose": purpose}


@pytest.mark.parametrize("name", ["_ArrayMemoryError", "OSError", "Error2", "_", "A" * 80])
def test_every_name_that_a_class_of_exceptions_may_have_is_written(tmp_path: Path, name: str) -> None:
    said = append(tmp_path, "run_failed", NOON, key=KEY, run_id="x", verdict="failed", code=f"E_FAILED {name}")
    assert said.details["code"] == f"E_FAILED {name}"


def test_what_is_not_in_the_list_is_not_written(tmp_path: Path) -> None:
    wrong: list[Callable[[], object]] = [
        lambda: append(tmp_path, "something", NOON, key=KEY),
        lambda: append(tmp_path, "viewed", NOON, key=KEY, name="山田太郎"),
        lambda: append(tmp_path, "viewed", NOON, key=KEY, findings="12"),
        lambda: append(tmp_path, "viewed", NOON, key=KEY, findings=-1),
        lambda: append(tmp_path, "viewed", NOON.replace(tzinfo=None), key=KEY),
        lambda: append(tmp_path, "viewed", NOON, key=KEY, manifest_sha256="山田"),
        lambda: append(tmp_path, "viewed", NOON, key=KEY, formats=["pdf", "氏名"]),
    ]
    for attempt in wrong:
        with pytest.raises((ConfigError, DeclarationError)):
            attempt()
    assert not (tmp_path / "evidence" / "log.jsonl").exists()


def test_a_time_before_the_last_entrys_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    append(tmp_path, "run_failed", NOON - timedelta(minutes=1), key=KEY, run_id="r0")
    with pytest.raises(ConfigError) as refused:
        append(tmp_path, "run_failed", NOON - timedelta(hours=1), key=KEY, run_id="r0")
    assert refused.value.code == "E_CLOCK"


# --------------------------------------------------------------------------------------- an altered log is never signed


def spoil_line(place: Path) -> None:
    log = place / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"r1", b"r9"))


def cut_line(place: Path) -> None:
    log = place / "log.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))


def remove(name: str) -> Callable[[Path], None]:
    return lambda place: (place / name).unlink()


@pytest.mark.parametrize("alter", [spoil_line, cut_line, remove("log.jsonl"), remove("checkpoint")])
def test_an_altered_log_is_not_signed_again(tmp_path: Path, alter: Callable[[Path], None]) -> None:
    place = fill(tmp_path, 3)
    alter(place)
    before = {path.name: path.read_bytes() for path in place.iterdir()}

    with pytest.raises(EvidenceError) as refused:
        append(tmp_path, "run_started", NOON + timedelta(days=1), key=KEY, run_id="r")

    assert refused.value.code == "E_TAMPERED"
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_another_key_does_not_take_over_a_log(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    with pytest.raises(EvidenceError):
        append(tmp_path, "run_started", NOON, key=KEY[::-1], run_id="r")


def test_a_log_is_never_begun_beside_runs(tmp_path: Path) -> None:
    """F097: a missing log is an alarm, not an empty one."""
    (tmp_path / "20261120-0300").mkdir()
    (tmp_path / "20261120-0300" / "manifest.json").write_bytes(b"{}\n")
    with pytest.raises(EvidenceError):
        append(tmp_path, "run_started", NOON, key=KEY, run_id="r")


# ------------------------------------------------------------------------------------------------------ death and rivals


class _DeathError(BaseException):
    """Stands for SIGKILL: nothing in the program catches it."""


@pytest.mark.parametrize("call", ["fsync", "rename", "write"])
def test_a_death_at_any_call_leaves_a_log_that_its_checkpoint_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Every call that reaches the disk, one after the other; a write dies half way through."""
    deaths = 0
    for at in range(1, 50):
        folder = tmp_path / f"{call}{at}"
        place = fill(folder, 2)
        with monkeypatch.context() as patched:
            left = _die_at(patched, call, at)
            try:
                append(folder, "run_failed", NOON + timedelta(minutes=2), key=KEY, run_id="r2")
            except _DeathError:
                deaths += 1
        stored = read(place)
        assert sound(place), (call, at)
        assert len(stored.lines) in (2, 3), (call, at)
        again = append(folder, "run_published", NOON + timedelta(minutes=3), key=KEY, run_id="r2")
        assert sound(place), (call, at)
        assert again.seq == len(read(place).lines) - 1
        if left():
            break
    assert deaths == at - 1
    assert deaths >= 2


class _Half:
    """A file whose only write is cut in the middle."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, content: bytes) -> None:
        self.file.write(content[: len(content) // 2])
        raise _DeathError


def _die_at(patched: pytest.MonkeyPatch, call: str, at: int) -> Callable[[], bool]:
    """Let the `at`-th call of a kind not return; the result says whether it was never reached."""
    waiting = [at]
    place: Any = {"fsync": os, "rename": Path, "write": os}[call]
    name = {"fsync": "fsync", "rename": "replace", "write": "fdopen"}[call]
    real = getattr(place, name)

    def instead(*arguments: object) -> object:
        waiting[0] -= 1
        if waiting[0]:
            return real(*arguments)
        if call == "write":
            return _Half(real(*arguments, buffering=0))
        raise _DeathError

    patched.setattr(place, name, instead)
    return lambda: waiting[0] > 0


def test_a_line_that_was_cut_while_it_was_written_is_removed_and_recorded(tmp_path: Path) -> None:
    place = fill(tmp_path, 2)
    with (place / "log.jsonl").open("ab") as log:
        log.write(b'{"at":"2026')

    append(tmp_path, "run_started", NOON + timedelta(hours=1), key=KEY, run_id="r2")

    said = [json.loads(line) for line in read(place).lines]
    assert [one["event"] for one in said[2:]] == ["torn_entry_removed", "run_started"]
    assert said[2]["removed_bytes"] == 11
    assert said[2]["removed_sha256"] == sha256(b'{"at":"2026').hexdigest()
    assert sound(place)


def test_two_who_append_at_once_wait_for_each_other(tmp_path: Path) -> None:
    failed: list[ReconcileError] = []

    def write(name: str) -> None:
        try:
            for place in range(20):
                append(tmp_path, "viewed", NOON, key=KEY, run_id=f"{name}{place}")
        except ReconcileError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    stored = read(tmp_path / "evidence")
    written = [json.loads(line)["run_id"] for line in stored.lines]
    assert sorted(written) == sorted(f"{name}{place}" for name in "abc" for place in range(20))
    assert sound(tmp_path / "evidence")


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_source_kind(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_bytes(b"")
    with pytest.raises(SourceError) as refused:
        append(tmp_path, "viewed", NOON, key=KEY)
    assert refused.value.code == "E_OUT"


# ------------------------------------------------------------------------------------------------------------ the tree

# The leaves and roots of the test of certificate-transparency (`merkle_tree_test.cc`), the reference implementation.
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_the_root_is_that_of_the_reference_implementation() -> None:
    leaves = [merkle.leaf(bytes.fromhex(one)) for one in LEAVES]
    assert [merkle.root(leaves[:size]).hex() for size in range(1, 9)] == list(ROOTS)
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_root_is_the_recursion_of_the_rfc_for_every_size() -> None:
    """RFC 6962 §2.1: MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two below n."""

    def mth(leaves: list[bytes]) -> bytes:
        if len(leaves) == 1:
            return leaves[0]
        k = 1 << ((len(leaves) - 1).bit_length() - 1)
        return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()

    leaves = [merkle.leaf(bytes([place])) for place in range(130)]
    assert [merkle.root(leaves[:size]) for size in range(1, 131)] == [mth(leaves[:size]) for size in range(1, 131)]
