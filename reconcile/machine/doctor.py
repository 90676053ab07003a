"""`reconcile doctor`: is this machine, and this run file, fit for tonight? Every check says what it saw.

It looks and changes nothing, but for the network: it asks no one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconcile import nightly
from reconcile.config import RunConfig, read_config
from reconcile.errors import ReconcileError
from reconcile.machine.installed import check_installed
from reconcile.machine.mounts import check_local

PACKAGES = ("polars", "pyarrow", "duckdb", "pandera", "prefect", "fastapi", "sqlalchemy", "xlsxwriter", "typst")
FREE_BYTES = 2 * 1024**3
"""Snapshots of both sides and the reports of a ward take a tenth of it."""


class Finding(NamedTuple):
    """One check: whether all is well, and what was seen."""

    name: str
    well: bool
    seen: str


def doctor(config: Path | None) -> Iterator[Finding]:
    """Check the installation, and the run file if one is named.

    Yields:
        One finding a check, in the order in which a run would need them.
    """
    for package in PACKAGES:
        yield _try(f"package {package}", partial(_version, package))
    yield _try("installed files", installed)
    yield _try("character tables", _tables)
    yield _try("fonts", _fonts)
    yield _try("font variants", _variants)
    yield _try("time zone", _time_zone)
    if config is not None:
        yield from _run_file(config)


def _run_file(path: Path) -> Iterator[Finding]:
    yield _try("run file", lambda: f"{path.name}: {', '.join(nightly.rehearse(path).values())}")
    try:
        read = read_config(path)
    except ReconcileError:
        return
    yield _try("site key", lambda: _site_key(read))
    yield _try("output folder", lambda: _space(read))
    yield _try("file system", lambda: check_local(_existing(read.out)) or "not told by this system")


def _try(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, well=True, seen=look())
    except ReconcileError as error:
        return Finding(name, well=False, seen=f"{error.code} {error}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        raise ReconcileError(package, "is not installed", hint="pip install 'reconcile[pdf]'") from None


def installed(folders: Iterable[Path] | None = None) -> str:
    """Whether every installed file is the one that its package brought.

    Raises:
        ReconcileError: E_INSTALLED, with the first of those that are not.
    """
    found = check_installed(folders)
    if wrong := (*found.changed, *found.missing, *found.foreign):
        problem = (
            f"{len(found.changed)} changed, {len(found.missing)} missing, {len(found.foreign)} that no package brought: "
            f"{'; '.join(wrong[:3])}"
        )
        hint = "make a new environment from the wheelhouse, and ask who has changed this one"
        raise ReconcileError("site-packages", problem, hint=hint, code="E_INSTALLED")
    return f"{found.files:,} files of {found.packages} packages as installed; SHA-256 of their records {found.digest[:16]}…"


def _tables() -> str:
    from reconcile.characters import tables  # noqa: PLC0415

    # Loading compares every file with its digest.
    rows = [table().height for table in (tables.mj, tables.shrink, tables.ivd)]
    return f"{tables.version()}; {rows[0]:,} / {rows[1]:,} / {rows[2]:,} rows; SHA-256 {tables.digest()[:16]}…"


def _fonts() -> str:
    from reconcile.report import fonts  # noqa: PLC0415

    return fonts.find().describe()


def _variants() -> str:
    """Whether the collections of name variants can be drawn: Moji_Joho by IPAmj, Adobe-Japan1 by Noto CJK."""
    from reconcile.report import fonts  # noqa: PLC0415

    families = set(fonts.find().fonts.families())
    drawn = {
        "Moji_Joho": bool(families & {"IPAmjMincho"}),
        "Adobe-Japan1": bool(families & {"Noto Sans CJK JP", "Noto Serif CJK JP"}),
    }
    if all(drawn.values()):
        return "IPAmjMincho, Noto CJK: every registered variant can be drawn"
    lacking = ", ".join(name for name, here in drawn.items() if not here)
    return f"no font draws the variants of {lacking}: they are shown by code point (apt: fonts-ipamj-mincho, fonts-noto-cjk)"


def _time_zone() -> str:
    try:
        return str(ZoneInfo("Asia/Tokyo"))
    except ZoneInfoNotFoundError:
        raise ReconcileError("Asia/Tokyo", "is not known to this system", hint="install tzdata") from None


def _site_key(config: RunConfig) -> str:
    path = config.site_key
    if not path.exists():
        return "not there yet: the first run makes it"
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ReconcileError("site key", f"has mode {mode:o}, expected 400", hint=f"chmod 400 {path.name}")
    return f"mode {mode:o}"


def _space(config: RunConfig) -> str:
    free = shutil.disk_usage(_existing(config.out)).free
    if free < FREE_BYTES:
        raise ReconcileError("output folder", f"has {free // 1024**2:,} MiB left, expected 2,048 or more")
    return f"{free // 1024**3:,} GiB free"


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
