"""On whose authority two characters are one: the tables of a run, loaded, checked, and named by digest for its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

import polars as pl

from reconcile.config import RunConfig
from reconcile.model import Characters, Dataset, Rule, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """What decides about characters in one run.

    `approved`: field -> the approvals that apply to it. `gaiji`: side -> what its private-use codes mean. `named`: role
    -> version or digest, for the report; empty where the dataset compares no names.
    """

    approved: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    gaiji: Mapping[Side, Rule] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)


def authorities(dataset: Dataset, config: RunConfig | None, sources: Mapping[Side, str], as_of: date) -> Authorities:
    """Load the tables that a run needs.

    Args:
        dataset: Says which fields are compared by character.
        config: Names the site's own tables; None for an ad-hoc run, which has none.
        sources: The name, in the run file, of the source of each side; other names have no 外字 table.
        as_of: The day on which an approval must hold.

    Raises:
        ConfigError: A table of the site cannot be read, or an entry is wrong.
    """
    names = [one.name for one in dataset.fields if isinstance(one.comparator, Characters)]
    if not names:
        return Authorities()
    from reconcile.characters import approvals, gaiji, tables  # noqa: PLC0415  tables an ad-hoc diff does not need

    named = {"characters": tables.version(), "characters_sha256": tables.digest()}
    approved: dict[str, pl.DataFrame] = {}
    meanings: dict[Side, Rule] = {}
    if config is not None and config.approvals is not None:
        table = approvals.load(config.approvals)
        approved = {name: approvals.applicable(table, name, as_of) for name in names}
        named["approvals_sha256"] = sha256(config.approvals.read_bytes()).hexdigest()
    for side, source in sources.items():
        if config is not None and source in config.towns:
            named[f"towns_{side}_sha256"] = sha256(config.towns[source].read_bytes()).hexdigest()
        if config is not None and source in config.gaiji:
            loaded = gaiji.load(config.gaiji[source])
            meanings[side] = loaded.replace
            named[f"gaiji_{side}_sha256"] = loaded.sha256
    return Authorities(approved=approved, gaiji=meanings, named=named)
