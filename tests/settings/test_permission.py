"""業務目的以外の検索及び使用, 許可を得ない持出し (要綱第2条第4号): a run and an export have a purpose, an operator, and a record."""

from __future__ import annotations

import json
import os
import pwd
from datetime import date
from pathlib import Path

import pytest

from fixtures.ward import make_ward
from reconcile import adhoc, nightly
from reconcile.errors import ConfigError
from reconcile.model import Report
from reconcile.report.build import HANDLING, TEST_MARK
from reconcile.settings import permission
from schemas.identity_record import DATASET

RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "site.key"
{more}
[sources.cs]
label = "CS"
path = "cs.dat"
layout = "cs_fixed"

[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
"""


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sides of a small ward."""
    folder = tmp_path_factory.mktemp("ward")
    make_ward(folder, 300, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    return folder


def site(ward: Path, tmp_path: Path, more: str = "") -> Path:
    """A run file of its own, with an output folder of its own, over the same ward."""
    for name in ("cs.dat", "register.duckdb"):
        (tmp_path / name).write_bytes((ward / name).read_bytes())
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE.format(more=more), encoding="utf-8")
    return config


def silent(_step: str, _done: int, _total: int) -> None:
    """No progress."""


def entries(config: Path) -> list[dict[str, object]]:
    log = config.parent / "results" / "evidence" / "log.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def export(config: Path, purpose: str = "") -> Report:
    request = adhoc.Request(
        left="cs",
        right="register",
        key=(),
        dataset="",
        config=config,
        encoding="utf-8",
        allow_empty=False,
        partitions=0,
        out=config.parent / "taken",
        formats=("json", "parquet"),
        purpose=purpose,
    )
    return adhoc.run(request, silent)


def test_a_night_says_who_started_it_and_what_for(ward: Path, tmp_path: Path) -> None:
    config = site(ward, tmp_path, 'purpose = "臨時の整合性確認"\n')
    nightly.run(config, "2026-11-20", silent)

    started = entries(config)[0]
    assert started["event"] == "run_started"
    assert (started["operator"], started["role"], started["purpose"]) == (
        permission.account(),
        "run",
        "臨時の整合性確認",
    )


@pytest.mark.parametrize(("said", "who"), [("4001", "uid4001"), (str((1 << 32) - 1), None), ("", None), (None, None)])
def test_the_operator_is_who_logged_in_and_where_nobody_did_the_account_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, who: str | None
) -> None:
    """As Linux keeps it in /proc/self/loginuid; a kernel without audit has no such file."""
    if said is not None:
        (tmp_path / "loginuid").write_text(said, encoding="ascii")
    monkeypatch.setattr(permission, "LOGIN", tmp_path / "loginuid")
    monkeypatch.setenv("SUDO_USER", "somebody")  # the environment is anybody's word
    monkeypatch.setenv("LOGNAME", "somebody")
    assert permission.account() == (who or pwd.getpwuid(os.geteuid()).pw_name)


def test_the_purpose_of_the_command_line_goes_before_the_run_file_s_and_the_dataset_s(
    ward: Path, tmp_path: Path
) -> None:
    config = site(ward, tmp_path)
    nightly.begin(config, "2026-11-20")
    config.write_text(RUN_FILE.format(more='purpose = "月次"\n'), encoding="utf-8")
    nightly.begin(config, "2026-11-20")
    nightly.begin(config, "2026-11-20", "監査の立会い")

    assert [entry["purpose"] for entry in entries(config)] == [DATASET.purpose, "月次", "監査の立会い"]


@pytest.mark.parametrize(
    ("more", "purpose", "code"),
    [
        ('[operators]\nsomebody-else = ["run", "read"]\n', "", "E_ROLE"),
        (f'[operators]\n"{permission.account()}" = ["read", "audit"]\n', "", "E_ROLE"),
        ("", "番号 123456789012 の調査", "E_PURPOSE"),
    ],
    ids=["not-named", "another-role", "a-number-in-the-purpose"],
)
def test_a_run_that_is_not_permitted_reads_nothing_claims_nothing_and_is_recorded(
    ward: Path, tmp_path: Path, more: str, purpose: str, code: str
) -> None:
    config = site(ward, tmp_path, more)
    with pytest.raises(ConfigError) as refused:
        nightly.run(config, "2026-11-20", silent, purpose)

    assert refused.value.code == code
    status = json.loads((tmp_path / "results" / "status.json").read_bytes())
    assert (status["verdict"], status["code"]) == ("inconclusive", code)
    assert [(entry["event"], entry["code"]) for entry in entries(config)] == [("refused", code)]
    assert not list((tmp_path / "results").glob("2*"))
    assert "123456789012" not in (tmp_path / "results" / "evidence" / "log.jsonl").read_text(encoding="utf-8")


def test_an_export_under_a_run_file_is_recorded_before_it_stands_there(ward: Path, tmp_path: Path) -> None:
    config = site(ward, tmp_path)
    report = export(config, "会議資料の添付")

    (entry,) = entries(config)
    assert (entry["event"], entry["purpose"], entry["role"]) == ("exported", "会議資料の添付", "run")
    assert (entry["run_id"], entry["formats"]) == (report.run.run_id, ["json", "parquet"])


def test_an_export_that_is_not_permitted_leaves_no_file_of_a_resident(ward: Path, tmp_path: Path) -> None:
    config = site(ward, tmp_path, '[operators]\nsomebody-else = ["run"]\n')
    with pytest.raises(ConfigError):
        export(config)

    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["status.json"]
    assert [entry["event"] for entry in entries(config)] == ["refused"]


def test_two_files_without_a_run_file_are_compared_without_a_word(tmp_path: Path) -> None:
    for name, value in (("a.csv", 1), ("b.csv", 2)):
        (tmp_path / name).write_text(f"k,v\n1,{value}\n", encoding="utf-8")
    request = adhoc.Request(
        left=str(tmp_path / "a.csv"),
        right=str(tmp_path / "b.csv"),
        key=("k",),
        dataset="",
        config=None,
        encoding="utf-8",
        allow_empty=False,
        partitions=0,
        out=tmp_path / "out",
        formats=("json",),
    )
    adhoc.run(request, silent)
    assert {path.name for path in tmp_path.rglob("*") if path.is_dir()} == {"out"}


def test_every_output_carries_its_handling_class_and_the_run(ward: Path, tmp_path: Path) -> None:
    """The council paper, the worklist and the page have tests of their own; this is what programs read."""
    config = site(ward, tmp_path)
    summary, folder = nightly.run(config, "2026-11-20", silent)

    assert str(summary["handling"]).startswith(f"{TEST_MARK}{HANDLING}")  # invented people
    assert summary["run_id"] == folder.name
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert HANDLING in page
    assert folder.name in page
