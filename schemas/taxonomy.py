"""The taxonomy of differences: code, name, severity, who acts. One table; order is gravity within a letter.

Severity, gravest first: 重大, 要修正, 要確認, 時差, 情報, 対象外. 係 = 窓口課住民異動係, 課長 = 窓口課長, ICT = ICT推進担当.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconcile.model import Category

SEVERITIES = ("重大", "要修正", "要確認", "時差", "情報", "対象外")

_TABLE = """
A1 CSのみ存在               要修正 係→課長
A2 既存のみ存在             要修正 係
A3 現存・消除の食違い       要修正 係
A4 住民票コード重複         重大   課長+ICT
A5 同一人に複数コード       要確認 係
A6 住民種別相違             要修正 係
B1 住民票コード不一致       重大   課長
B2 個人番号不一致・重複     重大   課長→統括責任者
B3 検査数字不正             要確認 係
B4 個人番号片側欠落         要修正 係
C0 符号化差(同一文字)       情報   -
C1 氏名相違                 要修正 係
C2 異体字・縮退差           要確認 係(同定承認)
C3 外字・未同定             要確認 係+ICT
C5 氏名区切り・空白         情報   -
D1 生年月日相違             要修正 係
D2 年月日表現差             情報   -
D3 不詳日の相違             要確認 係
S1 性別相違                 要修正 係
E1 住所相違(町字)           要修正 係
E2 番地・号相違             要修正 係
E3 方書相違                 要確認 係
E4 住所表記差               情報   -
E5 住所コードと文字列の矛盾 要確認 係
F1 旧氏相違                 要修正 係
F2 通称相違                 要修正 係
F3 振り仮名相違・片側       情報   係
G1 異動事由相違             情報   -
G2 異動年月日相違           情報   -
G3 更新順序逆転・履歴欠落   要修正 係+ICT
G4 CS先行                   要確認 係+ICT
T1 未反映(猶予内)           時差   -
T2 CS受理待ち・エラー       時差   係+ICT
T3 転出予定者               時差   -
T4 抽出時点差               時差   -
T5 仮登録                   時差   係
Q1 件数・トレーラ不一致     重大   ICT
Q2 復号不能・桁数違反       要確認 ICT
Q3 コード範囲外             要確認 ICT
Q4 未定義コード値           要確認 ICT
X1 他人情報混在の疑い       重大   課長→統括責任者→区長
X2 大量不一致               重大   統括責任者
X3 連携停止の疑い           重大   ICT+課長
X4 改ざんの疑い             重大   統括責任者
"""


def _category(line: str) -> Category:
    code, label, severity, actor = line.split()
    return Category(code=code, label=label, severity=severity, actor=actor)


TAXONOMY: Mapping[str, Category] = {category.code: category for category in map(_category, _TABLE.strip().splitlines())}
