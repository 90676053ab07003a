"""A table of a DuckDB file or a PostgreSQL database: one read-only transaction, counted and read on the same snapshot.

Every column is cast to text by the database and named by nothing but allow-listed, quoted identifiers. The order is by
all columns of the layout as text, byte by byte: the same rows come in the same order from either database, and the rows
that no order tells apart are equal.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from reconcile.errors import ConfigError, DeclarationError, SourceError
from reconcile.extract import probing
from reconcile.extract.reading import TRUSTING, Custody, Reader, open_regular
from reconcile.extract.writing import write_snapshot
from reconcile.machine.stuck import elsewhere
from reconcile.model import DatabaseSource, Layout, Preflight, Side, Snapshot

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_BATCH_ROWS = 32_768
_BATCH_BYTES = 4 * 1024 * 1024
_NULL_LENGTH = 0xFFFFFFFF
_CONNECT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class _Session:
    """An open read-only transaction.

    `ask` gives all rows of a query, `stream` the rows of a long one. `order`: how this database is told to sort text
    by its bytes. `encoding`: in which the server keeps text. `about`: quoted tables -> what it says of itself, as items
    of a header (`probing`).
    """

    ask: Callable[[str], list[tuple[Any, ...]]]
    stream: Callable[[str], Iterator[pa.RecordBatch]]
    order: str
    encoding: str
    about: Callable[[tuple[str, ...]], dict[str, str]]


class _Clock:
    """How long the statement at work has taken; `over` once it may not take longer."""

    def __init__(self, limit_seconds: float) -> None:
        self.limit_seconds = limit_seconds
        self.start()

    def start(self) -> None:
        self._started = monotonic()

    @property
    def over(self) -> bool:
        return monotonic() - self._started >= self.limit_seconds


def extract_database(
    source: DatabaseSource,
    side: Side,
    work: Path,
    progress: Callable[[int], None] | None = None,
    custody: Custody = TRUSTING,
) -> Snapshot:
    """Write the snapshot of the layout's `table`.

    `Preflight.sha256` is over the values, not over any file: see `TextDigest`. `source_bytes` is the bytes of all
    values together.

    Raises:
        SourceError: E_CONNECT, E_AUTH, E_NOT_FOUND; E_COLUMNS, no such table or column; E_READ, the connection failed
            on the way; E_TIMEOUT, a statement took longer than the source's `timeout_seconds`; E_COUNT, other rows came
            than the database counts; E_DRIVER, text does not come through whole; E_STALE, a replica of unknown age.
        DeclarationError: A table or column name that is no plain identifier.
        ConfigError: The URL is of another database.
    """
    layout = source.layout
    names = tuple(column.name for column in layout.columns)
    where = f"{side.value} {source.label} (table {layout.table})".replace("  ", " ")
    table = _quoted(layout, layout.table)
    digest = TextDigest(names)
    tables = tuple(_quoted(layout, name) for name in (layout.table, layout.history_table) if name)
    clock = _Clock(source.timeout_seconds)
    with _open(source.url, where, (work / f"{side.value}.duckdb", custody), clock) as session:
        _probe(session, where, clock)
        about = session.about(tables)
        count = int(session.ask(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  quoted identifiers only
        batches = _unbroken(session.stream(_query(layout, table, session.order)), where, clock)
        frames = _frames(batches, digest, count, where)
        path, rows = write_snapshot(frames, names, work, side, progress)
    preflight = Preflight(
        records=count, source_bytes=digest.value_bytes, sha256=digest.hexdigest(), trailer_count=count, header=about
    )
    return Snapshot(
        side=side, label=source.label, path=path, columns=names, rows=rows, preflight=preflight, layout=layout
    )


class TextDigest:
    """A SHA-256 over columns of text that depends on nothing but the values, their order and the names.

    For each column one digest over the lengths (32 bits, little endian; FFFFFFFF for null) and one over the UTF-8
    bytes of all values; then the digest of all names and digests in order. How rows came in batches changes nothing.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._lengths = [hashlib.sha256() for _ in names]
        self._values = [hashlib.sha256() for _ in names]
        self.value_bytes = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Add rows; the columns, text, are taken in their order."""
        for column, lengths, values in zip(batch.columns, self._lengths, self._values, strict=True):
            text = column.cast(pa.large_string()).fill_null("")  # what lies under a null is nobody's word
            offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]
            sizes = np.diff(offsets).astype("<u4")
            if column.null_count:
                sizes[column.is_null().to_numpy(zero_copy_only=False)] = _NULL_LENGTH
            lengths.update(sizes.tobytes())
            if (data := text.buffers()[2]) is not None:
                values.update(memoryview(data)[offsets[0] : offsets[-1]])
            self.value_bytes += int(offsets[-1] - offsets[0]) if len(text) else 0

    def hexdigest(self) -> str:
        """The digest of all rows added so far."""
        whole = hashlib.sha256()
        for name, lengths, values in zip(self.names, self._lengths, self._values, strict=True):
            whole.update(hashlib.sha256(name.encode()).digest() + lengths.digest() + values.digest())
        return whole.hexdigest()


def _frames(batches: Iterator[pa.RecordBatch], digest: TextDigest, count: int, where: str) -> Iterator[pl.DataFrame]:
    rows = 0
    for batch in batches:
        digest.update(batch)
        frame = pl.DataFrame(batch)
        frame.columns = list(digest.names)
        rows += frame.height
        yield frame
    if rows != count:
        raise SourceError(where, f"got {rows} rows, expected the {count} that the database counts", code="E_COUNT")


def _unbroken(batches: Iterator[pa.RecordBatch], where: str, clock: _Clock) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (OSError, pa.ArrowException) as error:  # how a connection that is cut comes through Arrow's C interface
        raise _unread(where, error, clock) from None


def _probe(session: _Session, where: str, clock: _Clock) -> None:
    """Let texts of every kind take the way of the rows, before any row does."""
    sent = probing.probes(session.encoding)
    batches = _unbroken(session.stream(probing.probe_query(sent)), where, clock)
    came = [text for batch in batches for text in pl.DataFrame(batch).to_series().to_list()]
    probing.check_probes(sent, came, where)


def _query(layout: Layout, table: str, order: str) -> str:
    # Numbered, not named: names of a layout are text, and no text but an identifier comes into a query.
    columns = ", ".join(f"CAST({_quoted(layout, c.source)} AS VARCHAR) AS c{i}" for i, c in enumerate(layout.columns))
    by = ", ".join(f"c{i} {order}" for i in range(len(layout.columns)))
    return f"SELECT * FROM (SELECT {columns} FROM {table}) AS source ORDER BY {by}"  # noqa: S608  quoted identifiers only


def _quoted(layout: Layout, name: str) -> str:
    """`schema.table` or a column, quoted.

    Raises:
        DeclarationError: It is anything but one identifier, or two with a point between.
    """
    parts = name.split(".", 1)
    if not all(IDENTIFIER.fullmatch(part) for part in parts):
        raise DeclarationError(
            f"layout {layout.name}", "got a table or column that is no plain identifier", hint="letters, digits and _"
        )
    return ".".join(f'"{part}"' for part in parts)


def _open(url: str, where: str, private: tuple[Path, Custody], clock: _Clock) -> AbstractContextManager[_Session]:
    scheme, separator, rest = url.partition("://")
    match scheme:
        case "duckdb" if separator and rest.startswith("/") and len(rest) > 1:
            return _duckdb(Path(rest[1:]), where, *private, clock)
        case "postgresql" | "postgres" if separator:
            return _postgres(url, where, clock)
        case _:  # never quoted: a URL may hold a password
            raise ConfigError(f"{where}: url", "got another kind of URL, expected duckdb:///path or postgresql://…")


# ---------------------------------------------------------------------------------------------------------------- DuckDB


@contextmanager
def _duckdb(path: Path, where: str, copy: Path, custody: Custody, clock: _Clock) -> Iterator[_Session]:
    """A session on a copy that lives as long as it.

    DuckDB resolves every path that it is given, /proc/self/fd/… too, and opens it again by name: only a copy made from
    the descriptor cannot be swapped for another file.
    """
    log = copy.with_name(f"{copy.name}.wal")
    try:
        _copy(path, where, (copy, log), custody)
        with _connected(copy, where, clock) as session:
            yield session
    finally:
        copy.unlink(missing_ok=True)
        log.unlink(missing_ok=True)


def _copy(path: Path, where: str, to: tuple[Path, Path], custody: Custody) -> None:
    """Copy a database and, if it was not closed properly, its log, while nobody can write to either."""
    with open_regular(path, where, custody) as reader:
        _lock(reader)
        reader.copy(to[0])
        log = reader.path.with_name(f"{reader.path.name}.wal")
        if log.exists():
            with open_regular(log, where, custody) as behind:
                behind.copy(to[1])


def _lock(reader: Reader) -> None:
    """The lock that DuckDB's own readers take; it goes with the descriptor."""
    try:
        fcntl.lockf(reader.file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        problem = "another process is writing to the database"
        raise SourceError(reader.where, problem, hint="wait for it to end", code="E_CONNECT") from None


@contextmanager
def _connected(path: Path, where: str, clock: _Clock) -> Iterator[_Session]:
    locked: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "enable_external_access": "false",
        # Sorting stays in memory: what is spilled to disk is residents in plain text (reference/reliability.md E-7).
        "max_temp_directory_size": "0KB",
    }
    try:
        connection = duckdb.connect(path, read_only=True, config=locked)
    except duckdb.Error as error:
        problem = f"the database cannot be opened ({type(error).__name__})"
        raise SourceError(where, problem, hint="is it a database of DuckDB, and whole?", code="E_CONNECT") from None

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with _interrupted(connection, clock):
            return connection.sql(sql).fetchall()

    def stream(sql: str) -> Iterator[pa.RecordBatch]:
        with _interrupted(connection, clock):
            yield from connection.sql(sql).to_arrow_reader(_BATCH_ROWS)

    def about(tables: tuple[str, ...]) -> dict[str, str]:
        views = ask(probing.VIEWS_OF_DUCKDB)
        named = {table.rpartition(".")[2].strip('"').lower() for table in tables}
        meant = views if any(str(view[1]).lower() in named for view in views) else []
        return {"view_sha256": probing.digest_of_views(meant)}

    with closing(connection):
        try:
            for statement in (
                "SET TimeZone = 'UTC'",
                "SET enable_progress_bar = false",
                "SET lock_configuration = true",
                "BEGIN TRANSACTION READ ONLY",
            ):
                connection.execute(statement).fetchall()
            yield _Session(ask=ask, stream=stream, order="NULLS LAST", encoding="UTF8", about=about)
        except (duckdb.CatalogException, duckdb.BinderException):
            raise _no_such(where) from None
        except duckdb.Error as error:
            raise _unread(where, error, clock) from None


@contextmanager
def _interrupted(connection: duckdb.DuckDBPyConnection, clock: _Clock) -> Iterator[None]:
    """End a statement that takes too long: DuckDB has no limit of its own."""
    clock.start()
    alarm = Timer(clock.limit_seconds, connection.interrupt)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()


# ------------------------------------------------------------------------------------------------------------ PostgreSQL

# Text must not depend on the settings of a role. The isolation level has to be the first statement of a transaction.
_SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'iso_8601'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL standard_conforming_strings = on",
    # The driver takes for UTF-8 whatever comes, and does not ask for it: a server of another encoding would send its own.
    "SET LOCAL client_encoding = 'UTF8'",
)


@contextmanager
def _postgres(url: str, where: str, clock: _Clock) -> Iterator[_Session]:
    try:
        from adbc_driver_postgresql import StatementOptions, dbapi  # noqa: PLC0415  an extra
    except ImportError:
        problem = "the driver for PostgreSQL is not installed"
        raise ConfigError(where, problem, hint="pip install 'reconcile[postgres]'") from None
    try:
        with elsewhere():
            connection = dbapi.connect(
                patient(url, clock.limit_seconds), autocommit=False
            )  # once: again locks accounts
    except dbapi.Error as error:
        raise _unconnected(where, error) from None
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(_BATCH_BYTES)})

        def ask(sql: str) -> list[tuple[Any, ...]]:
            clock.start()
            with elsewhere():
                cursor.execute(sql)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

        def stream(sql: str) -> Iterator[pa.RecordBatch]:
            clock.start()
            with elsewhere():
                cursor.execute(sql)
                batches = cursor.fetch_record_batch()
            while True:
                with elsewhere():
                    batch = next(batches, None)
                if batch is None:
                    return
                yield batch

        def about(tables: tuple[str, ...]) -> dict[str, str]:
            (in_recovery, at), *_ = ask(probing.REPLICA)
            views = probing.digest_of_views(ask(probing.views_of_postgres(tables)))
            return {"view_sha256": views, **probing.replayed(where, in_recovery=in_recovery, at=at)}

        try:
            for statement in (*_SETTINGS, f"SET LOCAL statement_timeout = {max(1, round(clock.limit_seconds * 1000))}"):
                cursor.execute(statement)
            encoding = str(ask(probing.ENCODING)[0][0])
            yield _Session(ask=ask, stream=stream, order='COLLATE "C" NULLS LAST', encoding=encoding, about=about)
        except dbapi.Error as error:
            raise _refused(where, error, clock) from None


def patient(url: str, limit_seconds: float) -> str:
    """A URL of PostgreSQL with limits for a server that is not there any more; what it says itself stands.

    Args:
        url: `postgresql://…`.
        limit_seconds: For a statement. Connecting takes at most half a minute of it; libpq knows nothing below two.
    """
    connect = max(2, min(_CONNECT_SECONDS, round(limit_seconds)))
    ours = {"connect_timeout": connect, "keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
    parts = urlsplit(url)
    said = parse_qsl(parts.query, keep_blank_values=True)
    more = [(name, str(value)) for name, value in ours.items() if name not in dict(said)]
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))


def _unconnected(where: str, error: Exception) -> SourceError:
    # libpq says what went wrong in text only; the text may hold the URL, so it is looked at and not passed on.
    if "authentication" in str(error) or "password" in str(error):
        return SourceError(where, "the user or the password is refused", hint="tried once only", code="E_AUTH")
    return SourceError(
        where, "no connection to the database", hint="host, port, name; is it running?", code="E_CONNECT"
    )


def _refused(where: str, error: Exception, clock: _Clock) -> SourceError:
    state = str(getattr(error, "sqlstate", None) or "")
    if state in ("42P01", "42703", "3F000"):  # undefined table, column, schema
        return _no_such(where)
    if state == "42501" or state.startswith("28"):
        return SourceError(where, "the user may not read the table", hint="GRANT SELECT", code="E_AUTH")
    return _unread(where, error, clock)


def _no_such(where: str) -> SourceError:
    return SourceError(where, "no such table, or a column of the layout is not in it", code="E_COLUMNS")


def _unread(where: str, error: Exception, clock: _Clock) -> SourceError:
    if clock.over:
        problem = f"gave no answer within {clock.limit_seconds:g} seconds"
        hint = "is a batch at work on it, or a lock held? timeout_seconds under [sources]"
        return SourceError(where, problem, hint=hint, code="E_TIMEOUT")
    state = getattr(error, "sqlstate", None) or type(error).__name__
    return SourceError(where, f"reading failed ({state})", hint="nothing was kept: run it again", code="E_READ")
