"""Files and layouts of a few bytes, so that every byte and bit can be tried, and a desk to read them at."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from reconcile.errors import SourceError
from reconcile.extract import extract, scan
from reconcile.model import (
    ROW,
    Column,
    DelimitedSource,
    Envelope,
    FixedWidthSource,
    Layout,
    Side,
    Slot,
    Snapshot,
    Source,
)

CODES = (11111111111, 22222222222, 33333333333)
NAMES = ("あ", "いう", "えおか")
TOTAL = sum(CODES) % 1_000_000_007

DELIMITED_HEADER = Envelope(mark="H", slots={"municipality": Slot(offset=1), "extracted_at": Slot(offset=2)})
DELIMITED_TRAILER = Envelope(mark="T", slots={"count": Slot(offset=1), "control_total": Slot(offset=2)})


def csv_layout(encoding: str) -> Layout:
    return Layout(
        name="small",
        kind="delimited",
        encoding=encoding,
        end_of_record="\r\n",
        columns=(Column(name="code", source="住民票コード"), Column(name="name", source="氏名")),
        header=DELIMITED_HEADER,
        trailer=DELIMITED_TRAILER,
        control_column="code",
    )


def csv_bytes(encoding: str) -> bytes:
    records = [
        "H,13107,20261101030000",
        "住民票コード,氏名",
        *(f'{code},"{name}"' for code, name in zip(CODES, NAMES, strict=True)),
        f"T,{len(CODES)},{TOTAL}",
    ]
    return "".join(record + "\r\n" for record in records).encode(encoding)


def fixed_layout(**changes: object) -> Layout:
    given: dict[str, object] = {
        "name": "small",
        "kind": "fixed_width",
        "record_bytes": 24,
        "record_mark": "D",
        "end_of_record": "",
        "columns": (
            Column(name="code", source="code", offset=1, length=11),
            Column(name="name", source="name", offset=12, length=8, charset="juki"),
            Column(name="mark", source="mark", offset=20, length=4),
        ),
        "header": Envelope(
            mark="H", slots={"municipality": Slot(offset=1, length=5), "extracted_at": Slot(offset=6, length=14)}
        ),
        "trailer": Envelope(
            mark="T", slots={"count": Slot(offset=1, length=6), "control_total": Slot(offset=7, length=10)}
        ),
        "control_column": "code",
    }
    return Layout(**{**given, **changes})  # type: ignore[arg-type]


def fixed_bytes() -> bytes:
    # Hiragana stand at their own code points in 住基ネット統一文字; the field is filled with ideographic spaces.
    data = [
        b"D%011d" % code + name.ljust(4, "\u3000").encode("utf-16-be") + b"ok  "
        for code, name in zip(CODES, NAMES, strict=True)
    ]
    header = b"H1310720261101030000".ljust(24)
    trailer = (b"T%06d%010d" % (len(CODES), TOTAL)).ljust(24)
    return b"".join([header, *data, trailer])


FORMS: dict[str, tuple[bytes, Layout]] = {
    "csv utf-8": (csv_bytes("utf-8"), csv_layout("utf-8")),
    "csv cp932": (csv_bytes("cp932"), csv_layout("cp932")),
    "fixed width": (fixed_bytes(), fixed_layout()),
}


class Desk:
    """Where a test puts bytes and gets a snapshot or the code of a refusal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"

    def file(self, content: bytes, name: str = "left.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def source(self, content: bytes, layout: Layout | None = None, **about: str) -> Source:
        path = self.file(content)
        if layout is not None and layout.kind == "fixed_width":
            return FixedWidthSource(path=path, layout=layout)
        return DelimitedSource(path=path, layout=layout, **about)

    def snapshot(self, content: bytes, layout: Layout | None = None, **about: str) -> Snapshot:
        return extract(self.source(content, layout, **about), Side.LEFT, self.work)

    def rows(self, content: bytes, layout: Layout | None = None, **about: str) -> list[tuple[str | None, ...]]:
        return rows_of(self.snapshot(content, layout, **about))

    def refusal(self, content: bytes, layout: Layout | None = None, **about: str) -> SourceError:
        with pytest.raises(SourceError) as caught:
            self.snapshot(content, layout, **about)
        assert not (self.work / "left.parquet").exists(), "a refused source leaves no snapshot"
        assert not (self.work / "left.partial").exists()
        return caught.value


def rows_of(snapshot: Snapshot) -> list[tuple[str | None, ...]]:
    frame = scan(snapshot).collect()
    assert frame[ROW].to_list() == list(range(1, snapshot.rows + 1))
    assert set(frame.drop(ROW).dtypes) <= {pl.String()}
    return frame.drop(ROW).rows()
