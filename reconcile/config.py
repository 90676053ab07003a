"""The run file (TOML) -> `RunConfig`; and a path on the command line -> `Source`.

Relative paths in a run file are relative to the run file. An error names the key that is wrong. Secrets never stand
here: the site key is a file of its own, a database password comes from the database's own means (`.pgpass`, a
service file).

```toml
dataset = "schemas.identity_record"
left = "cs"                     # names of two sources below
right = "register"
purpose = "要綱第5条第2項第1号の整合性確認"     # what the nightly run is for; stands in the evidence
inputs = "."                    # the folder below which a pattern (`path = "cs_*.dat"`) may find its one file
out = "out"                     # a folder a run, and status.json
site_key = "keys/site.key"      # 32 random bytes, mode 0400; made by the first run if missing
evidence_key = "keys/evidence.key"  # the same; signs the evidence

[characters]
approvals = "approvals.toml"    # 同定承認表; may be left out

[gates]
municipality = "13107"
overlap_min = 0.90

[operators]                     # account -> roles; left out: the owner of this file alone may run and read
tanaka = ["run", "read"]

[schedule]
cron = "30 2 * * *"
timezone = "Asia/Tokyo"

# [[severity]], [scope], [alarms]: what the site has decided otherwise (`house_rules`)

[municipalities]                # whose residents the sources hold; instead of what their layouts say
"13107" = ["東京都墨田区"]

[sources.cs]
label = "CS"
path = "cs.dat"
layout = "cs_fixed"

[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
gaiji = "gaiji.csv"             # what its private-use codes mean; may be left out
towns = "towns.csv"             # its town codes, `code,town`; without it code and text are not held against each other
```
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from reconcile.errors import ConfigError
from reconcile.extract.layout import composite, municipalities, read_layout
from reconcile.extract.locate import check_patterns
from reconcile.extract.towns import read_towns
from reconcile.model import (
    Carried,
    Composite,
    DatabaseSource,
    Dataset,
    DelimitedSource,
    FixedWidthSource,
    Layout,
    ParquetSource,
    Source,
)
from reconcile.settings import gate_limits, house_rules, toml

_TOP = frozenset(
    """dataset left right inputs out site_key evidence_key characters gates carried retention schedule sources purpose
    operators municipalities environment""".split()
) | {"memory_limit", *house_rules.TABLES}
_SOURCE = frozenset(
    "label path url layout encoding delimiter gaiji extracted_at composite towns timeout_seconds".split()
)
_CHARACTERS = frozenset(("approvals",))
_CARRIED = frozenset("nights business_days planned_business_days".split())
_SCHEDULE = frozenset("cron timezone red_after_hours".split())
_ROLES = frozenset("run read approve audit".split())
_NIGHTLY = frozenset(("accepted_inputs", "accepted_tables", "extracted_at"))
"""Keys that name what one night brought, by digest or time: they are no settings."""
_PARQUET = (".parquet", ".pq")
_DELIMITED = (".csv", ".tsv", ".txt")
SITE_KEY_BYTES = 32
TIMEOUT_SECONDS = 3600.0
"""How long a statement of a database may take, where the run file says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedLimits:
    """How long a difference may be one of timing (`model.Carried`); a planned move has a limit of its own.

    A move is announced up to two weeks before it and may be put off: 20 business days.
    """

    limits: Carried = field(default_factory=Carried)
    planned_business_days: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the nightly run starts: a cron expression and the time zone it is meant in.

    `red_after_hours`: how long ago the newest run that claimed something may have been published before `status` is
    red (`reference/reliability.md` F095: 26).
    """

    cron: str = "30 2 * * *"
    timezone: str = "Asia/Tokyo"
    red_after_hours: float = 26.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A run file, read and checked.

    `approvals` is the 同定承認表 (`characters.approvals`), `gaiji` the 外字 table of a source, by the source's name
    (`characters.gaiji`): paths, which the run loads and names by digest in its report. `towns` are the tables of town
    codes by the source's name, which the run names by digest as well. `extracted_at` says when a source was extracted
    (YYYYMMDDhhmmss), where it does not say so itself. `retention_days` is how long the lists and findings of a run are
    kept, 0 for ever. `house` is what the site has decided about
    severities, scope and thresholds. `purpose` is what the nightly run is for, `operators` account -> roles
    (`permission`); None where the run file names nobody. `digest`: SHA-256 of the settings (`toml.digest`).
    `environment`: "production" or "test" (`proof.environment`), "" where the run file does not say.
    """

    path: Path
    dataset: str
    left: str
    right: str
    out: Path
    site_key: Path
    evidence_key: Path
    sources: Mapping[str, Source]
    approvals: Path | None = None
    gaiji: Mapping[str, Path] = field(default_factory=dict)
    towns: Mapping[str, Path] = field(default_factory=dict)
    extracted_at: Mapping[str, str] = field(default_factory=dict)
    gates: gate_limits.Gates = field(default_factory=gate_limits.Gates)
    carried: CarriedLimits = CarriedLimits()
    retention_days: int = 0
    schedule: Schedule = Schedule()
    house: house_rules.HouseRules = field(default_factory=house_rules.HouseRules)
    purpose: str = ""
    operators: Mapping[str, tuple[str, ...]] | None = None
    digest: str = ""
    environment: str = ""


def read_config(path: Path) -> RunConfig:
    """Read a run file.

    Raises:
        ConfigError: It is missing, not TOML, or a key is unknown, missing or of the wrong type.
        DeclarationError: A layout that it names is wrong.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(path.name, "got no such file, expected a run file (TOML)", hint="--config run.toml") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8; numbers too long, lists too deep
        raise ConfigError(path.name, f"not TOML: {error}") from None
    where = path.name
    toml.known(where, raw, _TOP)
    base = path.resolve().parent
    dataset = toml.text(where, raw, "dataset")
    named = municipalities(f"{where}: municipalities", raw.get("municipalities", {}))
    sources = {
        name: _of_site(
            _source(f"{where}: sources.{name}", toml.table(f"{where}: sources.{name}", entry), base, dataset),
            named,
            composite(f"{where}: sources.{name}.composite", entry.get("composite")),
            read_towns(base / toml.text(f"{where}: sources.{name}", entry, "towns")) if "towns" in entry else {},
        )
        for name, entry in toml.table(f"{where}: sources", raw.get("sources", {})).items()
    }
    check_patterns(where, sources, base / toml.text(where, raw, "inputs", "."))
    for side in ("left", "right"):
        if toml.text(where, raw, side) not in sources:
            raise ConfigError(f"{where}: {side}", f"got {raw[side]!r}, expected one of: {', '.join(sources) or 'none'}")
    return RunConfig(
        path=path,
        dataset=dataset,
        left=toml.text(where, raw, "left"),
        right=toml.text(where, raw, "right"),
        out=base / toml.text(where, raw, "out", "out"),
        site_key=base / toml.text(where, raw, "site_key", "site.key"),
        evidence_key=base / toml.text(where, raw, "evidence_key", "evidence.key"),
        sources=sources,
        approvals=_approvals(
            f"{where}: characters", toml.table(f"{where}: characters", raw.get("characters", {})), base
        ),
        gaiji={
            name: base / toml.text(f"{where}: sources.{name}", entry, "gaiji")
            for name, entry in raw.get("sources", {}).items()
            if "gaiji" in entry
        },
        towns={
            name: base / entry["towns"]  # read above
            for name, entry in raw.get("sources", {}).items()
            if "towns" in entry
        },
        extracted_at={
            name: _instant(f"{where}: sources.{name}", entry)
            for name, entry in raw.get("sources", {}).items()
            if "extracted_at" in entry
        },
        gates=gate_limits.read(f"{where}: gates", toml.table(f"{where}: gates", raw.get("gates", {}))),
        carried=_carried(f"{where}: carried", toml.table(f"{where}: carried", raw.get("carried", {}))),
        retention_days=_retention(f"{where}: retention", toml.table(f"{where}: retention", raw.get("retention", {}))),
        schedule=_schedule(f"{where}: schedule", toml.table(f"{where}: schedule", raw.get("schedule", {}))),
        house=house_rules.read(where, raw),
        purpose=toml.text(where, raw, "purpose", ""),
        operators=_operators(f"{where}: operators", raw["operators"]) if "operators" in raw else None,
        digest=toml.digest(raw, _NIGHTLY),
        environment=_environment(where, raw),
    )


def source_of(path: Path, *, encoding: str = "utf-8", label: str = "") -> Source:
    """The source that a path on the command line means, by its name's ending.

    Raises:
        ConfigError: The ending is not known.
    """
    if path.is_dir():
        raise ConfigError(path.name or str(path), "got a folder, expected a file", code="E_NOT_A_FILE")
    suffix = path.suffix.lower()
    if suffix in _PARQUET:
        return ParquetSource(path=path, label=label)
    if suffix in _DELIMITED:
        return DelimitedSource(path=path, label=label, encoding=encoding, delimiter="\t" if suffix == ".tsv" else ",")
    known = ", ".join((*_DELIMITED, *_PARQUET))
    raise ConfigError(
        path.name,
        f"got a file ending in {suffix or 'nothing'}, expected one of {known}, or a source of the run file",
        hint="declare it under [sources.NAME] and pass --config",
    )


def load_dataset(name: str) -> Dataset:
    """Find a dataset by its dotted name, as in `schemas.identity_record`.

    Raises:
        ConfigError: There is no such module, or it declares no DATASET.
    """
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError("dataset", f"got {name!r}, found no module {error.name!r}") from None
    dataset = getattr(module, "DATASET", None)
    if not isinstance(dataset, Dataset):
        raise ConfigError("dataset", f"got {name!r}, which declares no DATASET")
    return dataset


def load_layout(dataset: str, name: str) -> Layout:
    """Read the layout NAME that lies beside a dataset, in `<package>/layouts/NAME.toml`."""
    name_of_package = dataset.partition(".")[0]
    # find_spec runs the finders of everything that is installed, and some of them fail on what can be no name.
    package = importlib.util.find_spec(name_of_package) if name_of_package.isidentifier() else None
    if package is None or not package.submodule_search_locations:
        raise ConfigError("dataset", f"got {dataset!r}, found no such package")
    return read_layout(Path(package.submodule_search_locations[0]) / "layouts" / f"{name}.toml")


def site_key(path: Path) -> bytes:
    """The site's key: 32 random bytes in a file of mode 0400, made when it is first needed.

    Without it the ids of findings could be undone by trying all keys; with another one, no finding would be
    recognized from one run to the next. So it is replaced by `nights.rotate` alone, which re-links the history.

    Raises:
        ConfigError: The file is not 32 bytes long, others may read it, or it cannot be made.
    """
    return _secret(path, "site key", "set RECONCILE_SITE_KEY to a file that can be made")


def signing_key(path: Path) -> bytes:
    """The key that signs the evidence (Ed25519, RFC 8032: 32 random bytes), kept and made like the site key.

    Who holds it can sign another history: it belongs to the account that runs the job, and not beside the output.

    Raises:
        ConfigError: As `site_key`.
    """
    return _secret(path, "evidence key", "name another file: evidence_key in the run file")


def _secret(path: Path, name: str, hint: str) -> bytes:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(name, f"cannot be made: {error.strerror}", hint=hint) from None
    else:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SITE_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    if path.stat().st_mode & 0o077:
        raise ConfigError(name, "got a file that others may read, expected mode 0400", hint="chmod 0400")
    key = path.read_bytes()
    if len(key) != SITE_KEY_BYTES:
        raise ConfigError(name, f"got {len(key)} bytes, expected {SITE_KEY_BYTES}", hint="restore it from backup")
    return key


def user_site_key() -> Path:
    """Where the key of ad-hoc comparisons lies: RECONCILE_SITE_KEY, or the user's configuration folder."""
    if named := os.environ.get("RECONCILE_SITE_KEY"):
        return Path(named)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "reconcile" / "site.key"


def _source(where: str, table: Mapping[str, Any], base: Path, dataset: str) -> Source:
    toml.known(where, table, _SOURCE)
    label = toml.text(where, table, "label", where.rpartition(".")[2])
    layout = load_layout(dataset, toml.text(where, table, "layout")) if "layout" in table else None
    if "url" in table:
        if layout is None:
            raise ConfigError(f"{where}.layout", "missing, expected the name of a layout: a database needs one")
        seconds = toml.number(where, table, "timeout_seconds", TIMEOUT_SECONDS)
        if not seconds:
            raise ConfigError(f"{where}.timeout_seconds", "got 0, expected some seconds: nobody waits for ever")
        url = _resolved(toml.text(where, table, "url"), base)
        return DatabaseSource(url=url, layout=layout, label=label, timeout_seconds=seconds)
    path = base / toml.text(where, table, "path")
    if layout is None:
        return source_of(path, encoding=toml.text(where, table, "encoding", "utf-8"), label=label)
    match layout.kind:
        case "fixed_width":
            return FixedWidthSource(path=path, layout=layout, label=label)
        case "parquet":
            return ParquetSource(path=path, layout=layout, label=label)
        case "delimited":
            return DelimitedSource(
                path=path, layout=layout, label=label, encoding=layout.encoding, delimiter=layout.delimiter
            )
        case kind:
            raise ConfigError(f"{where}.path", f"got a file for a layout of kind {kind!r}, expected `url`")


def _of_site(
    source: Source, named: Mapping[str, tuple[str, ...]], written: Composite | None, towns: Mapping[str, str]
) -> Source:
    """A source with what the run file says of the site, where it has a layout that could have said it."""
    if source.layout is None:
        return source
    layout = replace(source.layout, municipalities=named or source.layout.municipalities)
    return replace(source, layout=replace(layout, composite=written or layout.composite, towns=towns))


def _resolved(url: str, base: Path) -> str:
    scheme, mark, rest = url.partition(":///")
    return f"{scheme}{mark}{base / rest}" if scheme == "duckdb" and mark else url


def _approvals(where: str, table: Mapping[str, Any], base: Path) -> Path | None:
    toml.known(where, table, _CHARACTERS)
    return base / toml.text(where, table, "approvals") if "approvals" in table else None


def _instant(where: str, table: Mapping[str, Any]) -> str:
    text = toml.text(where, table, "extracted_at")
    try:
        datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007  Asia/Tokyo, as in a header
    except ValueError:
        raise ConfigError(f"{where}: extracted_at", "expected YYYYMMDDhhmmss") from None
    return text


def _carried(where: str, table: Mapping[str, Any]) -> CarriedLimits:
    toml.known(where, table, _CARRIED)
    default = CarriedLimits()
    return CarriedLimits(
        limits=Carried(
            nights=int(toml.number(where, table, "nights", default.limits.nights)),
            business_days=int(toml.number(where, table, "business_days", default.limits.business_days)),
        ),
        planned_business_days=int(toml.number(where, table, "planned_business_days", default.planned_business_days)),
    )


def _retention(where: str, table: Mapping[str, Any]) -> int:
    toml.known(where, table, frozenset(("days",)))
    return int(toml.number(where, table, "days", 0))


def _schedule(where: str, table: Mapping[str, Any]) -> Schedule:
    toml.known(where, table, _SCHEDULE)
    default = Schedule()
    return Schedule(
        cron=toml.text(where, table, "cron", default.cron),
        timezone=toml.text(where, table, "timezone", default.timezone),
        red_after_hours=toml.number(where, table, "red_after_hours", default.red_after_hours),
    )


def _environment(where: str, raw: Mapping[str, Any]) -> str:
    said = toml.text(where, raw, "environment", "")
    if said not in ("", "production", "test"):
        raise ConfigError(f"{where}: environment", f"got {said!r}, expected 'production' or 'test'")
    return said


def _operators(where: str, raw: object) -> dict[str, tuple[str, ...]]:
    operators = {}
    for name, roles in toml.table(where, raw).items():
        if not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
            raise ConfigError(f"{where}.{name}", f"expected a list of: {', '.join(sorted(_ROLES))}")
        if unknown := sorted(set(roles) - _ROLES):
            raise ConfigError(f"{where}.{name}", f"got {unknown[0]!r}, expected some of: {', '.join(sorted(_ROLES))}")
        operators[name] = tuple(roles)
    return operators
