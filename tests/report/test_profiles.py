"""Each profile in each format: what its readers may not see is not in the file, in whatever coding; what they may, is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from reconcile.errors import ConfigError
from reconcile.model import Report, Secrecy, findings_schema, variants_schema
from reconcile.report import FORMATS, PROFILES, render
from reconcile.report.profiles import READERS, for_reader
from schemas.identity_record import DATASET
from tests.canary import scan

FIELDS = [field for field in DATASET.compared if not field.location]
MINE = {field.name for field in DATASET.fields if field.secrecy is Secrecy.MY_NUMBER}
OPEN = {field.name for field in DATASET.fields if field.secrecy is Secrecy.OPEN}
LISTS = ("xlsx", "parquet", "csv")


def _canaries() -> dict[str, str]:
    """One for either value of each field in findings and variants, for keys, a hint and an id."""
    values = {
        f"{kind} {side} {field.name}": f"カナリア{kind[0]}{side[0]}{number:04}"
        for kind in ("finding", "variant")
        for side in ("left", "right")
        for number, field in enumerate(FIELDS)
    }
    return {
        **values,
        "key": "01234509876",
        "key of a variant": "01234509817",
        "hint": "候補カナリア9041",
        "id": "c0ffee5be1d09c77",
    }


CANARIES = _canaries()


@pytest.fixture
def planted(make: Callable[..., Report]) -> Report:
    def rows(kind: str) -> list[dict[str, object]]:
        return [
            {
                "finding_id": CANARIES["id"],
                "juminhyo_code": CANARIES["key" if kind == "finding" else "key of a variant"],
                "kind": "value",
                "code": "C1",
                "severity": "要修正",
                "field": field.name,
                "left_raw": CANARIES[f"{kind} left {field.name}"],
                "right_raw": CANARIES[f"{kind} right {field.name}"],
                "left_row": 1,
                "right_row": 1,
                "rule": "fold_width",
                "hint": CANARIES["hint"],
            }
            for field in FIELDS
        ]

    key = DATASET.key
    findings = pl.DataFrame(
        [{n: row[n] for n in findings_schema(key)} for row in rows("finding")], findings_schema(key)
    )
    variants = pl.DataFrame(
        [{n: row[n] for n in variants_schema(key)} for row in rows("variant")], variants_schema(key)
    )
    context = pl.DataFrame({"juminhyo_code": [CANARIES["key"]], "list_key": ["000"], "protected": [False]})
    return make(findings=findings, variants=variants, context=context)


def _permitted(profile: str) -> set[str]:
    """What a profile may show, from the declaration of the fields, not from the code under test."""
    open_values = {name for name in CANARIES if name.split()[-1] in OPEN}
    if profile == "worklist":
        return {name for name in CANARIES if name.split()[-1] not in MINE}
    return {*open_values, "id"} if profile == "audit" else set()


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_shows_what_it_may_and_nothing_else(profile: str, planted: Report, tmp_path: Path) -> None:
    for name, content in render(planted, FORMATS, profile):
        (tmp_path / name).write_bytes(content)

    found = scan(tmp_path, dict(CANARIES))

    assert found.unknown == ()
    assert found.files == len(FORMATS) + 1
    assert {hit.canary for hit in found.hits} - _permitted(profile) == set()
    rows = found.found_in("findings.parquet") | found.found_in("variants.parquet")
    assert rows == _permitted(profile)  # and nothing is lost that may be shown


def test_without_a_profile_each_format_is_for_whom_it_is_made(planted: Report, tmp_path: Path) -> None:
    for name, content in render(planted, FORMATS):
        (tmp_path / name).write_bytes(content)

    found = scan(tmp_path, dict(CANARIES))

    assert {hit.file.partition("!")[0] for hit in found.hits} == {
        "worklist.xlsx",
        "findings.csv",
        "findings.parquet",
        "variants.parquet",
    }
    assert {READERS[name] for name in LISTS} == {"worklist"}


@pytest.mark.parametrize("profile", sorted(PROFILES.keys() - {"worklist"}))
def test_what_is_counted_stays(profile: str, report: Report) -> None:
    masked = for_reader(report, profile)

    assert masked.findings.schema == report.findings.schema
    assert masked.variants.schema == report.variants.schema
    shown = ["kind", "code", "severity", "field", "left_row", "right_row", "rule"]
    assert masked.findings.select(shown).equals(report.findings.select(shown))
    (key,) = DATASET.key
    pairs = pl.DataFrame({"before": report.findings[key], "after": masked.findings[key]}).unique()
    assert pairs["before"].n_unique() == pairs["after"].n_unique() == pairs.height  # one number a person
    assert not set(pairs["before"].drop_nulls()) & set(pairs["after"].drop_nulls())


def test_the_paper_and_the_page_say_the_same_of_a_report_whose_people_are_gone(report: Report) -> None:
    (page,) = (content for _, content in render(report, ["html"]))
    (same,) = (content for _, content in render(report, ["html"], "worklist"))
    assert page == same


def test_nobody_s_profile_is_refused(report: Report) -> None:
    with pytest.raises(ConfigError, match="--profile"):
        list(render(report, ["json"], "everybody"))


def test_no_profile_reveals_the_number() -> None:
    assert {"kojin_bango"} == MINE
    assert all(Secrecy.MY_NUMBER not in profile.reveals for profile in PROFILES.values())
