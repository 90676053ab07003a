"""Normalisation rules: text in, text out, as expressions.

Null stays null, twice is once, junk passes through, and nothing runs per row in Python: `tests/test_rules.py` holds
all of `ALL_RULES` to that. Decoders run on every row of a side (`canonicalize`), folds only on values that differ
(`diff.comparators`).
"""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.model import Rule
from reconcile.rules.address import chome_notation, hyphen_between_digits
from reconcile.rules.blank import blank_to_null, placeholder_to_null
from reconcile.rules.kana import katakana, small_kana
from reconcile.rules.latin import lower_case, no_diacritics
from reconcile.rules.municipality import municipality_5
from reconcile.rules.partial_date import era_letter_date, era_number_date
from reconcile.rules.width import idle_spaces, no_spaces, spaces, width

ALL_RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (
        blank_to_null,
        placeholder_to_null,
        era_number_date,
        era_letter_date,
        katakana,
        municipality_5,
        width,
        spaces,
        idle_spaces,
        no_spaces,
        hyphen_between_digits,
        chome_notation,
        small_kana,
        lower_case,
        no_diacritics,
    )
}
"""Every rule by its name, decoders first."""
