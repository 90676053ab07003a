"""Stage 5: what was found, said in the dataset's taxonomy: one row a finding, with its code, severity and ground.

Every source of findings (pairs that differ, keys without partner, repeated keys, refused rows, what was noticed
about single rows) is brought into one shape, coded by two tables of the dataset (kind -> code; field and grade ->
code), given an id and sorted. Nothing is sampled, nothing is suppressed here without standing in another finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from reconcile.classify.characters import character_pairs
from reconcile.classify.events import with_parts
from reconcile.classify.existence import existence, repeated_keys
from reconcile.classify.identify import finding_ids
from reconcile.classify.people import MIXED, one_number
from reconcile.errors import ConfigError
from reconcile.model import ROW, Dataset, Field, Material, Secrecy, Side, compact, findings_schema, variants_schema

__all__ = ["Findings", "classify", "identified"]


class Findings(NamedTuple):
    """What was found.

    Attributes:
        findings: `findings_schema`, `compact`, sorted by key, then field order.
        variants: `variants_schema`, `compact`, sorted alike.
        characters: `classify.characters.PAIRS`: the pairs of characters behind both.
    """

    findings: pl.DataFrame
    variants: pl.DataFrame
    characters: pl.DataFrame


_TERM = pl.Categorical()

SHAPE = pl.Schema(
    {
        "kind": _TERM,
        "field": _TERM,
        "grade": _TERM,
        "left_raw": pl.String(),
        "right_raw": pl.String(),
        "left_row": pl.UInt32(),
        "right_row": pl.UInt32(),
        "rule": _TERM,
        "hint": _TERM,
    }
)
"""What every source of findings is brought into, behind the key's columns."""


def classify(material: Material, dataset: Dataset, approved: Mapping[str, pl.DataFrame]) -> Findings:
    """Make findings and variants. `identified` gives the findings their ids.

    Args:
        material: What the comparison and the checks brought up.
        dataset: Its codes, fields and taxonomy.
        approved: Field -> the approved identifications that applied to it.

    Raises:
        ConfigError: A key column bears a name that the findings frame has itself.
    """
    key = list(dataset.key)
    if taken := [name for name in key if name in findings_schema(()).names()]:
        raise ConfigError("key", f"got a column named {taken[0]!r}, which the findings have too", hint="rename it")
    internal = [f"k{i}" for i in range(len(key))]
    shape = pl.Schema({**{k: pl.String() for k in internal}, **SHAPE})

    def shaped(frame: pl.DataFrame) -> pl.DataFrame:
        absent = {name: pl.lit(None, dtype) for name, dtype in shape.items() if name not in frame.columns}
        return frame.with_columns(**absent).select(pl.col(name).cast(dtype) for name, dtype in shape.items())

    # The same memory, if nothing agrees under a rule: of a column that differs everywhere there are millions.
    values = material.values
    unequal = values.filter(~pl.col("equal")) if values["equal"].any() else values
    found = pl.concat(
        [
            shaped(unequal.with_columns(kind=pl.lit("value"), hint=_with_types(material.types))),
            *(shaped(frame) for frame in _about_records(material, internal, dataset)),
        ]
    )
    order = pl.col("field").replace_strict(
        {field.name: position for position, field in enumerate(dataset.fields)}, default=-1, return_dtype=pl.Int32
    )
    by_reason = pl.coalesce(_code_of_reason(dataset), _code(dataset))
    found = (
        _explained(_without_my_number(found, dataset.fields), material, shape)
        .with_columns(
            code=pl.when(_own_code(dataset)).then(_code(dataset)).otherwise(by_reason).cast(_TERM), _order=order
        )
        .with_columns(severity=_severity(dataset).cast(_TERM))
        .pipe(with_parts, material.swapped, dataset, internal)
        .with_columns(rule=_ground(dataset))
        .drop("grade", "reason")
        .pipe(_sorted, [*internal, "_order", "kind", "left_row", "right_row"])
    )
    names = dict(zip(internal, key, strict=True))
    variants = (
        shaped(material.values.filter("equal"))
        .with_columns(code=_code(dataset), _order=order)
        .sort(*internal, "_order", "left_row", "right_row")
    )
    columns = [name for name in findings_schema(tuple(key)).names() if name != "finding_id"]
    return Findings(
        findings=compact(found.rename(names).select(columns)),
        variants=compact(variants.rename(names).select(variants_schema(tuple(key)).names())),
        characters=character_pairs(material.values, dataset, internal, approved),
    )


def identified(found: Findings, dataset: Dataset, site_key: bytes) -> Findings:
    """The findings of `classify`, each with its id.

    By itself, so that what they were made of can go before: of a column that differs everywhere both are large.

    Args:
        found: As `classify` returns them.
        dataset: Its name and key.
        site_key: Keys the ids; never empty.
    """
    key = list(dataset.key)
    ids = finding_ids(found.findings, key, dataset.name, site_key)
    return found._replace(findings=found.findings.insert_column(0, ids))


def _sorted(found: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """A frame in order, null first, which is used up: column by column, so that millions do not stand there twice."""
    order = found.select(pl.arg_sort_by(by, nulls_last=False)).to_series()
    return pl.DataFrame([found.drop_in_place(name).gather(order) for name in found.columns])


def _about_records(material: Material, key: list[str], dataset: Dataset) -> list[pl.DataFrame]:
    """Findings whose subject is a record or one side's field, not a pair of values."""
    frames = existence(material.only, material.hints, material.partners, key, dataset.key[0])
    for side in Side:
        row = f"{side}_row"
        frames.append(repeated_keys(material.repeated, side))
        frames.append(
            material.rejects[side].select(
                *key, "field", pl.col(ROW).alias(row), kind=pl.lit(f"reject_{side}"), rule="check"
            )
        )
        frames.append(
            material.counterparts[side].select(
                *key, pl.col(ROW).alias(row), kind=pl.lit(f"reject_{side}"), rule=pl.lit("counterpart_rejected")
            )
        )
        frames.append(
            material.notices[side].select(
                *key,
                "field",
                pl.col(ROW).alias(row),
                kind=pl.format("{}_{}", "check", pl.lit(side.value)),
                rule="check",
            )
        )
    frames += [one_number(material, key, dataset.second_key), _crossed(material.swapped, key)]
    who = [*key, "left_row", "right_row"]
    mixed = material.reasons.filter(pl.col("reason") == MIXED).rename({"reason": "rule", "evidence": "hint"})
    if mixed.is_empty():
        return frames
    whose = material.values.select(who).unique(maintain_order=True)
    # Who crossed over with another is one event of both keys, and told by the swap.
    for mine in (key, [f"{name}:right" for name in key]):
        whose = whose.join(material.swapped, left_on=key, right_on=mine, how="anti", maintain_order="left")
    frames.append(mixed.join(whose, on=who[-2:], how="inner").with_columns(kind=pl.lit(MIXED)))
    return frames


def _crossed(swapped: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    swap = pl.format(
        "{}<->{}", pl.concat_str(key, separator="|"), pl.concat_str([f"{k}:right" for k in key], separator="|")
    )
    said = pl.lit("identity_swap")
    return swapped.select(*key, "left_row", "right_row", kind=said, rule=said, hint=swap)


def _explained(found: pl.DataFrame, material: Material, shape: pl.Schema) -> pl.DataFrame:
    """Findings with what explains the whole pair, or the whole leftover row: `reason`, and its evidence as hint."""
    about = pl.col("kind").is_in(["value", "only_left", "only_right", "other_key"])
    # Of two people under one key the record is told (`_about_records`), and its items keep their own ground.
    reasons = material.reasons.filter(pl.col("reason") != MIXED)
    if reasons.is_empty():
        return found.with_columns(reason=pl.lit(None, _TERM))
    told = found.join(
        reasons, on=["left_row", "right_row"], how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(pl.when(about).then(pl.col("reason", "evidence")))
    return told.with_columns(rule=pl.coalesce("reason", "rule"), hint=pl.coalesce("evidence", "hint")).select(
        *shape, "reason"
    )


def _ground(dataset: Dataset) -> pl.Expr:
    """The rule of a finding; where none explains it, that every rule was tried: nobody has to guess from an empty cell.

    An ad-hoc dataset has no rules that could have been tried.
    """
    if not dataset.taxonomy:
        return pl.col("rule")
    kind = pl.col("kind")
    plain = (
        pl.when(kind == "value")
        .then(pl.when(pl.col("grade") == "missing").then(pl.lit("one_side_only")).otherwise(pl.lit("no_rule")))
        .when(kind.is_in(["only_left", "only_right"]))
        .then(pl.lit("no_partner"))
        .otherwise(pl.lit("repeated_key"))
    )
    return pl.coalesce("rule", plain)


def _with_types(types: Mapping[str, str]) -> pl.Expr:
    if not types:
        return pl.col("hint")
    return pl.coalesce("hint", pl.col("field").replace_strict(types, default=None, return_dtype=_TERM))


def _without_my_number(found: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """個人番号 is compared in memory and stands in no output (番号法; `architecture.md` §8)."""
    hidden = [field.name for field in fields if field.secrecy is Secrecy.MY_NUMBER]
    if not hidden:
        return found
    secret = pl.col("field").is_in(hidden)
    # Which side has none is no secret, and whoever is to ask for the number must know it.
    none = {side: secret & pl.col(f"{side}_raw").is_null() & (pl.col("grade") == "missing") for side in Side}
    hint = (pl.when(none[side]).then(pl.lit(f"{side}_missing")) for side in Side)
    return found.with_columns(
        pl.coalesce(*hint, "hint").alias("hint"),
        *(pl.when(secret).then(None).otherwise(pl.col(raw)).alias(raw) for raw in ("left_raw", "right_raw")),
    )


def _code(dataset: Dataset) -> pl.Expr:
    """The code of the taxonomy: by field and grade for a value, by kind for the rest; null for an ad-hoc dataset."""
    if not dataset.codes and not any(field.codes for field in dataset.fields):
        return pl.lit(None, _TERM)
    by_kind = pl.col("kind").replace_strict(dataset.codes, default=None, return_dtype=pl.String)
    grades: dict[str, str] = {}
    others: dict[str, str] = {}
    for field in dataset.fields:
        grades.update({f"{field.name}\0{grade}": code for grade, code in field.codes.items()})
        if "different" in field.codes:
            others[field.name] = field.codes["different"]
    by_grade = pl.concat_str("field", "grade", separator="\0")
    by_value = pl.coalesce(
        by_grade.replace_strict(grades, default=None, return_dtype=pl.String),
        pl.col("field").replace_strict(others, default=None, return_dtype=pl.String),
    )
    return pl.when(pl.col("grade").is_not_null()).then(by_value).otherwise(by_kind)


def _code_of_reason(dataset: Dataset) -> pl.Expr:
    if not dataset.codes:
        return pl.lit(None, _TERM)
    return pl.col("reason").replace_strict(dataset.codes, default=None, return_dtype=pl.String)


def _own_code(dataset: Dataset) -> pl.Expr:
    """Values of the second key that are behind for too long: no lawful change on its way, but two numbers (B2)."""
    return (pl.col("field").eq_missing(dataset.second_key) & (pl.col("reason") == "overdue")).fill_null(value=False)


def _severity(dataset: Dataset) -> pl.Expr:
    if not dataset.taxonomy:
        return pl.lit(None, _TERM)
    severities = {code: category.severity for code, category in dataset.taxonomy.items()}
    return pl.col("code").replace_strict(severities, default=None, return_dtype=pl.String)
