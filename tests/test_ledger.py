"""The ledger by itself: what a night alters, what running it again puts back, and what is refused."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from reconcile.errors import SourceError
from reconcile.ledger import NAME, Ledger, digest_of, open_ledger, untold
from reconcile.model import BREAKS, LINKS, STANDING, Decision, Night, Outcome, Tracked, Verdict
from reconcile.nights.tables import APPLICATION, SCHEMA

ROOT = Path(__file__).parents[1]
DAY = [date(2026, 11, 1) + timedelta(days=number) for number in range(10)]
AT = [datetime(2026, 11, 1, 18, 0, tzinfo=UTC) + timedelta(days=number) for number in range(10)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path) as opened:
        yield opened


def a_break(finding_id: str, night: int, **changes: object) -> dict[str, object]:
    return {
        "finding_id": finding_id, "person": "p", "field": "name", "code": "C1", "severity": "要修正", "resolved": False,
        "first_seen": DAY[0], "since": DAY[0], "last_seen": DAY[night], "resolved_on": None, "nights": night + 1,
        "carried_since": None, "carried_nights": 0, **changes,
    }  # fmt: skip


def tracked(night: int, *breaks: dict[str, object], **statuses: str) -> Tracked:
    standing = [
        {"finding_id": name, "status": status, "severity": "要確認", "since": DAY[0], "days": 0, "business_days": 0,
         "nights": 1, "promoted": False}
        for name, status in statuses.items()
    ]  # fmt: skip
    return Tracked(
        standing=pl.DataFrame(standing, STANDING), breaks=pl.DataFrame(list(breaks), BREAKS), night=DAY[night]
    )


def outcome(verdict: Verdict = Verdict.MISMATCH, manifest: str = "m") -> Outcome:
    return Outcome(verdict=verdict, manifest=manifest, records=(3, 4), sha256=("l", "r"), counts={"件": 1})


def night(ledger: Ledger, number: int, *breaks: dict[str, object], run: str = "", **statuses: str) -> None:
    """One whole run, which claims something."""
    name = run or f"run{number}"
    ledger.begin(name, DAY[number], AT[number])
    ledger.record(name, tracked(number, *breaks, **statuses), outcome(manifest=name))


def code(caught: pytest.ExceptionInfo[SourceError]) -> str:
    return caught.value.code


# ---------------------------------------------------------------------------------------------------------- the runs


def test_a_run_that_was_begun_is_known_until_it_ends_or_gives_up(ledger: Ledger) -> None:
    ledger.begin("a", DAY[0], datetime(2026, 11, 2, 3, 0, tzinfo=timezone(timedelta(hours=9))))
    (begun,) = ledger.nights()
    assert begun == Night(run_id="a", night=DAY[0], started_at=AT[0], verdict=None)
    assert begun.started_at.utcoffset() == timedelta(0)
    assert not begun.claims

    ledger.give_up("a", Verdict.INCONCLUSIVE, "E_TRUNCATED")
    (gave_up,) = ledger.nights()
    assert (gave_up.verdict, gave_up.code, gave_up.manifest) == (Verdict.INCONCLUSIVE, "E_TRUNCATED", None)
    assert not gave_up.claims


def test_a_run_that_came_to_a_comparison_keeps_all_that_it_read(ledger: Ledger) -> None:
    night(ledger, 0)
    (done,) = ledger.nights()
    assert done == Night(
        run_id="run0", night=DAY[0], started_at=AT[0], verdict=Verdict.MISMATCH, manifest="run0",
        records=(3, 4), sha256=("l", "r"), counts={"件": 1},
    )  # fmt: skip
    assert done.claims
    # As an auditor reads it who opens the file.
    assert ledger._connection.execute("SELECT counts FROM runs").fetchone() == ('{"件": 1}',)
    ledger.give_up("run0", Verdict.FAILED, "E_FAILED")  # it died after it was recorded: it stays recorded
    assert ledger.nights() == [done]


@pytest.mark.parametrize(("verdict", "claims"), [
    (Verdict.CONSISTENT, True), (Verdict.MISMATCH, True), (Verdict.PARTIAL, True),
    (Verdict.INCONCLUSIVE, False), (Verdict.FAILED, False), (Verdict.TAMPERED, False), (None, False),
])  # fmt: skip
def test_which_verdicts_claim_something(verdict: Verdict | None, *, claims: bool) -> None:
    """`architecture.md` §4: the exit codes 0 and 1."""
    assert Night(run_id="a", night=DAY[0], started_at=AT[0], verdict=verdict).claims is claims


def test_runs_are_told_in_the_order_of_nights_then_of_time_then_of_names(ledger: Ledger) -> None:
    for name, day, at in (("d", 1, 0), ("c", 0, 1), ("b", 0, 1), ("a", 0, 2)):
        ledger.begin(name, DAY[day], AT[at])
    assert [one.run_id for one in ledger.nights()] == ["b", "c", "a", "d"]


def test_beginning_the_same_run_again_does_not_forget_what_it_was(ledger: Ledger) -> None:
    night(ledger, 0)
    ledger.begin("run0", DAY[0], AT[1])
    (same,) = ledger.nights()
    assert (same.verdict, same.started_at) == (Verdict.MISMATCH, AT[0])


def test_a_night_before_the_last_that_claimed_something_is_refused(ledger: Ledger) -> None:
    night(ledger, 0)
    night(ledger, 2)
    with pytest.raises(SourceError) as refused:
        ledger.begin("late", DAY[1], AT[3])
    assert (code(refused), refused.value.where) == ("E_ORDER", "ledger")
    assert str(DAY[2]) in refused.value.problem
    ledger.begin("again", DAY[2], AT[3])  # the same night may be run again
    assert [one.run_id for one in ledger.nights()] == ["run0", "run2", "again"]


def test_a_night_that_claimed_nothing_holds_back_no_earlier_one(ledger: Ledger) -> None:
    ledger.begin("typo", DAY[5], AT[0])
    ledger.give_up("typo", Verdict.INCONCLUSIVE, "E_NOT_FOUND")
    ledger.begin("meant", DAY[0], AT[0])
    assert len(ledger.nights()) == 2


def test_a_clock_that_went_back_is_refused(ledger: Ledger) -> None:
    ledger.begin("first", DAY[0], AT[0])
    ledger.begin("a", DAY[0], AT[1])
    ledger.begin("b", DAY[1], AT[1])
    with pytest.raises(SourceError) as refused:
        ledger.begin("c", DAY[2], AT[1] - timedelta(seconds=1))
    assert (code(refused), refused.value.where) == ("E_CLOCK", "clock")
    assert refused.value.problem == (
        "it is 2026-11-02T17:59:59+00:00, a run began at 2026-11-02T18:00:00+00:00 (night 2026-11-02)"
    )
    ledger.begin("d", DAY[2], AT[1])
    assert [one.run_id for one in ledger.nights()] == ["first", "a", "b", "d"]


def test_times_are_of_a_whole_second_so_that_their_texts_are_in_order(ledger: Ledger) -> None:
    """ "18:00:00.5+00:00" would come before "18:00:00+00:00"."""
    ledger.begin("a", DAY[0], AT[0].replace(microsecond=500_000))
    assert [one.started_at for one in ledger.nights()] == [AT[0]]
    ledger.begin("b", DAY[0], AT[0])  # no clock went back


# ------------------------------------------------------------------------------------------------------ the findings


def test_a_night_adds_and_alters_the_rows_that_it_names_and_no_other(ledger: Ledger) -> None:
    night(ledger, 0, a_break("b", 0), a_break("a", 0))
    night(ledger, 1, a_break("a", 1, resolved=True, resolved_on=DAY[1]))
    now = ledger.breaks()
    assert now.schema == BREAKS
    assert now["finding_id"].to_list() == ["a", "b"]
    assert now["resolved"].to_list() == [True, False]
    assert now.row(0, named=True) == a_break("a", 1, resolved=True, resolved_on=DAY[1])
    assert now.row(1, named=True) == a_break("b", 0)


def test_what_stood_before_a_night_does_not_know_what_it_did(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a_break("b", 0))
    first = ledger.breaks()
    night(ledger, 1, a_break("a", 1, nights=2))
    assert ledger.breaks(before=DAY[1]).equals(first)
    assert ledger.breaks(before=DAY[2]).equals(ledger.breaks())
    # Run once more, the night sees what it saw the first time.
    ledger.begin("again", DAY[1], AT[1])
    assert ledger.breaks(before=DAY[1]).equals(first)


def test_what_a_night_opened_stays_though_its_second_run_could_not_compare_it(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0))
    night(ledger, 1, a_break("b", 1, first_seen=DAY[1], since=DAY[1]))
    before = ledger.breaks(before=DAY[1])
    assert before["finding_id"].to_list() == ["a", "b"]


def test_running_a_night_again_gives_what_running_it_once_would(tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    second = (a_break("b", 1, resolved=True, resolved_on=DAY[1]), a_break("a", 1, nights=2))
    for folder in (once, twice):
        folder.mkdir(mode=0o700)
        with open_ledger(folder) as ledger:
            night(ledger, 0, a_break("a", 0), a_break("b", 0))
            if folder is twice:
                night(ledger, 1, a_break("a", 1, resolved=True, resolved_on=DAY[1]), run="wrong")
            night(ledger, 1, *second, run="right")
            night(ledger, 2, a_break("a", 2, nights=3))
    with open_ledger(once) as one, open_ledger(twice) as other:
        assert other.breaks().equals(one.breaks())
        assert other.breaks(before=DAY[2]).equals(one.breaks(before=DAY[2]))
        assert [run.run_id for run in other.nights() if run.superseded_by == "right"] == ["wrong"]
        assert not any(run.superseded_by for run in one.nights())


def test_a_night_run_again_takes_back_what_only_its_first_run_altered(ledger: Ledger) -> None:
    """The first run closed a finding by mistake; the second says nothing of it: it is open again."""
    night(ledger, 0, a_break("a", 0), a_break("b", 0))
    night(ledger, 1, a_break("a", 1, resolved=True, resolved_on=DAY[1]), run="wrong")
    night(ledger, 1, a_break("b", 1, nights=2), run="right")
    assert ledger.breaks()["resolved"].to_list() == [False, False]
    assert ledger.breaks()["nights"].to_list() == [1, 2]
    night(ledger, 1, run="third")  # and once more: the second is taken back as well
    assert ledger.breaks()["nights"].to_list() == [1, 1]


def test_only_the_newest_night_can_be_taken_back(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0))
    night(ledger, 1, a_break("a", 1, nights=2))
    night(ledger, 2)
    night(ledger, 2, run="again")
    assert ledger.breaks()["nights"].to_list() == [2]
    assert ledger.breaks(before=DAY[2])["nights"].to_list() == [2]


def test_what_was_resolved_when_a_night_began_stays_as_its_first_run_left_it(ledger: Ledger) -> None:
    """What earlier runs of the night did is undone, but a finding that they opened (here: anew) is not forgotten."""
    closed = a_break("a", 0, resolved=True, resolved_on=DAY[0])
    night(ledger, 0, closed, a_break("b", 0))
    night(ledger, 1, a_break("a", 1, since=DAY[1]), a_break("b", 1, nights=2), run="first")
    before = ledger.breaks(before=DAY[1])
    assert before["finding_id"].to_list() == ["a", "b"]
    assert before["resolved"].to_list() == [False, False]
    assert before["nights"].to_list() == [2, 1]
    night(ledger, 1, run="second")
    assert ledger.breaks().equals(before)


def test_a_finding_that_a_night_opened_stays_as_its_last_run_found_it(ledger: Ledger) -> None:
    for run, what in (("first", "C1"), ("second", "C2")):
        night(ledger, 0, a_break("a", 0, code=what), run=run)
        assert ledger.breaks(before=DAY[0])["code"].to_list() == [what]
    night(ledger, 0, run="third")
    assert ledger.breaks()["code"].to_list() == ["C2"]


def test_a_run_that_claims_nothing_alters_nothing_and_supersedes_nobody(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    before = ledger.breaks()
    ledger.begin("b", DAY[0], AT[1])
    ledger.record("b", tracked(0, a_break("a", 0, resolved=True, resolved_on=DAY[0])), outcome(Verdict.INCONCLUSIVE))
    assert ledger.breaks().equals(before)
    assert [run.superseded_by for run in ledger.nights()] == [None, None]
    assert [seen[1] for seen in ledger.sightings("a")] == ["run0"]


def test_a_run_that_died_is_superseded_by_nobody(ledger: Ledger) -> None:
    ledger.begin("died", DAY[0], AT[0])
    night(ledger, 0, run="whole")
    night(ledger, 1)
    assert {run.run_id: run.superseded_by for run in ledger.nights()} == {"died": None, "whole": None, "run1": None}


def test_who_was_superseded_first_is_not_superseded_again(ledger: Ledger) -> None:
    for name in ("a", "b", "c"):
        night(ledger, 0, run=name)
    assert {run.run_id: run.superseded_by for run in ledger.nights()} == {"a": "b", "b": "c", "c": None}


def test_recording_a_run_again_changes_nothing_and_a_run_that_nobody_began_is_refused(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0))
    before, runs = ledger.breaks(), ledger.nights()
    ledger.record("run0", tracked(0, a_break("a", 0, nights=9)), outcome(Verdict.CONSISTENT, "other"))
    assert (ledger.breaks().equals(before), ledger.nights() == runs) == (True, True)
    with pytest.raises(SourceError) as refused:
        ledger.record("nobody", tracked(0, a_break("a", 0, nights=9)), outcome())
    assert (code(refused), refused.value.where) == ("E_LEDGER", "ledger")
    assert ledger.breaks().equals(before)


def test_that_a_finding_came_is_told_though_its_run_was_superseded(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    night(ledger, 1, a_break("b", 1), run="first", b="new")
    night(ledger, 1, a_break("b", 1), run="second", b="new")
    night(ledger, 1, run="third", b="unconfirmed")
    assert [seen[1:3] for seen in ledger.sightings("b")] == [("second", "new")]
    night(ledger, 1, a_break("b", 1, resolved=True, resolved_on=DAY[1]), run="fourth", b="resolved")
    night(ledger, 1, a_break("b", 1, resolved=True, resolved_on=DAY[1]), run="z-fifth", b="resolved")
    assert [seen[1:3] for seen in ledger.sightings("b")] == [("second", "new"), ("z-fifth", "resolved")]


def test_what_happened_to_a_finding_is_told_of_the_runs_that_count(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0, code="C1"), run="wrong", a="new")
    night(ledger, 0, a_break("a", 0, code="C2"), run="right", a="new")
    night(ledger, 1, a_break("a", 1), a="open")  # nothing happened
    night(ledger, 2, a_break("a", 2), a="changed")
    night(ledger, 3, a_break("b", 3), a="unconfirmed", b="new")
    night(ledger, 4, a_break("a", 4, resolved=True), a="resolved")
    night(ledger, 5, a_break("a", 5), a="reappeared")
    assert ledger.sightings("a") == [
        ("2026-11-01", "right", "new", "C2", "要確認"),
        ("2026-11-03", "run2", "changed", "C1", "要確認"),
        ("2026-11-05", "run4", "resolved", "C1", "要確認"),
        ("2026-11-06", "run5", "reappeared", "C1", "要確認"),
    ]
    assert [seen[1] for seen in ledger.sightings("b")] == ["run3"]


def test_a_run_that_fails_half_way_leaves_nothing(ledger: Ledger) -> None:
    ledger.begin("a", DAY[0], AT[0])
    unsound = tracked(0, a_break("a", 0), a_break("b", 0, first_seen=None))  # against NOT NULL, after "a" was written
    with pytest.raises(SourceError) as refused:
        ledger.record("a", unsound, outcome())
    assert code(refused) == "E_LEDGER"
    assert refused.value.problem == "cannot be used (SQLITE_CONSTRAINT_NOTNULL)"
    assert ledger.breaks().is_empty()
    night(ledger, 0, a_break("a", 0), run="a")  # and the same again succeeds
    assert ledger.breaks().height == 1


# ------------------------------------------------------------------------------------------------------- the decisions

DECISION = Decision(finding_id="a", state="対応中", reason="届出待ち", operator="s0001", due=DAY[5])


def test_a_decision_is_stored_once_and_the_newest_holds(ledger: Ledger) -> None:
    ledger.begin("run0", DAY[0], AT[0])
    other = replace(DECISION, finding_id="b", due=None, operator=None, reason=None)
    assert ledger.decide("run0", [DECISION, other], AT[1]) == 2
    assert ledger.decisions() == {"a": (DECISION, AT[1].isoformat(), "run0"), "b": (other, AT[1].isoformat(), "run0")}

    newer = replace(DECISION, state="対応済")
    assert ledger.decide("run0", [newer, other], AT[2]) == 1  # the other one says nothing new
    assert ledger.decisions() == {"a": (newer, AT[2].isoformat(), "run0"), "b": (other, AT[1].isoformat(), "run0")}
    assert ledger.decide("run0", [DECISION], AT[3]) == 1  # back to what it was is a decision too
    assert ledger.decisions()["a"] == (DECISION, AT[3].isoformat(), "run0")


def test_decisions_of_one_second_keep_their_order(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0))
    words = ("調査中", "是正依頼済", "対応済", "調査中")
    for state in words:
        assert ledger.decide("run0", [replace(DECISION, state=state)], AT[1]) == 1
        assert ledger.decisions()["a"][0].state == state
    ledger.decide("run0", [replace(DECISION, state="是正不要")], AT[1] - timedelta(seconds=30))  # a clock set right
    assert ledger.decisions()["a"][0].state == "是正不要"


def test_decisions_of_a_run_that_nobody_knows_are_none(ledger: Ledger) -> None:
    with pytest.raises(SourceError, match="SQLITE_CONSTRAINT_FOREIGNKEY"):
        ledger.decide("nobody", [DECISION], AT[0])
    assert ledger.decisions() == {}


# ------------------------------------------------------------------------------------------------------- retention


def test_personal_files_are_marked_before_and_after_they_are_deleted_and_each_mark_stays(ledger: Ledger) -> None:
    for name in ("a", "b", "c"):
        ledger.begin(name, DAY[0], AT[0])
    ledger.mark(["a", "b"], "deleting", DAY[3])
    ledger.mark(["a"], "deleting", DAY[4])
    ledger.mark(["a"], "deleted", DAY[5])
    marks = {run.run_id: (run.deleting, run.deleted) for run in ledger.nights()}
    assert marks == {"a": (DAY[3], DAY[5]), "b": (DAY[3], None), "c": (None, None)}
    with pytest.raises(ValueError, match="verdict"):
        ledger.mark(["a"], "verdict", DAY[0])


# ------------------------------------------------------------------------------------------------------ the file


def test_a_fresh_ledger_is_for_its_owner_only_and_says_what_it_is(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with open_ledger(tmp_path) as ledger:
            ledger.begin("a", DAY[0], AT[0])
    finally:
        os.umask(mask)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / NAME)) as raw:
        assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION,) == (int.from_bytes(b"reco"),)
        assert raw.execute("PRAGMA user_version").fetchone() == (SCHEMA,) == (3,)
    with open_ledger(tmp_path, expected=True) as ledger:
        assert [run.run_id for run in ledger.nights()] == ["a"]


def test_the_connection_loses_no_commit_and_trusts_no_table(ledger: Ledger) -> None:
    """`reference/reliability.md` §2.2: `synchronous=EXTRA` (3), no write-ahead log, foreign keys kept."""
    asked = {
        name: ledger._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("synchronous", "foreign_keys", "trusted_schema", "journal_mode", "busy_timeout")
    }
    assert asked == {
        "synchronous": 3,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "journal_mode": "delete",
        "busy_timeout": 30_000,  # half a minute for whoever else writes
    }


def test_a_ledger_that_somebody_set_to_a_write_ahead_log_is_set_back(left_behind: Path) -> None:
    """Its commits would be in another file, which no backup of this one has."""
    altered(left_behind, "PRAGMA journal_mode = WAL")
    with open_ledger(left_behind) as ledger:
        assert ledger._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_to_open_a_ledger_alters_no_byte_of_it_and_it_is_closed_again(left_behind: Path) -> None:
    content = (left_behind / NAME).read_bytes()
    with open_ledger(left_behind) as ledger:
        assert len(ledger.nights()) == 1
    assert (left_behind / NAME).read_bytes() == content
    with pytest.raises(SourceError, match="cannot be used"):
        ledger.nights()


@pytest.mark.parametrize(("application", "version", "problem"), [
    (1, 0, "is no ledger"),  # another program's, which has made no table yet
    (APPLICATION, 0, "has other tables"),  # ours, and all its tables are gone
])  # fmt: skip
def test_a_database_without_tables_is_ours_only_if_it_is_nobody_s(
    tmp_path: Path, application: int, version: int, problem: str
) -> None:
    altered(tmp_path, f"PRAGMA application_id = {application}", f"PRAGMA user_version = {version}")
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(SourceError, match=problem), open_ledger(tmp_path):
        pass


def test_what_sqlite_cannot_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir(mode=0o700)
    with pytest.raises(SourceError, match="CANTOPEN") as refused, open_ledger(tmp_path):
        pass
    assert code(refused) == "E_LEDGER"


def test_the_name_by_which_the_handbook_and_the_verifier_know_it() -> None:
    for page in ("docs/verify.py", "docs/operator-handbook.ja.md"):
        assert NAME in (ROOT / page).read_text(encoding="utf-8")


def altered(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / NAME)) as raw, raw:
        for statement in statements:
            raw.execute(statement)


@pytest.fixture
def left_behind(tmp_path: Path) -> Path:
    """A folder with a ledger of one night."""
    with open_ledger(tmp_path) as ledger:
        night(ledger, 0, a_break("a", 0), a="new")
    return tmp_path


@pytest.mark.parametrize(("statement", "problem"), [
    ("PRAGMA application_id = 1", "is no ledger"),
    ("PRAGMA user_version = 4", "was written by a newer version (tables 4, known 3)"),
    ("PRAGMA user_version = 1", "has other tables than it was made with"),
    ("PRAGMA user_version = 0", "has other tables than it was made with"),
    ("INSERT INTO sightings VALUES ('nobody', 'a', 'new', NULL, NULL)", "contradicts itself"),
])  # fmt: skip
def test_another_file_than_our_ledger_is_refused(left_behind: Path, statement: str, problem: str) -> None:
    altered(left_behind, statement)
    with pytest.raises(SourceError) as refused, open_ledger(left_behind):
        pass
    assert (code(refused), refused.value.problem, refused.value.where) == ("E_LEDGER", problem, "ledger")
    assert NAME in refused.value.hint


def test_an_index_that_says_another_thing_than_its_table_is_damage(left_behind: Path) -> None:
    with closing(sqlite3.connect(left_behind / NAME)) as raw:
        page = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'breaks_open'").fetchone()[0]
        size = raw.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray((left_behind / NAME).read_bytes())
    at = content.index(b"2026-11-01", (page - 1) * size, page * size)
    content[at + 9] = ord("9")
    (left_behind / NAME).write_bytes(content)
    with pytest.raises(SourceError, match="is damaged"), open_ledger(left_behind):
        pass


def test_the_evidence_hears_of_every_write_what_the_ledger_held_before_and_holds_after(ledger: Ledger) -> None:
    heard: list[tuple[str, str]] = []

    def told(before: str, after: str) -> None:
        heard.append((before, after))

    def refused(_before: str, _after: str) -> None:
        raise SourceError("log", "is full")

    ledger.begin("a", DAY[0], AT[0], told)
    ledger.record("a", tracked(0, a_break("a", 0), a="new"), outcome(), told)
    ledger.mark(["a"], "deleting", DAY[1], told)
    ledger.decide("a", [DECISION], AT[1], told)
    ledger.begin("b", DAY[1], AT[1], told)
    ledger.give_up("b", Verdict.FAILED, "E_FAILED", told)
    assert [after for _, after in heard[:-1]] == [before for before, _ in heard[1:]]  # each goes on where one ended
    assert len({heard[0][0], *(after for _, after in heard)}) == 7  # and each altered something
    runs = ledger.nights()
    with pytest.raises(SourceError, match="is full"):
        ledger.begin("c", DAY[2], AT[2], refused)
    assert ledger.nights() == runs  # what the evidence cannot hear of does not happen


def test_tables_that_were_made_otherwise_are_refused(left_behind: Path) -> None:
    altered(left_behind, "DROP INDEX breaks_open")
    with pytest.raises(SourceError, match="has other tables"), open_ledger(left_behind):
        pass


def test_a_ledger_of_the_first_version_gets_the_new_tables_and_keeps_its_digest(tmp_path: Path) -> None:
    """What was signed of it still holds, and one that was altered is not brought up."""
    with open_ledger(tmp_path) as ledger:
        night(ledger, 0, a_break("a", 0), a="new")
        said, found = ledger.digest(), ledger.breaks()
    later = [f"DROP TABLE {table}" for table in ("earlier_keys", "rotations", "closures")]
    altered(tmp_path, *later, "PRAGMA user_version = 1")
    with open_ledger(tmp_path, expected=True) as ledger:
        assert ledger.digest() == said
        assert ledger.breaks().equals(found)
        assert ledger.keys() == ("", frozenset(), {})
        assert ledger.closures() == []
    with closing(sqlite3.connect(tmp_path / NAME)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (3,)
    altered(tmp_path, *later, "DROP INDEX breaks_open", "PRAGMA user_version = 1")
    with pytest.raises(SourceError, match="has other tables"), open_ledger(tmp_path):
        pass


def test_another_key_gives_every_table_its_ids_and_what_is_not_linked_keeps_its_own(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a_break("b", 0), a_break("c", 0, person=None), a="new", b="new", c="new")
    night(ledger, 1, a_break("a", 1), a_break("b", 1), a="changed")
    ledger.decide("run1", [DECISION], AT[2])  # of "a"
    before = ledger.breaks(before=DAY[1])
    links = pl.DataFrame([("a", "x", "q"), ("c", "z", None)], schema=LINKS, orient="row")

    ledger.relink(links, ("old", "new"), AT[3])

    now = ledger.breaks()
    assert now.select("finding_id", "person").rows() == [("b", "p"), ("x", "q"), ("z", None)]
    names = {"x": "a", "z": "c", "b": "b"}
    same = now.with_columns(pl.col("finding_id").replace(names)).drop("person").sort("finding_id")
    assert same.select("finding_id", "nights").rows() == [("a", 2), ("b", 2), ("c", 1)]
    was = ledger.breaks(before=DAY[1])
    assert was.select("finding_id", "person").rows() == [("b", "p"), ("x", "q"), ("z", None)]
    assert was.drop("finding_id", "person").sort(pl.all()).equals(before.drop("finding_id", "person").sort(pl.all()))
    assert [seen[2] for seen in ledger.sightings("x")] == ["new", "changed"]
    assert ledger.sightings("a") == []
    assert list(ledger.decisions()) == ["x"]
    assert ledger.keys() == ("new", frozenset({"old"}), {"b": "old"})

    ledger.relink(links.clear(), ("new", "third"), AT[4])
    assert ledger.keys() == ("third", frozenset({"old", "new"}), {"b": "old", "x": "new", "z": "new"})


def test_what_another_key_replaces_is_gone_from_the_file_too(tmp_path: Path) -> None:
    """The old key may be known to somebody who has the file: not a byte of its ids is left in a free page or cell."""
    names = [f"finding-of-the-old-key-{number:03}" for number in range(300)]
    with open_ledger(tmp_path) as ledger:
        night(ledger, 0, *(a_break(name, 0, person="person-of-the-old-key") for name in names))
        assert b"of-the-old-key" in (tmp_path / NAME).read_bytes()
        links = pl.DataFrame([(name, f"new{at}", f"new{at}") for at, name in enumerate(names)], LINKS, orient="row")
        ledger.relink(links, ("old", "new"), AT[1])
    assert b"of-the-old-key" not in (tmp_path / NAME).read_bytes()


def test_another_key_that_the_evidence_cannot_hear_of_is_not_taken(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    said = ledger.digest()

    def refused(_before: str, _after: str) -> None:
        raise SourceError("log", "is full")

    with pytest.raises(SourceError, match="is full"):
        ledger.relink(pl.DataFrame([("a", "x", "q")], schema=LINKS, orient="row"), ("old", "new"), AT[1], refused)
    assert ledger.digest() == said
    assert ledger.keys().in_force == ""


def test_the_digest_is_that_of_every_row_as_anybody_can_compute_it(left_behind: Path) -> None:
    """`docs/verify.py` and `docs/evidence-format.md`: one line of JSON a row, tables and rows in order."""
    with open_ledger(left_behind) as ledger:
        ledger.decide("run0", [DECISION], AT[1])
        ledger.relink(pl.DataFrame([("b", "x", "q")], schema=LINKS, orient="row"), ("old", "new"), AT[1])
        said = ledger.digest()
    orders = {"before": "finding_id", "breaks": "finding_id", "decisions": "finding_id, decided_at",
              "earlier_keys": "finding_id", "rotations": "number", "runs": "run_id", "sightings": "run_id, finding_id"}  # fmt: skip
    with closing(sqlite3.connect(left_behind / NAME)) as raw:
        lines = [
            json.dumps([table, *row], separators=(",", ":")).encode() + b"\n"
            for table, order in orders.items()
            for row in raw.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608
        ]
    assert said == sha256(b"".join(lines)).hexdigest()


def test_the_digest_of_a_folder_is_taken_without_touching_it(left_behind: Path, tmp_path: Path) -> None:
    with open_ledger(left_behind) as ledger:
        said = ledger.digest()
    (left_behind / NAME).chmod(0o600)
    kept = {path: path.read_bytes() for path in left_behind.iterdir()}
    assert digest_of(left_behind) == said
    assert {path: path.read_bytes() for path in left_behind.iterdir()} == kept
    (tmp_path / "empty").mkdir()
    assert digest_of(tmp_path / "empty") == ""
    (left_behind / NAME).write_bytes(b"no database")
    assert digest_of(left_behind) == ""


def test_the_digest_of_a_folder_is_that_after_a_dead_run_was_rolled_back(left_behind: Path, tmp_path: Path) -> None:
    said = digest_of(left_behind)
    torn = tmp_path / "torn"
    torn.mkdir()
    with closing(sqlite3.connect(left_behind / NAME, isolation_level=None)) as raw:
        raw.execute("PRAGMA cache_size = 1")
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("UPDATE runs SET code = 'torn'")
        # More than the cache holds: the file itself is altered, and only the journal knows what it was.
        raw.execute("UPDATE breaks SET code = hex(zeroblob(200000))")
        raw.execute("SELECT count(*) FROM sightings").fetchone()
        for name in (NAME, f"{NAME}-journal"):
            (torn / name).write_bytes((left_behind / name).read_bytes())
            (torn / name).chmod(0o600)
        raw.execute("ROLLBACK")
    assert (torn / NAME).read_bytes() != (left_behind / NAME).read_bytes()
    assert digest_of(torn) == said
    (torn / f"{NAME}-journal").unlink()
    assert digest_of(torn) != said


def test_a_database_of_another_program_without_an_id_is_not_made_ours(tmp_path: Path) -> None:
    altered(tmp_path, "CREATE TABLE theirs (x)")
    (tmp_path / NAME).chmod(0o600)
    with pytest.raises(SourceError, match="is no ledger"), open_ledger(tmp_path):
        pass


def test_a_file_that_others_may_read_is_refused(left_behind: Path) -> None:
    for mode in (0o640, 0o604, 0o610, 0o601):
        (left_behind / NAME).chmod(mode)
        with pytest.raises(SourceError, match="may be read by others"), open_ledger(left_behind):
            pass


@pytest.mark.parametrize("lost", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_ledger_that_must_be_there_is_never_begun_anew(left_behind: Path, lost: Callable[[Path], object]) -> None:
    lost(left_behind / NAME)
    with pytest.raises(SourceError, match="is missing"), open_ledger(left_behind, expected=True):
        pass
    with open_ledger(left_behind) as ledger:  # where none is expected one begins
        assert ledger.nights() == []


@pytest.mark.parametrize("statement", [
    "UPDATE runs SET verdict = 'fine'",
    "UPDATE runs SET night = 'yesterday'",
    "UPDATE runs SET counts = '{'",
    "UPDATE runs SET deleted = 'soon'",
])  # fmt: skip
def test_a_run_that_cannot_be_read_back_is_a_fault_and_its_value_is_not_told(left_behind: Path, statement: str) -> None:
    altered(left_behind, statement)
    with open_ledger(left_behind) as ledger, pytest.raises(SourceError, match="cannot be read") as refused:
        ledger.nights()
    assert code(refused) == "E_LEDGER"
    assert not any(word in str(refused.value) for word in ("fine", "yesterday", "soon"))


def test_a_finding_that_cannot_be_read_back_is_a_fault(left_behind: Path) -> None:
    altered(left_behind, "UPDATE breaks SET since = 'long ago'")
    with open_ledger(left_behind) as ledger, pytest.raises(SourceError, match="cannot be read"):
        ledger.breaks()


@pytest.mark.parametrize("table", ["runs", "breaks", "sightings", "decisions", "before"])
def test_the_tables_take_no_text_for_a_number(left_behind: Path, table: str) -> None:
    """STRICT: SQLite would keep a blob in any column otherwise, and integrity_check would be content."""
    column = {"runs": "left_records", "breaks": "nights", "before": "nights"}.get(table, "run_id")
    with closing(sqlite3.connect(left_behind / NAME)) as raw:
        names = [name for _, name, *_ in raw.execute(f"PRAGMA table_info({table})")]
        marks = ", ".join("x'00'" if name == column else "1" for name in names)
        with pytest.raises(sqlite3.IntegrityError, match=column):
            raw.execute(f"INSERT INTO {table} VALUES ({marks})")  # noqa: S608


def test_two_writers_wait_for_each_other(left_behind: Path) -> None:
    """A transaction takes the lock when it begins, not when it first writes: what it read is still so."""
    with open_ledger(left_behind) as ledger:
        ledger._connection.execute("PRAGMA busy_timeout = 0")
        with (
            ledger._write(untold),
            closing(sqlite3.connect(left_behind / NAME, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(left_behind / NAME, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(SourceError, match="SQLITE_BUSY"):
                ledger.begin("b", DAY[1], AT[1])
            other.execute("ROLLBACK")
        ledger.begin("b", DAY[1], AT[1])  # nothing is left open


# ------------------------------------------------------------------------------------------------------- closed by hand


def closed(ledger: Ledger, number: int, finding: str = "a") -> None:
    """Asked for and granted in the morning after a night."""
    ledger.ask_closure(finding, "その他", "one", AT[number] + timedelta(hours=6))
    ledger.grant_closure(ledger.closures()[-1], "two", AT[number] + timedelta(hours=7))


def resolved(ledger: Ledger, *, before: date | None = None) -> dict[str, date | None]:
    """Finding -> since when it is resolved, of those that are."""
    frame = ledger.breaks(before=before).filter("resolved")
    return dict(frame.select("finding_id", "resolved_on").iter_rows())


def test_what_is_asked_for_is_open_and_what_is_granted_is_resolved(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a_break("b", 0), a="new", b="new")
    ledger.ask_closure("a", "その他", "one", AT[0] + timedelta(hours=6))
    (asked,) = ledger.closures()
    assert (asked.finding_id, asked.reason, asked.asked_by, asked.asked_night) == ("a", "その他", "one", DAY[0])
    assert (asked.asked_at, asked.closed_by, asked.closed_at, asked.closed_night) == (
        AT[0] + timedelta(hours=6), None, None, None
    )  # fmt: skip
    assert resolved(ledger) == {}

    ledger.grant_closure(asked, "two", AT[0] + timedelta(hours=7))

    (granted,) = ledger.closures()
    assert granted == replace(asked, closed_by="two", closed_at=AT[0] + timedelta(hours=7), closed_night=DAY[0])
    assert resolved(ledger) == {"a": DAY[1]}  # AT[0] + 7 hours is 10 o'clock of the next day in Tokyo
    assert ledger.breaks().columns == BREAKS.names()
    assert ledger.breaks()["finding_id"].to_list() == ["a", "b"]


def test_a_night_that_finds_it_again_opens_what_was_closed_by_hand(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    closed(ledger, 0)
    assert resolved(ledger, before=DAY[1]) == {"a": DAY[1]}  # what the next night starts from
    night(ledger, 1, a_break("a", 1), a="reappeared")
    assert resolved(ledger) == {}
    night(ledger, 1, run="again")  # which could not compare it: what an earlier run of the night saw is not forgotten
    assert resolved(ledger) == {}
    assert resolved(ledger, before=DAY[1]) == {}


def test_the_night_before_which_it_was_closed_may_be_run_again(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    night(ledger, 1, a_break("a", 1), a="open")
    closed(ledger, 1)
    assert resolved(ledger, before=DAY[1]) == {"a": DAY[2]}  # what the night begins from, run again after it
    ledger.begin("vain", DAY[1], AT[2])
    ledger.record("vain", tracked(1), outcome())
    assert resolved(ledger) == {"a": DAY[2]}  # it could not be compared, which is why it was closed
    ledger.begin("again", DAY[1], AT[2])
    ledger.record("again", tracked(1, a_break("a", 1, code="C2"), a="reappeared"), outcome())
    assert resolved(ledger) == {}  # whatever is found after it is open, in the list as on the papers
    assert resolved(ledger, before=DAY[2]) == {}


def test_another_finding_that_was_closed_says_nothing_of_this_one(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a_break("b", 0), a="new", b="new")
    closed(ledger, 0, "b")
    night(ledger, 1, a_break("a", 1), a="open")
    assert ledger.breaks(before=DAY[1]).filter(finding_id="a")["nights"].to_list() == [1]
    night(ledger, 1, run="again")  # could not compare it: it stands as after the night before
    assert ledger.breaks().filter(finding_id="a")["nights"].to_list() == [1]


def test_a_wish_that_came_after_does_not_undo_what_was_granted(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    closed(ledger, 0)
    night(ledger, 1, a_break("a", 1), a="reappeared")
    assert resolved(ledger) == {}
    ledger.ask_closure("a", "その他", "one", AT[2])
    assert resolved(ledger) == {}
    ledger.grant_closure(ledger.closures()[-1], "two", AT[3])
    assert resolved(ledger) == {"a": DAY[4]}
    ledger.ask_closure("a", "その他", "one", AT[4])
    assert resolved(ledger) == {"a": DAY[4]}
    night(ledger, 2, a_break("a", 2), a="reappeared")
    assert [one.closed_night for one in ledger.closures()] == [DAY[0], DAY[1], None]
    assert resolved(ledger, before=DAY[2]) == {}


def test_the_second_closure_of_a_finding_counts(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    closed(ledger, 0)
    night(ledger, 1, a_break("a", 1), a="reappeared")
    closed(ledger, 2)  # a day on which no night claimed anything
    assert resolved(ledger) == {"a": DAY[3]}
    assert ledger.closures()[-1].closed_night == DAY[1]


def test_a_proof_is_not_replaced_by_a_closure(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0, resolved=True, resolved_on=DAY[0]), a="resolved")
    closed(ledger, 3)
    assert resolved(ledger) == {"a": DAY[0]}


def test_a_closure_is_granted_once_and_by_another_person(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    ledger.ask_closure("a", "その他", "one", AT[1])
    (asked,) = ledger.closures()
    with pytest.raises(SourceError) as refused:
        ledger.grant_closure(asked, "one", AT[1])
    assert code(refused) == "E_LEDGER"
    assert ledger.closures() == [asked]
    ledger.grant_closure(asked, "two", AT[1])
    with pytest.raises(SourceError, match=r"^ledger: the finding was closed meanwhile") as late:
        ledger.grant_closure(asked, "three", AT[2])
    assert code(late) == "E_LEDGER"
    assert [one.closed_by for one in ledger.closures()] == ["two"]


def test_the_evidence_is_told_of_both_steps_before_they_stand(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    told: list[tuple[str, str]] = []
    begun = ledger.digest()
    ledger.ask_closure("a", "その他", "one", AT[1], lambda *pair: told.append(pair))
    between = ledger.digest()
    ledger.grant_closure(ledger.closures()[0], "two", AT[1], lambda *pair: told.append(pair))
    assert told == [(begun, between), (between, ledger.digest())]
    assert len({begun, between, ledger.digest()}) == 3


def test_a_closure_goes_on_under_another_key(ledger: Ledger) -> None:
    night(ledger, 0, a_break("a", 0), a="new")
    closed(ledger, 0)
    ledger.relink(pl.DataFrame([("a", "x", "q")], schema=LINKS, orient="row"), ("old", "new"), AT[3])
    assert resolved(ledger) == {"x": DAY[1]}
