# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Recipients and identities: what is wrapped for one opens for that one, and what nobody honest makes is refused.
"""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.age import HybridIdentity, HybridRecipient, Stanza, X25519Identity, bech32, new_file_key
from crypto.age.stanza import decode64, encode64
from crypto.errors import EnvelopeError, FormatError
from crypto.hidden import Hidden

IDENTITY = HybridIdentity(Hidden(bytes(range(32))))
OLDER = X25519Identity(Hidden(bytes(range(1, 33))))
LOW_ORDER = {
    "zero": bytes(32),
    "one": b"\x01" + bytes(31),
    "of order eight": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    "p - 1": bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "p": bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
}


def flip_byte(raw: bytes, place: int) -> bytes:
    """The same bytes with one bit of one byte turned."""
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


@settings(max_examples=20)
@given(st.binary(min_size=32, max_size=32))
def test_keys_are_spelled_and_read_back(seed):
    """Any seed's identity and recipient parse from their spelling to the same seed and the same key."""
    identity = HybridIdentity(Hidden(seed))
    text = identity.serialise().decode("ascii")
    assert text.startswith("AGE-SECRET-KEY-PQ-1")
    assert HybridIdentity.parse(text).seed == seed
    assert str(identity.recipient).startswith("age1pq1")
    assert HybridRecipient.parse(str(identity.recipient)) == identity.recipient


def test_what_is_wrapped_for_a_recipient_opens_for_it_alone():
    """The identity gets the file key; another identity, and an X25519 one, get None."""
    file_key = new_file_key()
    stanza = IDENTITY.recipient.wrap(file_key)
    assert IDENTITY.unwrap(stanza) == file_key
    assert HybridIdentity.generate().unwrap(stanza) is None
    assert OLDER.unwrap(stanza) is None


def test_a_stanza_has_the_shape_the_specification_gives():
    """Type, one argument of 1,120 bytes, a body of 32; wrapping twice gives two different stanzas."""
    file_key = new_file_key()
    first, second = IDENTITY.recipient.wrap(file_key), IDENTITY.recipient.wrap(file_key)
    assert (first.type, len(first.arguments)) == ("mlkem768x25519", 1)
    assert (len(decode64(first.arguments[0])), len(first.body)) == (1120, 32)
    assert first != second


@pytest.mark.parametrize("place", [0, 1087, 1088, 1119])
def test_an_altered_encapsulation_opens_nothing(place):
    """A bit turned at either end of the ML-KEM part or of the X25519 part: not ours any more."""
    stanza = IDENTITY.recipient.wrap(new_file_key())
    altered = encode64(flip_byte(decode64(stanza.arguments[0]), place))
    assert IDENTITY.unwrap(Stanza(stanza.type, (altered,), stanza.body)) is None


@pytest.mark.parametrize("place", [0, 15, 16, 31])
def test_an_altered_body_opens_nothing(place):
    """A bit turned in the wrapped key or in its tag: not ours any more."""
    stanza = IDENTITY.recipient.wrap(new_file_key())
    assert IDENTITY.unwrap(Stanza(stanza.type, stanza.arguments, flip_byte(stanza.body, place))) is None


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ((), bytes(32)),
        ((encode64(bytes(1120)), "more"), bytes(32)),
        ((encode64(bytes(1119)),), bytes(32)),
        ((encode64(bytes(1121)),), bytes(32)),
        ((encode64(bytes(1120)) + "=",), bytes(32)),
        ((encode64(bytes(1120)),), bytes(31)),
        ((encode64(bytes(1120)),), bytes(33)),
    ],
    ids=["none", "two", "short", "long", "padded", "short body", "long body"],
)
def test_a_hybrid_stanza_of_another_shape_is_refused_not_passed_over(arguments, body):
    """Of our type but not of its one shape: an error, not "somebody else's"."""
    with pytest.raises(EnvelopeError):
        IDENTITY.unwrap(Stanza("mlkem768x25519", arguments, body))


@pytest.mark.parametrize("point", LOW_ORDER.values(), ids=LOW_ORDER)
def test_a_degenerate_share_is_refused(point):
    """A share that makes the X25519 half worthless is an error in stanzas of both types."""
    honest = decode64(IDENTITY.recipient.wrap(new_file_key()).arguments[0])
    with pytest.raises(EnvelopeError, match="degenerate"):
        IDENTITY.unwrap(Stanza("mlkem768x25519", (encode64(honest[:1088] + point),), bytes(32)))
    with pytest.raises(EnvelopeError, match="degenerate"):
        OLDER.unwrap(Stanza("X25519", (encode64(point),), bytes(32)))


@pytest.mark.parametrize("point", LOW_ORDER.values(), ids=LOW_ORDER)
def test_a_degenerate_recipient_is_refused_when_it_is_read(point):
    """A card with such a key is refused at installation, not at the first report sealed to it."""
    raw = IDENTITY.recipient.raw[:1184] + point
    with pytest.raises(FormatError, match="degenerate"):
        HybridRecipient.parse(bech32.encode("age1pq", raw))


@pytest.mark.parametrize("raw", [b"", bytes(1215), bytes(1217), b"\xff" * 1184 + b"\x09" + bytes(31)])
def test_bytes_that_are_no_recipient_are_refused(raw):
    """Too short, too long, or with an ML-KEM coefficient out of range."""
    with pytest.raises(FormatError):
        HybridRecipient(raw)


def test_a_key_of_another_kind_or_case_is_refused():
    """Each parser takes its own prefix in its own case, and nothing else."""
    recipient, identity = str(IDENTITY.recipient), IDENTITY.serialise().decode("ascii")
    older = bech32.encode("AGE-SECRET-KEY-", bytes(32))
    for parse, text in (
        (HybridRecipient.parse, recipient.upper()),
        (HybridRecipient.parse, bech32.encode("age", bytes(32))),
        (HybridRecipient.parse, recipient[:-1]),
        (HybridIdentity.parse, identity.lower()),
        (HybridIdentity.parse, older),
        (HybridIdentity.parse, bech32.encode("AGE-SECRET-KEY-PQ-", bytes(31))),
        (X25519Identity.parse, identity),
        (X25519Identity.parse, older.lower()),
        (X25519Identity.parse, bech32.encode("AGE-SECRET-KEY-", bytes(33))),
    ):
        with pytest.raises(FormatError):
            parse(text)


@pytest.mark.parametrize("secret", [IDENTITY, OLDER], ids=["hybrid", "X25519"])
def test_identities_neither_print_nor_pickle(secret):
    """No spelling of an identity shows a byte of it, and it cannot be pickled or deep-copied."""
    assert str(secret) == repr(secret) == f"<{type(secret).__name__}>"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_only_a_file_key_is_wrapped(size):
    """Anything that is not 16 bytes is refused before it is sealed to anybody."""
    with pytest.raises(ValueError, match="file key"):
        IDENTITY.recipient.wrap(Hidden(bytes(size)))
