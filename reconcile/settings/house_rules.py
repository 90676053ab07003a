"""What a site has decided about severities, scope and thresholds: read from its run file, each by name and date.

```toml
[[severity]]                    # one a code; printed on every report
code = "F3"
severity = "要確認"
from = 2027-05-26               # 基準日 from which on it holds; left out: at once
approver = "窓口課長"
date = 2026-11-01

[scope]                         # instead of the rules that the dataset applies by itself
rules = ["expired", "supplementary", "provisional"]
approver = "窓口課長"
date = 2026-11-01

[alarms]                        # any of the numbers of `model.Limits`
rate_max = 0.002
approver = "統括責任者"
date = 2026-11-01
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

from reconcile.errors import ConfigError
from reconcile.model import Category, Change, Dataset, Limits, Scope
from reconcile.settings import toml

TABLES = ("severity", "scope", "alarms")
"""The tables of a run file that are read here."""

GIVEN = ("重大", "要修正", "要確認", "情報")
"""The severities that a site may give. 時差 is said by the clocks, and 対象外 by a rule of scope: neither by decree."""

_SEVERITY = frozenset("code severity actor from approver date".split())
_SCOPE = frozenset("rules approver date".split())
_NUMBERS: dict[str, Any] = {
    limit.name: limit.default for limit in fields(Limits) if limit.name not in ("approver", "date")
}
_SHARES = ("rate_max", "whole_field_min")


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """A site's decisions. `scope` names the rules that apply, None for the dataset's usual ones."""

    changes: tuple[Change, ...] = ()
    scope: tuple[str, ...] | None = None
    scope_approver: str = ""
    scope_date: str = ""
    limits: Limits = field(default_factory=Limits)


def read(where: str, raw: Mapping[str, Any]) -> HouseRules:
    """Read the three tables of a run file.

    Args:
        where: The run file's name, for errors.
        raw: The whole run file.

    Raises:
        ConfigError: A key is unknown, missing or wrong, or nobody signed for it.
    """
    changes = _entries(f"{where}: severity", raw.get("severity", []))
    found = tuple(_change(f"{where}: severity[{place}]", entry) for place, entry in enumerate(changes))
    twice = sorted({one.code for one in found if [two.code for two in found].count(one.code) > 1})
    if twice:
        raise ConfigError(f"{where}: severity", f"got code {twice[0]!r} twice, expected each once")
    scope = toml.table(f"{where}: scope", raw["scope"]) if "scope" in raw else None
    alarms = toml.table(f"{where}: alarms", raw["alarms"]) if "alarms" in raw else None
    return HouseRules(
        changes=found,
        scope=_rules(f"{where}: scope", scope),
        scope_approver="" if scope is None else _text(f"{where}: scope", scope, "approver"),
        scope_date="" if scope is None else toml.day(f"{where}: scope", scope, "date"),
        limits=_limits(f"{where}: alarms", alarms),
    )


def apply(dataset: Dataset, rules: HouseRules, day: date) -> Dataset:
    """The dataset as the site has it on a day: its severities, its actors, what is out of scope.

    Args:
        dataset: As declared.
        rules: The site's.
        day: The day that the run is about; a change that begins later does not hold yet.

    Raises:
        ConfigError: A code or a rule that the dataset does not have.
    """
    taxonomy = dict(dataset.taxonomy)
    for change in rules.changes:
        if change.code not in taxonomy:
            known = ", ".join(taxonomy) or "none"
            raise ConfigError("severity.code", f"got {change.code!r}, expected one of: {known}")
        if change.since <= day.isoformat():
            taxonomy[change.code] = _changed(taxonomy[change.code], change)
    return replace(dataset, taxonomy=taxonomy, scope=_applied(dataset.scope, rules))


def _changed(category: Category, change: Change) -> Category:
    return replace(
        category,
        severity=change.severity,
        actor=change.actor or category.actor,
        declared=category.severity,
        change=change,
    )


def _applied(declared: Sequence[Scope], rules: HouseRules) -> tuple[Scope, ...]:
    if rules.scope is None:
        return tuple(declared)
    names = [rule.name for rule in declared]
    if unknown := [name for name in rules.scope if name not in names]:
        raise ConfigError("scope.rules", f"got {unknown[0]!r}, expected any of: {', '.join(names) or 'none'}")
    return tuple(
        replace(rule, applies=rule.name in rules.scope, approver=rules.scope_approver, date=rules.scope_date)
        for rule in declared
    )


def _change(where: str, entry: Mapping[str, Any]) -> Change:
    toml.known(where, entry, _SEVERITY)
    severity = _text(where, entry, "severity")
    if severity not in GIVEN:
        raise ConfigError(f"{where}.severity", f"got {severity!r}, expected one of: {', '.join(GIVEN)}")
    return Change(
        code=_text(where, entry, "code"),
        severity=severity,
        approver=_text(where, entry, "approver"),
        date=toml.day(where, entry, "date"),
        actor=_text(where, entry, "actor") if "actor" in entry else "",
        since=toml.day(where, entry, "from") if "from" in entry else "",
    )


def _rules(where: str, table: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    if table is None:
        return None
    toml.known(where, table, _SCOPE)
    if "rules" not in table:
        raise ConfigError(f"{where}.rules", "missing, expected a list of names of rules; [] for none")
    return toml.texts(where, table, "rules", "names of rules; [] for none")


def _limits(where: str, table: Mapping[str, Any] | None) -> Limits:
    if table is None:
        return Limits()
    toml.known(where, table, frozenset((*_NUMBERS, "approver", "date")))
    given: dict[str, Any] = {name: _number(where, table, name) for name in _NUMBERS if name in table}
    return Limits(**given, approver=_text(where, table, "approver"), date=toml.day(where, table, "date"))


def _number(where: str, table: Mapping[str, Any], name: str) -> int | float:
    value: Any = table[name]
    whole = isinstance(_NUMBERS[name], int)
    kind = isinstance(value, int) if whole else isinstance(value, int | float)
    if isinstance(value, bool) or not kind or not value > 0 or (name in _SHARES and value > 1):
        said = "a whole number from 1" if whole else "a number above 0" + (" and at most 1" if name in _SHARES else "")
        raise ConfigError(f"{where}.{name}", f"expected {said}")
    number: int | float = value
    return number


def _entries(where: str, raw: object) -> list[Mapping[str, Any]]:
    if not isinstance(raw, list) or not all(isinstance(entry, dict) for entry in raw):
        raise ConfigError(where, "expected [[severity]] tables, one a code")
    return raw


def _text(where: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where}.{key}", "expected a text that is not empty", hint="who decided it, and when")
    return value
