"""What is proposed for a difference: the workflow of domain §2.3, the timing of §5, every code of §11; never applied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from reconcile.errors import DeclarationError
from reconcile.model import Direction, Report, Side, findings_schema
from reconcile.report.listing import listing
from reconcile.report.propose import propose
from schemas.identity_record import DATASET
from schemas.proposals import PROPOSALS
from schemas.taxonomy import TAXONOMY
from tests.classify.engine import person, run
from tests.report.conftest import Make

KEY = "juminhyo_code"
NOW = datetime(2026, 11, 20)  # noqa: DTZ001  Asia/Tokyo, as in a header
YAMADA = {"name_kanji": "山田 太郎", "birth": "S45.07.30", "sex": "男", "address_town": "東京都墨田区吾妻橋一丁目"}


def proposed(*found: Mapping[str, object]) -> list[str | None]:
    """The directions proposed for findings of one key."""
    rows = [{KEY: "00000000019", "kind": "value", **one} for one in found]
    frame = pl.DataFrame(rows, schema=findings_schema(DATASET.key))
    return propose(frame, DATASET, [KEY])["direction"].to_list()


def of(report: Report) -> dict[tuple[str | None, str | None], str | None]:
    """Code and field of every finding -> the direction proposed."""
    directions = propose(report.findings, report.dataset, [KEY])["direction"]
    return dict(zip(report.findings.select("code", "field").rows(), directions, strict=True))


def test_every_code_of_the_taxonomy_has_a_proposal_that_always_holds() -> None:
    assert set(PROPOSALS) == set(TAXONOMY)
    for code, proposals in PROPOSALS.items():
        assert proposals[-1].when == frozenset(), code
        assert [one for one in proposals[:-1] if not one.when] == [], code
        assert all(one.measure and one.ground for one in proposals), code


# The register is the legal original: its value goes to the CS (domain §2.3 a; architecture §1).
@pytest.mark.parametrize(
    "code", ["A1", "A2", "A3", "A6", "C1", "D1", "S1", "E1", "E2", "E3", "F1", "F2", "F3", "G3", "T2"]
)
def test_by_default_the_register_s_value_goes_to_the_cs(code: str) -> None:
    kind = {"A1": "only_left", "A2": "only_right"}.get(code, "value")
    values = {} if kind != "value" else {"left_raw": "左", "right_raw": "右"}
    assert proposed({"code": code, "kind": kind, **values}) == [Direction.TO_LEFT]


# Severity 情報: nobody acts (domain §11), but on a reading, which has been notified (domain §1.5).
def test_what_a_rule_makes_equal_needs_no_correction() -> None:
    for code in (code for code, category in TAXONOMY.items() if category.severity == "情報" and code != "F3"):
        assert proposed({"code": code, "left_raw": "左", "right_raw": "右"}) == [Direction.NONE], code


# Carried, and looked at again the next night (domain §5, step 4).
def test_what_is_on_its_way_is_waited_for() -> None:
    for code in ("T1", "T3", "T4", "T5"):
        assert proposed({"code": code, "left_raw": "左", "right_raw": "右"}) == [Direction.WAIT], code


# One person's two codes, mixed people, repeated codes: sending again would spread the fault (西東京市; 要綱第4条).
def test_whose_record_it_is_must_be_known_before_anything_is_sent() -> None:
    for code, kind in (
        ("X1", "value"),
        ("B1", "other_key"),
        ("A5", "only_left"),
        ("A4", "duplicate_left"),
        ("A4", "duplicate_right"),
    ):
        assert proposed({"code": code, "kind": kind}) == [Direction.INVESTIGATE], code


def test_a_value_that_only_the_cs_has_is_investigated_and_one_that_it_lacks_is_sent() -> None:
    for code in ("C1", "D1", "E3", "F1", "F2", "F3"):
        assert proposed({"code": code, "left_raw": "左"}) == [Direction.INVESTIGATE], code
        assert proposed({"code": code, "right_raw": "右"}) == [Direction.TO_LEFT], code


def test_a_code_that_looks_mistyped_is_looked_up_before_a_record_is_sent_or_deleted() -> None:
    for code, kind in (("A1", "only_left"), ("A2", "only_right")):
        assert proposed({"code": code, "kind": kind, "hint": "transposed_digits"}) == [Direction.INVESTIGATE]


def test_an_approved_identification_leaves_nothing_to_do_and_another_variant_asks_for_one() -> None:
    values = {"code": "C2", "left_raw": "髙", "right_raw": "高"}
    assert proposed({**values, "rule": "approved:demo-1"}) == [Direction.NONE]
    assert proposed({**values, "rule": "approved:demo-1+JIS包摂規準・UCS統合規則"}) == [Direction.NONE]
    assert proposed({**values, "rule": "JIS包摂規準・UCS統合規則"}) == [Direction.INVESTIGATE]


def test_the_side_whose_check_digit_alone_holds_is_believed() -> None:
    number = {"code": "B2", "field": "kojin_bango"}
    left, right = ({"code": "B3", "field": "kojin_bango", "kind": f"check_digit_{side}"} for side in Side)

    assert proposed(number)[0] == Direction.INVESTIGATE
    assert proposed(number, right)[0] == Direction.TO_RIGHT
    assert proposed(number, left)[0] == Direction.TO_LEFT
    assert proposed(number, left, right)[0] == Direction.INVESTIGATE
    # Somebody else's check digit says nothing.
    assert proposed(number, {**right, KEY: "00000000027"})[0] == Direction.INVESTIGATE


def test_a_wrong_check_digit_is_corrected_where_it_stands() -> None:
    left, right = ({"code": "B3", "field": "kojin_bango", "kind": f"check_digit_{side}"} for side in Side)

    assert proposed(left) == [Direction.TO_LEFT]
    assert proposed(right) == [Direction.TO_RIGHT]
    # The CS repeats what the register says: sending it again would change nothing.
    assert proposed(left, right) == [Direction.TO_RIGHT] * 2


def test_a_lost_character_is_corrected_where_it_was_lost() -> None:
    assert proposed({"code": "C3", "kind": "doubtful_left"}) == [Direction.TO_LEFT]
    assert proposed({"code": "C3", "kind": "doubtful_right"}) == [Direction.TO_RIGHT]
    assert proposed({"code": "C3", "left_raw": "〓", "right_raw": "〓田"}) == [Direction.INVESTIGATE]


# 番号: 12 digits with the check digit of 省令85号第5条, computed with python-stdnum in tests/test_rules.py.
def test_the_engine_s_own_findings_say_which_side_lacks_a_number(tmp_path: Path) -> None:
    left = [
        person("00000000019", **YAMADA),
        person("00000000027", **{**YAMADA, "birth": "S46.01.01"}, kojin_bango="123456789018"),
    ]
    right = [
        person("00000000019", **YAMADA, kojin_bango="123456789018"),
        person("00000000027", **{**YAMADA, "birth": "S46.01.01"}),
    ]

    report = run(tmp_path, left, right, NOW)
    found = report.findings.filter(pl.col("field") == "kojin_bango")

    assert found["code"].to_list() == ["B4", "B4"]
    assert found["left_raw"].to_list() == found["right_raw"].to_list() == [None, None]
    assert propose(found, DATASET, [KEY])["direction"].to_list() == [Direction.TO_LEFT, Direction.TO_RIGHT]


# Domain §5, step 2: c equals r1, age beyond grace -> true mismatch; c newer than every row -> CS先行.
def test_history_and_clocks_decide_the_direction(tmp_path: Path) -> None:
    old, new = {**YAMADA, "address_lot": "1番1号"}, {**YAMADA, "address_lot": "2番2号"}
    behind = [person("00000000019", **old)], [person("00000000019", **new, process_time="20261001090000")]
    ahead = [person("00000000019", **new, process_time="20261001090000")], [person("00000000019", **old)]

    late = run(tmp_path, *behind, NOW, history=[person("00000000019", **old)])
    assert of(late) == {("G3", "address_lot"): Direction.TO_LEFT}

    early = run(tmp_path, *ahead, NOW, history=[])
    assert of(early) == {("G4", "address_lot"): Direction.INVESTIGATE}


def test_an_ad_hoc_dataset_proposes_nothing_and_its_list_has_no_such_column(make: Make) -> None:
    report = make()
    assert "proposed" in {column.source for column in listing(report).columns}
    silent = make(dataset=_without_proposals())
    assert "proposed" not in {column.source for column in listing(silent).columns}


def test_the_list_says_it_in_the_names_of_the_sides_and_shows_no_value_in_it(make: Make) -> None:
    report = make()
    rows = listing(report).rows
    said = dict(zip(rows["finding_id"], rows["proposed"], strict=True))
    by_code = dict(zip(report.findings["code"], report.findings["finding_id"], strict=True))

    assert (said[by_code["A1"]] or "").startswith("既存 → CS: 除票・転出・死亡を確認し、消除の通知をCSへ再送信〔")
    assert (said[by_code["B2"]] or "").startswith("調査: ")
    values = {value for side in ("left_raw", "right_raw") for value in report.findings[side].drop_nulls() if value}
    assert not [text for text in said.values() for value in values if text and value in text]


def test_a_proposal_for_an_unknown_code_is_refused() -> None:
    from reconcile.declare import dataset  # noqa: PLC0415
    from schemas.identity_record import IdentityRecord  # noqa: PLC0415

    with pytest.raises(DeclarationError):
        dataset("x", "x", IdentityRecord, codes={}, taxonomy=TAXONOMY, proposals={"Z9": PROPOSALS["C5"]})


def _without_proposals() -> object:
    from dataclasses import replace  # noqa: PLC0415

    return replace(DATASET, proposals={})
