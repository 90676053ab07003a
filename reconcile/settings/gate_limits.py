"""`[gates]` of a run file: the thresholds of the nightly run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reconcile.errors import ConfigError
from reconcile.settings import toml

_GATES = frozenset(
    """municipality overlap_min allow_empty accepted_tables oracle_rows min_rows window_hours max_age_hours
    accepted_inputs count_difference_max volume_change_max volume_nights max_input_bytes owners
    dead_column_max profile_change_max accepted_columns approver date""".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """The thresholds of the nightly run. `municipality` "" means not checked.

    `accepted_tables` holds the SHA-256 of 外字 tables that may differ from the previous run's, `accepted_inputs` those of
    files that may be read on a second night. `oracle_rows` is the number of rows up to which a plain comparison looks at
    every key, and above which at a share of them; 0 switches it off. `min_rows` is what each side has at least,
    `window_hours` how far apart the two extracts may be, `max_age_hours` how long before the day of the run they may have
    been taken. `count_difference_max` is the share of the larger side by which the two sides' counts may differ,
    `volume_change_max` the share by which a side's count may differ from the median of the last `volume_nights` nights
    (`reference/domain.md` §7, `reference/reliability.md` §2.1). A file has at most `max_input_bytes` (0: any number), and
    belongs to the account that runs the job, to root, or to one of `owners`. Of a column that says the same for all on one
    side, `dead_column_max` of the other side's records may depart; `profile_change_max` is how far the shares of a
    column may move from one night to the next; `accepted_columns` names the columns to which neither applies.
    `approver` and `date` (YYYY-MM-DD) say whose limits these are.
    """

    municipality: str = ""
    overlap_min: float = 0.90
    allow_empty: bool = False
    accepted_tables: tuple[str, ...] = ()
    oracle_rows: int = 500_000
    min_rows: int = 0
    window_hours: float = 24.0
    max_age_hours: float = 36.0
    accepted_inputs: tuple[str, ...] = ()
    count_difference_max: float = 0.005
    volume_change_max: float = 0.05
    volume_nights: int = 6
    max_input_bytes: int = 8 * 2**30
    owners: tuple[str, ...] = ()
    dead_column_max: float = 0.001
    profile_change_max: float = 0.1
    accepted_columns: tuple[str, ...] = ()
    approver: str = ""
    date: str = ""

    @property
    def changed(self) -> dict[str, str]:
        """The limits that are not the usual ones: name -> what they are here."""
        mine = {name: value for name, value in asdict(self).items() if name not in ("approver", "date")}
        usual = asdict(Gates())
        return {name: _said(value) for name, value in mine.items() if value != usual[name]}


def read(where: str, table: Mapping[str, Any]) -> Gates:
    """The thresholds, the usual ones where the run file says nothing.

    Raises:
        ConfigError: A key is unknown, or of the wrong type.
    """
    toml.known(where, table, _GATES)
    default = Gates()
    empty = table.get("allow_empty", default.allow_empty)
    if not isinstance(empty, bool):
        raise ConfigError(f"{where}.allow_empty", f"got {type(empty).__name__}, expected true or false")
    return Gates(
        accepted_tables=toml.texts(where, table, "accepted_tables"),
        accepted_inputs=toml.texts(where, table, "accepted_inputs"),
        municipality=toml.text(where, table, "municipality", default.municipality),
        overlap_min=toml.number(where, table, "overlap_min", default.overlap_min, most=1),
        count_difference_max=toml.number(where, table, "count_difference_max", default.count_difference_max, most=1),
        volume_change_max=toml.number(where, table, "volume_change_max", default.volume_change_max, most=1),
        volume_nights=int(toml.number(where, table, "volume_nights", default.volume_nights)),
        allow_empty=empty,
        oracle_rows=int(toml.number(where, table, "oracle_rows", default.oracle_rows)),
        min_rows=int(toml.number(where, table, "min_rows", default.min_rows)),
        window_hours=toml.number(where, table, "window_hours", default.window_hours),
        max_age_hours=toml.number(where, table, "max_age_hours", default.max_age_hours),
        max_input_bytes=int(toml.number(where, table, "max_input_bytes", default.max_input_bytes)),
        owners=toml.texts(where, table, "owners", "names of accounts"),
        dead_column_max=toml.number(where, table, "dead_column_max", default.dead_column_max, most=1),
        profile_change_max=toml.number(where, table, "profile_change_max", default.profile_change_max, most=1),
        accepted_columns=toml.texts(where, table, "accepted_columns", "names of fields"),
        approver=toml.text(where, table, "approver", ""),
        date=toml.day(where, table, "date") if "date" in table else "",
    )


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
