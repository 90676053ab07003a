"""F147: the site's key is exchanged, and the history goes on under the new one; whole, or as it was."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from fixtures.ward import make_ward
from reconcile import evidence, nightly
from reconcile.cli import main
from reconcile.config import read_config
from reconcile.errors import ConfigError, ReconcileError, SourceError
from reconcile.model import Decision
from reconcile.nights import attest
from reconcile.nights.history import ledger_of
from reconcile.nights.rotate import Rotated, Rotation, rotate
from tests.nights.test_history import KEY, NIGHTS, again, breaks, names, register, run
from tests.test_nightly import RUN_FILE

ME = pwd.getpwuid(os.geteuid()).pw_name
WHY = "担当者の異動による鍵の交換(起案第31号)"
NEW = bytes(range(32))


def silent(*_told: object) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward of a thousand after one night. The register has no record without a key, so that who is gone is proven gone."""
    folder = tmp_path_factory.mktemp("rotate") / "site"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nightly, "FORMATS", ("parquet", "json"))
        make_ward(folder, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
        config = folder / "run.toml"
        config.write_text(f'{RUN_FILE.format(gaiji="")}\n[operators]\n{ME} = ["run", "approve"]\n', encoding="utf-8")
        again(config)
        run(config, NIGHTS[0])
    return config


@pytest.fixture
def site(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and a new key beside it."""
    monkeypatch.setattr(nightly, "FORMATS", ("parquet", "json"))
    shutil.copytree(made.parent, tmp_path / "site")
    a_key(tmp_path / "site" / "new.key", NEW)
    return tmp_path / "site" / "run.toml"


def a_key(path: Path, key: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(key)
    path.chmod(0o400)


def rotated(config: Path, **changes: Any) -> Rotated:  # noqa: ANN401  any field of it
    asked = Rotation(config=config, new=config.parent / "new.key", approver="統括責任者", purpose=WHY, as_of=NIGHTS[0])
    return rotate(replace(asked, **changes), silent)


def put_in_place(config: Path) -> None:
    """What the operator does with the files: the old key to the safe, the new one to its place."""
    (config.parent / "site.key").rename(config.parent / "safe.key")
    (config.parent / "new.key").rename(config.parent / "site.key")


def statuses(summary: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in summary["history"]["by_status"].items() if count}


def entries(config: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in evidence.read(config.parent / "results" / evidence.FOLDER).lines]


def content(config: Path) -> str:
    with ledger_of(config.parent / "results") as ledger:
        return ledger.digest()


def test_the_history_under_the_new_key_is_the_one_that_it_would_have_made(site: Path, tmp_path: Path) -> None:
    """The oracle is a site that had the new key from the beginning: the same rows, to the last id and date."""
    other = tmp_path / "other"
    shutil.copytree(site.parent, other, ignore=shutil.ignore_patterns("results", "*.key"))
    a_key(other / "site.key", NEW)
    run(other / "run.toml", NIGHTS[0])
    before = breaks(site)
    with ledger_of(site.parent / "results") as ledger:
        (night,) = ledger.nights()
        decided = Decision(finding_id=before["finding_id"][7], state="調査中", reason=None, operator="S1", due=None)
        about = attest.told(read_config(site), "decision_imported", {"run_id": night.run_id})
        ledger.decide(night.run_id, [decided], datetime.now(UTC), about)

    done = rotated(site)

    assert (done.relinked, done.left_open, done.left_resolved, done.exit_code) == (before.height, 0, 0, 0)
    assert breaks(site).equals(breaks(other / "run.toml"))
    assert not set(breaks(site)["finding_id"]) & set(before["finding_id"])
    assert (
        before.select("field", "code", "since")
        .sort(pl.all())
        .equals(breaks(site).select("field", "code", "since").sort(pl.all()))
    )
    with ledger_of(site.parent / "results") as ledger:
        ((finding, (decision, *_)),) = ledger.decisions().items()
        assert (decision.state, ledger.sightings(finding)[0][2]) == ("調査中", "new")
    row = before.row(7, named=True)
    now = breaks(site).row(by_predicate=pl.col("finding_id") == finding, named=True)
    assert [now[name] for name in ("field", "code")] == [row[name] for name in ("field", "code")]


def test_nothing_is_new_and_nothing_resolved_by_it_and_what_is_corrected_after_it_is(site: Path) -> None:
    found = pl.read_parquet(next((site.parent / "results").glob("2*/findings.parquet")))
    named = found.filter((pl.col("field") == "name_kanji") & (pl.col("kind") == "value") & (pl.col("code") == "C1"))
    rotated(site)
    with pytest.raises(ConfigError, match="rotate-key"):  # the old key is still in its place
        run(site, NIGHTS[1])
    put_in_place(site)

    second, _ = run(site, NIGHTS[1])
    table, columns = names()
    register(
        site,
        f"UPDATE {table} SET {columns['name_kanji']} = ? WHERE {columns[KEY]} = ?",  # noqa: S608
        named["left_raw"][0],
        named[KEY][0],
    )
    third, _ = run(site, NIGHTS[2])

    assert set(statuses(second)) <= {"open", "changed"}  # a day later some are no longer "on their way"
    assert sum(statuses(second).values()) == found.height
    assert breaks(site)["first_seen"].unique().to_list() == [date(2026, 11, 20)]
    assert breaks(site).filter(~pl.col("resolved"))["nights"].unique().to_list() == [3]
    assert statuses(third)["resolved"] == 1
    assert "new" not in statuses(third)
    assert attest.verify(site, None).failures == []


@pytest.mark.parametrize("exchanged", [True, False])
def test_whose_key_stands_nowhere_tonight_is_left_behind_and_never_resolved_for_it(site: Path, exchanged: bool) -> None:  # noqa: FBT001
    found = pl.read_parquet(next((site.parent / "results").glob("2*/findings.parquet")))
    alone = found.filter((pl.col("kind") == "only_right") & (pl.col("code") == "A2")).row(0, named=True)
    table, columns = names()
    register(site, f"DELETE FROM {table} WHERE {columns[KEY]} = ?", alone[KEY])  # noqa: S608
    gone = found.filter(pl.col(KEY) == alone[KEY])["finding_id"].to_list()

    if exchanged:
        done = rotated(site)
        assert (done.relinked, done.left_open, done.exit_code) == (found.height - len(gone), len(gone), 1)
        with ledger_of(site.parent / "results") as ledger:
            assert ledger.keys().earlier == dict.fromkeys(gone, done.old_key_id)
        put_in_place(site)
    second, _ = run(site, NIGHTS[1])

    left = breaks(site).filter(pl.col("finding_id").is_in(gone))
    assert left.height == len(gone) >= 1
    assert left["resolved"].unique().to_list() == [not exchanged]
    assert statuses(second).get("unconfirmed" if exchanged else "resolved") == len(gone)


def test_the_evidence_and_the_terminal_say_it_without_a_key_or_a_person(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (site.parent / "site.key").read_bytes()
    arguments = ["rotate-key", "--new", "new.key", "--approver", "統括責任者", "--purpose", WHY, "--as-of", NIGHTS[0]]
    monkeypatch.chdir(site.parent)
    monkeypatch.setattr(sys, "argv", ["reconcile", *arguments, "--lang", "ja"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().out
    (entry,) = [one for one in entries(site) if one["event"] == "site_key_rotated"]

    assert (left.value.code, entry["relinked"], entry["left_open"]) == (0, breaks(site).height, 0)
    assert (entry["approver"], entry["operator"], entry["role"], entry["purpose"]) == ("統括責任者", ME, "approve", WHY)
    assert (entry["old_key_id"], entry["new_key_id"]) == (attest.key_id(old), attest.key_id(NEW))
    assert entry["ledger_sha256"] == content(site)
    assert "new.key をその場所に置く" in said
    assert (site.parent / "site.key").read_bytes() == old  # the files are the operator's
    with duckdb.connect(str(site.parent / "register.duckdb")) as connection:
        table, columns = names()
        people = connection.execute(f"SELECT {columns[KEY]}, {columns['name_kanji']} FROM {table}").fetchall()  # noqa: S608
    telling = {value for row in people for value in row if value and len(value) > 3} | {old.hex(), NEW.hex()}
    written = said + (site.parent / "results" / "evidence" / "log.jsonl").read_text(encoding="utf-8")
    assert [value for value in telling if value in written] == []
    file = (site.parent / "results" / "ledger.sqlite").read_bytes()
    assert old not in file
    assert NEW not in file


DIE = """
import os, signal, sys
from pathlib import Path
from reconcile import evidence
from reconcile.ledger import Ledger
from reconcile.nights.rotate import Rotation, rotate
def dying(real):
    def called(*arguments, **options):
        real(*arguments, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    return called
point, config = sys.argv[1], Path(sys.argv[2])
if point == "committed":
    Ledger.relink = dying(Ledger.relink)
else:
    evidence.append = dying(evidence.append)
rotate(Rotation(config=config, new=config.parent / "new.key", approver="a", purpose="b", as_of=sys.argv[3]), print)
"""


@pytest.mark.parametrize(("point", "committed"), [("announced", False), ("committed", True)])
def test_a_crash_leaves_the_old_history_or_the_new_one_whole(site: Path, point: str, committed: bool) -> None:  # noqa: FBT001
    """Killed when the evidence has announced it and the ledger has not done it, and when it has."""
    before, digest = breaks(site), content(site)
    killed = subprocess.run([sys.executable, "-c", DIE, point, site, NIGHTS[0]], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    assert (content(site) == digest) is not committed
    assert attest.verify(site, None).failures == []
    if committed:
        with pytest.raises(ConfigError) as again_asked:
            rotated(site)
        assert (again_asked.value.code, "--new is, already" in again_asked.value.hint) == ("E_SITE_KEY", True)
    else:
        assert breaks(site).equals(before)
        old = (site.parent / "site.key").read_bytes()
        put_in_place(site)  # somebody who believes that it was done
        with pytest.raises(ConfigError) as refused:
            run(site, NIGHTS[1])
        assert refused.value.code == "E_SITE_KEY"
        assert breaks(site).equals(before)
        a_key(site.parent / "site.key", old)
        a_key(site.parent / "new.key", NEW)
        assert rotated(site).relinked == before.height
    put_in_place(site)
    second, _ = run(site, NIGHTS[1])
    assert set(statuses(second)) <= {"open", "changed"}
    assert sum(statuses(second).values()) == before.height


def lose(config: Path) -> None:
    (config.parent / "site.key").unlink()


def replace_old(config: Path) -> None:
    a_key(config.parent / "site.key", bytes(32))


def same(config: Path) -> None:
    a_key(config.parent / "new.key", (config.parent / "site.key").read_bytes())


def shrink(config: Path) -> None:
    table, columns = names()
    register(config, f"DELETE FROM {table} WHERE {columns[KEY]} > '5'")  # noqa: S608


def demote(config: Path) -> None:
    text = config.read_text(encoding="utf-8").replace('["run", "approve"]', '["run"]')
    config.write_text(text, encoding="utf-8")


def edit(config: Path) -> None:
    config.write_text(
        config.read_text(encoding="utf-8").replace("[gates]", "[gates]\ndead_column_max = 0.01"), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("spoil", "changes", "code"),
    [
        (lose, {}, "E_SITE_KEY"),
        (replace_old, {}, "E_SITE_KEY"),
        (same, {}, "E_SITE_KEY"),
        (shrink, {}, "E_VOLUME"),
        (demote, {}, "E_ROLE"),
        (None, {"approver": " "}, "E_CONFIG"),
        (None, {"purpose": ""}, "E_PURPOSE"),
        (None, {"as_of": "2926-11-20"}, "E_CONFIG"),
        (edit, {}, "E_RUN_FILE"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_and_the_history_stays(
    site: Path, spoil: Callable[[Path], None] | None, changes: dict[str, str], code: str
) -> None:
    if spoil is not None:
        spoil(site)
    keys = {path.name: path.read_bytes() for path in site.parent.glob("*.key")}
    digest = content(site)
    status = (site.parent / "results" / "status.json").read_bytes()

    with pytest.raises(ReconcileError) as refused:
        rotated(site, **changes)

    assert refused.value.code == code
    assert (site.parent / "results" / "status.json").read_bytes() == status
    assert content(site) == digest
    assert "site_key_rotated" not in {one["event"] for one in entries(site)}
    assert {path.name: path.read_bytes() for path in site.parent.glob("*.key")} == keys


def test_a_key_that_was_in_force_is_not_taken_again(site: Path) -> None:
    first = (site.parent / "site.key").read_bytes()
    rotated(site)
    put_in_place(site)
    a_key(site.parent / "new.key", first)
    with pytest.raises(ConfigError, match="is or was in force"):
        rotated(site)
    assert rotated(site, new=site.parent / "third.key").left_open == 0  # made, as the first one was
    assert (site.parent / "third.key").stat().st_mode & 0o777 == 0o400


def test_a_history_in_use_is_not_touched(site: Path) -> None:
    with nightly.alone(site), pytest.raises((ConfigError, SourceError)) as refused:
        rotated(site)
    assert refused.value.code == "E_LOCKED"
