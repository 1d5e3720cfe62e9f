# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the vault reads of a body before anybody asks: whether its source sealed it beforehand, armor, and the header of an age file in it.

Nothing is refused there, so nothing may be raised: an import would end. Armor that is taken off is armor in its one form; a note that has a key has
the key of this very file.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from crypto.age import Header, HybridIdentity, make_header
from crypto.age.armor import BEGIN, END, ArmorReader
from crypto.errors import EnvelopeError
from crypto.hidden import Hidden
from journalist_app.vault.sealed_kind import around, block
from journalist_app.vault.sealed_noted import file_note, message_note
from tests.fuzz.parser import Parser, must

FILE_KEY: Final = Hidden(b"sixteen bytes   ")
SEEDS: Final = {4: Hidden(bytes(range(32)))}

WORDS: Final = (
    b"age-encryption.org/v1\n",
    b"-> mlkem768x25519 ",
    b"-> X25519 ",
    b"--- ",
    BEGIN + b"\n",
    END,
    b"-----BEGIN PGP MESSAGE-----\n",
    b"-----END PGP MESSAGE-----",
    b"\r\n",
    b"==",
    b"\x84\x5e\x03",
    b"\xc1\x5e\x03",
    b"\x8c\x0d\x04\x09",
)


@cache
def header() -> bytes:
    """The header of a file that was sealed to this seat."""
    return make_header(FILE_KEY, [HybridIdentity(SEEDS[4]).recipient])


def armored(raw: bytes) -> bytes:
    """As age writes it."""
    text = base64.b64encode(raw)
    return b"\n".join((BEGIN, *(text[at : at + 64] for at in range(0, len(text), 64)), END, b""))


def take(raw: bytes) -> None:
    """The first byte says how large the pieces are in which armor comes."""
    size, body = (raw[0] % 200 + 1, raw[1:]) if raw else (1, b"")
    note = file_note({"item": b"", "epoch": 3}, body, SEEDS)
    must(note is None or note["file_key"] in {b"", bytes(FILE_KEY)}, "a key that is not this file's")
    text = body.decode(errors="replace")
    found = block(text)
    must((found is None) == (message_note({"item": b"", "epoch": 3, "text": text}, SEEDS) is None), "a block, or none")
    must(found is not None or around(text) == text, "words were lost around nothing")
    must(found is None or found[1] in text.encode(), "a block that is not in the text")
    reader = ArmorReader()
    try:
        inside = b"".join(reader.feed(body[at : at + size]) for at in range(0, len(body), size))
        reader.finish()
    except EnvelopeError:
        return
    must(body.replace(b"\r\n", b"\n").strip() == armored(inside).strip(), "a second spelling of armor")


def bodies() -> st.SearchStrategy[bytes]:
    """Headers, whole and cut, and other bytes; armored or not; with something around it."""
    inside = st.one_of(
        st.builds(lambda cut: header()[:cut], st.integers(0, len(header()))),
        st.builds(lambda more: header() + more, st.binary(max_size=200)),
        st.binary(max_size=300),
    )
    put_on = st.sampled_from([bytes, armored, lambda raw: armored(raw).replace(b"\n", b"\r\n")])
    return st.builds(
        lambda size, before, raw, on, after: bytes([size]) + before + on(raw) + after,
        st.integers(0, 255),
        st.sampled_from([b"", b"\n", b" \t\r\n", b"words\n"]),
        inside,
        put_on,
        st.sampled_from([b"", b"\n", b"x", b"\nwords"]),
    )


def make(_folder: Path) -> Parser:
    """One seat with one seed."""
    must(Header.split(header())[0].stanzas, "no header to begin with")
    seeds = (
        b"\x40" + header() + bytes(48),
        b"\x40" + armored(header() + bytes(48)),
        b"\x40hello\n" + armored(header()),
    )
    return Parser(take=take, seeds=seeds, words=WORDS, shapes=bodies(), most=6_000)
