"""How the program starts: with no code but that which was installed (`reference/reliability.md` F122).

A variable of the environment can put a `polars.py` of somebody else's in the place of ours, or a library below it. So
the console script begins here, before anything of a library is imported, and begins anew as `python -I` without those
variables where one is set: the program that reads residents has never seen them. The account's own Python is trusted;
what a `sitecustomize` did before this line, in the process that is given up here, nobody can undo.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

LOADS_CODE = frozenset(
    """PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONINSPECT PYTHONBREAKPOINT PYTHONEXECUTABLE
    PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX PYTHONCASEOK LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GCONV_PATH
    ADBC_DRIVER_PATH OPENSSL_CONF OPENSSL_MODULES""".split()
)
"""The variables by which a process loads other code than it would without them."""


def main() -> NoReturn:
    """The console script, and `python -m reconcile`."""
    if clean := _cleaned(os.environ):
        # Our own interpreter, and the words that this process was called with: nothing of a shell.
        flags = ["-I", "-B"] if sys.dont_write_bytecode else ["-I"]
        os.execve(sys.executable, [sys.executable, *flags, "-m", "reconcile", *sys.argv[1:]], clean)  # noqa: S606
    _forget_working_folder()
    from reconcile.cli import entry  # noqa: PLC0415  not before

    entry()


def _cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables that load code; {} if it has none of them."""
    if sys.flags.isolated and not any(name.startswith("LD_") for name in LOADS_CODE & set(environment)):
        return {}
    kept = {name: value for name, value in environment.items() if name not in LOADS_CODE}
    return {} if len(kept) == len(environment) else kept


def _forget_working_folder() -> None:
    """`python -m` lets a file in the working folder stand for any library: not unless the program itself lies there."""
    here = os.path.realpath(os.getcwd())  # noqa: PTH109  pathlib is not imported yet
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))  # noqa: PTH120
    if here != ours:
        sys.path[:] = [one for one in sys.path if os.path.realpath(one or ".") != here]
