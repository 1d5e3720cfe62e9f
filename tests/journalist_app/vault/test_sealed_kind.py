# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What was sealed beforehand is known by its first bytes, and by nothing else.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalist_app.vault.sealed_kind import Kind, around, block, inner_name, kind_of

AGE_TEXT = "-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n-----END AGE ENCRYPTED FILE-----"
PGP_TEXT = "-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----"


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"age-encryption.org/v1\n-> X25519 ", Kind.AGE),
        (AGE_TEXT.encode(), Kind.AGE_ARMOR),
        (b" \r\n\t" + AGE_TEXT.encode().replace(b"\n", b"\r\n"), Kind.AGE_ARMOR),
        (PGP_TEXT.encode(), Kind.OPENPGP),
        # As gpg begins a message: to a curve25519 key, to an RSA key of 4,096 bits, to a hidden one, for a passphrase.
        (bytes.fromhex("845e035e3a561bdc43673c1201074059"), Kind.OPENPGP),
        (bytes.fromhex("85020c035e3a561bdc43673c01100059"), Kind.OPENPGP),
        (bytes.fromhex("845e0300000000000000001201074059"), Kind.OPENPGP),
        (bytes.fromhex("8c0d0409030204528a08579612afffd2"), Kind.OPENPGP),
        # As other programs do, with headers of the new form.
        (bytes.fromhex("c15e035e3a561bdc43673c1201074059"), Kind.OPENPGP),
        (bytes.fromhex("c1c14c035e3a561bdc43673c01100059"), Kind.OPENPGP),
        (bytes.fromhex("c30d0409030204528a08579612afffd2"), Kind.OPENPGP),
    ],
)
def test_age_files_and_openpgp_messages_are_known(beginning, kind):
    """Binary or armored, whatever program made them."""
    assert kind_of(beginning) is kind


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\x84",
        b"age-encryption.org/v2\n",
        b"age-encryption.org/v1",
        b"%PDF-1.7\n",
        bytes.fromhex("ffd8ffe000104a464946"),
        bytes.fromhex("89504e470d0a1a0a0000000d49484452"),
        b"PK\x03\x04" + bytes(20),
        b"\x84^\x03" + bytes(20),
        b"words\n" + AGE_TEXT.encode(),
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
        b"-----BEGIN PGP SIGNED MESSAGE-----\n",
    ],
)
def test_what_is_neither_is_left_alone(beginning):
    """Pictures, documents, keys, and files that only begin to look like one."""
    assert kind_of(beginning) is None


@given(st.binary(max_size=3_000))
def test_no_beginning_is_too_odd_to_look_at(beginning: bytes):
    """Whatever comes is something or nothing, and never an error."""
    assert kind_of(beginning) in {None, *Kind}


@pytest.mark.parametrize(("text", "kind"), [(AGE_TEXT, Kind.AGE_ARMOR), (PGP_TEXT, Kind.OPENPGP)])
@pytest.mark.parametrize("before", ["", "你好：\n", "\r\n\r\n"])
@pytest.mark.parametrize("behind", ["", "\nthank you", "\r\n"])
def test_a_block_is_found_among_words(text, kind, before, behind):
    """A frightened person adds a line: the block is taken out of it, and nothing else with it."""
    assert block(before + text + behind) == (kind, text.encode())


def test_a_block_that_was_cut_goes_to_the_end():
    """Opening says that it was cut; it is not passed over in silence."""
    assert block(f"x\n{AGE_TEXT[:50]}") == (Kind.AGE_ARMOR, AGE_TEXT[:50].encode())


@pytest.mark.parametrize(
    "text", ["", "a word", "see -----BEGIN PGP MESSAGE----- there", "-----BEGIN PGP SIGNATURE-----"]
)
def test_words_about_blocks_are_words(text):
    """A line has to begin with it."""
    assert block(text) is None


def test_the_first_of_several_blocks_is_taken():
    """Whatever comes first."""
    assert block(f"{PGP_TEXT}\n{AGE_TEXT}") == (Kind.OPENPGP, PGP_TEXT.encode())


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("report.pdf.age", "report.pdf"),
        ("证据.ZIP.GPG", "证据.ZIP"),
        ("a.asc", "a"),
        ("a.tar.pgp", "a.tar"),
        ("photo.jpg", "opened photo.jpg"),
        (".age", ""),
        ("", "opened "),
    ],
)
def test_the_opened_file_is_called_what_was_sealed(name, inner):
    """One ending comes off; a name without one becomes another, so that both can lie in one folder."""
    assert inner_name(name) == inner


@pytest.mark.parametrize("sealed", [AGE_TEXT, PGP_TEXT])
def test_the_words_around_a_block_stay(sealed):
    """Those are for the reviewer too; the block itself is folded away."""
    assert around(f"你好：\n\n{sealed}\n谢谢\n") == "你好：\n谢谢"
    assert around(sealed) == ""
    assert around("only words") == "only words"
