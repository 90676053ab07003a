"""What may be sent to whoever maintains the program, when a night went wrong: codes, counts, versions and digests.

An allow-list, not a filter: what is not in `SHAPE` is not in the bundle, whatever an output holds tomorrow, and a text
must look like a code to be in it. Labels, texts of gates, places, purposes and operators stay with the ward
(要綱第10条; `reference/reliability.md` F133). It is one JSON object, for a person to read before it is sent.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconcile import __version__, deliver, evidence
from reconcile.errors import ConfigError
from reconcile.report.build import SEVERITIES

EVENTS = 50
"""How many of the newest entries of the evidence are told."""

COUNT = "a count or a share"
CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.+:-]{0,79}( [A-Za-z]{1,40})?")
DIGEST = re.compile(r"[0-9a-f]{64}")
RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,6})?([+-]\d{2}:\d{2}|Z))?")
VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){1,3}([a-z]{1,4}\d{1,3})?")
_NUMBER_RUN = re.compile(r"\d{7}")

_SIDE = dict.fromkeys(
    "records rows out_of_scope rejected duplicate matched mismatched only not_tracked".split(), COUNT
) | {"sha256": DIGEST}
_BY = {"*": COUNT}
SHAPE: Mapping[str, Any] = {
    "status": {"run_id": RUN, "verdict": CODE, "code": CODE, "results": RUN},
    "summary": {
        "schema": COUNT,
        "run_id": RUN,
        "dataset": CODE,
        "as_of": DAY,
        "verdict": CODE,
        "sides": {"left": _SIDE, "right": _SIDE},
        "findings": {"by_kind": _BY, "by_code": _BY, "by_field": _BY, "by_severity": _BY},
        "persons": {"by_severity": _BY},
        "equal_by_rule": _BY,
        "gates": [{"gate": CODE, "outcome": CODE}],
        "alarms": [{"code": CODE, "figures": _BY}],
        "considered": COUNT,
        "pairs": COUNT,
        "tables": {"*": DIGEST},
    },
    "manifest": {
        "schema": COUNT,
        "config_sha256": DIGEST,
        "programs": {"*": DIGEST},
        "versions": {"*": VERSION},
        "files": {"*": DIGEST},
    },
    "evidence": [{"seq": COUNT, "event": CODE, "at": DAY, "run_id": RUN, "verdict": CODE, "code": CODE}],
    "here": {"reconcile": VERSION, "python": VERSION, "system": CODE, "machine": CODE},
}
"""Key -> what may stand there: a form of text, a count, an object, a list of them. `*` is every key that is a code, a file
name of ours or a severity."""


def bundle(out: Path, run: str = "") -> dict[str, Any]:
    """The bundle of one run.

    Args:
        out: The run file's `out`.
        run: The run's id; "" for the newest that has results.

    Raises:
        ConfigError: There is no such run.
    """
    status = _read(out / deliver.STATUS)
    name = run or str(status.get("results", ""))
    folder = out / name
    if name and (RUN.fullmatch(name) is None or not folder.is_dir()):
        raise ConfigError("run", "no such run in the output folder", hint="its id is the name of its folder")
    found = {
        "status": status,
        "summary": _read(folder / "summary.json") if name else {},
        "manifest": _read(folder / deliver.MANIFEST) if name else {},
        "evidence": _events(out),
        "here": {
            "reconcile": __version__,
            "python": platform.python_version(),
            "system": platform.system(),
            "machine": platform.machine(),
        },
    }
    kept: dict[str, Any] = allowed(found, SHAPE)
    return kept


def allowed(value: Any, shape: Any) -> Any:  # noqa: ANN401  JSON
    """The part of a JSON value that a shape names, None where nothing of it may stay."""
    if isinstance(shape, Mapping):
        named = value.items() if isinstance(value, Mapping) else ()
        parts = {key: allowed(part, shape.get(key, shape.get("*") if _is_name(key) else None)) for key, part in named}
        return {key: part for key, part in parts.items() if part is not None}
    if isinstance(shape, list):
        return [allowed(part, shape[0]) for part in value] if isinstance(value, list) else None
    if shape is COUNT:
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if isinstance(shape, re.Pattern) and isinstance(value, str) and shape.fullmatch(value):
        # A code of a rule may carry an id that an office gave: never one that could be a person's number.
        return value if shape is not CODE or _NUMBER_RUN.search(value) is None else None
    return None


def _is_name(key: object) -> bool:
    return isinstance(key, str) and (
        key in SEVERITIES or (CODE.fullmatch(key) is not None and _NUMBER_RUN.search(key) is None)
    )


def _events(out: Path) -> list[dict[str, Any]]:
    lines = evidence.read(out / evidence.FOLDER).lines[-EVENTS:]
    return [_parsed(line) for line in lines]


def _read(path: Path) -> dict[str, Any]:
    try:
        return _parsed(path.read_bytes())
    except OSError:
        return {}


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
