"""One text for several names: how a source writes those of foreign residents, as ローマ字(漢字)〔通称〕 or the like.

The register keeps three fields, all of them optional, which gives six patterns (`reference/domain.md` §1.4); a site's
layout says how its CS puts them together. The side with the fields is composed for the comparison, never the other
side taken apart: a name may hold a bracket. Taking apart serves only to say which of the names differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter

import polars as pl

from reconcile.model import Composite

_LATIN = r"[\x20-\x7e\uff01-\uff5e\u3000]"


def compose(columns: Mapping[str, pl.Expr], composite: Composite) -> pl.Expr:
    """The one text for a row whose names stand in fields of their own.

    Args:
        columns: Name -> the canonical text of a field; one that is absent is a name nobody has.
        composite: What is composed, of whom, and how.

    Returns:
        For the rows that it is about, the first template all of whose names are there, null if there is none; for all
        others the field as it is.
    """
    nothing = pl.lit(None, pl.String)
    texts = [
        pl.concat_str(
            *(pl.lit(literal) + columns.get(name, nothing) if name else pl.lit(literal) for literal, name in parts)
        )
        for parts in map(_parts, composite.templates)
    ]
    about = pl.all_horizontal(columns.get(name, nothing) == value for name, value in composite.only.items())
    return pl.when(about).then(pl.coalesce(texts)).otherwise(columns[composite.field])


def component(text: pl.Expr, name: str, composite: Composite, latin: frozenset[str]) -> pl.Expr:
    """One of the names in a composed text, by the first template that it has the form of; null if it has none there.

    Args:
        text: Composed texts.
        name: A field of the templates.
        composite: How they were composed.
        latin: The fields that hold Latin letters only.
    """
    found = pl.lit(None, pl.String)
    for template in reversed(composite.templates):
        parts = _parts(template)
        pattern = "".join(
            re.escape(literal) + (f"({_LATIN}+?)" if part in latin else "(.+?)") * bool(part) for literal, part in parts
        )
        names = [part for _, part in parts if part]
        here = text.str.extract(f"^{pattern}$", names.index(name) + 1) if name in names else pl.lit(None, pl.String)
        found = pl.when(text.str.contains(f"^{pattern}$")).then(here).otherwise(found)
    return found


def _parts(template: str) -> list[tuple[str, str]]:
    """Literal text and the field after it, "" at the end."""
    return [(literal, name or "") for literal, name, _, _ in Formatter().parse(template)]
