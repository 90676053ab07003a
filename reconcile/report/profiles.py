"""Who may see what of a report, declared per profile and per field's secrecy, and applied before anything is rendered.

A renderer gets a report from which everything that its readers may not see is gone: it cannot print what it does not
have, whatever its templates do. `disclosure` then says how what is left is shown on a list (支援措置).

    worklist     窓口課: who, which value, 個人番号 never
    council      セキュリティ会議: counts
    contractor   who runs the program for the ward (要綱第10条): codes, counts, record numbers
    audit        who checks it (要綱第7条): also the pseudonyms, by which the evidence names a finding, and open values
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from reconcile.errors import ConfigError
from reconcile.model import Dataset, Report, Secrecy

_VALUES = ("left_raw", "right_raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one kind of reader may see.

    Attributes:
        reveals: Values of fields of these classes.
        names: Whether keys are shown; else persons are numbered within the report.
        hints: Whether hints are shown: they speak of keys and values of others.
        pseudonyms: Whether the ids of findings are shown, which are the same from night to night.
    """

    reveals: frozenset[Secrecy]
    names: bool = False
    hints: bool = False
    pseudonyms: bool = False


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "worklist": Profile(
            reveals=frozenset((Secrecy.OPEN, Secrecy.PERSONAL, Secrecy.SPECIAL)),
            names=True,
            hints=True,
            pseudonyms=True,
        ),
        "council": Profile(reveals=frozenset()),
        "contractor": Profile(reveals=frozenset()),
        "audit": Profile(reveals=frozenset((Secrecy.OPEN,)), pseudonyms=True),
    }
)
"""個人番号 is in none of them: it is shown to nobody."""

READERS: Mapping[str, str] = MappingProxyType(
    {
        "xlsx": "worklist",
        "parquet": "worklist",
        "variants": "worklist",
        "csv": "worklist",
        "pdf": "council",
        "html": "contractor",
        "json": "contractor",
    }
)
"""Format -> for whom it is made, if nobody says otherwise."""


def for_reader(report: Report, name: str) -> Report:
    """The report as the readers of a profile may see it.

    Values, keys, hints and ids that they may not see are null; keys become the number of the person within the report
    ("1", "2", …, in the order of the keys), so that what is counted by person stays countable. Counts, codes, rules and
    record numbers stay. Frames keep their columns, types, rows and order.

    Raises:
        ConfigError: No such profile.
    """
    try:
        profile = PROFILES[name]
    except KeyError:
        raise ConfigError("--profile", f"got {name!r}, expected one of {', '.join(PROFILES)}") from None
    return replace(
        report,
        findings=_masked(report.findings, report.dataset, profile),
        variants=_masked(report.variants, report.dataset, profile),
        context=report.context if profile.names else None,
    )


def _masked(frame: pl.DataFrame, dataset: Dataset, profile: Profile) -> pl.DataFrame:
    shown = [field.name for field in dataset.fields if field.secrecy in profile.reveals]
    seen = pl.col("field").is_in(shown)
    masks = [pl.when(seen).then(pl.col(name)).alias(name) for name in _VALUES]
    if not profile.names:
        key = list(dataset.key)
        # Ranked without those that have no key at all, who would be a person before the first.
        person = pl.when(pl.any_horizontal(pl.col(key).is_not_null())).then(pl.struct(key)).rank("dense")
        masks += [pl.when(pl.col(name).is_not_null()).then(person.cast(pl.String)).alias(name) for name in key]
    for name, may in (("hint", profile.hints), ("finding_id", profile.pseudonyms)):
        if not may and name in frame.columns:
            masks.append(pl.lit(None, frame.schema[name]).alias(name))
    return frame.with_columns(masks)
