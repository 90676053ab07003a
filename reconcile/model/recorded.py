"""What the ledger holds besides the findings: runs, what people decided, what two of them closed by hand, site keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from reconcile.model.produced import TOKYO, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One run as the ledger holds it. `verdict` None: it was begun and neither ended nor gave up.

    `records` and `sha256` are left, right; None where it came to no comparison. `counts` is a part of its summary.
    """

    run_id: str
    night: date
    started_at: datetime
    verdict: Verdict | None
    code: str | None = None
    manifest: str | None = None
    superseded_by: str | None = None
    records: tuple[int | None, int | None] = (None, None)
    sha256: tuple[str | None, str | None] = (None, None)
    counts: Mapping[str, Any] = field(default_factory=dict)
    deleting: date | None = None
    deleted: date | None = None

    @property
    def claims(self) -> bool:
        """Whether it ended in a verdict that claims something."""
        return self.verdict is not None and self.verdict.claims


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run that came to a comparison leaves behind. `manifest` is the digest of its manifest."""

    verdict: Verdict
    manifest: str
    records: tuple[int, int]
    sha256: tuple[str, str]
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided about a finding. `operator` is a staff id, `reason` a word of a fixed list."""

    finding_id: str
    state: str
    reason: str | None
    operator: str | None
    due: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A finding that one person asked to close by hand, and whether another one granted it.

    Each `night` is the newest one that had claimed something by then; the last three are None until it is granted.
    """

    finding_id: str
    reason: str
    asked_by: str
    asked_at: datetime
    asked_night: date
    closed_by: str | None = None
    closed_at: datetime | None = None
    closed_night: date | None = None

    @property
    def closed_on(self) -> date | None:
        """The day on which it was granted."""
        return self.closed_at and self.closed_at.astimezone(TOKYO).date()


class Keys(NamedTuple):
    """Under which site keys the ids were made, each key by its id.

    Attributes:
        in_force: That of the newest rotation; "" if there never was one.
        former: Those that a rotation replaced.
        earlier: Finding -> the former key that made its id, of those that no rotation could re-link.
    """

    in_force: str
    former: frozenset[str]
    earlier: Mapping[str, str]
