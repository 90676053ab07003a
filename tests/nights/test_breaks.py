"""The Excel round trip, the list of what is open, and the end of what is kept: over a real run and a real workbook."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from fixtures.ward import make_ward
from reconcile import deliver, nightly
from reconcile.config import read_config
from reconcile.errors import ConfigError, ReconcileError, SourceError
from reconcile.ledger import open_ledger
from reconcile.model import Decision
from reconcile.nights import attest, breaks, retention
from reconcile.report.worklist import LIST
from tests.test_nightly import RUN_FILE

TODAY = date(2026, 11, 24)
ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A ward of a thousand after one night: the run file, and the run's folder."""
    monkeypatch.setattr(nightly, "FORMATS", ("xlsx", "parquet", "json"))
    make_ward(tmp_path, 1_000, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    config = tmp_path / "run.toml"
    config.write_text(f'{RUN_FILE.format(gaiji="")}\n[operators]\n{ME} = ["run", "approve"]\n', encoding="utf-8")
    _, folder = nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    return config, folder


Fill = Callable[[Worksheet, dict[str, int]], None]


def filled(folder: Path, fill: Fill) -> Path:
    """The worklist as somebody saved it again."""
    book = openpyxl.load_workbook(folder / "worklist.xlsx")
    sheet = book[LIST]
    fill(sheet, {str(cell.value): cell.column for cell in sheet[1]})
    path = folder.parent.parent / "back.xlsx"
    book.save(path)
    return path


def enter(row: int, **entries: object) -> Fill:
    def fill(sheet: Worksheet, at: dict[str, int]) -> None:
        for heading, value in entries.items():
            sheet.cell(row, at[heading], value)

    return fill


def test_what_the_office_decides_comes_back_and_nothing_else(site: tuple[Path, Path]) -> None:
    config, folder = site
    telling = "山田花子と電話で確認"  # a name in the free text
    due = datetime(2026, 12, 1)  # noqa: DTZ001  a cell of Excel
    back = filled(
        folder, enter(3, 対応状況="是正依頼済", 理由="通知の未達", 担当者番号="S0123", 期限=due, 所見=telling)
    )
    finding_id = openpyxl.load_workbook(back)[LIST].cell(3, openpyxl.load_workbook(back)[LIST].max_column).value

    assert breaks.imported(config, back, "照合結果の取込み") == (1, 1)
    assert breaks.imported(config, back, "照合結果の取込み") == (1, 0)  # again: nothing new

    one, happened = breaks.shown(config, finding_id[:12], TODAY)
    assert one.decision == Decision(
        finding_id=finding_id, state="是正依頼済", reason="通知の未達", operator="S0123", due=date(2026, 12, 1)
    )
    assert [event[2] for event in happened] == ["new"]
    for path in folder.parent.rglob("*"):
        if path.is_file() and path.suffix in {".sqlite", ".jsonl"}:
            assert telling.encode() not in path.read_bytes()
    assert "decision_imported" in (folder.parent / "evidence" / "log.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("entries", "where"),
    [
        ({"対応状況": "たぶん済"}, "対応状況"),
        ({"対応状況": "対応済", "理由": "山田さんの件"}, "理由"),
        ({"対応状況": "対応済", "担当者番号": "山田 花子"}, "担当者番号"),
        ({"対応状況": "対応済", "期限": "来週"}, "期限"),
        ({"対応状況": "対応済", "finding_id": "1"}, "finding_id"),
        ({"対応状況": "対応済", "finding_id": "0" * 32}, "findings that this site never had"),
    ],
)
def test_a_wrong_entry_is_named_by_row_and_heading_and_nothing_is_taken(
    site: tuple[Path, Path], entries: dict[str, object], where: str
) -> None:
    config, folder = site
    good = enter(3, 対応状況="対応済")
    bad = enter(4, **entries)
    back = filled(folder, lambda sheet, at: (good(sheet, at), bad(sheet, at))[0])

    with pytest.raises(SourceError) as refused:
        breaks.imported(config, back, "照合結果の取込み")

    assert refused.value.code == "E_WORKLIST"
    assert where in refused.value.problem
    assert "山田" not in str(refused.value)
    with open_ledger(folder.parent, expected=True) as ledger:
        assert ledger.decisions() == {}


def test_a_worklist_of_another_run_or_no_worklist_is_refused(site: tuple[Path, Path]) -> None:
    config, folder = site
    book = openpyxl.load_workbook(folder / "worklist.xlsx")
    for row in book["表紙"].iter_rows():
        if row[0].value == "実行番号":
            row[2].value = "20200101T000000Z-000000"
    other = folder.parent.parent / "other.xlsx"
    book.save(other)
    plain = folder.parent.parent / "plain.xlsx"
    openpyxl.Workbook().save(plain)
    damaged = folder.parent.parent / "damaged.xlsx"
    damaged.write_bytes((folder / "worklist.xlsx").read_bytes()[:2000])

    for path in (other, plain, damaged):
        with pytest.raises(SourceError) as refused:
            breaks.imported(config, path, "照合結果の取込み")
        assert refused.value.code == "E_WORKLIST"


def test_only_who_may_decide_may_import(site: tuple[Path, Path]) -> None:
    config, folder = site
    config.write_text(config.read_text(encoding="utf-8").replace('"run", "approve"', '"run"'), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        breaks.imported(config, folder / "worklist.xlsx", "照合結果の取込み")
    assert refused.value.code == "E_ROLE"


def test_the_list_is_oldest_first_and_shows_no_key_and_no_value(site: tuple[Path, Path]) -> None:
    config, _ = site
    found = breaks.listed(config, "open", TODAY)

    assert found
    assert breaks.listed(config, "resolved", TODAY) == []
    # From Friday 2026-11-20 to Tuesday 24: Friday counts, the weekend and 勤労感謝の日 do not.
    assert {one.business_days for one in found} == {1}
    assert all(len(line) < 140 for line in breaks.lines(found))


def test_what_was_kept_long_enough_goes_in_two_phases_and_the_evidence_still_verifies(
    site: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, folder = site
    config.write_text(config.read_text(encoding="utf-8") + "\n[retention]\ndays = 30\n", encoding="utf-8")
    read = read_config(config)
    now = datetime.now(UTC)
    assert retention.thin(read, now + timedelta(days=29)) == 0
    assert (folder / "worklist.xlsx").exists()

    def fails(*_arguments: object) -> None:
        raise SourceError("out", "the disk is gone", code="E_OUT")

    with monkeypatch.context() as broken:
        broken.setattr(deliver, "forget", fails)  # it dies between the mark and the deletion
        with pytest.raises(ReconcileError):
            retention.thin(read, now + timedelta(days=32))
    with open_ledger(folder.parent, expected=True) as ledger:
        assert [(night.deleting is not None, night.deleted) for night in ledger.nights()] == [(True, None)]

    assert retention.thin(read, now + timedelta(days=33)) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "summary.json"]
    assert retention.thin(read, now + timedelta(days=34)) == 0
    assert attest.verify(config, None).failures == []
