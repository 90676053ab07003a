"""What is proposed for each code: which side would change, what the office would do, and on what ground.

A proposal is never applied: the engine writes to neither system. The register is the legal original (住民票), so the
direction is register -> CS unless the evidence of the finding says otherwise. Left is the CS, right the register.

The measures are those of the workflow in `reference/domain.md` §2.3: a CSへ再送信, b 住民票の職権修正と送信, c CS受理
エラーの解消, d 同一文字として承認, e 是正不要. 法 = 住民基本台帳法, 令 = 同法施行令, 仕様書 = 住民記録システム標準仕様書.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.model import Direction, Proposal

_NOTICE = "原本は住民票(法第30条の6、仕様書7.1.1.1)"
_CORRECTION = "誤記・記載漏れは事実を確認して職権で修正(令第12条第3項)"
_ONLY_ON_CS = "値があるのはCSだけ。住民票の記載漏れか、CSの消し忘れか"
_NOTHING = "規則により同じ値。記録は変えない"

# What the diagnosis of a key says (`diff.key_hints`): another code may have been meant.
_DAMAGED_KEYS = (
    "leading_zeros",
    "full_width",
    "white_space",
    "letter_case",
    "spreadsheet_damage",
    "transposed_digits",
    "one_digit_off",
    "truncated",
    "check_digit",
)


def _resend(measure: str, ground: str = _NOTICE, *when: str) -> Proposal:
    return Proposal(direction=Direction.TO_LEFT, measure=measure, ground=ground, when=frozenset(when))


def _correct(measure: str, ground: str = _CORRECTION, *when: str) -> Proposal:
    return Proposal(direction=Direction.TO_RIGHT, measure=measure, ground=ground, when=frozenset(when))


def _investigate(measure: str, ground: str, *when: str) -> Proposal:
    return Proposal(direction=Direction.INVESTIGATE, measure=measure, ground=ground, when=frozenset(when))


def _wait(measure: str, ground: str) -> Proposal:
    return Proposal(direction=Direction.WAIT, measure=measure, ground=ground)


def _nothing(ground: str = _NOTHING, *when: str) -> Proposal:
    return Proposal(direction=Direction.NONE, measure="是正不要", ground=ground, when=frozenset(when))


def _other_key_meant() -> tuple[Proposal, ...]:
    measure, ground = "住民票コードの誤りを調査", "相手側に、形の似た番号がある(ヒント)"
    return tuple(_investigate(measure, ground, hint) for hint in _DAMAGED_KEYS)


def _item(measure: str = "住民票を確認し、CSへ再送信") -> tuple[Proposal, ...]:
    """An item of the record: the register's value goes to the CS, unless only the CS has one."""
    return (
        _investigate("届書・通知を調査し、住民票の記載漏れかを判断", _ONLY_ON_CS, "right_missing"),
        _resend(measure),
    )


PROPOSALS: Mapping[str, tuple[Proposal, ...]] = {
    "A1": (
        *_other_key_meant(),
        _resend("除票・転出・死亡を確認し、消除の通知をCSへ再送信", "既存に現存の記録がない(法第30条の6)"),
    ),
    "A2": (*_other_key_meant(), _resend("記載の通知をCSへ再送信", "CSに記録がない(法第30条の6)")),
    "A3": (
        _investigate(
            "除票と現存の対応を調査し、正しい組を特定", "同じコードの記録の対応が決まらない", "unassigned_left"
        ),
        _investigate(
            "除票と現存の対応を調査し、正しい組を特定", "同じコードの記録の対応が決まらない", "unassigned_right"
        ),
        *_item("住民票の現存・消除を確認し、CSへ再送信"),
    ),
    "A4": (
        _investigate("CSの重複の原因を調査し、正しい1件を特定", "1コードに2件以上(CS側)", "duplicate_left"),
        _investigate("住民票の二重記載を調査し、正しい1件を特定", "1コードに2件以上(既存側)", "duplicate_right"),
        _investigate("重複の原因を調査し、正しい1件を特定", "1コードに2件以上"),
    ),
    "A5": (_investigate("同一人かを調査", "氏名・生年月日・性別の一致だけでは同一人といえない"),),
    "A6": (
        _resend("CSに残る旧い種別の記録の消除を再送信", "日本人と外国人の記録が併存(仕様書4.5.3)", "two_kinds_left"),
        _correct(
            "帰化等の届を確認し、旧い種別の住民票を消除", "日本人と外国人の記録が併存(仕様書4.5.3)", "two_kinds_right"
        ),
        *_item("帰化・国籍喪失等の届を確認し、CSへ再送信"),
    ),
    "B1": (
        _investigate(
            "コード変更の経緯を調査し、変更の通知を確認", "旧住民票コードが相手側のコードと一致", "former_key"
        ),
        _investigate("コード変更の経緯を調査し、正しいコードを特定", "番号は一致、住民票コードが不一致"),
    ),
    "B2": (
        _investigate(
            "番号の付番誤り・他人記録への混入を調査", "1番号を複数人が共用(番号法第29条の4の該当性)", "shared_left"
        ),
        _investigate(
            "番号の付番誤り・他人記録への混入を調査", "1番号を複数人が共用(番号法第29条の4の該当性)", "shared_right"
        ),
        _investigate(
            "番号の付番誤り・他人記録への混入を調査",
            "1番号を両側の別人が共用(番号法第29条の4の該当性)",
            "shared_across",
        ),
        _correct(
            "機構の通知で番号を確認し、住民票を修正してCSへ送信", "検査数字が正しいのはCSの番号だけ", "left_valid"
        ),
        _resend("住民票の番号を確認し、CSへ再送信", "検査数字が正しいのは既存の番号だけ", "right_valid"),
        _investigate("機構の通知で正しい番号を特定", "どちらの番号が正しいかの証拠がない(番号法第29条の4の該当性)"),
    ),
    "B3": (
        _correct("機構の通知で番号を確認し、住民票を修正してCSへ送信", "両側とも検査数字が不正", "both_invalid"),
        _correct("機構の通知で番号を確認し、住民票を修正してCSへ送信", "既存の検査数字が不正", "check_digit_right"),
        _resend("住民票の番号を確認し、CSへ再送信", "CSの検査数字が不正", "check_digit_left"),
        _investigate("正しい番号を特定", "検査数字が不正"),
    ),
    "B4": (
        _resend("番号生成待ちでないことを確認し、CSへ再送信", "番号があるのは既存だけ(仕様書7.1.2.1)", "left_missing"),
        _correct("機構の通知で番号を確認し、住民票に記載", "番号があるのはCSだけ(仕様書7.1.2.1)", "right_missing"),
        _investigate("番号生成の要求と結果を調査", "番号があるのは片側だけ(仕様書7.1.2.1)"),
    ),
    "C0": (_nothing("符号は違うが同じ文字"),),
    "C1": _item(),
    "C2": (
        _nothing("同定承認表により同じ文字", "approved"),
        _investigate(
            "同一文字として承認するか判断。しないときは既存の字形で再送信", "文字の関係は根拠欄。同一とはみなしていない"
        ),
    ),
    "C3": (
        _correct("原字を届書・戸籍で確認し、既存の文字を修正", "既存の文字が代替記号又は外字", "doubtful_right"),
        _resend("原字を確認し、統一文字のある符号でCSへ再送信", "CSの文字が代替記号又は外字", "doubtful_left"),
        _investigate("原字を届書・戸籍で確認し、同定", "符号が文字を特定していない"),
    ),
    "C5": (_nothing(),),
    "D1": _item(),
    "D2": (_nothing(),),
    "D3": (_investigate("戸籍・届書で日を確認", "片側又は両側が不詳日。不詳と特定の日は同じでない"),),
    "S1": _item(),
    "E1": _item(),
    "E2": _item(),
    "E3": _item(),
    "E4": (_nothing(),),
    "E5": (_investigate("住所コードと文字列のどちらが誤りかを調査", "一つの側の中での矛盾"),),
    "F1": _item(),
    "F2": _item(),
    "F3": _item("届出・通知済みの振り仮名を確認し、CSへ再送信"),
    "G1": (_nothing("異動事由は再送信のとき変えられる(仕様書7.1.1.1)。単独では根拠にならない"),),
    "G2": (_nothing("異動年月日だけの相違。ほかの項目の相違があればそれに従う"),),
    "G3": (_resend("未反映の異動をCSへ再送信", "CSは既存の過去の履歴と同じで、猶予を過ぎている(履歴)"),),
    "G4": (
        _investigate("CSの更新の出所を調査し、正しければ住民票を職権修正", "CSの処理日時が既存のどの履歴より新しい"),
    ),
    "T1": (_wait("次回の突合で確認", "通知の途中(猶予内)"),),
    "T2": (_resend("CSの受理待ち・エラーを解消", "CSの更新フラグ。残れば要修正"),),
    "T3": (_wait("転出予定日を過ぎてから確認", "転出予定者(仕様書4.1.3.0.1)"),),
    "T4": (_wait("次回の突合で確認", "両側の抽出時点が違う"),),
    "T5": (_wait("本登録の後に確認", "仮登録は通知の対象外(仕様書4.0.8)。抽出に含めない"),),
    "Q1": (_investigate("出力をやり直す", "ファイルが途中で切れている。記録の是正ではない"),),
    "Q2": (
        _investigate("CSの記録の桁・文字を調査し、出力し直す", "CSの記録を読めない", "reject_left"),
        _investigate("既存の記録の桁・文字を調査し、出力し直す", "既存の記録を読めない", "reject_right"),
        _investigate("記録の桁・文字を調査し、出力し直す", "記録を読めない"),
    ),
    "Q3": (_investigate("市区町村コードの出所を調査", "コードが範囲外"),),
    "Q4": (_investigate("コード値の意味を確認し、対応表に加える", "対応表にない値。記録の誤りとは限らない"),),
    "X1": (_investigate("両側の本人を直ちに調査。確認まで再送信しない", "同じコードに別人の情報。送れば誤りを広げる"),),
    "X2": (_investigate("原因を先に調査。一件ごとの是正をしない", "大量の不一致は一つの原因によることが多い"),),
    "X3": (_investigate("CSへの連携の停止を調査し、再開後に再送信", "CSの更新が止まっている"),),
    "X4": (_investigate("触らずに保全し、統括責任者へ報告", "証跡が検証できない"),),
}
"""Code -> what is proposed, the first whose facts hold; the last of each has no condition."""
