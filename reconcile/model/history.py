"""What is remembered of findings from night to night: ids, codes, severities and dates, never a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import polars as pl


class Status(StrEnum):
    """Where a finding stands against the nights before."""

    NEW = "new"
    OPEN = "open"
    CHANGED = "changed"
    REAPPEARED = "reappeared"
    RESOLVED = "resolved"
    UNCONFIRMED = "unconfirmed"  # open, and this night could neither find it nor prove it gone


BREAKS = pl.Schema(
    {
        "finding_id": pl.String,
        "person": pl.String,
        "field": pl.String,
        "code": pl.String,
        "severity": pl.String,
        "resolved": pl.Boolean,
        "first_seen": pl.Date,
        "since": pl.Date,
        "last_seen": pl.Date,
        "resolved_on": pl.Date,
        "nights": pl.UInt32,
        "carried_since": pl.Date,
        "carried_nights": pl.UInt32,
    }
)
"""One row a finding that was ever seen.

`person` is the keyed hash of its key (null if it has none), `code` and `severity` are as classified (before any
promotion). `since` begins the present appearance, `nights` counts the nights of it on which it was seen.
`carried_since` and `carried_nights` are the same of the present stretch of nights as a timing difference
(`carried_nights` counts nights of days on which the office is open), null and 0 outside one.
"""

STANDING = pl.Schema(
    {
        "finding_id": pl.String,
        "status": pl.String,
        "code": pl.String,
        "field": pl.String,
        "severity": pl.String,
        "since": pl.Date,
        "days": pl.Int32,
        "business_days": pl.Int32,
        "nights": pl.UInt32,
        "promoted": pl.Boolean,
    }
)
"""One row a finding of tonight, a finding resolved tonight, or an open one that tonight proves nothing of.

`status` is one of `Status`. `severity` is after promotion. `days` and `business_days` count from `since` to tonight.
"""

LINKS = pl.Schema(dict.fromkeys(("finding_id", "new_id", "new_person"), pl.String()))
"""One row a finding of the ledger that was recognized under the key that made its id: its id and its person (null if it
has none) under another key."""

PERSONS = pl.Schema({"person": pl.String})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What tonight proves of keys without a finding.

    Attributes:
        conclusive: Whether the verdict may resolve anything (`architecture.md` §4).
        compared: PERSONS: keys that stand on both sides, paired, each compared in every field but `not_compared`.
        absent: PERSONS: keys that stand on neither side, every row of both having been read with its key.
        not_compared: Fields that only one side has.
        earlier: Findings whose ids were made under an earlier site key: nothing proves anything of them.
    """

    conclusive: bool
    compared: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PERSONS))
    absent: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PERSONS))
    not_compared: frozenset[str] = frozenset()
    earlier: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How long a difference may be taken for one of timing (`reference/domain.md` §5, step 4).

    Seen on more than `nights` nights of open days, or older than `business_days`, it is raised to `first`; beyond
    twice as much, to `then`. A code in `own` has a limit in business days of its own, and nights do not count.
    """

    timing: str = "時差"
    first: str = "要確認"
    then: str = "要修正"
    nights: int = 2
    business_days: int = 3
    own: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """Tonight against the nights before.

    Attributes:
        standing: STANDING, sorted by `finding_id`.
        breaks: BREAKS: the rows that tonight adds or alters, sorted by `finding_id`; empty if it is not conclusive.
        night: The day the run is about.
    """

    standing: pl.DataFrame
    breaks: pl.DataFrame
    night: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known of the nights before tonight.

    Attributes:
        before: BREAKS as it stood after the last of them.
        carried: The limits of timing.
        earlier: Those of its findings whose ids were made under an earlier site key.
    """

    before: pl.DataFrame
    carried: Carried = Carried()
    earlier: frozenset[str] = frozenset()
