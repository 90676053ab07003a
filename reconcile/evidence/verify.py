"""Whether the evidence and the files it speaks of are what was written: read only, and never repaired.

Every check says where it failed, in both languages. What a crash may leave behind is no failure but a remark; what
only an alteration can leave behind is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from reconcile.errors import ConfigError
from reconcile.evidence import checkpoint, merkle
from reconcile.evidence.checkpoint import Checkpoint
from reconcile.evidence.log import (
    FIRST,
    FOLDER,
    HEAD,
    LOG,
    PUBLIC,
    Entry,
    Stored,
    entry,
    matching,
    read,
    said_of_ledger,
)
from reconcile.model import Verdict

MANIFEST, STATUS, LEDGER = "manifest.json", "status.json", "ledger.sqlite"
_NO_CLAIM = frozenset(verdict.value for verdict in Verdict if not verdict.claims)
_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


class Said(NamedTuple):
    """One line about what was checked: where, and what was seen."""

    where: str
    ja: str
    en: str


@dataclass(slots=True)
class Verification:
    """What a verification found.

    Attributes:
        failures: What is not as it was written; empty if all is well.
        remarks: What a crash left, and the next run will settle.
        entries: How many lines of the log could be read.
        runs: The runs whose files were checked.
        head: The checkpoint that signs the log; None if none does.
    """

    failures: list[Said] = field(default_factory=list)
    remarks: list[Said] = field(default_factory=list)
    entries: int = 0
    runs: tuple[str, ...] = ()
    head: Checkpoint | None = None


@dataclass(slots=True)
class _Told:
    """What the log says of the runs: run -> digest of its manifest, its last verdict and fault, and in which order."""

    order: list[str] = field(default_factory=list)
    manifests: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    thinned: set[str] = field(default_factory=set)


def verify(
    folder: Path, verifier: str, *, run: str = "", since: Sequence[bytes] = (), ledger: str | None = None
) -> Verification:
    """Check the log, its checkpoint, and the files of every run that it knows.

    Args:
        folder: The run file's `out`.
        verifier: The public key, from outside where possible (`checkpoint.public_key`).
        run: Only the files of this run; "" for every run's.
        since: Earlier checkpoints, as they were kept elsewhere: the log must be a continuation of each.
        ledger: The digest of what the ledger holds, "" if there is none that can be read; None: it is not asked about.

    Raises:
        ConfigError: There never was such a run, and nothing says that one was taken away.
    """
    found = Verification()
    stored = read(folder / FOLDER)
    entries = list(_log(stored, verifier, found))
    found.entries = len(entries)
    for note in since:
        found.failures.extend(_continues(stored, note, verifier))
    public = folder / FOLDER / PUBLIC
    if not public.is_file() or public.read_bytes() != verifier.encode() + b"\n":
        found.failures.append(
            Said(PUBLIC, "公開鍵が、確かめに用いた鍵と異なります", "is not the public key that is checked with")
        )
    told = _told(entries)
    found.runs = tuple(one for one in told.order if one in told.manifests and run in ("", one))
    for one in found.runs:
        found.failures.extend(_files(folder / one, told))
    if not run:
        found.failures.extend(_strangers(folder, told))
    found.failures.extend(_status(folder, told))
    if ledger is not None:
        _ledger(said_of_ledger(stored) if found.head else [], ledger, found)
    if run and run not in told.order:
        if not found.failures and not (folder / run).exists():
            hint = "a run's id is the name of its folder"
            raise ConfigError("run", "the evidence knows no such run", hint=hint)
        found.failures.append(Said(run, "記録にこの実行がありません", "the log knows no such run"))
    return found


def contradictions(folder: Path, entries: Sequence[Entry]) -> Iterator[Said]:
    """What the status, or a file of the newest run that was published, says and the log does not.

    Args:
        folder: The run file's `out`. Nobody else is at work in it.
        entries: The log of that folder, known to be the one that was signed.
    """
    told = _told(entries)
    yield from _status(folder, told)
    if (newest := next((run for run in reversed(told.order) if run in told.published), None)) is not None:
        yield from _files(folder / newest, told)


def _ledger(said: Sequence[str], holds: str, found: Verification) -> None:
    """The ledger holds what the newest entry says of it; or, after a crash, what the one before says."""
    if said and holds not in said:
        ja = "台帳の内容が、証跡に記録されたものと異なります"
        found.failures.append(Said(LEDGER, ja, "does not hold what the evidence says of it"))
    elif said and holds != said[0]:
        ja = "記録を始めた書込みが1件、台帳にありません(実行が途中で終わった跡です)"
        found.remarks.append(Said(LEDGER, ja, "lacks one write that was announced: the run ended before it"))


def _log(stored: Stored, verifier: str, found: Verification) -> Iterator[Entry]:
    """The entries up to the first that is wrong; failures and remarks go to `found`."""
    before = FIRST
    for place, line in enumerate(stored.lines):
        try:
            one = entry(line)
        except ValueError:
            found.failures.append(Said(f"{LOG} {place}", "記録の形が正しくありません", "is not an entry"))
            break
        if (one.seq, one.prev) != (place, before):
            found.failures.append(
                Said(f"{LOG} {place}", "前の記録とつながりません", "does not follow the entry before it")
            )
            break
        before = merkle.leaf(line).hex()
        yield one
    found.head = matching(stored, verifier)
    if found.head is None:
        found.failures.append(_unsigned(stored, verifier))
    elif stored.tail and stored.heads[1] is None:
        found.failures.append(Said(LOG, "末尾に記録でないものがあります", "ends in something that is no entry"))
    elif stored.tail:
        found.remarks.append(
            Said(
                LOG,
                "書きかけの記録が1件あります(次の実行が取り除き、記録します)",
                "one entry was cut while it was written",
            )
        )


def _unsigned(stored: Stored, verifier: str) -> Said:
    """Why no checkpoint signs the log."""
    if not stored.lines and stored.heads[0] is None:
        return Said(LOG, "証跡がありません", "there is no evidence")
    heads = [checkpoint.open_note(note, verifier) for note in stored.heads if note is not None]
    signed = next((one for one in heads if one is not None), None)
    if signed is None:
        return Said(HEAD, "署名が合いません", "the signature is not this key's")
    if signed.size != len(stored.lines):
        ja = f"署名された記録は{signed.size}件、実際は{len(stored.lines)}件です"
        return Said(HEAD, ja, f"{signed.size} entries were signed, there are {len(stored.lines)}")
    return Said(HEAD, "署名された内容と記録が合いません", "the entries are not the ones that were signed")


def _continues(stored: Stored, note: bytes, verifier: str) -> Iterator[Said]:
    earlier = checkpoint.open_note(note, verifier)
    if earlier is None:
        yield Said("--since", "控えの署名が、この鍵のものではありません", "is no checkpoint of this key")
    elif earlier.size > len(stored.lines):
        ja = f"控えの時点で{earlier.size}件あった記録が{len(stored.lines)}件しかありません(消去又は差戻し)"
        yield Said("--since", ja, f"the log had {earlier.size} entries and has {len(stored.lines)}: cut or rolled back")
    elif merkle.root([merkle.leaf(line) for line in stored.lines[: earlier.size]]) != earlier.root:
        ja = f"控えの時点までの{earlier.size}件が書き換えられています"
        yield Said("--since", ja, f"the first {earlier.size} entries are not those of that checkpoint: rewritten")


def _told(entries: Sequence[Entry]) -> _Told:
    told = _Told()
    for one in entries:
        run = str(one.details.get("run_id", ""))
        match one.event:
            case "run_started":
                told.order.append(run)
            case "run_decided":
                told.manifests[run] = str(one.details.get("manifest_sha256"))
            case "run_published" | "run_failed":
                told.verdicts[run] = str(one.details.get("verdict"))
                told.codes[run] = str(one.details.get("code", ""))
                if one.event == "run_published":
                    told.published.add(run)
            case "retention_marked" | "retention_deleted":
                runs = one.details.get("runs", [])
                told.thinned.update([run, *(runs if isinstance(runs, list) else ())])
            case _:  # events about no run's files
                continue
    return told


def _files(folder: Path, told: _Told) -> Iterator[Said]:
    """The files of one run: none changed, none added; none missing but by the rule of retention."""
    run = folder.name
    if not folder.is_dir():
        if run in told.published - told.thinned:
            yield Said(run, "実行のフォルダがありません", "the folder of the run is gone")
        return
    digests = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    manifest = digests.pop(MANIFEST, None)
    if manifest is None and run in told.thinned:
        return
    if manifest != told.manifests[run]:
        yield Said(f"{run}/{MANIFEST}", "記録された目録と異なります", "is not the manifest that was recorded")
        return
    said = json.loads((folder / MANIFEST).read_bytes())["files"]
    for name in sorted(said.keys() | digests.keys()):
        where = f"{run}/{name}"
        if name not in said:
            yield Said(where, "目録にないファイルです", "stands in no manifest")
        elif name not in digests:
            if run not in told.thinned:
                yield Said(where, "ファイルがありません", "is missing")
        elif said[name] != digests[name]:
            yield Said(where, "内容が書き換えられています", "was altered")


def _strangers(folder: Path, told: _Told) -> Iterator[Said]:
    """Folders that look like a run's and that the log does not know."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        looks = _RUN.fullmatch(path.name) or (path / MANIFEST).exists() or (path / "summary.json").exists()
        if path.is_dir() and looks and path.name not in told.manifests and not path.name.startswith("."):
            yield Said(path.name, "記録にない実行のフォルダです", "is a run that the log does not know")


def _status(folder: Path, told: _Told) -> Iterator[Said]:
    """The status claims nothing, or what the log says of the newest run: its verdict, its fault, where its files are."""
    try:
        said: Mapping[str, Any] = json.loads((folder / STATUS).read_bytes())
        run, verdict, results = str(said["run_id"]), str(said["verdict"]), said.get("results")
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield Said(STATUS, "読み取れません", "cannot be read")
        return
    if verdict == "unknown" or (verdict in _NO_CLAIM and run not in told.verdicts):
        return  # what a run says that died, or could not even be recorded
    agrees = told.order and run == told.order[-1] and verdict == told.verdicts.get(run)
    if not agrees or results not in (None, run) or said.get("code", told.codes[run]) != told.codes[run]:
        yield Said(STATUS, "最新の実行の判定が記録と異なります", "does not say what the log says of the newest run")


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
