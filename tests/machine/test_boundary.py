"""Real failures of the libraries, each on a value of a resident: nothing of it is in what leaves the boundary."""

from __future__ import annotations

import datetime as dt
import io
import json
import sqlite3
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandera.polars as pa
import polars as pl
import pyarrow as arrow  # noqa: ICN001  pa is pandera here
import pytest
import xlsxwriter

from reconcile import compare
from reconcile.errors import ReconcileError, SourceError
from reconcile.machine.boundary import guarded, place_of, redacted
from tests.canary import scan_text

NAME, CODE = "カナリア5be1d09c", "01234509876"
CANARIES: dict[str, str | bytes] = {"name": NAME, "code": CODE}
ONE = pl.DataFrame({"name": [NAME], "code": [CODE]})


def _pandera() -> None:
    schema = pa.DataFrameSchema({"name": pa.Column(str, pa.Check.str_matches("^x$"))})
    schema.validate(ONE, lazy=True)


def _sqlite() -> None:
    database = sqlite3.connect(":memory:")
    try:
        database.execute(f'SELECT "{NAME}" FROM "{CODE}"')  # noqa: S608  no injection: a failure
    finally:
        database.close()


def _xlsx() -> None:
    with xlsxwriter.Workbook(io.BytesIO(), {"in_memory": True}) as book:
        book.add_worksheet(NAME + CODE + "[*]")


def _panic() -> None:
    name = NAME  # in a variable of the frame
    pl.Series(name, [2**31 - 1], pl.Int32).cast(pl.Date).to_list()


def _wrapped() -> None:
    try:
        int(NAME)
    except ValueError:
        raise SourceError("left", "got no number", code="E_READ") from None


def _group() -> None:
    raise ExceptionGroup("several", [ValueError(NAME), KeyError(CODE)])


FAILURES: dict[str, Callable[[], object]] = {
    "polars cast": lambda: ONE.select(pl.col("name").cast(pl.Int64)),
    "polars date": lambda: ONE["name"].str.to_date("%Y-%m-%d"),
    "polars integer": lambda: ONE["name"].str.to_integer(strict=True),
    "polars column": lambda: ONE.select(NAME),
    "polars panic": _panic,
    "duckdb cast": lambda: duckdb.execute(f"SELECT '{NAME}'::INT").fetchall(),
    "duckdb binder": lambda: duckdb.execute(f'SELECT "{NAME}"').fetchall(),
    "pyarrow parse": lambda: arrow.array([NAME]).cast(arrow.int64()),
    "pyarrow type": lambda: arrow.array([NAME, 1]),
    "pandera": _pandera,
    "xlsxwriter": _xlsx,
    "sqlite": _sqlite,
    "strptime": lambda: dt.datetime.strptime(NAME, "%Y"),  # noqa: DTZ007
    "int": lambda: int(NAME),
    "key": lambda: {"": 1}[NAME],
    "decode": lambda: (NAME.encode("cp932") + b"\xff\xff").decode("ascii"),
    "encode": lambda: NAME.encode("ascii"),
    "json": lambda: json.loads(f"[{NAME}"),
    "file": lambda: Path(f"/nowhere/{NAME}").read_bytes(),
    "several at once": _group,
    "ours, raised from another": _wrapped,
}


def told(error: BaseException) -> str:
    """All that anybody could keep of an exception: texts, arguments, chained ones, frames with their variables."""
    kept = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join([*kept.format(), str(error), repr(error), repr(error.args), repr(vars(error))])


def caught(step: Callable[[], object]) -> BaseException:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            step()
        except BaseException as error:  # noqa: BLE001
            return error
    raise AssertionError("it did not fail")


@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_of_a_value_passes_the_boundary(failure: str) -> None:
    safe = caught(lambda: guarded(FAILURES[failure], "compare"))

    assert isinstance(safe, ReconcileError)
    assert scan_text(told(safe.with_traceback(None)), CANARIES) == set()
    assert safe.__context__ is None
    assert safe.__cause__ is None
    assert safe.code == ("E_READ" if failure.startswith("ours") else "E_FAILED")


def test_these_failures_do_carry_values() -> None:
    """Otherwise the test above shows nothing. Python's own frames hold the rest."""
    texts = {name: "".join(map(str, (caught(step), caught(step).args))) for name, step in FAILURES.items()}
    leaking = {name for name, text in texts.items() if scan_text(text, CANARIES)}
    assert leaking >= {"polars cast", "polars date", "polars integer", "polars column", "duckdb cast", "duckdb binder"}
    assert leaking >= {"pyarrow parse", "pandera", "xlsxwriter", "sqlite", "strptime", "int", "key", "file"}


def test_a_panic_is_no_exception_and_is_stopped_all_the_same() -> None:
    assert not isinstance(caught(_panic), Exception)
    assert "PanicException" in str(caught(lambda: guarded(_panic)))


def test_what_ends_a_process_passes() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(interrupted)


def test_where_in_our_code_it_happened_is_said() -> None:
    error = caught(lambda: guarded(lambda: compare(1, 2, key=["a"]), "compare"))  # type: ignore[arg-type]
    assert "reconcile/" in str(error)


def test_the_engine_s_own_door_is_guarded() -> None:
    """A frame that polars cannot read as text: an object of Python in it."""
    broken = pl.DataFrame({"code": [CODE], "name": pl.Series([{NAME}], dtype=pl.Object)})
    error = caught(lambda: compare(broken, ONE, key=["code"]))
    assert isinstance(error, ReconcileError)
    assert scan_text(told(error.with_traceback(None)), CANARIES) == set()


def test_a_panic_leaves_one_line_on_the_terminal_and_not_the_one_that_rust_prints() -> None:
    """Rust prints the text of a panic before Python hears of it."""
    script = (
        "import logging; logging.basicConfig(format='%(message)s')\n"
        "from reconcile.machine.process import hush, settle; settle(); hush(); import polars as pl, threading\n"
        "logging.warning('a log that was set up before goes on')\n"
        "def fail(): pl.Series([2**31 - 1], dtype=pl.Int32).cast(pl.Date).to_list()\n"
        "one = threading.Thread(target=fail); one.start(); one.join()\n"
        f"int('{NAME}')"
    )
    died = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)

    assert died.returncode == 1
    assert died.stdout == ""
    assert died.stderr.splitlines() == [
        "a log that was set up before goes on",
        "reconcile: E_FAILED pyo3_runtime.PanicException",
        "reconcile: E_FAILED ValueError",
    ]


def test_a_failure_says_its_kind_its_step_and_the_line_of_ours_and_nothing_else() -> None:
    def fail() -> None:
        int(NAME)

    told_of = redacted(caught(fail), "compare")
    assert (told_of.where, told_of.problem, told_of.code) == (
        "compare",
        "ValueError",
        "E_FAILED",
    )  # a test is no line of ours
    assert redacted(caught(fail)).where == "reconcile"
    nobody_s = caught(lambda: guarded(fail))
    assert isinstance(nobody_s, ReconcileError)
    assert nobody_s.where.startswith("reconcile/machine/boundary.py:")
    assert redacted(caught(_panic)).problem == "pyo3_runtime.PanicException"
    assert redacted(sqlite3.OperationalError(NAME)).problem == "sqlite3.OperationalError"


def test_the_innermost_line_of_ours_is_the_place() -> None:
    met = caught(lambda: guarded(lambda: compare(1, 2, key=["a"])))  # type: ignore[arg-type]
    assert isinstance(met, ReconcileError)
    step, place, line = met.where.split(":")
    place = place.strip()
    assert step == "compare"
    assert (Path(__file__).parents[2] / place).is_file()
    assert place.startswith("reconcile/")
    assert place != "reconcile/machine/boundary.py"
    assert int(line) > 0
    assert place_of(None) == ""
