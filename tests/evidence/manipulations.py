"""What somebody might do to the evidence afterwards: nine kinds to the log (`reliability.md` §4.1), five to the rest."""

from __future__ import annotations

import json
import random
from hashlib import sha256

from reconcile.evidence import merkle, public_key
from reconcile.evidence.checkpoint import sign
from reconcile.evidence.log import canonical
from tests.evidence.places import KEY, Files, Manipulation

LOG, HEAD, PUBLIC = "evidence/log.jsonl", "evidence/checkpoint", "evidence/key.pub"


def _lines(files: Files) -> list[bytes]:
    return files[LOG].splitlines(keepends=True)


def _flip(content: bytes, dice: random.Random) -> bytes:
    bit = dice.randrange(len(content) * 8)
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def flip_a_bit_of_the_log(files: Files, dice: random.Random) -> Files:
    return {**files, LOG: _flip(files[LOG], dice)}


def delete_a_line(files: Files, dice: random.Random) -> Files:
    lines = _lines(files)
    lines.pop(dice.randrange(len(lines)))
    return {**files, LOG: b"".join(lines)}


def swap_two_lines(files: Files, dice: random.Random) -> Files:
    lines = _lines(files)
    one, two = dice.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    return {**files, LOG: b"".join(lines)}


def double_a_line(files: Files, dice: random.Random) -> Files:
    lines = _lines(files)
    place = dice.randrange(len(lines))
    lines.insert(dice.randrange(len(lines) + 1), lines[place])
    return {**files, LOG: b"".join(lines)}


def cut_the_tail(files: Files, dice: random.Random) -> Files:
    return {**files, LOG: files[LOG][: dice.randrange(1, len(files[LOG]))]}


def empty_the_log(files: Files, dice: random.Random) -> Files:
    """The log alone, the log and its head, or the whole folder."""
    match dice.randrange(3):
        case 0:
            return {**files, LOG: b""}
        case 1:
            return {**files, LOG: b"", HEAD: sign(KEY[::-1], 0, merkle.root([])).note.encode()}
        case _:
            return {name: content for name, content in files.items() if not name.startswith("evidence/")}


def _rewritten(files: Files, dice: random.Random, before: int) -> list[bytes]:
    """The log with another story from one of the first entries on, its chain made good again."""
    entries = [json.loads(line) for line in _lines(files)]
    place = dice.randrange(before)
    if dice.random() < 0.5 and before > 1:
        entries.pop(place)
    else:
        entries[place]["at"] = f"2026-10-{dice.randrange(1, 32):02}T00:00:00.000Z"
    lines: list[bytes] = []
    for seq, one in enumerate(entries):
        prev = merkle.leaf(lines[-1]).hex() if lines else "0" * 64
        lines.append(canonical({**one, "seq": seq, "prev": prev}))
    return lines


def _signed(files: Files, lines: list[bytes], key: bytes) -> Files:
    note = sign(key, len(lines), merkle.root([merkle.leaf(line) for line in lines])).note
    log = b"".join(line + b"\n" for line in lines)
    return {**files, LOG: log, HEAD: note.encode(), PUBLIC: public_key(key).encode() + b"\n"}


def rewrite_without_the_key(files: Files, dice: random.Random) -> Files:
    """With the old head, or signed by a key of one's own that is put beside it."""
    lines = _rewritten(files, dice, len(_lines(files)))
    if dice.random() < 0.5:
        return {**files, LOG: b"".join(line + b"\n" for line in lines)}
    return _signed(files, lines, dice.randbytes(32))


def add_an_entry_without_the_key(files: Files, dice: random.Random) -> Files:
    lines = [line.rstrip(b"\n") for line in _lines(files)]
    said = {"seq": len(lines), "prev": merkle.leaf(lines[-1]).hex(), "at": "2026-12-01T00:00:00.000Z"}
    event = dice.choice(("run_published", "retention_deleted", "viewed"))
    return {**files, LOG: files[LOG] + canonical({**said, "event": event, "run_id": f"r{dice.random()}"}) + b"\n"}


def change_an_output(files: Files, dice: random.Random) -> Files:
    name = dice.choice([name for name in files if name.startswith("2") and not name.endswith("manifest.json")])
    return {**files, name: _flip(files[name], dice)}


def change_an_output_and_its_manifest(files: Files, dice: random.Random) -> Files:
    name = dice.choice([name for name in files if name.startswith("2") and not name.endswith("manifest.json")])
    changed = _flip(files[name], dice)
    folder, _, short = name.partition("/")
    manifest = json.loads(files[f"{folder}/manifest.json"])
    manifest["files"][short] = sha256(changed).hexdigest()
    return {**files, name: changed, f"{folder}/manifest.json": json.dumps(manifest, indent=1).encode() + b"\n"}


def add_an_output(files: Files, dice: random.Random) -> Files:
    """A file in a run's folder, or a run that never was."""
    folder = dice.choice(sorted({name.partition("/")[0] for name in files if name.startswith("2")}))
    folder = folder if dice.random() < 0.5 else f"20261201T000000Z-{dice.getrandbits(24):06x}"
    return {**files, f"{folder}/council-{dice.getrandbits(24)}.pdf": dice.randbytes(20)}


def damage_the_head_or_the_key(files: Files, dice: random.Random) -> Files:
    name = dice.choice((HEAD, PUBLIC))
    if dice.random() < 0.2:
        return {other: content for other, content in files.items() if other != name}
    return {**files, name: _flip(files[name], dice)}


def claim_another_verdict(files: Files, dice: random.Random) -> Files:
    status = json.loads(files["status.json"])
    claims = [one for one in ("consistent", "mismatch", "partial") if one != status["verdict"]]
    return {**files, "status.json": json.dumps({**status, "verdict": dice.choice(claims)}).encode()}


WITHOUT_THE_KEY: tuple[Manipulation, ...] = (
    flip_a_bit_of_the_log,
    delete_a_line,
    swap_two_lines,
    double_a_line,
    cut_the_tail,
    empty_the_log,
    rewrite_without_the_key,
    add_an_entry_without_the_key,
    change_an_output,
    change_an_output_and_its_manifest,
    add_an_output,
    damage_the_head_or_the_key,
    claim_another_verdict,
)
"""Seven of the nine kinds, an eighth of our own, and what can be done to the other files."""


def rewrite_with_the_key(files: Files, dice: random.Random, since_size: int) -> Files:
    """The insider: the story before the checkpoint that is held elsewhere, chained and signed anew."""
    return _signed(files, _rewritten(files, dice, since_size), KEY)


def roll_back(files: Files, dice: random.Random, since_size: int) -> Files:
    """The log and its head of an earlier day, signed with the right key, as a backup would restore them."""
    lines = [line.rstrip(b"\n") for line in _lines(files)]
    return _signed(files, lines[: dice.randrange(since_size)], KEY)
