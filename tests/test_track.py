"""From night to night: a plain model against stage 6 and the ledger, through failed nights, reruns and lost keys."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reconcile.ledger import NAME, open_ledger
from reconcile.model import BREAKS, PERSONS, TOKYO, Carried, Memory, Outcome, Proof, Verdict
from reconcile.track import track

MEMORY = Path("/dev/shm")  # noqa: S108  a thousand commits: flushing them is another test's subject
HOLIDAYS = (date(2026, 11, 23), date(2026, 12, 29), date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1))
FINDINGS = [(f"f{n}", f"p{n // 2}", "name" if n % 2 else None) for n in range(8)] + [("f8", None, "code")]
"""Two findings a person, one about the record and one about a field; and one about a row without a key."""

CODES = (("C1", "要修正"), ("T1", "時差"), ("T3", "時差"))
CARRIED = Carried(own={"T3": 6})


def nights_open(start: date, end: date) -> int:
    """Open days in [start, end), in plain Python."""
    days = (start + timedelta(n) for n in range((end - start).days))
    return sum(day.isoweekday() <= 5 and day not in HOLIDAYS for day in days)


@dataclass
class Known:
    """What the plain model knows of one finding."""

    code: str
    severity: str
    first: date
    since: date
    last: date
    nights: int
    resolved: date | None = None
    carried_since: date | None = None
    carried: int = 0
    by_hand: date | None = None

    @property
    def ended(self) -> date | None:
        return self.resolved or self.by_hand


def is_open_day(day: date) -> bool:
    return nights_open(day, day + timedelta(1)) == 1


class Model:
    """The rules of `reference/reliability.md` §2.1 and `domain.md` §5.4, one finding and one night at a time."""

    def __init__(self) -> None:
        self.now: dict[str, Known] = {}
        self.last_night: dict[str, Known] = {}
        self.night: date | None = None
        self.closed: dict[str, tuple[date, date]] = {}

    def close(self, name: str, day: date) -> None:
        """Two persons close a finding after the newest conclusive night: it holds until a later run finds it."""
        assert self.night
        self.closed[name] = (self.night, day)
        self.close_again()

    def close_again(self) -> None:
        for name, (after, day) in self.closed.items():
            if self.now[name].resolved is None and self.now[name].last <= after:
                self.now[name].by_hand = day

    def conclude(
        self, night: date, found: dict[str, tuple[str, str]], proven: set[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Statuses and shown severities of a conclusive run."""
        if night != self.night:
            self.last_night, self.night = {name: Known(**vars(one)) for name, one in self.now.items()}, night
            opened: set[str] = set()
        else:  # again: the night begins anew, but what it opened is not forgotten
            opened = {
                name
                for name in self.now
                if (name not in self.last_night or self.last_night[name].ended) and self.now[name].last == night
            }
            kept = {name: Known(**{**vars(self.now[name]), "by_hand": None}) for name in opened}
            self.now = {name: Known(**vars(one)) for name, one in self.last_night.items()} | kept
        self.close_again()
        status: dict[str, str] = {}
        for name, (code, severity) in found.items():
            self.closed.pop(name, None)
            old = self.now.get(name)
            timing = severity == "時差"
            if old is None or old.ended is not None or name in opened:
                first = old.first if old else night
                status[name] = "new" if first == night else "reappeared"
                one = Known(code, severity, first, night, night, 1)
                if timing:
                    one.carried_since, one.carried = night, int(is_open_day(night))
            else:
                status[name] = "open" if (code, severity) == (old.code, old.severity) else "changed"
                one = Known(code, severity, old.first, old.since, night, old.nights + 1)
                if timing and old.severity == "時差":
                    one.carried_since, one.carried = old.carried_since, old.carried + int(is_open_day(night))
                elif timing:
                    one.carried_since, one.carried = night, int(is_open_day(night))
            self.now[name] = one
        for name, one in self.now.items():
            if one.ended is None and name not in found:
                status[name] = "resolved" if name in proven else "unconfirmed"
                if name in proven:
                    one.resolved = night
        shown = {name: self.shown(name, night) for name in status if status[name] != "resolved"}
        self.close_again()
        return status, shown

    def shown(self, name: str, night: date) -> str:
        one = self.now[name]
        if one.severity != "時差" or one.carried_since is None:
            return one.severity
        age = nights_open(one.carried_since, night)
        for times, raised in ((2, "要修正"), (1, "要確認")):
            late = age > 6 * times if one.code == "T3" else one.carried > 2 * times or age > 3 * times
            if late:
                return raised
        return one.severity


class Nights(RuleBasedStateMachine):
    """Four people and a row without a key over many nights; every tenth night fails, some are run twice."""

    ran: ClassVar[int] = 0
    met: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        self.night = date(2026, 11, 19)  # a Thursday; the following Monday is a holiday
        self.runs = 0
        self.standing: dict[str, tuple[str, str]] = {}
        self.expected: dict[str, tuple[str, str]] = {}

    @rule(
        ahead=st.sampled_from((0, 1, 1, 1, 1, 2, 5)),
        fails=st.integers(0, 9),
        found=st.dictionaries(st.integers(0, len(FINDINGS) - 1), st.sampled_from(CODES)),
        lost=st.sets(st.integers(0, 3), max_size=2),
        absent=st.sets(st.integers(0, 3), max_size=2),
        vacuous=st.booleans(),
        twice=st.booleans(),
        closed=st.sampled_from((None, None, None, *(name for name, _, _ in FINDINGS))),
    )
    def run(
        self,
        ahead: int,
        fails: int,
        found: dict[int, tuple[str, str]],
        lost: set[int],
        absent: set[int],
        *,
        vacuous: bool,
        twice: bool,
        closed: str | None,
    ) -> None:
        self.night += timedelta(ahead)
        not_compared = frozenset(["name"] if vacuous else [])
        people = {f"p{n}" for n in range(4)}
        gone = {f"p{n}" for n in absent - lost}
        compared = people - gone - {f"p{n}" for n in lost}
        proven = {
            name
            for name, person, field in FINDINGS
            if person is None or person in gone or (person in compared and field not in not_compared)
        }
        tonight = {FINDINGS[n][0]: code for n, code in found.items()}
        proof = Proof(
            conclusive=fails > 0,
            compared=pl.DataFrame({"person": sorted(compared)}, schema=PERSONS),
            absent=pl.DataFrame({"person": sorted(gone)}, schema=PERSONS),
            not_compared=not_compared,
        )
        for _ in range(2 if twice else 1):
            self._run(tonight, proof, proven)
        if closed in self.model.now and self.model.now[closed].ended is None:
            self._close(closed)

    def _run(self, tonight: dict[str, tuple[str, str]], proof: Proof, proven: set[str]) -> None:
        self.runs += 1
        type(self).ran += 1
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=self.runs)
        frame = pl.DataFrame(
            [(name, person, field, *tonight[name]) for name, person, field in FINDINGS if name in tonight],
            schema=dict.fromkeys(("finding_id", "person", "field", "code", "severity"), pl.String),
            orient="row",
        )
        verdict = Verdict.MISMATCH if proof.conclusive else Verdict.INCONCLUSIVE
        with open_ledger(self.folder, expected=self.runs > 1) as ledger:
            ledger.begin(f"r{self.runs}", self.night, at)
            memory = Memory(before=ledger.breaks(before=self.night), carried=CARRIED)
            tracked = track(frame, memory, proof, self.night, HOLIDAYS)
            outcome = Outcome(verdict=verdict, manifest="0", records=(1, 1), sha256=("a", "b"), counts={})
            ledger.record(f"r{self.runs}", tracked, outcome)
            ledger.record(f"r{self.runs}", tracked, outcome)  # again: nothing may change
        rows = tracked.standing.select("finding_id", "status", "severity").rows()
        self.standing = {name: (status, severity) for name, status, severity in rows if status != "resolved"}
        if proof.conclusive:
            statuses, severities = self.model.conclude(self.night, tonight, proven)
            assert {name: status for name, status, _ in rows} == statuses
            self.met.update(statuses.values())
            self.met.update("raised" for name, said in severities.items() if said != self.model.now[name].severity)
            self.expected = {name: (statuses[name], said) for name, said in severities.items()}
        else:
            was = self.model.now if self.night != self.model.night else None
            if was is not None:
                still = {name for name, one in was.items() if one.ended is None}
                assert {(name, status) for name, status, _ in rows} == {(name, "unconfirmed") for name in still}
            self.met["inconclusive"] += 1
            self.expected = self.standing

    def _close(self, name: str) -> None:
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=self.runs, seconds=30)
        with open_ledger(self.folder, expected=True) as ledger:
            ledger.ask_closure(name, "その他", "one", at)
            ledger.grant_closure(next(one for one in ledger.closures() if not one.closed_by), "two", at)
        self.model.close(name, at.astimezone(TOKYO).date())
        self.met["closed by hand"] += 1

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @invariant()
    def the_paper_says_what_the_model_says(self) -> None:
        assert self.standing == self.expected

    @invariant()
    def the_ledger_holds_what_the_model_knows(self) -> None:
        if not (self.folder / NAME).exists():
            return
        with open_ledger(self.folder, expected=True) as ledger:
            stored = {row["finding_id"]: row for row in ledger.breaks().iter_rows(named=True)}
        model = {
            name: {
                "code": one.code,
                "severity": one.severity,
                "resolved": one.ended is not None,
                "first_seen": one.first,
                "since": one.since,
                "last_seen": one.last,
                "resolved_on": one.ended,
                "nights": one.nights,
                "carried_since": one.carried_since,
                "carried_nights": one.carried,
            }
            for name, one in self.model.now.items()
        }
        assert {name: {key: row[key] for key in model[name]} for name, row in stored.items()} == model


def live(lives: int, steps: int) -> None:
    Nights.ran, Nights.met = 0, Counter()
    run_state_machine_as_test(Nights, settings=settings(max_examples=lives, stateful_step_count=steps))
    print(f"nights {Nights.ran}, {dict(Nights.met)}")  # noqa: T201  the count is the result


def test_a_thousand_nights_agree_with_a_plain_model() -> None:
    live(31, 30)
    assert Nights.ran >= 1_000
    assert all(Nights.met[status] for status in ("new", "open", "changed", "resolved", "reappeared", "unconfirmed"))
    assert Nights.met["raised"]
    assert Nights.met["inconclusive"]
    assert Nights.met["closed by hand"]


@pytest.mark.nightly
def test_two_hundred_thousand_nights_agree_with_a_plain_model() -> None:
    live(5_000, 50)
    assert Nights.ran >= 200_000


def seen(nights: list[date], code: str, severity: str) -> list[str]:
    """The severity shown of one finding that is found every night."""
    before, shown = pl.DataFrame(schema=BREAKS), []
    for night in nights:
        found = pl.DataFrame(
            {"finding_id": ["f"], "person": ["p"], "field": ["x"], "code": [code], "severity": [severity]}
        )
        tracked = track(found, Memory(before=before, carried=CARRIED), Proof(conclusive=True), night, HOLIDAYS)
        before = tracked.breaks
        shown += tracked.standing["severity"].to_list()
    return shown


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(n) for n in range((end - start).days + 1)]


def test_a_difference_of_timing_is_one_for_two_nights_and_then_somebody_must_look() -> None:
    # 2026-11-10 is a Tuesday. Two nights as timing; the third and fourth to be checked; from the fifth to be corrected.
    assert seen(days("2026-11-10", "2026-11-14"), "T1", "時差") == ["時差", "時差", "要確認", "要確認", "要確認"]
    assert seen(days("2026-11-09", "2026-11-13"), "T1", "時差")[4] == "要修正"


def test_a_weekend_and_a_holiday_do_not_make_a_message_late() -> None:
    # Friday, Saturday, Sunday, and Monday 2026-11-23, 勤労感謝の日: one open day, so still on its way.
    assert seen(days("2026-11-20", "2026-11-23"), "T1", "時差") == ["時差"] * 4


def test_a_planned_move_has_a_limit_of_its_own_and_still_one() -> None:
    shown = seen(days("2026-11-02", "2026-11-30"), "T3", "時差")
    assert shown[:9] == ["時差"] * 9  # six business days on: Tuesday 10th (November 3 is not in this calendar)
    assert shown[9] == "要確認"
    assert shown[-1] == "要修正"


def test_a_mismatch_is_never_raised_or_lowered() -> None:
    assert set(seen(days("2026-11-02", "2026-12-30"), "C1", "要確認")) == {"要確認"}


def test_a_finding_of_an_earlier_site_key_is_resolved_by_nothing() -> None:
    """Neither by its person being met nowhere, nor, without a person, by every row having been counted."""
    night, today = date(2026, 11, 20), date(2026, 11, 24)
    before = pl.DataFrame(
        [
            {"finding_id": name, "person": person, "field": "name", "code": "C1", "severity": "要修正", "resolved": False,
             "first_seen": night, "since": night, "last_seen": night, "nights": 1, "carried_nights": 0}
            for name, person in (("a", "gone"), ("b", None), ("c", "gone"), ("d", None))
        ],
        schema=BREAKS,
    )  # fmt: skip
    found = before.select("finding_id", "person", "field", "code", "severity").clear()
    absent = pl.DataFrame({"person": ["gone"]}, schema=PERSONS)
    proof = Proof(conclusive=True, absent=absent, earlier=frozenset({"a", "b"}))
    tracked = track(found, Memory(before=before, carried=CARRIED), proof, today, HOLIDAYS)
    assert dict(tracked.standing.select("finding_id", "status").iter_rows()) == {
        "a": "unconfirmed", "b": "unconfirmed", "c": "resolved", "d": "resolved",
    }  # fmt: skip
