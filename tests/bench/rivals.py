"""The peers of `reference/peers.md`, each in an environment of its own, and the bare operations, which run in ours.

An environment is made on demand from the pins in `tests/bench/peers/NAME.txt`; one that cannot be made is said so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.data import Pair
from tests.bench.measure import Cost, measure

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).with_name("peers")
ENVIRONMENTS = ROOT / ".venv-peers"
PEERS = ("datacompy", "diffly", "pointblank", "fastrecon", "reladiff", "datadiffer")
ENGINES = ("dask", "ray", "pyspark")
"""Engines that could carry us beyond one machine; each runs our own tasks."""
BARE = {"scan": "bare scan (polars)", "polars": "bare full join (polars)", "duckdb": "FULL OUTER JOIN (DuckDB)"}
TABLES_FIRST = ("reladiff",)
"""Peers that compare tables of a database: loading them is not charged."""


class RivalError(Exception):
    """A peer's environment cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Someone who compares two files. `label` is what the tables call it, version included."""

    name: str
    label: str
    python: Path

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """The command that asks it, to be run in `ROOT`."""
        return [self.python, "-m", "tests.bench.peers.call", self.name, *arguments]


def rival(name: str) -> Rival:
    """A bare operation, a peer or an engine, its environment made if need be.

    Raises:
        RivalError: It cannot be installed here.
    """
    if name not in (*PEERS, *ENGINES):
        return Rival(name, BARE.get(name, name), Path(sys.executable))
    pins = PINS / f"{name}.txt"
    wanted = pins.read_text(encoding="utf-8")
    version = next(line.partition("==")[2] for line in wanted.splitlines() if line.startswith(f"{name}=="))
    folder = ENVIRONMENTS / name
    stamp, python = folder / ".stamp", folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"making the environment of {name} {version}", file=sys.stderr)
        # The pins are complete: what pip would add to them is not what was measured.
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "install",
            "--no-deps",
            "-r",
            pins,
        ]
        make: list[str | Path] = [sys.executable, "-m", "venv", "--clear", folder]
        for step in (make, pip):
            done = subprocess.run(step, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
                raise RivalError(f"{name} {version} cannot be installed here: {last[:120]}")
        stamp.write_text(wanted, encoding="utf-8")
    return Rival(name, f"{name} {version}", python)


def rivals(names: Sequence[str]) -> tuple[list[Rival], list[str]]:
    """Those that are here, and one sentence for each that is not."""
    here, absent = [], []
    for name in names:
        try:
            here.append(rival(name))
        except RivalError as error:
            absent.append(str(error))
    return here, absent


def contestant(who: Rival, pair: Pair, folder: Path) -> Callable[[], Cost]:
    """One comparison of the pair, every difference written below `folder`, to be measured again and again."""
    command = who.command(pair.left, pair.right, "id", folder / f"out.{who.name}")
    if who.name in TABLES_FIRST:
        subprocess.run(
            [who.python, "-m", f"tests.bench.peers.with_{who.name}", pair.left, pair.right], cwd=ROOT, check=True
        )
    return lambda: measure(command, cwd=ROOT)


def wrong_counts(cost: Cost, planted: Mapping[str, int]) -> str:
    """What is wrong with a rival's answer, "" if it counted what was planted."""
    if cost.exit_code:
        return f"failed, exit {cost.exit_code}"
    answer = json.loads(cost.output.splitlines()[-1])
    counted = {"only_left": answer["only_left"], "only_right": answer["only_right"], "value": answer["changed"]}
    wrong = [f"{kind} {n:,} of {planted[kind]:,}" for kind, n in counted.items() if n != planted[kind]]
    return ", ".join(wrong)


def ask(who: Rival, questions: Sequence[Sequence[str]]) -> Iterator[dict[str, Any]]:
    """A rival's answer to each small question (left, right, key, out), in order; one that kills it is a refusal."""
    left = list(questions)
    while left:
        said = "".join(json.dumps(list(question)) + "\n" for question in left)
        done = subprocess.run(
            [str(part) for part in who.command()], cwd=ROOT, input=said, capture_output=True, text=True, check=False
        )
        answers = [line.partition(" ")[2] for line in done.stdout.splitlines() if line.startswith("answer ")]
        yield from map(json.loads, answers)
        if len(answers) < len(left):
            yield {"refused": "crash", "exit": done.returncode}
        left = left[len(answers) + 1 :]
