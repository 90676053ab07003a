"""A thousand of each of nine kinds of differences, injected at random fields in distinct records: all found, nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.injection import FORMS, inject

EACH = 1_000
SEED = 20_261_123


@pytest.mark.parametrize("form", FORMS)
def test_every_injected_difference_is_found_and_nothing_else(form: str, tmp_path: Path) -> None:
    through, alphabet = FORMS[form]
    injected = inject(SEED, EACH, alphabet)
    found = through(injected.left, injected.right, tmp_path)
    assert Counter(found.select("atena_no", "kind", "field").iter_rows()) == injected.expected


def test_every_kind_is_injected_a_thousand_times() -> None:
    kinds = Counter(kind for _, kind, _ in inject(seed=SEED, each=EACH).expected.elements())
    assert kinds["duplicate_left"] == kinds["duplicate_right"] == kinds["identity_swap"] == EACH
    assert kinds["only_left"] == kinds["only_right"] == 2 * EACH  # dropped, and under another key
    assert kinds["value"] > 3 * EACH  # three kinds of one value each, and those that were swapped
