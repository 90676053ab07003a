"""Who may do what, and for what purpose: 業務目的以外の検索及び使用 is itself a 不正行為 (要綱第2条第4号).

A run, a look at one record and an export need a purpose in words and an operator who has the role. The operator is the
account of the operating system, which has authenticated a person; a name on the command line would be a claim. Where all
work through one account that owns the folder (`sudo -u`), it is the one that they logged in with, which the kernel keeps.
Each is an event of the evidence, and so is each refusal.

A run file without `[operators]` gives its own owner the roles `run` and `read`, and nobody else anything: whoever may
write the run file could write themselves into it.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from reconcile import evidence
from reconcile.config import RunConfig, signing_key
from reconcile.errors import ConfigError, ReconcileError

RUN, READ, APPROVE, AUDIT = ROLES = ("run", "read", "approve", "audit")
"""Start a run or an export; see residents; decide about findings and tables; check the evidence."""

OWNERS = (RUN, READ)
"""The roles of a run file's owner where nobody is named in it."""

LOGIN = Path("/proc/self/loginuid")
"""Who logged in: set once, by PAM, kept through `su` and `sudo`, and not to be changed without CAP_AUDIT_CONTROL."""

_NOT_SET = (1 << 32) - 1
"""No login led to this process: a service, a timer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """That an operator may do something: for the evidence, and for the head of what is shown."""

    operator: str
    role: str
    purpose: str

    @property
    def details(self) -> dict[str, str]:
        """What the evidence records of it."""
        return {"operator": self.operator, "role": self.role, "purpose": self.purpose}


def account() -> str:
    """The account that whoever started this logged in with, or else the one it runs under; never what the environment says."""
    try:
        login = int(LOGIN.read_text(encoding="ascii"))
    except (OSError, ValueError):  # a kernel without audit
        login = _NOT_SET
    number = os.geteuid() if login == _NOT_SET else login
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid{number}"


def require(config: RunConfig, role: str, purpose: str, at: datetime, *, own: bool = False, **about: str) -> Permit:
    """Let an operator do something, or record that it was refused.

    Args:
        config: Names the operators, and the purpose of the nightly run.
        role: One of `ROLES`.
        purpose: In words; "" for the run file's, unless `own`.
        at: Now, with a time zone.
        own: It needs a purpose of its own; the run file's is not enough.
        about: What else the evidence says of a refusal (`run_id`, `pseudonym`).

    Raises:
        ConfigError: E_PURPOSE, there is none, or it is no purpose; E_ROLE, the operator does not have the role.
        EvidenceError: The evidence was altered; then nothing is permitted.
    """
    said = (purpose if own else purpose or config.purpose).strip()
    who = account()
    try:
        _check_purpose(said)
    except ConfigError:
        _refuse(config, at, operator=who, role=role, reason="purpose", code="E_PURPOSE", **about)
        raise
    if role not in _roles(config, who):
        refused = {"operator": who, "role": role, "purpose": said, "reason": "role", "code": "E_ROLE"}
        _refuse(config, at, **refused, **about)
        hint = f'{who} = ["{role}"] under [operators] of the run file'
        raise ConfigError("operator", f"{who} does not have the role {role!r}", hint=hint, code="E_ROLE")
    return Permit(operator=who, role=role, purpose=said)


def record(config: RunConfig, event: str, at: datetime, permit: Permit, **about: str | list[str]) -> None:
    """Let the evidence say what was done under a permit, before anything is shown.

    Raises:
        EvidenceError: The evidence was altered.
        SourceError: E_OUT, it cannot be written.
    """
    evidence.append(config.out, event, at, key=signing_key(config.evidence_key), **permit.details, **about)


def check_purpose(purpose: str) -> str:
    """A purpose as it may stand in the evidence: one line of 200 characters at most, without a number of a person.

    Raises:
        ConfigError: E_PURPOSE.
    """
    said = purpose.strip()
    _check_purpose(said)
    return said


def _check_purpose(said: str) -> None:
    if not said:
        hint = "--purpose 'what for', or purpose = '…' in the run file"
        raise ConfigError("purpose", "got none, expected what this is done for", hint=hint, code="E_PURPOSE")
    try:
        evidence.checked("viewed", {"purpose": said})
    except ReconcileError:
        hint = "name the task or the document, at most 200 characters, no number of a person"
        raise ConfigError(
            "purpose", "got a text that may not stand in the evidence", hint=hint, code="E_PURPOSE"
        ) from None


def _roles(config: RunConfig, who: str) -> tuple[str, ...]:
    if config.operators is not None:
        return tuple(config.operators.get(who, ()))
    return OWNERS if config.path.stat().st_uid == os.geteuid() else ()


def _refuse(config: RunConfig, at: datetime, **about: str) -> None:
    evidence.append(config.out, "refused", at, key=signing_key(config.evidence_key), **about)
