"""The memory of the nights: SQLite, one transaction a run, no person in it.

    runs       one row a run that was begun: what was read, by digest and count, and what it may claim
    breaks     one row a finding that was ever seen: BREAKS (`model.history`), as it stands now
    before     the same of the rows that the newest night altered, as they stood before it
    sightings  what happened to a finding, in which run: new, changed, reappeared, resolved
    decisions  what people decided about a finding: state, who by staff id, when, until when
    closures   findings that two persons closed by hand: why, who asked, who granted it, after which night
    rotations, earlier_keys    when the site's key was exchanged, and the findings whose ids an earlier key made

Keys are keyed hashes, values stand nowhere. A night may be run again: `record` puts the rows that it altered back to
what `before` holds and then applies the newer run, so that the same command again leaves the same history. What people
decided is `nights.decided`. The journal is deleted and both
files are flushed (`synchronous=EXTRA`) before a commit returns. A ledger is never replaced by a fresh one: the caller
says whether one must be there.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from reconcile.errors import SourceError
from reconcile.model import BREAKS, Closure, Decision, Keys, Night, Outcome, Tracked, Verdict
from reconcile.nights import decided
from reconcile.nights.decided import moment
from reconcile.nights.tables import APPLICATION, SCHEMA, as_made, bring_up, digest

NAME = "ledger.sqlite"
FILE_MODE = 0o600

_COLUMNS = ", ".join(BREAKS.names())
# What earlier runs of the night itself did is undone, but for one thing: a finding that they opened is not forgotten
# because a later run of that night could not compare its key.
_OPEN = """resolved = 0 AND NOT EXISTS (SELECT 1 FROM closures WHERE closures.finding_id = before.finding_id
  AND closed_night BETWEEN last_seen AND date(:night, '-1 day') AND NOT EXISTS (
    SELECT 1 FROM sightings AS again JOIN runs USING (run_id) WHERE again.finding_id = closures.finding_id
    AND event IN ('new', 'reappeared') AND runs.night < :night AND runs.started_at >= closures.closed_at))"""
_BEFORE = f"""
SELECT {_COLUMNS} FROM breaks WHERE night < :night
UNION ALL
SELECT {_COLUMNS} FROM before WHERE {_OPEN} AND EXISTS (SELECT 1 FROM breaks WHERE night = :night)
UNION ALL
SELECT {_COLUMNS} FROM breaks WHERE night = :night AND finding_id NOT IN (SELECT finding_id FROM before WHERE {_OPEN})
ORDER BY finding_id
"""  # noqa: S608
_CLAIMING = tuple(verdict.value for verdict in Verdict if verdict.claims)
_NEWEST = f"SELECT max(night) FROM runs WHERE verdict IN {_CLAIMING}"  # noqa: S608  our own words
_SIGHTINGS = """
SELECT night, run_id, event, seen.code, severity FROM sightings AS seen JOIN runs AS run USING (run_id)
WHERE finding_id = :finding AND (superseded_by IS NULL OR event IN ('new', 'reappeared') AND NOT EXISTS (
  SELECT 1 FROM sightings AS other JOIN runs AS later USING (run_id)
  WHERE other.finding_id = :finding AND other.event = seen.event AND later.night = run.night
    AND other.rowid > seen.rowid))
ORDER BY night, started_at, seen.rowid
"""
_EVENTS = ("new", "changed", "reappeared", "resolved")


Told = Callable[[str, str], None]
"""Called in a transaction, before it is committed, with the digest of what the ledger holds before and after it. What it
raises undoes the transaction. So the evidence knows of every state of the ledger before there is one."""


def untold(_before: str, _after: str) -> None:
    """Nobody is told: there is no evidence."""


class Ledger:
    """An open ledger; `open_ledger` makes one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def digest(self) -> str:
        """The SHA-256 of everything in it: a JSON array a row and line, the table's name first, sorted.

        Raises:
            SourceError: E_LEDGER, it cannot be read.
        """
        with _readable():
            return digest(self._connection)

    def begin(self, run_id: str, night: date, started_at: datetime, told: Told = untold) -> None:
        """Note that a run was begun: one that dies is then known by it.

        Raises:
            SourceError: E_ORDER, a later night is recorded already; E_CLOCK, a run of a later time is.
        """
        with self._write(told) as write:
            newest, latest = write.execute("SELECT max(night), max(started_at) FROM runs").fetchone()
            claimed = write.execute(_NEWEST).fetchone()[0]
            if claimed is not None and night.isoformat() < claimed:
                problem = f"the night {night} was asked for, {claimed} is recorded already"
                raise SourceError("ledger", problem, hint="the past is not written anew", code="E_ORDER")
            if latest is not None and moment(started_at) < latest:
                problem = f"it is {moment(started_at)}, a run began at {latest} (night {newest})"
                raise SourceError("clock", problem, hint="set the clock", code="E_CLOCK")
            write.execute(
                "INSERT OR IGNORE INTO runs (run_id, night, started_at, verdict) VALUES (?, ?, ?, 'unknown')",
                (run_id, night.isoformat(), moment(started_at)),
            )

    def give_up(self, run_id: str, verdict: Verdict, code: str, told: Told = untold) -> None:
        """Note that a run ended in a fault. It alters no break; a run that was recorded stays recorded."""
        with self._write(told) as write:
            write.execute(
                "UPDATE runs SET verdict = ?, code = ? WHERE run_id = ? AND manifest IS NULL", (verdict, code, run_id)
            )

    def record(self, run_id: str, tracked: Tracked, outcome: Outcome, told: Told = untold) -> None:
        """Record a run that came to a comparison: all of it, or nothing. Recording it again changes nothing."""
        night = tracked.night.isoformat()
        with self._write(told) as write:
            done = write.execute("SELECT manifest FROM runs WHERE run_id = ?", (run_id,)).fetchone()
            if done is None or done[0] is not None:
                if done is None:
                    raise SourceError("ledger", "knows no such run", code="E_LEDGER")
                return
            if outcome.verdict.claims:
                _undo(write, night)
                _apply(write, run_id, tracked)
                write.execute(
                    "UPDATE runs SET superseded_by = ? WHERE night = ? AND manifest IS NOT NULL AND superseded_by IS NULL",
                    (run_id, night),
                )
            write.execute(
                "UPDATE runs SET verdict = ?, manifest = ?, left_records = ?, right_records = ?, left_sha256 = ?,"
                " right_sha256 = ?, counts = ? WHERE run_id = ?",
                (
                    outcome.verdict,
                    outcome.manifest,
                    *outcome.records,
                    *outcome.sha256,
                    json.dumps(outcome.counts, ensure_ascii=False),
                    run_id,
                ),
            )

    def nights(self) -> list[Night]:
        """Every run, oldest first."""
        with _readable():
            return [_night(row) for row in self._rows("SELECT * FROM runs ORDER BY night, started_at, run_id")]

    def mark(self, run_ids: Iterable[str], column: str, day: date, told: Told = untold) -> None:
        """Note that the personal files of runs are about to be deleted ("deleting"), or are ("deleted")."""
        if column not in ("deleting", "deleted"):
            raise ValueError(column)
        with self._write(told) as write:
            write.executemany(
                f"UPDATE runs SET {column} = ? WHERE run_id = ? AND {column} IS NULL",  # noqa: S608  two fixed names
                [(day.isoformat(), run_id) for run_id in run_ids],
            )

    def breaks(self, *, before: date | None = None) -> pl.DataFrame:
        """BREAKS as it stands now, or as it stood before a night; sorted by `finding_id`."""
        query, asked = f"SELECT {_COLUMNS} FROM breaks ORDER BY finding_id", {}  # noqa: S608  our own column names
        if before is not None:
            query, asked = _BEFORE, {"night": before.isoformat()}
        raw = pl.Schema({name: pl.String if dtype == pl.Date else dtype for name, dtype in BREAKS.items()})
        raw["resolved"] = pl.Int64()
        with _readable():
            rows = self._connection.execute(query, asked).fetchall()
            frame = pl.DataFrame(rows, schema=raw, orient="row").with_columns(
                pl.col("resolved").cast(pl.Boolean),
                *(pl.col(name).str.to_date("%Y-%m-%d") for name, dtype in BREAKS.items() if dtype == pl.Date),
            )
            closures = [one for one in self.closures() if before is None or (one.closed_night or before) <= before]
            return decided.closed(frame, closures, self._connection)

    def sightings(self, finding_id: str) -> list[tuple[str, str, str, str | None, str | None]]:
        """What happened to a finding in the runs that count, oldest first: night, run, event, code, severity.

        That it came counts of a run that was superseded, too, where no later one of its night says the same.
        """
        with _readable():
            return self._connection.execute(_SIGHTINGS, {"finding": finding_id}).fetchall()

    def decide(self, run_id: str, decisions: Iterable[Decision], at: datetime, told: Told = untold) -> int:
        """Store decisions that differ from the newest of their finding, all or none.

        Returns:
            How many were new.
        """
        known = self.decisions()
        new = [one for one in decisions if known.get(one.finding_id, (None,))[0] != one]
        with self._write(told) as write:
            decided.store(write, run_id, new, at)
        return len(new)

    def decisions(self) -> dict[str, tuple[Decision, str, str]]:
        """The newest decision of each finding, when it was stored (UTC), and of which run's worklist it is."""
        with _readable():
            return decided.newest(self._connection)

    def closures(self) -> list[Closure]:
        """Every closure by hand, asked for or granted, oldest first."""
        with _readable():
            return list(decided.closures(self._rows("SELECT * FROM closures ORDER BY rowid")))

    def ask_closure(self, finding_id: str, reason: str, operator: str, at: datetime, told: Told = untold) -> None:
        """Note that somebody asks to close a finding by hand."""
        with self._write(told) as write:
            write.execute(
                "INSERT INTO closures (finding_id, reason, asked_by, asked_at, asked_night)"
                f" SELECT ?, ?, ?, ?, ({_NEWEST})",
                (finding_id, reason, operator, moment(at)),
            )

    def grant_closure(self, asked: Closure, operator: str, at: datetime, told: Told = untold) -> None:
        """Close a finding by hand, as a second person.

        Raises:
            SourceError: E_LEDGER, whoever asked grants it; or it is granted already.
        """
        with self._write(told) as write:
            done = write.execute(
                f"UPDATE closures SET closed_by = ?, closed_at = ?, closed_night = ({_NEWEST})"  # noqa: S608
                " WHERE finding_id = ? AND asked_at = ? AND closed_by IS NULL",
                (operator, moment(at), asked.finding_id, moment(asked.asked_at)),
            )
            if done.rowcount != 1:
                raise SourceError("ledger", "the finding was closed meanwhile", code="E_LEDGER")

    def keys(self) -> Keys:
        """Under which site keys its ids were made."""
        with _readable():
            rotated = self._connection.execute(
                "SELECT old_key_id, new_key_id FROM rotations ORDER BY number"
            ).fetchall()
            earlier = dict(self._connection.execute("SELECT finding_id, site_key_id FROM earlier_keys"))
        return Keys(rotated[-1][1] if rotated else "", frozenset(old for old, _ in rotated), earlier)

    def relink(self, links: pl.DataFrame, keys: tuple[str, str], at: datetime, told: Told = untold) -> None:
        """Let the history go on under another site key: every id of a finding and a person anew, all or none.

        Args:
            links: `model.LINKS`. A finding that is not in it keeps its id, and is noted in `earlier_keys`.
            keys: The ids of the old and the new key.
            at: When.
            told: As `Told`.
        """
        old, new = keys
        ids = dict(links.select("finding_id", "new_id").iter_rows())
        people = dict(links.select("finding_id", "new_person").iter_rows())
        # What is overwritten is gone from the file, too: the old key may be known to somebody who has it.
        self._connection.execute("PRAGMA secure_delete = ON")
        self._connection.create_function("new_id", 1, ids.get, deterministic=True)
        self._connection.create_function("new_person", 1, people.get, deterministic=True)
        with self._write(told) as write:
            write.execute(
                "INSERT OR IGNORE INTO earlier_keys SELECT finding_id, ? FROM breaks WHERE new_id(finding_id) IS NULL",
                (old,),
            )
            for table in ("breaks", "before", "sightings", "decisions", "closures"):
                person = ", person = new_person(finding_id)" if table in ("breaks", "before") else ""
                write.execute(
                    f"UPDATE {table} SET finding_id = new_id(finding_id){person} WHERE new_id(finding_id) IS NOT NULL"  # noqa: S608  fixed names
                )
            write.execute("INSERT INTO rotations (at, old_key_id, new_key_id) VALUES (?, ?, ?)", (moment(at), old, new))

    def _rows(self, query: str) -> Iterator[dict[str, Any]]:
        found = self._connection.execute(query)
        names = [column[0] for column in found.description]
        yield from (dict(zip(names, row, strict=True)) for row in found)

    @contextmanager
    def _write(self, told: Told) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it on the disk, or none of it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                before = self.digest()
                yield self._connection
                told(before, self.digest())
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _fault(error) from None


@contextmanager
def open_ledger(folder: Path, *, expected: bool = False) -> Iterator[Ledger]:
    """Open the ledger of a folder of runs; made on first use.

    Args:
        folder: Exists.
        expected: Whether one must be there already: then a missing one is a fault and no fresh one begins.

    Raises:
        SourceError: E_LEDGER, it is missing, damaged, another program's, or written by a newer version.
    """
    path = folder / NAME
    if not path.exists() or path.stat().st_size == 0:
        if expected:
            raise _refused("is missing, and runs that it recorded are there")
        # A file made by SQLite would be open to others for a moment.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE))
    elif path.stat().st_mode & 0o077:
        raise _refused("may be read by others, expected mode 0600")
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=30.0)
    except sqlite3.Error as error:
        raise _fault(error) from None
    try:
        with _readable():
            _check(connection)
        yield Ledger(connection)
    finally:
        connection.close()


def digest_of(folder: Path) -> str:
    """`Ledger.digest` of a folder of runs, "" if there is no ledger that can be read. Nothing there is touched.

    A copy is opened, with the journal that a dead run may have left: to roll that back is to write.
    """
    with tempfile.TemporaryDirectory() as place:
        try:
            for name in (NAME, f"{NAME}-journal"):
                if (folder / name).is_file():
                    shutil.copy(folder / name, Path(place, name))
            with open_ledger(Path(place), expected=True) as ledger:
                return ledger.digest()
        except (OSError, SourceError):
            return ""


def _check(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = DELETE", "synchronous = EXTRA", "foreign_keys = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    application, version = (connection.execute(f"PRAGMA {n}").fetchone()[0] for n in ("application_id", "user_version"))
    if (application, version) == (0, 0) and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        bring_up(connection, 0)
        return
    if application != APPLICATION:
        raise _refused("is no ledger")
    if version > SCHEMA:
        raise _refused(f"was written by a newer version (tables {version}, known {SCHEMA})")
    if version < 1 or not as_made(connection, version):
        raise _refused("has other tables than it was made with")
    if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        raise _refused("is damaged")
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise _refused("contradicts itself")
    if version < SCHEMA:  # only one that is whole is brought up
        bring_up(connection, version)


def _undo(write: sqlite3.Connection, night: str) -> None:
    """Put back what an earlier run of this night altered (`_BEFORE`), or forget what the last night altered."""
    if write.execute("SELECT 1 FROM breaks WHERE night = ? LIMIT 1", (night,)).fetchone():
        write.execute(f"INSERT OR REPLACE INTO breaks SELECT * FROM before WHERE {_OPEN}", {"night": night})  # noqa: S608
        write.execute(f"DELETE FROM before WHERE {_OPEN}", {"night": night})  # noqa: S608
    else:
        write.execute("DELETE FROM before")


def _apply(write: sqlite3.Connection, run_id: str, tracked: Tracked) -> None:
    night = tracked.night.isoformat()
    rows = tracked.breaks.with_columns(
        pl.col("resolved").cast(pl.Int64), pl.col(pl.Date).dt.strftime("%Y-%m-%d"), night=pl.lit(night)
    )
    marks = ", ".join("?" * len(rows.columns))
    write.executemany(
        "INSERT INTO before SELECT * FROM breaks WHERE finding_id = ? AND night < ?",
        rows.select("finding_id", "night").iter_rows(),
    )
    write.executemany(f"INSERT OR REPLACE INTO breaks VALUES ({marks})", rows.iter_rows())  # noqa: S608
    happened = (
        tracked.standing.drop("code", "field")
        .filter(pl.col("status").is_in(_EVENTS))
        .join(tracked.breaks.select("finding_id", "code"), on="finding_id", maintain_order="left")
    )
    write.executemany(
        "INSERT OR IGNORE INTO sightings (run_id, finding_id, event, code, severity) VALUES (?, ?, ?, ?, ?)",
        happened.select(pl.lit(run_id), "finding_id", "status", "code", "severity").iter_rows(),
    )


def _night(row: Mapping[str, Any]) -> Night:
    day = {name: date.fromisoformat(row[name]) if row[name] else None for name in ("deleting", "deleted")}
    return Night(
        run_id=row["run_id"],
        night=date.fromisoformat(row["night"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        verdict=None if row["verdict"] == "unknown" else Verdict(row["verdict"]),
        code=row["code"],
        manifest=row["manifest"],
        superseded_by=row["superseded_by"],
        records=(row["left_records"], row["right_records"]),
        sha256=(row["left_sha256"], row["right_sha256"]),
        counts=json.loads(row["counts"]) if row["counts"] else {},
        **day,
    )


@contextmanager
def _readable() -> Iterator[None]:
    """What cannot be read back is a fault of the ledger: bytes that are no text, a day or a number that is none.

    `integrity_check` sees pages and indexes; a bit of a text is not its business.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise _fault(error) from None
    except (ValueError, TypeError, RecursionError, pl.exceptions.PolarsError) as error:
        raise _refused(f"holds a value that cannot be read ({type(error).__name__})") from None


def _fault(error: sqlite3.Error) -> SourceError:
    # SQLite's text names tables and may quote a value; its code does neither.
    return _refused(f"cannot be used ({getattr(error, 'sqlite_errorname', type(error).__name__)})")


def _refused(problem: str) -> SourceError:
    hint = f"keep the folder as it is, and restore {NAME} from the backup"
    return SourceError("ledger", problem, hint=hint, code="E_LEDGER")
