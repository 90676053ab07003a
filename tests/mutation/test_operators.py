"""The faults are those that are meant, each alone, and the tree is whole again after each."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.operators import mutants
from tests.mutation.targets import TARGETS, equivalent, survivors
from tests.mutation.trial import ROOT


def faults(source: str) -> set[str]:
    """The source with each of its faults."""
    tree = ast.parse(source)
    whole = ast.unparse(tree)
    made = set()
    for mutant in mutants(tree):
        mutant.put(True)
        made.add(ast.unparse(tree))
        mutant.put(False)
        assert ast.unparse(tree) == whole
    return made


@pytest.mark.parametrize(("source", "expected"), [
    ("x = a < b", {"x = a <= b", "x = a >= b"}),
    ("x = a and b", {"x = a or b", "x = a", "x = b"}),
    ("x = a & ~b", {"x = a | ~b", "x = a", "x = ~b", "x = a & b"}),
    ("x = Side.LEFT", {"x = Side.RIGHT"}),
    ("x = side.other", {"x = side"}),
    ("x = rows.join(y, how='anti')", {"x = rows.join(y)", "x = rows.join(y, how='semi')"}),
    ("x = rows.join(y, how='inner')", {"x = rows.join(y, how='left')"}),
    ("x = rows.unique()", {"x = rows"}),
    ("x = 3", {"x = 4"}),
    ("x = 'E_COUNT'", {"x = 'E_COUNTX'"}),
    ("x = 'a text for people'", set()),
    ("x = '件数'", set()),
    ("__all__ = ['diff', 'plan']", set()),
    ("names = ['diff', 'plan']", {"names = ['diffX', 'plan']", "names = ['diff', 'planX']"}),
    ("x: Mapping[str, int] | None = y", set()),
    ("x = (a, b)", {"x = (a,)", "x = (b,)"}),
    ("x = [a for a in b if a]", {"x = [a for a in b if not a]", "x = [a for a in b if True]"}),
    ("x = f'SELECT max(a) FROM t WHERE b < {c}'", {
        "x = f'SELECT min(a) FROM t WHERE b < {c}'",
        "x = f'SELECT max(a) FROM t WHERE b <= {c}'",
        "x = f'SELECT max(a) FROM t{c}'",
    }),
    ("def f():\n    g()\n    return a", {"def f():\n    pass\n    return a", "def f():\n    g()\n    return None"}),
])  # fmt: skip
def test_each_fault_is_one_that_a_person_makes(source: str, expected: set[str]) -> None:
    assert faults(source) == expected


def test_a_fault_knows_its_function_and_whether_the_module_must_be_loaded_anew() -> None:
    tree = ast.parse("LIMIT = 3\nclass A:\n    b = 4\n    def c(self, d=5):\n        return lambda: e < 6\n")
    where = {mutant.before: (mutant.function, mutant.fresh) for mutant in mutants(tree)}
    assert where["3"] == ("", False)
    assert where["4"] == ("", True)
    assert where["5"] == ("A.c", True)
    assert where["6"] == ("A.c", False)


@pytest.mark.parametrize("path", TARGETS)
def test_what_is_tried_is_there(path: str) -> None:
    assert all((ROOT / name).is_file() for name in (path, *TARGETS[path]))
    assert all(len(reason) > 20 for reason in (*equivalent(path).values(), *survivors(path).values()))
    assert not set(equivalent(path)) & set(survivors(path))
