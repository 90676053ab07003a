"""The signed head of the log: C2SP tlog-checkpoint, as a C2SP signed-note with one Ed25519 signature.

    reconcile/1f0c9a52                                            origin: whose log it is, and the name of its key
    1234                                                          how many lines
    vS7…=                                                         the root over them (RFC 6962), base64

    — reconcile/1f0c9a52 3kQ…==                                   key, and signature over the three lines above

Five lines of text, so that they fit on paper. Everything is compared in its one canonical spelling: a note that decodes
to the same but is spelt otherwise is not accepted.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
"""The algorithm's byte in a C2SP signed-note key."""

_NOTE = re.compile(
    r"(?P<text>(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,17})\n(?P<root>[^\n]+)\n)\n— (?P<name>[^\n ]+) (?P<signature>[^\n]+)\n"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A note whose signature was checked.

    Attributes:
        origin: Whose log it is.
        size: How many entries.
        root: RFC 6962 root over them, 32 bytes.
        note: The whole text, as it is stored and printed.
    """

    origin: str
    size: int
    root: bytes
    note: str


def public_key(key: bytes) -> str:
    """The public half of a signing key (32 bytes, the seed of RFC 8032) as a C2SP verifier key: `name+hash+base64`."""
    public = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    name = f"reconcile/{sha256(public).hexdigest()[:8]}"
    return f"{name}+{_key_hash(name, public).hex()}+{_base64(ED25519 + public)}"


def sign(key: bytes, size: int, root: bytes) -> Checkpoint:
    """Say that the log has `size` entries with this root, signed with the signing key (32 bytes)."""
    name, public = _parsed(public_key(key))
    text = f"{name}\n{size}\n{_base64(root)}\n"
    signature = Ed25519PrivateKey.from_private_bytes(key).sign(text.encode())
    note = f"{text}\n— {name} {_base64(_key_hash(name, public) + signature)}\n"
    return Checkpoint(origin=name, size=size, root=root, note=note)


def open_note(note: bytes, verifier: str) -> Checkpoint | None:
    """Read a checkpoint.

    Args:
        note: The bytes as they stand.
        verifier: The public key (`public_key`).

    Returns:
        None if it is no checkpoint of this key: not well formed, not spelt canonically, or the signature is wrong.
    """
    try:
        name, public = _parsed(verifier)
        said = _NOTE.fullmatch(note.decode())
        if said is None or not said["name"] == said["origin"] == name:
            return None
        root, signature = _decoded(said["root"]), _decoded(said["signature"])
        if len(root) != sha256().digest_size or signature[:4] != _key_hash(name, public):
            return None
        Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], said["text"].encode())
    except (ValueError, InvalidSignature):
        return None
    return Checkpoint(origin=name, size=int(said["size"]), root=root, note=note.decode())


def is_public_key(text: str) -> bool:
    """Whether a text is a verifier key as `public_key` writes it."""
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


def _parsed(verifier: str) -> tuple[str, bytes]:
    name, _, rest = verifier.partition("+")
    key_hash, _, encoded = rest.partition("+")
    decoded = _decoded(encoded)
    public = decoded[1:]
    if decoded[:1] != ED25519 or not name or key_hash != _key_hash(name, public).hex():
        raise ValueError(verifier)
    return name, public


def _key_hash(name: str, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decoded(text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError(text) from None
    # The last letter may have bits that decoding ignores: a flipped one among them must not pass.
    if _base64(content) != text:
        raise ValueError(text)
    return content
