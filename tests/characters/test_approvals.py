"""The table of approved identifications: read, checked, and in force on its days only."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from reconcile.characters import approvals
from reconcile.characters.ladder import APPROVED, judge
from reconcile.errors import ConfigError

ENTRY = """
[[approval]]
id = "2026-001"
left = "MJ028902"
right = "MJ028901"
approver = "窓口課長"
date = 2026-04-01
expires = 2027-03-31
fields = ["name_kanji", "tsusho"]
"""


def _load(folder: Path, text: str, name: str = "approvals.toml") -> pl.DataFrame:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return approvals.load(path)


def test_toml_and_csv_say_the_same(tmp_path: Path) -> None:
    table = _load(tmp_path, ENTRY)
    csv = (
        "id,left,right,approver,date,expires,fields\n"
        "2026-001,MJ028902,MJ028901,窓口課長,2026-04-01,2027-03-31,name_kanji tsusho\n"
    )
    assert table.schema == approvals.APPROVALS
    assert _load(tmp_path, csv, "approvals.csv").equals(table)


@pytest.mark.parametrize(
    ("day", "field", "holds"),
    [
        (date(2026, 3, 31), "name_kanji", False),
        (date(2026, 4, 1), "name_kanji", True),
        (date(2027, 3, 31), "tsusho", True),
        (date(2027, 4, 1), "name_kanji", False),
        (date(2026, 12, 1), "kyu_uji", False),
    ],
)
def test_an_entry_holds_from_its_first_to_its_last_day_and_for_its_fields(
    tmp_path: Path,
    day: date,
    field: str,
    holds: bool,  # noqa: FBT001
) -> None:
    approved = approvals.applicable(_load(tmp_path, ENTRY), field, day)
    assert approved.schema == APPROVED
    pair = pl.DataFrame({"left": ["髙橋"], "right": ["高橋"]})
    assert judge(pair, approved)["grade"][0] == ("approved" if holds else "variant")


def test_an_entry_without_fields_holds_for_every_field(tmp_path: Path) -> None:
    table = _load(tmp_path, ENTRY.replace('fields = ["name_kanji", "tsusho"]', ""))
    assert approvals.applicable(table, "kyu_uji", date(2026, 12, 1)).height == 1


def test_an_empty_table_approves_nothing(tmp_path: Path) -> None:
    assert approvals.applicable(_load(tmp_path, ""), "name_kanji", date(2026, 12, 1)).height == 0


def _twice(change: str, by: str) -> str:
    return ENTRY + ENTRY.replace(change, by)


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        (ENTRY.replace('approver = "窓口課長"\n', ""), "approval[0]", "approver"),
        (ENTRY.replace("expires = 2027-03-31\n", ""), "approval[0]", "expires"),
        (ENTRY.replace("MJ028901", "MJ999999"), "approval[0].right", "MJ999999"),
        (ENTRY.replace('"MJ028901"', '"高"'), "approval[0].right", "MJ文字図形名"),
        (ENTRY.replace("MJ028901", "MJ028902"), "approval[0]", "nothing to approve"),
        (ENTRY.replace("2027-03-31", "2026-03-31"), "approval[0].expires", "2026-04-01"),
        ("expires = 2026-12-31\n" + ENTRY, "approval[0].expires", "2026-12-31"),
        (ENTRY.replace("2026-04-01", '"1.4.2026"'), "approval[0].date", "YYYY-MM-DD"),
        (ENTRY.replace("2026-04-01", "2026-04-01T00:00:00"), "approval[0].date", "datetime"),
        (ENTRY + 'person = "x"\n', "approval[0]", "person"),
        (ENTRY.replace('["name_kanji", "tsusho"]', '"name_kanji"'), "approval[0].fields", "list"),
        (ENTRY.replace("2026-001", "2026+001"), "approval[0].id", "+"),
        (_twice("x", "x"), "approvals.toml", "2026-001"),
        (_twice("2026-001", "2026-002"), "approvals.toml", "same pair"),
        (_twice('2026-001"', '2026-002"').replace('fields = ["name_kanji", "tsusho"]', "", 1), "toml", "same pair"),
        ("[[approval]\n", "approvals.toml", "not TOML"),
        ("approvals = []\n", "approvals.toml", "unknown key"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place_and_the_reason(
    tmp_path: Path, text: str, where: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    assert where in caught.value.where
    assert problem in caught.value.problem


def test_two_strangers_are_approved_only_with_a_written_reason(tmp_path: Path) -> None:
    # One wrong digit: MJ028910 is not 高.
    wrong = ENTRY.replace("MJ028901", "MJ028910")
    with pytest.raises(ConfigError, match="no rule of the tables relates"):
        _load(tmp_path, wrong)
    assert _load(tmp_path, wrong + 'basis = "決裁番号 8-123"\n')["basis"][0] == "決裁番号 8-123"


def test_a_file_that_is_not_utf_8_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "approvals.toml").write_bytes("窓口課長".encode("cp932"))
    for name in ("approvals.toml", "absent.toml"):
        with pytest.raises(ConfigError, match="UTF-8"):
            approvals.load(tmp_path / name)
