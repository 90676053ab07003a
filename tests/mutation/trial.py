"""Trying the mutants of one module within one pytest session: collected once, each mutant put in, its tests run.

First every test is run without a fault, and the lines of the module that it runs are noted: a mutant is then tried with
the tests that run its statement, the quick ones first, until one fails, then with the rest. A fault within a function is put in
by giving the function other code; one in a constant by giving every module that holds it the other value; the rest (defaults,
class bodies) needs the module loaded anew, in a process of its own.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import pytest

from tests.mutation.operators import Mutant, mutants

ROOT = Path(__file__).parents[2]
OURS = ("reconcile", "schemas", "flows", "fixtures", "tests")
CHECK_EVERY = 20
EXAMPLES = 25
"""Of a law, at most; the suite tries more."""

CPU_SECONDS = 20.0
"""How long the tests of a mutant may take beyond ten times what they usually do; then it is taken for an endless one."""


Tracer = Callable[[FrameType, str, object], Any]


class TooLongError(BaseException):
    """The tests of a mutant do not come to an end."""


class Source:
    """One module: its tree, its mutants, and a way to compile it as it stands."""

    def __init__(self, path: str) -> None:
        self.path = ROOT / path
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.tree = ast.parse(self.path.read_text(encoding="utf-8"))
        self.mutants = list(mutants(self.tree))

    def compiled(self) -> CodeType:
        """The module as its tree is now."""
        return compile(self.tree, str(self.path), "exec")


def run(path: str, tests: Sequence[str], todo: Sequence[int], out: Path, *, fresh: bool) -> None:
    """Try mutants, by number, and write one line of JSON for each; ends the process.

    Args:
        path: Of the module, from the root of the project.
        tests: Files of tests.
        todo: Numbers of mutants.
        out: Gets a line before a mutant is tried, and one after.
        fresh: The one mutant is in the module before anybody loads it.
    """
    os.nice(19)
    source = Source(path)
    if fresh:
        source.mutants[todo[0]].put(True)
        sys.meta_path.insert(0, _Loader(source))
    with out.open("a", encoding="utf-8", buffering=1) as lines:
        trial = Trial(source, todo, lines.write, whole=fresh)
        for output in (1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), output)
        options = "-q -x -s -p no:cacheprovider -p no:xdist --tb=native --hypothesis-profile=mutants".split()
        # A folder of its own: other sessions sweep the usual one away.
        options += ["-o", "tmp_path_retention_policy=none", f"--basetemp={out.parent / 'files'}"]
        options += [f"--rootdir={ROOT}", f"--config-file={ROOT / 'pyproject.toml'}"]
        with _own_folder():  # of the tests without a fault, and of a fresh module
            ended = pytest.main([*options, *(str(ROOT / name) for name in tests)], plugins=[trial])
        if fresh:
            lines.write(json.dumps({"mutant": todo[0], "result": "killed" if ended else "survived"}) + "\n")
        elif trial.broken or not trial.cost:
            lines.write(json.dumps({"broken": trial.broken or f"pytest ended with {ended}"}) + "\n")
    os._exit(0)


class _Loader(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Loads the one module from its altered tree."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name != self.source.name:
            return None
        folder = self.source.path.name == "__init__.py"
        where = [str(self.source.path.parent)] if folder else None
        spec = importlib.util.spec_from_loader(name, self, origin=str(self.source.path), is_package=folder)
        if spec:
            spec.submodule_search_locations, spec.has_location = where, True
        return spec

    def get_source(self, _name: str) -> str:
        return self.source.path.read_text(encoding="utf-8")

    def get_code(self, _name: str) -> CodeType:
        return self.source.compiled()


class Trial:
    """The plugin that runs the tests: without a fault first, then with each."""

    def __init__(self, source: Source, todo: Sequence[int], say: Callable[[str], object], *, whole: bool) -> None:
        self.source = source
        self.todo = todo
        self.say = say
        self.whole = whole
        self.failed = False
        self.broken = self.why = ""
        self.lines: dict[int, set[int]] = defaultdict(set)  # line -> numbers of tests
        self.cost: dict[int, float] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        """A failing example is enough; the smallest one is not looked for."""
        # Imported here: pytest must have prepared itself for the plugins of hypothesis before they are.
        from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415

        settings.register_profile(
            "mutants",
            derandomize=True,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture),
        )

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A law is tried with few examples: a mutant that these do not notice counts as survived."""
        from hypothesis import settings  # noqa: PLC0415  as above

        for item in items:
            test = getattr(item, "obj", None)
            test = getattr(test, "__func__", test)
            # There is no public name for what `@settings` has left on a test.
            if given := getattr(test, "_hypothesis_internal_use_settings", None):
                fewer = settings(given, max_examples=min(given.max_examples, EXAMPLES))
                test._hypothesis_internal_use_settings = fewer  # type: ignore[union-attr]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Failed in any phase is failed."""
        self.failed |= report.failed
        if report.failed:
            self.why = report.nodeid

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """The usual loop for a module that is altered already, else all mutants in turn."""
        if self.whole:
            return None
        if session.testsfailed:
            self.broken = "a test cannot be collected"
            return True
        self._observe(session)
        if self.failed:
            self.broken = self.broken or "a test fails without any fault"
            raise session.Failed(self.broken)
        signal.signal(signal.SIGPROF, _too_long)
        tried: list[int] = []
        for count, number in enumerate(self.todo, 1):
            mutant = self.source.mutants[number]
            chosen = self._tests(mutant, session.items)
            self.say(json.dumps({"mutant": number, "result": "begun"}) + "\n")
            result = self._try(session, mutant, chosen)
            self.say(json.dumps({"mutant": number, "result": result, "tests": len(chosen)}) + "\n")
            tried = sorted({*tried, *chosen[:3], 0}, key=lambda at: self.cost[at])[:6]
            # A fault may leave something behind (a cache, a file): then what follows proves nothing.
            if count % CHECK_EVERY == 0 or count == len(self.todo):
                if self._fails(session, tried):
                    self.broken = f"fails after the faults were taken out: {self.why}"
                    raise session.Failed(self.broken)
                self.say(json.dumps({"sound": True}) + "\n")
        return True

    def _try(self, session: pytest.Session, mutant: Mutant, chosen: list[int]) -> str:
        mutant.put(True)
        try:
            with ExitStack() as stack:
                stack.enter_context(_own_folder())
                try:
                    stack.enter_context(self._altered(mutant))
                except Exception:  # noqa: BLE001  the faulty module cannot even be loaded
                    return "killed"
                # Who seems to run other lines only may do so in a thread that polars started, which cannot be observed.
                rest = sorted({*range(len(session.items))} - {*chosen}, key=lambda at: self.cost[at])
                return "killed" if self._fails(session, chosen) or self._fails(session, rest) else "survived"
        finally:
            mutant.put(False)

    def _fails(self, session: pytest.Session, chosen: Sequence[int]) -> bool:
        """Whether one of the tests fails; the rest of them are left."""
        self.failed = False
        limit = CPU_SECONDS + 10 * sum(self.cost[at] for at in chosen)
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            for at, following in zip(chosen, [*chosen[1:], None][: len(chosen)], strict=True):
                coming = session.items[following] if following is not None else None
                self._run(session.items[at], coming)
                if self.failed:
                    return True
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            try:
                session._setupstate.teardown_exact(None)
            except Exception:  # noqa: BLE001  a fixture that the fault has broken
                self.failed = True
        return self.failed

    @staticmethod
    def _run(item: pytest.Item, coming: pytest.Item | None) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=coming)

    def _tests(self, mutant: Mutant, items: Sequence[pytest.Item]) -> list[int]:
        if not mutant.function:
            chosen = set(range(len(items)))
        else:
            first, last = mutant.lines
            chosen = set().union(*(self.lines[line] for line in range(first, last + 1)))
        # By file, so that a file's fixtures are made once; the quick file first.
        files: dict[Path, float] = defaultdict(float)
        for at in chosen:
            files[items[at].path] += self.cost[at]
        return sorted(chosen, key=lambda at: (files[items[at].path], str(items[at].path), self.cost[at]))

    def _observe(self, session: pytest.Session) -> None:
        """Run every test and note which lines it runs; what a fixture of a file runs counts for all tests of it."""
        own = str(self.source.path)
        hit: set[int] = set()

        def line(frame: FrameType, _event: str, _argument: object) -> Tracer:
            hit.add(frame.f_lineno)
            return line

        def call(frame: FrameType, _event: str, _argument: object) -> Tracer | None:
            if frame.f_code.co_filename != own:
                return None
            hit.add(frame.f_lineno)
            return line

        of_file: dict[Path, set[int]] = defaultdict(set)
        for at, item in enumerate(session.items):
            hit.clear()
            threading.settrace(call)
            sys.settrace(call)
            began = time.process_time()
            first = not at or session.items[at - 1].path != item.path
            try:
                self._run(item, session.items[at + 1] if at + 1 < len(session.items) else None)
            finally:
                sys.settrace(None)
                threading.settrace(None)
            self.cost[at] = time.process_time() - began
            if self.failed:
                self.broken = f"{item.nodeid} fails without any fault"
                return
            for number in hit:
                self.lines[number].add(at)
            if first:
                of_file[item.path] |= hit
        for at, item in enumerate(session.items):
            for number in of_file[item.path]:
                self.lines[number].add(at)

    @contextmanager
    def _altered(self, mutant: Mutant) -> Iterator[None]:
        module = sys.modules[self.source.name]
        undo: list[Callable[[], None]] = []
        try:
            if mutant.function:
                _recode(module, self.source.compiled(), mutant.function, undo)
            else:
                _reassign(module, self.source, undo)
            yield
        finally:
            for step in reversed(undo):
                step()


@contextmanager
def _own_folder() -> Iterator[None]:
    """Work in a new folder, which goes with all that a fault writes there: an altered name of a file may be relative."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.chdir(folder):
        yield


def _recode(module: ModuleType, compiled: CodeType, function: str, undo: list[Callable[[], None]]) -> None:
    """Give a function of a loaded module the code that its altered source has."""
    live, forget = _function(module, function)
    undo.append(forget)
    code = next(code for code in _codes(compiled) if code.co_qualname == function)
    old = live.__code__
    undo.append(partial(setattr, live, "__code__", old))
    live.__code__ = code
    forget()


def _function(module: ModuleType, qualified: str) -> tuple[FunctionType, Callable[[], None]]:
    """A function without what decorates it, and what makes it forget results that it keeps."""
    found: Any = module
    for name in qualified.split("."):
        found = vars(found)[name]
    found = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    forget = getattr(found, "cache_clear", lambda: None)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    return found, forget


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _reassign(module: ModuleType, source: Source, undo: list[Callable[[], None]]) -> None:
    """Give every module of ours that holds a constant of this one the value that it has in the altered source."""
    space: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__}
    space["__package__"] = module.__package__
    exec(source.compiled(), space)  # noqa: S102  our own source
    holders = [held for name, held in sys.modules.items() if name.partition(".")[0] in OURS]
    for statement in source.tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if not isinstance(target, ast.Name) or target.id not in vars(module):
                continue
            old = vars(module)[target.id]
            for holder in holders:
                if vars(holder).get(target.id) is old:
                    undo.append(partial(setattr, holder, target.id, old))
                    setattr(holder, target.id, space[target.id])


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TooLongError


def limit_memory(mebibytes: int) -> None:
    """A fault that fills the memory fails alone."""
    resource.setrlimit(resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))
