"""One table of a run file, or of a layout: what may stand in it, of which kind. An error names the key that is wrong.

The error is whoever's who can act: `fault`, a `ConfigError` where nothing else is said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from reconcile.errors import ConfigError, ReconcileError


def known(
    where: str, table: Mapping[str, Any], names: frozenset[str], fault: type[ReconcileError] = ConfigError
) -> None:
    """Refuse keys that are not among `names`.

    Raises:
        ConfigError: One is not.
    """
    if unknown := sorted(set(table) - names):
        raise fault(where, f"unknown key {unknown[0]!r}, expected one of {', '.join(sorted(names))}")


def table(where: str, raw: object, fault: type[ReconcileError] = ConfigError) -> Mapping[str, Any]:
    """A table as such.

    Raises:
        ConfigError: It is anything else.
    """
    if not isinstance(raw, dict):
        raise fault(where, f"got {type(raw).__name__}, expected a table")
    return cast("Mapping[str, Any]", raw)


def text(
    where: str,
    table: Mapping[str, Any],
    key: str,
    default: str | None = None,
    *,
    fault: type[ReconcileError] = ConfigError,
) -> str:
    """The text under a key, which must be there unless there is a default.

    Raises:
        ConfigError: It is missing, or no text.
    """
    value = table.get(key, default)
    if not isinstance(value, str):
        got = "nothing" if value is None else type(value).__name__
        raise fault(f"{where}: {key}", f"got {got}, expected a text")
    return value


def texts(where: str, table: Mapping[str, Any], key: str, what: str = "digests") -> tuple[str, ...]:
    """The list of texts under a key, () for none; `what` they are, for errors.

    Raises:
        ConfigError: It is no list of texts.
    """
    texts = table.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{where}.{key}", f"expected a list of {what}")
    return tuple(texts)


def number(where: str, table: Mapping[str, Any], key: str, default: float, *, most: float | None = None) -> float:
    """The number under a key, from 0 to `most`; whole where its default is.

    Raises:
        ConfigError: It is none, or out of range.
    """
    value = table.get(key, default)
    whole = isinstance(default, int)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
        raise ConfigError(f"{where}.{key}", f"expected a {'whole ' if whole else ''}number, 0 or more")
    if most is not None and value > most:
        raise ConfigError(f"{where}.{key}", f"expected a number from 0 to {most:g}")
    return float(value)


def day(where: str, table: Mapping[str, Any], key: str) -> str:
    """The day under a key, as YYYY-MM-DD; it must be there.

    Raises:
        ConfigError: It is missing, or no day.
    """
    value = table.get(key)
    # A date and time is a date to Python; a day is meant.
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ConfigError(f"{where}.{key}", "expected a day, as in 2026-11-01, without quotes")
    return value.isoformat()


def digest(raw: Mapping[str, Any], without: frozenset[str]) -> str:
    """The SHA-256 of what a run file says, however it is spelled: comments, order and spaces change nothing.

    Args:
        raw: The file as it was read.
        without: Keys that are left out, wherever they stand.
    """

    def settled(value: object) -> object:
        if isinstance(value, Mapping):
            return {str(key): settled(one) for key, one in value.items() if key not in without}
        return [settled(one) for one in value] if isinstance(value, list) else value

    said = json.dumps(
        settled(raw), sort_keys=True, ensure_ascii=True, default=lambda one: f"{type(one).__name__} {one}"
    )
    return hashlib.sha256(said.encode()).hexdigest()
