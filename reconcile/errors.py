"""What can go wrong with the set-up, by who can act.

Bad data is data: a row that cannot be compared becomes a reject. These five are for what makes going on meaningless.
Their texts name the role of a file, a row number, a column: never a value that stands in it, so that a text may be
logged, mailed to a contractor, or stored by an orchestrator.
"""

from __future__ import annotations


class ReconcileError(Exception):
    """The base of all five: *where* it is, what was *got*, what was *expected*, and a *hint* for the next step."""

    code = "E_RECONCILE"

    def __init__(self, where: str, problem: str, *, hint: str = "", code: str = "") -> None:
        """Hold the parts apart, so that a caller may word them in another language.

        Args:
            where: The file, key or column concerned, as the reader knows it.
            problem: "got …, expected …", without personal values.
            hint: The next step, or "".
            code: A stable code of the fault (`E_TRUNCATED`), or "" for the class's own.
        """
        self.where = where
        self.problem = problem
        self.hint = hint
        if code:
            self.code = code
        super().__init__(where, problem)

    def __str__(self) -> str:
        """One line: where, got, expected, hint."""
        hint = f" Hint: {self.hint}" if self.hint else ""
        return f"{self.where}: {self.problem}.{hint}"


class SourceError(ReconcileError):
    """A file or database is not what it must be: its owner acts."""

    code = "E_SOURCE"


class DeclarationError(ReconcileError):
    """A dataset, layout or rule is declared wrongly: a developer acts."""

    code = "E_DECLARATION"


class ConfigError(ReconcileError):
    """The run file or the command line is wrong: the operator acts."""

    code = "E_CONFIG"


class BalanceError(ReconcileError):
    """The rows do not add up: our bug. Nothing may be reported as clean."""

    code = "E_BALANCE"


class EvidenceError(ReconcileError):
    """The evidence does not verify: somebody may have altered it. Touch nothing, keep a copy, tell the 統括責任者."""

    code = "E_TAMPERED"
