"""Asking needs a purpose and a role, and leaves a trace; being refused does too. The trace names nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from reconcile import deliver, inquiry
from reconcile.errors import ConfigError, EvidenceError
from reconcile.inquiry.shown import as_json, show
from reconcile.model import Verdict
from reconcile.report.build import HANDLING_PERSONAL
from reconcile.settings import permission
from tests.inquiry.conftest import Night, make_site, silent

PURPOSE = "不一致一覧 第3回の調査"
KEY = "juminhyo_code"

Ask = Callable[..., inquiry.Asked]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small ward of its own: what is asked here stands in its evidence."""
    return make_site(tmp_path_factory.mktemp("small"), 300)


@pytest.fixture(scope="module")
def key(site: Path) -> str:
    """Somebody whose two records differ by more than a rule explains."""
    truth = pl.read_parquet(site.parent / "truth.parquet")
    found: str = truth.filter(pl.col("finding") & (pl.col("code") == "E2"))["key"][0]
    return found


def entries(config: Path) -> list[dict[str, str]]:
    log = config.parent / "results" / "evidence" / "log.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def asked(config: Path, *key: str, purpose: str = PURPOSE) -> inquiry.Asked:
    return inquiry.ask(inquiry.Question(key=key, purpose=purpose, config=config, as_of="2026-11-20"), silent)


def test_a_question_is_recorded_with_its_purpose_and_without_the_key(site: Path, key: str) -> None:
    before = len(entries(site))
    answer = asked(site, key)

    (entry,) = entries(site)[before:]
    assert (entry["event"], entry["purpose"], entry["operator"]) == ("viewed", PURPOSE, permission.account())
    assert entry["role"] == "read"
    assert len(entry["pseudonym"]) == 32
    assert key not in json.dumps(entries(site))
    assert answer.recorded
    assert answer.exit_code == 1


def test_the_same_person_has_the_same_pseudonym_and_another_one_another(site: Path, key: str) -> None:
    before = len(entries(site))
    for one in (key, key, "99999999999"):
        asked(site, one)
    first, second, other = (entry["pseudonym"] for entry in entries(site)[before:])
    assert first == second != other


@pytest.mark.parametrize("purpose", ["", "  \u3000", "住民票コード 12345678901 の調査", "一\n二", "調" * 201])
def test_no_purpose_no_answer_and_the_refusal_is_recorded(site: Path, key: str, purpose: str) -> None:
    before = len(entries(site))
    with pytest.raises(ConfigError) as refused:
        asked(site, key, purpose=purpose)

    assert refused.value.code == "E_PURPOSE"
    (entry,) = entries(site)[before:]
    assert (entry["event"], entry["reason"], entry["code"]) == ("refused", "purpose", "E_PURPOSE")
    assert "purpose" not in entry


def test_the_key_may_not_stand_in_the_purpose(site: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        asked(site, "山田太郎", purpose="山田太郎の件")
    assert refused.value.code == "E_PURPOSE"
    assert "山田" not in (site.parent / "results" / "evidence" / "log.jsonl").read_text(encoding="utf-8")
    assert "\\u5c71" not in (site.parent / "results" / "evidence" / "log.jsonl").read_text(encoding="utf-8")


def test_the_run_file_s_purpose_is_the_night_s_and_answers_nobody(site: Path, key: str) -> None:
    assert 'purpose = "' in site.read_text(encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        asked(site, key, purpose="")
    assert refused.value.code == "E_PURPOSE"


@pytest.mark.parametrize("roles", ['["run"]', '["approve", "audit"]', None])
def test_who_may_not_read_is_refused_and_recorded(site: Path, key: str, roles: str | None) -> None:
    said = site.read_text(encoding="utf-8")
    mine = "" if roles is None else f'"{permission.account()}" = {roles}\n'
    guarded = site.with_name("guarded.toml")
    guarded.write_text(f'{said}\n[operators]\nsomebody-else = ["read"]\n{mine}', encoding="utf-8")
    before = len(entries(site))

    with pytest.raises(ConfigError) as refused:
        asked(guarded, key)

    assert refused.value.code == "E_ROLE"
    (entry,) = entries(site)[before:]
    assert (entry["event"], entry["reason"], entry["purpose"]) == ("refused", "role", PURPOSE)
    assert len(entry["pseudonym"]) == 32


def test_a_named_operator_with_the_role_is_answered(site: Path, key: str) -> None:
    named = site.with_name("named.toml")
    said = site.read_text(encoding="utf-8")
    named.write_text(f'{said}\n[operators]\n"{permission.account()}" = ["read"]\n', encoding="utf-8")
    assert asked(named, key).answer.records


def test_a_role_that_does_not_exist_is_a_fault_of_the_run_file(site: Path, key: str) -> None:
    wrong = site.with_name("wrong.toml")
    wrong.write_text(f'{site.read_text(encoding="utf-8")}\n[operators]\nx = ["admin"]\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="operators"):
        asked(wrong, key)


def test_altered_evidence_answers_nothing(tmp_path: Path) -> None:
    config = make_site(tmp_path, 300)
    asked(config, "99999999999")
    log = tmp_path / "results" / "evidence" / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"viewed", b"viewfd"))
    with pytest.raises(EvidenceError):
        asked(config, "99999999999")


def test_no_snapshot_of_a_resident_stays_behind(site: Path, key: str) -> None:
    asked(site, key)
    assert not list((site.parent / "results").glob(f"{deliver.INQUIRY}*"))


def test_a_dead_inquiry_s_snapshots_are_cleared_away_and_a_living_one_s_are_not(tmp_path: Path) -> None:
    dead = tmp_path / f"{deliver.INQUIRY}dead"
    dead.mkdir()
    (dead / "left.parquet").write_bytes(b"residents")
    with deliver.aside(tmp_path) as living:
        assert not dead.exists()
        with deliver.alone(tmp_path):
            assert living.exists()
        with deliver.aside(tmp_path) as other:
            assert living.exists()
            assert living != other
    assert not living.exists()


def test_the_exit_status_says_whether_anything_is_claimed(site: Path, key: str) -> None:
    assert asked(site, "99999999999").exit_code == 2
    different = asked(site, key)
    assert different.exit_code == 1
    agreed = replace(different, answer=replace(different.answer, findings=()))
    assert agreed.exit_code == 0
    assert replace(agreed, report=replace(agreed.report, verdict=Verdict.INCONCLUSIVE)).exit_code == 2


def test_a_key_of_another_shape_is_refused(site: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="KEY"):
        asked(site, key, "2")


def pages(one: inquiry.Asked, *, english: bool) -> str:
    out = StringIO()
    show(one, Console(file=out, width=100, force_terminal=False), english=english, as_object=False)
    return out.getvalue()


@pytest.mark.parametrize("english", [False, True])
def test_every_kind_of_record_is_readable_on_100_columns(night: Night, *, english: bool) -> None:
    permit = permission.Permit(operator="tester", role="read", purpose=PURPOSE)
    codes = night.findings.group_by("code", maintain_order=True).first().select("code", KEY).drop_nulls()
    for code, one in codes.rows():
        answer = night.opened.about((one,))
        text = pages(
            inquiry.Asked(
                inquiry_id="20261121T000000Z-000000",
                permit=permit,
                recorded=True,
                report=night.opened.report,
                answer=answer,
            ),
            english=english,
        )
        assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= 100
        for said in (HANDLING_PERSONAL, PURPOSE, "20261121T000000Z-000000", f" {code} "):
            assert said in text
        assert all(finding.finding_id in text for finding in answer.findings)


def test_the_object_holds_the_permit_the_handling_class_and_the_answer(site: Path, key: str) -> None:
    said = json.loads(json.dumps(as_json(asked(site, key)), ensure_ascii=False))
    assert said["schema"] == 1
    assert (said["purpose"], said["role"], said["handling"]) == (PURPOSE, "read", f"【テスト】{HANDLING_PERSONAL}")
    assert said["key"] == [key]
    assert said["found"]
    assert {one["code"] for one in said["findings"]} == {"E2"}
    assert {one["proposed"]["direction"] for one in said["findings"]} == {"to_left"}


def program(*arguments: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LANG": "en_US.UTF-8", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    command = [sys.executable, "-m", "reconcile", "explain", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, input=given, capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_on_the_command_line_the_key_may_come_from_standard_input(site: Path, key: str) -> None:
    """住民票コード in a command would stay in the shell's history."""
    said = program("-", "--purpose", PURPOSE, "--json", "--as-of", "2026-11-20", cwd=site.parent, given=f"{key}\n")
    assert said.returncode == 1, said.stderr
    assert json.loads(said.stdout)["key"] == [key]
    assert key not in said.stderr


def test_on_the_command_line_without_a_purpose_nothing_is_shown(site: Path, key: str) -> None:
    said = program(key, cwd=site.parent)
    assert (said.returncode, said.stdout) == (2, "")
    assert "E_PURPOSE" in said.stderr
    assert key not in said.stderr


def test_two_files_without_a_run_file_are_explained_and_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k1,k2,v\na,b,1\nc,d,2\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("k1,k2,v\na,b,1\nc,d,3\n", encoding="utf-8")
    files = ("a.csv", "b.csv", "--key", "k1,k2", "--purpose", "test")
    differs = program("c|d", *files, "--lang", "en", cwd=tmp_path)
    assert differs.returncode == 1, differs.stderr
    assert "no run file: not recorded" in differs.stdout
    assert program("a|b", *files, cwd=tmp_path).returncode == 0
    assert program("x|y", *files, cwd=tmp_path).returncode == 2
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b.csv"}


def test_a_value_cannot_drive_the_terminal(tmp_path: Path) -> None:
    pl.DataFrame({"k": ["1"], "v": ["\x1b[31mred"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"k": ["1"], "v": ["[bold]b[/bold]"]}).write_parquet(tmp_path / "b.parquet")
    said = program("1", "a.parquet", "b.parquet", "--key", "k", "--purpose", "test", cwd=tmp_path)
    assert "\x1b" not in said.stdout
    assert "[bold]b[/bold]" in said.stdout
