"""`make bench`: what the comparison costs, in pairs with the bare operation and the peers on the same files.

Claims are ratios of processes that ran beside each other in the same minute, because absolute times on a shared
machine move by a factor of two to three (`reference/performance.md`). Every run's counts are held against what was
planted: a fast wrong answer of ours ends the benchmark, one of a peer is noted beside its time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench import sections
from tests.bench.characters import Ratio, ratios
from tests.bench.rivals import PEERS
from tests.bench.sections import MILLION, NATION_SLICE, WARD_RESIDENTS, Size
from tests.bench.tables import Line, Section, markdown, put, show

PEER_SIZES = "280000x20,1000000x12,3800000x20"
LARGE_SIZES = "14000000x20,125000000x20"


def main() -> int:
    """Measure, print the tables, write them down if asked, and exit 1 if a goal was missed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="reconcile-bench-", dir=options.work) as name:
        measured = list(_large(Path(name), options) if options.large else _usual(Path(name), options))
    if options.write:
        command = "make bench-large" if options.large else "make bench"
        rounds = f", medians of {options.rounds} rounds, of {options.peer_rounds} beside peers and on large inputs"
        put(options.write, "large" if options.large else "bench", markdown(measured, command, rounds))
    return int(any(one.missed for one in measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="what the comparison costs, beside the bare operation and the peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=MILLION.rows, help="of the pair beside the bare join")
    parser.add_argument("--residents", type=int, default=WARD_RESIDENTS, help="of the synthetic ward; 0 leaves it out")
    parser.add_argument("--records", type=int, default=1_000_000, help="fixed-length records to decode")
    parser.add_argument("--peers", default=",".join(PEERS), help="those to measure; empty leaves them out")
    parser.add_argument("--sizes", help=f"ROWSxCOLUMNS,… beside the peers: {PEER_SIZES}; --large: {LARGE_SIZES}")
    parser.add_argument("--issue-size", type=Size.parse, default=NATION_SLICE, help="of CSV and `everywhere`")
    parser.add_argument("--large", action="store_true", help="only ours and the scan, as far as the disk allows")
    parser.add_argument("--work", type=Path, help="where the inputs are made; default: the system's own")
    parser.add_argument("--write", type=Path, help="the document whose marked part is replaced")
    return parser.parse_args()


def _usual(folder: Path, options: argparse.Namespace) -> Iterator[Section]:
    rounds, few, size = options.rounds, options.peer_rounds, options.issue_size
    title = "median wall; peak: most anonymous memory of the process and its children, worst round"
    lines: Iterable[Line] = (
        *sections.against_the_bare_join(folder / "join", Size(options.rows, MILLION.columns), rounds),
        *sections.start_up(folder / "start", rounds),
        *(sections.ward(folder, options.residents, rounds) if options.residents else ()),
    )
    yield _shown(folder, title, lines)
    for text in filter(None, (options.sizes or PEER_SIZES).split(",")):
        peers = [name for name in options.peers.split(",") if name]
        lines = sections.beside_peers(folder / text, Size.parse(text), few, peers)
        yield _shown(folder / text, f"beside the peers, {Size.parse(text)} Parquet, every difference written", lines)
    hard = folder / "hard"
    yield _shown(hard, f"one column differs everywhere, {size}", sections.everywhere(hard, size, few))
    yield _shown(hard, f"CSV, {size}", sections.csv(hard, size, few))
    yield _shown(hard, f"what explaining costs, {size}", [sections.classification(hard, size, few)])
    yield _shown(folder, "inside one process", map(_as_line, ratios(rounds, options.records)))


def _large(folder: Path, options: argparse.Namespace) -> Iterator[Section]:
    for text in (options.sizes or LARGE_SIZES).split(","):
        size = Size.parse(text)
        # Two files, one of them twice while its parts are joined; 6 bytes a value is above what was seen (4.6).
        needed = 3 * 6 * size.rows * (size.columns + 1)
        if shutil.disk_usage(folder).free < needed:
            line = Line(what=str(size), note=f"left out: needs {needed >> 30} GiB of disk for the inputs")
            yield _shown(folder, f"large, {size}", [line])
        else:
            yield _shown(folder, f"large, {size}", sections.large(folder / text, size, options.peer_rounds))


def _shown(folder: Path, title: str, lines: Iterable[Line]) -> Section:
    """Measure, print at once, and let the inputs go: a benchmark of half an hour says where it is."""
    section = Section(title=title, lines=tuple(lines))
    show([section])
    for left in folder.glob("*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return section


def _as_line(one: Ratio) -> Line:
    note = f"{one.ours_seconds:.3f} s beside {one.bare_seconds:.4f} s"
    met = one.ratio <= one.goal
    return Line(what=one.what, ratios=[one.ratio], against=one.bare, goal=f"≤ {one.goal:g} ×", met=met, note=note)


if __name__ == "__main__":
    sys.exit(main())
