"""本人確認情報: the identity-confirmation record, as both systems hold it (住民基本台帳法第30条の6; 要綱第2条).

Left is the CS, right the existing register. To add a field is one line here, and its column in the layouts.
Not loaded at all, because it is not 本人確認情報: 続柄, 本籍, 筆頭者, 国籍, 在留資格, 備考 and the like.
"""

from __future__ import annotations

import pandera.polars as pa

from reconcile.declare import dataset, item
from reconcile.model import (
    Address,
    Characters,
    Events,
    Kana,
    Latin,
    PartialDate,
    Scope,
    Secrecy,
    Side,
    TestMark,
    Timing,
)
from schemas.proposals import PROPOSALS
from schemas.taxonomy import SEVERITIES, TAXONOMY

# Grade of a comparator -> code. "different" also stands for one side missing.
_NAME = {
    "same_character": "C0",
    "separator": "C5",
    "approved": "C2",
    "variant": "C2",
    "unmapped": "C3",
    "different": "C1",
}
_DATE = {"same_day": "D2", "unknown": "D3", "different": "D1"}


def _address(code: str) -> dict[str, str]:
    return {"notation": "E4", "different": code}


class IdentityRecord(pa.DataFrameModel):
    """One person as one side holds them; canonical text, order = order of findings."""

    juminhyo_code: str = item("住民票コード", key=True, secrecy=Secrecy.SPECIAL, pattern=r"[0-9]{11}")
    kojin_bango: str = item(
        "個人番号",
        secrecy=Secrecy.MY_NUMBER,
        codes={"different": "B2", "missing": "B4"},
        check_digit="individual_number",
    )
    source_state: str = item("現存区分", codes={"different": "A3"}, secrecy=Secrecy.OPEN)
    resident_kind: str = item("住民種別", codes={"different": "A6"})
    municipality: str = item("市区町村コード", codes={"different": "Q3"}, secrecy=Secrecy.OPEN)
    name_kanji: str = item("氏名(漢字)", comparator=Characters(), codes=_NAME)
    name_latin: str = item("氏名(ローマ字)", comparator=Latin(), codes={"separator": "C5", "different": "C1"})
    tsusho: str = item("通称", comparator=Characters(), codes={**_NAME, "different": "F2"})
    kyu_uji: str = item("旧氏", comparator=Characters(), codes={**_NAME, "different": "F1"}, secrecy=Secrecy.SPECIAL)
    furigana_name: str = item("氏名の振り仮名", comparator=Kana(), codes={"notation": "C5", "different": "F3"})
    birth: str = item("生年月日", comparator=PartialDate(), codes=_DATE)
    sex: str = item("性別", codes={"different": "S1"})
    town_code: str = item("町字コード", codes={"different": "E1"}, code_system=True, location=True)
    address_town: str = item("住所(町字まで)", comparator=Address("town"), codes=_address("E1"), location=True)
    address_lot: str = item("番地・号", comparator=Address("lot"), codes=_address("E2"), location=True)
    address_katagaki: str = item("方書", comparator=Address("katagaki"), codes=_address("E3"), location=True)
    event_reason: str = item("異動事由", codes={"different": "G1"})
    event_date: str = item("異動年月日", comparator=PartialDate(), codes={"same_day": "D2", "different": "G2"})
    # Carried for pairing, timing and lists; never compared.
    old_juminhyo_code: str = item("旧住民票コード", compared=False, secrecy=Secrecy.SPECIAL)
    atena_no: str = item("宛名番号", compared=False)
    process_time: str = item("処理日時", compared=False, secrecy=Secrecy.OPEN)
    sequence: str = item("履歴番号・更新順番号", compared=False, secrecy=Secrecy.OPEN)
    pending: str = item("更新禁止・排他・予定者フラグ", compared=False, secrecy=Secrecy.OPEN)
    protected: str = item("支援措置", compared=False, secrecy=Secrecy.SPECIAL)
    record_kind: str = item("記録の種類(住民票・除票・附票)", compared=False, secrecy=Secrecy.OPEN)
    batch: str = item("一括処理・操作者番号", compared=False)

    class Config:
        """Columns that a side does not have are 比較不能, not an error; so no strictness here."""

        strict = False


_ONE = {
    "kojin_bango": "000000000001",
    "source_state": "現存",
    "resident_kind": "日本人",
    "municipality": "13107",
    "name_kanji": "見本　一郎",
    "name_latin": "MIHON ICHIRO",
    "tsusho": "見本通",
    "kyu_uji": "見本",
    "furigana_name": "ミホン　イチロウ",
    "birth": "S45-01-02",
    "sex": "男",
    "town_code": "0000001",
    "address_town": "見本町一丁目",
    "address_lot": "１番１号",
    "address_katagaki": "見本荘",
    "event_reason": "国内転入",
    "event_date": "R02-03-04",
}
_OTHER = {
    "kojin_bango": "000000000002",
    "source_state": "転出予定",
    "resident_kind": "外国人",
    "municipality": "13101",
    "name_kanji": "標本　花子",
    "name_latin": "HYOHON HANAKO",
    "tsusho": "標本通",
    "kyu_uji": "標本",
    "furigana_name": "ヒョウホン　ハナコ",
    "birth": "H02-03-04",
    "sex": "女",
    "town_code": "0000002",
    "address_town": "標本町二丁目",
    "address_lot": "２番２号",
    "address_katagaki": "標本荘",
    "event_reason": "転居",
    "event_date": "R03-04-05",
}

DATASET = dataset(
    "schemas.identity_record",
    "本人確認情報",
    IdentityRecord,
    codes={
        "only_left": "A1",
        "only_right": "A2",
        "duplicate_left": "A4",
        "duplicate_right": "A4",
        "two_kinds_left": "A6",
        "two_kinds_right": "A6",
        "unassigned_left": "A3",
        "unassigned_right": "A3",
        "shared_across": "B2",
        "identity_swap": "X1",
        "mixed_identity": "X1",
        "two_keys": "A5",
        "waiting": "T2",
        "planned": "T3",
        "behind": "T1",
        "recent": "T1",
        "overdue": "G3",
        "apart": "T4",
        "ahead": "G4",
        "provisional": "T5",
        "other_key": "B1",
        "shared_left": "B2",
        "shared_right": "B2",
        "check_digit_left": "B3",
        "check_digit_right": "B3",
        "doubtful_left": "C3",
        "doubtful_right": "C3",
        "code_range_left": "Q3",
        "code_range_right": "Q3",
        "town_left": "E5",
        "town_right": "E5",
        "undeclared_left": "Q4",
        "undeclared_right": "Q4",
        "disordered_right": "G3",
        "reject_left": "Q2",
        "reject_right": "Q2",
        "mass_mismatch": "X2",
        "feed_stop": "X3",
    },
    taxonomy=TAXONOMY,
    second_key="kojin_bango",
    state="source_state",
    closed=("消除",),
    kind="resident_kind",
    former_key="old_juminhyo_code",
    list_key="atena_no",
    protected="protected",
    municipality="municipality",
    person=("name_kanji", "birth", "sex"),
    # 氏名, 生年月日, 性別, 住所: the four items (4情報).
    identity=(("name_kanji",), ("birth",), ("sex",), ("address_town", "address_lot")),
    marks={Side.LEFT: "pending", Side.RIGHT: "atena_no"},
    # Nobody: no resident has a 住民票コード or 個人番号 of zeros, and there is no 見本町 in the ward.
    sentinels=(_ONE, _OTHER),
    sentinel_key="00000000{:03d}",
    # The people of fixtures.ward. Of real codes, which are drawn at random (住民基本台帳法施行令第30条の2), one in 97 has it.
    test_mark=TestMark(field="juminhyo_code", digits=10, modulus=97, remainder=31),
    timing=Timing(
        processed="process_time",
        pending="pending",
        waiting="^[12]",
        planned="^.1",
        provisional="仮登録",
        removed="消除",
        sequence="sequence",
        events=("event_reason", "event_date"),
    ),
    proposals=PROPOSALS,
    purpose="本人確認情報の整合性確認(要綱第5条第2項第1号)",
    # Never of the same population (domain.md §2.1: 標準仕様書 9.3 除票DB, 附票) first; the others where a site says so.
    scope=(
        Scope(
            name="expired",
            label="除票(5年超)",
            field="source_state",
            values=("消除",),
            since="process_time",
            years=5,
            applies=True,
        ),
        Scope(name="supplementary", label="戸籍の附票", field="record_kind", values=("附票",), applies=True),
        Scope(name="provisional", label="仮登録", field="source_state", values=("仮登録",)),
        Scope(name="deleted", label="消除", field="source_state", values=("消除",)),
    ),
    grouped_by=("address_town", "event_reason", "batch", "source_state", "resident_kind", "sex", "municipality"),
    place="address_town",
    budget={"F3": "振り仮名"},
    events=Events(
        codes=tuple(code for code in TAXONOMY if code[0] in "ABX"), severities=SEVERITIES, part_severity="情報"
    ),
)
