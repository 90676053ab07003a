"""`reconcile breaks close`: a finding that no night can prove gone is closed by two persons (F144).

The nights end a difference by proof alone, and some can never be proven gone: what an exchange of the site's key left
behind, or a key that both sides will go on rejecting. Then one person asks, another one grants it: two accounts of the
operating system, each with the role `approve`, each with a purpose in the evidence. It stands as closed by hand (手動),
is counted on the council's paper, and comes back as 再発 with the next night that finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from reconcile.config import read_config
from reconcile.errors import ConfigError
from reconcile.model import TOKYO, Closure
from reconcile.nights import attest
from reconcile.nights.breaks import shown
from reconcile.nights.history import ledger_of
from reconcile.report.listing import REASONS
from reconcile.settings import permission


def close(config: Path, finding_id: str, reason: str, purpose: str, today: date) -> Closure:
    """Ask to close a finding, or grant what somebody else has asked; the evidence records it first.

    Args:
        config: The run file.
        finding_id: Its id, or the beginning of it.
        reason: One of `REASONS`; not looked at by whoever grants.
        purpose: In words, of this person's own.
        today: As in `breaks.listed`.

    Returns:
        How it stands now: asked for, or closed.

    Raises:
        ConfigError: E_PURPOSE; E_ROLE; E_TWO_PERSONS, whoever asked cannot grant it; the finding is not open.
        EvidenceError: The evidence was altered.
    """
    read, now = read_config(config), datetime.now(UTC)
    one, _ = shown(config, finding_id, today)
    permit = permission.require(read, permission.APPROVE, purpose, now, own=True, finding_id=one.finding_id)
    if one.resolved:
        raise ConfigError("finding_id", "is not open", hint="reconcile breaks show")
    about = {**permit.details, "finding_id": one.finding_id}
    with ledger_of(read.out) as ledger:
        if one.asked is None:
            if reason not in REASONS:
                raise ConfigError("--reason", f"expected one of {', '.join(REASONS)}")
            told = attest.told(read, "closure_asked", about, now)
            ledger.ask_closure(one.finding_id, reason, permit.operator, now, told)
        elif one.asked.asked_by == permit.operator:
            hint = "another account with the role 'approve' grants it, with the same command"
            raise ConfigError("operator", f"{permit.operator} has asked for it", hint=hint, code="E_TWO_PERSONS")
        else:
            told = attest.told(read, "closed_by_hand", about, now)
            ledger.grant_closure(one.asked, permit.operator, now, told)
        return next(asked for asked in reversed(ledger.closures()) if asked.finding_id == one.finding_id)


def lines(closure: Closure, *, english: bool) -> Iterator[str]:
    """What stands in the ledger of a closure: who, when, why; and whose turn it is."""
    asked, granted = closure.asked_at.astimezone(TOKYO).date(), closure.closed_on
    if english:
        yield f"{asked}  asked by {closure.asked_by}: {closure.reason}"
        yield (
            f"{granted}  closed by hand: granted by {closure.closed_by}"
            if granted
            else ("→ another person with the role 'approve' grants it, with the same command; until then it is open")
        )
        return
    yield f"{asked}  手動での終了を申請: {closure.asked_by}(理由: {closure.reason})"
    yield (
        f"{granted}  手動で終了: {closure.closed_by} が承認"
        if granted
        else ("→ 役割 approve を持つ別の職員が、同じコマンドで承認する。それまでは継続中")
    )
