"""The mutants of a module: each is one small fault put into its syntax tree.

Faults are those that a person makes: a comparison turned round or off by one, a condition left out, `and` for `or`, the
other side's value, a step of a chain forgotten, another kind of join, a statement lost, one word of an SQL text. Texts
for people (a string with a space or beyond ASCII, the text of an f-string, a docstring), annotations and decorators are
left alone: another wording is no fault of the comparison. So is `__all__`: names for `import *`, which linters check.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OPPOSITES = (
    "any all, min max, first last, any_horizontal all_horizontal, min_horizontal max_horizontal, is_null is_not_null, "
    "eq_missing ne_missing, startswith endswith, left right, LEFT RIGHT, argmax argmin, removeprefix removesuffix, "
    "starts_with ends_with, head tail, fromisoformat isoformat, null_count len, n_unique len"
)
OPPOSITE = {
    **{pair.split()[0]: pair.split()[1] for pair in _OPPOSITES.split(", ")},
    **{other: one for one, other in (pair.split() for pair in _OPPOSITES.split(", ")) if other != "len"},
}
"""A name -> what may be written for it by mistake: methods, functions, sides."""

OTHER_TEXT = {"left": "right", "right": "left", "semi": "anti", "anti": "semi", "inner": "left", "full": "left"}
STEPS = frozenset(
    "unique drop_nulls sort filter fill_null implode cast not_ strip rstrip lstrip casefold lower upper removesuffix "
    "removeprefix reverse sum astimezone difference union intersection".split()
)
"""Steps of a chain that can be forgotten: what stands before them has the same shape."""

BY_DEFAULT = {("join", "how"): "inner"}
"""(method, argument) -> what the method does if the argument is left out: leaving it out is no fault."""

SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|WHERE|UNION|synchronous|foreign_keys)\b")
SQL_FAULTS = (
    (r" IS DISTINCT FROM ", " <> "),
    (r" AND ", " OR "),
    (r" IS NOT NULL", " IS NULL"),
    (r" IS NULL", " IS NOT NULL"),
    (r" NOT IN ", " IN "),
    (r" < ", " <= "),
    (r" = 0\b", " = 1"),
    (r" ORDER BY (\w+)", r" ORDER BY \1 DESC"),
    (r"\bmax\(", "min("),
    (r" OR IGNORE", ""),
    (r" OR REPLACE", ""),
    (r" OR IGNORE", " OR REPLACE"),
    (r"UNION ALL", "EXCEPT"),
    (r"\bEXISTS", "NOT EXISTS"),
    (r" WHERE .*", ""),
    (r" = EXTRA", " = OFF"),
    (r" = ON", " = OFF"),
    (r" = OFF", " = ON"),
    (r" NOT NULL", ""),
    (r" STRICT", ""),
    (r" PRIMARY KEY(?! \()", ""),
    (r" REFERENCES \w+", ""),
    (r"BEGIN IMMEDIATE", "BEGIN"),
)
"""What a driver for Python sees as one text: the usual mistakes within it, each tried at each place where it can be."""

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        line: Where it stands.
        lines: First and last line of the statement around it: who runs one of these may notice.
        function: Qualified name of the function that is altered as a whole; "" outside of every function.
        fresh: Whether the module must be loaded anew: class bodies and defaults are evaluated while it is.
        before: The smallest altered part, as text.
        after: The same, altered.
        put: Puts the fault into the tree that the mutants were made from, or takes it out again.
    """

    line: int
    lines: tuple[int, int]
    function: str
    fresh: bool
    before: str
    after: str
    put: Callable[[bool], None]


def mutants(tree: ast.Module) -> Iterator[Mutant]:
    """Every fault of every kind, in the order of the text. The tree is whole again after each `put(False)`."""
    yield from _Walk().module(tree)


class _Walk:
    """Where the walk through the tree stands."""

    def __init__(self) -> None:
        self.function = ""
        self.fresh = False
        self.lines = (0, 0)

    def module(self, tree: ast.Module) -> Iterator[Mutant]:
        yield from self._statements(tree, "body", ())

    def _statements(self, owner: ast.AST, field: str, names: tuple[str, ...]) -> Iterator[Mutant]:
        block: list[ast.stmt] = getattr(owner, field)
        for number, statement in enumerate(block):
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue  # a docstring
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
                continue
            if isinstance(statement, (*_FUNCTION, ast.ClassDef)):
                yield from self._definition(statement, names)
                continue
            header = getattr(statement, "body", None)
            end = header[0].lineno - 1 if header else statement.end_lineno or statement.lineno
            self.lines = (statement.lineno, max(end, statement.lineno))
            yield from self._lost(block, number, statement)
            yield from self._parts(statement)
            for inner in ("body", "orelse", "finalbody"):
                if getattr(statement, inner, None):
                    yield from self._statements(statement, inner, names)
            for handler in getattr(statement, "handlers", ()):
                yield from self._statements(handler, "body", names)

    def _definition(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, names: tuple[str, ...]
    ) -> Iterator[Mutant]:
        outer = self.function, self.fresh
        name = (*names, node.name)
        if isinstance(node, ast.ClassDef):
            self.fresh = True
            yield from self._statements(node, "body", name)
        else:
            if not self.function:
                self.fresh = True
                self.lines = (node.lineno, node.lineno)
                self.function = ".".join(name)
                yield from self._parts(node.args)
                self.fresh = False
            yield from self._statements(node, "body", (*name, "<locals>"))
        self.function, self.fresh = outer

    def _lost(self, block: list[ast.stmt], number: int, statement: ast.stmt) -> Iterator[Mutant]:
        """The statement left out, where the rest can still be run."""

        def put(other: ast.stmt, faulty: bool) -> None:  # noqa: FBT001
            block[number] = other if faulty else statement

        others: list[ast.stmt] = []
        own = isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Attribute | ast.Subscript)
        if isinstance(statement, ast.Expr | ast.AugAssign | ast.Raise | ast.Continue | ast.Break | ast.Delete) or own:
            others.append(ast.Pass())
        if isinstance(statement, ast.Return) and statement.value is not None and not _is_none(statement.value):
            others.append(ast.Return(ast.Constant(None)))
        for other in others:
            yield self._made(statement, other, partial(put, other))

    def _parts(self, node: ast.AST) -> Iterator[Mutant]:
        """The faults of the expressions of a statement, without its inner statements."""
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "body", "orelse", "finalbody", "handlers", "ctx"):
                if field in ("body", "orelse") and isinstance(value, ast.expr):
                    yield from self._expression(node, field, None, value)
                continue
            if isinstance(value, ast.expr):
                yield from self._expression(node, field, None, value)
            elif isinstance(value, list):
                for number, part in enumerate(value):
                    if isinstance(part, ast.expr):
                        yield from self._expression(node, field, number, part)
                    elif isinstance(part, ast.AST) and not isinstance(part, ast.stmt):
                        yield from self._parts(part)
            elif isinstance(value, ast.AST) and not isinstance(value, ast.stmt):
                yield from self._parts(value)

    def _expression(self, owner: ast.AST, field: str, number: int | None, node: ast.expr) -> Iterator[Mutant]:
        def put(other: ast.expr, faulty: bool) -> None:  # noqa: FBT001
            value = other if faulty else node
            if number is None:
                setattr(owner, field, value)
            else:
                getattr(owner, field)[number] = value

        if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            return
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "TypeVar":
            return
        if isinstance(owner, ast.JoinedStr) and isinstance(node, ast.Constant) and not _is_sql(node):
            return
        others = list(_faults(node))
        asked = isinstance(owner, ast.If | ast.While | ast.IfExp) and field == "test"
        if (asked or field == "ifs") and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
            others.append(ast.UnaryOp(ast.Not(), node))
        if field == "ifs":
            others.append(ast.Constant(True))
        for other in others:
            yield self._made(node, other, partial(put, other))
        yield from self._parts(node)

    def _made(self, node: ast.AST, other: ast.AST, put: Callable[[bool], None]) -> Mutant:
        ast.copy_location(other, node)
        ast.fix_missing_locations(other)
        line = getattr(node, "lineno", self.lines[0])
        lost = getattr(other, "lost", None)  # of a long table, only the line
        before, after = (_text(node), _text(other)) if lost is None else (_text(lost), "")
        return Mutant(line, self.lines, self.function, self.fresh, before, after, put)


def _faults(node: ast.expr) -> Iterator[ast.expr]:  # noqa: C901, PLR0912  a table of cases
    match node:
        case ast.Compare(left, [operator], [right]):
            for other in COMPARED[type(operator)]:
                yield ast.Compare(left, [other()], [right])
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for number in range(len(values)):
                rest = values[:number] + values[number + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.BinOp(left, operator, right) if type(operator) in CALCULATED:
            yield ast.BinOp(left, CALCULATED[type(operator)](), right)
            if isinstance(operator, ast.BitAnd | ast.BitOr):
                yield left
                yield right
        case ast.UnaryOp(ast.Not() | ast.Invert() | ast.USub(), operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(float() as value):
            yield ast.Constant(value * 2 + 1)
        case ast.Constant(str() as value) if SQL.search(value):
            yield from (ast.Constant(text) for text in _sql(value))
        case ast.Constant(str() as value) if value.isascii() and not re.search(r"\s", value):
            yield ast.Constant(OTHER_TEXT.get(value, f"{value}X"))
        case ast.Constant(bytes() as value):
            yield ast.Constant(value + b"X")
        case ast.Name(name) if name in OPPOSITE and name not in ("len", "first", "last"):
            yield ast.Name(OPPOSITE[name], ast.Load())
        case ast.Attribute(value, "other"):
            yield value
        case ast.Attribute(value, name) if name in OPPOSITE and name != "len":
            yield ast.Attribute(value, OPPOSITE[name], ast.Load())
        case ast.Call(function, arguments, keywords):
            yield from _calls(function, arguments, keywords)
        case ast.Set(elements) | ast.Tuple(elements, ast.Load()) if len(elements) > 1:
            for number in range(len(elements)):
                rest = elements[:number] + elements[number + 1 :]
                shorter = ast.Set(rest) if isinstance(node, ast.Set) else ast.Tuple(rest, ast.Load())
                yield _without(shorter, elements[number])
        case ast.Dict(keys, values) if len(keys) > 1:
            for number in range(len(keys)):
                smaller = ast.Dict(keys[:number] + keys[number + 1 :], values[:number] + values[number + 1 :])
                yield _without(smaller, keys[number] or values[number])
        case ast.Slice(lower, upper, step) if lower is not None and upper is not None:
            yield ast.Slice(None, upper, step)
            yield ast.Slice(lower, None, step)
        case _:
            pass


def _without(table: ast.expr, lost: ast.expr) -> ast.expr:
    """Mark a table as one that has lost an element, for the text of the mutant."""
    table.lost = lost  # type: ignore[attr-defined]
    return table


def _calls(function: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]) -> Iterator[ast.expr]:
    if isinstance(function, ast.Attribute):
        if function.attr in STEPS:
            yield function.value
        # A frame without one of its steps; a class, whose name is written large, would only lack an argument.
        for number, word in enumerate(keywords):
            if word.arg and not _by_default(function.attr, word):
                yield ast.Call(function, arguments, keywords[:number] + keywords[number + 1 :])


def _by_default(method: str, word: ast.keyword) -> bool:
    usual = BY_DEFAULT.get((method, word.arg or ""))
    return usual is not None and isinstance(word.value, ast.Constant) and word.value.value == usual


def _sql(text: str) -> Iterator[str]:
    for pattern, other in SQL_FAULTS:
        for found in re.finditer(pattern, text):
            yield text[: found.start()] + found.expand(other) + text[found.end() :]


def _is_sql(node: ast.Constant) -> bool:
    return isinstance(node.value, str) and SQL.search(node.value) is not None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _text(node: ast.AST) -> str:
    return "pass" if isinstance(node, ast.Pass) else " ".join(ast.unparse(node).split())
