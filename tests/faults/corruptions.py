"""The faults of `reference/reliability.md` §2.2 A, B that are done to a file: functions from files to files.

Each takes a tiny ward that agrees, and damages it in one way; so any two can be done one after the other, in either
order. Every one has rows of its own to damage, so that no two undo each other: whatever is left, is a fault.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from reconcile.config import load_layout

CS = load_layout("schemas.identity_record", "cs_fixed")
REGISTER = load_layout("schemas.identity_record", "register_csv")
RECORD, MODULUS = CS.record_bytes or 0, CS.control_modulus
EOL = b"\r\n"
BOM = b"\xef\xbb\xbf"

RUN_FILE = """\
dataset = "schemas.identity_record"
left = "cs"
right = "register"
out = "results"
site_key = "site.key"
evidence_key = "evidence.key"

[gates]
municipality = "13107"
min_rows = 50

[sources.cs]
label = "CS"
path = "cs.dat"
layout = "cs_fixed"

[sources.register]
label = "既存住基"
path = "register.csv"
layout = "register_csv"
extracted_at = "20261120000000"
"""


@dataclass(frozen=True)
class Files:
    """What a nightly run reads: the export of the CS, the register's, the run file."""

    cs: bytes
    register: bytes
    run: str = RUN_FILE


Change = Callable[[Files], Files]


@dataclass(frozen=True)
class Corruption:
    """One fault, done to files.

    Attributes:
        fault: Its number.
        name: What is done, in a few words.
        change: Does it.
        verdict: What a run must say of it.
        says: The code of a refusal, the name of a gate that must fail, or the code of a finding; "" for any.
    """

    fault: str
    name: str
    change: Change
    verdict: str
    says: str = ""

    def __str__(self) -> str:
        """As pytest names it."""
        return f"{self.fault} {self.name}"


# ------------------------------------------------------------------------------------------------------------ the CS


def cs(change: Callable[[bytes], bytes]) -> Change:
    return lambda files: replace(files, cs=change(files.cs))


def _slot(content: bytes, at: int, length: int, text: bytes) -> bytes:
    return (
        content[:at] + text.ljust(length)[:length] + content[at + length :] if len(content) >= at + length else content
    )


def cs_header(slot: str, text: str) -> Change:
    assert CS.header is not None
    at = CS.header.slots[slot]
    return cs(lambda content: _slot(content, at.offset, at.length or 0, text.encode()))


def cs_trailer(slot: str, of: Callable[[int], str]) -> Change:
    """A number of the trailer, changed."""
    assert CS.trailer is not None
    place = CS.trailer.slots[slot]

    def change(content: bytes) -> bytes:
        at = len(content) - RECORD + place.offset
        length = place.length or 0
        digits = content[max(at, 0) : max(at, 0) + length]
        said = int(digits) if digits.isdigit() else 0
        return _slot(content, at, length, of(said).encode()) if at > 0 else content

    return cs(change)


def cs_value(row: int, column: str, text: str, *, trailer: bool = False) -> Change:
    """A value of the `row`-th record; `trailer`: and the control total with it, as an honest writer would."""
    place = next(one for one in CS.columns if one.name == column)
    length = place.length or 0

    def change(content: bytes) -> bytes:
        at = row * RECORD + (place.offset or 0)
        before = content[at : at + length]
        content = _slot(content, at, length, text.encode())
        if not trailer:
            return content
        delta = _number(text.encode()) - _number(before)
        files = cs_trailer("control_total", lambda said: f"{(said + delta) % MODULUS:010d}")(Files(content, b""))
        return files.cs

    return cs(change)


def _number(digits: bytes) -> int:
    return int(digits) if digits.strip().isdigit() else 0


def cs_character(row: int, code: bytes) -> Change:
    """The first character of the `row`-th record's name, as the two bytes of its code."""
    at = row * RECORD + next(one.offset or 0 for one in CS.columns if one.name == "name_kanji")
    return cs(lambda content: content[:at] + code + content[at + 2 :] if len(content) > at + 2 else content)


def closed_again(files: Files) -> Files:
    """The first record of the CS that is closed (消除), once more."""
    at = next(one.offset or 0 for one in CS.columns if one.name == "source_state")
    rows = range(1, len(files.cs) // RECORD)
    return next(
        (cs_again(row)(files) for row in rows if files.cs[row * RECORD + at : row * RECORD + at + 1] == b"1"), files
    )


def cs_again(row: int) -> Change:
    """The `row`-th record once more, counted in the trailer."""

    def change(files: Files) -> Files:
        record = files.cs[row * RECORD : (row + 1) * RECORD]
        if len(record) < RECORD or len(files.cs) < (row + 2) * RECORD:
            return files
        code = _number(record[1:12])
        files = replace(files, cs=files.cs[: row * RECORD] + record + files.cs[row * RECORD :])
        files = cs_trailer("count", lambda said: f"{said + 1:010d}")(files)
        return cs_trailer("control_total", lambda said: f"{(said + code) % MODULUS:010d}")(files)

    return change


# ------------------------------------------------------------------------------------------------------ the register


def register(change: Callable[[bytes], bytes]) -> Change:
    return lambda files: replace(files, register=change(files.register))


def lines(change: Callable[[list[bytes]], Sequence[bytes]]) -> Change:
    """The register as lines without their ends; the first has the names of the columns."""

    def changed(content: bytes) -> bytes:
        given = content.split(EOL)
        return EOL.join(change(given)) if len(given) > SPARE else content

    return register(changed)


SPARE = 60
"""Every corruption names a row below it: a file that has become shorter is left as it is."""


def line(row: int, change: Callable[[bytes], bytes]) -> Change:
    return lines(lambda all_lines: [*all_lines[:row], change(all_lines[row]), *all_lines[row + 1 :]])


def value(row: int, column: str, change: Callable[[str], str]) -> Change:
    """A value of the `row`-th record of the register."""
    at = [one.name for one in REGISTER.columns].index(column)

    def changed(text: bytes) -> bytes:
        fields = text.split(b",")
        if len(fields) <= at:
            return text
        fields[at] = change(fields[at].decode("utf-8", "replace")).encode("utf-8", "replace")
        return b",".join(fields)

    return line(row, changed)


def values(column: str, change: Callable[[str], str], *, every: int = 1) -> Change:
    """A column of the register, in every `every`-th record."""
    at = [one.name for one in REGISTER.columns].index(column)

    def changed(given: list[bytes]) -> list[bytes]:
        rows = [row.split(b",") for row in given]
        for number, row in enumerate(rows[1:]):
            if number % every == 0 and len(row) > at:
                row[at] = change(row[at].decode("utf-8", "replace")).encode("utf-8", "replace")
        return [b",".join(row) for row in rows]

    return lines(changed)


def _somebody_else(code: str) -> str:
    """Another invented person's code: 97 divides the distance, so that the mark of invented people stays (F044)."""
    number, distance = int(code[:10]), 97 * 1_000_003
    return f"{number + distance if number < 5_000_000_000 else number - distance:010}{code[10:]}"


def columns(order: Callable[[list[bytes]], list[bytes]]) -> Change:
    """The fields of every line in another order, or more, or fewer of them."""
    return lines(lambda given: [b",".join(order(row.split(b","))) if row else row for row in given])


def run_file(old: str, new: str) -> Change:
    return lambda files: replace(files, run=files.run.replace(old, new))


def both(*changes: Change) -> Change:
    def change(files: Files) -> Files:
        for one in changes:
            files = one(files)
        return files

    return change


def _zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cs.dat", content)
    return packed.getvalue()


def _same_file_as_cs(files: Files) -> Files:
    return run_file('left = "cs"', 'left = "register"')(files)


def _reversed_register_as_cs(files: Files) -> Files:
    names, *rows = files.register.rstrip(EOL).split(EOL)
    files = replace(files, cs=EOL.join([names, *reversed(rows)]) + EOL)
    return run_file('layout = "cs_fixed"', 'layout = "register_csv"\nextracted_at = "20261120000000"')(files)


def _wider(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isprintable() and c != " " else c for c in text)


# A row each: what one damages, no other repairs.
_rows = count(3)


def _row() -> int:
    return next(_rows)


REFUSED, PARTIAL, FOUND = "inconclusive", "partial", "mismatch"

CORRUPTIONS: tuple[Corruption, ...] = (
    # ---------------------------------------------------------------------------------------------------------- A
    Corruption("F001", "the CS empty", cs(lambda _: b""), REFUSED, "E_EMPTY"),
    Corruption("F001", "the register empty", register(lambda _: b""), REFUSED, "E_EMPTY"),
    Corruption("F002", "names only", lines(lambda given: [given[0], b""]), REFUSED, "not_empty"),
    Corruption(
        "F002",
        "a header and a trailer that counts none",
        both(
            cs(lambda content: content[:RECORD] + content[-RECORD:]),
            cs_trailer("count", lambda _: "0" * 10),
            cs_trailer("control_total", lambda _: "0" * 10),
        ),
        REFUSED,
        "not_empty",
    ),
    Corruption("F005", "the CS cut within a record", cs(lambda content: content[:-300]), REFUSED, "E_TRUNCATED"),
    Corruption("F005", "the register cut in its last value", register(lambda c: c[:-3]), REFUSED, "E_TRUNCATED"),
    Corruption("F006", "the CS cut after a record", cs(lambda content: content[: -5 * RECORD]), REFUSED, "E_TRUNCATED"),
    Corruption("F006", "the register cut after a record", lines(lambda given: [*given[:-2], b""]), FOUND, "only_left"),
    Corruption("F007", "no trailer", cs(lambda content: content[:-RECORD]), REFUSED, "E_TRUNCATED"),
    Corruption("F008", "one too many", cs_trailer("count", lambda said: f"{said + 1:010d}"), REFUSED, "E_COUNT"),
    Corruption("F008", "one too few", cs_trailer("count", lambda said: f"{said - 1:010d}"), REFUSED, "E_COUNT"),
    Corruption("F008", "none", cs_trailer("count", lambda _: "0" * 10), REFUSED, "E_COUNT"),
    Corruption("F008", "negative", cs_trailer("count", lambda said: f"-{said:09d}"), REFUSED, "E_COUNT"),
    Corruption("F009", "another code", cs_value(_row(), "juminhyo_code", "12345678901"), REFUSED, "E_CONTROL"),
    Corruption("F012", "UTF-16", register(lambda c: c.decode("utf-8", "replace").encode("utf-16")), REFUSED),
    Corruption("F013", "CP932", register(lambda c: c.decode("utf-8", "replace").encode("cp932", "replace")), REFUSED),
    Corruption(
        "F014",
        "a byte that is no text",
        line(_row(), lambda text: text.replace(b",1,", b",1\xff,", 1)),
        REFUSED,
        "E_ENCODING",
    ),
    Corruption("F014", "a private character", value(_row(), "name_kanji", lambda v: v + "\ue000"), FOUND, "name_kanji"),
    Corruption("F014", "a code without a character", cs_character(_row(), b"\xac\x00"), FOUND, "name_kanji"),
    Corruption("F016", "LF only once", line(_row(), lambda text: text + b"\n"), REFUSED),
    Corruption("F016", "CR CR LF", line(_row(), lambda text: text + b"\r"), REFUSED),
    Corruption("F016", "CR only", register(lambda content: content.replace(EOL, b"\r")), REFUSED),
    Corruption("F017", "NUL in a value", value(_row(), "address_lot", lambda v: v + "\0"), REFUSED, "E_CONTROL_CHAR"),
    Corruption("F017", "4 KiB of NUL, register", register(lambda c: c + bytes(4096)), REFUSED, "E_CONTROL_CHAR"),
    Corruption("F017", "4 KiB of NUL, CS", cs(lambda content: content + bytes(4096)), REFUSED),
    Corruption("F018", "1A at the end", register(lambda content: content + b"\x1a"), REFUSED),
    Corruption(
        "F019", "a quote within", value(_row(), "name_kanji", lambda v: v[:1] + '"' + v[1:]), REFUSED, "E_QUOTE"
    ),
    Corruption("F019", "a quote not closed", value(_row(), "name_kanji", lambda v: '"' + v), REFUSED),
    Corruption(
        "F020",
        "a newline within quotes",
        value(_row(), "address_katagaki", lambda v: f'"{v}\n２階"'),
        FOUND,
        "address_katagaki",
    ),
    Corruption("F021", "a short record", line(_row(), lambda text: text.rsplit(b",", 1)[0]), REFUSED, "E_COLUMNS"),
    Corruption("F021", "a long record", line(_row(), lambda text: text + b",0"), REFUSED, "E_COLUMNS"),
    Corruption("F022", "a blank line", line(_row(), lambda text: text + EOL), REFUSED, "E_COLUMNS"),
    Corruption(
        "F023",
        "a name twice",
        line(0, lambda text: text.replace("旧氏".encode(), "通称".encode())),
        REFUSED,
        "E_HEADER",
    ),
    Corruption("F024", "no names", lines(lambda given: given[1:]), REFUSED, "E_HEADER"),
    Corruption("F024", "no header record", cs(lambda content: content[RECORD:]), REFUSED, "E_HEADER"),
    Corruption("F025", "another order", columns(lambda row: [*row[1:], row[0]]), REFUSED, "E_HEADER"),
    Corruption("F026", "a column more", columns(lambda row: [*row, b"x"]), REFUSED, "E_HEADER"),
    Corruption("F026", "a column less", columns(lambda row: row[:-1]), REFUSED, "E_HEADER"),
    Corruption(
        "F026", "a column renamed", line(0, lambda t: t.replace("旧氏".encode(), b"former")), REFUSED, "E_HEADER"
    ),
    Corruption("F027", "semicolons", register(lambda content: content.replace(b",", b";")), REFUSED, "E_HEADER"),
    Corruption("F027", "tabs", register(lambda content: content.replace(b",", b"\t")), REFUSED, "E_HEADER"),
    Corruption(
        "F028", "2 MiB in the last record", line(_row(), lambda t: t + b"a" * (2 << 20)), REFUSED, "E_FIELD_SIZE"
    ),
    Corruption("F030", "leading zeros lost", values("juminhyo_code", lambda v: v.lstrip("0")), PARTIAL),
    Corruption(
        "F030",
        "a code as a spreadsheet writes it",
        value(_row(), "juminhyo_code", lambda v: f"{v[0]}.{v[1:5]}E+10"),
        PARTIAL,
    ),
    Corruption("F031", "a code of full width", value(_row(), "juminhyo_code", _wider), PARTIAL),
    Corruption(
        "F031", "a value with another number", value(_row(), "address_lot", lambda v: v + "９"), FOUND, "address_lot"
    ),
    Corruption(
        "F032",
        "a wrong check digit",
        value(_row(), "kojin_bango", lambda v: v[:-1] + str((int(v[-1]) + 1) % 10)),
        FOUND,
        "kojin_bango",
    ),
    Corruption("F033", "a day that no calendar has", value(_row(), "birth", lambda _: "T14.00.00"), FOUND, "birth"),
    Corruption("F034", "right to left", value(_row(), "name_kanji", lambda v: "\u202e" + v), FOUND, "name_kanji"),
    Corruption("F034", "no width", value(_row(), "name_kanji", lambda v: v + "\u200b"), FOUND, "name_kanji"),
    Corruption(
        "F034", "a variation", value(_row(), "name_kanji", lambda v: v[:1] + "\U000e0101" + v[1:]), FOUND, "name_kanji"
    ),
    Corruption(
        "F034",
        "a letter and its mark",
        value(_row(), "address_katagaki", lambda _: "か\u3099"),
        FOUND,
        "address_katagaki",
    ),
    Corruption("F035", "an archive", cs(_zipped), REFUSED),
    Corruption("F036", "a byte more", cs(lambda content: content[:RECORD] + b" " + content[RECORD:]), REFUSED),
    # ---------------------------------------------------------------------------------------------------------- B
    Corruption("F039", "one source on both sides", _same_file_as_cs, REFUSED, "E_SAME_INPUT"),
    Corruption("F039", "the same rows in another order", _reversed_register_as_cs, REFUSED, "role_left"),
    Corruption(
        "F040",
        "the sides exchanged",
        run_file('left = "cs"\nright = "register"', 'left = "register"\nright = "cs"'),
        REFUSED,
        "role_left",
    ),
    Corruption("F041", "of last week", cs_header("extracted_at", "20261113020000"), REFUSED, "as_of_left"),
    Corruption("F042", "of the day after", cs_header("extracted_at", "20261121020000"), REFUSED, "as_of_left"),
    Corruption("F042", "of no day", cs_header("extracted_at", "20261131020000"), REFUSED, "E_HEADER"),
    Corruption("F043", "the next ward", cs_header("municipality", "13108"), REFUSED, "municipality_left"),
    Corruption(
        "F045",
        "a seventh is missing",
        lines(lambda given: [one for n, one in enumerate(given) if n % 7 != 6]),
        REFUSED,
        "count_difference",
    ),
    Corruption("F047", "a closed record twice in the CS", closed_again, PARTIAL, "unassigned_left"),
    Corruption("F047", "twice in the CS", cs_again(2), PARTIAL, "duplicate_left"),
    Corruption(
        "F047", "twice in the register", line(_row(), lambda text: text + EOL + text), PARTIAL, "duplicate_right"
    ),
    Corruption("F048", "no code", value(_row(), "juminhyo_code", lambda _: ""), PARTIAL),
    Corruption("F048", "a blank code", value(_row(), "juminhyo_code", lambda _: " " * 11), PARTIAL),
    Corruption("F048", "no code in the CS", cs_value(_row(), "juminhyo_code", "", trailer=True), PARTIAL),
    Corruption("F049", "a code changed", value(_row(), "juminhyo_code", lambda _: "10000000008"), FOUND, "other_key"),
    Corruption("F053", "two fifths differ", values("address_lot", lambda v: v + "９", every=2), FOUND, "address_lot"),
    Corruption("F054", "another population", values("juminhyo_code", _somebody_else), REFUSED, "overlap"),
    Corruption("F055", "a column dead on one side", values("furigana_name", lambda _: ""), REFUSED, "dead_columns"),
)
