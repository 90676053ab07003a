"""The synthetic ward, read back without any of the engine: plain Python, `tomllib`, and the published tables.

Whatever differs between the two files must stand in the truth table, and whatever stands there must differ.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest

from fixtures.ward import LAYOUTS, WardManifest, make_ward
from fixtures.ward.__main__ import main
from schemas.identity_record import DATASET
from schemas.taxonomy import TAXONOMY

AS_OF = date(2026, 11, 20)
RESIDENTS = 3_000
# The town codes are of two systems, and not compared.
COMPARED = [field.name for field in DATASET.compared if not field.code_system]
CODED = {"source_state": "state", "resident_kind": "kind", "sex": "sex", "event_reason": "reason"}
# Seen by a whole run, not on a record or a pair (Q1, X2-X4), or by a rejected row (Q2).
NOT_PLANTED = {"Q1", "Q2", "X2", "X3", "X4"}

PAIR = (("left", "right"), ("right", "left"))

Row = dict[str, str | None]


class Read(NamedTuple):
    """The two sides as a person with the layouts in hand reads them: canonical values, and the raw code texts."""

    left: list[Row]
    right: list[Row]
    history: list[Row]
    truth: list[dict[str, Any]]
    ward: WardManifest


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Read:
    forms = ("cs_fixed", "cs_csv", "cs_csv_cp932", "register_duckdb", "register_csv", "register_sql")
    made = make_ward(tmp_path_factory.mktemp("ward"), RESIDENTS, 7, AS_OF, forms)
    return _read(made)


def _read(made: WardManifest) -> Read:
    register = _layout("register_table")
    with duckdb.connect(str(made.paths["register_duckdb"]), read_only=True) as connection:
        right, history = (
            [_canonical(_named(register, row), register) for row in connection.execute(f"FROM {table}").fetchall()]
            for table in (register["table"], register["history_table"])
        )
    fixed = _layout("cs_fixed")
    left = [_canonical(row, fixed) for row in _fixed_rows(made.paths["cs_fixed"].read_bytes(), fixed)]
    return Read(left, right, history, pl.read_parquet(made.paths["truth"]).to_dicts(), made)


# ------------------------------------------------------------------------------------------------ reading by hand


def _layout(name: str) -> dict[str, Any]:
    return tomllib.loads((LAYOUTS / f"{name}.toml").read_text(encoding="utf-8"))


def _named(layout: dict[str, Any], row: tuple[str | None, ...]) -> Row:
    return dict(zip([column["name"] for column in layout["column"]], row, strict=True))


def _fixed_rows(data: bytes, layout: dict[str, Any]) -> list[Row]:
    size = layout["record_bytes"]
    records = [data[start : start + size] for start in range(0, len(data), size)]
    assert all(record[:1] == b"D" for record in records[1:-1])
    table = _j_codes()
    return [{c["name"]: _cut(record, c, table) for c in layout["column"]} for record in records[1:-1]]


def _cut(record: bytes, column: dict[str, Any], table: dict[int, str]) -> str | None:
    piece = record[column["offset"] : column["offset"] + column["length"]]
    if column.get("charset") != "juki":
        return piece.decode("ascii").rstrip(" ") or None
    codes = [int.from_bytes(piece[i : i + 2], "big") for i in range(0, len(piece), 2)]
    while codes and codes[-1] == 0x3000:
        codes.pop()
    return "".join(table.get(code) or _identity(code) for code in codes) or None


def _identity(code: int) -> str:
    """J+0020-33FF and J+FF00-FFFE are the characters of Unicode; a code without a row is carried in plane 15."""
    return chr(code) if 0x20 <= code <= 0x33FF or code >= 0xFF00 else chr(0xF0000 + code)


def _j_codes() -> dict[int, str]:
    """MJ文字情報一覧表: the implemented UCS of the glyph, else its base and variation selector."""
    import reconcile.characters  # noqa: PLC0415

    path = Path(str(reconcile.characters.__file__)).parent / "data" / "mj.parquet"
    rows = pl.read_parquet(path).filter(pl.col("juki").is_not_null()).select("juki", "ucs", "bare", "ivs").iter_rows()
    return {juki: chr(bare) if bare else chr(ucs) + chr(0xE0100 + ivs - 17) for juki, ucs, bare, ivs in rows}


def _canonical(row: Row, layout: dict[str, Any]) -> Row:
    told = dict(row)
    for field, name in CODED.items():
        told[field] = layout["code_lists"][name].get(row[field], f"undeclared {row[field]}")
    for field in ("birth", "event_date"):
        told[field] = _date(row[field])
    told["municipality"] = str(row["municipality"])[:5]
    reading = row["furigana_name"]
    if reading and layout["kind"] == "fixed_width":
        told["furigana_name"] = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in reading)
    return told


def _date(raw: str | None) -> str | None:
    if raw is None:
        return None
    if len(raw) == 9 and "." not in raw:  # the CS: era number, four digits of the year
        era = " MTSHR"[int(raw[0])].strip()
        year = raw[3:5] if era else raw[1:5]
        return f"{era}{year}-{raw[5:7]}-{raw[7:9]}"
    return raw.replace(".", "-")


def _check_digit(number: str) -> str:
    """平成26年総務省令第85号第5条, as it is printed: P_n the n-th digit from below, Q_n = n+1 or n-5."""
    total = sum(int(p) * (n + 1 if n <= 6 else n - 5) for n, p in enumerate(reversed(number), start=1))
    return str(0 if total % 11 <= 1 else 11 - total % 11)


# ------------------------------------------------------------------------------------------- what differs, by hand


Seen = Counter[tuple[str, str | None, str | None]]


def _observed(read: Read) -> Seen:
    """(key, field, side) of everything that an office clerk with both lists would mark."""
    sides = {"left": _by_key(read.left), "right": _by_key(read.right)}
    lines = csv.reader(read.ward.paths["towns"].read_text(encoding="utf-8").splitlines())
    towns = {line[0]: line[1] for line in lines}
    seen: Seen = Counter()
    for side, rows in sides.items():
        seen.update(_on_one_side(rows, side, towns))
    seen.update(_without_partner(sides))
    newest = {row["atena_no"]: int(str(row["sequence"])) for row in read.history}  # ascending, so the last stays
    older = [row for row in read.right if int(str(row["sequence"])) < newest.get(row["atena_no"], 0)]
    seen.update((str(row["juminhyo_code"]), "sequence", "right") for row in older)
    for key in sides["left"].keys() & sides["right"].keys():
        fields = _differing(sides["left"][key], sides["right"][key])
        seen.update((key, field, None) for field in fields)
        # 氏名, 生年月日, 性別, 住所: somebody else's record is one event, whatever else differs.
        if {"name_kanji", "birth", "sex"} <= set(fields) and {"address_town", "address_lot"} & set(fields):
            seen[key, None, None] += 1
    return seen


def _on_one_side(rows: dict[str, list[Row]], side: str, towns: dict[str, str]) -> Seen:
    """Repeated keys, numbers with a wrong check digit or of two people, undeclared codes."""
    # A deleted record may stand beside another of the same code (帰化).
    seen: Seen = Counter((key, None, side) for key, group in rows.items() if len(_current(group)) > 1)
    holders = defaultdict(set)
    for key, row in ((key, row) for key, group in rows.items() for row in group):
        number = row["kojin_bango"]
        if number is not None:
            holders[number].add(key)
            seen[key, "kojin_bango", side] += _check_digit(number[:-1]) != number[-1]
        seen.update((key, field, side) for field in CODED if str(row[field]).startswith("undeclared"))
        seen[key, "town_code", side] += _kanji(str(row["address_town"])) != towns[str(row["town_code"])]
        seen[key, "municipality", side] += row["municipality"] != "13107"
    seen.update((key, "kojin_bango", side) for keys in holders.values() if len(keys) > 1 for key in keys)
    return +seen


def _kanji(town: str) -> str:
    """墨田2丁目 and 墨田２丁目 are 墨田二丁目."""
    place, digit = town[:-3], town[-3]
    return f"{place}{'一二三四五六'[int(digit) - 1] if digit.isdecimal() else digit}丁目"


def _without_partner(sides: dict[str, dict[str, list[Row]]]) -> Seen:
    """Keys of one side only; two that share the 個人番号, or of which one names the other as its former code, are one
    event, about the key of the left."""
    seen: Seen = Counter()
    only = {side: {k: rows[0] for k, rows in sides[side].items() if k not in sides[other]} for side, other in PAIR}
    known = {side: {row["kojin_bango"] for row in rows.values()} - {None} for side, rows in only.items()}
    for side, other in PAIR:
        for key, row in only[side].items():
            if row["kojin_bango"] not in known[other] and row["old_juminhyo_code"] not in only[other]:
                former = {r["old_juminhyo_code"] for r in only[other].values()}
                if key in former:
                    seen[key, "juminhyo_code", None] += side == "left"
                    continue
                seen[key, None, side] += 1
            elif side == "left":
                seen[key, "juminhyo_code", None] += 1
    return seen


def _differing(left: list[Row], right: list[Row]) -> list[str]:
    mine = Counter(tuple(row[field] for field in COMPARED) for row in left)
    yours = Counter(tuple(row[field] for field in COMPARED) for row in right)
    only_mine, only_yours = list((mine - yours).elements()), list((yours - mine).elements())
    if len(only_mine) != 1 or len(only_yours) != 1:
        return []
    return [f for f, a, b in zip(COMPARED, only_mine[0], only_yours[0], strict=True) if a != b]


def _current(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["source_state"] != "消除"]


def _by_key(rows: list[Row]) -> dict[str, list[Row]]:
    groups = defaultdict(list)
    for row in rows:
        groups[str(row["juminhyo_code"])].append(row)
    return dict(groups)


def _one(rows: list[Row]) -> dict[str, Row]:
    return {key: group[0] for key, group in _by_key(rows).items()}


def _keys(read: Read, code: str) -> set[str]:
    return {row["key"] for row in read.truth if row["code"] == code}


# ------------------------------------------------------------------------------------------------------ the truth


def test_every_difference_is_in_the_truth_table_and_every_row_of_it_differs(ward: Read) -> None:
    expected = Counter((row["key"], row["field"], row["side"]) for row in ward.truth)
    assert _observed(ward) == expected


def test_without_faults_the_two_sides_agree(tmp_path: Path) -> None:
    made = make_ward(tmp_path, 1_000, 3, AS_OF, ("cs_fixed", "register_duckdb"), faults="none")
    read = _read(made)
    assert (read.truth, _observed(read)) == ([], Counter())


def test_every_code_that_a_record_or_a_pair_can_show_is_planted(ward: Read) -> None:
    declared = _layout("register_table")["code_lists"]["state"].values()
    needs_layout = set() if "仮登録" in declared else {"T5"}
    assert set(ward.ward.planted) == set(TAXONOMY) - NOT_PLANTED - needs_layout
    assert min(ward.ward.planted.values()) >= 2


def test_a_difference_is_planted_on_people_of_its_own(ward: Read) -> None:
    codes = defaultdict(set)
    for row in ward.truth:
        codes[row["key"]].add(row["code"])
    # A wrong check digit or an undeclared code on one side makes the values differ, too.
    # A household event has a ground and a day, and so has a change of number that came too late. Somebody else's record
    # differs in every item.
    allowed = ({"B2", "B3"}, {"Q4", "S1"}, {"Q4", "G1"}, {"G1", "G2"}, {"B2", "G3"})
    assert [b for b in codes.values() if len(b) > 1 and "X1" not in b and b not in allowed] == []


def test_code_by_field_is_the_fields_own_code_unless_the_ladder_decides(ward: Read) -> None:
    graded = {"C0", "C2", "C3", "C5", "D2", "D3", "E4"}
    own = {field.name: set(field.codes.values()) for field in DATASET.compared}
    for row in ward.truth:
        if row["field"] in own and row["code_by_field"] not in graded and row["side"] is None:
            assert row["code_by_field"] in own[row["field"]]
        if row["code"] in graded:
            assert row["code_by_field"] == row["code"]


def test_what_agrees_under_a_rule_is_no_finding(ward: Read) -> None:
    assert {row["code"] for row in ward.truth if not row["finding"]} == {"C0", "C5", "D2", "E4", "G1", "G2"}


def test_field_level_codes_alone_know_no_time_no_history_and_no_mixed_identity(ward: Read) -> None:
    deep = {"A5", "G3", "G4", "T1", "T2", "T3", "T4", "T5", "X1"}
    # Whether a current row is the newest is no question of a field: it has no code but its own. Nor is X1 as a whole.
    whole = [row for row in ward.truth if row["field"] == "sequence" or (row["code"], row["field"]) == ("X1", None)]
    assert {row["code_by_field"] for row in ward.truth if row not in whole} & deep == set()


# ------------------------------------------------------------------------------------------------------ the numbers


def test_individual_numbers_have_valid_check_digits_except_planted_b3(ward: Read) -> None:
    wrong = {
        str(row["juminhyo_code"])
        for row in ward.left + ward.right
        if (number := row["kojin_bango"]) and _check_digit(number[:-1]) != number[-1]
    }
    assert wrong == _keys(ward, "B3")


def test_resident_codes_have_eleven_digits_a_check_digit_and_leading_zeros(ward: Read) -> None:
    codes = {str(row["juminhyo_code"]) for row in ward.left + ward.right}
    assert all(len(code) == 11 and code.isdigit() for code in codes)
    assert all(_check_digit(code[:-1].zfill(10)) == code[-1] for code in codes)
    assert any(code.startswith("0") for code in codes)


def test_resident_codes_are_unique_except_planted_a4(ward: Read) -> None:
    rows_of = _by_key(ward.left + ward.right)
    repeated = {key for side in (ward.left, ward.right) for key, rows in _by_key(side).items() if len(rows) > 1}
    naturalized = {key for key in repeated if {row["resident_kind"] for row in rows_of[key]} == {"日本人", "外国人"}}
    assert _keys(ward, "A4") <= repeated
    assert repeated - _keys(ward, "A4") == naturalized - _keys(ward, "A4")


# --------------------------------------------------------------------------------------------------------- time


def test_a_late_record_equals_an_older_row_of_the_register(ward: Read) -> None:
    left, right, history = _one(ward.left), _one(ward.right), _by_key(ward.history)
    late = {row["key"] for row in ward.truth if row["code"] in ("T1", "G3", "T3") and row["field"] in COMPARED}
    assert late
    for key in late:
        older = [tuple(row[field] for field in COMPARED) for row in history[key]]
        assert tuple(left[key][field] for field in COMPARED) in older
        assert str(left[key]["process_time"]) < str(right[key]["process_time"])


def test_late_within_grace_is_of_the_last_working_day_and_lost_is_far_older(ward: Read) -> None:
    right = _one(ward.right)
    both = right.keys()
    assert {str(right[key]["process_time"])[:8] for key in _keys(ward, "T1") & both} == {"20261119"}
    assert max(str(right[key]["process_time"]) for key in _keys(ward, "G3")) < "20261101"
    # Who left the register, or bears another code there now, is known by the older rows alone.
    gone = _keys(ward, "T1") - both
    assert gone == {row["key"] for row in ward.truth if row["code"] == "T1" and row["code_by_field"] in ("A1", "B1")}
    assert gone <= _by_key(ward.history).keys()


def test_a_plain_difference_has_no_older_row_and_the_same_processing_time(ward: Read) -> None:
    left, right, history = _one(ward.left), _one(ward.right), _by_key(ward.history)
    for code in ("A3", "C1", "D1", "S1", "E1", "E2", "E3", "F1", "F2", "F3", "X1"):
        for key in _keys(ward, code):
            assert key not in history
            assert left[key]["process_time"] == right[key]["process_time"]


def test_a_cs_that_is_ahead_is_newer_than_every_row_and_equals_none(ward: Read) -> None:
    left, right = _one(ward.left), _one(ward.right)
    for code in ("G4", "T4"):
        for key in _keys(ward, code) & right.keys():
            assert str(left[key]["process_time"]) > str(right[key]["process_time"])
    extracts = ward.ward.extracted_at
    assert all(str(left[key]["process_time"]) < extracts["right"] for key in _keys(ward, "G4"))
    assert all(extracts["right"] < str(left[key]["process_time"]) < extracts["left"] for key in _keys(ward, "T4"))


def test_history_rows_are_numbered_without_gaps_and_processed_in_order(ward: Read) -> None:
    lives: dict[str, list[Row]] = defaultdict(list)
    for row in ward.history:
        lives[str(row["atena_no"])].append(row)
    disordered = {row["key"] for row in ward.truth if row["field"] == "sequence"}
    current = {str(row["atena_no"]): row for row in ward.right if row["juminhyo_code"] not in disordered}
    for addressee, rows in lives.items():
        if rows[0]["juminhyo_code"] in disordered:
            assert [row["sequence"] for row in rows] == ["2"]
            continue
        # Who left has no current row: the last of the older ones says so.
        rows.extend([current[addressee]] if addressee in current else [])
        assert [int(str(row["sequence"])) for row in rows] == list(range(1, len(rows) + 1))
        times = [str(row["process_time"]) for row in rows]
        assert times == sorted(set(times))
        assert {row["source_state"] for row in rows[:-1]} == {"現存"}
    assert all(row["sequence"] == "1" for addressee, row in current.items() if addressee not in lives)


def test_a_planned_move_lies_in_the_future_and_nothing_else_does(ward: Read) -> None:
    today = "R08-11-20"
    for row in ward.right:
        event = str(row["event_date"])
        if row["source_state"] == "転出予定":
            assert event[0] != "R" or event > today
        else:
            assert event[0] != "R" or event < today


# ------------------------------------------------------------------------------------------------------- the people


def test_residents_are_as_many_as_asked_and_the_deleted_come_on_top(tmp_path: Path) -> None:
    made = make_ward(tmp_path, 1_000, 5, AS_OF, ("cs_fixed", "register_duckdb"), faults="none")
    states = Counter(row["source_state"] for row in _read(made).right)
    assert (states["現存"] + states["転出予定"], states["消除"]) == (1_000, 30)


def test_the_ward_has_what_real_registers_have(ward: Read) -> None:
    names = "".join(str(row["name_kanji"]) for row in ward.right)
    assert set("𠮷髙﨑") <= set(names)
    assert any(0xE0100 <= ord(c) <= 0xE01EF for c in names)
    births = {str(row["birth"]) for row in ward.right}
    assert {"0000-00-00", "S20-A1-00", "M45-07-30", "T15-12-25", "S64-01-07", "H31-04-30"} <= births
    foreign = [row for row in ward.right if row["resident_kind"] == "外国人"]
    assert 0.02 < len(foreign) / len(ward.right) < 0.08
    era_written = _keys(ward, "D2")
    assert all(row["name_latin"] for row in foreign)
    assert all(str(row["birth"])[0] in "12" for row in foreign if row["juminhyo_code"] not in era_written)
    for field in ("kyu_uji", "tsusho", "furigana_name", "address_katagaki", "old_juminhyo_code"):
        held = sum(row[field] is not None for row in ward.right)
        assert 0 < held < len(ward.right)


# -------------------------------------------------------------------------------------------------------- the forms


def test_header_trailer_count_and_control_total_of_the_fixed_file(ward: Read) -> None:
    data = ward.ward.paths["cs_fixed"].read_bytes()
    assert len(data) == 640 * (len(ward.left) + 2)
    assert data[:24] == b"H13107" + b"20261120020000" + b"0001"
    total = sum(int(str(row["juminhyo_code"])) for row in ward.left) % 1_000_000_007
    assert data[-640:-619] == f"T{len(ward.left):010d}{total:010d}".encode()


@pytest.mark.parametrize("form", ["cs_csv", "cs_csv_cp932"])
def test_the_cs_csv_files_hold_the_records_of_the_fixed_file(ward: Read, form: str) -> None:
    layout = _layout(form)
    text = ward.ward.paths[form].read_bytes().decode(layout["encoding"])
    assert text.count("\r\n") == text.count("\n")
    header, columns, *rows, trailer = csv.reader(io.StringIO(text))
    assert header == ["H", "13107", "20261120020000", "0001"]
    assert columns == [column["source"] for column in layout["column"]]
    total = sum(int(row[0]) for row in rows) % 1_000_000_007
    assert trailer == ["T", str(len(rows)), str(total)]
    fixed = _fixed_rows(ward.ward.paths["cs_fixed"].read_bytes(), _layout("cs_fixed"))
    assert [_named(layout, tuple(row)) for row in rows] == [_shown(row, layout["encoding"]) for row in fixed]


def _shown(row: Row, encoding: str) -> Row:
    """What CSV can say of a row: 〓 for what the encoding lacks, nothing for null."""
    return {name: _geta(value or "", encoding) for name, value in row.items()}


def _geta(text: str, encoding: str) -> str:
    clusters: list[str] = []
    for c in text:
        if 0xE0100 <= ord(c) <= 0xE01EF:
            clusters[-1] += c
        else:
            clusters.append("〓" if ord(c) >= 0xF0000 else c)
    if encoding == "utf-8":
        return "".join(clusters)
    return "".join(c if len(c) == 1 and c.encode(encoding, "ignore") else "〓" for c in clusters)


def test_the_register_csv_holds_the_current_rows_of_the_database(ward: Read) -> None:
    layout = _layout("register_csv")
    data = ward.ward.paths["register_csv"].read_bytes().decode()
    columns, *rows = csv.reader(io.StringIO(data))
    assert columns == [column["source"] for column in layout["column"]]
    with duckdb.connect(str(ward.ward.paths["register_duckdb"]), read_only=True) as connection:
        current = connection.execute("FROM juki_current").fetchall()
    assert rows == [[value or "" for value in row] for row in current]


def test_the_sql_script_makes_the_tables_of_the_database(ward: Read) -> None:
    script = ward.ward.paths["register_sql"].read_text(encoding="utf-8")
    with (
        duckdb.connect() as other,
        duckdb.connect(str(ward.ward.paths["register_duckdb"]), read_only=True) as connection,
    ):
        other.execute(script)
        for table in ("juki_current", "juki_history"):
            assert other.execute(f"FROM {table}").fetchall() == connection.execute(f"FROM {table}").fetchall()


def test_the_same_seed_makes_the_same_ward_and_another_seed_another(tmp_path: Path) -> None:
    forms = ("cs_fixed", "register_csv")
    one, same, other = (
        make_ward(tmp_path / name, 500, seed, AS_OF, forms) for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    for form in (*forms, "truth", "manifest"):
        assert one.paths[form].read_bytes() == same.paths[form].read_bytes()
    assert one.paths["cs_fixed"].read_bytes() != other.paths["cs_fixed"].read_bytes()


def test_a_ward_made_in_chunks_is_one_ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.ward.CHUNK_RESIDENTS", 1_000)
    read = _read(make_ward(tmp_path, 2_500, 1, AS_OF, ("cs_fixed", "register_duckdb")))
    assert _observed(read) == Counter((row["key"], row["field"], row["side"]) for row in read.truth)
    assert len({row["atena_no"] for row in read.right}) >= 2_500


def test_provisional_records_are_planted_where_the_layout_declares_them(tmp_path: Path) -> None:
    layouts = tmp_path / "layouts"
    layouts.mkdir()
    for path in LAYOUTS.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        if path.name.startswith("register") and "仮登録" not in text:
            text = text.replace("[code_lists.state]\n", '[code_lists.state]\n"0" = "仮登録"\n')
        (layouts / path.name).write_text(text, encoding="utf-8")
    made = make_ward(tmp_path / "ward", 1_000, 1, AS_OF, ("register_duckdb",), layouts=layouts)
    with duckdb.connect(str(made.paths["register_duckdb"]), read_only=True) as connection:
        keys = connection.execute("SELECT jumin_cd FROM juki_current WHERE genzon_kbn = '0'").fetchall()
    provisional = pl.read_parquet(made.paths["truth"]).filter(pl.col("code") == "T5")
    assert provisional["key"].to_list() == sorted(key for (key,) in keys)
    assert set(provisional["code_by_field"]) == {"A2"}


def test_the_command_line_makes_the_forms_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ward", str(tmp_path), "--residents", "300", "--seed", "2", "--forms", "cs_csv,register_csv"]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    assert {path.name for path in tmp_path.iterdir()} == {
        "cs.csv",
        "register.csv",
        "towns.csv",
        "truth.parquet",
        "ward.json",
    }
    assert "planted: " in capsys.readouterr().err
