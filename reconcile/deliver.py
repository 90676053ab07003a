"""How results reach a folder: unknown first, whole or not at all, and named by digest.

`status.json` says "unknown" before anything else happens, so that yesterday's all-clear does not survive today's
crash. Files are written aside, flushed to the disk, and moved into place by one rename each; the manifest, with the
digest of every file, comes last, then the status. The same command again is always the repair.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from reconcile.errors import ConfigError, EvidenceError, SourceError
from reconcile.machine.mounts import check_local
from reconcile.model import Report, Verdict

STATUS = "status.json"
MANIFEST = "manifest.json"
LOCK = ".lock"
STAGE = ".stage-"
"""Before a run's id: the folder of what is not delivered yet."""

INQUIRY = ".inquiry-"
"""Before a random name: the folder of an inquiry's snapshots."""

FOLDER_MODE, FILE_MODE = 0o700, 0o600

RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")

_NOT_OURS = (FileNotFoundError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading a manifest or summary raises when it is missing, damaged, or says something of another shape; what the
disk does not give back is another matter."""


def run_id_at(at: datetime) -> str:
    """A new id of what begins now: it sorts after every id of an earlier microsecond, so that names say the order.

    The second is written as people read it, the microsecond in five hexadecimal digits; the last digit is random.
    """
    at = at.astimezone(UTC)
    return f"{at:%Y%m%dT%H%M%SZ}-{at.microsecond:05x}{secrets.randbelow(16):x}"


@contextmanager
def alone(folder: Path, *, retract: bool = True) -> Iterator[None]:
    """Hold a folder of runs for one run, or for something else that is not to meet one (`retract` False).

    The lock is the kernel's and dies with its process, so no file has to be removed by hand after a crash. Whoever
    holds it knows that every stage folder is a dead run's. A run that ends in a fault before it has said a status of
    its own takes the earlier one away: a full disk must not let yesterday's all-clear stand for tonight (F149).

    Raises:
        ConfigError: E_LOCKED, another run is at work.
        SourceError: E_OUT, the folder cannot be written, is somebody else's, or everybody may write in it;
            E_FILESYSTEM, another machine keeps it.
    """
    with _as_source_error(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        _check_own(folder)
        with _retracting(folder, retract):
            check_local(folder)
            descriptor = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, FILE_MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait for it to end"
            raise ConfigError(folder.name, "another run is at work in it", hint=hint, code="E_LOCKED") from None
        with _retracting(folder, retract):
            _clear_inquiries(folder)
            yield
    finally:
        os.close(descriptor)


@contextmanager
def _retracting(folder: Path, wanted: bool) -> Iterator[None]:  # noqa: FBT001
    """Remove the status, if wanted, where the block ends in a fault and has left it as it was."""
    status = folder / STATUS
    before = _said(status)
    try:
        yield
    except BaseException:
        if wanted and _said(status) == before:
            with suppress(OSError):  # the disk refuses everything: the fault itself is what is told
                status.unlink(missing_ok=True)
        raise


def _said(status: Path) -> bytes | None:
    try:
        return status.read_bytes()
    except OSError:
        return None


def _check_own(folder: Path) -> None:
    """Before a resident is read: whoever may write here could put a link where a list is about to be written."""
    about = folder.stat()
    if about.st_uid != os.geteuid() or about.st_mode & stat.S_IWOTH:
        problem = "got a folder of another account, or one that everybody may write in"
        raise SourceError(folder.name, problem, hint="chown, chmod 0700, or name another folder", code="E_OUT")


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A folder for the snapshots of one inquiry, beside the runs and independent of them; gone when it ends.

    It is held by a lock on itself, so that one whose process died is told from one at work, and cleared away by
    whoever comes next.

    Raises:
        SourceError: E_OUT, the folder cannot be written.
    """
    with _as_source_error(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        _clear_inquiries(folder)
        place = Path(mkdtemp(prefix=INQUIRY, dir=folder))  # mode 0700
        descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


def _clear_inquiries(folder: Path) -> None:
    for left in folder.glob(f"{INQUIRY}*"):
        try:
            descriptor = os.open(left, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(descriptor)


@contextmanager
def _as_source_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "name another folder, or free some space"
        raise SourceError(folder.name, f"cannot be written: {error.strerror}", hint=hint, code="E_OUT") from None


def announce(folder: Path, run_id: str) -> None:
    """Make the folder and let its status be unknown; results of an earlier run in it go away.

    They are what a manifest of ours names. Were this run to fail, they would speak for it.

    Raises:
        SourceError: The folder cannot be written.
    """
    with _as_source_error(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        say(folder, {"run_id": run_id, "verdict": "unknown"})
        _forget(folder)


def _forget(folder: Path) -> None:
    manifest = folder / MANIFEST
    try:
        names = list(json.loads(manifest.read_bytes())["files"])
    except FileNotFoundError:
        return
    except _NOT_OURS:
        names = []  # not ours, or damaged: nothing that it could name is touched
    for name in names:
        # Path.is_file is false for what can be no name at all, and for folders: "..".
        if isinstance(name, str) and Path(name).name == name and (folder / name).is_file():
            (folder / name).unlink(missing_ok=True)
    manifest.unlink()


def say(folder: Path, status: Mapping[str, object]) -> None:
    """Write the status, atomically."""
    _write(folder, STATUS, json.dumps(status, ensure_ascii=False, indent=1).encode() + b"\n")


def stage(report: Report, formats: Iterable[str], folder: Path, profile: str = "") -> None:
    """Render a report into a folder of its own, file by file, each flushed to the disk; `profile` as in `render`."""
    from reconcile.report import render  # noqa: PLC0415  the renderers' libraries only when asked for

    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    for name, content in render(report, dict.fromkeys(formats), profile):
        _write(folder, name, content)


def seal(staged: Path, about: Mapping[str, object]) -> str:
    """Write the manifest of staged files beside them: what is said about the run, and the digest of every file.

    Returns:
        The SHA-256 of the manifest.
    """
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(staged.iterdir())}
    content = json.dumps({**about, "files": files}, ensure_ascii=False, indent=1).encode() + b"\n"
    _write(staged, MANIFEST, content)
    return sha256(content).hexdigest()


def anchor(staged: Path) -> None:
    """Flush the names of a staged folder and of the folder it stands in: a file's own flush keeps no name above it."""
    for folder in (staged, staged.parent, staged.parent.parent):
        _flush(folder)


def publish(staged: Path, folder: Path) -> None:
    """Move staged files into place, their manifest last: at once where the folder is new."""
    if not (staged / MANIFEST).exists():
        seal(staged, {})
    if folder.exists():
        for path in sorted(staged.iterdir(), key=lambda path: (path.name == MANIFEST, path.name)):
            path.replace(folder / path.name)
        staged.rmdir()
    else:
        staged.rename(folder)
    _flush(folder)
    _flush(folder.parent)


def forget(folder: Path, names: Iterable[str]) -> None:
    """Unlink files of a delivered run, flushed; those that are gone already are no fault.

    Raises:
        SourceError: E_OUT, one cannot be deleted.
    """
    if not folder.is_dir():
        return
    with _as_source_error(folder):
        for name in names:
            (folder / name).unlink(missing_ok=True)
        _flush(folder)


def conclude(folder: Path, run_id: str, verdict: Verdict, **more: object) -> None:
    """Let the folder's status be the verdict of a run whose files are in place."""
    say(folder, {"run_id": run_id, "verdict": verdict.value, **more})


def summary_of(folder: Path) -> dict[str, Any]:
    """The summary of an earlier run, after it has been checked against that run's manifest.

    Raises:
        EvidenceError: It is not the one that was written: nothing may be concluded from it.
        SourceError: E_READ, the disk does not give it back, which is no tampering.
    """
    try:
        content = (folder / "summary.json").read_bytes()
        written = json.loads((folder / MANIFEST).read_bytes())["files"]["summary.json"]
        said: dict[str, Any] = dict(json.loads(content))
    except _NOT_OURS:
        content, written, said = b"", "", {}
    except OSError as error:
        problem = f"the summary of this earlier run cannot be read: {error.strerror}"
        raise SourceError(folder.name, problem, code="E_READ") from None
    if sha256(content).hexdigest() != written:
        hint = "touch nothing, keep a copy of the folder, tell the 統括責任者"
        raise EvidenceError(folder.name, "the summary of this earlier run is not as it was written", hint=hint)
    return said


def reread(folder: Path, manifest_sha256: str = "") -> Verdict:
    """The verdict as it stands on the disk, after every file has been checked against the manifest.

    Args:
        folder: Where the files are.
        manifest_sha256: What the manifest itself must be; "" if that is not known.

    Returns:
        `tampered` if a file is missing or not the one that was written, `failed` if the disk does not give it back;
        else what `summary.json` says.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        if manifest_sha256 and sha256(content).hexdigest() != manifest_sha256:
            return Verdict.TAMPERED
        manifest = json.loads(content)
        for name, digest in manifest["files"].items():
            if sha256((folder / name).read_bytes()).hexdigest() != digest:
                return Verdict.TAMPERED
        return Verdict(json.loads((folder / "summary.json").read_bytes())["verdict"])
    except _NOT_OURS:
        return Verdict.TAMPERED
    except OSError:
        return Verdict.FAILED


def _write(folder: Path, name: str, content: bytes) -> None:
    aside = folder / f".{name}.part"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / name)
    _flush(folder)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
