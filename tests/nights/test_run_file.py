"""F123: a run file that was edited between two nights claims nothing until somebody has approved it, by name."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconcile import evidence
from reconcile.config import read_config
from reconcile.errors import ConfigError
from reconcile.nights.run_file import accept, gate_of_run_file
from tests.faults.site import Said, night, place, quickly, ward

ME = pwd.getpwuid(os.geteuid()).pw_name
WHY = "件数差の限度を変更(起案第12号)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with an operator who may approve, after one night that agrees."""
    folder = tmp_path_factory.mktemp("run_file")
    with quickly():
        config = place(ward(folder / "made"), folder / "site")
        config.write_text(f'{text_of(config)}\n[operators]\n{ME} = ["run", "approve"]\n', encoding="utf-8")
        assert night(config).verdict == "consistent"
    return config


@pytest.fixture
def site(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it."""
    monkeypatch.setattr("reconcile.nightly.FORMATS", ("parquet", "json"))
    shutil.copytree(made.parent, tmp_path / "site")
    return tmp_path / "site" / "run.toml"


def holds(config: Path) -> bool:
    """Whether tonight would be held."""
    return not gate_of_run_file(read_config(config)).passed


def text_of(config: Path) -> str:
    return config.read_text(encoding="utf-8")


def edit(config: Path, old: str, new: str) -> None:
    assert old in text_of(config)
    config.write_text(text_of(config).replace(old, new), encoding="utf-8")


def limits(config: Path, line: str) -> None:
    edit(config, "[gates]\n", f"[gates]\n{line}\n")


def failed(said: Said) -> set[str]:
    return {gate["gate"] for gate in said.summary["gates"] if gate["outcome"] == "failed"}


def events(config: Path) -> list[dict[str, Any]]:
    lines = evidence.read(config.parent / "results" / evidence.FOLDER).lines
    return [json.loads(line) for line in lines]


def test_a_changed_run_file_is_held_every_night_until_it_is_accepted(site: Path) -> None:
    limits(site, "count_difference_max = 0.5")

    held = night(site)
    again = night(site)
    accept(site, "窓口課長", WHY)
    accepted = night(site)

    assert accepted.verdict == "consistent"
    for one in (held, again):
        assert (one.verdict, one.exit, failed(one)) == ("inconclusive", 2, {"run_file"})
        assert "E_RUN_FILE" in one.text
    (said,) = [entry for entry in events(site) if entry["event"] == "config_changed"]
    assert (said["approver"], said["operator"], said["purpose"]) == ("窓口課長", ME, WHY)
    assert said["settings_sha256"] == read_config(site).digest
    assert said["at"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[gates]\n", "[gates]\ndead_column_max = 0.01\n"),
        ("[gates]\n", '[gates]\naccepted_columns = ["sex"]\n'),
        (
            "[operators]\n",
            '[[severity]]\ncode = "F3"\nseverity = "要確認"\napprover = "課長"\ndate = 2026-11-01\n\n[operators]\n',
        ),
        ('path = "cs.dat"', 'path = "cs_.dat"'),
        ('"approve"]', '"approve", "read"]'),
    ],
    ids=["threshold", "column", "severity", "path", "operator"],
)
def test_every_setting_counts(site: Path, old: str, new: str) -> None:
    assert not holds(site)
    edit(site, old, new)
    assert holds(site)
    edit(site, new, old)
    assert not holds(site)


def test_an_approval_is_of_one_text_and_no_other(site: Path) -> None:
    limits(site, "dead_column_max = 0.002")
    accept(site, "窓口課長", WHY)
    assert not holds(site)
    edit(site, "0.002", "0.2")
    assert holds(site)


def test_an_approval_is_used_up_by_the_next_change(site: Path) -> None:
    """Back to the first text: that one was not approved again."""
    limits(site, "dead_column_max = 0.002")
    accept(site, "窓口課長", WHY)
    edit(site, "dead_column_max = 0.002\n", "")
    assert holds(site)


def test_what_changes_every_night_and_how_it_is_spelled_needs_nobody(site: Path) -> None:
    digest = read_config(site).digest
    limits(site, f'# a comment\naccepted_inputs = ["{"0" * 64}"]\naccepted_tables = ["{"1" * 64}"]')
    assert read_config(site).digest == digest


@pytest.mark.parametrize(("approver", "purpose", "code"), [("", WHY, "E_CONFIG"), ("窓口課長", "", "E_PURPOSE")])
def test_nobody_and_no_reason_approve_nothing(site: Path, approver: str, purpose: str, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        accept(site, approver, purpose)
    assert refused.value.code == code
    assert "config_changed" not in {entry["event"] for entry in events(site)}


def test_who_has_no_such_role_approves_nothing(site: Path) -> None:
    edit(site, '["run", "approve"]', '["run"]')
    with pytest.raises(ConfigError) as refused:
        accept(site, "窓口課長", WHY)
    assert refused.value.code == "E_ROLE"
    assert holds(site)
