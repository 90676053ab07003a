"""`python -m tests.fuzz.run TARGET [RUNS]`: atheris on one target, from the corpus of the repository.

`make fuzz` runs all of them; what is found stands in `.fuzz/` and belongs, once it is repaired, into `corpus/TARGET/`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["reconcile", "tomllib", "csv"]):
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
LONGEST = 4096  # bytes


def main() -> None:
    """Fuzz the target named on the command line until `RUNS` are done or one fails."""
    name, runs = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "100000"
    found = Path(".fuzz") / name
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-runs={runs}", f"-max_len={LONGEST}", f"-artifact_prefix={found}/finding-", "-print_final_stats=1"]
    # The first folder takes new inputs; that of the repository is only read.
    atheris.Setup([sys.argv[0], str(found), str(CORPUS / name), *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
