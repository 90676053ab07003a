"""F044: invented people are refused in production, residents in a test, and a test's papers say what they are."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pymupdf
import pytest

from fixtures.ward import FORMS, make_ward
from fixtures.ward.numbers import MODULUS, REMAINDER, Numbers, with_check_digit
from reconcile import nightly
from reconcile.config import load_layout
from reconcile.errors import ConfigError
from reconcile.extract import extract, scan
from reconcile.model import DatabaseSource, DelimitedSource, FixedWidthSource, Side, Snapshot, Source
from reconcile.proof.environment import ENVIRONMENTS, check_side, environment_of, invented
from schemas.identity_record import DATASET
from tests.faults.site import AS_OF, quickly
from tests.test_nightly import RUN_FILE, status

READ = [
    name for name in FORMS if name != "register_sql"
]  # a script for a server: its rows are those of the DuckDB file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic ward in every form; in `real`, people whose codes are drawn as real ones are, without the mark."""
    folder = tmp_path_factory.mktemp("environment")
    make_ward(folder / "invented", 300, 3, date.fromisoformat(AS_OF), READ, faults="none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Numbers, "_marked", lambda _self, numbers: numbers)
        make_ward(folder / "real", 300, 3, date.fromisoformat(AS_OF), READ, faults="none")
    return folder


def source_of(folder: Path, form: str) -> Source:
    spec = FORMS[form]
    layout, path = load_layout("schemas.identity_record", spec.layout), folder / spec.file
    if layout.kind == "database":
        return DatabaseSource(url=f"duckdb:///{path}", layout=layout)
    if layout.kind == "fixed_width":
        return FixedWidthSource(path=path, layout=layout)
    return DelimitedSource(path=path, layout=layout, encoding=layout.encoding, delimiter=layout.delimiter)


@pytest.mark.parametrize("form", READ)
def test_every_form_of_a_ward_bears_the_mark_and_its_likeness_does_not(made: Path, form: str, tmp_path: Path) -> None:
    for kind, told in (("invented", True), ("real", False)):
        snapshot = extract(source_of(made / kind, form), Side.LEFT, tmp_path)
        assert invented(scan(snapshot), snapshot, DATASET) is told


def codes(numbers: np.ndarray) -> tuple[pl.LazyFrame, Snapshot]:
    frame = pl.DataFrame({"juminhyo_code": with_check_digit(numbers, 10)})
    plain = Snapshot(
        side=Side.LEFT, label="", path=Path("x"), columns=("juminhyo_code",), rows=frame.height, preflight=None  # type: ignore[arg-type]
    )  # fmt: skip
    return frame.lazy(), plain


def test_ten_records_of_either_are_told_apart_and_nine_are_not_judged() -> None:
    """A thousand samples of ten real codes: none is taken for invented, none of the invented for real."""
    rng = np.random.Generator(np.random.PCG64(5))
    for _ in range(1_000):
        assert invented(*codes(rng.integers(0, 10**10, 10)), DATASET) is False
    marked = rng.integers(0, 10**8, 10) * MODULUS + REMAINDER
    assert invented(*codes(marked), DATASET) is True
    assert invented(*codes(marked[:9]), DATASET) is None


def test_numbers_stay_unique_and_in_their_range_when_they_are_marked() -> None:
    for size in (11_000, 3_000_000):
        numbers = Numbers(np.random.Generator(np.random.PCG64(1)), size)
        drawn = numbers.take_codes(11_000)
        assert drawn.n_unique() == 11_000
        assert set(drawn.str.len_bytes()) == {11}
        assert set(drawn.str.slice(0, 10).cast(pl.Int64) % MODULUS) == {REMAINDER}


@pytest.mark.parametrize(
    ("said", "people", "refused"),
    [
        ("production", True, True),
        ("production", False, False),
        ("production", None, False),
        ("test", True, False),
        ("test", False, True),
        ("test", None, True),
        ("", True, False),
        ("", False, False),
    ],
)
def test_each_environment_takes_its_own_people_only(said: str, people: bool | None, refused: bool) -> None:  # noqa: FBT001
    if not refused:
        check_side(said, Side.LEFT, people, DATASET)
        return
    with pytest.raises(ConfigError) as wrong:
        check_side(said, Side.LEFT, people, DATASET)
    assert wrong.value.code == "E_ENVIRONMENT"


def test_two_kinds_of_people_are_never_compared_and_invented_ones_always_make_a_test() -> None:
    for said in ("", *ENVIRONMENTS):
        with pytest.raises(ConfigError):
            environment_of(said, {Side.LEFT: True, Side.RIGHT: False})
    assert environment_of("", {Side.LEFT: True, Side.RIGHT: True}) == "test"
    assert environment_of("", {Side.LEFT: False, Side.RIGHT: False}) == ""
    assert environment_of("production", {Side.LEFT: False, Side.RIGHT: None}) == "production"


def site(made: Path, kind: str, said: str, folder: Path) -> Path:
    shutil.copytree(made / kind, folder)
    config = folder / "run.toml"
    config.write_text(f'environment = "{said}"\n{RUN_FILE.format(gaiji="")}', encoding="utf-8")
    return config


@pytest.mark.parametrize(("kind", "said"), [("invented", "production"), ("real", "test")])
def test_a_run_of_the_wrong_people_is_refused_and_keeps_nothing_of_them(
    made: Path, kind: str, said: str, tmp_path: Path
) -> None:
    config = site(made, kind, said, tmp_path / "site")
    with quickly(), pytest.raises(ConfigError) as refused:
        nightly.run(config, AS_OF, lambda _step, _done, _total: None)
    assert refused.value.code == "E_ENVIRONMENT"
    assert (status(config)["verdict"], status(config)["code"]) == ("inconclusive", "E_ENVIRONMENT")
    assert not list((config.parent / "results").rglob("*.parquet"))


def test_every_paper_of_a_test_says_so_and_none_of_production_does(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "FORMATS", ("xlsx", "pdf", "html", "json"))
    for kind, said, marked in (("invented", "test", True), ("real", "production", False)):
        config = site(made, kind, said, tmp_path / kind)
        summary, folder = nightly.run(config, AS_OF, lambda _step, _done, _total: None)
        book = openpyxl.load_workbook(folder / "worklist.xlsx")
        cover = " ".join(str(cell.value) for row in book["表紙"].iter_rows() for cell in row)
        with pymupdf.open(folder / "council.pdf") as pdf:  # type: ignore[no-untyped-call]
            pages = [page.get_text() for page in pdf]
        papers = [cover, (folder / "page.html").read_text(encoding="utf-8"), str(summary["handling"]), *pages]
        assert {"【テスト】" in paper for paper in papers} == {marked}
        assert all(("【テスト】" in str(sheet.oddHeader.right.text)) is marked for sheet in book)
        assert (summary["verdict"], summary["environment"]) == ("consistent", said)
