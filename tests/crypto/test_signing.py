# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Signatures and signed documents: labels separate, keys count once, and the stored bytes are the signed ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical
from crypto.errors import FormatError, NewerVersionError, SignatureError
from crypto.hidden import Hidden
from crypto.signing import (
    LABELS,
    MAX_DOCUMENT,
    Label,
    SignedDocument,
    SigningKey,
    sign_document,
    verify,
    write_document,
)
from tests.crypto.organisations import seed

KEYS = tuple(SigningKey(seed("signer", n)) for n in range(9))
LABEL = st.sampled_from(LABELS)
CONTENTS = st.dictionaries(
    st.text(max_size=8).filter(lambda key: key not in {"kind", "version"}),
    st.one_of(st.text(max_size=20), st.integers(-(2**53) + 1, 2**53 - 1), st.booleans(), st.none()),
    max_size=5,
)


def test_the_labels_are_those_of_the_specification() -> None:
    """Eight labels, and none is the beginning of what another one signs."""
    expected = {"root", "card", "sheet", "batch", "outbox", "reply", "entry", "acknowledgement"}
    assert set(LABELS) == expected


def test_a_signature_is_ed25519_over_label_nul_and_text() -> None:
    """A reader that knows only the specification verifies it with a stock library."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = KEYS[0].sign("entry", b"text")
    Ed25519PublicKey.from_public_bytes(KEYS[0].public).verify(signature, b"dengwen/v1/entry\x00text")


@given(LABEL, LABEL, st.binary(max_size=64))
def test_a_signature_holds_under_its_own_label_only(made: Label, asked: Label, text: bytes) -> None:
    """What was signed as one thing is never accepted as another."""
    signature = KEYS[0].sign(made, text)
    if made == asked:
        verify(KEYS[0].public, asked, text, signature)
    else:
        with pytest.raises(SignatureError, match=f"over this {asked}"):
            verify(KEYS[0].public, asked, text, signature)


@pytest.mark.parametrize("position", [0, 31, 32, 63])
def test_a_flipped_bit_of_a_signature_is_refused(position: int) -> None:
    """At either half and either end."""
    signature = bytearray(KEYS[0].sign("card", b"text"))
    signature[position] ^= 1
    with pytest.raises(SignatureError):
        verify(KEYS[0].public, "card", b"text", bytes(signature))


@pytest.mark.parametrize(("key", "signature"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_lengths_that_are_not_ed25519_are_refused(key: int, signature: int) -> None:
    """Before the library sees them."""
    with pytest.raises(SignatureError, match=f"{key} bytes with a signature of {signature}"):
        verify(bytes(key), "card", b"", bytes(signature))


def test_a_key_of_small_order_signs_for_nobody() -> None:
    """The neutral point would verify an all-zero signature over anything."""
    with pytest.raises(SignatureError):
        verify(b"\x01" + bytes(31), "root", b"anything", b"\x01" + bytes(63))


@given(LABEL, CONTENTS, st.integers(0, 8))
def test_documents_survive_their_encoding(label: Label, contents: dict[str, canonical.JSON], count: int) -> None:
    """What is encoded decodes to the same text, signatures and digest, and still holds."""
    signed = sign_document(label, write_document(label, contents), KEYS[:count])
    again = SignedDocument.decode(signed.encode())
    assert again == signed
    assert again.digest == hashlib.sha256(signed.document).digest()
    assert again.contents(label) == contents
    if count:
        assert again.require(label, [key.public for key in KEYS], count) == contents


def test_the_digest_does_not_change_with_signatures() -> None:
    """A second signature does not make another card of it."""
    text = write_document("card", {"a": 1})
    assert sign_document("card", text, KEYS[:1]).digest == sign_document("card", text, KEYS[:3]).digest


def test_nine_signatures_cannot_be_made() -> None:
    """Not even by us."""
    with pytest.raises(SignatureError, match="9 signatures, at most 8"):
        sign_document("root", write_document("root", {}), KEYS)


def test_one_key_cannot_sign_twice() -> None:
    """Not even by us."""
    with pytest.raises(SignatureError, match="2 signatures by 1 keys"):
        sign_document("root", write_document("root", {}), [KEYS[0], KEYS[0]])


@pytest.mark.parametrize("threshold", [-1, 0, 3])
def test_an_impossible_threshold_is_refused(threshold: int) -> None:
    """A threshold of none would accept a document that nobody signed."""
    signed = sign_document("root", write_document("root", {}), KEYS[:2])
    with pytest.raises(SignatureError, match=f"threshold of {threshold}"):
        signed.require("root", [key.public for key in KEYS[:2]], threshold)


def test_a_key_listed_twice_by_the_caller_counts_once() -> None:
    """A threshold of two is not met by one key that the caller named twice."""
    signed = sign_document("root", write_document("root", {}), KEYS[:1])
    with pytest.raises(SignatureError, match="cannot be asked of 1 keys"):
        signed.require("root", [KEYS[0].public, KEYS[0].public], 2)


def test_a_wrong_signature_is_an_error_even_when_it_is_not_needed() -> None:
    """Spec S5: whoever added it meant something by it."""
    text = write_document("root", {})
    bad = (KEYS[2].public, KEYS[2].sign("card", text))
    signed = SignedDocument(text, (*sign_document("root", text, KEYS[:2]).signatures, bad))
    with pytest.raises(SignatureError, match="signature 3 of 3"):
        signed.require("root", [key.public for key in KEYS[:2]], 1)


def test_good_signatures_of_others_do_not_count_and_do_not_harm() -> None:
    """A root between two sets of keys carries both."""
    signed = sign_document("root", write_document("root", {"a": 1}), KEYS[:3])
    assert signed.require("root", [KEYS[0].public], 1) == {"a": 1}
    with pytest.raises(SignatureError, match="1 of the 2 signatures"):
        signed.require("root", [KEYS[0].public, KEYS[5].public], 2)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (b'{"kind":"card","version":1}', FormatError, "this document is card, where root"),
        (b'{"kind":"poem","version":1}', FormatError, "unknown kind"),
        (b'{"kind":"root","version":7}', NewerVersionError, "version 7"),
        (b'{"kind":"root","version":true}', FormatError, "version is not a number"),
        (b'{"kind":"root","version":0}', FormatError, "version is not between"),
        (b'{"version":1}', FormatError, "kind is missing"),
        (b'{"kind":"root"}', FormatError, "version is missing"),
        (b'{"kind": "root","version":1}', FormatError, "canonical"),
        (b"[]", FormatError, "not an object"),
        (b"", FormatError, "not JSON"),
    ],
)
def test_a_text_of_another_shape_is_neither_signed_nor_read(text: bytes, error: type[Exception], words: str) -> None:
    """Kind, version and spelling are checked on both sides, whoever signed."""
    with pytest.raises(error, match=words):
        sign_document("root", text, KEYS[:1])
    with pytest.raises(error, match=words):
        SignedDocument(text, ()).contents("root")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"document": 1}, "document is not text"),
        ({"signatures": {}}, "signatures is not a list"),
        ({"signatures": [{"key": "00" * 32}]}, "signature is missing"),
        ({"signatures": [{"key": "00" * 31, "signature": "00" * 64}]}, "key is not 32 bytes"),
        ({"signatures": [{"key": "00" * 32, "signature": "AA" * 64}]}, "signature is not 64 bytes"),
        ({"signatures": [{"key": "00" * 32, "signature": "00" * 64, "more": 1}]}, "1 unknown"),
        ({"extra": 1}, "1 unknown"),
    ],
)
def test_a_document_of_another_form_is_refused(change: dict[str, canonical.JSON], words: str) -> None:
    """There is one accepted form (spec S3)."""
    value = {"document": '{"kind":"root","version":1}', "signatures": [], **change}
    with pytest.raises(FormatError, match=words):
        SignedDocument.decode(canonical.encode(value))


def test_a_document_above_its_limit_is_refused_unread() -> None:
    """A mebibyte, or what the caller says."""
    with pytest.raises(FormatError, match=str(MAX_DOCUMENT)):
        SignedDocument.decode(b" " * (MAX_DOCUMENT + 1))
    raw = sign_document("root", write_document("root", {}), KEYS[:1]).encode()
    assert SignedDocument.decode(raw, len(raw)).encode() == raw
    with pytest.raises(FormatError):
        SignedDocument.decode(raw, len(raw) - 1)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fall_over(raw: bytes) -> None:
    """Whatever arrives is refused as a format, or is canonical JSON of the right shape."""
    with contextlib.suppress(FormatError):
        assert SignedDocument.decode(raw).encode() == raw


@given(st.data())
def test_every_altered_byte_of_a_signed_document_is_noticed(data: st.DataObject) -> None:
    """Flip any byte of the stored form: it is refused as a format or as a signature."""
    raw = bytearray(sign_document("sheet", write_document("sheet", {"seat": 1}), KEYS[:2]).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((FormatError, SignatureError, NewerVersionError)):
        SignedDocument.decode(bytes(raw)).require("sheet", [key.public for key in KEYS[:2]], 2)


def test_a_signing_key_does_not_print_or_pickle() -> None:
    """Its seed stays out of logs and caches."""
    key = SigningKey.generate()
    assert key.seed.hex() not in repr(key)
    assert SigningKey.generate().public != key.public
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_seed_of_another_size_is_refused(size: int) -> None:
    """Thirty-two bytes, no expanded keys."""
    with pytest.raises(FormatError, match=str(size)):
        SigningKey(Hidden(bytes(size)))


def test_the_stored_form_is_plain_json() -> None:
    """An outsider finds the text and the signatures with any JSON reader."""
    value = json.loads(sign_document("card", write_document("card", {"a": "叶"}), KEYS[:1]).encode())
    assert value["document"] == '{"a":"叶","kind":"card","version":1}'
    assert value["signatures"][0]["key"] == KEYS[0].public.hex()
