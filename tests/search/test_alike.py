"""Two CSV files compared as lines: all that is reported is what reading each by itself reports."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile import adhoc, pipeline
from reconcile.diff import suspects
from reconcile.errors import ReconcileError
from reconcile.machine.budget import Budget
from reconcile.model import DelimitedSource, ParquetSource, Report, Side, Source
from reconcile.search.alike import Asked, read_alike
from reconcile.search.check import Input, Progress
from tests.extract.test_lines import FIELD, written

KEYS = st.sampled_from(["1", "01", "2", "10", "１", "3 ", "", " ", "\u3000", '"', "a,b", "\n", "あ"])
RECORDS = st.lists(st.tuples(st.tuples(KEYS, st.booleans()), FIELD, FIELD), max_size=6)
Record = tuple[tuple[str, bool], ...]
Dialect = tuple[str, bool, bool, bool]
DIALECTS = st.tuples(st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), st.booleans())


def content(rows: Sequence[Record], dialect: Dialect, place: int) -> bytes:
    """A file as a program writes it: its end of line, a mark of byte order, quotes everywhere, an end to the last."""
    end, marked, quoted, ended = dialect
    names = ["v", "w"]
    names.insert(place, "id")
    lines = [",".join(names)]
    for key, *others in rows:
        others.insert(place, key)
        lines.append(",".join(written((text, quoted or own)) for text, own in others))
    whole = "".join(line + end for line in lines)
    return b"\xef\xbb\xbf" * marked + (whole if ended else whole.removesuffix(end)).encode()


def asked(folder: Path, key: tuple[str, ...] = ("id",), partitions: int = 0) -> adhoc.Request:
    return adhoc.Request(
        left=str(folder / "left.csv"),
        right=str(folder / "right.csv"),
        key=key,
        dataset="",
        config=None,
        encoding="utf-8",
        allow_empty=True,
        partitions=partitions,
        out=None,
        formats=(),
    )


def compared(request: adhoc.Request, progress: Progress = lambda *_: None) -> Report | str:
    try:
        return adhoc.run(request, progress)
    except ReconcileError as refused:
        return f"{refused.code} {refused}"


def apart(request: adhoc.Request) -> Report | str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adhoc, "read_alike", lambda *_: None)
        return compared(request)


def told(report: Report | str) -> object:
    if isinstance(report, str):
        return report
    summary = {name: said for name, said in report.summary.items() if name not in ("run_id", "as_of")}
    return report.verdict, summary, report.sides, report.findings.rows(), report.variants.rows()


def read(folder: Path, work: Path, *sources: Source) -> dict[Side, Input] | None:
    given = sources or tuple(DelimitedSource(path=folder / f"{side}.csv", delimiter=",") for side in Side)
    how = Asked(key=("id",), seed=1, partitions=0, memory_limit=0, work=work, progress=lambda *_: None)
    return read_alike(dict(zip(Side, given, strict=True)), how)


@settings(max_examples=25)
@given(RECORDS, st.tuples(DIALECTS, DIALECTS), st.integers(0, 2), st.data())
def test_lines_are_reported_as_values_are(
    tmp_path: Path, rows: list[Record], dialects: tuple[Dialect, Dialect], place: int, data: st.DataObject
) -> None:
    changed = data.draw(st.permutations(rows)) + data.draw(RECORDS)
    kept = changed[data.draw(st.integers(0, 1)) :]
    for name, records, dialect in zip(Side, (rows, kept), dialects, strict=True):
        (tmp_path / f"{name}.csv").write_bytes(content(records, dialect, place))
    partitions = data.draw(st.integers(0, 3))
    assert told(compared(asked(tmp_path, partitions=partitions))) == told(apart(asked(tmp_path)))


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    """Two sides with every kind of difference, and a value that so many of them share that it is a cause."""
    rows = [(f"{n:05}", f"{'甲乙丙'[n % 3]}町", f"{n % 2}", f"注{n}" if n % 12 == 0 else "") for n in range(600)]
    changed = [
        (key, "丁町" if n % 5 == 0 else town, "2" if n % 97 == 0 else sex, "")
        for n, (key, town, sex, _) in enumerate(rows)
    ]
    both = ("00003", "重", "1", "")
    sides = {
        "left": [*rows, ("7", "孤", "0", ""), ("", "無", "1", ""), both],
        "right": [*changed[1:], ("00007", "転", "1", ""), ("\u3000", "無", "1", ""), both],
    }
    for name, records in sides.items():
        text = "".join(",".join(record) + "\n" for record in [("id", "town", "sex", "note"), *records])
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_causes_rejects_repeated_keys_and_hints_are_the_same(ward: Path) -> None:
    by_line, by_value = compared(asked(ward)), apart(asked(ward))
    assert not isinstance(by_line, str)
    assert told(by_line) == told(by_value)
    kinds = set(by_line.findings["kind"])
    assert {"value", "only_left", "reject_left", "reject_right", "duplicate_left", "duplicate_right"} <= kinds
    assert {cause.kind for cause in by_line.overall.causes} == {"missing", "right_value"}
    assert by_line.findings["hint"].drop_nulls().len()


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_column_that_differs_everywhere_is_reported_alike(
    tmp_path: Path, partitions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More suspects than fit: those that agree in all other columns are compared in the few that do not."""
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50, many=50))
    for side in Side:
        rows = [f"{n},{n % 9},{side if n % 9 else 'both'},{n % 4 if n % 50 else side}\n" for n in range(600)]
        (tmp_path / f"{side}.csv").write_text("id,u,v,w\n" + "".join(rows), encoding="utf-8")
    assert told(compared(asked(tmp_path, partitions=partitions))) == told(apart(asked(tmp_path, partitions=partitions)))


@pytest.mark.parametrize("key", [("town", "id"), ("id", "absent"), ("id", "id"), ("sex",)])
def test_other_keys_are_taken_or_refused_alike(ward: Path, key: tuple[str, ...]) -> None:
    assert told(compared(asked(ward, key, partitions=3))) == told(apart(asked(ward, key)))


def test_a_line_that_is_only_written_differently_is_no_suspect(tmp_path: Path) -> None:
    rows = [((f"{n}", False), (f"あ{n}", False), ("a,b" if n % 9 else "", n % 2 == 0)) for n in range(500)]
    (tmp_path / "left.csv").write_bytes(content(rows, ("\n", False, False, True), 0))
    quoted = [(key, (v[0], True), w) for key, v, w in rows]
    (tmp_path / "right.csv").write_bytes(content(quoted, ("\r\n", True, False, False), 0))
    found = read(tmp_path, tmp_path)
    assert found is not None
    left, right = (one.printed.prints.part(0) for one in found.values() if one.printed)
    assert suspects(left, right).matched == 500


def test_nothing_of_a_record_is_written_anywhere(ward: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    work = tmp_path_factory.mktemp("work")
    assert read(ward, work) is not None
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("other", ["names", "delimiter", "kind", "encoding", "layout"])
def test_files_of_two_forms_are_read_apart(ward: Path, other: str) -> None:
    left = DelimitedSource(path=ward / "left.csv", delimiter=",")
    right: Source = DelimitedSource(path=ward / "right.csv", delimiter=",")
    path = ward / "right.csv"
    match other:
        case "names":
            path.write_bytes(path.read_bytes().replace(b"id,town,sex", b"id,sex,town"))
        case "delimiter":
            path.write_bytes(path.read_bytes().replace(b",", b"\t"))
            right = DelimitedSource(path=path, delimiter="\t")
        case "encoding":
            right = DelimitedSource(path=path, delimiter=",", encoding="cp932")
        case "kind":
            pl.read_csv(path, infer_schema=False).write_parquet(ward / "right.parquet")
            right = ParquetSource(path=ward / "right.parquet")
        case _:
            right = DelimitedSource(path=ward / "absent.csv", delimiter=",")
    assert read(ward, ward, left, right) is None


def test_a_file_that_is_written_to_while_it_is_compared_gives_no_answer(ward: Path) -> None:
    """F010, F110: what differs is read again from the open file, and only if it is what it was."""
    left = ward / "left.csv"
    was = left.stat()

    def touch(step: str, _done: int, _total: int) -> None:
        if step == "compare":
            with left.open("r+b") as file:
                file.write(b"id,town,sex\n99999")
            os.utime(left, ns=(was.st_atime_ns, was.st_mtime_ns))

    assert str(compared(asked(ward), touch)).startswith("E_UNSTABLE")


def test_a_file_that_is_swapped_while_it_is_compared_is_read_as_it_was(ward: Path) -> None:
    """F110: the path is opened once; what stands under the name afterwards is nobody's business."""
    expected = told(compared(asked(ward)))

    def swap(step: str, _done: int, _total: int) -> None:
        if step == "compare":
            other = ward / "other.csv"
            other.write_bytes(b"id,town,sex\n1,x,y\n")
            other.replace(ward / "left.csv")

    assert told(compared(asked(ward), swap)) == expected


@pytest.mark.parametrize("kept_bytes", [0, 640 << 20])
def test_a_column_that_differs_everywhere_is_found_among_lines(
    tmp_path: Path, kept_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = [f"c{number}" for number in range(9)]
    for side, end in (("left", "L"), ("right", "R")):
        lines = [",".join([str(row), *columns[1:], f"{row}{end}"]) for row in range(400)]
        lines[7] = lines[7].replace("c3", f"c3{end}")
        text = "\n".join([",".join(["id", *columns]), *lines[end == "R" :], ""])
        (tmp_path / f"{side}.csv").write_text(text, encoding="utf-8")
    whole = told(apart(asked(tmp_path)))
    monkeypatch.setattr(pipeline, "budget", lambda *_: Budget(suspects=50, many=50, kept_bytes=kept_bytes))
    assert told(compared(asked(tmp_path))) == whole
