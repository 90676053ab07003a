"""What a query could do beyond reading the register: nine ways out of a DuckDB connection, all closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from reconcile.errors import SourceError
from reconcile.extract.database import _Clock, _connected, _Session

HIDDEN = "カナリア77ac10fe"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A register in one folder, a secret in another, and a link to it beside the register."""
    root = tmp_path_factory.mktemp("locked")
    (root / "inside").mkdir()
    (root / "outside").mkdir()
    (root / "outside" / "secret.csv").write_text(f"a\n{HIDDEN}\n", encoding="utf-8")
    (root / "inside" / "link.csv").symlink_to(root / "outside" / "secret.csv")
    with duckdb.connect(str(root / "inside" / "register.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS a")
    with duckdb.connect(str(root / "outside" / "other.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS a")
    return root


@pytest.fixture
def session(place: Path) -> Iterator[_Session]:
    with _connected(place / "inside" / "register.duckdb", "right", _Clock(60)) as opened:
        yield opened


ESCAPES = {
    "read a file": "SELECT count(*) FROM read_csv('{root}/outside/secret.csv')",
    "sniff a file": "SELECT count(*) FROM sniff_csv('{root}/outside/secret.csv')",
    "read a text": "SELECT count(*) FROM read_text('{root}/outside/secret.csv')",
    "by the parent": "SELECT count(*) FROM read_text('{root}/inside/../outside/secret.csv')",
    "by a link": "SELECT count(*) FROM read_text('{root}/inside/link.csv')",
    "unlock": "SET allow_community_extensions = false",
    "attach": "ATTACH '{root}/outside/other.duckdb' AS other",
    "write a file": "COPY t TO '{root}/outside/written.csv'",
    "install": "INSTALL httpfs",
    "list a folder": "SELECT count(*) FROM glob('{root}/outside/*')",
    "spill": "SET max_temp_directory_size = '1GB'",
    "change the register": "INSERT INTO t VALUES (2)",
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_connection_to_the_register_reads_the_register_and_nothing_else(
    escape: str, place: Path, session: _Session
) -> None:
    before = sorted(place.rglob("*"))

    with pytest.raises((duckdb.Error, SourceError)) as refused:
        session.ask(ESCAPES[escape].format(root=place))

    assert HIDDEN not in str(refused.value)
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("escape", [name for name, sql in ESCAPES.items() if "INSTALL" not in sql])
def test_each_of_these_works_where_nothing_is_locked(escape: str, place: Path, tmp_path: Path) -> None:
    """Otherwise the test above shows only that the statements are wrong."""
    with duckdb.connect(str(tmp_path / "free.duckdb")) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS a")
        database.execute(ESCAPES[escape].format(root=place))
    (place / "outside" / "written.csv").unlink(missing_ok=True)


def test_nothing_is_spilled(session: _Session) -> None:
    """Sorting that does not fit fails instead of writing residents to a disk (E-7)."""
    assert session.ask("SELECT (current_setting('max_temp_directory_size') = '0 bytes')::INT") == [(1,)]
    assert session.ask("SELECT count(*) FROM t") == [(1,)]
