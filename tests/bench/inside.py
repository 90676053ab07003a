"""What classification costs beside the comparison, from inside one run of the command line.

`python -m tests.bench.inside ARGUMENTS` runs `reconcile ARGUMENTS` and prints one JSON object: `classify_seconds` in
the functions of `pipeline` that explain, class, diagnose and sum up, `diff_seconds` in the rest of `pipeline.reconcile`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from reconcile import adhoc, cli, pipeline

_EXPLAINING = tuple(f"reconcile.{name}" for name in "classify explain overall survey follow diff.key_hints".split())
_seconds = {"all": 0.0, "classify": 0.0}
_running: set[str] = set()


def _timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  whatever the wrapped one takes
        if what in _running:
            return function(*args, **kwargs)
        _running.add(what)
        begin = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _seconds[what] += time.perf_counter() - begin
            _running.discard(what)

    return timed


def main() -> int:
    """Run, and print what it cost; exits as the command line would."""
    for name, one in list(vars(pipeline).items()):
        module = getattr(one, "__module__", "")
        if callable(one) and not isinstance(one, type) and module.startswith(_EXPLAINING):
            setattr(pipeline, name, _timed("classify", one))
    vars(adhoc)["reconcile"] = _timed("all", pipeline.reconcile)
    try:
        cli.main()
    except SystemExit as leaving:
        classify = _seconds["classify"]
        print(json.dumps({"classify_seconds": classify, "diff_seconds": _seconds["all"] - classify}))
        return leaving.code if isinstance(leaving.code, int) else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
