# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Passphrases and sealed key files.
"""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical, passwords
from crypto.argon import Costs
from crypto.errors import FormatError, PassphraseError
from crypto.hidden import Hidden
from crypto.passwords import CHEAPEST, HEAVY, LOGIN
from crypto.wordlists import ENGLISH

STORED = passwords.hash_passphrase("zoo able", CHEAPEST)
SECRET = Hidden(bytes(range(32)))
FILE = passwords.seal_key("root key", SECRET, "zoo able", CHEAPEST)


def test_a_generated_passphrase_is_seven_words():
    """Seven words of the list, and never the same twice."""
    found = [passwords.generate_passphrase() for _ in range(50)]
    assert len(set(found)) == 50
    assert all(len(text.split()) == 7 and set(text.split()) <= set(ENGLISH) for text in found)


def test_the_profiles_are_those_of_p3():
    """The named costs are what the specification says."""
    assert Costs(512 * 1024, 4, 4) == HEAVY
    assert Costs(64 * 1024, 3, 1) == LOGIN
    assert Costs(8, 1, 1) == CHEAPEST


@pytest.mark.parametrize("typed", ["zoo able", "  zoo\t\nable ", "ｚｏｏ\u3000ａｂｌｅ", "zoo\u00a0able"])
def test_width_and_white_space_do_not_matter(typed):
    """The passphrase is recognised however its spaces and letters were typed."""
    assert passwords.verify_passphrase(STORED, typed, CHEAPEST) is None
    assert passwords.open_key("root key", FILE, typed) == SECRET


@pytest.mark.parametrize("typed", ["zoo", "zooable", "Zoo able", "zoo able able", "able zoo"])
def test_another_passphrase_is_refused(typed):
    """Case, order and count of words matter."""
    with pytest.raises(PassphraseError):
        passwords.verify_passphrase(STORED, typed, CHEAPEST)
    with pytest.raises(PassphraseError):
        passwords.open_key("root key", FILE, typed)


@pytest.mark.parametrize("typed", ["", " \u3000", "x" * 1_025, "\ud800"], ids=["empty", "blank", "long", "surrogate"])
def test_what_is_no_passphrase_is_refused_everywhere(typed):
    """Nothing is hashed, verified, sealed or opened with it."""
    for attempt in (
        lambda: passwords.hash_passphrase(typed, CHEAPEST),
        lambda: passwords.verify_passphrase(STORED, typed, CHEAPEST),
        lambda: passwords.seal_key("root key", SECRET, typed, CHEAPEST),
        lambda: passwords.open_key("root key", FILE, typed),
    ):
        with pytest.raises(PassphraseError):
            attempt()


def test_the_stored_string_is_new_each_time():
    """Two hashes of one passphrase differ, by their salt."""
    assert passwords.hash_passphrase("zoo able", CHEAPEST) != STORED


def test_a_moved_profile_gives_a_new_hash():
    """A login under a new profile gives a string to store, which then needs no other."""
    dearer = Costs(16, 2, 1)
    fresh = passwords.verify_passphrase(STORED, "zoo able", dearer)
    assert fresh is not None
    assert "m=16,t=2,p=1" in fresh
    assert passwords.verify_passphrase(fresh, "zoo able", dearer) is None


def test_a_wrong_passphrase_is_never_hashed_again():
    """Under a moved profile too, only the right passphrase gives a new string."""
    with pytest.raises(PassphraseError):
        passwords.verify_passphrase(STORED, "wrong", Costs(16, 2, 1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: "",
        lambda s: s[:-1],
        lambda s: s + "\n",
        lambda s: s.replace("argon2id", "argon2i"),
        lambda s: s.replace("v=19", "v=16"),
        lambda s: s.replace("m=8", "m=08"),
        lambda s: s.replace("m=8", "m=7"),
        lambda s: s.replace("m=8", "m=2097153"),
        lambda s: s.replace("m=8", "m=4294967295"),
        lambda s: s.replace("t=1", "t=17"),
        lambda s: s.replace("t=1", "t=0"),
        lambda s: s.replace("p=1", "p=17"),
        lambda s: s.replace("p=1", "p=2"),
        lambda s: s.replace("m=8,t=1", "t=1,m=8"),
        lambda s: "$2b$12$" + "a" * 53,
        lambda s: s.translate({ord(s[-10]): "é"}),
        lambda s: s[:-5] + ("A" if s[-5] != "A" else "B") + s[-4:],
    ],
)
def test_a_damaged_hash_is_the_same_error_as_a_wrong_passphrase(damage):
    """Whatever stands in the database, the answer tells nothing more, and no cost out of bounds is spent."""
    with pytest.raises(PassphraseError) as damaged:
        passwords.verify_passphrase(damage(STORED), "zoo able", CHEAPEST)
    with pytest.raises(PassphraseError) as wrong:
        passwords.verify_passphrase(STORED, "wrong", CHEAPEST)
    assert (type(damaged.value), str(damaged.value)) == (type(wrong.value), str(wrong.value))


def test_costs_out_of_bounds_are_not_spent():
    """A hash that would take seconds to compare is refused in no time."""
    started = time.process_time()
    with pytest.raises(PassphraseError):
        passwords.verify_passphrase(STORED.replace("m=8,t=1", "m=65536,t=99"), "zoo able", CHEAPEST)
    assert time.process_time() - started < 0.5


@given(
    st.binary(min_size=1, max_size=200),
    st.sampled_from(passwords.KINDS),
    st.text(min_size=1, max_size=30).filter(str.strip),
)
def test_a_sealed_key_comes_back(secret, kind, passphrase):
    """Any secret of any kind under any passphrase is opened again, and does not print."""
    raw = passwords.seal_key(kind, Hidden(secret), passphrase, CHEAPEST)
    found = passwords.open_key(kind, raw, passphrase)
    assert found == secret
    assert repr(found) == "<Hidden>"
    assert len(secret) < 8 or secret.hex().encode() not in raw


def test_no_two_files_are_alike():
    """Salt and nonce are fresh each time."""
    other = json.loads(passwords.seal_key("root key", SECRET, "zoo able", CHEAPEST))
    first = json.loads(FILE)
    assert other["salt"] != first["salt"]
    assert other["sealed"][:48] != first["sealed"][:48]


def test_a_file_is_of_one_kind():
    """A vault key is not opened as a root key, also when its kind was rewritten."""
    with pytest.raises(FormatError, match="kind"):
        passwords.open_key("vault key", FILE, "zoo able")
    with pytest.raises(PassphraseError, match="another kind"):
        passwords.open_key("vault key", FILE.replace(b"root key", b"vault key"), "zoo able")


def changed(**changes):
    return canonical.encode({**json.loads(FILE), **changes})


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"\x00" * 20_000, "at most 16384"),
        (FILE + b"\n", "canonical"),
        (changed(version=2), "version"),
        (changed(memory_kib=7), "memory_kib"),
        (changed(memory_kib=2_097_153), "memory_kib"),
        (changed(memory_kib=2**53 - 1), "memory_kib"),
        (changed(passes=0), "passes"),
        (changed(passes=17), "passes"),
        (changed(lanes=0), "lanes"),
        (changed(lanes=17), "lanes"),
        (changed(lanes=2), "less memory"),
        (changed(salt="00" * 15), "salt"),
        (changed(sealed="00" * 60), "holds no key"),
        (changed(sealed="0"), "sealed"),
        (changed(sealed="00" * 5_000), "sealed"),
        (changed(hint="zoo"), "1 unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_malformed_key_file_is_refused_before_any_cost(raw, reason):
    """Each departure from P2 is named, and nothing out of bounds is spent."""
    with pytest.raises(FormatError, match=reason):
        passwords.open_key("root key", raw, "zoo able")


@given(st.integers(0, 24 + 16 + 20 + 32 - 1), st.integers(1, 255))
def test_no_byte_of_a_sealed_key_can_change(at, difference):
    """Another byte in nonce or box is refused as a wrong passphrase is."""
    sealed = bytearray.fromhex(json.loads(FILE)["sealed"])
    sealed[at] ^= difference
    with pytest.raises(PassphraseError):
        passwords.open_key("root key", changed(sealed=sealed.hex()), "zoo able")


def test_other_costs_or_salt_open_nothing():
    """What the key was derived with cannot be changed either."""
    for raw in (changed(memory_kib=9), changed(passes=2), changed(salt="00" * 16)):
        with pytest.raises(PassphraseError):
            passwords.open_key("root key", raw, "zoo able")


@pytest.mark.parametrize(("kind", "secret"), [("seat key", b"x"), ("root key", b""), ("root key", bytes(4_097))])
def test_what_has_no_file_of_its_own_is_not_sealed(kind, secret):
    """Only the two kinds of keys are sealed, and no empty or enormous one."""
    with pytest.raises(FormatError):
        passwords.seal_key(kind, Hidden(secret), "zoo able", CHEAPEST)
