"""On what kind of file system a folder lies: the ledger needs locks and flushes that mean what they say.

SQLite's own advice is to keep a database off a network file system: locks that only look taken, a flush that came back
before the other machine wrote (sqlite.org/lockingv3.html §6, /useovernet.html). Two runs at once, or an all-clear whose
history is gone after a power cut, would follow (`reference/reliability.md` F103).
"""

from __future__ import annotations

import re
from pathlib import Path

from reconcile.errors import SourceError

MOUNTINFO = Path("/proc/self/mountinfo")
ELSEWHERE = frozenset(
    """nfs nfs4 cifs smb smb2 smb3 smbfs ncpfs 9p afs ceph glusterfs lustre beegfs gpfs pvfs2 orangefs ocfs2 gfs gfs2
    coda davfs vboxsf vmhgfs prl_fs""".split()
)
"""Kinds whose bytes another machine keeps. Every `fuse.…` is refused with them: nobody can say what is behind it."""


def kind_of(path: Path, mountinfo: str) -> str:
    r"""The kind of the file system that a path lies on, "" if the table does not say.

    Args:
        path: Absolute, without links; need not exist.
        mountinfo: The text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)): mount point in field 5, written with
            `\040` for a space, the kind in the first field after the separator `-`. What was mounted last lies on top.
    """
    found, depth = "", -1
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 6 or not after:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = after.split(" ", 1)[0], len(point.parts)
    return found


def check_local(folder: Path) -> str:
    """The kind of file system of a folder that exists; "" where the system does not tell (not Linux).

    Raises:
        SourceError: E_FILESYSTEM, another machine keeps it.
    """
    try:
        # The names are bytes: one that is no UTF-8 must not hide the others.
        mountinfo = MOUNTINFO.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    kind = kind_of(folder.resolve(), mountinfo)
    if kind in ELSEWHERE or kind.startswith("fuse."):
        problem = f"lies on a file system of kind {kind}, whose locks and flushes cannot be relied on"
        raise SourceError(folder.name, problem, hint="name a folder on a disk of this machine", code="E_FILESYSTEM")
    return kind
