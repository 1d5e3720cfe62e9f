# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Signed documents that travel sealed by themselves: the manifests of batches and outboxes.

The document is padded to whole steps of 64 KiB (spec B4), so that a stick shows roughly how much a manifest lists and
nothing else. A batch's manifest is sealed to the bundle recipients of the card's seats, an outbox's to the server's
transfer recipient; the holder of either opens it here. Who signed is asked of the `SignedDocument` afterwards.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from crypto import padding
from crypto.age import (
    Header,
    HybridIdentity,
    HybridRecipient,
    PayloadOpener,
    PayloadSealer,
    make_header,
    new_file_key,
    open_header,
    payload_length,
)
from crypto.age.recipients import HYBRID
from crypto.errors import EnvelopeError
from crypto.signing import SignedDocument


def seal_document(document: SignedDocument, recipients: Sequence[HybridRecipient]) -> bytes:
    """
    An age file of the padded document (spec B4).

    Raises:
        EnvelopeError: no recipient, or too many.
    """
    file_key = new_file_key()
    out = io.BytesIO()
    out.write(make_header(file_key, recipients))
    sealer = PayloadSealer(file_key, out.write)
    sealer.write(padding.to_step(document.encode()))
    sealer.finish()
    return out.getvalue()


def open_document(age_file: bytes, identity: HybridIdentity, limit: int) -> SignedDocument:
    """
    Open an age file that `seal_document` made.

    Args:
        age_file: the whole of it.
        identity: the server's transfer identity, or a seat's bundle identity.
        limit: the most bytes the encoded document may have.

    Returns:
        The document, its signatures not yet verified.

    Raises:
        EnvelopeError: not an age file of hybrid stanzas, or longer than the limit allows.
        NoMatchError: the identity is none of those it was sealed to.
        TamperedError: it was altered or cut.
        FormatError: the padding or the document is not in its one form.
        SignatureError: a key signed twice, or too many signed.
    """
    header, payload = Header.split(age_file)
    # spec A6: our own sealing never mixes kinds, and an X25519 stanza would undo the hybrid beside it.
    if any(stanza.type != HYBRID for stanza in header.stanzas):
        raise EnvelopeError(f"{len(header.stanzas)} stanzas, not all of them {HYBRID}")
    # Said before anything is decrypted: the sealer need not be who we hope.
    longest = payload_length(limit + padding.STEP)
    if len(payload) > longest:
        raise EnvelopeError(f"a document of {len(payload)} sealed bytes, at most {longest} are read")
    opener = PayloadOpener(open_header(header, [identity]))
    padded = bytearray()
    for chunk in opener.feed(payload):
        padded += chunk
    for chunk in opener.finish():
        padded += chunk
    return SignedDocument.decode(padding.from_step(bytes(padded)), limit)
