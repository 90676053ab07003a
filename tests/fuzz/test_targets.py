"""The fuzzed targets in the default suite: every file of the corpus, and some thousand examples made from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
FILES = {name: sorted((CORPUS / name).iterdir()) for name in TARGETS}


@pytest.mark.parametrize("name", TARGETS)
def test_every_file_of_the_corpus_is_read_or_refused(name: str) -> None:
    assert FILES[name]
    for path in FILES[name]:
        TARGETS[name](path.read_bytes())


EDITS = st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=4)


@pytest.mark.parametrize("name", TARGETS)
@given(number=st.integers(0, 99), edits=EDITS)
@settings(max_examples=150)
def test_what_is_made_from_the_corpus_is_read_or_refused(
    name: str, number: int, edits: list[tuple[int, int, bytes]]
) -> None:
    content = FILES[name][number % len(FILES[name])].read_bytes()
    for at, length, new in edits:
        at %= len(content) + 1  # noqa: PLW2901
        content = content[:at] + new + content[at + length :]
    TARGETS[name](content)
