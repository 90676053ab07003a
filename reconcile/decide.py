"""The verdict: one pure function of positive evidence. What is not known is never "consistent".

The gates are those of `reference/reliability.md` §2.1 that the inputs of one run can answer; those that need the
ledger (volume, staleness) join the same list. A gate that was not tried does not stand in the list; the gates that a
verdict needs do stand in `REQUIRED`, so that leaving one out cannot make a run clean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconcile.errors import BalanceError
from reconcile.model import Balance, Side, Verdict

REQUIRED = frozenset(("counts", "balance", "not_empty"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition that a run must meet to claim anything.

    `ja` and `en` say, for people, what was checked and what was found; without personal values.
    """

    name: str
    passed: bool
    ja: str
    en: str


def decide(gates: Sequence[Gate], balance: Mapping[Side, Balance], findings: int) -> Verdict:
    """What the run may claim.

    Args:
        gates: Every gate tried, passed or not.
        balance: Both sides' rows.
        findings: How many there are.
    """
    if not {gate.name for gate in gates} >= REQUIRED or not all(gate.passed for gate in gates):
        return Verdict.INCONCLUSIVE
    if set(balance) != set(Side) or not all(side.closes for side in balance.values()):
        return Verdict.INCONCLUSIVE
    if any(side.rejected or side.duplicate for side in balance.values()):
        return Verdict.PARTIAL
    return Verdict.MISMATCH if findings or any(s.mismatched or s.only for s in balance.values()) else Verdict.CONSISTENT


def verdict_of_fault(code: str) -> Verdict:
    """What a run that ended in a fault may say: `tampered`, `failed` if it was our fault, else `inconclusive`."""
    if code == "E_TAMPERED":
        return Verdict.TAMPERED
    ours = code.startswith(("E_BALANCE", "E_FAILED", "E_ORACLE", "E_SELFTEST"))
    return Verdict.FAILED if ours else Verdict.INCONCLUSIVE


def check_balance(balance: Mapping[Side, Balance]) -> None:
    """Assert that every row of both sides is accounted for exactly once.

    Raises:
        BalanceError: It is not: a fault of this program. Nothing may be reported as clean.
    """
    for side, rows in balance.items():
        if not rows.closes:
            raise BalanceError(f"{side} side", f"the rows do not add up: {rows}")
    left, right = balance[Side.LEFT], balance[Side.RIGHT]
    if (left.matched, left.mismatched) != (right.matched, right.mismatched):
        raise BalanceError(
            "both sides",
            f"matched {left.matched} and {right.matched}, mismatched {left.mismatched} and {right.mismatched}",
        )


def gates_of(balance: Mapping[Side, Balance], *, allow_empty: bool, overlap_min: float) -> list[Gate]:
    """The gates that two inputs alone can answer, after `check_balance` has passed."""
    smaller = min(side.rows - side.out_of_scope for side in balance.values())
    paired = min(side.matched + side.mismatched + side.duplicate + side.rejected for side in balance.values())
    counts = all(side.records == side.rows for side in balance.values())
    filled = allow_empty or all(side.rows > side.out_of_scope for side in balance.values())
    rows = " / ".join(f"{side.rows:,}" for side in balance.values())
    gates = [
        Gate(
            name="counts",
            passed=counts,
            ja="読取り前の件数と読取り件数の一致",
            en="records counted before parsing equal rows parsed",
        ),
        Gate(
            name="balance",
            passed=all(side.closes for side in balance.values()),
            ja="全件が一度ずつ計上されていること",
            en="every row is accounted for exactly once",
        ),
        Gate(
            name="not_empty",
            passed=filled,
            ja=f"両側に件数があること({rows}件)",
            en=f"both inputs have rows ({rows})",
        ),
    ]
    if overlap_min:
        gates.append(
            Gate(
                name="overlap",
                passed=paired >= overlap_min * smaller,
                ja=f"対応付いた割合が{overlap_min:.0%}以上であること({paired:,}/{smaller:,})",
                en=f"at least {overlap_min:.0%} of the smaller side has a partner ({paired:,}/{smaller:,})",
            )
        )
    return gates
