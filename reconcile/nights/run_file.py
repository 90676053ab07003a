"""A run file that was edited between two nights: held until somebody who may decide has said that it is meant (F123).

A threshold, a severity, a column or a path that was changed by mistake gives a night that looks like any other. So each
run that claims something leaves the digest of its settings in the signed evidence, and a night with other settings is
inconclusive until `reconcile accept` has recorded who approved them (`config_changed`). The first run of a folder has
nothing to be held against. The run file itself could not say it: whoever edits it would write the approval, too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from reconcile import evidence
from reconcile.config import RunConfig, read_config
from reconcile.decide import Gate
from reconcile.errors import ConfigError
from reconcile.model import Verdict
from reconcile.settings import permission


def gate_of_run_file(config: RunConfig) -> Gate:
    """Whether the settings are those of the last run that claimed something, or were accepted since."""
    before = _before(config)
    named = f"前回 {before[:12]}…、今回 {config.digest[:12]}…" if before else "初回"
    return Gate(
        name="run_file",
        passed=not before or before == config.digest,
        ja=f"実行ファイルの設定が前回の判定から変わっていないこと、又は承認されていること({named})",
        en=f"the settings of the run file are those of the last verdict, or approved "
        f"({f'{before[:12]}…, now {config.digest[:12]}…' if before else 'the first run'})",
    )


def accept(config: Path, approver: str, purpose: str) -> str:
    """Record that the settings as they stand now are approved.

    Args:
        config: The run file.
        approver: Who decided: an office or a staff id, no number of a person.
        purpose: What was changed, and why.

    Returns:
        The digest of the settings.

    Raises:
        ConfigError: E_PURPOSE, E_ROLE (the account has no role `approve`), or no approver was named.
        EvidenceError: The evidence was altered.
    """
    read, now = read_config(config), datetime.now(UTC)
    if not approver.strip():
        raise ConfigError("--approver", "got nobody, expected who has approved the run file")
    permit = permission.require(read, permission.APPROVE, purpose, now, own=True)
    about = {"approver": approver.strip(), "settings_sha256": read.digest}
    permission.record(read, "config_changed", now, permit, **about)
    return read.digest


def _before(config: RunConfig) -> str:
    """The digest that tonight's is held against: of the newest approval or verdict; "" if there is none."""
    for line in reversed(evidence.read(config.out / evidence.FOLDER).lines):
        entry = evidence.entry(line)
        said = entry.details.get("settings_sha256")
        decided = entry.event == "run_decided" and Verdict(str(entry.details["verdict"])).claims
        if entry.event == "config_changed" or decided:
            return str(said or "")  # "": of a version that did not record it
    return ""
