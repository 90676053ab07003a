"""Names through the whole engine: text decoded with the wrong charset, equality that proves nothing, approvals, 外字."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from reconcile.characters import approvals, gaiji
from reconcile.errors import SourceError
from reconcile.extract.layout import read_layout
from reconcile.model import ROW, Column, Layout, Report, Run, Side, Snapshot, Verdict
from reconcile.pipeline import Options, reconcile
from reconcile.search.check import Input
from schemas.identity_record import DATASET
from tests.classify.engine import COLUMNS, Person, codes, person, run

NOW = datetime(2026, 11, 20, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as in a header
CODE = "00000000019"
APPROVAL = """\
[[approval]]
id = "2026-001"
left = "MJ028902"
right = "MJ028901"
approver = "窓口課長"
date = 2026-04-01
expires = {expires}
fields = ["name_kanji"]
"""


def named(*names: str) -> list[Person]:
    return [person(f"{number:011d}", name_kanji=name) for number, name in enumerate(names)]


def approved_until(expires: str, folder: Path, left: str, right: str) -> Report:
    (folder / "approvals.toml").write_text(APPROVAL.format(expires=expires), encoding="utf-8")
    table = approvals.load(folder / "approvals.toml")
    applying = {"name_kanji": approvals.applicable(table, "name_kanji", NOW.date())}
    return over(
        [person(CODE, name_kanji=left)], [person(CODE, name_kanji=right)], folder, Options(seed=1, approved=applying)
    )


def over(left: Sequence[Person], right: Sequence[Person], folder: Path, options: Options) -> Report:
    """The engine over two lists of people, with options."""
    sides = Input(*_snapshot(Side.LEFT, left, folder)), Input(*_snapshot(Side.RIGHT, right, folder))
    about = Run(run_id="test", started_at=NOW, as_of=NOW, version="test", site_key=b"k" * 32)
    return reconcile(about, DATASET, sides, options)


def _snapshot(side: Side, rows: Sequence[Person], folder: Path) -> tuple[Snapshot, pl.LazyFrame]:
    from tests.classify.engine import _input  # noqa: PLC0415

    entry = _input(folder, side, rows, None, None)
    return entry.snapshot, entry.rows


def test_names_that_turn_into_hangul_are_refused_with_the_reason(tmp_path: Path) -> None:
    """辻󠄃 is J+BC2F; read as UTF-16 it is 밯, and no error is raised (domain §12, trap 1)."""
    misread = named(*(["밯 一"] * 3), *(["佐藤 一"] * 97))
    right = named(*(["辻\U000e0103 一"] * 3), *(["佐藤 一"] * 97))

    with pytest.raises(SourceError, match="Hangul") as refused:
        run(tmp_path, misread, right, NOW)

    assert refused.value.code == "E_CHARSET"
    assert "name_kanji" in str(refused.value)
    assert "밯" not in str(refused.value)


def test_one_name_in_hangul_among_many_is_a_difference_and_no_reason_to_refuse(tmp_path: Path) -> None:
    left = named("김 一", *(["佐藤 一"] * 99))
    right = named("金 一", *(["佐藤 一"] * 99))

    assert codes(run(tmp_path, left, right, NOW)) == {("00000000000", "value", "name_kanji"): "C1"}


@pytest.mark.parametrize("name", ["\ue001田 一", "〓田 一", "■田 一", "？田 一", "\U00100000田 一"])
def test_equal_private_use_and_equal_placeholders_prove_nothing(name: str, tmp_path: Path) -> None:
    """Traps 10 and 12: the two systems may mean two characters by it, so equality is noticed on either side."""
    report = run(tmp_path, [person(CODE, name_kanji=name)], [person(CODE, name_kanji=name)], NOW)

    assert codes(report) == {
        (CODE, "doubtful_left", "name_kanji"): "C3",
        (CODE, "doubtful_right", "name_kanji"): "C3",
    }
    assert report.verdict is Verdict.MISMATCH


def test_a_placeholder_on_one_side_is_one_finding(tmp_path: Path) -> None:
    left, right = [person(CODE, name_kanji="〓田 一")], [person(CODE, name_kanji="𠮷田 一")]

    assert codes(run(tmp_path, left, right, NOW)) == {(CODE, "value", "name_kanji"): "C3"}


def test_an_approved_pair_is_equal_and_is_listed_under_its_approval(tmp_path: Path) -> None:
    report = approved_until("2027-03-31", tmp_path, "髙橋 一", "高橋 一")

    assert report.verdict is Verdict.CONSISTENT
    assert report.variants.select("field", "code", "rule").rows() == [("name_kanji", "C2", "approved:2026-001")]


@pytest.mark.parametrize(
    ("expires", "left", "right"),
    [
        ("2026-11-19", "髙橋 一", "高橋 一"),  # expired the day before
        ("2027-03-31", "高橋 一", "髙橋 一"),  # the other way round
        ("2027-03-31", "髙𣘺 一", "高橋 一"),  # another pair in the same name
    ],
)
def test_an_approval_holds_for_its_pair_its_direction_and_its_time(
    expires: str, left: str, right: str, tmp_path: Path
) -> None:
    report = approved_until(expires, tmp_path, left, right)

    assert report.findings["code"].to_list() == ["C2"]
    assert report.findings["left_raw"].to_list() == [left]


def test_a_gaiji_table_gives_a_private_code_its_meaning(tmp_path: Path) -> None:
    """U+E001 of the register is 邉 there, and the CS has 邉: with the table they are the same character."""
    table = tmp_path / "gaiji.csv"
    table.write_text("code,mj,note,version\nU+E001,MJ026190,,2026-04\n", encoding="utf-8")
    layout = Layout(name="names", kind="parquet", columns=tuple(Column(name=name, source=name) for name in COLUMNS))
    left, frame = _snapshot(Side.LEFT, [person(CODE, name_kanji="渡邉 一")], tmp_path)
    right, other = _snapshot(Side.RIGHT, [person(CODE, name_kanji="渡\ue001 一")], tmp_path)
    about = Run(run_id="test", started_at=NOW, as_of=NOW, version="test", site_key=b"k" * 32)

    def report(entry: Input) -> Report:
        return reconcile(about, DATASET, (Input(left, frame), entry), Options(seed=1))

    unread = report(Input(replace(right, layout=layout), other))
    read = report(Input(replace(right, layout=layout), other, gaiji.load(table).replace))

    assert unread.findings["code"].to_list() == ["C3"]
    assert read.verdict is Verdict.CONSISTENT


def test_the_layouts_of_the_ward_decode_every_kind_of_column() -> None:
    """A decoding that is neither a code list nor a rule would only be noticed when the file comes."""
    from reconcile.canonicalize import canonical  # noqa: PLC0415

    for path in sorted((Path(__file__).parents[1] / "schemas" / "layouts").glob("*.toml")):
        layout = read_layout(path)
        names = tuple(column.name for column in layout.columns)
        frame = pl.DataFrame(
            {ROW: [1], **{name: [None] for name in names}}, schema_overrides=dict.fromkeys(names, pl.String)
        )
        assert frame.select(**canonical(DATASET, layout, names)).height == 1
