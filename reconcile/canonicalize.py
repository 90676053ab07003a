"""Stage 3: a side's notation -> the dataset's, as expressions.

Two kinds of turning are kept apart (`architecture.md` §6.4). *Decoding* is this module: code lists, era dates,
scripts, blanks: what a side writes, said in the dataset's terms, for every row, vectorised. *Judging* whether two
decoded values mean the same (widths, variants, notation) runs on differing values only, in the comparators.
Nothing here reads or collects data.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from reconcile.errors import DeclarationError
from reconcile.model import Address, Characters, Column, Composite, Dataset, Field, Layout, Rule
from reconcile.rules import ALL_RULES
from reconcile.rules.composite import compose
from reconcile.rules.municipality import own_prefix

UNDECLARED = "未定義:"
"""Stands before a value that its code list does not have, so that it equals no declared meaning."""


def decode(column: Column, layout: Layout, gaiji: Rule | None = None) -> pl.Expr:
    """The canonical text of one column of a layout.

    Blank (empty or white space only) becomes null; then the site's 外字 are written as the glyphs they stand for, and
    the column's decodings are applied in order. A value that a code list does not have keeps its text behind
    `UNDECLARED`.

    Raises:
        DeclarationError: A decoding is neither a code list of the layout nor a rule.
    """
    expr = ALL_RULES["blank_to_null"](pl.col(column.name))
    if gaiji is not None:
        expr = gaiji(expr)
    for name in column.decode:
        if name in layout.code_lists:
            expr = _look_up(expr, layout.code_lists[name])
        elif name in ALL_RULES:
            expr = ALL_RULES[name](expr)
        else:
            raise DeclarationError(
                f"{layout.name}: {column.name}.decode", f"got {name!r}, expected a code list or a rule"
            )
    return expr.alias(column.name)


def canonical(
    dataset: Dataset,
    layout: Layout | None,
    columns: tuple[str, ...],
    gaiji: Rule | None = None,
    *,
    composite: Composite | None = None,
    known: Mapping[str, pl.Expr] = MappingProxyType({}),
) -> dict[str, pl.Expr]:
    """Name -> expression of every column that both the side and the dataset have.

    Where the other side writes several names as one text, they are composed as `composite` says. Without a layout, text
    is canonical as it stands. The town of an address stands without the name of the record's own
    municipality, where the layout declares it. `gaiji` reads the side's private-use codes, in names only. Of columns
    in `known`, the decoding is that (`by_value`).
    """
    present = set(columns)
    expressions = {**columnwise(dataset, layout, columns, gaiji), **known}
    names = layout.municipalities if layout else {}
    if names and dataset.municipality in expressions:
        code = expressions[dataset.municipality]
        for field in dataset.fields:
            if isinstance(field.comparator, Address) and field.comparator.part == "town" and field.name in present:
                expressions[field.name] = own_prefix(expressions[field.name], code, names).alias(field.name)
    if composite is not None and composite.field in expressions:
        expressions[composite.field] = compose(expressions, composite).alias(composite.field)
    return expressions


def columnwise(
    dataset: Dataset, layout: Layout | None, columns: tuple[str, ...], gaiji: Rule | None = None
) -> dict[str, pl.Expr]:
    """The part of `canonical` that looks at one column only."""
    declared = {column.name: column for column in layout.columns} if layout else {}
    present = set(columns)

    def of(field: Field) -> pl.Expr:
        if layout is None or field.name not in declared:
            return pl.col(field.name)
        in_names = gaiji if isinstance(field.comparator, Characters) else None
        return decode(declared[field.name], layout, in_names)

    return {field.name: of(field) for field in dataset.fields if field.name in present}


def by_value(decoded: pl.DataFrame) -> pl.Expr:
    """The decoding of a column as a table of its values.

    Args:
        decoded: One row a value: as it stands, under the column's name, and `decoded`.

    Returns:
        An expression that fails on a value without a row: none may become a blank.
    """
    name = decoded.columns[0]
    old, new = decoded.drop_nulls(name)
    return pl.col(name).replace_strict(old, new, return_dtype=pl.String).alias(name)


def undeclared(dataset: Dataset, layout: Layout | None) -> tuple[str, ...]:
    """The names of the columns that are decoded through a code list, and so may hold undeclared values."""
    if layout is None:
        return ()
    fields = {field.name for field in dataset.fields}
    return tuple(c.name for c in layout.columns if c.name in fields and any(d in layout.code_lists for d in c.decode))


def _look_up(expr: pl.Expr, codes: Mapping[str, str]) -> pl.Expr:
    meaning = expr.replace_strict(codes, default=pl.lit(UNDECLARED) + expr, return_dtype=pl.String)
    return pl.when(expr.is_null()).then(None).otherwise(meaning)
