"""The id of a finding is the library's HMAC-SHA-256, whatever its message."""

import hmac

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.classify import identify
from reconcile.classify.identify import authenticated, finding_ids


@given(texts=st.lists(st.text(max_size=200), max_size=5), key=st.binary(min_size=1, max_size=64))
def test_the_hash_is_the_librarys(texts: list[str], key: bytes) -> None:
    expected = [hmac.digest(key, text.encode(), "sha256") for text in texts]
    assert authenticated(pl.Series(texts, dtype=pl.String), key).to_list() == expected


def test_findings_that_say_the_same_are_numbered_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        *((None, None, "reject_left"), (None, None, "reject_right"), (None, None, "reject_left")),
        *(("1", "name", "value"), ("1", "name", "value"), ("2", "name", "value")),
    ]
    found = pl.DataFrame(rows, schema={"k0": pl.String, "field": pl.String, "kind": pl.String}, orient="row")
    key = bytes(range(32))
    said = [
        "3:set;-;-;11:reject_left",
        "3:set;-;-;12:reject_right",
        "3:set;-;-;11:reject_left;1",
        "3:set;1:1;4:name;5:value",
        "3:set;1:1;4:name;5:value;1",
        "3:set;1:2;4:name;5:value",
    ]
    expected = [hmac.digest(key, text.encode(), "sha256").hex()[:32] for text in said]
    assert finding_ids(found, ["k0"], "set", key).to_list() == expected
    monkeypatch.setattr(identify, "ROWS_AT_ONCE", 2)
    assert finding_ids(found, ["k0"], "set", key).to_list() == expected
    assert finding_ids(found.clear(), ["k0"], "set", key).to_list() == []
