"""What a disk may hold after the power went, made from a recording of the system calls that a real run made.

A file system keeps what was flushed (`fsync` of a file for its bytes, of a folder for its names) and, of everything
else, whatever it likes: any of the writes, in any order, some of them in part; any of the new names, renames and
deletions of a folder, a rename wholly or not at all. Only the order on one name, or one place of a file, is kept. That is
weaker than ext4 or XFS promise, and all that POSIX does. Nothing of the program is replaced: SQLite writes by itself.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "openat,write,pwrite64,lseek,ftruncate,fsync,fdatasync,rename,renameat2,mkdir,rmdir,unlink,unlinkat,close"
_CALL = re.compile(rb"(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
_UNFINISHED = re.compile(rb"(\d+) +(\w+\(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(rb"(\d+) +<\.\.\. \w+ resumed>(.*)$")
_FILE = re.compile(rb"^(-?\d+|AT_FDCWD)<([^>]*)>")
_TEXT = re.compile(rb'"([^"]*)"')


@dataclass(eq=False)
class Node:
    """A file or folder, whatever names it has. `content` is what it holds before the recording; None for a folder."""

    content: bytes | None


Name = tuple[Node, str]


@dataclass(frozen=True, eq=False)
class Write:
    """Bytes at a place of a file; `cut` is what the file is cut or filled up to first, if that is what happens."""

    node: Node
    at: int = 0
    data: bytes = b""
    cut: int | None = None


@dataclass(frozen=True, eq=False)
class Rename:
    """A node gets a name, loses one, or both at once."""

    node: Node
    old: Name | None
    new: Name | None


@dataclass(frozen=True, eq=False)
class Flush:
    """What was done to a node so far is kept."""

    node: Node


Step = Write | Rename | Flush


@dataclass
class Recording:
    """The tree before a run, and what the run did to it, in order."""

    root: Node
    names: dict[Name, Node]
    steps: list[Step] = field(default_factory=list)


def record(command: Sequence[str], folder: Path, log: Path, **about: object) -> tuple[Recording, int]:
    """Run a program under strace, and read what it did below a folder. Returns its status too."""
    before = _tree(folder)
    traced = ["strace", "-f", "-qq", "-y", "-xx", "-s", str(1 << 24), "-o", str(log), "-e", f"trace={CALLS}", *command]
    done = subprocess.run(traced, check=False, capture_output=True, **about)  # type: ignore[call-overload]
    _replay(before, folder, log)
    return before, done.returncode


def _tree(folder: Path) -> Recording:
    root = Node(None)
    nodes, names = {folder: root}, {}
    for path in sorted(folder.rglob("*")):
        nodes[path] = Node(path.read_bytes() if path.is_file() else None)
        names[nodes[path.parent], path.name] = nodes[path]
    return Recording(root, names)


def _lines(log: Path) -> Iterator[bytes]:
    begun: dict[bytes, bytes] = {}
    for line in log.read_bytes().splitlines():
        if found := _UNFINISHED.match(line):
            begun[found[1]] = found[2]
        elif found := _RESUMED.match(line):
            yield found[1] + b" " + begun.pop(found[1]) + found[2]
        else:
            yield line


def _text(escaped: bytes) -> bytes:
    return bytes.fromhex(escaped.replace(b"\\x", b"").decode())


def _number(rest: bytes) -> int:
    last = rest.rsplit(b", ", 1)[-1]
    return int(last) if last.isdigit() else 0


class _Reader:
    """Follows names and open files through the calls."""

    def __init__(self, recording: Recording, folder: Path) -> None:
        self.recording = recording
        self.folder = folder
        self.names = dict(recording.names)
        self.open: dict[int, Node] = {}
        self.place: dict[int, int] = {}

    def node(self, path: Path) -> Node | None:
        if path == self.folder:
            return self.recording.root
        if not path.is_relative_to(self.folder):
            return None
        parent = self.node(path.parent)
        return self.names.get((parent, path.name)) if parent else None

    def name(self, path: Path) -> Name | None:
        parent = self.node(path.parent) if path != self.folder else None
        return (parent, path.name) if parent else None

    def move(self, node: Node, old: Name | None, new: Name | None) -> None:
        if old is not None:
            del self.names[old]
        if new is not None:
            self.names[new] = node
        self.recording.steps.append(Rename(node, old, new))

    def call(self, name: str, rest: bytes, result: int) -> None:
        texts = [_text(found) for found in _TEXT.findall(rest)]
        about = _FILE.match(rest)
        number = int(about[1]) if about and about[1] != b"AT_FDCWD" else -1
        base = Path(os.fsdecode(_text(about[2]))) if about else Path()
        paths = [base / os.fsdecode(text) for text in texts]
        match name:
            case "openat":
                self.opened(paths[0], rest, result)
            case "mkdir" if (new := self.name(paths[0])) is not None:
                self.move(Node(None), None, new)
            case "rename" | "renameat2" if (node := self.node(paths[0])) is not None:
                self.move(node, self.name(paths[0]), self.name(paths[1]))
            case "unlink" | "rmdir" | "unlinkat" if (node := self.node(paths[0])) is not None:
                self.move(node, self.name(paths[0]), None)
            case _ if number in self.open:
                self.change(name, number, (texts or [b""])[0][:result], _number(rest), result)
            case _:
                pass  # not below our folder

    def change(self, name: str, number: int, data: bytes, last: int, result: int) -> None:
        """A call on an open file, else its close; `last` is the last argument, where that is a number."""
        node, steps = self.open[number], self.recording.steps
        match name:
            case "write":
                steps.append(Write(node, self.place[number], data))
                self.place[number] += result
            case "pwrite64":
                steps.append(Write(node, last, data))
            case "ftruncate":
                steps.append(Write(node, cut=last))
            case "lseek":
                self.place[number] = result
            case "fsync" | "fdatasync":
                steps.append(Flush(node))
            case _:
                del self.open[number]

    def opened(self, path: Path, rest: bytes, result: int) -> None:
        node = self.node(path)
        if node is None and b"O_CREAT" in rest and (new := self.name(path)) is not None:
            node = Node(b"")
            self.move(node, None, new)
        elif node is not None and b"O_TRUNC" in rest:
            self.recording.steps.append(Write(node, cut=0))
        self.open.pop(result, None)
        if node is not None:
            assert b"O_APPEND" not in rest, "not followed: where an appended write lands"
            self.open[result], self.place[result] = node, 0


def _replay(recording: Recording, folder: Path, log: Path) -> None:
    reader = _Reader(recording, folder)
    for line in _lines(log):
        if (found := _CALL.match(line)) and not found[4].startswith(b"-"):
            reader.call(found[2].decode(), found[3], int(found[4]))


def whole(recording: Recording, folder: Path) -> None:
    """The tree after all steps: what the run left, if the recording is right."""
    _image(recording, recording.steps, folder)


def crash(recording: Recording, chance: random.Random, folder: Path) -> int:
    """Write what a disk may hold if the power went at some step. Returns the step."""
    end = chance.randint(0, len(recording.steps))
    share = chance.choice((0.0, 0.5, 1.0, chance.random()))
    kept: list[Step] = []
    flushed: set[int] = set()
    for step in reversed(recording.steps[:end]):
        match step:
            case Flush():
                flushed.add(id(step.node))
            case Write():
                if id(step.node) in flushed or chance.random() < share:
                    kept.append(step)
                elif step.data and chance.random() < 0.2:
                    kept.append(Write(step.node, step.at, step.data[: chance.randrange(len(step.data))]))
            case Rename():
                folders = {id(name[0]) for name in (step.old, step.new) if name is not None}
                if folders & flushed or chance.random() < share:
                    kept.append(step)
    _image(recording, kept[::-1], folder)
    return end


def _image(recording: Recording, steps: Sequence[Step], folder: Path) -> None:
    names = dict(recording.names)
    contents: dict[int, bytearray] = {}
    for step in steps:
        if isinstance(step, Rename):
            if step.old is not None and names.get(step.old) is step.node:
                del names[step.old]
            if step.new is not None:
                names[step.new] = step.node
        elif isinstance(step, Write):
            content = contents.setdefault(id(step.node), bytearray(step.node.content or b""))
            size = step.cut if step.cut is not None else max(len(content), step.at + len(step.data))
            content.extend(bytes(max(0, size - len(content))))
            del content[size:]
            content[step.at : step.at + len(step.data)] = step.data
    _write(names, recording.root, contents, folder)


def _write(names: Mapping[Name, Node], parent: Node, contents: Mapping[int, bytearray], folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for (above, name), node in names.items():
        if above is not parent:
            continue
        if node.content is None:
            _write(names, node, contents, folder / name)
        else:
            (folder / name).touch(mode=0o600)
            (folder / name).write_bytes(contents.get(id(node), node.content))
