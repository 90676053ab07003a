"""F103: a ledger on a file system that another machine keeps is refused; told by the kernel's own table."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from reconcile import deliver
from reconcile.errors import SourceError
from reconcile.machine import mounts
from reconcile.machine.mounts import MOUNTINFO, check_local, kind_of

# Lines as kernels write them (proc_pid_mountinfo(5)): optional fields, none, several; an escaped space and backslash;
# an automounter under its mount; a bind mount.
TABLE = r"""22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda1 rw,errors=remount-ro
36 27 0:40 / /mnt/nfs rw,relatime shared:200 - nfs4 nas01:/export/juki rw,vers=4.2,hard,proto=tcp,local_lock=none
37 27 0:41 / /mnt/shared\040folder rw,relatime - cifs //nas01/juki rw,vers=3.1.1,cache=strict
38 27 0:42 / /home/tanaka/remote rw,nosuid,nodev - fuse.sshfs tanaka@host:/ rw,user_id=1000
39 27 0:43 / /mnt/c rw,noatime - 9p drvfs rw,aname=drvfs;path=C:\
40 27 0:44 / /auto rw,relatime - autofs systemd-1 rw,fd=45
41 40 0:45 / /auto rw,relatime - nfs nas01:/auto rw,vers=3
42 27 254:1 /data /srv rw,relatime - xfs /dev/vdb rw
43 42 0:46 / /srv/fast rw,relatime - tmpfs tmpfs rw,size=1024k
44 27 0:47 / /mnt/back\134slash rw,relatime - cifs //nas01/b rw
45 27 8:17 / /mnt/disk rw,relatime - fuseblk /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib/reconcile", "ext4"),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs/out/results", "nfs4"),
        ("/mnt/nfsx", "ext4"),
        ("/mnt/shared folder/out", "cifs"),
        ("/mnt/shared", "ext4"),
        ("/home/tanaka/remote/out", "fuse.sshfs"),
        ("/home/tanaka", "ext4"),
        ("/mnt/c/Users", "9p"),
        ("/auto/out", "nfs"),
        ("/srv/out", "xfs"),
        ("/srv/fast/out", "tmpfs"),
        ("/mnt/back\\slash/out", "cifs"),
        ("/mnt/disk/out", "fuseblk"),
    ],
)
def test_the_kind_is_that_of_the_deepest_and_newest_mount(path: str, kind: str) -> None:
    assert kind_of(Path(path), TABLE) == kind


def test_lines_that_are_no_mounts_say_nothing() -> None:
    assert kind_of(Path("/a"), "") == ""
    assert kind_of(Path("/a"), "27 1 254:0 / / rw\n- \nfoo - nfs\n\n") == ""


@pytest.mark.parametrize("place", ["/mnt/nfs/out", "/mnt/shared folder/out", "/home/tanaka/remote/out", "/mnt/c/out"])
def test_a_run_is_refused_where_another_machine_keeps_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The kernel's table is given, because a network file system needs root; and yesterday's all-clear goes."""
    kind = kind_of(Path(place), TABLE)
    table = tmp_path / "mountinfo"
    table.write_text(TABLE + f"50 27 0:50 / {tmp_path} rw,relatime - {kind} elsewhere rw\n", encoding="utf-8")
    monkeypatch.setattr(mounts, "MOUNTINFO", table)
    out = tmp_path / "results"
    out.mkdir(mode=0o700)
    deliver.say(out, {"run_id": "yesterday", "verdict": "consistent"})

    with pytest.raises(SourceError) as refused, deliver.alone(out):
        pytest.fail("the folder was taken")

    assert refused.value.code == "E_FILESYSTEM"
    assert kind in refused.value.problem
    assert {path.name for path in out.iterdir()} == set()


@pytest.mark.skipif(not MOUNTINFO.exists(), reason="Linux only")
def test_this_machine_s_own_table_is_understood_as_stat_understands_it(tmp_path: Path) -> None:
    """GNU stat asks the kernel by statfs(2): another way to the same answer."""
    for folder in (tmp_path, Path("/proc"), Path("/dev/shm")):  # noqa: S108  only looked at
        said = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=True)
        ours, theirs = kind_of(folder.resolve(), MOUNTINFO.read_text()), said.stdout.strip()
        assert ours == theirs or {ours, theirs} <= {"ext4", "ext2/ext3", "overlay", "overlayfs"}, json.dumps(theirs)
    assert check_local(tmp_path)
