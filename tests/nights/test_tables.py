"""The ledger's tables: what they refuse by themselves, that a released version never alters, and the digest over all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from reconcile.nights.tables import SCHEMA, as_made, bring_up, digest

RELEASED = {
    1: "422b201fa3b2bbff7c15034731ee4055883e1ab05efbf684e4fcbf2e588efe99",
    2: "713f93ce62b3c0d84a2b508688594d069c8afea52d1710a412282aa721322618",
    3: "2894ecee6bfc74c40f709f910ac88543e83f8cc0c7cf64de78dd3c2c0d20dce0",
}
"""The digest of every table and index as the version made them. Ledgers of these versions stand in wards, and `as_made`
holds them to the very text: a release that words a table otherwise would refuse them all. Never alter a line; add one."""

TABLES = {"before", "breaks", "decisions", "runs", "sightings"}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        opened.execute("PRAGMA foreign_keys = ON")
        yield opened


@pytest.fixture
def ledger(connection: sqlite3.Connection) -> sqlite3.Connection:
    """With a run and a break of it."""
    bring_up(connection, 0)
    insert(connection, "runs", run_id="r", night="2026-11-01", started_at="t", verdict="mismatch")
    insert(connection, "breaks", **BREAK)
    return connection


BREAK: dict[str, object] = {
    "finding_id": "f",
    "resolved": 0,
    "first_seen": "2026-11-01",
    "since": "2026-11-01",
    "last_seen": "2026-11-01",
    "nights": 1,
    "carried_nights": 0,
    "night": "2026-11-01",
}


def insert(connection: sqlite3.Connection, table: str, **values: object) -> None:
    names, places = ", ".join(values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", [*values.values()])  # noqa: S608


ADDED = {2: ("earlier_keys", "rotations"), 3: ("closures",)}
"""Version -> the tables that it brought."""


def as_version(connection: sqlite3.Connection, version: int) -> None:
    """The tables of an earlier version."""
    bring_up(connection, 0)
    later = [table for number, tables in ADDED.items() if number > version for table in tables]
    connection.executescript("".join(f"DROP TABLE {table};" for table in later) + f"PRAGMA user_version = {version};")


def texts(connection: sqlite3.Connection) -> str:
    made = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    return sha256(json.dumps(made).encode()).hexdigest()


def test_a_released_version_never_alters(connection: sqlite3.Connection) -> None:
    assert max(RELEASED) == SCHEMA
    for version in range(1, SCHEMA + 1):
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as earlier:
            as_version(earlier, version)
            assert texts(earlier) == RELEASED[version]
    as_version(connection, 1)
    assert {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%TABLE%'")} == TABLES


@pytest.mark.parametrize("version", range(1, SCHEMA))
def test_the_step_from_an_earlier_version_leads_where_a_new_ledger_begins(
    connection: sqlite3.Connection, version: int
) -> None:
    as_version(connection, version)
    assert as_made(connection, version)
    assert not as_made(connection, SCHEMA)
    bring_up(connection, version)
    assert as_made(connection, SCHEMA)
    assert not as_made(connection, version)
    assert digest(connection) == sha256(b"").hexdigest()  # the empty tables count for nothing
    with closing(sqlite3.connect(":memory:")) as fresh:
        assert not as_made(fresh, SCHEMA)
        bring_up(fresh, 0)
        assert as_made(fresh, SCHEMA)
        assert texts(fresh) == texts(connection)
        assert fresh.execute("PRAGMA user_version").fetchone() == (3,)
        assert fresh.execute("PRAGMA application_id").fetchone() == (int.from_bytes(b"reco"),)


def test_a_ledger_that_cannot_be_brought_up_stays_as_it_was(connection: sqlite3.Connection) -> None:
    """The second of two tables is there already: the first is not made either."""
    as_version(connection, 1)
    connection.execute("CREATE TABLE rotations (x)")
    said = texts(connection)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        bring_up(connection, 1)
    connection.rollback()
    assert texts(connection) == said
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_whoever_comes_second_has_begun_nothing(tmp_path: Path) -> None:
    """Two at once: the transaction of the one that must wait is not open, so nothing of it is left to roll back."""
    first, second = (sqlite3.connect(tmp_path / "ledger", isolation_level=None, timeout=0) for _ in range(2))
    with closing(first), closing(second):
        first.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            bring_up(second, 0)
        assert not second.in_transaction
        first.execute("COMMIT")
        bring_up(second, 0)
        assert as_made(first, SCHEMA)


@pytest.mark.parametrize(
    "missing", ["resolved", "first_seen", "since", "last_seen", "nights", "carried_nights", "night"]
)
@pytest.mark.parametrize("table", ["breaks", "before"])
def test_a_break_without_what_its_age_is_counted_from_is_refused(
    ledger: sqlite3.Connection, table: str, missing: str
) -> None:
    whole = {**BREAK, "finding_id": "g"}
    insert(ledger, table, **whole)
    with pytest.raises(sqlite3.IntegrityError, match=f"NOT NULL constraint failed: {table}.{missing}"):
        insert(ledger, table, **{**whole, "finding_id": "h", missing: None})
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        insert(ledger, table, **whole)


ROWS: dict[str, dict[str, object]] = {
    "runs": {"run_id": "s", "night": "2026-11-02", "started_at": "t", "verdict": "mismatch"},
    "sightings": {"run_id": "r", "finding_id": "f", "event": "new"},
    "decisions": {"finding_id": "f", "run_id": "r", "state": "done", "decided_at": "t"},
    "earlier_keys": {"finding_id": "f", "site_key_id": "k"},
    "rotations": {"number": 1, "at": "t", "old_key_id": "k", "new_key_id": "l"},
    "closures": {"finding_id": "f", "reason": "r", "asked_by": "a", "asked_at": "t", "asked_night": "n"},
}


@pytest.mark.parametrize(("table", "column"), [(table, column) for table, row in ROWS.items() for column in row])
def test_what_a_row_must_say_is_required(ledger: sqlite3.Connection, table: str, column: str) -> None:
    row = ROWS[table]
    if (table, column) == ("rotations", "number"):
        return  # an INTEGER PRIMARY KEY: SQLite gives the next number
    if (table, column) in (("runs", "run_id"), ("earlier_keys", "finding_id")):
        insert(ledger, table, **row)
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):  # a key of text: told once
            insert(ledger, table, **row)
        return
    with pytest.raises(sqlite3.IntegrityError, match=f"NOT NULL constraint failed: {table}.{column}"):
        insert(ledger, table, **{**row, column: None})


@pytest.mark.parametrize("table", ["sightings", "decisions", "earlier_keys", "closures"])
def test_a_fact_is_told_once(ledger: sqlite3.Connection, table: str) -> None:
    insert(ledger, table, **ROWS[table])
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        insert(ledger, table, **ROWS[table])


GRANTED = {"closed_by": "b", "closed_at": "u", "closed_night": "n"}


def test_whoever_asked_to_close_a_finding_cannot_grant_it(ledger: sqlite3.Connection) -> None:
    insert(ledger, "closures", **ROWS["closures"], **GRANTED)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        insert(ledger, "closures", **{**ROWS["closures"], "asked_at": "v"}, **{**GRANTED, "closed_by": "a"})


@pytest.mark.parametrize("missing", GRANTED)
def test_a_closure_is_granted_by_somebody_at_some_time_after_some_night(
    ledger: sqlite3.Connection, missing: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        insert(ledger, "closures", **ROWS["closures"], **{**GRANTED, missing: None})


def test_a_key_is_taken_into_use_once(ledger: sqlite3.Connection) -> None:
    insert(ledger, "rotations", **ROWS["rotations"])
    for number, again in ((1, "m"), (2, "l")):
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            insert(ledger, "rotations", **{**ROWS["rotations"], "number": number, "new_key_id": again})


@pytest.mark.parametrize("table", ["sightings", "decisions"])
def test_what_is_said_of_a_run_that_never_was_is_refused(ledger: sqlite3.Connection, table: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        insert(ledger, table, **{**ROWS[table], "run_id": "nobody"})


@pytest.mark.parametrize("table", sorted({*ROWS, "breaks", "before"}))
def test_a_value_of_another_type_is_refused(ledger: sqlite3.Connection, table: str) -> None:
    """SQLite takes any value into any column unless a table is STRICT; a BLOB is neither of the two types used here."""
    row = ROWS.get(table, {**BREAK, "finding_id": "g"})
    for column in row:
        with pytest.raises(sqlite3.IntegrityError, match=r"cannot store BLOB value|datatype mismatch"):
            insert(ledger, table, **{**row, column: b"\0"})


def test_the_digest_is_of_every_row_of_every_table_in_a_fixed_order(ledger: sqlite3.Connection) -> None:
    """`docs/evidence-format.md`: a line of JSON a row, the table's name first; tables by name, rows by their key."""
    for table, row in ROWS.items():
        insert(ledger, table, **row)
    insert(ledger, "runs", **{**ROWS["runs"], "run_id": "b"})
    insert(ledger, "rotations", **{**ROWS["rotations"], "number": 12, "new_key_id": "x"})
    insert(ledger, "rotations", **{**ROWS["rotations"], "number": 3, "new_key_id": "y"})
    for id_, at in (("f", "a"), ("a", "z"), ("f", "z")):
        insert(ledger, "decisions", **{**ROWS["decisions"], "finding_id": id_, "decided_at": at})
        insert(ledger, "closures", **{**ROWS["closures"], "finding_id": id_, "asked_at": at})
    for run, id_ in (("b", "z"), ("b", "a"), ("r", "a")):
        insert(ledger, "sightings", **{**ROWS["sightings"], "run_id": run, "finding_id": id_})
    for table in ("before", "breaks", "earlier_keys"):
        row = ROWS.get(table, BREAK)
        for id_ in ("z", "a"):
            insert(ledger, table, **{**row, "finding_id": id_})
    keys = {
        "before": ["finding_id"],
        "breaks": ["finding_id"],
        "closures": ["finding_id", "asked_at"],
        "decisions": ["finding_id", "decided_at"],
        "earlier_keys": ["finding_id"],
        "rotations": ["number"],
        "runs": ["run_id"],
        "sightings": ["run_id", "finding_id"],
    }
    content = sha256()
    for table, key in keys.items():
        found = ledger.execute(f"SELECT * FROM {table}")  # noqa: S608
        names = [column[0] for column in found.description]
        by_key = sorted(([row[names.index(name)] for name in key], row) for row in found.fetchall())
        for _, row in by_key:
            content.update(json.dumps([table, *row], separators=(",", ":")).encode() + b"\n")
    assert digest(ledger) == content.hexdigest()
