"""A finding that two persons close by hand (F144): over real nights, and through the command line as two logins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.errors import ConfigError
from reconcile.ledger import open_ledger
from reconcile.model import Report
from reconcile.nights import breaks, by_hand
from reconcile.report.followed import followed
from reconcile.settings import permission
from tests.nights.test_history import KEY, NIGHTS, again, names, register
from tests.test_nightly import RUN_FILE

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 24)
ONE, TWO, THIRD = "yamada", "suzuki", "tanaka"  # staff of an office, no residents
WHY = "サイト鍵の交換で残った指摘の整理"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ward of a thousand after one night; two of its staff may decide."""
    monkeypatch.setattr(nightly, "FORMATS", ("parquet", "json"))
    make_ward(tmp_path, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    mine = f'"{permission.account()}" = ["run"]\n'
    staff = "".join(f'"{who}" = ["approve"]\n' for who in (ONE, TWO)) + f'"{THIRD}" = ["read"]\n'
    config.write_text(f"{RUN_FILE.format(gaiji='')}\n[operators]\n{mine}{staff}", encoding="utf-8")
    again(config)
    night(config, NIGHTS[0])
    return config


def night(config: Path, day: str) -> dict[str, Any]:
    summary, _ = nightly.run(config, day, lambda _step, _done, _total: None)
    return summary


def close(monkeypatch: pytest.MonkeyPatch, config: Path, who: str, finding: str, reason: str = "その他") -> str:
    with monkeypatch.context() as as_somebody:
        as_somebody.setattr(permission, "account", lambda: who)
        closure = by_hand.close(config, finding, reason, WHY, TODAY)
    return closure.closed_by or ""


def listed(config: Path, finding: str) -> breaks.Break:
    return next(one for one in breaks.listed(config, "all", TODAY) if one.finding_id == finding)


def events(config: Path) -> list[dict[str, Any]]:
    lines = (config.parent / "results" / "evidence" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_two_persons_close_a_finding_and_the_next_night_that_finds_it_opens_it(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = breaks.listed(site, "open", TODAY)[0].finding_id

    assert close(monkeypatch, site, ONE, finding[:12], "システムの不具合") == ""
    asked = listed(site, finding)
    assert (asked.resolved, asked.asked and asked.asked.asked_by, asked.by_hand) == (False, ONE, None)

    with pytest.raises(ConfigError) as alone:
        close(monkeypatch, site, ONE, finding)
    assert alone.value.code == "E_TWO_PERSONS"

    assert close(monkeypatch, site, TWO, finding) == TWO
    done = listed(site, finding)
    assert (done.resolved, done.asked, done.by_hand and done.by_hand.reason) == (True, None, "システムの不具合")
    assert "  手動" in list(breaks.lines([done]))[1]
    with pytest.raises(ConfigError, match="is not open"):
        close(monkeypatch, site, ONE, finding)

    third = night(site, NIGHTS[1])
    assert third["history"]["by_status"]["reappeared"] == 1
    assert third["history"]["by_hand"] == 0
    back = listed(site, finding)
    assert (back.resolved, back.asked, back.by_hand, back.since) == (False, None, None, date(2026, 11, 21))
    assert [(one.asked_by, one.closed_by) for one in back.closures] == [(ONE, TWO)]  # that it was closed once stays

    # What was asked for before it came back is no longer meant: somebody has to ask anew.
    assert close(monkeypatch, site, TWO, finding) == ""
    told = [(one["event"], one["operator"], one["purpose"]) for one in events(site) if one.get("finding_id") == finding]
    assert told == [("closure_asked", ONE, WHY), ("closed_by_hand", TWO, WHY), ("closure_asked", TWO, WHY)]


def test_what_no_night_can_confirm_is_closed_by_hand_and_the_council_is_told(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The register's row is there twice: whether the difference is gone is not known, and never will be."""
    found = pl.read_parquet(next((site.parent / "results").glob("2*/findings.parquet")))
    named = found.filter((pl.col("field") == "name_kanji") & (pl.col("kind") == "value") & (pl.col("code") == "C1"))
    key, finding = named.select(KEY, "finding_id").row(0)
    table, columns = names()
    register(site, f"INSERT INTO {table} SELECT * FROM {table} WHERE {columns[KEY]} = ?", key)  # noqa: S608
    second = night(site, NIGHTS[1])
    unknown = second["history"]["by_status"]["unconfirmed"]
    assert (unknown >= 1, second["history"]["by_hand"]) == (True, 0)
    assert listed(site, finding).unconfirmed
    assert list(breaks.lines([listed(site, finding)]))[1].endswith("未確認")
    assert sum(one.unconfirmed for one in breaks.listed(site, "all", TODAY)) == unknown

    close(monkeypatch, site, ONE, finding)
    close(monkeypatch, site, TWO, finding)
    third = night(site, NIGHTS[2])

    assert third["history"]["by_status"]["unconfirmed"] == unknown - 1
    assert third["history"]["by_hand"] == 1
    assert listed(site, finding).by_hand is not None
    assert ("手動で終了", "1") in followed(report(third))[0].lines
    assert "手動で終了" not in {state for state, _ in followed(report(second))[0].lines}


def test_the_night_run_again_after_it_finds_it_and_list_and_papers_say_so(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = breaks.listed(site, "open", TODAY)[0].finding_id
    close(monkeypatch, site, ONE, finding)
    close(monkeypatch, site, TWO, finding)
    assert listed(site, finding).resolved

    rerun = night(site, NIGHTS[0])

    back = listed(site, finding)
    still = breaks.listed(site, "open", TODAY)
    assert (back.resolved, back.unconfirmed, len(back.closures)) == (False, False, 1)
    assert (rerun["history"]["by_hand"], rerun["history"]["by_status"].get("unconfirmed", 0)) == (0, 0)
    assert sum(rerun["findings"]["by_kind"].values()) == len(still)
    _, happened = breaks.shown(site, finding, TODAY)
    assert [event for _, _, event, *_ in happened] == ["new"]


def report(summary: dict[str, Any]) -> Report:
    return cast("Report", SimpleNamespace(summary=summary))


@pytest.mark.parametrize(
    ("who", "reason", "where"),
    [(THIRD, "その他", "operator"), (ONE, "電話で聞いた", "--reason")],
    ids=["role", "reason"],
)
def test_who_may_not_and_what_is_no_reason_of_the_list_closes_nothing(
    site: Path, monkeypatch: pytest.MonkeyPatch, who: str, reason: str, where: str
) -> None:
    finding = breaks.listed(site, "open", TODAY)[0].finding_id
    with pytest.raises(ConfigError) as refused:
        close(monkeypatch, site, who, finding, reason)
    assert refused.value.where == where
    assert "電話" not in str(refused.value)
    with open_ledger(site.parent / "results", expected=True) as ledger:
        assert ledger.closures() == []


def as_login(number: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line as somebody who logged in as this account and works through the one that owns the folder."""
    begin = f"open('/proc/self/loginuid', 'w').write('{number}'); from reconcile.cli import entry; entry()"
    return subprocess.run(
        [sys.executable, "-c", begin, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_two_logins_are_two_persons_though_one_account_owns_the_folder(site: Path) -> None:
    if os.geteuid() or not permission.LOGIN.exists() or int(permission.LOGIN.read_text()) != (1 << 32) - 1:
        pytest.skip("only root may say who logged in, and only once (CAP_AUDIT_CONTROL)")
    text = site.read_text(encoding="utf-8")
    site.write_text(text + 'uid4001 = ["approve"]\nuid4002 = ["approve"]\n', encoding="utf-8")
    finding = breaks.listed(site, "open", TODAY)[0].finding_id
    command = ("breaks", "close", finding, "--purpose", WHY, "--config", str(site), "--lang", "ja")

    first, again, second, third = (as_login(number, *command) for number in (4001, 4001, 4002, 4003))

    assert (first.returncode, again.returncode, second.returncode, third.returncode) == (0, 2, 0, 2)
    assert "手動での終了を申請: uid4001" in first.stdout
    assert "E_TWO_PERSONS" in again.stderr
    assert "手動で終了: uid4002 が承認" in second.stdout
    assert "E_ROLE" in third.stderr
    shown = as_login(4001, "breaks", "show", finding, "--config", str(site), "--lang", "en")
    assert "closed by hand: granted by uid4002" in shown.stdout
