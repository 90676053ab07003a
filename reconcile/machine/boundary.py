"""The one place where a failure of a library loses its text, because the text may hold a resident.

Of 16 ordinary failures of polars, DuckDB, SQLite, pyarrow, pydantic and Python itself, 12 put the value that they choked on
into the text of the exception, and whoever keeps texts keeps it then: Prefect in five tables, a log, a ticket
(`reference/reliability.md` F124, E-5). What leaves here says where in our code it happened and what kind of failure it
was; chained exceptions and the frames with their variables stay behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from reconcile.errors import ReconcileError

Result = TypeVar("Result")
CODE = "E_FAILED"
PANIC = "PanicException"
"""What polars raises where Rust gives up: no `Exception`, so that `except Exception` lets it pass with its text."""


def guarded(step: Callable[[], Result], what: str = "") -> Result:
    """The result of a step, or an exception that may be told to anybody.

    Args:
        step: What is done.
        what: How the step is called, for the exception.

    Raises:
        ReconcileError: One of ours as it was raised, without what it was raised from; for any other exception and for a
            panic of polars one with the code E_FAILED, whose `problem` is the type and whose `where` is the place.
        BaseException: Whatever ends a process or a task (`KeyboardInterrupt`, `SystemExit`): it carries no value.
    """
    try:
        return step()
    except ReconcileError as error:
        safe = bare(error)
    except Exception as error:  # noqa: BLE001  any library's
        safe = redacted(error, what)
    except BaseException as error:
        if not is_panic(error):
            raise
        safe = redacted(error, what)
    # Out here, where nothing is being handled: raised above, it would carry the other one as its context.
    raise safe


def redacted(error: BaseException, what: str = "") -> ReconcileError:
    """What may be told of any exception: its type, and the line of our code that met it."""
    place = place_of(error.__traceback__)
    kind = type(error)
    return ReconcileError(
        ": ".join(part for part in (what, place) if part) or "reconcile",
        f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        hint="a fault of this program: tell whoever maintains it this line",
        code=CODE,
    )


def bare(error: ReconcileError) -> ReconcileError:
    """The same error without what it was raised from (`from None` hides it from print, and keeps it)."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def is_panic(error: BaseException) -> bool:
    """Whether this is a panic of Rust, by name: each extension module has a class of its own."""
    return type(error).__name__ == PANIC


def place_of(trace: TracebackType | None) -> str:
    """The innermost line of ours in a traceback, as `reconcile/diff/compare.py:87`; "" if there is none."""
    places = list(_places(trace))
    return places[-1] if places else ""


def _places(trace: TracebackType | None) -> Iterator[str]:
    here = Path(__file__).parents[1]
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(here):
            yield f"{here.name}/{file.relative_to(here).as_posix()}:{trace.tb_lineno}"
        trace = trace.tb_next
