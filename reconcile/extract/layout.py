"""A layout file (TOML, in `schemas/layouts/`) -> `Layout`, with the path of the offending key in every error."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from reconcile.errors import DeclarationError
from reconcile.model import Column, Composite, Envelope, Layout, Slot
from reconcile.settings import toml

KINDS = ("fixed_width", "delimited", "parquet", "database")
_COLUMN = frozenset(("name", "source", "offset", "length", "charset", "decode", "system"))
_TOP = frozenset(
    (
        "kind",
        "version",
        "label",
        "record_bytes",
        "end_of_record",
        "record_mark",
        "control_column",
        "control_modulus",
        "encoding",
        "delimiter",
        "table",
        "history_table",
        "header",
        "trailer",
        "column",
        "code_lists",
        "municipalities",
        "composite",
        "sentinels",
    )
)

_known = partial(toml.known, fault=DeclarationError)
_table = partial(toml.table, fault=DeclarationError)
_text = partial(toml.text, fault=DeclarationError)


def read_layout(path: Path) -> Layout:
    """Read one layout.

    Raises:
        DeclarationError: The file is missing or not TOML, a key is unknown or of the wrong type, two columns
            overlap, or a column lies outside the record.
    """
    where = path.name
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeclarationError(where, "no such layout file", hint="see schemas/layouts/") from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8; numbers too long, lists too deep
        raise DeclarationError(where, f"not TOML: {error}") from None
    _known(where, raw, _TOP)
    kind = _text(where, raw, "kind")
    if kind not in KINDS:
        raise DeclarationError(f"{where}: kind", f"got {kind!r}, expected one of {', '.join(KINDS)}")
    columns = tuple(_column(f"{where}: column[{i}]", c) for i, c in enumerate(_list(where, raw, "column")))
    layout = Layout(
        name=path.stem,
        label=_text(where, raw, "label", ""),
        kind=kind,
        version=_text(where, raw, "version", "1"),
        columns=columns,
        code_lists=_code_lists(where, raw.get("code_lists", {})),
        encoding=_text(where, raw, "encoding", "utf-8"),
        delimiter=_text(where, raw, "delimiter", ","),
        end_of_record=_text(where, raw, "end_of_record", ""),
        record_bytes=_int(where, raw, "record_bytes", 0),
        record_mark=_text(where, raw, "record_mark", ""),
        header=_envelope(f"{where}: header", raw.get("header")),
        trailer=_envelope(f"{where}: trailer", raw.get("trailer")),
        control_column=_text(where, raw, "control_column", ""),
        control_modulus=_int(where, raw, "control_modulus", 1_000_000_007),
        table=_text(where, raw, "table", ""),
        history_table=_text(where, raw, "history_table", ""),
        municipalities=municipalities(f"{where}: municipalities", raw.get("municipalities", {})),
        composite=composite(f"{where}: composite", raw.get("composite")),
        sentinels=_sentinels(where, raw.get("sentinels", {})),
    )
    _check(where, layout)
    return layout


def composite(where: str, raw: object) -> Composite | None:
    """Read how several names are written as one text, None for no such table.

    Raises:
        DeclarationError: A key is unknown or of the wrong type, or a template names no field.
    """
    if raw is None:
        return None
    table = _table(where, raw)
    _known(where, table, frozenset(("field", "templates", "only")))
    templates, only = _list(where, table, "templates"), _table(f"{where}.only", table.get("only", {}))
    for i, template in enumerate(templates):
        if not isinstance(template, str) or not re.fullmatch(r"([^{}]*\{[a-z_]+\})+[^{}]*", template):
            raise DeclarationError(f"{where}.templates[{i}]", "expected a text that names fields in braces")
    if not all(isinstance(value, str) for value in only.values()):
        raise DeclarationError(f"{where}.only", "expected texts")
    return Composite(field=_text(where, table, "field"), templates=tuple(templates), only=only)


def municipalities(where: str, raw: object) -> dict[str, tuple[str, ...]]:
    """Read a table of municipalities: the code of five digits = the names with which its addresses may begin.

    Raises:
        DeclarationError: A code has not five digits, or a name is no text.
    """
    table = _table(where, raw)
    for code, names in table.items():
        if len(code) != len("13107") or not code.isascii() or not code.isdecimal():
            raise DeclarationError(f"{where}.{code}", "expected a code of five digits")
        if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
            raise DeclarationError(f"{where}.{code}", "expected a list of names")
    return {code: tuple(names) for code, names in table.items()}


def _check(where: str, layout: Layout) -> None:
    names = [c.name for c in layout.columns]
    if not names:
        raise DeclarationError(where, "no columns")
    if len(set(names)) != len(names):
        raise DeclarationError(where, "a column name stands twice")
    if layout.kind == "fixed_width":
        end = 0
        for column in sorted(layout.columns, key=lambda c: c.offset):
            if column.length <= 0 or column.offset < end or column.offset + column.length > layout.record_bytes:
                raise DeclarationError(
                    f"{where}: {column.name}",
                    f"bytes {column.offset}+{column.length} overlap or lie outside {layout.record_bytes}",
                )
            if column.charset == "juki" and column.length % 2:
                raise DeclarationError(f"{where}: {column.name}", f"got {column.length} bytes, expected an even number")
            end = column.offset + column.length
    for column in layout.columns:
        if column.charset not in ("ascii", "juki"):
            raise DeclarationError(f"{where}: {column.name}.charset", f"got {column.charset!r}, expected ascii or juki")
    if layout.control_column and layout.control_column not in names:
        raise DeclarationError(f"{where}: control_column", f"no column {layout.control_column!r}")


def _column(where: str, raw: object) -> Column:
    table = _table(where, raw)
    _known(where, table, _COLUMN)
    decode = table.get("decode", [])
    if not isinstance(decode, list) or not all(isinstance(name, str) for name in decode):
        raise DeclarationError(f"{where}.decode", "expected a list of names")
    return Column(
        name=_text(where, table, "name"),
        source=_text(where, table, "source", "") or _text(where, table, "name"),
        offset=_int(where, table, "offset", 0),
        length=_int(where, table, "length", 0),
        charset=_text(where, table, "charset", "ascii"),
        decode=tuple(decode),
        system=_text(where, table, "system", ""),
    )


def _envelope(where: str, raw: object) -> Envelope | None:
    if raw is None:
        return None
    table = _table(where, raw)
    slots = {name: _slot(f"{where}.{name}", slot) for name, slot in table.items() if name != "mark"}
    return Envelope(mark=_text(where, table, "mark"), slots=slots)


def _slot(where: str, raw: object) -> Slot:
    table = _table(where, raw)
    _known(where, table, frozenset(("offset", "length")))
    return Slot(offset=_int(where, table, "offset"), length=_int(where, table, "length", 0))


def _code_lists(where: str, raw: object) -> Mapping[str, Mapping[str, str]]:
    lists = _table(f"{where}: code_lists", raw)
    for name, codes in lists.items():
        for code, meaning in _table(f"{where}: code_lists.{name}", codes).items():
            if not isinstance(meaning, str):
                raise DeclarationError(f"{where}: code_lists.{name}.{code}", "expected a text")
    return cast("Mapping[str, Mapping[str, str]]", lists)


def _sentinels(where: str, raw: object) -> Mapping[str, tuple[str, str]]:
    table = _table(f"{where}: sentinels", raw)
    for name, values in table.items():
        if not isinstance(values, list) or [type(value) for value in values] != [str, str]:
            raise DeclarationError(f"{where}: sentinels.{name}", "expected two texts, one a test person")
    return {name: (values[0], values[1]) for name, values in table.items()}


def _list(where: str, table: Mapping[str, Any], key: str) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise DeclarationError(f"{where}: {key}", f"got {type(value).__name__}, expected a list")
    return value


def _int(where: str, table: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = table.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DeclarationError(f"{where}: {key}", f"got {type(value).__name__}, expected a whole number")
    return value
