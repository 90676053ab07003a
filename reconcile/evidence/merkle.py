"""The hash tree of RFC 6962 §2.1 over the lines of the log, with SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf(line: bytes) -> bytes:
    """The hash of one line, without its line end."""
    return sha256(b"\x00" + line).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree.

    Args:
        leaves: Leaf hashes in order. None at all: the hash of nothing, as RFC 6962 has it.
    """
    if not leaves:
        return sha256(b"").digest()
    # RFC 6962 splits at the largest power of two below n, from the top. From the bottom that is: pair neighbors, and
    # carry one that is left over up unchanged. The same tree, without recursion.
    level = list(leaves)
    while len(level) > 1:
        pairs = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]
