"""`python -m tests.fuzz.run TARGET [RUNS]`: atheris on one target, from the corpus of the repository.

In legs, each a process of its own that goes on from what the one before found: what atheris keeps of every execution is
never given back (some 25 KiB each; the targets themselves keep nothing), and a million would not fit into memory.
`make fuzz` runs all targets; what is found stands in `.fuzz/` and belongs, once it is repaired, into `corpus/TARGET/`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 4096  # bytes
LEG = 40_000


def main() -> None:
    """Fuzz the target named on the command line until `RUNS` are done or one fails."""
    name, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    if "--leg" in sys.argv:
        leg(name, runs)
    done = 0
    while done < runs:
        command = [sys.executable, "-m", "tests.fuzz.run", name, str(min(LEG, runs - done)), "--leg"]
        said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        counted = re.search(r"^Done (\d+) runs", said.stderr, re.MULTILINE)
        if said.returncode or counted is None:
            sys.exit(said.stdout + said.stderr)
        done += int(counted[1])
        print(f"after {done}", flush=True)  # noqa: T201  how far it came
    print(f"Done {done} runs")  # noqa: T201  the result


def leg(name: str, runs: int) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris  # noqa: PLC0415  only this process

    with atheris.instrument_imports(include=["reconcile", "tomllib", "csv"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415  as atheris changes it

    found = Path(".fuzz") / name
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-runs={runs}", f"-max_len={LONGEST}", f"-artifact_prefix={found}/finding-", "-print_final_stats=1"]
    # The first folder takes new inputs; that of the repository is only read.
    atheris.Setup([sys.argv[0], str(found), str(CORPUS / name), *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
