"""The tables of the ledger: how they are made, the step from one version of them to the next, and the digest over all.

A new version adds tables and alters none, so that the digest that the evidence signed is the same before and after the
step: an empty table has no row that would count.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import cache
from hashlib import sha256

SCHEMA = 3
"""The version of the tables. A ledger of a newer one is refused; 1 had no `earlier_keys` and no `rotations`, 2 no
`closures`."""

APPLICATION = 0x7265_636F  # "reco": another program's database is no ledger

_BREAK = """finding_id TEXT PRIMARY KEY, person TEXT, field TEXT, code TEXT, severity TEXT, resolved INTEGER NOT NULL,
  first_seen TEXT NOT NULL, since TEXT NOT NULL, last_seen TEXT NOT NULL, resolved_on TEXT, nights INTEGER NOT NULL,
  carried_since TEXT, carried_nights INTEGER NOT NULL"""
_FIRST = f"""
CREATE TABLE runs (run_id TEXT PRIMARY KEY, night TEXT NOT NULL, started_at TEXT NOT NULL, verdict TEXT NOT NULL,
  code TEXT, manifest TEXT, superseded_by TEXT, left_records INTEGER, right_records INTEGER, left_sha256 TEXT,
  right_sha256 TEXT, counts TEXT, deleting TEXT, deleted TEXT) STRICT;
CREATE TABLE breaks ({_BREAK}, night TEXT NOT NULL) STRICT;
CREATE TABLE before ({_BREAK}, night TEXT NOT NULL) STRICT;
CREATE TABLE sightings (run_id TEXT NOT NULL REFERENCES runs, finding_id TEXT NOT NULL, event TEXT NOT NULL, code TEXT,
  severity TEXT, PRIMARY KEY (run_id, finding_id)) STRICT;
CREATE TABLE decisions (finding_id TEXT NOT NULL, run_id TEXT NOT NULL REFERENCES runs,
  state TEXT NOT NULL, reason TEXT, operator TEXT, due TEXT, decided_at TEXT NOT NULL,
  PRIMARY KEY (finding_id, decided_at)) STRICT;
CREATE INDEX breaks_open ON breaks (resolved, since);
"""
_SECOND = """
CREATE TABLE earlier_keys (finding_id TEXT PRIMARY KEY, site_key_id TEXT NOT NULL) STRICT;
CREATE TABLE rotations (number INTEGER PRIMARY KEY, at TEXT NOT NULL, old_key_id TEXT NOT NULL,
  new_key_id TEXT NOT NULL UNIQUE) STRICT;
"""
# Two persons: whoever asked cannot grant it, whatever a program says.
_THIRD = """
CREATE TABLE closures (finding_id TEXT NOT NULL, reason TEXT NOT NULL, asked_by TEXT NOT NULL, asked_at TEXT NOT NULL,
  asked_night TEXT NOT NULL, closed_by TEXT CHECK (closed_by <> asked_by), closed_at TEXT, closed_night TEXT,
  PRIMARY KEY (finding_id, asked_at),
  CHECK ((closed_by IS NULL) = (closed_at IS NULL) AND (closed_by IS NULL) = (closed_night IS NULL))) STRICT;
"""
_STEPS = (_FIRST, _SECOND, _THIRD)
"""What leads from each version to the next, from none to the first on."""

_CONTENT = {
    "before": "finding_id",
    "breaks": "finding_id",
    "closures": "finding_id, asked_at",
    "decisions": "finding_id, decided_at",
    "earlier_keys": "finding_id",
    "rotations": "number",
    "runs": "run_id",
    "sightings": "run_id, finding_id",
}
"""Table -> what its rows are sorted by."""

_MADE_OF = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


def bring_up(connection: sqlite3.Connection, version: int) -> None:
    """Make the tables of this version out of those of an earlier one, 0 for none: all of it, or nothing."""
    steps = "".join(_STEPS[version:])
    connection.executescript(
        f"BEGIN IMMEDIATE; {steps} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}; COMMIT;"
    )


def as_made(connection: sqlite3.Connection, version: int) -> bool:
    """Whether the tables are those of a version: a flipped bit in the name of a column is a valid name, too."""
    return bool(connection.execute(_MADE_OF).fetchall() == _declared(version))


def digest(connection: sqlite3.Connection) -> str:
    """The SHA-256 of every row: a JSON array a row and line, the table's name first, sorted."""
    content = sha256()
    for table, order in _CONTENT.items():
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608  our own names
            content.update(json.dumps([table, *row], separators=(",", ":")).encode() + b"\n")
    return content.hexdigest()


@cache
def _declared(version: int) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript("".join(_STEPS[:version]))
        return fresh.execute(_MADE_OF).fetchall()
