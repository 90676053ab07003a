"""The approved identifications (同定承認表): which two characters the office has decided to treat as one.

An entry is about a pair of characters, never about a person, and is directed: `left` is the glyph of the CS, `right`
that of the register. As TOML:

    expires = 2027-03-31              # optional: no entry may outlive the table

    [[approval]]
    id = "2026-001"
    left = "MJ028902"
    right = "MJ028901"
    approver = "窓口課長"
    date = 2026-04-01
    expires = 2027-03-31
    fields = ["name_kanji"]           # optional: all fields
    basis = "…"                       # why; required where no rule of the tables relates the two

or as CSV (UTF-8) with the same columns, `fields` separated by spaces.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reconcile.characters import clusters, ladder, relations, tables
from reconcile.errors import ConfigError

APPROVALS = pl.Schema(
    {
        "id": pl.String(),
        "left_mj": pl.String(),
        "right_mj": pl.String(),
        "approver": pl.String(),
        "date": pl.Date(),
        "expires": pl.Date(),
        "fields": pl.List(pl.String()),
        "basis": pl.String(),
    }
)
"""One row an entry, in the order of the file. `fields` empty = all fields."""

_KEYS = ("id", "left", "right", "approver", "date", "expires", "fields", "basis")
_REQUIRED = _KEYS[:6]


def load(path: Path) -> pl.DataFrame:
    """Read and check a table of approvals (`.toml` or `.csv`).

    Returns:
        APPROVALS. Expired entries are there too: `applicable` leaves them out.

    Raises:
        ConfigError: The file cannot be read, or an entry is incomplete, names an unknown MJ文字図形名, ends before it
            begins or after the table, stands twice, or relates two characters that no rule relates without a basis.
    """
    where = path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(where, f"cannot be read as UTF-8 text ({type(error).__name__})") from None
    entries, limit = _from_csv(where, text) if path.suffix == ".csv" else _from_toml(where, text)
    rows = [_entry(f"{where}: approval[{i}]", entry, limit) for i, entry in enumerate(entries)]
    table = pl.DataFrame(rows, schema=APPROVALS)
    _check_unique(where, table)
    _check_related(where, table)
    return table


def applicable(approvals: pl.DataFrame, field: str, as_of: date) -> pl.DataFrame:
    """The entries that hold for a field on a day: `ladder.APPROVED`, in the order of the file.

    An entry holds from its `date` to its `expires`, both included.
    """
    in_force = (pl.col("date") <= as_of) & (pl.col("expires") >= as_of)
    in_scope = (pl.col("fields").list.len() == 0) | pl.col("fields").list.contains(field)
    return approvals.filter(in_force, in_scope).select(ladder.APPROVED.names())


def _from_toml(where: str, text: str) -> tuple[list[Mapping[str, Any]], date | None]:
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(where, f"not TOML: {error}") from None
    if unknown := sorted(set(raw) - {"approval", "expires"}):
        raise ConfigError(where, f"unknown key {unknown[0]!r}, expected approval or expires")
    entries = raw.get("approval", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{where}: approval", "expected tables [[approval]]")
    limit = raw.get("expires")
    return entries, None if limit is None else _day(f"{where}: expires", limit)


def _from_csv(where: str, text: str) -> tuple[list[Mapping[str, Any]], None]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        entries = [{name: value for name, value in row.items() if value} for row in reader]
    except csv.Error as error:
        raise ConfigError(where, f"not CSV: {error}") from None
    return [{**entry, "fields": str(entry.get("fields", "")).split()} for entry in entries], None


def _entry(where: str, entry: Mapping[str, Any], limit: date | None) -> dict[str, Any]:
    if unknown := sorted(set(map(str, entry)) - set(_KEYS)):
        raise ConfigError(where, f"unknown key {unknown[0]!r}, expected one of {', '.join(_KEYS)}")
    if lacking := [key for key in _REQUIRED if not entry.get(key)]:
        raise ConfigError(where, f"no {', '.join(lacking)}", hint="an approval names who, since when and until when")
    if "+" in str(entry["id"]):
        raise ConfigError(f"{where}.id", "got a '+', which joins the authorities of a finding")
    fields = entry.get("fields", [])
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise ConfigError(f"{where}.fields", "expected a list of field names")
    start, end = _day(f"{where}.date", entry["date"]), _day(f"{where}.expires", entry["expires"])
    if end < start:
        raise ConfigError(f"{where}.expires", f"got {end}, expected a day from {start} on")
    if limit is not None and end > limit:
        raise ConfigError(f"{where}.expires", f"got {end}, expected at the latest {limit}, when the table expires")
    left, right = _glyph(f"{where}.left", entry["left"]), _glyph(f"{where}.right", entry["right"])
    if left == right:
        raise ConfigError(where, f"left and right are both {left}: nothing to approve")
    return {
        "id": str(entry["id"]),
        "left_mj": left,
        "right_mj": right,
        "approver": str(entry["approver"]),
        "date": start,
        "expires": end,
        "fields": fields,
        "basis": str(entry["basis"]) if entry.get("basis") else None,
    }


def _glyph(where: str, value: object) -> str:
    if isinstance(value, str) and value.startswith("MJ") and len(value) == 8 and value[2:].isdecimal():
        if (tables.mj()["mj"] == int(value[2:])).any():
            return value
        raise ConfigError(where, f"got {value}, which {tables.source().mji} does not have")
    raise ConfigError(where, "expected an MJ文字図形名 such as 'MJ028902'", hint="reconcile chars shows it")


def _day(where: str, value: object) -> date:
    if type(value) is date:
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ConfigError(where, "expected a day as YYYY-MM-DD") from None
    raise ConfigError(where, f"got {type(value).__name__}, expected a day as YYYY-MM-DD")


def _check_unique(where: str, table: pl.DataFrame) -> None:
    if twice := table.filter(pl.col("id").is_duplicated())["id"].to_list():
        raise ConfigError(where, f"the id {twice[0]} stands twice")
    scopes = table.with_columns(
        field=pl.when(pl.col("fields").list.len() == 0).then(pl.lit(["*"])).otherwise("fields")
    ).explode("field")
    keys = ["left_mj", "right_mj"]
    everywhere = scopes.filter(pl.col("field") == "*").select(*keys, other="id")
    overlap = scopes.join(everywhere, on=keys).filter(pl.col("id") != pl.col("other"))
    doubled = scopes.filter(pl.struct(*keys, "field").is_duplicated())
    if ids := overlap["id"].to_list() + doubled["id"].to_list():
        raise ConfigError(where, f"approval {ids[0]}: another entry approves the same pair for the same field")


def _check_related(where: str, table: pl.DataFrame) -> None:
    """A wrong digit in an id would make two strangers one: what no rule relates needs a written reason."""
    unexplained = table.filter(pl.col("basis").is_null())
    pairs = unexplained.select(
        left=pl.Series(clusters.of_mj(_numbers(unexplained["left_mj"])), dtype=pl.UInt32),
        right=pl.Series(clusters.of_mj(_numbers(unexplained["right_mj"])), dtype=pl.UInt32),
    )
    related = pairs.join(relations.relate(pairs.unique()), on=["left", "right"], how="left", maintain_order="left")
    strangers = unexplained.filter(related["level"] > relations.Level.VARIANT)
    if strangers.height:
        raise ConfigError(
            f"{where}: approval {strangers['id'][0]}",
            "no rule of the tables relates the two characters",
            hint="check the ids, or state the reason in basis",
        )


def _numbers(names: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return names.str.strip_prefix("MJ").str.to_integer(dtype=pl.UInt32).to_numpy()
