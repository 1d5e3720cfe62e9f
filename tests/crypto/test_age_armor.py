# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Armor around what sources sealed themselves: the shared vectors, and every way to write it that is not the one accepted.
"""

from __future__ import annotations

import base64
import collections
import hashlib
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import Header, HybridIdentity, PayloadOpener, X25519Identity, open_header
from crypto.age.armor import BEGIN, END, MAX_BLANK, ArmorReader
from crypto.errors import EnvelopeError, NoMatchError, TamperedError

FOLDER = Path(__file__).parent.parent / "vectors" / "armor"
NAMES = sorted(path.name for path in FOLDER.iterdir() if "." not in path.name)


def _load(name: str) -> tuple[dict[str, str], bytes]:
    """What a vector says of itself, and its armored file."""
    head, armored = (FOLDER / name).read_bytes().split(b"\n\n", 1)
    fields = dict(line.split(": ", 1) for line in head.decode().split("\n"))
    return fields, zlib.decompress(armored) if fields.get("compressed") == "zlib" else armored


def _unarmored(armored: bytes, piece: int) -> bytes:
    """Take armor off, in pieces of one size."""
    reader = ArmorReader()
    opened = b"".join(reader.feed(armored[start : start + piece]) for start in range(0, len(armored), piece))
    reader.finish()
    return opened


def _armored(raw: bytes, ending: bytes = b"\n") -> bytes:
    """Armor as age writes it."""
    text = base64.b64encode(raw)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return ending.join((BEGIN, *lines, END, b""))


def _ends(fields: dict[str, str], age_file: bytes) -> tuple[str, bytes]:
    """How opening what was in the armor ends, and what was released until then."""
    released = bytearray()
    try:
        header, payload = Header.split(age_file)
        key = fields.get("identity", "")
        one = HybridIdentity.parse(key) if key.startswith("AGE-SECRET-KEY-PQ-") else X25519Identity.parse(key)
        opener = PayloadOpener(open_header(header, [one]))
        for chunk in opener.feed(payload):
            released += chunk
        for chunk in opener.finish():
            released += chunk
    except EnvelopeError:
        return "header failure", bytes(released)
    except NoMatchError:
        return "no match", bytes(released)
    except TamperedError:
        return "payload failure", bytes(released)
    return "success", bytes(released)


def test_the_armored_vectors_are_all_here():
    """33 vectors are armored: 22 are no armor, 4 good armor around what is refused, 7 good throughout."""
    assert len(NAMES) == 33
    assert collections.Counter(_load(name)[0]["expect"] for name in NAMES) == {
        "armor failure": 22,
        "success": 7,
        "header failure": 2,
        "no match": 1,
        "payload failure": 1,
    }


@pytest.mark.parametrize("piece", [1 << 20, 65, 1], ids=["at once", "in 65 bytes", "byte by byte"])
@pytest.mark.parametrize("name", [name for name in NAMES if _load(name)[0]["expect"] == "armor failure"])
def test_what_is_no_armor_is_refused(name, piece):
    """Taking off what is not in the one accepted form fails, however it comes in."""
    with pytest.raises(EnvelopeError):
        _unarmored(_load(name)[1], piece)


@pytest.mark.parametrize("piece", [1 << 20, 65, 1], ids=["at once", "in 65 bytes", "byte by byte"])
@pytest.mark.parametrize("name", [name for name in NAMES if _load(name)[0]["expect"] != "armor failure"])
def test_what_is_in_good_armor_ends_as_the_vector_says(name, piece):
    """Armor comes off, and the age file in it opens or is refused as `expect` says, with the plaintext that `payload` says."""
    fields, armored = _load(name)
    age_file = _unarmored(armored, piece)
    if "passphrase" in fields:
        assert Header.split(age_file)[0].stanzas[0].type == "scrypt"
        return
    expect, released = _ends(fields, age_file)
    assert expect == fields["expect"]
    assert not released or hashlib.sha256(released).hexdigest() == fields["payload"]


@given(st.binary(max_size=5_000), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 400))
def test_armor_put_on_comes_off(raw: bytes, ending: bytes, piece: int):
    """Whatever is armored comes out as it was, in pieces of any size."""
    assert _unarmored(_armored(raw, ending), piece) == raw


@given(st.binary(min_size=1, max_size=500), st.data())
def test_no_second_spelling_means_the_same(raw: bytes, data: st.DataObject):
    """Another byte anywhere within the armor is refused, or means other bytes; but for line ends, nothing is passed over."""
    armored = bytearray(_armored(raw))
    place = data.draw(st.integers(0, len(armored) - 2))
    armored[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != armored[place]))
    try:
        assert _unarmored(bytes(armored), 64) != raw
    except EnvelopeError:
        assert bytes(armored) != _armored(raw)


@pytest.mark.parametrize("cut", [1, 20, 35, 60, 100, 137, 160, 190])
def test_armor_cut_anywhere_is_refused(cut):
    """A text that stops before the whole of its last line was cut."""
    armored = _armored(bytes(100))
    with pytest.raises(EnvelopeError):
        _unarmored(armored[:cut], 64)


@pytest.mark.parametrize("blank", [b" " * (MAX_BLANK + 1), b"\n" * (MAX_BLANK + 1)], ids=["a line", "lines"])
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_white_space_has_an_end(blank, behind):
    """More white space around it than armor may have is refused, in one line and in many."""
    armored = _armored(b"x")
    with pytest.raises(EnvelopeError):
        _unarmored(armored + blank if behind else blank + b"\n" + armored, 512)


def test_a_line_without_end_is_not_held():
    """What never ends its line is refused at once: nothing grows with what a stranger sends."""
    reader = ArmorReader()
    reader.feed(BEGIN + b"\n")
    with pytest.raises(EnvelopeError):
        reader.feed(b"A" * (MAX_BLANK + 1))


def test_the_envelope_still_refuses_armor():
    """Armor is no part of our envelope: a header in armor is none."""
    with pytest.raises(EnvelopeError):
        Header.split(_armored(b"age-encryption.org/v1\n"))
