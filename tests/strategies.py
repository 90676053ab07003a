"""Small ugly tables: few keys, few values, so that collisions are common.

Each example first draws a handful of key parts and values and then fills both tables from that handful. Rows repeat,
keys repeat, swaps happen; a null key or an empty table is not rare. All of it is text or null, as a source gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl
from hypothesis import strategies as st

Row = dict[str, str | None]

KEY_PARTS = (
    "1",
    "2",
    "01",  # not 1
    "１",  # nor this
    "1 ",
    "10",
    "A1",
    "a1",
    "1|2",  # what a joined key would be split at
    "|",
    "1,2",
    '"',
    "1\n2",
    "NULL",  # what a marker for null might be
    "山田",
    "𠮷",  # supplementary plane
    "葛\U000e0100",  # with a variation selector
)
BLANK_KEY_PARTS = (None, "", " ", "\u3000")
VALUES = (
    None,
    "",
    " ",
    "\u3000",
    "a",
    "b",
    "ab",
    "bc",
    "c",
    "0",
    "-0",
    "00",
    "1",
    "1.0",
    "1e0",
    "NULL",
    "None",
    "nan",
    "ガ",
    "カ\u3099",  # the same, decomposed
    "ｶﾞ",
    "高",
    "髙",
    "吉",
    "𠮷",
    "葛",
    "葛\U000e0100",
    "葛\U000e0101",
    "\ue000",  # private use: gaiji
    "\ufffd",
    "山田　太郎",
    "山田 太郎",
    "１－２",
    "1-2",
    'say "x"',
    "it's",
    "a,b",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "\u202eab",
    "\u200b",
    "x" * 300,
    "x" * 300 + "y",
)


@dataclass(frozen=True)
class Tables:
    """Both sides of one comparison. Every row of a side has the same columns, `columns` of them shared."""

    key: tuple[str, ...]
    columns: tuple[str, ...]
    left: tuple[Row, ...]
    right: tuple[Row, ...]

    @property
    def mirrored(self) -> Tables:
        """The same comparison with the sides exchanged."""
        return replace(self, left=self.right, right=self.left)


def frame(rows: Sequence[Row], columns: Sequence[str]) -> pl.DataFrame:
    """The rows as the engine takes them: every column text."""
    return pl.DataFrame([dict(row) for row in rows], schema=dict.fromkeys(columns, pl.String()), orient="row")


Sides = tuple[list[Row], list[Row]]

KEYS = st.sampled_from((("id",), ("a", "b")))
FIELDS = st.sampled_from((("v",), ("v",), ("v", "w"), ("v", "w", "x")))


@st.composite
def tables(draw: st.DrawFn, *, keys: st.SearchStrategy[tuple[str, ...]] = KEYS) -> Tables:
    """Two tables over one handful of keys and values."""
    key, fields = draw(keys), draw(FIELDS)
    left, right = draw(_sides(key, fields))
    return Tables(key, (*key, *fields), tuple(left), tuple(right))


@st.composite
def bundles(draw: st.DrawFn, *, size: int) -> Tables:
    """`size` pairs of tables as one, told apart by a part of the key, `table`, and by a value, `of`.

    No finding concerns two of them: they are that many examples for the price of one comparison.
    """
    key, fields = draw(KEYS), draw(FIELDS)
    left: list[Row] = []
    right: list[Row] = []
    for number in range(size):
        mark = str(number)
        for rows, own in zip((left, right), draw(_sides(key, fields)), strict=True):
            rows.extend({"table": mark, **row, "of": mark} for row in own)
    return Tables(("table", *key), ("table", *key, *fields, "of"), tuple(left), tuple(right))


@st.composite
def _sides(draw: st.DrawFn, key: tuple[str, ...], fields: tuple[str, ...]) -> Sides:
    """Copies of each other, then altered here and there.

    Two registers agree almost everywhere; two random tables agree almost nowhere and would say little.
    """
    parts: list[str | None] = draw(st.lists(st.sampled_from(KEY_PARTS), min_size=2, max_size=5, unique=True))
    values = draw(st.lists(st.sampled_from(VALUES), min_size=2, max_size=3, unique=True))
    values += draw(st.sampled_from(((), (None,), ("",), (None, ""))))
    row = st.fixed_dictionaries(
        {name: st.sampled_from(parts) for name in key} | {name: st.sampled_from(values) for name in fields}
    )
    # Mostly one row a key, or every group would be a heap of duplicates.
    identity = None if draw(_one_in(6)) else lambda row: tuple(row[name] for name in key)
    base = draw(st.lists(row, min_size=2, max_size=6, unique_by=identity))
    sides = {"left": list(base), "right": draw(st.permutations(base))}
    for _ in range(draw(st.integers(min_value=0, max_value=6))):
        side = draw(st.sampled_from(("left", "right")))
        sides[side] = _altered(draw, sides[side], key, fields, values)
    if draw(_one_in(20)):
        sides[draw(st.sampled_from(("left", "right")))] = []
    return sides["left"], sides["right"]


def _one_in(times: int) -> st.SearchStrategy[bool]:
    return st.integers(min_value=1, max_value=times).map(lambda n: n == times)


def _altered(
    draw: st.DrawFn, rows: list[Row], key: tuple[str, ...], fields: tuple[str, ...], values: list[str | None]
) -> list[Row]:
    """One side with one thing done to it. On an empty side there is nothing to do."""
    if not rows:
        return rows
    at = draw(st.integers(min_value=0, max_value=len(rows) - 1))
    to = draw(st.integers(min_value=0, max_value=len(rows) - 1))
    one, two = rows[at], rows[to]
    result = list(rows)
    match draw(st.sampled_from(("change", "change", "change", "swap", "swap", "drop", "copy", "move", "blank"))):
        case "change":
            result[at] = {**one, draw(st.sampled_from(fields)): draw(st.sampled_from(values))}
        case "swap":
            result[at], result[to] = {**two, **_only(one, key)}, {**one, **_only(two, key)}
        case "drop":
            del result[at]
        case "copy":  # of all, or under another row's key
            result.insert(to, dict(one) if draw(st.booleans()) else {**one, **_only(two, key)})
        case "move":
            result[at] = {**one, draw(st.sampled_from(key)): draw(st.sampled_from(KEY_PARTS))}
        case _:  # blank
            result[at] = {**one, draw(st.sampled_from(key)): draw(st.sampled_from(BLANK_KEY_PARTS))}
    return result


def _only(row: Row, names: tuple[str, ...]) -> Row:
    return {name: row[name] for name in names}


@dataclass(frozen=True)
class Change:
    """Records of which no two have the same key, and one value that is `now` on the right."""

    rows: tuple[Row, ...]
    at: int
    field: str
    now: str | None


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """One changed value among up to eight records."""
    ids = draw(st.lists(st.sampled_from(KEY_PARTS), min_size=1, max_size=8, unique=True))
    values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True))
    rows = tuple({"id": i, **{field: draw(st.sampled_from(values)) for field in ("v", "w")}} for i in ids)
    at = draw(st.integers(min_value=0, max_value=len(rows) - 1))
    field = draw(st.sampled_from(("v", "w")))
    now = draw(st.sampled_from([value for value in VALUES if value != rows[at][field]]))
    return Change(rows, at, field, now)
