"""Every cut, every flipped bit and every record dropped or doubled of a small file, and what the engine says of each.

*Silent* is the one outcome that hurts people: the damaged file is read, what it holds is not what was written, and a
comparison with what was written finds nothing. `Tally` counts the outcomes; the tests want none of that one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from reconcile import compare
from reconcile.errors import ReconcileError
from reconcile.extract import extract, scan
from reconcile.model import (
    ROW,
    Column,
    DatabaseSource,
    DelimitedSource,
    FixedWidthSource,
    Layout,
    ParquetSource,
    Side,
    Source,
    Verdict,
)
from tests.extract.forms import CODES, FORMS, NAMES, csv_layout

ROOT = Path(__file__).resolve().parents[2]

TABLE = pl.DataFrame({"id": [str(code) for code in CODES], "name": [*NAMES]})
"""What every file holds. (`code` is a word of the findings' own and can be no key of a comparison.)"""

_COPY = "copy"


def plain_bytes(delimiter: str) -> bytes:
    """The table without header and trailer, as a person would hand it to `reconcile diff`."""
    return b"".join(delimiter.join(row).encode() + b"\n" for row in (TABLE.columns, *TABLE.iter_rows()))


def register_layout() -> Layout:
    """Like `schemas/layouts/register_csv.toml`: names and line ends declared, no header or trailer record."""
    return replace(csv_layout("utf-8"), header=None, trailer=None, control_column="")


def register_bytes() -> bytes:
    lines = [[column.source for column in register_layout().columns], *TABLE.iter_rows()]
    return b"".join(",".join(line).encode() + b"\r\n" for line in lines)


def parquet_bytes(folder: Path) -> bytes:
    path = folder / "whole.parquet"
    TABLE.write_parquet(path)
    return path.read_bytes()


def duckdb_bytes(folder: Path) -> bytes:
    """The smallest database file there is: blocks of 16 KiB."""
    path = folder / "whole.duckdb"
    with duckdb.connect() as database:
        database.execute(f"ATTACH '{path}' AS whole (BLOCK_SIZE 16384)")
        database.execute("CREATE TABLE whole.t (id VARCHAR, name VARCHAR)")
        database.executemany("INSERT INTO whole.t VALUES (?, ?)", TABLE.rows())
        database.execute("DETACH whole")
    return path.read_bytes()


@dataclass(frozen=True)
class Form:
    """A whole file, its records or lines, how a file of this form is named as a source, and what it holds."""

    content: bytes
    records: list[bytes]
    source: Callable[[Path], Source]
    name: str
    table: pl.DataFrame = field(default_factory=lambda: TABLE)


def forms(folder: Path) -> dict[str, Form]:
    """Every form that a side can have, PostgreSQL apart: it is no file."""
    result = {}
    for name, (content, layout) in FORMS.items():
        size = layout.record_bytes
        records = [content[i : i + size] for i in range(0, len(content), size)] if size else content.splitlines(True)
        table = TABLE.with_columns(mark=pl.lit("ok")) if size else TABLE
        result[name] = Form(content, records, _declared(layout), "left.dat", table)
    register = register_bytes()
    result["register csv"] = Form(register, register.splitlines(True), _declared(register_layout()), "left.csv")
    for name, delimiter in (("csv", ","), ("tsv", "\t")):
        plain = plain_bytes(delimiter)
        result[f"plain {name}"] = Form(
            plain, plain.splitlines(True), lambda path: DelimitedSource(path=path), f"left.{name}"
        )
    result["parquet"] = Form(parquet_bytes(folder), [], lambda path: ParquetSource(path=path), "left.parquet")
    layout = Layout(
        name="t",
        kind="database",
        table="t",
        columns=(Column(name="id", source="id"), Column(name="name", source="name")),
    )
    result["duckdb"] = Form(
        duckdb_bytes(folder), [], lambda path: DatabaseSource(url=f"duckdb:///{path}", layout=layout), "left.duckdb"
    )
    return result


def _declared(layout: Layout) -> Callable[[Path], Source]:
    def source(path: Path) -> Source:
        kind = FixedWidthSource if layout.kind == "fixed_width" else DelimitedSource
        return kind(path=path, layout=layout)

    return source


# ------------------------------------------------------------------------------------------------------------- damage


def cuts(content: bytes, step: int = 1) -> Iterator[bytes]:
    """The file cut at each `step`-th byte."""
    return (content[:size] for size in range(0, len(content), step))


def flips(content: bytes, step: int = 1, bits: int = 8) -> Iterator[bytes]:
    """The file with one bit flipped: `bits` of them in each `step`-th byte, another one first in each."""
    for at in range(0, len(content), step):
        for bit in range(bits):
            damaged = bytearray(content)
            damaged[at] ^= 1 << ((at // step + bit) % 8)
            yield bytes(damaged)


def dropped_or_doubled(records: list[bytes]) -> Iterator[bytes]:
    """The file with one record or line gone, and with one twice."""
    for at in range(len(records)):
        yield b"".join(records[:at] + records[at + 1 :])
        yield b"".join([*records[: at + 1], *records[at:]])


# ------------------------------------------------------------------------------------------------------------ outcomes


@dataclass
class Tally:
    """How many files were tried, refused, read as they were written, or read otherwise and shown as different.

    `stopped`: the process died of it, as polars does of some Parquet pages (`docs/sweeps.md`): no run, no claim.
    """

    tried: int = 0
    refused: int = 0
    identical: int = 0
    shown: int = 0
    stopped: int = 0
    silent: int = 0

    def __str__(self) -> str:
        return (
            f"tried {self.tried}, refused {self.refused}, identical {self.identical}, "
            f"shown {self.shown}, stopped {self.stopped}, silent {self.silent}"
        )


def sweep(form: Form, damaged: Iterable[bytes], folder: Path) -> Tally:
    """Read every damaged file as the engine does; compare those that are read with what was written."""
    tally = Tally()
    other: dict[str, tuple[pl.DataFrame, int]] = {}
    path = folder / form.name
    for content in damaged:
        path.write_bytes(content)
        _add(tally, other, form, read(form.source(path), folder / "work"))
    _settle(tally, form.table, list(other.values()))
    return tally


def sweep_apart(form: Form, damaged: Iterable[bytes], folder: Path) -> Tally:
    """`sweep` in a process of its own, which is started again behind a file that it dies of. Parquet only."""
    files = folder / "damaged"
    files.mkdir()
    for number, content in enumerate(damaged):
        (files / f"{number:06}.parquet").write_bytes(content)
    tally = Tally()
    other: dict[str, tuple[pl.DataFrame, int]] = {}
    for said in _apart(files, folder / "said"):
        match said:
            case None:
                tally.tried += 1
                tally.stopped += 1
            case {"hidden": True}:
                tally.tried += 1
                tally.silent += 1
            case {"columns": columns, "rows": rows}:
                table = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")
                _add(tally, other, form, table)
            case _:
                _add(tally, other, form, None)
    _settle(tally, form.table, list(other.values()))
    return tally


def read(source: Source, work: Path) -> pl.DataFrame | None:
    """The table of a source as the engine reads it; None if it is refused."""
    try:
        snapshot = extract(source, Side.LEFT, work)
        table = scan(snapshot).collect().drop(ROW).rename({"code": "id"}, strict=False)
    except ReconcileError:
        return None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        # The pages of a Parquet file are first read when they are compared: there the run ends as failed.
        assert isinstance(source, ParquetSource)
        return None
    assert table.height == snapshot.rows, "rows are those counted, or the file is refused"
    return table


def _add(tally: Tally, other: dict[str, tuple[pl.DataFrame, int]], form: Form, table: pl.DataFrame | None) -> None:
    tally.tried += 1
    if table is None:
        tally.refused += 1
    elif table.equals(form.table):
        tally.identical += 1
    else:
        key = repr((table.columns, table.rows()))
        other[key] = (table, other.get(key, (table, 0))[1] + 1)


def _apart(files: Path, said: Path) -> Iterator[dict[str, Any] | None]:
    count = len(list(files.iterdir()))
    done = 0
    while done < count:
        command = [sys.executable, "-m", "tests.extract.sweeps", str(files), str(said), str(done)]
        ended = subprocess.run(command, check=False, cwd=ROOT, stderr=subprocess.DEVNULL)
        lines = said.read_text().splitlines() if said.exists() else []
        said.unlink(missing_ok=True)
        yield from map(json.loads, lines)
        done += len(lines)
        if ended.returncode:
            assert ended.returncode < 0, "a signal, no exception"
            yield None
            done += 1
        else:
            assert done == count


def main() -> None:
    """Read the files of a folder from a number on, and say of each what it holds: a line of JSON, written at once.

    A file that holds what was written is also compared with a table that differs from it in one name: the rows that
    are suspect are looked up again, and damaged statistics must not lose them.
    """
    files, said, first = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    planted = TABLE.with_columns(name=pl.Series([NAMES[0], "差", NAMES[2]]))
    with said.open("a", buffering=1) as out:
        for path in sorted(files.iterdir())[first:]:
            table = read(ParquetSource(path=path), said.parent / "work")
            answer: dict[str, object] = {}
            if table is not None and table.equals(TABLE):
                answer["hidden"] = agrees(path, planted)
            if table is not None:
                answer |= {"columns": table.columns, "rows": table.rows()}
            out.write(json.dumps(answer) + "\n")


def _settle(tally: Tally, whole: pl.DataFrame, tables: list[tuple[pl.DataFrame, int]]) -> None:
    """Whether a comparison with what was written shows each table as another: all of the same columns in one run."""
    same = [(table, times) for table, times in tables if table.columns == whole.columns]
    if same:
        numbers = [pl.lit(str(number)).alias(_COPY) for number in range(len(same))]
        left = pl.concat([whole.with_columns(number) for number in numbers])
        right = pl.concat([table.with_columns(number) for (table, _), number in zip(same, numbers, strict=True)])
        found = set(compare(left, right, key=[_COPY, "id"]).findings[_COPY].to_list())
        # A record without a code is refused by row, not found by key: that run claims nothing.
        for number, (table, times) in enumerate(same):
            _count(tally, times, shown=str(number) in found or not agrees(whole, table))
    for table, times in tables:
        if table.columns != whole.columns:
            _count(tally, times, shown=not agrees(whole, table))


def _count(tally: Tally, times: int, *, shown: bool) -> None:
    if shown:
        tally.shown += times
    else:
        tally.silent += times


def agrees(left: pl.DataFrame | Path, right: pl.DataFrame | Path) -> bool:
    """Whether a comparison of the two says `consistent`. A refusal does not."""
    try:
        return compare(left, right, key=["id"]).verdict is Verdict.CONSISTENT
    except (ReconcileError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False


if __name__ == "__main__":
    main()
