"""The marks of a text found the fast way, against the way that needs to know nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconcile.extract.structure import Grammar, MalformedError, Structure

MARKS = ("ends", "line_ends", "quotes", "pairs")


def found(grammar: Grammar, text: bytes, width: int) -> tuple[Structure | None, object]:
    try:
        structure = grammar.read(text, width)
    except MalformedError as error:
        return None, (error.position, error.problem, error.code)
    return structure, [structure.open_quote, *(getattr(structure, name).tolist() for name in MARKS)]


@st.composite
def texts(draw: st.DrawFn) -> tuple[bytes, int, str, bytes]:
    """Lines of about one width, their delimiter and their end: at times one too short, cut, or with a byte astray."""
    delimiter, end = draw(st.sampled_from(",\t;")), draw(st.sampled_from([b"\n", b"\r\n"]))
    width = draw(st.integers(1, 4))
    field = st.sampled_from([b"", b"a", b"bb", b"\t" if delimiter != "\t" else b"c", '"あ"'.encode(), "髙".encode()])
    lines = draw(st.lists(st.lists(field, min_size=width, max_size=width), max_size=4))
    whole = b"".join(delimiter.encode().join(line) + end for line in lines)
    at = draw(st.integers(0, len(whole)))
    wrong = draw(st.sampled_from([b"", b"", b"\n", b"\r", b"\r\n", b",", b"\t", b'"', b"\x01", b"\x7f", b"long"]))
    text = whole[:at] + wrong + whole[at : draw(st.integers(at, len(whole)))] + draw(st.sampled_from([b"", b"1\n"]))
    return text, width, delimiter, end


@settings(max_examples=max(500, settings().max_examples))
@given(texts(), st.sampled_from([3, 1024]))
@example((b"1\n", 2, "\t", b"\n"), 1024)  # one short line, where tabs are both marks and below a space
@example((b"1\n2,3,4\n", 2, ",", b"\n"), 1024)  # as many marks and ends of line as two good lines
@example((b"1,2\n3\n4\n", 2, ",", b"\n"), 1024)
@example((b"\n", 1, ",", b"\r\n"), 1024)
def test_a_width_that_is_expected_changes_nothing(form: tuple[bytes, int, str, bytes], longest: int) -> None:
    text, width, delimiter, end = form
    grammar = Grammar(ord(delimiter), end, longest)
    assert found(grammar, text, width)[1] == found(grammar, text, 0)[1]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_the_fast_way_is_taken_where_nothing_is_unusual(
    end: bytes, delimiter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = end.join(delimiter.join(["1", "髙", ""]).encode() for _ in range(5))
    grammar = Grammar(ord(delimiter), end, 1024)
    expected = grammar.read(text)
    monkeypatch.setattr(Grammar, "_any", None)
    structure = grammar.read(text, 3)
    assert len(structure.line_ends) == 4
    assert np.array_equal(structure.ends, expected.ends)
