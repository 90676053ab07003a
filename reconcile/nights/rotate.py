"""`reconcile rotate-key`: the site's key is exchanged, and the history goes on under the new one (F147).

    permitted, alone in the output folder, the old key is that of the nights before
    both sides are read as a night reads them, and held to the gates that a night holds its inputs to
    the ids are met under the old key and named under the new one      nights.relink
    the evidence says it, then one transaction of the ledger does it: a crash leaves the old ids or the new ones, whole

The key files are the operator's: the program moves and deletes none. Until the new one stands in the place of the old
one, every night is refused (E_SITE_KEY), and so is it where the ledger's transaction never came.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from reconcile import deliver, nightly
from reconcile.config import RunConfig, read_config, site_key
from reconcile.decide import remedy
from reconcile.errors import ConfigError, SourceError
from reconcile.extract.locate import check_two
from reconcile.items import composed
from reconcile.model import Keys, Side
from reconcile.nights import attest, history
from reconcile.nights.history import ledger_of
from reconcile.nights.relink import relink
from reconcile.nights.run_file import gate_of_run_file
from reconcile.pipeline import Comparison
from reconcile.search.check import Progress, reading
from reconcile.settings import permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What was asked, and by whom it was approved: an office or a staff id. `as_of` as in `nightly.begin`."""

    config: Path
    new: Path
    approver: str
    purpose: str
    as_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What became of the history: how many findings are re-linked, and how many keep an id of the old key."""

    old_key_id: str
    new_key_id: str
    relinked: int
    left_open: int
    left_resolved: int
    site_key: Path

    @property
    def exit_code(self) -> int:
        """0: every open finding goes on; 1: some were left behind."""
        return 1 if self.left_open else 0


def rotate(asked: Rotation, progress: Progress) -> Rotated:
    """Re-link the history under a new key.

    Args:
        asked: Its `new` is made, 32 random bytes of mode 0400, if there is no such file.
        progress: Told of every batch that is read.

    Raises:
        ConfigError: E_PURPOSE, E_ROLE (it needs `approve`); E_SITE_KEY, the key of the run file is not that of the
            nights before, or the new one is no new one; E_LOCKED, a run is at work.
        SourceError: A side is not what it must be, or the code of the gate that it did not pass; E_LEDGER.
        EvidenceError: The evidence was altered.
    """
    read, now = read_config(asked.config), datetime.now(UTC)
    if not asked.approver.strip():
        raise ConfigError("--approver", "got nobody, expected who has approved the exchange of the key")
    if not read.out.is_dir():
        raise ConfigError("out", "no run was ever made", hint="without a history, another key needs no command")
    permit = permission.require(read, permission.APPROVE, asked.purpose, now, own=True)
    with nightly.alone(asked.config, asked.as_of, night=False):
        with ledger_of(read.out) as ledger:
            known, breaks = ledger.keys(), ledger.breaks()
        keys = _keys(read, asked.new, known)
        names = attest.key_id(keys[0]), attest.key_id(keys[1])
        ours = breaks.filter(~pl.col("finding_id").is_in(sorted(known.earlier)))
        with _ready(read, asked.as_of, now, progress) as comparison:
            links = relink(ours, composed(comparison.inputs), comparison.dataset, keys)
            read_in = {side: one.snapshot.preflight for side, one in comparison.inputs.items()}
        left = ours.join(links, on="finding_id", how="anti")["resolved"]
        counts = {"relinked": links.height, "left_open": int((~left).sum()), "left_resolved": int(left.sum())}
        about = {**permit.details, "approver": asked.approver.strip(), "old_key_id": names[0], "new_key_id": names[1]}
        sides = {f"{side}_sha256": one.sha256 for side, one in read_in.items()}
        told = attest.told(read, "site_key_rotated", {**about, **sides, **counts})
        with ledger_of(read.out) as ledger:
            ledger.relink(links, names, now, told)
    return Rotated(old_key_id=names[0], new_key_id=names[1], site_key=read.site_key, **counts)


def lines(done: Rotated, new: Path, *, english: bool) -> list[str]:
    """What became of the history, and what the operator has to do now, for whom the key files are."""
    old, ours = (f"{name[:12]}…" for name in (done.old_key_id, done.new_key_id))
    if english:
        return [
            f"re-linked: {done.relinked:,} findings, key {old} → {ours}",
            f"not re-linked (on neither side now): {done.left_open:,} open, {done.left_resolved:,} resolved",
            *(["those that are open stay unconfirmed; no night resolves them"] if done.left_open else []),
            f"→ move the old key {done.site_key.name} to the safe, and {new.name} to its place: every night is E_SITE_KEY till then",
            "→ put a copy of the new key into the safe; keep the old one as long as the evidence is kept",
        ]
    return [
        f"付け替えました: 指摘 {done.relinked:,} 件、鍵 {old} → {ours}",
        f"付け替えられなかった指摘(両側に記録がない): 継続中 {done.left_open:,} 件、解消済 {done.left_resolved:,} 件",
        *(["継続中のものは「未確認」のまま残り、夜間処理では解消になりません"] if done.left_open else []),
        f"→ 旧い鍵 {done.site_key.name} を金庫へ移し、{new.name} をその場所に置く。それまで毎夜 E_SITE_KEY で止まります",
        "→ 新しい鍵の控えを金庫に置く。旧い鍵は、証跡を保存する間は捨てない",
    ]


def _keys(read: RunConfig, new: Path, known: Keys) -> tuple[bytes, bytes]:
    """The old and the new key, once both are known to be what they are said to be."""
    in_force = attest.key_in_force(read, known.in_force)
    if not in_force:
        hint = "without a history, another key needs no command"
        raise ConfigError("site_key", "no run has come to a verdict", hint=hint, code="E_SITE_KEY")
    if not read.site_key.is_file():  # reading it would make one
        raise ConfigError("site_key", "is missing", hint="restore it from the copy in the safe", code="E_SITE_KEY")
    old = site_key(read.site_key)
    if attest.key_id(old) != in_force:
        done = new.is_file() and attest.key_id(site_key(new)) == in_force
        hint = "--new is, already: put it in this place" if done else "restore that one from the copy in the safe"
        raise ConfigError("site_key", "is not the key of the nights before", hint=hint, code="E_SITE_KEY")
    fresh = site_key(new)
    if attest.key_id(fresh) in {in_force, *known.former}:
        hint = "name a file that is not there: it is made"
        raise ConfigError("--new", "is a key that is or was in force, expected a new one", hint=hint, code="E_SITE_KEY")
    return old, fresh


@contextmanager
def _ready(read: RunConfig, as_of: str, now: datetime, progress: Progress) -> Iterator[Comparison]:
    """Both sides, read as tonight's run would read them; they are gone when the context ends.

    Raises:
        SourceError: A side is not what it must be. On half a file most findings would be left behind, for good.
    """
    check_two(read.sources[read.left], read.sources[read.right])
    day = nightly.day_of(as_of, now)
    with deliver.aside(read.out) as folder:
        name = deliver.run_id_at(now)
        job = nightly.Job(str(read.path), str(read.out), name, now.isoformat(), day.isoformat(), str(folder))
        for side in Side:
            nightly.prepare(job, side, reading(progress, side))
        comparison = nightly.ready(job, progress)
        snapshots = {side: entry.snapshot for side, entry in comparison.inputs.items()}
        gates = (*comparison.options.gates, *history.gates(read, day.date(), snapshots), gate_of_run_file(read))
        for gate in gates:
            # That a file was read before is no fault here: the newest night's is as good.
            if not gate.passed and not gate.part and not gate.name.startswith("fresh_"):
                todo = remedy(gate.name)
                raise SourceError(f"gate {gate.name}", gate.en, hint=todo.en, code=todo.code)
        yield comparison
