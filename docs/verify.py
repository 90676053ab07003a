"""A second verifier of the evidence, written from evidence-format.md alone: it shares no line with the program.

    python verify.py OUT [RUN] [--since FILE]... [--key KEY]

OUT is the output folder of the nightly run; KEY the public key as printed on the council paper (without it: the one
beside the log). Needs Python 3.11 and the package `cryptography`. Exit status: 0 all is as it was written, 3 it is not,
2 there is no such run.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import re
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SORTED_BY = {
    "before": "finding_id",
    "breaks": "finding_id",
    "closures": "finding_id, asked_at",
    "decisions": "finding_id, decided_at",
    "earlier_keys": "finding_id",
    "rotations": "number",
    "runs": "run_id",
    "sightings": "run_id, finding_id",
}
EM_DASH = "\N{EM DASH}"


class Wrong(Exception):  # noqa: N818
    """Something is not as it was written."""


class Unknown(Exception):  # noqa: N818
    """There is no such run, and nothing says that there ever was."""


def sha(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def content_of(path: Path) -> bytes | None:
    """The bytes of a regular file; None if there is none."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, by its own recursion."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def strict_base64(text: str) -> bytes:
    """Decode, and refuse any other spelling of the same bytes."""
    content = base64.b64decode(text, validate=True)
    if base64.b64encode(content).decode() != text:
        raise ValueError(text)
    return content


def open_checkpoint(note: bytes, key: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint that this key signed."""
    try:
        name, key_hash, public = key.split("+", 2)
        algorithm_and_key = strict_base64(public)
        if sha(name.encode() + b"\n" + algorithm_and_key)[:8] != key_hash or algorithm_and_key[0] != 1:
            raise ValueError(key)
        origin, size, root, empty, signed, end = note.decode().split("\n")
        dash, signer, encoded = signed.split(" ")
        if (origin, signer, dash, empty, end) != (name, name, EM_DASH, "", "") or str(int(size)) != size:
            raise ValueError(note)
        signature = strict_base64(encoded)
        if signature[:4].hex() != key_hash:
            raise ValueError(note)
        text = f"{origin}\n{size}\n{root}\n".encode()
        Ed25519PublicKey.from_public_bytes(algorithm_and_key[1:]).verify(signature[4:], text)
        return int(size), strict_base64(root)
    except (ValueError, IndexError, InvalidSignature):
        raise Wrong("the signature of a checkpoint is not this key's") from None


def read_chain(lines: list[bytes], leaves: list[bytes]) -> list[dict[str, Any]]:
    """The entries, after each has been checked to follow the one before."""
    entries, before = [], "0" * 64
    for place, line in enumerate(lines):
        try:
            said = json.loads(line)
            spelt = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
            good = spelt == line and (said["seq"], said["prev"]) == (place, before)
        except (ValueError, KeyError, TypeError, RecursionError):
            good = False
        if not good:
            raise Wrong(f"entry {place} is wrong, or does not follow the one before it")
        before = leaves[place].hex()
        entries.append(said)
    return entries


def read_log(folder: Path, key: str, since: list[bytes]) -> list[dict[str, Any]]:
    """The entries of the log, after chain, root, signature and earlier checkpoints have been checked."""
    log = content_of(folder / "log.jsonl")
    notes = [content_of(folder / name) for name in ("checkpoint", "checkpoint.next")]
    if not log:
        raise Wrong("there is no log")
    *lines, tail = log.split(b"\n")
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    entries = read_chain(lines, leaves)
    for note in since:
        size, root = open_checkpoint(note, key)
        if size > len(lines) or tree(leaves[:size]) != root:
            raise Wrong(f"the log does not continue an earlier checkpoint of {size} entries: rewritten, or rolled back")
    heads = []
    for note in filter(None, notes):
        with contextlib.suppress(Wrong):
            heads.append(open_checkpoint(note, key))
    if (len(lines), tree(leaves)) not in heads:
        raise Wrong(f"no checkpoint signs these {len(lines)} entries")
    if tail and notes[1] is None:
        raise Wrong("the log ends in something that is no entry")
    return entries


def check_run(folder: Path, manifest_sha256: str, *, published: bool, thinned: bool) -> None:
    """Every file of a run against its manifest, and the manifest against the log."""
    if not folder.is_dir():
        if published and not thinned:
            raise Wrong(f"{folder.name}: the folder is gone")
        return
    files = {path.name: content_of(path) for path in folder.iterdir()}
    manifest = files.pop("manifest.json", None)
    if manifest is None and thinned:
        return
    if manifest is None or sha(manifest) != manifest_sha256:
        raise Wrong(f"{folder.name}: the manifest is not the one in the log")
    named = json.loads(manifest)["files"]
    for name in sorted(named.keys() | files.keys()):
        if name not in named:
            raise Wrong(f"{folder.name}/{name}: in no manifest")
        if name not in files:
            if not thinned:
                raise Wrong(f"{folder.name}/{name}: missing")
        elif sha(files[name] or b"") != named[name]:
            raise Wrong(f"{folder.name}/{name}: altered")


def check_status(out: Path, started: list[str], verdicts: dict[str, str], codes: dict[str, str]) -> None:
    """The status claims nothing, or what the log says of the newest run: its verdict, its fault, where its files are."""
    said = content_of(out / "status.json")
    if said is None:
        return
    try:
        status = json.loads(said)
        newest, verdict, results = str(status["run_id"]), str(status["verdict"]), status.get("results")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Wrong("status.json cannot be read") from None
    if verdict == "unknown" or (verdict in {"inconclusive", "failed", "tampered"} and newest not in verdicts):
        return
    agrees = started[-1:] == [newest] and verdicts.get(newest) == verdict
    if not agrees or results not in (None, newest) or status.get("code", codes[newest]) != codes[newest]:
        raise Wrong("status.json does not say what the log says of the newest run")


def ledger_digest(out: Path) -> str:
    """SHA-256 over every row of the ledger; empty if it cannot be read. A copy is opened: a journal is rolled back."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as place:
        for name in ("ledger.sqlite", "ledger.sqlite-journal"):
            if (content := content_of(out / name)) is not None:
                Path(place, name).write_bytes(content)
        try:
            with contextlib.closing(sqlite3.connect(Path(place, "ledger.sqlite"))) as ledger:
                there = {name for (name,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                # An older ledger has not all of them. One that was taken away takes its rows out of the digest.
                for table, order in ((name, order) for name, order in SORTED_BY.items() if name in there):
                    for row in ledger.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608
                        digest.update(json.dumps([table, *row], separators=(",", ":")).encode() + b"\n")
        except (sqlite3.Error, ValueError, TypeError):
            return ""
    return digest.hexdigest()


def is_a_run(path: Path) -> bool:
    """Whether a folder looks like that of a run."""
    if not path.is_dir() or path.name.startswith("."):
        return False
    named = re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", path.name) is not None
    return named or (path / "manifest.json").exists() or (path / "summary.json").exists()


def check(out: Path, run: str, key: str, since: list[bytes]) -> tuple[int, int]:
    """All of it; returns how many entries and runs were checked."""
    place = out / "evidence"
    if content_of(place / "key.pub") != key.encode() + b"\n":
        raise Wrong("key.pub is not the key that is checked with")
    entries = read_log(place, key, since)

    def told(event: str, name: str) -> dict[str, str]:
        return {str(one["run_id"]): str(one.get(name, "")) for one in entries if one["event"] in event.split()}

    started = list(told("run_started", "run_id"))
    manifests, published = told("run_decided", "manifest_sha256"), told("run_published", "run_id")
    thinned: set[object] = set()
    for one in entries:
        if one["event"] in {"retention_marked", "retention_deleted"}:
            thinned.update([one.get("run_id"), *one.get("runs", [])])
    chosen = [one for one in manifests if run in {"", one}]
    for name in chosen:
        check_run(out / name, manifests[name], published=name in published, thinned=name in thinned)
    for path in [] if run else out.iterdir():
        if is_a_run(path) and path.name not in manifests:
            raise Wrong(f"{path.name}: a run that the log does not know")
    ledgers = [one["ledger_sha256"] for one in entries if "ledger_sha256" in one]
    if ledgers and not run and ledger_digest(out) not in ledgers[-2:]:
        raise Wrong("ledger.sqlite does not hold what the log says of it")
    ended = "run_published run_failed"
    check_status(out, started, told(ended, "verdict"), told(ended, "code"))
    if run and run not in started:
        raise (Wrong if (out / run).exists() else Unknown)(f"{run}: the log knows no such run")
    return len(entries), len(chosen)


def main() -> int:
    """Check what the command line names."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out", type=Path)
    options.add_argument("run", nargs="?", default="")
    options.add_argument("--since", type=Path, action="append", default=[])
    options.add_argument("--key")
    given = options.parse_args()
    key = given.key or (content_of(given.out / "evidence" / "key.pub") or b"").decode("ascii", "replace").strip()
    # A telephone that read the QR code may have changed the line ends.
    since = [path.read_bytes().replace(b"\r\n", b"\n").strip() + b"\n" for path in given.since]
    try:
        entries, runs = check(given.out, given.run, key, since)
    except Wrong as wrong:
        print(f"NG {wrong}")
        return 3
    except Unknown as unknown:
        print(unknown)
        return 2
    print(f"OK {entries} entries, {runs} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
