"""Runs a command where no network is but loopback: `python -m tests.offline python -m pytest …` (Linux).

A namespace of its own for the network, and loopback brought up in it: the servers that tests start (PostgreSQL,
Prefect) answer, and whoever asks further gets "network is unreachable" at once. The user stays who it is.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def leave_the_network() -> None:
    """Move this process into a network namespace of its own, with loopback up.

    Raises:
        OSError: The kernel does not let this user have one.
    """
    user, group = os.getuid(), os.getgid()
    if not _unshare(CLONE_NEWNET):
        # Without the right to a network namespace: it comes with a user namespace, in which everyone keeps their number
        # (PostgreSQL does not start for root).
        if not _unshare(CLONE_NEWUSER | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no network namespace may be made")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("16xh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, asked))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def _unshare(flags: int) -> bool:
    return bool(ctypes.CDLL(None, use_errno=True).unshare(flags) == 0)


if __name__ == "__main__":
    leave_the_network()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  the command that was named
