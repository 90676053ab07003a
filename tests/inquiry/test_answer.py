"""What `explain` says of a record is what the night found of it, and every rule that it names is the engine's."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import polars as pl
import pytest

from reconcile.inquiry.answer import Answer, Compared
from reconcile.inquiry.tried import DIFFERENT, HOLDS, MISSING, NOT_COMPARED, SAME
from reconcile.model import ROW, Direction, Secrecy, Side
from reconcile.report.disclosure import PROTECTED, UNKNOWN
from schemas.identity_record import DATASET
from tests.inquiry.conftest import Night

KEY = "juminhyo_code"
PLACES = {field.name for field in DATASET.fields if field.location}


@pytest.fixture(scope="session")
def answers(night: Night) -> dict[str, Answer]:
    """The answers about every key that the night's findings name: every code, some three hundred people."""
    keys = night.findings[KEY].drop_nulls().unique().sort()
    return {key: night.opened.about((key,)) for key in keys}


def test_the_findings_of_every_key_are_those_of_the_night(night: Night, answers: dict[str, Answer]) -> None:
    assert len(answers) > 100
    assert len(set(night.findings["code"])) > 30
    told = {
        (one.finding_id, key, one.kind, one.code, one.severity, one.field, one.left_row, one.right_row, one.rule)
        for key, said in answers.items()
        for one in said.findings
        if one.finding_id in set(night.findings.filter(pl.col(KEY) == key)["finding_id"])
    }
    columns = ["finding_id", KEY, "kind", "code", "severity", "field", "left_row", "right_row", "rule"]
    assert told == set(night.findings.filter(pl.col(KEY).is_not_null()).select(columns).rows())


def test_a_record_is_told_of_every_event_it_takes_part_in(night: Night, answers: dict[str, Answer]) -> None:
    """B1 stands under the left key, a swap under the smaller one: the other person's record is asked about as well."""
    other_key = night.findings.filter(pl.col("kind") == "other_key")
    assert other_key.height
    for key, other, finding in other_key.select(KEY, "right_raw", "finding_id").rows():
        both = answers[key], night.opened.about((other,))
        assert all(finding in {one.finding_id for one in said.findings} for said in both)
        assert {(one.key, one.asked) for one in both[1].records} >= {(other, True), (key, False)}
    swapped = night.findings.filter(pl.col("kind") == "identity_swap")
    for hint, finding in swapped.select("hint", "finding_id").rows():
        for key in hint.split("<->"):
            assert finding in {one.finding_id for one in night.opened.about((key,)).findings}


def test_the_trail_of_every_difference_ends_where_the_engine_did(night: Night, answers: dict[str, Answer]) -> None:
    """Every finding about a pair of values, with its code by grade, and every variant, with its rule."""
    tried: dict[tuple[int, int, str], Compared] = {
        (pair.left_row, pair.right_row, one.field): one
        for said in answers.values()
        for pair in said.pairs
        for one in pair.fields
    }
    for key in night.variants[KEY].unique():
        for pair in night.opened.about((key,)).pairs:
            tried |= {(pair.left_row, pair.right_row, one.field): one for one in pair.fields}
    where = ["left_row", "right_row", "field"]
    values = night.findings.filter(pl.col("kind") == "value")
    unequal = {name for name, one in tried.items() if not one.equal and one.outcome != NOT_COMPARED}
    by_rule = {name: one.rule for name, one in tried.items() if one.equal and one.outcome != SAME}

    # A pair under two keys (B1) is one event, whose items are no findings of their own.
    one_key = {(left, right) for left, right in values.select("left_row", "right_row").rows()}
    assert {name for name in unequal if name[:2] in one_key} == set(values.select(where).rows())
    assert by_rule == {tuple(row[:3]): row[3] for row in night.variants.select(*where, "rule").rows()}
    codes = {field.name: field.codes for field in DATASET.fields}
    whole_pair = set(DATASET.codes)  # reasons, whose codes are not those of a field
    checked = 0
    for left, right, field, code, rule in values.select(*where, "code", "rule").rows():
        if rule in whole_pair:
            continue
        said = tried[left, right, field]
        assert code == codes[field].get(said.outcome, codes[field]["different"]), (field, said.outcome)
        # A part of a graver event says so before its own rule.
        own = "+".join(one for one in (rule or "").split("+") if not one.startswith("part_of:"))
        tried_in_vain = "one_side_only" if said.outcome == "missing" else "no_rule"
        assert own in {said.rule or tried_in_vain, "" if rule != own else None}
        checked += 1
    assert checked > 50


def test_of_a_trail_exactly_the_last_step_holds(answers: dict[str, Answer]) -> None:
    trails = [one.trail for said in answers.values() for pair in said.pairs for one in pair.fields if one.trail]
    assert {HOLDS} == {trail.steps[-1].said for trail in trails}
    assert not [trail for trail in trails if HOLDS in {step.said for step in trail.steps[:-1]}]
    assert {trail.steps[-1].step for trail in trails} >= {
        SAME,
        DIFFERENT,
        MISSING,
        "variant",
        "unmapped",
    }


def test_no_answer_holds_a_personal_number(night: Night, answers: dict[str, Answer]) -> None:
    numbers = set()
    for entry in night.opened.comparison.inputs.values():
        numbers |= set(
            entry.rows.head(entry.snapshot.rows)
            .select("kojin_bango")
            .collect()["kojin_bango"]
            .drop_nulls()
            .str.strip_chars()
        )
    numbers.discard("")
    assert len(numbers) > 2_000
    for said in answers.values():
        text = json.dumps(asdict(said), ensure_ascii=False)
        assert not numbers & set(re.findall(r"\d{12}", text))


def test_a_personal_number_is_told_as_equal_different_or_missing(answers: dict[str, Answer]) -> None:
    outcomes = {
        one.outcome
        for said in answers.values()
        for pair in said.pairs
        for one in pair.fields
        if one.field == "kojin_bango"
    }
    assert outcomes == {SAME, DIFFERENT, MISSING}
    number = next(f for f in DATASET.fields if f.secrecy is Secrecy.MY_NUMBER).name
    shown = {record.values[number].raw for said in answers.values() for record in said.records}
    assert shown == {"(非表示)", "(なし)"}


def test_where_a_protected_person_lives_is_shown_nowhere(night: Night) -> None:
    register = night.opened.comparison.inputs[Side.RIGHT]
    protected = register.rows.filter(pl.col("protected") != "0").select(KEY, *sorted(PLACES)).collect()
    found = set(night.findings.filter(pl.col("field").is_in(list(PLACES)))[KEY])
    protected = protected.filter(pl.col(KEY).is_in(list(found)))
    assert protected.height > 5
    for row in protected.rows(named=True):
        said = night.opened.about((row[KEY],))
        assert said.protected
        for record in said.records:
            for name in PLACES & set(record.values):
                assert (record.values[name].raw, record.values[name].canonical) == (PROTECTED, PROTECTED)
        text = json.dumps(asdict(said), ensure_ascii=False)
        # A lot such as 1-2 may stand in a row number or a date; a town or a building may not.
        for name in ("address_town", "address_katagaki"):
            assert not row[name] or row[name].strip() not in text


def test_whether_a_person_is_protected_is_unknown_where_only_the_cs_knows_them(night: Night) -> None:
    key = night.findings.filter(pl.col("code") == "A1")[KEY][0]
    said = night.opened.about((key,))

    assert [record.side for record in said.records if record.asked] == [Side.LEFT]
    assert said.protected is None
    assert {said.records[0].values[name].raw for name in PLACES & set(said.records[0].values)} == {UNKNOWN}


def test_late_records_come_with_the_history_that_says_so(night: Night, answers: dict[str, Answer]) -> None:
    """Domain §5: the CS equals an older row; what changed after that row is what differs now."""
    late = night.findings.filter(pl.col("rule") == "overdue")
    assert late.height
    for key in late[KEY].unique():
        said = answers[key]
        met = [older for older in said.history if older.equals_left]
        assert met
        assert [older.side for older in said.history] == [Side.RIGHT] * len(said.history)
        assert [older.processed for older in said.history] == sorted(
            (older.processed or "" for older in said.history), reverse=True
        )
        newest = said.history.index(met[0])
        changed = {name for older in said.history[: newest + 1] for name in older.changed}
        assert {one.field for one in said.findings if one.rule == "overdue"} <= changed


def test_candidates_are_those_planted(night: Night) -> None:
    """A5 (one person, two codes) by person, B1 by number or former code, and two people with one number (B2) by number."""
    two = night.findings.filter(pl.col("rule") == "two_keys")
    assert two.height
    for key, other in two.select(KEY, "hint").rows():
        assert (other, "person") in {(one.key, one.by) for one in night.opened.about((key,)).candidates}
    moved = night.findings.filter(pl.col("kind") == "other_key")
    assert {"second_key", "former_key"} <= set(moved["rule"])
    for key, other, rule in (
        moved.filter(pl.col("rule").is_in(["second_key", "former_key"])).select(KEY, "right_raw", "rule").rows()
    ):
        assert (other, rule) in {(one.key, one.by) for one in night.opened.about((key,)).candidates}
    shared = night.findings.filter(pl.col("kind").str.starts_with("shared_"))
    assert shared.height
    for key in shared[KEY]:
        assert "second_key" in {one.by for one in night.opened.about((key,)).candidates}


def test_a_proposal_names_the_record_and_the_value_and_masks_it(answers: dict[str, Answer]) -> None:
    proposed = [(said, one) for said in answers.values() for one in said.findings if one.proposed is not None]
    assert len(proposed) == sum(len(said.findings) for said in answers.values())
    lots = [(s, o) for s, o in proposed if o.code == "E2" and o.proposed and o.proposed.direction == Direction.TO_LEFT]
    assert lots
    for said, one in lots:
        assert one.proposed
        assert (one.proposed.side, one.proposed.row) == (Side.LEFT, one.left_row)
        assert one.proposed.value == (one.right if said.protected is False else one.proposed.value)
        assert said.protected is False or one.proposed.value in (PROTECTED, UNKNOWN)


def test_a_key_that_nobody_has_has_an_empty_answer(night: Night) -> None:
    said = night.opened.about(("99999999999",))
    assert (said.records, said.pairs, said.findings, said.candidates, said.history) == ((), (), (), (), ())


def test_a_planted_record_is_nobody_s(night: Night) -> None:
    planted = night.opened.comparison.inputs[Side.LEFT]
    assert planted.sentinels
    key = planted.rows.filter(pl.col(ROW) > planted.snapshot.rows).select(KEY).collect()[KEY][0]
    assert night.opened.about((key.strip(),)).records == ()


def test_a_record_that_agrees_has_no_findings_and_every_field_equal(night: Night) -> None:
    rows = night.opened.comparison.inputs[Side.RIGHT].rows.select(KEY).collect()[KEY].str.strip_chars()
    touched = {*night.findings[KEY], *night.variants[KEY]}
    key = next(key for key in rows if key and key not in touched)
    said = night.opened.about((key,))

    assert said.findings == ()
    assert [pair.fields for pair in said.pairs]
    # But the town codes: the two systems' are not the same, and so never compared.
    outcomes = {one.field: one.outcome for pair in said.pairs for one in pair.fields}
    assert outcomes.pop("town_code") == NOT_COMPARED
    assert set(outcomes.values()) == {SAME}
