"""The signed note: its form is C2SP's, and nothing but the note itself is accepted."""

from __future__ import annotations

import base64
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from reconcile.evidence import public_key
from reconcile.evidence.checkpoint import is_public_key, open_note, sign

KEY = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
# RFC 8032 §7.1, test 1: this secret key has this public key.
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


def test_the_public_key_is_that_of_rfc_8032_in_the_form_of_c2sp() -> None:
    name, key_hash, encoded = public_key(KEY).split("+", 2)
    assert base64.b64decode(encoded) == b"\x01" + PUBLIC
    assert key_hash == sha256(name.encode() + b"\n\x01" + PUBLIC).hexdigest()[:8]
    assert name == f"reconcile/{sha256(PUBLIC).hexdigest()[:8]}"


def test_a_checkpoint_is_a_c2sp_signed_note() -> None:
    note = sign(KEY, 12, b"r" * 32).note
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = text.split("\n")
    assert (size, root) == ("12", base64.b64encode(b"r" * 32).decode())
    dash, name, encoded = signatures.rstrip("\n").split(" ")
    assert (dash, name) == ("\N{EM DASH}", origin)
    signature = base64.b64decode(encoded)
    assert signature[:4].hex() == public_key(KEY).split("+")[1]
    # The library's own check, over the text with its line end: raises if it is wrong.
    Ed25519PublicKey.from_public_bytes(PUBLIC).verify(signature[4:], (text + "\n").encode())


def test_every_flipped_bit_of_a_checkpoint_is_noticed() -> None:
    note = sign(KEY, 1234, bytes(range(32))).note.encode()
    assert open_note(note, public_key(KEY)) == sign(KEY, 1234, bytes(range(32)))
    for bit in range(len(note) * 8):
        flipped = bytearray(note)
        flipped[bit // 8] ^= 1 << bit % 8
        assert open_note(bytes(flipped), public_key(KEY)) is None, bit


def test_every_flipped_bit_of_a_public_key_is_noticed() -> None:
    verifier = public_key(KEY).encode()
    note = sign(KEY, 1, bytes(32)).note.encode()
    for bit in range(len(verifier) * 8):
        flipped = bytearray(verifier)
        flipped[bit // 8] ^= 1 << bit % 8
        assert open_note(note, flipped.decode("latin-1")) is None, bit


def test_what_is_no_note_is_none() -> None:
    for content in (
        b"",
        b"\n",
        b"\xff",
        b"a\n1\nb\n\n\xe2\x80\x94 a b\n",
        sign(KEY, 1, bytes(32)).note.encode() + b"\n",
    ):
        assert open_note(content, public_key(KEY)) is None
    assert open_note(sign(KEY, 1, bytes(32)).note.encode(), public_key(KEY[::-1])) is None
    assert [is_public_key(text) for text in (public_key(KEY), "", "a+b+c", "a+b")] == [True, False, False, False]
