"""Prove which records of two registers agree, which do not, why, and who has to act.

`compare` is the engine for two frames or files; the command line is `reconcile` (`reconcile.cli`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconcile.api import Comparison, compare

__all__ = ["Comparison", "__version__", "compare"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the engine when it is first asked for: `reconcile --help` needs none of it."""
    if name in ("Comparison", "compare"):
        from reconcile import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(name)
