"""Every fault that is done to a file, alone and in pairs, through the nightly command on a ward that agrees without it."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from reconcile.model import EXIT_CODES, Verdict
from reconcile.terminal import FAULTS
from tests.faults.corruptions import CORRUPTIONS, Corruption, Files
from tests.faults.site import Said, leaked, night, people, place, quickly, ward

PAIRS = 200
SLICE = 40


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return ward(tmp_path_factory.mktemp("ward"))


@pytest.fixture(scope="module")
def values(whole: Files) -> set[str]:
    return people(whole)


def tried(files: Files, folder: Path) -> Said:
    with quickly():
        return night(place(files, folder))


def test_without_a_fault_the_ward_agrees(whole: Files, values: set[str], tmp_path: Path) -> None:
    said = tried(whole, tmp_path)

    assert (said.verdict, said.exit) == ("consistent", 0)
    assert len(values) > 500
    assert leaked(said, values) == []


@pytest.mark.parametrize("one", CORRUPTIONS, ids=str)
def test_a_damaged_input_gets_the_verdict_that_is_required_and_names_nobody(
    one: Corruption, whole: Files, values: set[str], tmp_path: Path
) -> None:
    damaged = one.change(whole)
    assert damaged != whole

    said = tried(damaged, tmp_path)

    assert said.verdict == one.verdict, said.status
    assert said.exit == EXIT_CODES[Verdict(one.verdict)]
    assert not one.says or one.says in said.says, said.says
    assert leaked(said, values) == []
    if code := said.status.get("code"):
        assert f"{code} {FAULTS[code]}: " in said.text  # in Japanese, and then in English where and what to do
        assert "left" in said.text or "right" in said.text  # whose file it is
        assert "不一致なし" not in said.text


def pairs(number: int) -> list[tuple[Corruption, Corruption]]:
    """The same pairs on every run, drawn from all ordered pairs of two faults."""
    dice = random.Random(6)  # noqa: S311  chosen to be repeatable
    every = [(one, other) for one in CORRUPTIONS for other in CORRUPTIONS if one.fault != other.fault]
    return dice.sample(every, number)


def clean(drawn: list[tuple[Corruption, Corruption]], whole: Files, values: set[str], folder: Path) -> list[str]:
    """The pairs after which a run says `consistent`, leaks, or ends in a fault of ours."""
    wrong = []
    for one, other in drawn:
        said = tried(other.change(one.change(whole)), folder)
        if said.verdict not in ("inconclusive", "partial", "mismatch") or leaked(said, values):
            wrong.append(f"{one} + {other}: {said.verdict}")
        shutil.rmtree(folder)
    return wrong


def test_no_pair_of_faults_yields_an_all_clear(whole: Files, values: set[str], tmp_path: Path) -> None:
    assert clean(pairs(PAIRS)[:SLICE], whole, values, tmp_path / "night") == []


@pytest.mark.nightly
def test_none_of_200_pairs_of_faults_yields_an_all_clear(whole: Files, values: set[str], tmp_path: Path) -> None:
    assert clean(pairs(PAIRS)[SLICE:], whole, values, tmp_path / "night") == []
