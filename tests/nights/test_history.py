"""Whole nightly runs one after the other: what stays open, what may close, and what a killed run leaves behind."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from hashlib import sha256
from pathlib import Path

import duckdb
import polars as pl
import pytest

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.errors import SourceError
from reconcile.ledger import open_ledger
from reconcile.model import EXIT_CODES, Verdict
from tests.test_nightly import RUN_FILE, status

NIGHTS = ("2026-11-20", "2026-11-21", "2026-11-24")
KEY = "juminhyo_code"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ward of a thousand that is read on several nights; no papers, which take longer than all the rest."""
    monkeypatch.setattr(nightly, "FORMATS", ("parquet", "json"))
    make_ward(tmp_path, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    return config


def again(config: Path) -> None:
    """Let the CS export of the fixture be read on every night."""
    accepted = (
        f'municipality = "13107"\nmax_age_hours = 999\nwindow_hours = 999\naccepted_inputs = ["{digest(config)}"]'
    )
    config.write_text(config.read_text(encoding="utf-8").replace('municipality = "13107"', accepted), encoding="utf-8")


def digest(config: Path) -> str:
    return sha256((config.parent / "cs.dat").read_bytes()).hexdigest()


def run(config: Path, night: str) -> tuple[dict[str, object], Path]:
    return nightly.run(config, night, lambda _step, _done, _total: None)


def register(config: Path, statement: str, *values: str) -> None:
    with duckdb.connect(str(config.parent / "register.duckdb")) as connection:
        connection.execute(statement, values)


def breaks(config: Path) -> pl.DataFrame:
    with open_ledger(config.parent / "results", expected=True) as ledger:
        return ledger.breaks()


def one(config: Path, finding_id: str) -> dict[str, object]:
    return breaks(config).row(by_predicate=pl.col("finding_id") == finding_id, named=True)


def test_the_same_night_twice_is_one_night(site: Path) -> None:
    run(site, NIGHTS[0])
    first = breaks(site)
    summary, folder = run(site, NIGHTS[0])

    assert breaks(site).equals(first)
    assert first.height == pl.read_parquet(folder / "findings.parquet").height
    assert summary["history"]["by_status"]["new"] == first.height  # type: ignore[index]
    assert first["nights"].unique().to_list() == [1]


def test_a_file_of_an_earlier_night_claims_nothing_and_closes_nothing(site: Path) -> None:
    """F060: last night's export, left where it was, would confirm last night."""
    run(site, NIGHTS[0])
    before = breaks(site)

    summary, _ = run(site, NIGHTS[1])

    failed = [gate["gate"] for gate in summary["gates"] if gate["outcome"] == "failed"]  # type: ignore[attr-defined]
    assert failed == ["fresh_left"]
    assert summary["verdict"] == "inconclusive"
    assert breaks(site).equals(before)
    assert summary["history"]["by_status"]["unconfirmed"] == before.height  # type: ignore[index]


def test_what_is_corrected_is_resolved_and_comes_back_as_the_same_finding(site: Path) -> None:
    again(site)
    _, folder = run(site, NIGHTS[0])
    found = pl.read_parquet(folder / "findings.parquet")
    named = found.filter((pl.col("field") == "name_kanji") & (pl.col("kind") == "value") & (pl.col("code") == "C1"))
    key, finding_id, right = named.select(KEY, "finding_id", "right_raw").row(0)
    table, columns = names()
    left = named.row(0, named=True)["left_raw"]
    set_name = f"UPDATE {table} SET {columns['name_kanji']} = ? WHERE {columns[KEY]} = ?"  # noqa: S608

    register(site, set_name, left, key)
    second, _ = run(site, NIGHTS[1])
    assert one(site, finding_id)["resolved"]
    assert second["history"]["by_status"]["resolved"] == 1  # type: ignore[index]

    register(site, set_name, right, key)
    third, _ = run(site, NIGHTS[2])
    came_back = one(site, finding_id)
    assert third["history"]["by_status"]["reappeared"] == 1  # type: ignore[index]
    assert (came_back["first_seen"], came_back["since"]) == (date(2026, 11, 20), date(2026, 11, 24))


def names() -> tuple[str, dict[str, str]]:
    """The register's table, and field -> column."""
    from reconcile.config import load_layout  # noqa: PLC0415

    layout = load_layout("schemas.identity_record", "register_table")
    return layout.table, {column.name: column.source or column.name for column in layout.columns}


def test_a_key_that_could_not_be_compared_stays_open(site: Path) -> None:
    """The difference is gone from the list because the register's row is now there twice: that is no equality."""
    again(site)
    _, folder = run(site, NIGHTS[0])
    found = pl.read_parquet(folder / "findings.parquet")
    value = found.filter((pl.col("kind") == "value") & (pl.col("code") == "E2")).row(0, named=True)
    table, columns = names()
    register(
        site,
        f"INSERT INTO {table} SELECT * REPLACE ('別の番地' AS {columns['address_lot']}) FROM {table}"  # noqa: S608
        f" WHERE {columns[KEY]} = ?",
        value[KEY],
    )

    summary, folder = run(site, NIGHTS[1])

    assert value["finding_id"] not in pl.read_parquet(folder / "findings.parquet")["finding_id"]
    assert not one(site, value["finding_id"])["resolved"]
    assert summary["history"]["by_status"]["unconfirmed"] >= 1  # type: ignore[index]


def test_a_record_that_both_sides_dropped_is_resolved_only_if_every_key_was_readable(site: Path) -> None:
    again(site)
    _, folder = run(site, NIGHTS[0])
    found = pl.read_parquet(folder / "findings.parquet")
    alone = found.filter((pl.col("kind") == "only_right") & (pl.col("code") == "A2")).row(0, named=True)
    table, columns = names()
    register(site, f"DELETE FROM {table} WHERE {columns[KEY]} = ?", alone[KEY])  # noqa: S608

    run(site, NIGHTS[1])

    unreadable = found.filter(pl.col("kind").str.starts_with("reject_") & pl.col(KEY).is_null()).height > 0
    assert one(site, alone["finding_id"])["resolved"] is not unreadable


def test_no_key_name_or_address_stands_in_the_ledger(site: Path) -> None:
    _, folder = run(site, NIGHTS[0])
    found = pl.read_parquet(folder / "findings.parquet")
    content = (folder.parent / "ledger.sqlite").read_bytes()

    values = pl.concat([found[KEY], found["left_raw"], found["right_raw"]]).drop_nulls().unique()
    telling = [value for value in values if len(value.encode()) >= 6]

    assert len(telling) > 100
    assert [value for value in telling if value.encode() in content] == []
    assert (folder.parent / "ledger.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_failed_night_is_told_and_nothing_else_changes(site: Path) -> None:
    run(site, NIGHTS[0])
    before = breaks(site)
    export = site.parent / "cs.dat"
    export.write_bytes(export.read_bytes()[:-640])

    with pytest.raises(SourceError):
        run(site, NIGHTS[1])

    assert breaks(site).equals(before)
    with open_ledger(site.parent / "results", expected=True) as ledger:
        assert [(night.verdict, night.code) for night in ledger.nights()][1] == (Verdict.INCONCLUSIVE, "E_TRUNCATED")


def test_an_earlier_night_than_the_last_is_refused(site: Path) -> None:
    run(site, NIGHTS[1])
    with pytest.raises(SourceError) as refused:
        run(site, NIGHTS[0])
    assert refused.value.code == "E_ORDER"
    assert status(site)["verdict"] == "inconclusive"


def test_a_side_that_shrank_claims_nothing(site: Path) -> None:
    again(site)
    run(site, NIGHTS[0])
    table, _ = names()
    register(site, f"DELETE FROM {table} WHERE rowid % 10 = 0")  # noqa: S608

    summary, _ = run(site, NIGHTS[1])

    failed = {gate["gate"] for gate in summary["gates"] if gate["outcome"] == "failed"}  # type: ignore[attr-defined]
    assert failed == {"count_difference", "volume_right"}
    assert summary["verdict"] == "inconclusive"


def test_a_ledger_that_is_not_the_one_that_was_left_stops_the_night(site: Path) -> None:
    """F097, F098: never a fresh one in silence, and yesterday's status does not survive either."""
    again(site)
    run(site, NIGHTS[0])
    ledger = site.parent / "results" / "ledger.sqlite"
    old = ledger.read_bytes()
    run(site, NIGHTS[1])
    whole = ledger.read_bytes()

    def version(pragma: str) -> bytes:
        ledger.write_bytes(whole)
        with closing(sqlite3.connect(ledger)) as connection:
            connection.execute(pragma)
        return ledger.read_bytes()

    damages = {
        "missing": None,
        "emptied": b"",
        "cut": whole[: len(whole) // 2],
        "its header overwritten": whole[:100] + bytes(8) + whole[108:],
        "an old copy": old,
        "another program's": version("PRAGMA application_id = 1"),
        "of a newer version": version("PRAGMA user_version = 99"),
    }
    for damage, content in damages.items():
        ledger.unlink(missing_ok=True)
        if content is not None:
            ledger.write_bytes(content)
            ledger.chmod(0o600)
        with pytest.raises(SourceError) as refused:
            run(site, NIGHTS[2])
        assert refused.value.code == "E_LEDGER", damage
        assert EXIT_CODES[Verdict(str(status(site)["verdict"]))] == 2, damage
        assert (ledger.read_bytes() if ledger.exists() else None) == content, damage  # kept as it was found


POINTS = {
    "before anything is staged": ("history", "looked_back"),
    "after the files are staged": ("deliver", "seal"),
    "after the manifest": ("history", "ledger_of"),
    "after the ledger": ("deliver", "publish"),
    "after the rename": ("shutil", "rmtree"),
    "before the status": ("deliver", "reread"),
}
DIE = """
import os, signal, sys
from pathlib import Path
import shutil
from reconcile import deliver, nightly
from reconcile.nights import history
where, name = sys.argv[2:4]
module = {"deliver": deliver, "history": history, "shutil": shutil}[where]
real = getattr(module, name)
def dead(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)
def armed(*arguments, **options):
    setattr(module, name, dead)
    return seal(*arguments, **options)  # the manifest
publish = deliver.publish
def renamed(*arguments, **options):
    publish(*arguments, **options)
    setattr(module, name, dead)
seal = deliver.seal
if (where, name) == ("history", "ledger_of"):
    deliver.seal = armed  # opened before, too: only from the manifest on
elif where == "shutil":
    deliver.publish = renamed
else:
    setattr(module, name, dead)
nightly.FORMATS = ("parquet", "json")
nightly.run(Path(sys.argv[1]), "2026-11-21", lambda *told: None)
"""


def test_a_run_killed_at_any_step_and_run_again_is_a_run_that_was_not_killed(site: Path) -> None:
    again(site)
    run(site, NIGHTS[0])
    results = site.parent / "results"
    kept = {path.relative_to(results): path.read_bytes() for path in results.rglob("*") if path.is_file()}
    run(site, NIGHTS[1])
    undisturbed = breaks(site)

    for point, (where, name) in POINTS.items():
        for path in sorted(results.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        for path, content in kept.items():
            (results / path).parent.mkdir(exist_ok=True, mode=0o700)
            (results / path).write_bytes(content)
            (results / path).chmod(0o600)
        done = subprocess.run([sys.executable, "-c", DIE, site, where, name], check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL, (point, done.stderr)
        assert status(site)["verdict"] == "unknown", point
        delivered = {
            path.parent.name for path in results.glob("*/summary.json") if not path.parent.name.startswith(".")
        }
        with open_ledger(results, expected=True) as ledger:
            recorded = {night.run_id for night in ledger.nights() if night.manifest}
        assert delivered <= recorded, point  # nothing is published that is not remembered

        summary, folder = run(site, NIGHTS[1])

        assert summary["verdict"] == "partial", point
        assert breaks(site).equals(undisturbed), point
        assert not list(results.glob(".stage-*")), point
        with open_ledger(results, expected=True) as ledger:
            sealed = {night.run_id: night.manifest for night in ledger.nights() if night.manifest}
            manifests = {
                path.parent.name: sha256(path.read_bytes()).hexdigest() for path in results.glob("*/manifest.json")
            }
        assert manifests == sealed, point  # what is remembered is there, byte for byte, after the repair
        assert status(site) == {"run_id": folder.name, "verdict": "partial", "results": folder.name}
