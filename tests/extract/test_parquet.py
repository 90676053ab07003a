"""A Parquet file is read in place, and every type has one exact text."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.config import source_of
from reconcile.errors import SourceError
from reconcile.extract import extract, scan
from reconcile.extract.parquet import as_text
from reconcile.model import ROW, Column, Layout, ParquetSource, Side, Snapshot
from tests.extract.forms import rows_of

TOKYO = ZoneInfo("Asia/Tokyo")

# Type, value, its text. Dates and times: ISO 8601; floats: the shortest digits that read back the same.
TEXTS: list[tuple[pl.DataType, object, str]] = [
    (pl.Int64(), 2**53 + 1, "9007199254740993"),
    (pl.Int64(), -(2**63), "-9223372036854775808"),
    (pl.UInt64(), 2**64 - 1, "18446744073709551615"),
    (pl.Int128(), 2**126, str(2**126)),
    (pl.Int8(), 0, "0"),
    (pl.Float64(), 0.1, "0.1"),
    (pl.Float64(), 100.0, "100.0"),
    (pl.Float64(), -0.0, "-0.0"),
    (pl.Float64(), float("nan"), "NaN"),
    (pl.Float64(), float("inf"), "inf"),
    (pl.Float32(), 0.1, "0.1"),
    (pl.Decimal(38, 2), Decimal("12345678901234567890.12"), "12345678901234567890.12"),
    (pl.Decimal(10, 2), Decimal("-0.50"), "-0.50"),
    (pl.Boolean(), True, "true"),
    (pl.Boolean(), False, "false"),
    (pl.Date(), date(1925, 1, 2), "1925-01-02"),
    (pl.Date(), date(1, 1, 1), "0001-01-01"),
    (pl.Datetime("ms"), datetime(2026, 1, 1), "2026-01-01T00:00:00"),  # noqa: DTZ001  naive on purpose
    (pl.Datetime("us"), datetime(2026, 1, 1, 10, 0, 0, 120000), "2026-01-01T10:00:00.12"),  # noqa: DTZ001
    (pl.Datetime("ns"), datetime(1969, 12, 31, 23, 59, 59, 999999), "1969-12-31T23:59:59.999999"),  # noqa: DTZ001
    (pl.Datetime("us", "Asia/Tokyo"), datetime(2026, 1, 1, 9, tzinfo=TOKYO), "2026-01-01T00:00:00Z"),
    (pl.Datetime("ms", "UTC"), datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
    (pl.Time(), time(9, 0, 0, 500000), "09:00:00.5"),
    (pl.Time(), time(0), "00:00:00"),
    (pl.Duration("ms"), timedelta(hours=1, milliseconds=5), "PT1H0.005S"),
    (pl.Duration("ns"), timedelta(hours=1, milliseconds=5), "PT1H0.005S"),
    (pl.Categorical(), "男", "男"),
    (pl.Enum(["男", "女"]), "女", "女"),
    (pl.Binary(), b"\x00\xff", "00ff"),
    (pl.String(), " 0123 ", " 0123 "),
]


def write(frame: pl.DataFrame, path: Path) -> Path:
    frame.write_parquet(path)
    return path


def snapshot_of(path: Path, layout: Layout | None = None) -> Snapshot:
    return extract(ParquetSource(path=path, layout=layout), Side.RIGHT, path.parent / "work")


@pytest.mark.parametrize(("dtype", "value", "text"), TEXTS, ids=[f"{dtype} {text}" for dtype, _, text in TEXTS])
def test_every_type_has_one_exact_text_and_null_stays_null(dtype: pl.DataType, value: object, text: str) -> None:
    frame = pl.DataFrame({"v": pl.Series([value, None], dtype=dtype)})
    assert frame.select(as_text("v", dtype))["v"].to_list() == [text, None]


@pytest.mark.parametrize(
    "dtype", [pl.List(pl.Int64()), pl.Array(pl.Int64(), 2), pl.Struct({"a": pl.Int64()}), pl.Object()]
)
def test_a_nested_type_has_no_text(dtype: pl.DataType) -> None:
    with pytest.raises(SourceError) as caught:
        as_text("v", dtype)
    assert caught.value.code == "E_SCHEMA"


@given(st.floats(), st.floats())
def test_floats_have_equal_texts_exactly_when_their_bits_are_equal(one: float, other: float) -> None:
    texts = pl.DataFrame({"v": [one, other]}).select(as_text("v", pl.Float64()))["v"].to_list()
    assert [float(text) for text in texts] == pytest.approx([one, other], rel=0, abs=0, nan_ok=True)
    if not (one != one or other != other):  # noqa: PLR0124  NaN
        assert (texts[0] == texts[1]) == (one.hex() == other.hex())


def test_the_file_itself_is_the_snapshot_and_texts_are_made_when_it_is_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": ["01", "02"], "n": [1, None], "t": ["", None]})
    path = write(frame, tmp_path / "right.parquet")
    snapshot = snapshot_of(path)
    assert snapshot.path.samefile(path)
    assert (snapshot.temporary, snapshot.native) == (False, {"n": "Int64"})
    assert snapshot.preflight.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (snapshot.rows, snapshot.preflight.records, snapshot.columns) == (2, 2, ("id", "n", "t"))
    assert rows_of(snapshot) == [("01", "1", ""), ("02", None, None)]
    assert scan(snapshot).collect_schema()[ROW] == pl.UInt32()
    assert not (tmp_path / "work").exists()


def test_a_name_is_no_pattern_and_no_partition(tmp_path: Path) -> None:
    folder = tmp_path / "year=2026"
    folder.mkdir()
    write(pl.DataFrame({"id": ["other"]}), folder / "a1.parquet")
    path = write(pl.DataFrame({"id": ["mine"]}), folder / "a[1]*.parquet")
    assert rows_of(snapshot_of(path)) == [("mine",)]


def test_only_the_columns_of_a_layout_are_loaded_under_its_names(tmp_path: Path) -> None:
    path = write(pl.DataFrame({"x": [1], "jumin_cd": ["01"], "biko": ["秘"]}), tmp_path / "right.parquet")
    columns = (Column(name="juminhyo_code", source="jumin_cd"), Column(name="sequence", source="x"))
    layout = Layout(name="table", kind="parquet", columns=columns)
    snapshot = snapshot_of(path, layout)
    assert (snapshot.columns, rows_of(snapshot)) == (("juminhyo_code", "sequence"), [("01", "1")])
    missing = Layout(name="table", kind="parquet", columns=(Column(name="v", source="absent"),))
    with pytest.raises(SourceError) as caught:
        snapshot_of(path, missing)
    assert caught.value.code == "E_COLUMNS"


def test_a_file_cut_at_any_byte_is_refused(tmp_path: Path) -> None:
    content = write(pl.DataFrame({"id": ["01", "02"], "n": [1, 2]}), tmp_path / "whole.parquet").read_bytes()
    path = tmp_path / "cut.parquet"
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(SourceError) as caught:
            snapshot_of(path)
        assert caught.value.code in ("E_EMPTY", "E_TRUNCATED")


def test_a_flipped_bit_in_the_footer_is_refused_or_read(tmp_path: Path) -> None:
    content = write(pl.DataFrame({"id": ["01", "02"], "n": [1, 2]}), tmp_path / "whole.parquet").read_bytes()
    path = tmp_path / "flipped.parquet"
    footer = int.from_bytes(content[-8:-4], "little") + 8
    for at in range(len(content) - footer, len(content), 3):
        damaged = bytearray(content)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        try:
            snapshot_of(path)
        except SourceError as refusal:
            assert refusal.code in ("E_TRUNCATED", "E_COUNT", "E_HEADER", "E_SCHEMA")  # noqa: PT017  the law: no other error


@pytest.mark.parametrize("names", [["id", "ID"], ["id", ""], ["id", ROW], ["id", "id"]])
def test_names_that_cannot_be_told_apart_are_refused(tmp_path: Path, names: list[str]) -> None:
    table = pa.Table.from_arrays([pa.array(["1"])] * len(names), names=names)
    pq.write_table(table, tmp_path / "right.parquet")
    with pytest.raises(SourceError) as caught:
        snapshot_of(tmp_path / "right.parquet")
    assert caught.value.code == "E_HEADER"


def test_a_nested_column_is_refused_without_its_values(tmp_path: Path) -> None:
    path = write(pl.DataFrame({"id": ["1"], "v": [{"山田": 1}]}), tmp_path / "right.parquet")
    with pytest.raises(SourceError) as caught:
        snapshot_of(path)
    assert caught.value.code == "E_SCHEMA"
    assert "山田" not in str(caught.value)


def test_what_a_path_is_tells_its_name() -> None:
    assert isinstance(source_of(Path("a.parquet")), ParquetSource)
    assert isinstance(source_of(Path("a.PQ")), ParquetSource)
    assert not isinstance(source_of(Path("a.csv")), ParquetSource)


def test_a_file_without_rows_has_none(tmp_path: Path) -> None:
    path = write(pl.DataFrame({"id": []}, schema={"id": pl.String}), tmp_path / "right.parquet")
    assert rows_of(snapshot_of(path)) == []
