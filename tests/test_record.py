"""The record as the two sides write it: items that one of them lacks, codes out of range, the municipality's own name."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pymupdf
import pytest

from fixtures.ward import LAYOUTS, make_ward
from reconcile import nightly
from reconcile.config import read_config
from reconcile.errors import DeclarationError
from reconcile.extract.layout import read_layout
from reconcile.extract.towns import read_towns
from reconcile.items import unproven
from reconcile.model import ROW, Column, Composite, Layout, Preflight, Report, Run, Side, Snapshot, Verdict
from reconcile.pipeline import Options, reconcile
from reconcile.report import render
from reconcile.search.check import Input
from reconcile.terminal import Terminal
from schemas.identity_record import DATASET
from tests.classify.engine import COLUMNS, Person, codes, person

NOW = datetime(2026, 11, 24, 2, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as the extracts write it
KEY = "00000000001"
WARD: Mapping[str, tuple[str, ...]] = {"13107": ("東京都墨田区",), "13108": ("東京都江東区",)}

TOWNS = {"0001001": "向島一丁目", "0001002": "向島二丁目", "0002001": "八広一丁目"}

Sheet = Sequence[Person]

NOTHING_MORE: Mapping[str, list[str]] = {"systems": [], "contradictions": []}
"""What else could not have been compared: town codes."""

open_pdf: Any = pymupdf.open  # typed in some versions only


def layout(**said: Any) -> Layout:  # noqa: ANN401  the fields of Layout
    """A layout that decodes nothing but the municipality's check digit."""
    decoded = {"municipality": ("municipality_5",)}
    columns = tuple(
        Column(name=name, decode=decoded.get(name, ()), system="ABR" if name == "town_code" else "") for name in COLUMNS
    )
    return Layout(**{"name": "test", "kind": "parquet", "columns": columns, "towns": TOWNS, **said})


def compared(folder: Path, left: Sheet, right: Sheet, **about: Any) -> Report:  # noqa: ANN401  those of `inputs_of`
    """The engine over two lists of people."""
    run = Run(run_id="test", started_at=NOW, as_of=NOW, version="test", site_key=b"k" * 32)
    return reconcile(run, DATASET, inputs_of(folder, left, right, **about), Options(seed=7))


def inputs_of(
    folder: Path,
    left: Sheet,
    right: Sheet,
    *,
    without: Mapping[Side, Sequence[str]] | None = None,
    layouts: Mapping[Side, Layout] | None = None,
) -> tuple[Input, Input]:
    """Two lists of people; `without` names columns that a side does not have."""
    inputs = []
    for side, rows in ((Side.LEFT, left), (Side.RIGHT, right)):
        columns = tuple(name for name in COLUMNS if name not in (without or {}).get(side, ()))
        path = folder / f"{side}.parquet"
        pl.DataFrame(list(rows), schema=dict.fromkeys(COLUMNS, pl.String)).select(columns).write_parquet(path)
        about = Preflight(records=len(rows), source_bytes=1, sha256=f"{side}")
        label = {"left": "CS", "right": "既存住基"}[side]
        one = Snapshot(
            side=side,
            label=label,
            path=path,
            columns=columns,
            rows=len(rows),
            preflight=about,
            layout=(layouts or {}).get(side),
        )
        inputs.append(Input(one, pl.scan_parquet(path).with_row_index(ROW, offset=1)))
    return inputs[0], inputs[1]


def written_as(report: Report, form: str) -> bytes:
    ((_, written),) = render(report, [form])
    return written


def pages(pdf: bytes) -> str:
    return "".join(page.get_text() for page in open_pdf(stream=pdf, filetype="pdf")).replace("\n", "")


def both(one: Layout) -> dict[Side, Layout]:
    return dict.fromkeys(Side, one)


# ------------------------------------------------------------------------------------------ items that are not there


@pytest.fixture(scope="module")
def without_items(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Two sides that agree in all they have; the CS lacks 旧氏, neither has 氏名の振り仮名."""
    missing = {Side.LEFT: ("kyu_uji", "furigana_name"), Side.RIGHT: ("furigana_name",)}
    people = [person(KEY, name_kanji="山田 花子", kyu_uji="五十嵐")]
    return compared(tmp_path_factory.mktemp("items"), people, people, without=missing, layouts=both(layout()))


def test_41_an_item_that_a_side_lacks_is_named_and_nothing_is_found_in_it(without_items: Report) -> None:
    assert without_items.verdict is Verdict.CONSISTENT
    assert without_items.summary["not_compared"] == {
        "left": [],
        "right": ["kyu_uji"],
        "neither": ["furigana_name"],
        **NOTHING_MORE,
    }


SAID = ("比較不能", "旧氏", "CSに項目なし", "氏名の振り仮名", "両側に項目なし")


@pytest.mark.parametrize("form", ["xlsx", "pdf", "html"])
def test_41_every_paper_says_which_items_were_not_compared(form: str, without_items: Report) -> None:
    written = written_as(without_items, form)
    match form:
        case "xlsx":
            cover = openpyxl.load_workbook(io.BytesIO(written))["表紙"]
            text = "".join(str(cell) for row in cover.iter_rows(values_only=True) for cell in row if cell)
        case "pdf":
            text = pages(written)
        case _:
            text = written.decode()
    assert [part for part in SAID if part not in text] == []


def test_41_the_terminal_says_which_items_were_not_compared(
    without_items: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = {field.name: field.label for field in DATASET.fields}
    Terminal(lang="ja", quiet=False, as_json=False).show_summary(without_items.summary, None, None, fields)
    said = "".join(capsys.readouterr().out.split())
    for part in ("比較不能の項目", "既存住基:旧氏", "両側になし:氏名の振り仮名"):
        assert part in said


def test_a_run_that_compared_every_item_says_nothing_of_the_kind(tmp_path: Path) -> None:
    people = [person(KEY, name_kanji="山田 花子")]
    report = compared(tmp_path, people, people, layouts=both(layout()))
    assert report.summary["not_compared"] == {"left": [], "right": [], "neither": [], **NOTHING_MORE}
    assert "比較不能" not in written_as(report, "html").decode().split("</header>")[1].split("件数の検算")[0]


# ---------------------------------------------------------------------------------------- the municipality's own name


def _towns(
    tmp_path: Path, cs: str, register: str, *, code: str = "131075"
) -> dict[tuple[str, str, str | None], str | None]:
    left, right = ([person(KEY, address_town=town, municipality=code)] for town in (cs, register))
    return codes(compared(tmp_path, left, right, layouts=both(layout(municipalities=WARD))))


@pytest.mark.parametrize(
    ("cs", "register"),
    [
        ("東京都墨田区向島一丁目", "向島一丁目"),
        ("向島一丁目", "東京都墨田区向島一丁目"),
        ("東京都墨田区向島一丁目", "東京都墨田区向島一丁目"),
        ("東京都墨田区", "東京都墨田区"),
    ],
)
def test_the_name_of_the_own_municipality_before_a_town_is_notation(cs: str, register: str, tmp_path: Path) -> None:
    assert _towns(tmp_path, cs, register) == {}


@pytest.mark.parametrize(
    ("cs", "code"),
    [
        ("東京都江東区向島一丁目", "131075"),  # another municipality's name
        ("東京都墨田区向島一丁目", "131083"),  # the name is not that of the record's own code
        ("墨田区向島一丁目", "131075"),  # not exactly the name
        ("東京都墨田区東京都墨田区向島一丁目", "131075"),  # once
        ("東京都 墨田区向島一丁目", "131075"),
        ("東京都墨田区", "131075"),  # nothing but the name
    ],
)
def test_no_other_text_before_a_town_is_taken_away(cs: str, code: str, tmp_path: Path) -> None:
    assert _towns(tmp_path, cs, "向島一丁目", code=code) == {(KEY, "value", "address_town"): "E1"}


def test_without_a_declared_name_the_prefix_is_a_difference(tmp_path: Path) -> None:
    left, right = ([person(KEY, address_town=town)] for town in ("東京都墨田区向島一丁目", "向島一丁目"))
    report = compared(tmp_path, left, right, layouts=both(layout()))
    assert codes(report) == {(KEY, "value", "address_town"): "E1"}


def test_the_raw_address_stays_as_it_was_written(tmp_path: Path) -> None:
    left = [person(KEY, address_town="東京都墨田区向島一丁目")]
    right = [person(KEY, address_town="押上一丁目")]
    report = compared(tmp_path, left, right, layouts=both(layout(municipalities=WARD)))
    assert report.findings.select("left_raw", "right_raw").rows() == [("東京都墨田区向島一丁目", "押上一丁目")]


def test_the_run_file_may_name_the_municipalities_instead_of_the_layout(tmp_path: Path) -> None:
    text = """
dataset = "schemas.identity_record"
left = "cs"
right = "register"
[municipalities]
"13108" = ["東京都江東区", "江東区"]
[sources.cs]
path = "cs.dat"
layout = "cs_fixed"
[sources.register]
url = "duckdb:///register.duckdb"
layout = "register_table"
"""
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    for source in read_config(tmp_path / "run.toml").sources.values():
        assert source.layout is not None
        assert source.layout.municipalities == {"13108": ("東京都江東区", "江東区")}
    assert read_layout(LAYOUTS / "cs_fixed.toml").municipalities == {"13107": ("東京都墨田区",)}


@pytest.mark.parametrize("wrong", ['"131075" = ["x"]', '"1310" = ["x"]', '"13107" = "東京都墨田区"', '"13107" = [""]'])
def test_a_table_of_municipalities_that_is_none_is_refused(wrong: str, tmp_path: Path) -> None:
    text = (LAYOUTS / "cs_fixed.toml").read_text(encoding="utf-8")
    (tmp_path / "cs.toml").write_text(text.replace('"13107" = ["東京都墨田区"]', wrong), encoding="utf-8")
    with pytest.raises(DeclarationError, match="municipalities"):
        read_layout(tmp_path / "cs.toml")


# -------------------------------------------------------------------------------------------------- codes out of range


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("131075", False),
        ("13107", False),
        ("131076", True),  # check digit (JIS X 0402)
        ("131083", True),  # another ward than the declared
        ("1310", True),
        ("13107x", True),
        (None, False),
    ],
)
def test_16_a_municipality_that_cannot_be_is_out_of_range_on_both_sides(
    code: str | None,
    found: bool,  # noqa: FBT001  drawn by name
    tmp_path: Path,
) -> None:
    people = [person(KEY, municipality=code)]
    declared = both(layout(municipalities={"13107": ("東京都墨田区",)}))
    sides = ("left", "right") if found else ()
    wanted = {(KEY, f"code_range_{side}", "municipality"): "Q3" for side in sides}
    assert codes(compared(tmp_path, people, people, layouts=declared)) == wanted


@pytest.mark.parametrize(
    ("code", "found"), [("01101", False), ("473821", False), ("48000", True), ("00000", True), ("131076", True)]
)
def test_where_nobody_said_whose_residents_they_are_any_code_of_a_prefecture_will_do(
    code: str,
    found: bool,  # noqa: FBT001  drawn by name
    tmp_path: Path,
) -> None:
    people = [person(KEY, municipality=code)]
    assert bool(codes(compared(tmp_path, people, people, layouts=both(layout())))) == found


# ------------------------------------------------------------------------------------------- values without a meaning


def test_undeclared_values_are_counted_by_value_and_without_persons(tmp_path: Path) -> None:
    columns = tuple(Column(name=name, decode=("sex",) if name == "sex" else ()) for name in COLUMNS)
    coded = replace(layout(), columns=columns, code_lists={"sex": {"1": "男", "2": "女"}})
    values = ["1", "7", "7", "X9", "山田 花子", "9 9", None]
    people = [person(f"{n:011}", sex=value) for n, value in enumerate(values)]
    report = compared(tmp_path, people, [{**one, "sex": "1"} for one in people], layouts=both(coded))
    # A name in the column of a code is not shown: the column was cut in the wrong place.
    assert report.summary["undeclared"] == {"left": {"sex": {"*": 2, "7": 2, "X9": 1}}}
    page = written_as(report, "html").decode()
    assert "CSの性別に未定義のコード値があります: その他(2件)、7(2件)、X9(1件)" in page
    assert "山田" not in page


def test_without_undeclared_values_there_is_nothing_to_count(tmp_path: Path) -> None:
    people = [person(KEY)]
    assert compared(tmp_path, people, people).summary["undeclared"] == {}


# ------------------------------------------------------------------------- several names as one text (domain §1.4)

TOGETHER = Composite(
    field="name_kanji",
    only={"resident_kind": "外国人"},
    templates=(
        "{name_latin}({name_kanji})〔{tsusho}〕",
        "{name_latin}({name_kanji})",
        "{name_latin}〔{tsusho}〕",
        "{name_kanji}〔{tsusho}〕",
        "{name_latin}",
        "{name_kanji}",
    ),
)
APART = {"name_latin": "WANG FANG", "name_kanji": "王　芳", "tsusho": "木村　芳"}


def _together(
    folder: Path, cs: str | None, register: Mapping[str, str | None], *, kind: str = "外国人"
) -> list[tuple[Any, ...]]:
    """Field, code and hint of what is found; the CS writes one text and has no columns for the parts."""
    left = [person(KEY, name_kanji=cs, resident_kind=kind)]
    right = [person(KEY, **{**dict.fromkeys(APART), **register}, resident_kind=kind)]
    layouts = {Side.LEFT: layout(composite=TOGETHER), Side.RIGHT: layout()}
    report = compared(folder, left, right, without={Side.LEFT: ("name_latin", "tsusho")}, layouts=layouts)
    assert report.summary["not_compared"] == {"left": [], "right": [], "neither": [], **NOTHING_MORE}
    return report.findings.select("field", "code", "hint").rows()


@pytest.mark.parametrize(
    ("cs", "names"),
    [
        ("WANG FANG(王　芳)〔木村　芳〕", ("name_latin", "name_kanji", "tsusho")),
        ("WANG FANG(王　芳)", ("name_latin", "name_kanji")),
        ("WANG FANG〔木村　芳〕", ("name_latin", "tsusho")),
        ("王　芳〔木村　芳〕", ("name_kanji", "tsusho")),
        ("WANG FANG", ("name_latin",)),
        ("王　芳", ("name_kanji",)),
        (None, ("tsusho",)),  # no pattern has an alias alone: nothing is composed
    ],
)
def test_the_six_patterns_of_a_foreign_residents_names_agree_with_the_fields(
    cs: str | None, names: tuple[str, ...], tmp_path: Path
) -> None:
    assert _together(tmp_path, cs, {name: APART[name] for name in names}) == []


@pytest.mark.parametrize(
    ("cs", "differs"),
    [
        ("WANG FEN(王　芳)〔木村　芳〕", "氏名(ローマ字)"),
        ("WANG FANG(張　芳)〔木村　芳〕", "氏名(漢字)"),
        ("WANG FANG(王　芳)〔木村　花〕", "通称"),
        ("WANG FANG(王　芳)", "通称"),
        ("WANG FANG〔木村　芳〕", "氏名(漢字)"),
        ("王　芳〔木村　芳〕", "氏名(ローマ字)"),
        ("WANG FEN(王　芳)〔木村　花〕", "氏名(ローマ字)・通称"),
    ],
)
def test_a_difference_in_a_composed_name_says_which_of_the_names_it_is(cs: str, differs: str, tmp_path: Path) -> None:
    ((field, code, hint),) = _together(tmp_path, cs, APART)
    assert (field, code) == ("name_kanji", "C1")
    assert hint.split("、")[0] == f"相違する要素: {differs}"


def test_a_name_that_only_the_composed_text_has_is_a_difference(tmp_path: Path) -> None:
    ((_, code, hint),) = _together(tmp_path, "WANG FANG(王　芳)〔木村　芳〕", {**APART, "tsusho": None})
    assert (code, hint.split("、")[0]) == ("C1", "相違する要素: 通称")


def test_a_variant_of_one_character_in_a_composed_name_is_a_variant(tmp_path: Path) -> None:
    ((_, code, hint),) = _together(tmp_path, "WANG FANG(髙　芳)", {"name_latin": "WANG FANG", "name_kanji": "高　芳"})
    assert code == "C2"
    assert hint.startswith("相違する要素: 氏名(漢字)")


def test_the_names_of_the_japanese_are_not_composed(tmp_path: Path) -> None:
    assert _together(tmp_path, "山田　花子", {"name_kanji": "山田　花子"}, kind="日本人") == []
    found = _together(
        tmp_path, "YAMADA(山田　花子)", {"name_kanji": "山田　花子", "name_latin": "YAMADA"}, kind="日本人"
    )
    assert [(field, code, "相違する要素" in (hint or "")) for field, code, hint in found] == [
        ("name_kanji", "C1", False)
    ]


def test_a_composed_name_that_is_missing_is_missing(tmp_path: Path) -> None:
    assert _together(tmp_path, None, APART) == [("name_kanji", "C1", None)]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ('templates = ["{}"]', "templates"),
        ('templates = ["no field"]', "templates"),
        ('templates = ["{name_latin!r}"]', "templates"),
        ('templates = "{name_latin}"', "templates"),
        ("only = { resident_kind = 1 }", "only"),
        ('other = "x"', "other"),
    ],
)
def test_a_way_of_composing_that_is_none_is_refused(wrong: str, where: str, tmp_path: Path) -> None:
    text = (LAYOUTS / "cs_fixed.toml").read_text(encoding="utf-8")
    good = {"field": 'field = "name_kanji"', "templates": 'templates = ["{name_latin}"]'}
    lines = {**good, wrong.partition(" ")[0]: wrong}
    (tmp_path / "cs.toml").write_text(text + "\n[composite]\n" + "\n".join(lines.values()) + "\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=where):
        read_layout(tmp_path / "cs.toml")


RUN_FILE = """
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "out"
[sources.cs]
label = "CS"
path = "ward/cs_composite.csv"
layout = "cs_composite"
[sources.register]
label = "既存住基"
url = "duckdb:///ward/register.duckdb"
layout = "register_table"
extracted_at = "20261120000000"
"""


def test_a_ward_whose_cs_composes_the_names_of_foreigners_gives_what_was_planted(tmp_path: Path) -> None:
    """Every difference of a name in letters or an alias is one of the composed name, and no other is found or lost."""
    ward = make_ward(tmp_path / "ward", 3_000, 7, date(2026, 11, 20), ("cs_composite", "register_duckdb"))
    (tmp_path / "run.toml").write_text(RUN_FILE, encoding="utf-8")
    summary, folder = nightly.run(tmp_path / "run.toml", "2026-11-20", lambda _step, _done, _total: None)

    assert summary["not_compared"] == {
        "left": [],
        "right": [],
        "neither": [],
        "systems": ["town_code"],
        "contradictions": ["left", "right"],  # the run file names no table of towns
    }
    composed = ("name_latin", "tsusho")
    what = ["juminhyo_code", "field"]
    truth = pl.read_parquet(ward.paths["truth"]).rename({"key": "juminhyo_code"}).filter(pl.col("code") != "E5")
    planted = truth.with_columns(field=pl.col("field").replace(dict.fromkeys(composed, "name_kanji")))
    found = pl.concat([pl.read_parquet(folder / f"{name}.parquet").select(what) for name in ("findings", "variants")])
    assert set(found.unique().rows()) == set(planted.select(what).unique().rows())
    # Who has an alias in the CS only, or in the register only, is told so.
    aliases = truth.filter(pl.col("field") == "tsusho")["juminhyo_code"]
    told = pl.read_parquet(folder / "findings.parquet").filter(pl.col("juminhyo_code").is_in(aliases.implode()))
    late = pl.col("code").is_in(["T1", "T2", "T3", "G3", "X1"])
    mine = told.filter(pl.col("field") == "name_kanji", ~late)
    assert mine.height >= 6
    assert mine["hint"].str.contains("相違する要素: 通称").all()


# ------------------------------------------------------------------------------------------- town codes (domain §10)


def _located(folder: Path, cs: Person, register: Person, **layouts: Layout) -> Report:
    left, right = ([person(KEY, **one)] for one in (cs, register))
    given = {Side.LEFT: layouts.get("left", layout()), Side.RIGHT: layouts.get("right", layout())}
    return compared(folder, left, right, layouts=given)


def _of_system(system: str) -> Layout:
    columns = tuple(replace(one, system=system if one.name == "town_code" else "") for one in layout().columns)
    return replace(layout(), columns=columns)


ONE: Person = {"town_code": "0001001", "address_town": "向島一丁目"}
TWO: Person = {"town_code": "0001002", "address_town": "向島二丁目"}


@pytest.mark.parametrize(
    "town", ["向島一丁目", "向島1丁目", "向島１丁目", "向島 一丁目", "東京都墨田区向島一丁目", None]
)
def test_a_code_whose_town_the_address_says_in_any_notation_is_no_contradiction(
    town: str | None, tmp_path: Path
) -> None:
    place: Person = {"town_code": "0001001", "address_town": town}
    one = layout(municipalities=WARD)
    assert codes(_located(tmp_path, place, place, left=one, right=one)) == {}


@pytest.mark.parametrize("town", ["向島二丁目", "東向島一丁目", "向島", "東京都江東区向島一丁目"])
def test_a_code_of_another_town_than_the_address_says_is_a_contradiction_of_its_side(town: str, tmp_path: Path) -> None:
    place: Person = {"town_code": "0001001", "address_town": town}
    one = layout(municipalities=WARD)
    assert codes(_located(tmp_path, place, place, left=one, right=one)) == {
        (KEY, "town_left", "town_code"): "E5",
        (KEY, "town_right", "town_code"): "E5",
    }


def test_the_contradiction_of_one_side_is_said_of_that_side(tmp_path: Path) -> None:
    found = codes(_located(tmp_path, ONE, {**ONE, "address_town": "向島二丁目"}))
    assert found == {(KEY, "town_right", "town_code"): "E5", (KEY, "value", "address_town"): "E1"}


def test_a_code_that_the_table_does_not_have_is_out_of_range(tmp_path: Path) -> None:
    place: Person = {**ONE, "town_code": "9999999"}
    assert codes(_located(tmp_path, place, place)) == {
        (KEY, "code_range_left", "town_code"): "Q3",
        (KEY, "code_range_right", "town_code"): "Q3",
    }


def test_without_a_table_nothing_is_said_of_contradictions_and_that_is_said(tmp_path: Path) -> None:
    place = {**ONE, "address_town": "八広一丁目"}
    report = _located(tmp_path, place, place, left=layout(towns={}))
    assert codes(report) == {(KEY, "town_right", "town_code"): "E5"}
    assert report.summary["not_compared"] == {
        "left": [],
        "right": [],
        "neither": [],
        "systems": [],
        "contradictions": ["left"],
    }
    assert "町字コードと住所の矛盾(CSの町字表なし)" in written_as(report, "html").decode()


def test_29_town_codes_of_one_system_are_compared(tmp_path: Path) -> None:
    found = codes(_located(tmp_path, ONE, TWO))
    assert found == {(KEY, "value", "town_code"): "E1", (KEY, "value", "address_town"): "E1"}


@pytest.mark.parametrize("systems", [("ABR", "CS"), ("ABR", ""), ("", "")])
def test_29_town_codes_of_other_or_unknown_systems_are_not_compared_and_that_is_said(
    systems: tuple[str, str], tmp_path: Path
) -> None:
    left, right = map(_of_system, systems)
    report = _located(tmp_path, ONE, {**ONE, "town_code": "0001002"}, left=left, right=right)
    assert codes(report) == {(KEY, "town_right", "town_code"): "E5"}
    assert report.summary["not_compared"] == {
        "left": [],
        "right": [],
        "neither": [],
        "systems": ["town_code"],
        "contradictions": [],
    }
    assert "町字コード(コード体系が異なるか不明)" in written_as(report, "html").decode()


@pytest.mark.parametrize(
    "text", ["", "a,b\n", "code,town\n1\n", "code,town\n1,\n", "code,town\n1,向島\n1,押上\n", "code;town\n1;向島\n"]
)
def test_a_table_of_towns_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"towns\.csv"):
        read_towns(tmp_path / "towns.csv")


def test_a_table_of_towns_is_read_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "towns.csv").write_text("\ufeffcode,town\n0001001,向島一丁目\n", encoding="utf-8")
    assert read_towns(tmp_path / "towns.csv") == {"0001001": "向島一丁目"}


@pytest.mark.parametrize("side", Side)
def test_a_difference_in_an_item_that_a_side_now_lacks_is_not_proven_gone(side: Side, tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, [person(KEY)], [person(KEY)], without={side: ("kyu_uji",)}, layouts=both(layout()))
    assert unproven(dict(zip(Side, inputs, strict=True)), DATASET) == {"kyu_uji"}


def test_without_a_table_of_towns_no_contradiction_is_proven_gone(tmp_path: Path) -> None:
    layouts = {Side.LEFT: layout(towns={}), Side.RIGHT: layout()}
    inputs = inputs_of(tmp_path, [person(KEY)], [person(KEY)], layouts=layouts)
    assert unproven(dict(zip(Side, inputs, strict=True)), DATASET) == {"town_code"}
