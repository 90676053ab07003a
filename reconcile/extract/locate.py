"""A pattern in a run file -> the one file that it means, in the folder that it names and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from reconcile.errors import ConfigError, SourceError
from reconcile.model import DatabaseSource, Side, Source

MARKS = frozenset("*?[")


def is_pattern(path: Path) -> bool:
    """Whether a path's last part is a pattern: a file that bears such a name is meant literally."""
    return bool(MARKS & set(path.name)) and not os.path.lexists(path)


def locate(source: Source, side: Side) -> Source:
    """The source with the one file that its pattern means; as it is if it has none.

    Only the name may be a pattern, and what it matches lies in that very folder: a link that leads out of it is
    refused (`reference/reliability.md` F003, F004, F108). The newest of several is never guessed.

    Raises:
        SourceError: E_NOT_FOUND, no file; E_AMBIGUOUS, more than one; E_PATH, it lies elsewhere.
    """
    if isinstance(source, DatabaseSource) or not is_pattern(source.path):
        return source
    pattern = source.path
    where = f"{side.value} {source.label} ({pattern.name})".replace("  ", " ")
    try:
        found = sorted(entry.name for entry in os.scandir(pattern.parent) if fnmatchcase(entry.name, pattern.name))
    except (OSError, ValueError):
        raise SourceError(where, "got no such folder, or none that may be read", code="E_NOT_FOUND") from None
    if not found:
        raise SourceError(where, "no file matches", hint="has the export been made?", code="E_NOT_FOUND")
    if len(found) > 1:
        hint = "move the others away: which one is meant is not guessed"
        raise SourceError(where, f"{len(found)} files match, expected one", hint=hint, code="E_AMBIGUOUS")
    path = pattern.parent / found[0]
    if path.resolve().parent != pattern.parent.resolve():
        hint = "name the file itself instead of a pattern, or copy it into the folder"
        raise SourceError(where, "what matches is a link that leads out of the folder", hint=hint, code="E_PATH")
    return replace(source, path=path)


def check_patterns(where: str, sources: Mapping[str, Source], root: Path) -> None:
    """Refuse a pattern that could find a file outside of the folder of inputs.

    Args:
        where: The run file's name, for errors.
        sources: As it names them.
        root: The folder.

    Raises:
        ConfigError: E_PATH.
    """
    for name, source in sources.items():
        if isinstance(source, DatabaseSource) or not is_pattern(source.path):
            continue
        folder = source.path.parent
        if is_pattern(folder) or ".." in folder.parts or not folder.resolve().is_relative_to(root.resolve()):
            problem = "got a pattern that leads out of the folder of inputs, expected one in it, for the name only"
            raise ConfigError(
                f"{where}: sources.{name}.path", problem, hint="inputs = … in the run file", code="E_PATH"
            )


def check_two(left: Source, right: Source) -> None:
    """Refuse one source for both sides.

    Raises:
        ConfigError: E_SAME_INPUT, they are one file (device and inode) or one database table.
    """
    if _same(left, right):
        hint = "a source always agrees with itself; name the two to compare"
        raise ConfigError("left and right", "are the same source, expected two", hint=hint, code="E_SAME_INPUT")


def _same(left: Source, right: Source) -> bool:
    if isinstance(left, DatabaseSource) and isinstance(right, DatabaseSource):
        return (left.url, left.layout.table) == (right.url, right.layout.table)
    if isinstance(left, DatabaseSource) or isinstance(right, DatabaseSource):
        return False
    try:
        return left.path.samefile(right.path)
    except OSError:
        return False
