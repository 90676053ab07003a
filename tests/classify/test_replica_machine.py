"""Two systems live through random weeks; then the engine must say of every difference what §5 says.

The machine plays the counter, the line between the systems and the clock. What comes of it is compared by the real
engine and by `tests.classify.replica`, which is the text of `reference/domain.md` §5 in plain Python.
"""

from __future__ import annotations

import copy
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reconcile.model import Side
from tests.classify.engine import codes, run
from tests.classify.replica import Copy, State, World, Written, expected

STEPS = 25
"""Of one life; the engine runs once at its end."""

NAMES = ("山本 桜", "川口 梅", "林 松太")
BIRTHS = ("1970-07-30", "1981-02-03", "2003-12-24")
SEXES = ("女", "男")
LOTS = ("1番1号", "5番8号", "23番20号")

who = st.integers(0, 3)
happened = st.integers(-400, 60)  # days from today: an event is told late, and may lie ahead (転出予定)


class Replica(RuleBasedStateMachine):
    """One life of both systems. `lived` and `met` count over all lives, so that a test can ask what was reached."""

    lived: ClassVar[int] = 0
    met: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        # A Thursday; the following Monday is a holiday, and the turn of the year is within reach.
        self.now = datetime(2026, 11, 19, 9, 0, 0)  # noqa: DTZ001  Asia/Tokyo, as both systems write it
        self.extracts: dict[Side, tuple[datetime, World]] = {}

    # ------------------------------------------------------------------------------------------------------ helpers

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def _key(self, n: int) -> str:
        keys = sorted(self.world.register)
        return keys[n % len(keys)]

    def _day(self, offset: int) -> str:
        return f"{self.now.date() + timedelta(days=offset)}"

    def _enter(self, source_state: str, event: int) -> str:
        n = len(self.world.register)
        key = f"{n:011}"
        # Everybody has a surname's character of their own, so that no two are candidates of one person.
        state = State(NAMES[n % 3], BIRTHS[n // 3 % 3], SEXES[0], LOTS[0], source_state, "国内転入", self._day(event))
        self.world.register[key] = [Written(state, self._tick())]
        if source_state != "仮登録":
            self.world.messages[key] = [state]
        return key

    # ----------------------------------------------------------------------------------------------------- the counter

    @initialize(years=st.integers(-3000, -400))
    def live_here_already(self, years: int) -> None:
        for _ in range(3):
            key = self._enter("現存", years)
            self.world.deliver(key, self._tick())

    # Once the register is extracted, nobody may come: who is in the CS alone has no row that could be judged.
    @precondition(lambda self: len(self.world.register) < 9 and Side.RIGHT not in self.extracts)
    @rule(source_state=st.sampled_from(("現存", "現存", "仮登録")), event=happened)
    def move_in(self, source_state: str, event: int) -> None:
        self._enter(source_state, event)

    @rule(n=who)
    def register_fully(self, n: int) -> None:
        key = self._key(n - 4)
        if self.world.register[key][-1].state.source_state == "仮登録":
            self.world.write(key, self._tick(), source_state="現存")

    @rule(n=who, lot=st.sampled_from(LOTS), event=happened)
    def change_address(self, n: int, lot: str, event: int) -> None:
        changed = {"address_lot": lot, "event_reason": "転居", "event_date": self._day(event)}
        self.world.write(self._key(n), self._tick(), **changed)

    @rule(n=who, name=st.sampled_from(NAMES), event=happened)
    def change_name(self, n: int, name: str, event: int) -> None:
        changed = {"name_kanji": name, "event_reason": "氏名変更", "event_date": self._day(event)}
        self.world.write(self._key(n), self._tick(), **changed)

    @rule(n=who, birth=st.sampled_from(BIRTHS), sex=st.sampled_from(SEXES))
    def correct(self, n: int, birth: str, sex: str) -> None:
        self.world.write(self._key(n), self._tick(), birth=birth, sex=sex, event_reason="誤記修正")

    @rule(n=who, event=happened)
    def change_household(self, n: int, event: int) -> None:
        """Trap 32: the register's last event is one that the CS is never told of."""
        self.world.write_of_the_household(self._key(n), self._tick(), self._day(event))

    @rule(n=who)
    def cancel(self, n: int) -> None:
        """取消し: the state before the last change comes back as a new row (trap 20)."""
        key = self._key(n)
        if len(self.world.register[key]) > 1:
            before = self.world.register[key][-2].state
            self.world.register[key].append(Written(before, self._tick()))
            if before.source_state != "仮登録":
                self.world.messages.setdefault(key, []).append(before)

    @rule(n=who, event=st.integers(1, 60))
    def move_out_planned(self, n: int, event: int) -> None:
        """The register knows the coming day; the CS is given the flag at once and the rest by message (trap 31)."""
        key = self._key(n)
        if self.world.register[key][-1].state.source_state == "現存":
            self.world.write(key, self._tick(), source_state="転出予定", event_date=self._day(event))
            if key in self.world.cs:
                self.world.cs[key] = Copy(self.world.cs[key].written, self.world.cs[key].queued, "1")

    @rule(n=who, lot=st.sampled_from(LOTS), everything=st.booleans())
    def repair_in_place(self, n: int, lot: str, everything: bool) -> None:  # noqa: FBT001  drawn by name
        """Somebody writes to the register's table and leaves no older row, no message and no new time."""
        rows = self.world.register[self._key(n)]
        state = rows[-1].state
        other = {
            "name_kanji": NAMES[(NAMES.index(state.name_kanji) + 1) % 3],
            "birth": BIRTHS[(BIRTHS.index(state.birth) + 1) % 3],
            "sex": SEXES[1 - SEXES.index(state.sex)],
            "address_lot": LOTS[(LOTS.index(state.address_lot) + 1) % 3],
        }
        changed = other if everything else {"address_lot": lot}
        rows[-1] = Written(State(**{**vars(state), **changed}), rows[-1].at)
        self._tick()

    # -------------------------------------------------------------------------------------------------------- the line

    @rule(n=who, much=st.integers(1, 3))
    def deliver(self, n: int, much: int) -> None:
        key = self._key(n)
        for _ in range(min(much, len(self.world.messages.get(key, ())))):
            self.world.deliver(key, self._tick())

    @rule()
    def deliver_all(self) -> None:
        for key, waiting in self.world.messages.items():
            for _ in range(len(waiting)):
                self.world.deliver(key, self._tick())

    @rule(n=who, queued=st.sampled_from("12"))
    def delay(self, n: int, queued: str) -> None:
        key = self._key(n)
        if key in self.world.cs and self.world.messages.get(key):
            self.world.cs[key] = Copy(self.world.cs[key].written, queued, self.world.cs[key].planned)
        self._tick()

    @rule(n=who)
    def lose(self, n: int) -> None:
        """A message is gone, and with it the flag that it waits and that a move is planned."""
        key = self._key(n)
        if self.world.messages.get(key):
            self.world.messages[key].pop(0)
            if key in self.world.cs:
                self.world.cs[key] = Copy(self.world.cs[key].written)
        self._tick()

    @rule(n=who, which=st.integers(0, 5))
    def deliver_again(self, n: int, which: int) -> None:
        key = self._key(n)
        if key in self.world.cs:
            self.world.deliver(key, self._tick(), again=which)

    @rule(n=who, lot=st.sampled_from(("7番7号", "9番9号")))
    def write_in_the_cs(self, n: int, lot: str) -> None:
        key = self._key(n)
        if key in self.world.cs:
            state = self.world.cs[key].written.state
            self.world.cs[key] = Copy(Written(State(**{**vars(state), "address_lot": lot}), self._tick()))

    # ------------------------------------------------------------------------------------------------------- the clock

    @rule(days=st.integers(0, 3), hours=st.integers(1, 20))
    def time_passes(self, days: int, hours: int) -> None:
        self._tick()
        self.now += timedelta(days=days, hours=hours)

    @rule(side=st.sampled_from(Side), days=st.integers(0, 3), hours=st.integers(1, 20))
    def extract(self, side: Side, days: int, hours: int) -> None:
        """Trap 42: the sides may be extracted hours or days apart, and life goes on."""
        self.extracts[side] = (self._tick(), copy.deepcopy(self.world))
        self.now += timedelta(days=days, hours=hours)

    # ------------------------------------------------------------------------------------------------------ the engine

    @invariant()
    def a_step_is_lived(self) -> None:
        type(self).lived += 1

    def teardown(self) -> None:
        end = self._tick()
        t_cs, left = self.extracts.get(Side.LEFT, (end, self.world))
        t_register, right = self.extracts.get(Side.RIGHT, (end, self.world))
        cs = {key: held for key, held in left.cs.items() if key in right.register}
        with tempfile.TemporaryDirectory() as work:
            report = run(
                Path(work),
                [held.written.row(key, held.flags) for key, held in cs.items()],
                [rows[-1].row(key) for key, rows in right.register.items()],
                end,
                history=[row.row(key) for key, rows in right.register.items() for row in rows[:-1]],
                extracted={Side.LEFT: t_cs, Side.RIGHT: t_register},
            )
        wanted = expected(right.register, cs, t_register, t_cs)
        assert codes(report) == wanted
        type(self).met.update(wanted.values())


def _live(steps: int) -> Counter[str]:
    """Let the machine live for at least this many steps in all, and say how often each code was met."""
    Replica.lived, Replica.met = 0, Counter()
    # Hypothesis ends some lives early.
    lives = settings(max_examples=steps * 3 // 2 // STEPS, stateful_step_count=STEPS)
    run_state_machine_as_test(Replica, settings=lives)
    assert Replica.lived >= steps
    return Replica.met


def test_what_is_said_of_every_difference_after_a_thousand_random_steps_is_what_the_model_says() -> None:
    met = _live(1_000)
    assert met.keys() >= {"T1", "T2", "T3", "G3", "G4"}, "a rule of the machine never came to bear"


@pytest.mark.nightly
def test_what_is_said_of_every_difference_after_ten_thousand_random_steps_is_what_the_model_says() -> None:
    met = _live(10_000)
    assert met.keys() >= {"T1", "T2", "T3", "T4", "T5", "G3", "G4", "A2", "X1", "E2", "G1", "G2", "C1"}
