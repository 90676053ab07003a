"""What is said of a run as a whole: thresholds, alarms, causes, rates; counts and declared words only, no key, no value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The thresholds of what is said of a whole run; a site may set others, by name and date.

    Attributes:
        rate_max: X2 above this share of truly mismatched persons among the pairs (`reference/domain.md` §7).
        multiple_max: X2 above this many times the median rate of the earlier runs.
        multiple_least: persons below which the multiple says nothing: three times almost nothing is almost nothing.
        runs: how many earlier runs the median is of.
        feed_changes_min: X3 from this many register changes on that are overdue and newer than all the CS has.
        cause_findings_min: findings from which on a group is one cause.
        cause_lift_min: how many times as frequent as elsewhere differences must be in the group.
        whole_field_min: share of the pairs from which on a field differs as a whole.
        small_cell: persons below which a place is not shown by name.
        approver: who set these, "" where they are ours.
        date: when, YYYY-MM-DD.
    """

    rate_max: float = 0.001
    multiple_max: float = 3.0
    multiple_least: int = 5
    runs: int = 6
    feed_changes_min: int = 10
    cause_findings_min: int = 20
    cause_lift_min: float = 5.0
    whole_field_min: float = 0.5
    small_cell: int = 5
    approver: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One thing that is wrong with the run as a whole. `figures` holds what it was decided by, thresholds included.

    `compared`: whether it rests on the comparison; then a run that claims nothing does not show it.
    """

    code: str
    label: str
    severity: str
    actor: str
    ja: str
    en: str
    todo_ja: str
    todo_en: str
    figures: Mapping[str, int | float | str]
    compared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Findings that have one cause in common, and so are one piece of work.

    Attributes:
        kind: What they have in common (`classify.causes.KINDS`).
        label: In words; the value itself only where it tells of nobody.
        findings: How many. Each stands in the list all the same.
        rows: How many records they are about.
        group: How many records of the whole side have what they have in common; None where that is not counted.
        lift: How many times as frequent as over all records a difference is in the group; None where not counted.
        codes: Code of the taxonomy -> findings.
    """

    kind: str
    label: str
    findings: int
    rows: int
    group: int | None
    lift: float | None
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A count and what it is a share of. `rate` is None without a whole."""

    label: str
    count: int
    of: int

    @property
    def rate(self) -> float | None:
        """The count as a share of the whole."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How many, of how many: persons and items apart (`reference/domain.md` §12, trap 34).

    Keys of both: `mismatch` (true mismatches alone), `with_timing` (and what is merely late), `timing`, `review`,
    and one for each budget that the dataset keeps apart. The whole of persons is pairs, that of items values compared.
    """

    persons: Mapping[str, Share]
    items: Mapping[str, Share]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Rows of one side that a named rule put out of scope."""

    side: str
    rule: str
    label: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Persons with a difference that asks for action at one place; `label` "" is the sum of all places too small."""

    label: str
    persons: int
    places: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """All that is said of a run as a whole.

    Attributes:
        alarms: Gravest first.
        causes: The largest first.
        considered: How many findings were looked at for a common cause: all but those that are merely
            late, and those that are parts of an event.
        pairs: What became of the pairs: name -> how many; the sum is all pairs.
        rates: None for a dataset without a taxonomy.
        outside: One line a side and rule.
        places: The largest first; small ones summed up.
        limits: The thresholds that all this was decided by.
    """

    alarms: tuple[Alarm, ...] = ()
    causes: tuple[Cause, ...] = ()
    considered: int = 0
    pairs: Mapping[str, int] = field(default_factory=dict)
    rates: Rates | None = None
    outside: tuple[Outside, ...] = ()
    places: tuple[Place, ...] = ()
    limits: Limits = field(default_factory=Limits)
