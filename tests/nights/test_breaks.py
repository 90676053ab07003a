"""The Excel round trip, the list of what is open, and the end of what is kept: over a real run and a real workbook."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unicodedata import east_asian_width

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from fixtures.ward import make_ward
from reconcile import deliver, nightly
from reconcile.config import read_config
from reconcile.errors import ConfigError, ReconcileError, SourceError
from reconcile.ledger import open_ledger
from reconcile.model import Decision
from reconcile.nights import attest, breaks, retention, run_file
from reconcile.report.worklist import LIST
from tests.nights.test_history import KEY, again, names, register
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

    assert breaks.imported(config, back, "照合結果の取込み") == (1, 1, ())
    assert breaks.imported(config, back, "照合結果の取込み") == (1, 0, ())  # again: nothing new

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
        ({"対応状況": "対応済", "担当者番号": "123456789018"}, "担当者番号"),
        ({"対応状況": "対応済", "担当者番号": "0000-1234567"}, "担当者番号"),
        ({"対応状況": "対応済", "担当者番号": "19450701"}, "担当者番号"),
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


def test_the_heading_stands_above_its_columns(site: tuple[Path, Path]) -> None:
    """As a terminal shows it, where a full-width character takes two cells; up to 対応状況 within 100 of them."""
    heading, *rows = breaks.lines(breaks.listed(site[0], "open", TODAY))

    def cells(text: str) -> int:
        return sum(1 + (east_asian_width(one) in "WF") for one in text)

    for name, shown in (("項目", "field"), ("初出", "since")):
        at = cells(heading[: heading.index(name)])
        for row, one in zip(rows, breaks.listed(site[0], "open", TODAY), strict=True):
            value = str(getattr(one, shown) or "-")
            assert at in {cells(row[:place]) for place in range(len(row)) if row.startswith(value, place)}
    assert {cells(row[: row.rindex("  ")]) for row in rows} == {cells(heading[: heading.rindex("  ")])}
    assert cells(heading) < 100


def decided(config: Path, finding_id: str) -> str | None:
    decision = breaks.shown(config, finding_id, TODAY)[0].decision
    return decision.state if decision else None


def test_an_older_worklist_does_not_overrule_a_newer_decision_and_a_decision_can_be_undone(
    site: tuple[Path, Path],
) -> None:
    config, older = site
    _, newer = nightly.run(config, "2026-11-20", lambda _step, _done, _total: None)
    book = openpyxl.load_workbook(newer / "worklist.xlsx")[LIST]
    one, two = (str(book.cell(row, book.max_column).value) for row in (3, 4))

    assert breaks.imported(config, filled(newer, enter(3, 対応状況="対応済")), "取込み").new == 1

    def both(sheet: Worksheet, at: dict[str, int]) -> None:
        enter(3, 対応状況="調査中")(sheet, at)
        enter(4, 対応状況="調査中")(sheet, at)

    late = breaks.imported(config, filled(older, both), "取込み")
    assert (late.held, late.new, [(said.finding_id, said.state) for said in late.refused]) == (2, 1, [(one, "対応済")])
    assert (decided(config, one), decided(config, two)) == ("対応済", "調査中")

    # What stands in every new list, 未着手, decides nothing; with a staff id it takes the decision back.
    assert breaks.imported(config, newer / "worklist.xlsx", "取込み") == (0, 0, ())
    assert decided(config, one) == "対応済"
    back = filled(newer, enter(3, 対応状況="未着手", 担当者番号="S0123"))
    assert breaks.imported(config, back, "取込み").new == 1
    assert decided(config, one) == "未着手"


def test_what_a_night_cannot_confirm_has_a_row_in_the_worklist(site: tuple[Path, Path]) -> None:
    """The register's row is there twice: what was found of that person is neither found again nor gone."""
    config, first = site
    found = pl.read_parquet(first / "findings.parquet")
    named = found.filter((pl.col("field") == "name_kanji") & (pl.col("kind") == "value") & (pl.col("code") == "C1"))
    key, finding = named.select(KEY, "finding_id").row(0)
    table, columns = names()
    register(config, f"INSERT INTO {table} SELECT * FROM {table} WHERE {columns[KEY]} = ?", key)  # noqa: S608
    again(config)
    with open_ledger(config.parent / "results", expected=True) as ledger:
        assert not ledger.breaks().filter(finding_id=finding, resolved=True).height
    run_file.accept(config, "試験", "試験のため")

    summary, folder = nightly.run(config, "2026-11-21", lambda _step, _done, _total: None)

    sheet = openpyxl.load_workbook(folder / "worklist.xlsx")[LIST]
    heading, *rows = ([cell.value for cell in row] for row in sheet.iter_rows())
    listed = [dict(zip(heading, row, strict=True)) for row in rows]
    history = summary["history"]
    assert isinstance(history, dict)
    unknown = [row for row in listed if row["状態"] == "未確認"]
    assert len(unknown) == history["by_status"]["unconfirmed"] >= 1
    (one,) = (row for row in unknown if row["finding_id"] == finding)
    assert (one["コード"], one["項目"], one["対応状況"], one["初出"]) == ("C1", "氏名(漢字)", "未着手", "2026-11-20")
    assert key not in [str(value) for value in one.values()]  # the memory knows nobody
    assert next(row for row in breaks.listed(config, "open", TODAY) if row.finding_id == finding).unconfirmed


def test_the_list_calls_a_finding_what_the_papers_call_it(site: tuple[Path, Path]) -> None:
    """時差 on more nights than the site allows is raised to 要確認 and then 要修正."""
    config, _ = site
    again(config)
    config.write_text(
        config.read_text(encoding="utf-8") + "\n[carried]\nnights = 1\nbusiness_days = 1\n", encoding="utf-8"
    )
    run_file.accept(config, "試験", "試験のため")
    assert any(one.severity == "時差" for one in breaks.listed(config, "open", TODAY))

    _, folder = nightly.run(config, "2026-11-24", lambda _step, _done, _total: None)

    papers = dict(pl.read_parquet(folder / "findings.parquet").select("finding_id", "severity").iter_rows())
    found = {one.finding_id: one.severity for one in breaks.listed(config, "open", TODAY)}
    assert {name: found[name] for name in papers} == papers
    with open_ledger(config.parent / "results", expected=True) as ledger:
        classified = dict(ledger.breaks().select("finding_id", "severity").iter_rows())
    assert any(classified[name] == "時差" and found[name] != "時差" for name in papers)


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
