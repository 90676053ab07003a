"""Columns as a whole: what is counted of them against plain Python, each gate just inside and outside, and whole nights."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.ward import make_ward
from reconcile import nightly
from reconcile.config import read_config
from reconcile.decide import REMEDIES, REQUIRED, Gate, decide, remedy
from reconcile.errors import ConfigError
from reconcile.model import CLASSES, Balance, ColumnProfile, Field, Side, Verdict, join_columns
from reconcile.proof.profile import ColumnLimits, column_gates, profile
from reconcile.settings.gate_limits import Gates

CHARACTERS = "09AZaz-  ~ぁんアン・　一龥鿿丈ﾊﾝＡ𠮟\U000e0100\ue001\U000f5040é각"
Texts = Sequence[str | None]
TEXTS = st.lists(st.none() | st.text(alphabet=CHARACTERS, max_size=6), max_size=12)


def class_of(character: str) -> str:
    """By its code point, as `CLASSES` says."""
    point = ord(character)
    if point < 0x80:
        return "digit" if character.isdigit() else "latin" if character.isalpha() else "sign"
    ranges = {
        "kana": (0x3000, 0x3FFF),
        "kanji": (0x4000, 0x9FFF),
        "width": (0xE000, 0xFFFF),
        "beyond": (0x10000, 0x10FFFF),
    }
    return next((name for name, (first, last) in ranges.items() if first <= point <= last), "other")


@given(TEXTS)
def test_a_column_is_counted_as_plain_python_counts_it(texts: Texts) -> None:
    got = profile(pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)}))["a"]
    values = [text for text in texts if text is not None]
    counted = Counter(class_of(character) for text in values for character in text)
    assert (got.rows, got.values) == (len(texts), len(values))
    assert dict(zip(CLASSES, got.characters, strict=True)) == {name: counted[name] for name in CLASSES}
    assert got.constant == (len(set(texts)) <= 1)


@given(TEXTS, st.integers(1, 5))
def test_batches_make_no_difference(texts: Texts, height: int) -> None:
    column = pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)})
    parts = [profile(batch) for batch in column.iter_slices(height)]
    nothing: Mapping[str, ColumnProfile] = {"a": ColumnProfile()}
    assert reduce(join_columns, parts, nothing)["a"] == profile(column)["a"]


def test_what_is_kept_of_a_column_holds_no_value() -> None:
    name = "葛\U000e0100飾花子"
    got = profile(pl.DataFrame({"a": [name]}))["a"]
    assert name not in repr(got)
    assert got.told == {"rows": 1, "values": 1, "length": 5.0, "characters": {"kanji": 0.8, "beyond": 0.2}}


# ---------------------------------------------------------------------------------------------------------- the gates


def gates(
    left: Texts, right: Texts, before: Mapping[str, Any] | None = None, accepted: tuple[str, ...] = ()
) -> dict[str, Gate]:
    columns = {Side.LEFT: left, Side.RIGHT: right}
    profiles = {side: profile(pl.DataFrame({"a": pl.Series(c, dtype=pl.String)})) for side, c in columns.items()}
    found = column_gates(
        [Field(name="a", label="氏名")],
        profiles,
        ColumnLimits(before=before or {}, accepted=accepted),
        lambda side, _, value: sum(text != value for text in columns[side]),
    )
    return {gate.name: gate for gate in found}


NOTHING: Texts = [None] * 100


@pytest.mark.parametrize(
    ("left", "right", "passed"),
    [
        pytest.param(NOTHING, ["x"] * 20 + [None] * 80, True, id="few values may be missing on the other side"),
        pytest.param(NOTHING, ["x"] * 21 + [None] * 79, False, id="empty here, 21 values there"),
        pytest.param(["1"] * 100, ["1"] * 80 + ["2"] * 20, True, id="few depart from the constant"),
        pytest.param(["1"] * 100, ["2"] * 21 + ["1"] * 79, False, id="21 depart from the constant"),
        pytest.param(["1"] * 100, ["1"] * 79 + [None] * 21, False, id="21 are empty where all others are the same"),
        pytest.param(["1"] * 100, ["2"] * 100, True, id="the same for all on both sides"),
        pytest.param(["1"] * 99 + [None], ["1", "2"] * 50, True, id="not the same for all"),
        pytest.param(NOTHING, NOTHING, True, id="empty on both"),
    ],
)
def test_a_column_that_fell_silent_on_one_side(
    left: Texts,
    right: Texts,
    passed: bool,  # noqa: FBT001
) -> None:
    """F055, whichever side it is; a column that the run file accepts is not asked."""
    assert gates(left, right)["dead_columns"].passed is passed
    assert gates(right, left)["dead_columns"].passed is passed
    assert gates(left, right, accepted=("a",))["dead_columns"].passed


def test_of_many_records_a_share_may_depart() -> None:
    constant: Texts = ["1"] * 50_000
    assert gates(constant, ["2"] * 50 + ["1"] * 49_950)["dead_columns"].passed
    assert not gates(constant, ["2"] * 51 + ["1"] * 49_949)["dead_columns"].passed


def test_a_column_without_values_on_either_side_is_not_compared_and_the_run_is_partial() -> None:
    """F056: nothing equals nothing, and proves nothing."""
    gate = gates(NOTHING, NOTHING)["empty_columns"]
    assert not gate.passed
    assert "氏名は両側とも値がなく、比較不能" in gate.ja
    assert gates(NOTHING, ["x", *NOTHING])["empty_columns"].passed
    assert gates(NOTHING, NOTHING, accepted=("a",))["empty_columns"].passed
    whole = Balance(records=1, rows=1, out_of_scope=0, rejected=0, duplicate=0, matched=1, mismatched=0, only=0)
    required = [Gate(name=name, passed=True, ja="", en="") for name in REQUIRED]
    sides = dict.fromkeys(Side, whole)
    assert decide([*required, replace(gate, passed=True)], sides, 0) is Verdict.CONSISTENT
    assert decide([*required, gate], sides, 0) is Verdict.PARTIAL
    assert decide([*required, gate, Gate(name="x", passed=False, ja="", en="")], sides, 0) is Verdict.INCONCLUSIVE


KANJI: Texts = ["山田 花子"] * 1_000
KANA: Texts = ["ヤマダ ハナコ"] * 1_000


def before(texts: Texts) -> Mapping[str, Any]:
    told = profile(pl.DataFrame({"a": pl.Series(texts, dtype=pl.String)}))["a"].told
    return {"left": {"a": told}, "right": {"a": told}}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        pytest.param(KANA, "漢字の割合 80.0% → 0.0%", id="F057 readings in the column of names"),
        # n of 1,000: six kana of 5,000 + 2n characters, so that a tenth of all are kana at n = 500 / 5.8 = 86.2
        pytest.param([*KANA[:86], *KANJI[86:]], "", id="hardly a tenth of the characters"),
        pytest.param([*KANA[:87], *KANJI[87:]], "かなの割合 0.0% → 10.1%", id="more than a tenth"),
        pytest.param([*KANJI[:900], *[None] * 100], "", id="a tenth of the values gone"),
        pytest.param([*KANJI[:899], *[None] * 101], "値のある割合 100.0% → 89.9%", id="more than a tenth gone"),
        pytest.param([*["山田 花子子"] * 500, *KANJI[500:]], "", id="a tenth longer"),
        pytest.param([*["山田 花子子"] * 501, *KANJI[501:]], "平均の長さ 5.0 → 5.5", id="more than a tenth longer"),
        pytest.param(KANJI[:600], "", id="fewer records: that is the volume's gate"),
    ],
)
def test_a_column_that_is_not_what_it_was_last_night(now: Texts, said: str) -> None:
    """Both sides alike: no comparison of records would show it."""
    found = gates(now, now, before(KANJI))
    assert {found["profile_left"].passed, found["profile_right"].passed} == {not said}
    assert said in found["profile_left"].ja
    assert gates(now, now, before(KANJI), accepted=("a",))["profile_left"].passed


def test_a_few_records_change_no_column() -> None:
    old: Texts = ["山", *[None] * 99]
    assert gates(["ヤマダ"] * 21 + [None] * 79, KANJI, before(old))["profile_left"].passed  # 20 more than before
    assert not gates(["ヤマダ"] * 22 + [None] * 78, KANJI, before(old))["profile_left"].passed


def test_without_a_night_before_and_without_records_nothing_is_claimed() -> None:
    assert set(gates(KANJI, KANJI)) == {"dead_columns", "empty_columns"}
    assert gates([], KANJI) == {}


# ----------------------------------------------------------------------------------------------- what to do, and who


def test_every_gate_of_the_program_has_a_code_and_a_remedy() -> None:
    root = Path(nightly.__file__).parent
    names = set()
    for path in root.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Gate":
                (value,) = (keyword.value for keyword in call.keywords if keyword.arg == "name")
                match value:
                    case ast.Constant(value=str(name)):
                        names.add(name)
                    case ast.JoinedStr(values=[ast.Constant(value=str(name)), *_]):
                        names.add(name.removesuffix("_"))
                    case _:
                        names.add("gaiji")  # from the name of a table
    assert names == set(REMEDIES)
    assert remedy("as_of_left") is remedy("as_of_right") is REMEDIES["as_of"]


def test_the_run_file_s_limits_are_named_with_who_approved_them(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    text = (
        'dataset = "schemas.identity_record"\nleft = "a"\nright = "a"\n[sources.a]\npath = "a.csv"\n'
        '[gates]\nmin_rows = 250000\naccepted_columns = ["tsusho"]\napprover = "窓口課長"\n'
    )
    config.write_text(text + "date = 2026-11-01\n", encoding="utf-8")
    limits = read_config(config).gates
    assert (limits.approver, limits.date) == ("窓口課長", "2026-11-01")
    assert limits.changed == {"min_rows": "250,000", "accepted_columns": "tsusho"}
    assert Gates().changed == {}
    config.write_text(text + 'date = "yesterday"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"gates\.date"):
        read_config(config)


# -------------------------------------------------------------------------------------------------------- whole nights

RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "site.key"
[sources.cs]
label = "CS"
path = "cs_*.dat"
layout = "cs_fixed"
[sources.register]
label = "既存住基"
url = "duckdb:///register.duckdb"
layout = "register_table"
[gates]
municipality = "13107"
"""


def test_a_night_whose_export_was_mapped_wrongly_claims_nothing_until_somebody_approves(tmp_path: Path) -> None:
    """The export is well formed and has all its rows; the CS is read by a pattern, as a dated export would be."""
    make_ward(tmp_path, 400, 3, date(2026, 11, 20), ("cs_fixed", "register_duckdb"))
    (tmp_path / "cs.dat").rename(tmp_path / "cs_20261120.dat")
    config = tmp_path / "run.toml"
    config.write_text(RUN_FILE, encoding="utf-8")

    def night() -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        summary, _ = nightly.run(config, "2026-11-20", lambda *_: None)
        return summary, {gate["gate"]: gate for gate in summary["gates"] if gate["outcome"] == "failed"}

    first, failed = night()
    assert first["verdict"] == "partial"  # the ward has repeated keys
    assert set(failed) <= {"empty_columns"}
    assert first["columns"]["left"]["name_kanji"]["rows"] == first["sides"]["left"]["rows"]  # and no sentinel

    with duckdb.connect(tmp_path / "register.duckdb") as register:
        register.execute("UPDATE juki_current SET shimei_kanji = shimei_kana, sex = '1'")
    summary, failed = night()
    assert summary["verdict"] == "inconclusive"
    assert {"dead_columns", "profile_right"} <= set(failed)
    assert "既存住基の性別が全件同じ値" in failed["dead_columns"]["detail"]
    assert "氏名(漢字)の漢字の割合 " in failed["profile_right"]["detail"]
    assert (failed["dead_columns"]["code"], failed["profile_right"]["code"]) == ("E_COLUMN_DEAD", "E_PROFILE")
    assert "[gates]" in failed["profile_right"]["todo"]

    approved = 'accepted_columns = ["name_kanji", "sex"]\napprover = "窓口課長"\ndate = 2026-11-20\n'
    config.write_text(RUN_FILE + approved, encoding="utf-8")
    summary, failed = night()
    assert not {"dead_columns", "profile_right"} & set(failed)
    assert summary["gate_limits"]["approver"] == "窓口課長"
