"""The engine's names in the words of the office."""

from __future__ import annotations

import polars as pl
import pytest

from reconcile.diff.comparators import BUILDINGS, DATES, KANA, LATIN, PLACES
from reconcile.diff.key_hints import key_hints
from reconcile.report.words import HINT_LABELS, RULE_LABELS, hint_words, rule_label, rule_words

RULES = sorted({step.rule for ladder in (BUILDINGS, DATES, KANA, LATIN, PLACES) for step in ladder})


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_the_comparators_has_a_word(rule: str) -> None:
    assert rule_label(rule) == RULE_LABELS[rule] != rule


def test_every_diagnosis_of_a_key_has_a_sentence() -> None:
    # One pair of keys for each way in which a code is damaged.
    left = ["00123", "ＡＢ１", "x 9", "key", "1.23457E+10", "5512", "777771", "20260701999"]
    right = ["123", "AB1", "x9", "KEY", "12345678901", "5521", "777772", "2026070199"]
    found = key_hints(pl.Series(left), pl.Series(right), check_digit="individual_number")["hint"].unique()
    assert len(found) >= 8
    assert set(found) <= set(HINT_LABELS)


def test_several_rules_are_named_in_their_order_and_an_unknown_one_keeps_its_name() -> None:
    assert rule_label("width+spaces") == "全角・半角、空白"
    assert rule_label("approved:D-12+brand_new") == "同定承認 D-12、brand_new"


def test_no_rule_is_no_word() -> None:
    assert pl.select(rule_words(pl.lit(None, pl.String))).item() is None


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        ("left_missing", "$1に値がありません"),
        ("2 × 1", "$1に2件、{left}に1件"),
        ("ambiguous 12 × 3", "$1に12件、{left}に3件あり、組を特定できません"),
        ("a<->b", "a ⇔ b"),
        ("花 U+82B1 / 華 U+83EF", "花 U+82B1 / 華 U+83EF"),
        (None, None),
    ],
)
def test_a_hint_is_said_with_the_names_of_the_sides_whatever_they_are(hint: str | None, words: str | None) -> None:
    assert pl.select(hint_words(pl.lit(hint, pl.String), "$1", "{left}")).item() == words
