"""Golden cases: a folder in `fixtures/cases/` named by its idea, read, run through the command line, and written back.

A folder holds `case.toml` (the idea in a sentence, the trap of `reference/peers.md` §5 it comes from, arguments, exit
status), the two inputs, and `expected.csv`: the findings in their order, without ids. `expected.csv` has the columns
that the case is about; a column it does not have is not compared. In all CSV here an empty cell is null, `""` is text.

An input that is to be Parquet with types is written down as CSV too, its types in `[parquet.<side>]` of `case.toml`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import pytest

ROOT = Path(__file__).parents[1]
CASES = ROOT / "fixtures" / "cases"

Cells = tuple[str | None, ...]

TYPES: Mapping[str, tuple[pa.DataType, Callable[[str], object]]] = {
    "string": (pa.string(), str),
    "int64": (pa.int64(), int),
    "float64": (pa.float64(), float),
    "decimal(38,2)": (pa.decimal128(38, 2), Decimal),
    "date": (pa.date32(), date.fromisoformat),
    "datetime": (pa.timestamp("us"), datetime.fromisoformat),
    "datetime(UTC)": (pa.timestamp("us", "UTC"), datetime.fromisoformat),
    "datetime(Asia/Tokyo)": (pa.timestamp("us", "Asia/Tokyo"), datetime.fromisoformat),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One folder, its `case.toml` read. `exit` is 0 to 3; `verdict` is "" where the inputs are refused."""

    folder: Path
    idea: str
    trap: int
    exit: int
    verdict: str = ""
    args: Sequence[str] = ("--key", "id")
    left: str = "left.csv"
    right: str = "right.csv"
    stderr: Sequence[str] = ()
    stderr_lacks: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    parquet: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    balance: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that `--key` names."""
        return tuple(self.args[self.args.index("--key") + 1].split(","))

    @property
    def expected(self) -> Path:
        """The findings that must come out; absent where nothing may."""
        return self.folder / "expected.csv"

    @property
    def files(self) -> set[str]:
        """The names of the files that belong to this case."""
        inputs = {name for name in (self.left, self.right) if (self.folder / name).is_file()}
        return {"case.toml", *inputs} | ({"expected.csv"} if self.exit in (0, 1) else set())


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the program answered; `out` is the folder given with `--out`."""

    exit: int
    stdout: str
    stderr: str
    out: Path


def read_case(folder: Path) -> Case:
    """Read `case.toml`; a key that `Case` does not know is a `TypeError`."""
    return Case(folder=folder, **tomllib.loads((folder / "case.toml").read_text(encoding="utf-8")))


def inputs(case: Case, work: Path) -> tuple[str, str]:
    """The two paths for the command line; a side with declared types is first written to `work` as Parquet."""
    paths = []
    for side, name in (("left", case.left), ("right", case.right)):
        path = case.folder / name
        if side in case.parquet:
            path = as_parquet(path, case.parquet[side], work / f"{side}.parquet")
        paths.append(str(path))
    return paths[0], paths[1]


def as_parquet(path: Path, types: Mapping[str, str], target: Path) -> Path:
    """A CSV file of text as a Parquet file with these types, column by column."""
    names, rows = read_cells(path)
    columns = {}
    for at, name in enumerate(names):
        dtype, parse = TYPES[types[name]]
        texts = (row[at] for row in rows)
        columns[name] = pa.array([None if text is None else parse(text) for text in texts], type=dtype)
    pa_parquet.write_table(pa.table(columns), target)
    return target


def read_cells(path: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> tuple[tuple[str, ...], list[Cells]]:
    """Header and rows of a CSV file. Read with pyarrow: the engine reads with polars."""
    names = tuple(path.read_text(encoding=encoding).splitlines()[0].split(delimiter))
    table = pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(encoding=encoding.removesuffix("-sig")),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )
    return names, list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def write_cells(path: Path, names: Sequence[str], rows: Sequence[Cells]) -> None:
    """The inverse of `read_cells`; quotes only where they are needed, so that a diff is readable."""
    lines = [",".join(names), *(",".join(map(_cell, row)) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    if text and text == text.strip() and not set(text) & set(',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


# ------------------------------------------------------------------------------------------------------ the program


def arguments(left: str, right: str, options: Sequence[str], out: Path) -> list[str]:
    """The command line after the program's name."""
    return ["diff", left, right, *options, "--out", str(out), "--report", "parquet,json", "--json", "--lang", "en"]


def run_here(args: Sequence[str], out: Path, capfd: pytest.CaptureFixture[str]) -> Outcome:
    """Run the console script's function in this process, as the shell would start it: fast."""
    from reconcile.cli import main  # noqa: PLC0415  so that the cases can be read without the program

    capfd.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["reconcile", *args])
        status = _status(main)
    stdout, stderr = capfd.readouterr()
    return Outcome(exit=status, stdout=stdout, stderr=stderr, out=out)


def _status(main: Callable[[], Any]) -> int:
    try:
        returned = main()
    except SystemExit as stopped:
        returned = stopped.code
    return 0 if returned is None else int(returned)


def run_process(args: Sequence[str], out: Path, env: Mapping[str, str]) -> Outcome:
    """Run `python -m reconcile` as a process of its own, with `env` besides this one's environment."""
    done = subprocess.run(
        [sys.executable, "-m", "reconcile", *args],
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1", **env},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return Outcome(exit=done.returncode, stdout=done.stdout, stderr=done.stderr, out=out)
