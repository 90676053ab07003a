"""What a nightly run says to the evidence, and when: before anything is read, compared, published, and at its end.

    run_started        the run exists, with the digest of its run file
    inputs_accepted    both sides are whole: their digests and counts; the checkpoint after it goes on the council paper
    run_decided        the manifest of what will be published, by digest, with the verdict
    run_published      it stands on the disk and was read back
    run_failed         it was given up, with a code and no file

Each but `inputs_accepted` also has the digest of what the ledger holds from then on.

The intent comes before the act: a folder whose digest the log does not know was not made by a run of ours.
"""

from __future__ import annotations

import hmac
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from reconcile import __version__, deliver, evidence
from reconcile.config import RunConfig, read_config, signing_key, site_key
from reconcile.decide import verdict_of_fault
from reconcile.errors import ConfigError, EvidenceError
from reconcile.evidence.details import Detail
from reconcile.ledger import Told, digest_of
from reconcile.model import Preflight, Side, Verdict, Witness

MANIFEST_SCHEMA = 1
_KEY_ID = b"reconcile/v1/key-id"
"""What the key's own name is the hash of: a message that no finding and no person has."""

_LIBRARIES = ("polars", "pyarrow", "numpy", "duckdb", "pandera", "cryptography")
_PARTS = frozenset((".py", ".toml", ".parquet", ".typ", ".html", ".j2", ".tsv"))


def told(config: RunConfig, event: str, details: Mapping[str, Detail], at: datetime | None = None) -> Told:
    """How the evidence is told of a state of the ledger, with the event that leads to it; `at` is now by default.

    What is called raises `EvidenceError` if the ledger before is not one that the evidence knows.
    """

    def tell(before: str, after: str) -> None:
        said = evidence.said_of_ledger(evidence.read(config.out / evidence.FOLDER))
        if said and before not in said:
            hint = "touch nothing, keep a copy of the folder, tell the 統括責任者"
            raise EvidenceError("ledger", "it does not hold what the evidence says of it", hint=hint)
        key = signing_key(config.evidence_key)
        evidence.append(config.out, event, at or datetime.now(UTC), key=key, ledger_sha256=after, **details)

    return tell


def started(config: RunConfig, run_id: str, as_of: datetime, permit: Mapping[str, str]) -> Told:
    """How it is recorded that a run began, who started it, and what for.

    Args:
        config: The run file.
        run_id: Which run.
        as_of: The day it is about.
        permit: `permission.Permit.details`.

    Returns:
        What is called with the ledger's digests. It raises `EvidenceError` if evidence or ledger are not the ones that
        were signed, `ConfigError` if the signing key or the clock is wrong, `SourceError` if it cannot be written.
    """
    digest = sha256(config.path.read_bytes()).hexdigest()
    about = {"run_id": run_id, "as_of": as_of.date().isoformat(), "config_sha256": digest}
    return told(config, "run_started", {**about, **permit})


def key_in_force(config: RunConfig, rotated_to: str) -> str:
    """The id of the site key under which the results so far were recognized; "" if there are none.

    Under another key nobody of the nights before is found on either side: every open finding would count as gone.

    Args:
        config: The run file.
        rotated_to: What the ledger says of the last rotation (`history.rotated_to`). It alone says whether that came to
            be: the evidence announces it before the ledger's transaction, and a crash may lie between the two.
    """
    if rotated_to:
        return rotated_to
    for line in reversed(evidence.read(config.out / evidence.FOLDER).lines):
        if said := evidence.entry(line).details.get("site_key_id"):
            return str(said)
    return ""


def key_id(key: bytes) -> str:
    """The name of a key, 32 hexadecimal digits: tells two keys apart and nothing of either."""
    return hmac.digest(key, _KEY_ID, "sha256").hex()[:32]


def accepted(config: RunConfig, run_id: str, inputs: Mapping[Side, Preflight]) -> Witness:
    """Record what will be compared.

    Returns:
        The checkpoint that covers it. Printed on the council paper, it is out of the reach of whoever keeps the log.
    """
    said: dict[str, Detail] = {}
    for side, one in inputs.items():
        said |= {f"{side}_records": one.records, f"{side}_sha256": one.sha256}
    _append(config, "inputs_accepted", run_id=run_id, **said)
    verifier = evidence.public_key(signing_key(config.evidence_key))
    head = evidence.head(config.out, verifier)
    return Witness(note=head.note if head else "", verifier=verifier)


def decided(config: RunConfig, run_id: str, inputs: Mapping[Side, Preflight], staged: Path) -> tuple[str, Told]:
    """Write the manifest of the staged files; its digest is recorded before any of them is published.

    Returns:
        The SHA-256 of the manifest, and what records it, with the ledger's digests.
    """
    summary = json.loads((staged / "summary.json").read_bytes())
    digest = deliver.seal(staged, manifest(config, summary, inputs))
    found = sum(summary["findings"]["by_kind"].values())
    about = {"run_id": run_id, "verdict": summary["verdict"], "findings": found, "manifest_sha256": digest}
    keys = {"site_key_id": key_id(site_key(config.site_key)), "settings_sha256": config.digest}
    return digest, told(config, "run_decided", {**about, **keys})


def published(config: RunConfig, run_id: str, verdict: Verdict, ledger: str) -> None:
    """Record that the files of a run stand in place, what was read back, and what the ledger holds now (its digest).

    Raises:
        EvidenceError: The ledger is not the one that the run was recorded in.
    """
    told(config, "run_published", {"run_id": run_id, "verdict": verdict.value})(ledger, ledger)


def given_up(config: RunConfig, run_id: str, code: str) -> Told:
    """How it is recorded that a run was given up, with the ledger's digests."""
    return told(config, "run_failed", {"run_id": run_id, "verdict": verdict_of_fault(code).value, "code": code})


def failed(config: RunConfig, run_id: str, verdict: Verdict, code: str) -> None:
    """Record that the files of a run were not the ones that were written, or that the ledger cannot be told of its end."""
    _append(config, "run_failed", run_id=run_id, verdict=verdict.value, code=code)


def manifest(config: RunConfig, summary: Mapping[str, Any], inputs: Mapping[Side, Preflight]) -> dict[str, object]:
    """What a run was made of, by digest; the digests of its files are added when they are sealed."""
    named = {Side.LEFT: config.left, Side.RIGHT: config.right}
    head = evidence.head(config.out, evidence.public_key(signing_key(config.evidence_key)))
    return {
        "schema": MANIFEST_SCHEMA,
        "run_id": summary["run_id"],
        "dataset": summary["dataset"],
        "as_of": summary["as_of"],
        "verdict": summary["verdict"],
        "inputs": {
            side.value: {
                "label": config.sources[named[side]].label,
                "records": one.records,
                "bytes": one.source_bytes,
                "sha256": one.sha256,
                "header": dict(one.header),
            }
            for side, one in inputs.items()
        },
        "config_sha256": sha256(config.path.read_bytes()).hexdigest(),
        "tables": summary.get("tables", {}),
        "programs": {name: program(name) for name in ("reconcile", config.dataset.partition(".")[0])},
        "versions": {
            "reconcile": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _LIBRARIES},
        },
        "checkpoint": head.note if head else "",
    }


@cache
def program(package: str) -> str:
    """The digest of everything a package decides by: its code, rules, layouts, tables and templates.

    SHA-256 over one line a file, `<SHA-256>  <path in the package>`, sorted by path, as `sha256sum` writes them.
    """
    spec = find_spec(package)
    places = (spec.submodule_search_locations if spec else None) or []
    lines: list[str] = []
    for place in map(Path, places):
        paths = (path for path in place.rglob("*") if path.suffix in _PARTS and "__pycache__" not in path.parts)
        named = sorted((path.relative_to(place).as_posix(), path) for path in paths)
        lines += [f"{sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in named]
    return sha256("".join(lines).encode()).hexdigest()


def verify(
    config: Path, out: Path | None, *, run: str = "", since: Sequence[Path] = (), key: str = ""
) -> evidence.Verification:
    """Check the evidence of a run file, or of an output folder alone.

    Args:
        config: The run file; not read if `out` is given.
        out: The output folder, or None.
        run: Only the files of this run; "" for all.
        since: Files with earlier checkpoints.
        key: The public key, or a file that holds it; "" for the signing key's, or else the one beside the log.

    Raises:
        ConfigError: There is no such folder, file or key, or no such run ever was.
    """
    folder, signing = (out, None) if out is not None else _places(config)
    if not folder.is_dir():
        raise ConfigError("--out", "got no folder, expected that of the nightly run", code="E_NOT_FOUND")
    notes = [_note(path) for path in since]
    return evidence.verify(folder, _verifier(folder, signing, key), run=run, since=notes, ledger=digest_of(folder))


def _places(config: Path) -> tuple[Path, Path]:
    read = read_config(config)
    return read.out, read.evidence_key


def _verifier(folder: Path, signing: Path | None, key: str) -> str:
    if not key and signing is not None and signing.is_file():
        return evidence.public_key(signing_key(signing))
    beside = folder / evidence.FOLDER / evidence.PUBLIC
    named = Path(key) if key else beside
    text = (named.read_bytes().decode("ascii", "replace") if named.is_file() else key).strip()
    if key and not evidence.is_public_key(text):
        hint = "as it stands on the council paper: reconcile/…+…+…"
        raise ConfigError("--key", "got no public key of an evidence", hint=hint)
    return text  # a damaged or missing file beside the log signs nothing: the verification says so


def _note(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError("--since", f"cannot be read: {error.strerror}", code="E_NOT_FOUND") from None
    # What a telephone read from the paper often has other line ends, and none at its end. The signature decides.
    return content.replace(b"\r\n", b"\n").strip() + b"\n"


def _append(config: RunConfig, event: str, **details: Detail) -> None:
    evidence.append(config.out, event, datetime.now(UTC), key=signing_key(config.evidence_key), **details)
