"""What a verdict allows a paper to say, in Japanese.

「不一致0件」 is a claim, not the absence of rows (`architecture.md` §1): exactly one function of the program words it,
and only for a verdict that has been proven. A test holds that the words stand in no other module or template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from reconcile.model import Report, Side, Verdict

Tone = Literal["good", "attention", "bad"]
"""How a banner is colored. The words beside it say the same: a paper may be printed in black and white."""


_HEADLINES: Mapping[Verdict, str] = {
    Verdict.CONSISTENT: "一致を確認しました",
    Verdict.MISMATCH: "不一致があります",
    Verdict.PARTIAL: "一部を比較できませんでした",
    Verdict.INCONCLUSIVE: "確認できませんでした",
    Verdict.FAILED: "確認できませんでした(処理の失敗)",
    Verdict.TAMPERED: "確認できませんでした(改ざんの疑い)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A verdict in words: the headline, what it means in one sentence, and what else must be known, one line each.

    `claims` is False where nothing may be claimed: no count of findings may then stand beside it as a result.
    """

    headline: str
    sentence: str
    notes: tuple[str, ...]
    tone: Tone
    claims: bool


def state(report: Report) -> Statement:
    """The statement of a run."""
    match report.verdict:
        case Verdict.CONSISTENT:
            matched = report.sides[Side.LEFT].balance.matched
            return Statement(
                headline="一致を確認しました",
                sentence=all_clear(report.verdict, matched=matched),
                notes=(*_nothing_there(matched), *_under_a_rule(report), *_out_of_scope(report)),
                tone="good",
                claims=True,
            )
        case Verdict.MISMATCH:
            return Statement(
                headline="不一致があります",
                sentence=f"対象とした全件を比較しました。{_found(report)}",
                notes=_out_of_scope(report),
                tone="attention",
                claims=True,
            )
        case Verdict.PARTIAL:
            return Statement(
                headline="一部を比較できませんでした",
                sentence=f"比較できた範囲の結果です。{_found(report)}",
                notes=(*_uncompared(report), *_out_of_scope(report)),
                tone="attention",
                claims=True,
            )
        case Verdict.INCONCLUSIVE:
            return _unproven("確認できませんでした", "確認が成り立つ条件を満たしていません。", *_unmet(report))
        case Verdict.FAILED:
            return _unproven("確認できませんでした(処理の失敗)", "処理が最後まで行われていません。")
        case Verdict.TAMPERED:
            return _unproven(
                "確認できませんでした(改ざんの疑い)",
                "保存されている結果が、作成した時のものと異なります。",
                "原因が判明するまで、この回の資料を用いないでください。",
            )
        case _:
            assert_never(report.verdict)


def all_clear(verdict: Verdict, *, matched: int) -> str:
    """The one sentence that says there is no mismatch.

    Args:
        verdict: What the run may claim.
        matched: How many pairs agree.

    Raises:
        ValueError: The verdict is not `consistent`.
    """
    if verdict is not Verdict.CONSISTENT:
        raise ValueError(f"got the verdict {verdict}, expected consistent: nothing else may be called all clear")
    return f"不一致0件。対象とした全件を比較し、{matched:,}件すべてが一致しました。"


def _found(report: Report) -> str:
    pairs = report.sides[Side.LEFT].balance
    only = "、".join(f"{side.label}のみ{side.balance.only:,}件" for side in report.sides.values())
    return f"一致{pairs.matched:,}件、値の相違{pairs.mismatched:,}件、{only}です。"


def _nothing_there(matched: int) -> tuple[str, ...]:
    return () if matched else ("比較した記録は両側とも0件です。",)


def _under_a_rule(report: Report) -> tuple[str, ...]:
    count = report.variants.height
    return (f"書き方の違いを規則により同じ値とみなした項目が{count:,}件あります。",) if count else ()


def _uncompared(report: Report) -> tuple[str, ...]:
    key = "・".join(field.label or field.name for field in report.dataset.fields if field.key)
    doubled = tuple(
        f"{side.label}の{side.balance.duplicate:,}件は、{key}が重複し相手を一つに定められません。"
        for side in report.sides.values()
        if side.balance.duplicate
    )
    refused = tuple(
        f"{side.label}の{side.balance.rejected:,}件は、その記録か相手側の記録が不良で比較できません。"
        for side in report.sides.values()
        if side.balance.rejected
    )
    return (*doubled, *refused, "これらの記録は、一致とも不一致ともいえません。")


def _out_of_scope(report: Report) -> tuple[str, ...]:
    return tuple(
        f"{side.label}の{side.balance.out_of_scope:,}件は、比較の対象外です。"
        for side in report.sides.values()
        if side.balance.out_of_scope
    )


def _unmet(report: Report) -> tuple[str, ...]:
    gates = report.summary.get("gates")
    if not isinstance(gates, list):
        return ()
    return tuple(f"満たしていない条件: {gate['ja']}" for gate in gates if gate["passed"] != "yes")


def _unproven(headline: str, sentence: str, *notes: str) -> Statement:
    return Statement(
        headline=headline,
        sentence=f"{sentence}両側が一致しているかどうかは、この回の結果からは判断できません。",
        notes=notes,
        tone="bad",
        claims=False,
    )
