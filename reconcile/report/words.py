"""The engine's names of rules and hints in the words of the office; what each report says, it says alike.

A name without a word here is shown as it is: a new rule must never make a finding lose its ground. The relations of
characters bring their own words (`characters.relations.LABELS`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reconcile.characters.relations import LABELS
from reconcile.model import PART_OF, PARTS

RULE_LABELS: Mapping[str, str] = {
    **LABELS,
    "same_mj": "同じ文字の別の符号(同一のMJ文字図形)",
    # comparators
    "width": "全角・半角",
    "spaces": "空白",
    "idle_spaces": "意味のない空白",
    "kana_script": "平仮名・片仮名",
    "small_kana": "小書き仮名(ャュョッ等)",
    "letter_case": "大文字・小文字",
    "diacritics": "発音記号付きの文字",
    "approved": "同定承認表による同定",
    "era_boundary": "改元日",
    "era_continued": "改元後も続けて書かれた旧元号",
    "era_western": "和暦・西暦",
    "unknown_part": "不詳の部分",
    "hyphen_between_digits": "ハイフン",
    "chome_notation": "丁目・番・号の表記",
    # records
    "null_key": "キー欠落",
    "second_key": "個人番号一致",
    "former_key": "旧住民票コードと一致",
    "counterpart_rejected": "相手側が不良",
    "identity_swap": "二人の記録の入れ替わり",
    # whole pairs and leftover rows: late or lost (classify.timing), who stands under a key (classify.people)
    "waiting": "CS受理待ち・エラー",
    "planned": "転出予定",
    "behind": "未反映(猶予内)",
    "overdue": "未反映(猶予超過)",
    "recent": "処理日が猶予内",
    "apart": "抽出時点の差",
    "ahead": "CSが先行",
    "departed": "既存住基に過去の履歴のみ",
    "unrelated_event": "比較項目に変更のない後続の異動",
    "disordered": "現在行より新しい履歴行",
    "provisional": "仮登録",
    "mixed_identity": "4情報が全て異なる",
    "two_keys": "同一人の候補",
    # single rows
    "check_digit": "検査数字",
    "undeclared": "未定義コード",
    "code_range": "コード範囲外",
    "town": "町字表との照合",
    "shared": "同一番号の共有",
    "doubtful": "代替記号・外字を含む",
    # where every rule was tried and none explains it
    "no_rule": "同じとみなす規則なし",
    "one_side_only": "片側に値なし",
    "no_partner": "相手側に対応する記録なし",
    "repeated_key": "同じ番号の記録が複数",
    # what pandera calls its checks
    "str_matches": "桁数・文字種",
    "not_nullable": "必須項目の欠落",
    "column_in_dataframe": "列なし",
}
"""Name of a rule, a check or a piece of evidence -> what the office calls it."""

APPROVED = "approved:"
"""Before the id of an entry of the site's table of approved identifications (`characters.ladder`)."""

HINT_LABELS: Mapping[str, str] = {
    "leading_zeros": "先頭のゼロの有無だけが違う番号が相手側にあります",
    "full_width": "全角・半角だけが違う番号が相手側にあります",
    "white_space": "空白の有無だけが違う番号が相手側にあります",
    "letter_case": "大文字・小文字だけが違う番号が相手側にあります",
    "spreadsheet_damage": "表計算ソフトで数値に変わった番号のようです",
    "transposed_digits": "隣り合う2桁を入れ替えた番号が相手側にあります",
    "one_digit_off": "1桁だけ違う番号が相手側にあります",
    "truncated": "途中で切れた番号のようです",
    "check_digit": "検査数字が合いません",
    "left_missing": "{left}に値がありません",
    "right_missing": "{right}に値がありません",
    "second_key_differs": "個人番号は両側で違います",
    "type_differs": "列の型が両側で違います",
}
"""Name of a hint -> a sentence; `{left}`, `{right}` stand for the sides' labels."""

_AMBIGUOUS = r"^ambiguous ([0-9]+) × ([0-9]+)"
_REPEATED = r"^([0-9]+) × ([0-9]+)"
_NEAREST = "; nearest "


def rule_label(rule: str) -> str:
    """The rules behind one finding in words: "A+B" names several, the strongest first."""
    label: str = pl.select(rule_words(pl.lit(rule))).item()
    return label


def rule_words(rule: pl.Expr) -> pl.Expr:
    """The rules behind a finding in words: "A+B" names several, the strongest first. Null stays null."""
    word = pl.element().replace(dict(RULE_LABELS)).str.replace(f"^{APPROVED}", "同定承認 ")
    word = word.str.replace(f"^{PART_OF}(.+)$", "${1}の一部")
    return rule.str.split("+").list.eval(word).list.join("、")


def without_parts(hint: pl.Expr) -> pl.Expr:
    """A hint without the items that are parts of its event (`classify.events`); null where it says nothing else."""
    rest = hint.str.replace(f"(?:^|; ){PARTS}.*$", "")
    return pl.when(rest != "").then(rest)


def parts(hint: pl.Expr) -> pl.Expr:
    """What a hint says of the parts of its event; null where it says nothing of them."""
    return hint.str.extract(f"({PARTS}.*)$")


def hint_words(hint: pl.Expr, left: str, right: str) -> pl.Expr:
    """A hint in words; one that already is words (pairs of characters) stays as it is. Null stays null.

    Args:
        hint: As `findings_schema` has it.
        left: What the left side is called.
        right: What the right side is called.
    """
    # Not str.format: a label is a stranger's text and may hold braces.
    sentences = {name: text.replace("{left}", left).replace("{right}", right) for name, text in HINT_LABELS.items()}
    # "$" begins a reference to a group in a replacement.
    counts = "{}に${{1}}件、{}に${{2}}件".format(*(label.replace("$", "$$") for label in (left, right)))
    worded = without_parts(hint).replace(sentences).str.replace(_AMBIGUOUS, f"{counts}あり、組を特定できません")
    nearest = "。最もよく一致する組(行番号、一致した項目数): "
    worded = worded.str.replace(_REPEATED, counts).str.replace(_NEAREST, nearest, literal=True)
    worded = worded.str.replace("<->", " ⇔ ", literal=True)
    both = pl.concat_str([worded, parts(hint)], separator="。", ignore_nulls=True)
    return pl.when(hint.is_not_null()).then(both)
