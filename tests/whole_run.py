"""`reconcile run` with a name that is known beforehand: what `test_whole_run` breaks at every system call.

    python -m tests.whole_run RUN_FILE AS_OF STARTED_AT

The hour and the dice that name a run stand still, so that the same call goes to the same path each time. All else is
the program's own.
"""

from __future__ import annotations

import secrets
import sys
from datetime import datetime, tzinfo
from typing import Self

from reconcile import nightly
from reconcile.cli import entry

CONFIG, AS_OF, STARTED_AT = sys.argv[1:]


class Standing(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """The hour named on the command line."""
        return cls.fromisoformat(STARTED_AT).astimezone(tz)


if __name__ == "__main__":
    vars(nightly)["datetime"] = Standing
    secrets.randbelow = lambda exclusive_upper_bound: exclusive_upper_bound - 1
    secrets.randbits = lambda k: (1 << k) - 1
    sys.argv = ["reconcile", "run", "--config", CONFIG, "--as-of", AS_OF, "--lang", "ja"]
    entry()
