"""What may be said, and when."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import BalanceError
from reconcile.model import Report, Side, Verdict
from reconcile.report import RENDERERS, wording

ALL_CLEAR = "不一致0件"


def test_the_all_clear_says_so(clean: Report) -> None:
    assert wording.headline(clean).startswith(ALL_CLEAR)
    assert ALL_CLEAR in RENDERERS["html"](clean).decode()


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.CONSISTENT])
def test_no_other_verdict_has_the_words_of_the_all_clear_even_without_findings(clean: Report, verdict: Verdict) -> None:
    other = replace(clean, verdict=verdict)
    assert ALL_CLEAR not in wording.headline(other)
    assert ALL_CLEAR not in RENDERERS["html"](other).decode()
    with pytest.raises(BalanceError):
        wording.all_clear(other)


def test_the_words_of_the_all_clear_stand_in_one_module() -> None:
    package = Path(wording.__file__).parent
    files = [path for path in package.rglob("*") if path.suffix in (".py", ".html", ".typ")]
    assert len(files) > 8
    assert [path.name for path in files if ALL_CLEAR in path.read_text(encoding="utf-8")] == ["wording.py"]


def test_an_all_clear_beside_findings_that_need_action_is_our_bug(report: Report) -> None:
    with pytest.raises(BalanceError):
        wording.headline(replace(report, verdict=Verdict.CONSISTENT))


def test_an_all_clear_without_a_closed_balance_is_our_bug(clean: Report) -> None:
    side = clean.sides[Side.LEFT]
    lost = replace(side, balance=replace(side.balance, matched=side.balance.matched - 1))
    with pytest.raises(BalanceError):
        wording.headline(replace(clean, sides={**clean.sides, Side.LEFT: lost}))
    with pytest.raises(BalanceError):
        wording.headline(replace(clean, sides={Side.RIGHT: clean.sides[Side.RIGHT]}))


def test_differences_that_need_no_action_are_told_beside_the_all_clear(clean: Report, report: Report) -> None:
    said = wording.headline(replace(clean, findings=report.findings.filter(code="F3")))
    assert said.startswith(ALL_CLEAR)
    assert "対応を要しない差異が 1 件" in said


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.FAILED, Verdict.TAMPERED])
def test_a_run_that_could_not_confirm_says_so_and_names_no_count(report: Report, verdict: Verdict) -> None:
    said = wording.headline(replace(report, verdict=verdict))
    assert "確認できませんでした" in said
    assert not any(character.isdigit() for character in said)


def test_a_mismatch_names_findings_and_persons_that_need_action(report: Report) -> None:
    # 24 findings, one of them 情報; 22 persons (the row without a key is one), one of them with 情報 only.
    assert "対応を要する差異は 23 件(21 人)" in wording.headline(report)


def test_a_partial_run_names_what_was_not_compared(report: Report) -> None:
    assert "CS 1 件、既存 0 件" in wording.headline(replace(report, verdict=Verdict.PARTIAL))


def test_sides_without_a_label_are_left_and_right(make: Callable[..., Report]) -> None:
    assert wording.kinds(make(sides={}))["only_left"] == "左のみ存在"


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (99_998, 100_000, "99.998%"),  # peers.md §5, trap 16
        (2, 100_000, "0.002%"),
        (100_000, 100_000, "100%"),
        (0, 100_000, "0%"),
        (1, 3, "33.3%"),
        (0, 0, "–"),
        (124_999_999, 125_000_000, "99.9999992%"),
    ],
)
def test_a_share_is_rounded_but_never_to_all_or_nothing(part: int, whole: int, said: str) -> None:
    shown = wording.percent(part, whole)
    if part == 124_999_999:  # as many decimals as it takes: the ninth significant one
        assert shown == "99.999999%"
    else:
        assert shown == said


@given(whole=st.integers(1, 10**12), part=st.integers(0, 10**12))
def test_a_hundred_percent_means_all_and_zero_means_none(whole: int, part: int) -> None:
    part = min(part, whole)
    figure = float(wording.percent(part, whole).rstrip("%"))
    assert (figure == 100) == (part == whole)
    assert (figure == 0) == (part == 0)


def test_times_are_told_in_japan() -> None:
    assert wording.moment(datetime(2026, 11, 22, 18, 5, tzinfo=UTC)) == "令和8年11月23日 3時05分"
