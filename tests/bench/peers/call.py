"""Asks one peer to compare two files. Runs in the peer's own environment, so the standard library only.

`python -m tests.bench.peers.call NAME LEFT RIGHT KEY OUT` compares once; without the last four, each line of stdin is
a JSON list of them, and each line of stdout one answer, so that a hundred small questions start the peer once.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict


class Answer(TypedDict):
    """What a peer says of two files; `changed` counts keys, `repeated` rows of repeated keys (None: it does not say)."""

    equal: bool
    only_left: int
    only_right: int
    changed: int
    repeated: int | None
    rejected: NotRequired[int]


Compare = Callable[[Path, Path, Sequence[str], Path], Answer]
"""left, right, key, folder for every difference in full -> the answer. Raises where the peer refuses."""


class RefusedError(Exception):
    """A command-line peer gave no answer; `exit_code` is what a script would have seen."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exit {exit_code}")
        self.exit_code = exit_code


def main(arguments: Sequence[str]) -> int:
    """Answer the one question, or those on stdin."""
    name, *one = arguments
    compare: Compare = importlib.import_module(f"tests.bench.peers.with_{name}").compare
    if one:
        print(json.dumps(_ask(compare, one)))
        return 0
    for line in sys.stdin:
        try:
            answer = {**_ask(compare, json.loads(line))}
        except KeyboardInterrupt:
            raise
        except RefusedError as refused:
            answer = {"refused": "exit status", "exit": refused.exit_code}
        except BaseException as error:  # noqa: BLE001  polars panics are no Exception
            answer = {"refused": type(error).__name__, "exit": 2}
        print("answer", json.dumps(answer), flush=True)
    return 0


def _ask(compare: Compare, question: Sequence[str]) -> Answer:
    left, right, key, out = question
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return compare(Path(left), Path(right), key.split(","), folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
