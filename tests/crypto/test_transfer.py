# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Manifests that travel by themselves: padded, sealed, opened by each who should and judged afterwards.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import Header, payload_length
from crypto.errors import EnvelopeError, FormatError, NoMatchError
from crypto.signing import MAX_MANIFEST, SignedDocument, sign_document, write_document
from crypto.transfer import open_document, seal_document
from tests.crypto.organisations import Organisation

ONE = Organisation.make(epochs=1)
BUNDLES = [ONE.bundles[seat].recipient for seat in (1, 2, 3)]


def manifest(filling: str = "") -> SignedDocument:
    """A batch manifest of about the length of its filling."""
    return sign_document("batch", write_document("batch", {"items": filling}), [ONE.server_signing])


@given(st.text(max_size=200), st.integers(0, 200_000))
def test_a_manifest_opens_for_every_seat_as_it_was_signed(text: str, repeat: int) -> None:
    """Whatever its length."""
    signed = manifest(text + "x" * repeat)
    age_file = seal_document(signed, BUNDLES)
    for identity in ONE.bundles.values():
        again = open_document(age_file, identity, MAX_MANIFEST)
        assert again == signed
        again.require("batch", [ONE.server_signing.public], 1)


def test_an_outboxs_manifest_opens_for_the_server() -> None:
    """With its transfer identity, and with no seat's."""
    age_file = seal_document(ONE.card.signed, [ONE.server_transfer.recipient])
    assert open_document(age_file, ONE.server_transfer, 2**20) == ONE.card.signed
    with pytest.raises(NoMatchError):
        open_document(age_file, ONE.bundles[1], 2**20)


def test_sizes_go_in_steps_of_sixty_four_kib() -> None:
    """An empty manifest and one of 60,000 bytes weigh the same."""
    sizes = [len(Header.split(seal_document(manifest("x" * n), BUNDLES))[1]) for n in (0, 60_000, 70_000)]
    assert sizes == [payload_length(65_536), payload_length(65_536), payload_length(131_072)]


def test_the_limit_is_the_callers() -> None:
    """Exactly at it is accepted; one byte less is refused, before or after opening."""
    signed = manifest("x" * 100_000)
    length = len(signed.encode())
    age_file = seal_document(signed, BUNDLES)
    assert open_document(age_file, ONE.bundles[1], length) == signed
    with pytest.raises(FormatError, match=f"at most {length - 1}"):
        open_document(age_file, ONE.bundles[1], length - 1)
    with pytest.raises(EnvelopeError, match="sealed bytes, at most"):
        open_document(age_file, ONE.bundles[1], 60_000)


def test_a_manifest_is_sealed_to_somebody() -> None:
    """Nobody could open it otherwise."""
    with pytest.raises(EnvelopeError):
        seal_document(manifest(), [])


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fall_over(raw: bytes) -> None:
    """A stick may hold anything."""
    with pytest.raises(FormatError):
        open_document(raw, ONE.server_transfer, 2**20)
    with pytest.raises(FormatError):
        open_document(b"age-encryption.org/v1\n" + raw, ONE.server_transfer, 2**20)
