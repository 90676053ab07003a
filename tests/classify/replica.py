"""A register that keeps its older rows, a CS that is told by messages, and what may go wrong between them.

Plain Python, one person at a time, and no polars: the model of `reference/domain.md` §5 that the engine is held to.
Times never stand still, so that no two rows of a person were processed at one instant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.classify.engine import STAMP, Person, person
from tests.classify.law import open_days

GRACE_DAYS = 1

FIELD_CODES = {
    "source_state": "A3",
    "name_kanji": "C1",
    "birth": "D1",
    "sex": "S1",
    "address_lot": "E2",
    "event_reason": "G1",
    "event_date": "G2",
}
"""What a difference is called that nothing explains (`reference/domain.md` §11)."""

EVENTS = {"event_reason", "event_date"}
"""What tells of the last event, not of the person (§1.6): a row that changed nothing else is no message."""

FOUR_ITEMS = {"name_kanji", "birth", "sex", "address_lot"}


@dataclass(frozen=True)
class State:
    """What is compared of a person. The field names are the dataset's."""

    name_kanji: str
    birth: str
    sex: str
    address_lot: str
    source_state: str
    event_reason: str
    event_date: str

    def differs(self, other: State) -> set[str]:
        """The fields of which the two hold different values."""
        return {name for name in FIELD_CODES if getattr(self, name) != getattr(other, name)}

    def is_of(self, other: State) -> bool:
        """Whether the two are the same person in the same state, whatever the last event was."""
        return self.differs(other) <= EVENTS


@dataclass(frozen=True)
class Written:
    """A state, and when a system processed it."""

    state: State
    at: datetime

    def row(self, key: str, pending: str = "00") -> Person:
        """As a side holds it."""
        values = {name: str(getattr(self.state, name)) for name in FIELD_CODES}
        return person(key, **values, process_time=f"{self.at:{STAMP}}", pending=pending)


@dataclass(frozen=True)
class Copy:
    """A record of the CS: `queued` is "0", "1" (受理待ち) or "2" (エラー), `planned` "0" or "1" (予定者)."""

    written: Written
    queued: str = "0"
    planned: str = "0"

    @property
    def flags(self) -> str:
        """The column `pending`."""
        return self.queued + self.planned


@dataclass
class World:
    """Both systems. Register rows are oldest first, the last one is current; `messages` are not yet delivered."""

    register: dict[str, list[Written]] = field(default_factory=dict)
    cs: dict[str, Copy] = field(default_factory=dict)
    messages: dict[str, list[State]] = field(default_factory=dict)
    delivered: dict[str, list[State]] = field(default_factory=dict)

    def write(self, key: str, at: datetime, **changed: str) -> None:
        """A change at the counter: a new row, and a message to the CS, unless the registration is provisional."""
        rows = self.register[key]
        rows.append(Written(replace(rows[-1].state, **changed), at))
        if rows[-1].state.source_state != "仮登録":
            self.messages.setdefault(key, []).append(rows[-1].state)

    def write_of_the_household(self, key: str, at: datetime, event_date: str) -> None:
        """世帯分離: a new row with a new ground and day, and no message."""
        state = self.register[key][-1].state
        self.register[key].append(Written(replace(state, event_reason="世帯分離", event_date=event_date), at))

    def deliver(self, key: str, at: datetime, *, again: int | None = None) -> None:
        """The next message arrives and clears the flags; or an earlier one arrives once more and is taken as new."""
        if again is None:
            state = self.messages[key].pop(0)
            self.delivered.setdefault(key, []).append(state)
        else:
            state = self.delivered[key][again % len(self.delivered[key])]
        self.cs[key] = Copy(Written(state, at))


def expected(
    register: Mapping[str, list[Written]], cs: Mapping[str, Copy], t_register: datetime, t_cs: datetime
) -> dict[tuple[str, str, str | None], str]:
    """Key, kind and field of every difference -> its code."""
    instant = min(t_register, t_cs)
    codes: dict[tuple[str, str, str | None], str] = {}
    for key, rows in register.items():
        if key not in cs:
            codes[key, "only_right", None] = _code_of_arrival(rows, instant)
            continue
        different = _differences(rows, cs[key].written.state)
        if not different:
            continue
        whole = _code_of_pair(rows, cs[key], t_register, instant)
        if whole is None and different >= FOUR_ITEMS:
            codes[key, "mixed_identity", None] = "X1"
        codes |= {(key, "value", name): whole or FIELD_CODES[name] for name in different}
    return codes


def _differences(rows: list[Written], copy: State) -> set[str]:
    """What differs; the event not, where it is that of a row since which the state has not changed (§1.6)."""
    different = rows[-1].state.differs(copy)
    for row in reversed(rows):
        if not row.state.is_of(rows[-1].state):
            break
        if not row.state.differs(copy) & EVENTS:
            return different - EVENTS
    return different


def _code_of_arrival(rows: list[Written], instant: datetime) -> str:
    if rows[-1].state.source_state == "仮登録":
        return "T5"
    since = rows[-1]
    for row in reversed(rows):
        if row.state.source_state == "仮登録":
            break
        since = row
    # Step 3: 処理日 ≥ T − 猶予, of the row with which the register took the person in.
    return "T1" if open_days(since.at.date(), instant.date()) <= GRACE_DAYS else "A2"


def _code_of_pair(rows: list[Written], copy: Copy, t_register: datetime, instant: datetime) -> str | None:
    """The first that holds: flags, then history, then clocks (step 2)."""
    if copy.queued != "0":
        return "T2"
    if copy.planned == "1":
        return "T3"
    older = [k for k in range(len(rows) - 1) if rows[k].state == copy.written.state]
    if older:
        later = range(older[-1] + 1, len(rows))
        missed = rows[next(k for k in later if not rows[k].state.is_of(rows[k - 1].state))]
        return "T1" if open_days(missed.at.date(), instant.date()) <= GRACE_DAYS else "G3"
    if copy.written.at > rows[-1].at:
        return "T4" if copy.written.at >= t_register else "G4"
    return None
