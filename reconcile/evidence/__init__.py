"""What proves afterwards that nothing was altered: a chained log, a signed checkpoint, a manifest a run.

    out/evidence/log.jsonl         one line an event, chained by hashes, flushed to the disk one by one
    out/evidence/checkpoint        how long the log is and the root of its hash tree, signed (C2SP tlog-checkpoint)
    out/evidence/key.pub           the public key, for convenience; the one to trust is the one on paper
    out/<run id>/manifest.json     inputs, outputs, set-up and program of a run, by digest; its digest stands in the log

A chain alone shows an accident, not a tamperer: who can write the log can write it anew. The checkpoint needs the key;
and whoever has the key is caught by an earlier checkpoint outside their reach, which the council paper prints
(`reference/reliability.md` §4). The format is described in `docs/evidence-format.md`, and `docs/verify.py` checks it
without any of this code.
"""

from __future__ import annotations

from reconcile.evidence.checkpoint import Checkpoint, is_public_key, public_key
from reconcile.evidence.details import checked
from reconcile.evidence.log import FOLDER, PUBLIC, Entry, append, entry, head, read, said_of_ledger
from reconcile.evidence.verify import Verification, contradictions, verify

__all__ = [
    "FOLDER",
    "PUBLIC",
    "Checkpoint",
    "Entry",
    "Verification",
    "append",
    "checked",
    "contradictions",
    "entry",
    "head",
    "is_public_key",
    "public_key",
    "read",
    "said_of_ledger",
    "verify",
]
