"""A support bundle holds what its list names and nothing else, whatever the outputs of a night hold."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.errors import ConfigError
from reconcile.machine.bundle import SHAPE, allowed, bundle
from tests.test_nightly import RUN_FILE

CANARIES = ("カナリア5be1d09c", "01234509876", "Kanarienvogel9d")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    make_ward(folder, 300, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    (folder / "run.toml").write_text(RUN_FILE.format(gaiji=""), encoding="utf-8")
    nightly.run(folder / "run.toml", "2026-11-20", lambda _step, _done, _total: None)
    return folder / "results"


def _said(out: Path) -> dict[str, Any]:
    (folder,) = out.glob("2*")
    return {
        "status": json.loads((out / "status.json").read_bytes()),
        "summary": json.loads((folder / "summary.json").read_bytes()),
        "manifest": json.loads((folder / "manifest.json").read_bytes()),
        "evidence": [json.loads(line) for line in (out / "evidence" / "log.jsonl").read_bytes().splitlines()],
    }


def _paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # noqa: ANN401  JSON
    # Of a list its first: the others have the same shape.
    items = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    return [at, *(path for key, part in items for path in _paths(part, (*at, key)))]


def test_a_bundle_says_what_happened_in_codes_counts_versions_and_digests(out: Path) -> None:
    told = bundle(out)

    said = _said(out)
    assert told["status"]["verdict"] == said["status"]["verdict"] == "partial"
    assert told["summary"]["findings"] == said["summary"]["findings"]
    assert told["summary"]["sides"]["left"]["records"] == said["summary"]["sides"]["left"]["records"]
    assert [gate["gate"] for gate in told["summary"]["gates"]] == [gate["gate"] for gate in said["summary"]["gates"]]
    assert told["manifest"]["versions"]["polars"] == said["manifest"]["versions"]["polars"]
    assert told["manifest"]["files"] == said["manifest"]["files"]
    assert [one["event"] for one in told["evidence"]] == [one["event"] for one in said["evidence"]]


def test_labels_texts_places_purposes_and_operators_are_not_in_it(out: Path) -> None:
    text = json.dumps(bundle(out), ensure_ascii=False)
    assert not any(word in text for word in ("label", "detail", "既存住基", "purpose", "operator", "places", "header"))


@pytest.mark.parametrize("value", CANARIES)
def test_a_value_at_any_place_of_any_output_is_not_in_it(out: Path, value: str) -> None:
    """Each place of the four outputs in turn holds the canary: as its value, and as a key beside it."""
    said = _said(out)
    leaks = []
    for path in _paths(said)[1:]:
        poisoned = json.loads(json.dumps(said))
        place = poisoned
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
        if isinstance(place, dict):
            place[value] = value
        if value.lstrip("0") in json.dumps(allowed(poisoned, SHAPE), ensure_ascii=False):
            leaks.append(path)
    words = {path for path in leaks if value.isascii() and value[0].isalpha()}
    assert [path for path in leaks if path not in words] == []
    # A word may stand where a code stands: those are ours to write.
    assert {path[-1] for path in words} <= {"verdict", "code", "dataset", "gate", "outcome", "event"}


def test_there_is_no_way_out_of_the_output_folder(out: Path) -> None:
    for name in ("../site", "/etc", ".", "20261120T000000Z-000000"):
        with pytest.raises(ConfigError):
            bundle(out, name)


def test_before_any_night_there_is_a_bundle_too(tmp_path: Path) -> None:
    assert set(bundle(tmp_path)) == {"status", "summary", "manifest", "evidence", "here"}
