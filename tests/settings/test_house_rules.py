"""What a site decides otherwise: by name and date, or not at all (`reference/domain.md` §7, §11)."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import ConfigError
from reconcile.model import Limits
from reconcile.settings import house_rules
from schemas.identity_record import DATASET
from tests.classify.engine import person, run

SIGNED = 'approver = "窓口課長"\ndate = 2026-11-01\n'
F3 = '[[severity]]\ncode = "F3"\nseverity = "要確認"\nfrom = 2027-05-26\n' + SIGNED


def read(text: str) -> house_rules.HouseRules:
    return house_rules.read("run.toml", tomllib.loads(text))


def severity(text: str, code: str, day: date) -> str:
    return house_rules.apply(DATASET, read(text), day).taxonomy[code].severity


def test_the_example_of_the_module_can_be_read() -> None:
    example = re.search(r"```toml\n(.*?)```", str(house_rules.__doc__), re.DOTALL)
    assert example
    rules = read(example.group(1))
    assert (len(rules.changes), rules.scope, rules.limits.rate_max) == (
        1,
        ("expired", "supplementary", "provisional"),
        0.002,
    )
    house_rules.apply(DATASET, rules, date(2026, 11, 20))


def test_the_example_of_the_handbook_can_be_read() -> None:
    handbook = (Path(__file__).parents[2] / "docs" / "operator-handbook.ja.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(\[\[severity\]\].*?)```", handbook, re.DOTALL)
    assert example
    rules = read(example.group(1))
    house_rules.apply(DATASET, rules, date(2026, 11, 20))
    # What it says of the rules and numbers is what they are called, and what they are.
    assert set(re.findall(r"([a-z]+)\(", example.group(1))) == {rule.name for rule in DATASET.scope}
    assert (rules.limits.multiple_max, rules.limits.cause_lift_min) == (Limits().multiple_max, Limits().cause_lift_min)


def test_a_reading_is_to_be_looked_into_from_the_cut_over_date_on() -> None:
    assert severity("", "F3", date(2030, 1, 1)) == "情報"
    assert severity(F3, "F3", date(2027, 5, 25)) == "情報"
    assert severity(F3, "F3", date(2027, 5, 26)) == "要確認"


def test_the_severity_of_the_site_stands_on_the_finding_with_the_name_behind_it(tmp_path: Path) -> None:
    rules = read('[[severity]]\ncode = "E3"\nseverity = "要修正"\nactor = "課長"\n' + SIGNED)
    dataset = house_rules.apply(DATASET, rules, date(2026, 11, 24))
    at = datetime(2026, 11, 24, 2)  # noqa: DTZ001
    left, right = person("00000000019", address_katagaki="101"), person("00000000019", address_katagaki="102")
    report = run(tmp_path, [left], [right], at, dataset=dataset)
    assert report.findings["severity"].to_list() == ["要修正"]
    assert report.summary["severity_changes"] == [
        {
            "code": "E3",
            "severity": "要修正",
            "approver": "窓口課長",
            "date": "2026-11-01",
            "actor": "課長",
            "since": "",
            "declared": "要確認",
        }
    ]
    plain = run(tmp_path, [left], [right], at)
    assert (plain.findings["severity"].to_list(), plain.summary["severity_changes"]) == (["要確認"], [])


def test_scope_is_the_datasets_own_unless_the_site_names_rules() -> None:
    day = date(2026, 11, 20)

    def applied(text: str) -> list[str]:
        return [rule.name for rule in house_rules.apply(DATASET, read(text), day).scope if rule.applies]

    assert applied("") == ["expired", "supplementary"]
    assert applied('[scope]\nrules = ["provisional"]\n' + SIGNED) == ["provisional"]
    assert applied("[scope]\nrules = []\n" + SIGNED) == []


def test_limits_are_ours_unless_the_site_sets_its_own() -> None:
    assert read("").limits == Limits()
    limits = read("[alarms]\nfeed_changes_min = 3\n" + SIGNED).limits
    assert (limits.feed_changes_min, limits.rate_max, limits.approver, limits.date) == (
        3,
        0.001,
        "窓口課長",
        "2026-11-01",
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[[severity]]\ncode = "E3"\nseverity = "要修正"\n', "severity[0].approver"),
        ('[[severity]]\ncode = "E3"\nseverity = "要修正"\napprover = " "\ndate = 2026-11-01\n', "approver"),
        ('[[severity]]\ncode = "E3"\nseverity = "要修正"\napprover = "課長"\ndate = "2026-11-01"\n', "date"),
        ('[[severity]]\ncode = "B2"\nseverity = "時差"\n' + SIGNED, "severity[0].severity"),
        ('[[severity]]\ncode = "B2"\nseverity = "対象外"\n' + SIGNED, "severity[0].severity"),
        (F3 + F3, "twice"),
        ("[severity]\n" + SIGNED, "severity"),
        ('[scope]\nrules = "expired"\n' + SIGNED, "scope.rules"),
        ('[scope]\nrules = ["expired"]\n', "approver"),
        ("[alarms]\nrate_max = 0.002\n", "approver"),
        ("[alarms]\nrate_max = 0\n" + SIGNED, "rate_max"),
        ("[alarms]\nrate_max = 1.5\n" + SIGNED, "rate_max"),
        ("[alarms]\nruns = 2.5\n" + SIGNED, "runs"),
        ("[alarms]\nruns = true\n" + SIGNED, "runs"),
        ("[alarms]\nrate = 1\n" + SIGNED, "rate"),
    ],
)
def test_what_is_wrong_or_unsigned_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(where)):
        read(text)


@pytest.mark.parametrize(
    "text", ['[[severity]]\ncode = "Z9"\nseverity = "情報"\n' + SIGNED, '[scope]\nrules = ["all"]\n' + SIGNED]
)
def test_a_code_or_rule_that_the_dataset_does_not_have_is_refused(text: str) -> None:
    rules: Any = read(text)
    with pytest.raises(ConfigError):
        house_rules.apply(DATASET, rules, date(2026, 11, 20))
