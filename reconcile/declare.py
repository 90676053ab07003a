"""How a dataset is declared: a pandera model whose fields carry, as metadata, all that the engine derives from.

`item()` is the one typed helper with which a field is declared; `dataset()` reads a model back into a `Dataset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandera.polars as pa

from reconcile.errors import DeclarationError
from reconcile.model import (
    Category,
    Comparator,
    Dataset,
    Events,
    Exact,
    Field,
    Proposal,
    Scope,
    Secrecy,
    Side,
    TestMark,
    Timing,
)

METADATA = "reconcile"


def item(
    label: str,
    *,
    comparator: Comparator | None = None,
    secrecy: Secrecy = Secrecy.PERSONAL,
    codes: Mapping[str, str] | None = None,
    key: bool = False,
    compared: bool = True,
    check_digit: str = "",
    code_system: bool = False,
    location: bool = False,
    pattern: str | None = None,
    nullable: bool = True,
) -> Any:  # noqa: ANN401  pandera's own Field returns Any
    """One field of a dataset, in one line.

    Args:
        label: The term as the law or the standard prints it.
        comparator: When two values mean the same; exact text if not given.
        secrecy: How far its values may travel.
        codes: Grade of the comparator -> code of the taxonomy.
        key: Whether it is (part of) the key. A key is never null.
        compared: Whether its values are compared.
        check_digit: The algorithm that its last digit follows (`reconcile.rules.check_digit`), or "".
        code_system: Whether its codes are local, and compared only between sides that declare one system.
        location: Whether it tells where the person lives, and is hidden for a protected person.
        pattern: A regular expression that the whole canonical text must match; a row that does not is rejected.
        nullable: Whether a row may lack it; a row without a key is always rejected.
    """
    declared = Field(
        name="",
        label=label,
        comparator=comparator or Exact(),
        secrecy=secrecy,
        codes=dict(codes or {}),
        key=key,
        compared=compared and not key,
        check_digit=check_digit,
        code_system=code_system,
        location=location,
    )
    return pa.Field(
        nullable=nullable and not key,
        str_matches=None if pattern is None else f"^(?:{pattern})$",
        title=label,
        metadata={METADATA: declared},
    )


def dataset(
    name: str,
    label: str,
    model: type[pa.DataFrameModel],
    *,
    codes: Mapping[str, str],
    taxonomy: Mapping[str, Category],
    second_key: str = "",
    state: str = "",
    closed: tuple[str, ...] = (),
    kind: str = "",
    former_key: str = "",
    list_key: str = "",
    protected: str = "",
    municipality: str = "",
    person: tuple[str, ...] = (),
    identity: tuple[tuple[str, ...], ...] = (),
    timing: Timing | None = None,
    proposals: Mapping[str, tuple[Proposal, ...]] | None = None,
    purpose: str = "",
    marks: Mapping[Side, str] | None = None,
    sentinels: tuple[Mapping[str, str], ...] = (),
    sentinel_key: str = "",
    test_mark: TestMark | None = None,
    scope: tuple[Scope, ...] = (),
    grouped_by: tuple[str, ...] = (),
    place: str = "",
    budget: Mapping[str, str] | None = None,
    events: Events | None = None,
) -> Dataset:
    """Read a pandera model into a `Dataset`.

    Raises:
        DeclarationError: A field without `item()`, no key, a code that the taxonomy does not have, a rule or group that
            names no field, or test people who agree in a compared field.
    """
    fields: list[Field] = []
    for column, about in model.to_schema().columns.items():
        declared = (about.metadata or {}).get(METADATA)
        if not isinstance(declared, Field):
            raise DeclarationError(f"{name}.{column}", "declared without item()", hint="use reconcile.declare.item")
        fields.append(
            Field(
                name=column,
                label=declared.label,
                comparator=declared.comparator,
                secrecy=declared.secrecy,
                codes=declared.codes,
                key=declared.key,
                compared=declared.compared,
                check_digit=declared.check_digit,
                code_system=declared.code_system,
                location=declared.location,
            )
        )
    if not any(f.key for f in fields):
        raise DeclarationError(name, "no key, expected at least one field with key=True")
    used = {*codes.values(), *(budget or {})} | {code for f in fields for code in f.codes.values()}
    if unknown := sorted(used - set(taxonomy)):
        raise DeclarationError(name, f"codes without a category: {', '.join(unknown)}")
    if unknown := sorted(set(proposals or {}) - set(taxonomy)):
        raise DeclarationError(name, f"proposals for codes without a category: {', '.join(unknown)}")
    alike = [f.name for f in fields if f.compared and len({person.get(f.name) for person in sentinels}) == 1]
    if alike:
        raise DeclarationError(f"{name}: sentinels", f"the two people agree in {', '.join(alike)}")
    known = {f.name for f in fields}
    named = {*grouped_by, place, *(name for rule in scope for name in (rule.field, rule.since))} - {""}
    if unknown := sorted(named - known):
        raise DeclarationError(name, f"names no field: {', '.join(unknown)}")
    return Dataset(
        name=name,
        label=label,
        fields=tuple(fields),
        codes=codes,
        taxonomy=taxonomy,
        second_key=second_key,
        state=state,
        closed=closed,
        kind=kind,
        former_key=former_key,
        list_key=list_key,
        protected=protected,
        municipality=municipality,
        person=person,
        identity=identity,
        timing=timing,
        proposals=proposals or {},
        purpose=purpose,
        marks=marks or {},
        sentinels=sentinels,
        sentinel_key=sentinel_key,
        test_mark=test_mark,
        scope=scope,
        grouped_by=grouped_by,
        place=place,
        budget=dict(budget or {}),
        events=events,
        schema=model,
    )
