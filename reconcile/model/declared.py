"""What is declared before a run: what is known of a dataset, of its layouts, and of where a side lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from string import Formatter

import polars as pl

Rule = Callable[[pl.Expr], pl.Expr]
"""Text in, text out, as an expression: never a Python call per row. Null stays null."""


class Side(StrEnum):
    """One of the two inputs. Neither is the truth."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Secrecy(StrEnum):
    """How far a field's values may travel (`reference/domain.md` §10, column "class")."""

    OPEN = "open"
    PERSONAL = "personal"
    SPECIAL = "special"
    MY_NUMBER = "my_number"  # 個人番号: compared in memory, stored nowhere


# --------------------------------------------------------------------------------------------- comparators: data only


@dataclass(frozen=True, slots=True)
class Exact:
    """Canonical texts are equal or they differ."""


@dataclass(frozen=True, slots=True)
class Characters:
    """Names in kanji: the ladder L0-L5 of `reference/domain.md` §3.2.

    `without`, here and below: rules that are switched off for a field, so that what they equate is a difference.
    """

    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kana:
    """Readings: hiragana/katakana and widths are notation; small and large kana are not."""

    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Latin:
    """Names in Latin letters: width and runs of spaces are notation; case and diacritics are not."""

    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PartialDate:
    """Dates with an era, unknown parts, or days that no calendar has (`reference/domain.md` §4.1)."""

    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Address:
    """One part of an address; only notation is folded (`reference/domain.md` §4.2)."""

    part: str  # "town" | "lot" | "katagaki"
    without: frozenset[str] = frozenset()


Comparator = Exact | Characters | Kana | Latin | PartialDate | Address


# ---------------------------------------------------------------------------------------------- declared before a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a dataset: everything the engine derives from, declared once.

    `codes` maps a comparator's grade ("different", "variant", "notation", …) to a code of the taxonomy. The grade
    "missing" (one side null) falls back to "different".
    """

    name: str
    label: str = ""
    comparator: Comparator = Exact()
    secrecy: Secrecy = Secrecy.PERSONAL
    codes: Mapping[str, str] = field(default_factory=dict)
    key: bool = False
    compared: bool = True
    check_digit: str = ""
    code_system: bool = False  # compared only where both layouts declare one system of codes for it (町字コード)
    location: bool = False  # tells where the person lives: hidden for a protected person (支援措置)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a site has decided otherwise than the taxonomy: how grave a code is and who acts, from a day on.

    `actor` "" leaves who acts. Days are YYYY-MM-DD, so that their order is that of the texts; `since` "" is at once.
    """

    code: str
    severity: str
    approver: str
    date: str
    actor: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One code of the taxonomy: what it is called, how grave it is, who acts.

    `change` is the site's decision behind the severity, and `declared` the severity before it; None and "" without.
    """

    code: str
    label: str
    severity: str
    actor: str
    declared: str = ""
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A named rule that puts rows out of scope: rows whose `field` has one of these canonical values.

    With `years`, only if the time in `since` (YYYYMMDD…) lies more than so many years before the comparison; a row
    whose time is missing or malformed stays in scope. `applies` says whether it does, unless the run file says otherwise;
    `approver` and `date` whose word that is.
    """

    name: str
    label: str
    field: str
    values: tuple[str, ...]
    since: str = ""
    years: int = 0
    applies: bool = False
    approver: str = ""
    date: str = ""


class Direction(StrEnum):
    """Which side a proposal of correction would change. A person decides and applies it, in that system's own screens."""

    TO_LEFT = "to_left"
    TO_RIGHT = "to_right"
    INVESTIGATE = "investigate"
    WAIT = "wait"
    NONE = "none"

    @property
    def changes(self) -> Side | None:
        """The side whose record would change; None where nothing is proposed to change yet."""
        return {Direction.TO_LEFT: Side.LEFT, Direction.TO_RIGHT: Side.RIGHT}.get(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a code suggests to do, never applied: the direction, the measure in the office's words, and its ground.

    `when` holds the facts of a finding that must all be there (`report.propose`): its kind, its rules, a named hint,
    `left_missing`, `left_valid`. Empty: always.
    """

    direction: Direction
    measure: str
    ground: str
    when: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMark:
    """How invented people are known: the first `digits` digits of their `field`, divided by `modulus`, leave `remainder`."""

    __test__ = False  # pytest: no test of ours, whatever it is called

    field: str
    digits: int
    modulus: int
    remainder: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What tells a difference that is late from one that is lost (`classify.timing`).

    `processed` names the field of the processing time (YYYYMMDDhhmmss) on both sides, `pending` that of the left
    side's flags, of which `waiting` (a message is queued or refused) and `planned` (a move is only planned) are
    patterns. Of the values of the dataset's `state`, `provisional` is not yet registered and `removed` no longer, "" for
    none. `sequence` names the
    field of the row's number (履歴番号), "" for none. `events` name the compared fields that tell of the last event and
    not of the person: a row that changed nothing else is no message. `grace_days` counts business days.
    """

    processed: str
    pending: str
    waiting: str
    planned: str
    provisional: str
    removed: str = ""
    sequence: str = ""
    events: tuple[str, ...] = ()
    grace_days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Codes that put a person's identity or existence in question, so that their items are parts (`classify.events`).

    `severities` are all there are, gravest first; `part_severity` is that of a part.
    """

    codes: tuple[str, ...]
    severities: tuple[str, ...]
    part_severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What is known of one dataset. An ad-hoc dataset has a key, text columns and no taxonomy.

    `codes` maps a kind of finding ("only_left", "duplicate_right", …) to a code of the taxonomy.
    `marks` names for each side a column that only its system has, by which two sides exchanged are noticed.
    `sentinels` are two people whom nobody is, field -> canonical text, different in every compared field, and
    `sentinel_key` the format of their keys (`reconcile.proof.sentinel`); () for a dataset without. `test_mark` is what
    the people of a synthetic ward have in common (`reconcile.proof.environment`).
    `second_key` names the field that may pair records whose keys differ, "" for none. `list_key` names the field by
    which the office looks a person up (宛名番号), `protected` the flag of a protected person (支援措置), `municipality` the code of
    the one that they live in (市区町村コード). `person` names
    the fields by which leftover records are shown as candidates of one another; `identity` groups the items that, all
    of them different under one key, say that two people share it. `proposals` maps a code to what is proposed: the
    first whose facts hold. `scope` names what is not compared. `grouped_by` names the fields by which differences may have a common cause, and whose single values tell of nobody; `place` the
    one that says in which part of the ward. `budget`: codes that are counted apart from the headline rate -> the name
    of that budget. `purpose` is what the dataset is compared for, where a run states none of its own.
    """

    name: str
    label: str = ""
    fields: tuple[Field, ...]
    codes: Mapping[str, str] = field(default_factory=dict)
    taxonomy: Mapping[str, Category] = field(default_factory=dict)
    second_key: str = ""
    state: str = ""
    closed: tuple[str, ...] = ()
    kind: str = ""
    former_key: str = ""
    list_key: str = ""
    protected: str = ""
    municipality: str = ""
    person: tuple[str, ...] = ()
    identity: tuple[tuple[str, ...], ...] = ()
    timing: Timing | None = None
    proposals: Mapping[str, tuple[Proposal, ...]] = field(default_factory=dict)
    purpose: str = ""
    marks: Mapping[Side, str] = field(default_factory=dict)
    sentinels: tuple[Mapping[str, str], ...] = ()
    sentinel_key: str = ""
    test_mark: TestMark | None = None
    scope: tuple[Scope, ...] = ()
    grouped_by: tuple[str, ...] = ()
    place: str = ""
    budget: Mapping[str, str] = field(default_factory=dict)
    events: Events | None = None
    schema: object = None  # the pandera DataFrameModel, for `validate`; None for an ad-hoc dataset

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the key columns, in their declared order."""
        return tuple(f.name for f in self.fields if f.key)

    @property
    def compared(self) -> tuple[Field, ...]:
        """The fields whose values are compared, in their declared order; the key is not among them."""
        return tuple(f for f in self.fields if f.compared and not f.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a layout: where it stands in the source and which field it is.

    `offset` and `length` are bytes in the record (fixed width only). `charset` is "ascii" or "juki" (fixed width
    only; juki = 住基ネット統一文字, 16 bit, big endian). `decode` names, in order, what turns this side's notation
    into the dataset's: a code list of the layout, or a rule of `reconcile.rules`. `system` names the system that a
    local code is of; "" where nobody said.
    """

    name: str
    source: str = ""
    offset: int = 0
    length: int = 0
    charset: str = "ascii"
    decode: tuple[str, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where one item stands in a header or trailer record: bytes (fixed width) or field number from 0 (delimited)."""

    offset: int
    length: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A header or trailer record: how it is known and what it carries.

    `slots` keys: `municipality`, `extracted_at` (YYYYMMDDhhmmss, Asia/Tokyo), `layout_version`, `count`,
    `control_total`.
    """

    mark: str
    slots: Mapping[str, Slot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """How a source writes several names as one text, in `field`, for the rows where `only` holds (field -> value).

    `templates` name fields in braces, as in `{name_latin}({name_kanji})`, the fullest first: the first that has all of
    its names is used. The other side, which has the fields, is composed by them (`rules.composite`).
    """

    templates: tuple[str, ...]
    only: Mapping[str, str]
    field: str

    @property
    def components(self) -> tuple[str, ...]:
        """The fields that the templates name, each once."""
        parts = (name for template in self.templates for _, name, _, _ in Formatter().parse(template) if name)
        return tuple(dict.fromkeys(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one known source writes a dataset. Read from a TOML file in `schemas/layouts/`.

    `sentinels` says how the dataset's two test people are written in the columns that are decoded. `municipalities` are
    those whose residents it may hold: the code (five digits) -> the names with which their addresses may begin; empty
    where nobody said. `composite` says which names it writes as one text. `towns` is the site's table of its town
    codes, code -> town; empty where there is none.
    """

    name: str
    label: str = ""
    kind: str  # "fixed_width" | "delimited" | "parquet" | "database"
    version: str = "1"
    columns: tuple[Column, ...] = ()
    code_lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str = ","
    end_of_record: str = "\n"
    record_bytes: int = 0
    record_mark: str = ""  # fixed width: what a data record begins with
    header: Envelope | None = None
    trailer: Envelope | None = None
    control_column: str = ""  # the digits whose sum modulo `control_modulus` is the control total
    control_modulus: int = 1_000_000_007
    table: str = ""
    history_table: str = ""
    municipalities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    composite: Composite | None = None
    towns: Mapping[str, str] = field(default_factory=dict)
    sentinels: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DelimitedSource:
    """A CSV or TSV file. Without a layout every column is text under its header name.

    `end_of_line` "" accepts LF or CRLF, but one of them throughout.
    """

    path: Path
    label: str = ""
    layout: Layout | None = None
    encoding: str = "utf-8"
    delimiter: str = ""  # "" = "," or, for a file named .tsv, a tab


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedWidthSource:
    """A file of records of one length in bytes."""

    path: Path
    layout: Layout
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetSource:
    """A Parquet file. Values of every type are compared as one exact text (`extract.parquet`)."""

    path: Path
    label: str = ""
    layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSource:
    """A table of a DuckDB file (`duckdb:///path`) or a PostgreSQL database (`postgresql://…`).

    `timeout_seconds`: how long one statement may take, that which reads all rows among them.
    """

    url: str
    layout: Layout
    label: str = ""
    timeout_seconds: float = 3600.0


Source = DelimitedSource | FixedWidthSource | ParquetSource | DatabaseSource
