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


@st.composite
def tables(draw: st.DrawFn, *, composite_keys: bool = True, max_rows: int = 8) -> Tables:
    """Two tables over one handful of keys and values."""
    key = draw(st.sampled_from((("id",), ("a", "b")))) if composite_keys else ("id",)
    fields = ("v", "w", "x")[: draw(st.integers(min_value=1, max_value=3))]
    parts: list[str | None] = draw(st.lists(st.sampled_from(KEY_PARTS), min_size=1, max_size=4, unique=True))
    if draw(st.integers(min_value=0, max_value=3)) == 0:
        parts.append(draw(st.sampled_from(BLANK_KEY_PARTS)))
    values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique=True))
    row = st.fixed_dictionaries(
        {name: st.sampled_from(parts) for name in key} | {name: st.sampled_from(values) for name in fields}
    )
    left = draw(st.lists(row, max_size=max_rows))
    # A copy with a few rows exchanged: two registers agree almost everywhere, two random tables almost nowhere.
    right = draw(st.permutations(left)) if draw(st.booleans()) else []
    right = right[draw(st.integers(min_value=0, max_value=2)) :] + draw(st.lists(row, max_size=max_rows // 2))
    return Tables(key, (*key, *fields), tuple(left), tuple(right))


def clean_tables(*, min_rows: int = 1, max_rows: int = 8) -> st.SearchStrategy[Tables]:
    """Two equal tables without a repeated or blank key, for laws that change something and look for just that."""

    @st.composite
    def build(draw: st.DrawFn) -> Tables:
        ids = draw(st.lists(st.sampled_from(KEY_PARTS), min_size=min_rows, max_size=max_rows, unique=True))
        values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=4, unique=True))
        rows = tuple({"id": i, **{f: draw(st.sampled_from(values)) for f in ("v", "w")}} for i in ids)
        return Tables(("id",), ("id", "v", "w"), rows, rows)

    return build()
