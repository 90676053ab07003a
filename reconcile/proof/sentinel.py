"""The smoke alarm's test button: pairs whose differences are known ride through every nightly run, and must be found.

A comparison that skips a column, a code list read wrongly, a join that loses rows: each gives a night without findings,
and looks like a good one. So two people whom nobody is (`Dataset.sentinels`) are written in the form of each side and
take the way of every record, under keys of a range that no resident has. Exactly their differences must come back;
then they are taken out again, before anything is counted, explained or shown (`reference/reliability.md` §1.3, F085).

Under key 0 both sides agree. Under key 1, 2, … the left side has one compared field of the other person. Then come a
key that only the left has, one that only the right has, one that the left has twice, and a record without a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from reconcile.account import Checks, Found
from reconcile.errors import BalanceError, DeclarationError
from reconcile.model import ROW, Dataset, Layout, Side


class Seen(NamedTuple):
    """What a comparison says of the sentinels.

    Attributes:
        differing: (key number, field), one a differing value.
        only: side -> the key numbers without a partner.
        repeated: (key number, records on the left, on the right, left over on the left).
        refused: side -> how many records.
    """

    differing: frozenset[tuple[int, str]]
    only: Mapping[Side, frozenset[int]]
    repeated: frozenset[tuple[int, int, int, int]]
    refused: Mapping[Side, int]


def planted(dataset: Dataset, layout: Layout, side: Side) -> pl.DataFrame:
    """The sentinels of one side, as its source would have written them.

    Returns:
        The layout's columns, `pl.String`, null for nothing.

    Raises:
        DeclarationError: The layout does not say how a decoded column of the sentinels is written.
    """
    one, other = (_written(dataset, layout, which) for which in (0, 1))
    rows = [one | _key(dataset, 0)]
    for number, field in enumerate(dataset.compared, 1):
        changed = {field.name: other[field.name]} if side is Side.LEFT and field.name in other else {}
        rows.append(one | changed | _key(dataset, number))
    left_only, right_only, twice = _special(dataset)
    rows.append(one | _key(dataset, left_only if side is Side.LEFT else right_only))
    rows += [one | _key(dataset, twice)] * (2 if side is Side.LEFT else 1)
    rows.append(one | dict.fromkeys(dataset.key))
    return pl.DataFrame(rows, schema={column.name: pl.String() for column in layout.columns})


def expected(dataset: Dataset, columns: Mapping[Side, tuple[str, ...]]) -> Seen:
    """What a comparison that works says.

    Args:
        dataset: Declares the two people.
        columns: side -> the columns that it has; a field that one side lacks is not compared.
    """
    one, other = dataset.sentinels
    shared = set(columns[Side.LEFT]) & set(columns[Side.RIGHT])
    left_only, right_only, twice = _special(dataset)
    return Seen(
        differing=frozenset(
            (number, field.name)
            for number, field in enumerate(dataset.compared, 1)
            if field.name in shared and one.get(field.name) != other.get(field.name)
        ),
        only={Side.LEFT: frozenset((left_only,)), Side.RIGHT: frozenset((right_only,))},
        repeated=frozenset(((twice, 2, 1, 1),)),
        refused=dict.fromkeys(Side, 1),
    )


def sift(
    dataset: Dataset, rows: Mapping[Side, int], checks: Mapping[Side, Checks], found: Found
) -> tuple[dict[Side, Checks], Found, Seen]:
    """Part what was found of the sentinels from what was found of the records.

    Args:
        dataset: Declares their keys.
        rows: side -> how many records it has; record numbers beyond are sentinels.
        checks: Of both.
        found: Of both.

    Returns:
        The checks and what was found without the sentinels, and what was seen of them.
    """
    numbers = {_key(dataset, n)[dataset.key[0]]: n for n in range(_special(dataset)[-1] + 1)}
    ours = (pl.col("left_row") > rows[Side.LEFT]) | (pl.col("right_row") > rows[Side.RIGHT])
    ours = ours.fill_null(value=False)
    own = {side: pl.col(ROW) > rows[side] for side in Side}
    unequal = found.values.filter(ours & ~pl.col("equal"))
    repeated = found.repeated.filter(ours)

    def number(frame: pl.DataFrame) -> list[int]:
        return [numbers.get(key, -1) for key in frame["k0"]]

    seen = Seen(
        differing=frozenset(zip(number(unequal), unequal["field"], strict=True)),
        only={side: frozenset(number(found.only[side].filter(own[side]))) for side in Side},
        repeated=frozenset(
            zip(
                number(repeated),
                repeated["left_count"],
                repeated["right_count"],
                repeated["left_over"],
                strict=True,
            )
        ),
        refused={side: checks[side].rejects.filter(own[side])[ROW].n_unique() for side in Side},
    )
    pairs = len(dataset.compared) + 1 + 1  # under keys 0, 1, …, and the equal two of the key that stands twice
    mismatched = unequal.select("left_row", "right_row").unique().height
    records = replace(
        found,
        values=found.values.filter(~ours),
        repeated=found.repeated.filter(~ours),
        swapped=found.swapped.filter(~ours),
        only={side: frame.filter(~own[side]) for side, frame in found.only.items()},
        matched=found.matched - (pairs - mismatched),
        mismatched=found.mismatched - mismatched,
    )
    return (
        {
            side: replace(one, rejects=one.rejects.filter(~own[side]), notices=one.notices.filter(~own[side]))
            for side, one in checks.items()
        },
        records,
        seen,
    )


def assure(want: Seen, seen: Seen) -> None:
    """Assert that exactly what was planted came back.

    Raises:
        BalanceError: E_SELFTEST, it did not; the text names the fields, which are columns of the dataset.
    """
    if want == seen:
        return
    missed = sorted({field for _, field in want.differing - seen.differing})
    invented = sorted({field for _, field in seen.differing - want.differing})
    parts = [
        *([f"not found: a difference of {', '.join(missed)}"] if missed else []),
        *([f"found, not planted: a difference of {', '.join(invented)}"] if invented else []),
        *([f"records on the {side} only" for side in Side if want.only[side] != seen.only[side]]),
        *(["the record that stands twice"] if want.repeated != seen.repeated else []),
        *([f"the {side} record without a key" for side in Side if want.refused[side] != seen.refused[side]]),
    ]
    raise BalanceError(
        "the planted records",
        f"did not come back as they were planted: {'; '.join(parts)}",
        hint="a layout or the program is wrong, or a resident has a key of the reserved range",
        code="E_SELFTEST",
    )


def _special(dataset: Dataset) -> tuple[int, int, int]:
    """The key numbers that only the left has, that only the right has, and that the left has twice."""
    first = len(dataset.compared) + 1
    return first, first + 1, first + 2


def _key(dataset: Dataset, number: int) -> dict[str, str | None]:
    return dict.fromkeys(dataset.key, dataset.sentinel_key.format(number))


def _written(dataset: Dataset, layout: Layout, which: int) -> dict[str, str | None]:
    """One of the two people in the notation of a layout."""
    person = dataset.sentinels[which]
    written: dict[str, str | None] = {}
    for column in layout.columns:
        value = person.get(column.name)
        if value is not None and column.decode:
            if column.name not in layout.sentinels:
                where = f"layout {layout.name}: sentinels.{column.name}"
                raise DeclarationError(where, "missing, expected how the two test people are written in this column")
            value = layout.sentinels[column.name][which]
        written[column.name] = value
    return written
