# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Replies and statuses: what a seat writes and one source reads (spec Y).

Sealed by a vault, opened on the server for the length of one page, with the identity that a codename gives. The
document inside is signed by the seat, so that a vault later knows what was said; to the source the page says "signed
by seat 2", never "verified": a page cannot prove the server that made it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from crypto.age import Header, HybridIdentity, HybridRecipient, PayloadOpener
from crypto.age.recipients import HYBRID
from crypto.canonical import JSON, Fields
from crypto.card import MAX_SEAT_NUMBER
from crypto.errors import EnvelopeError, FormatError, FrameError, NoMatchError, SignatureError
from crypto.frame import FrameHeader, read_frame, reply_header
from crypto.frame_header import MAX_LANG
from crypto.hidden import Hidden
from crypto.seal import Sealed, seal_frame
from crypto.signing import SignedDocument, SigningKey, sign_document, write_document

Status = Literal["read", "answered", "closed"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)

# spec Y3
MAX_TEXT: Final = 64 * 1024
# Escaped twice, as text in a document in a signed document, a control character takes seven bytes.
MAX_PAYLOAD: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """
    An opened reply or status. Frame and document agree; the signature is checked by `verify`.

    Args:
        item: 16 bytes.
        thread: the thread value it was written for.
        seat: number of the seat that says it wrote this.
        lang: BCP 47, or empty.
        text: of a reply; None for a status.
        status: of a status; None for a reply.
        card: digest of the card that the seat wrote under.
        signed: the document with its one signature.
    """

    item: bytes
    thread: Hidden
    seat: int
    lang: str
    text: str | None = field(repr=False)
    status: Status | None
    card: bytes
    signed: SignedDocument = field(repr=False)

    def verify(self, key: bytes) -> None:
        """
        Check the signature against the key of the seat it names, from the card it names (spec Y2).

        Raises:
            SignatureError: it is not that key's, or others stand beside it.
        """
        if len(self.signed.signatures) != 1:
            raise SignatureError(f"{len(self.signed.signatures)} signatures under a reply, which has one")
        # That the text is a reply was seen when it was read; a long one is not read twice.
        self.signed.require_signatures("reply", (key,), 1)


def seal_reply(
    *,
    recipient: HybridRecipient,
    thread: Hidden,
    item: bytes,
    seat: int,
    key: SigningKey,
    card: bytes,
    epoch: int,
    lang: str,
    text: str | None = None,
    status: Status | None = None,
) -> Sealed:
    """
    Sign and seal a reply or a status to one source (spec Y1).

    Args:
        recipient: the source's reply recipient, the one that is pinned for the thread.
        thread: its thread value.
        item: 16 random bytes.
        seat: the writing seat's number.
        key: the seat's signing key.
        card: digest of the card the seat holds.
        epoch: the epoch of the day; it says nothing about keys here.
        lang: BCP 47, or empty.
        text: of a reply, at most 64 KiB of UTF-8.
        status: of a status. One of ``text`` and ``status`` is given.

    Raises:
        FormatError: the text is too long, or both or neither are given.
    """
    if (text is None) == (status is None):
        raise FormatError("a reply has a text or a status: one of them")
    own: dict[str, JSON] = {"status": status} if text is None else {"text": text}
    document = write_document("reply", {**own, "thread": thread.hex(), "item": item.hex(), "seat": seat, "lang": lang})
    signed = sign_document("reply", document, [key])
    header = reply_header(
        kind="status" if text is None else "reply",
        thread=thread,
        item=item,
        submission=secrets.token_bytes(16),
        card=card,
        epoch=epoch,
        seats=(),
        lang=lang,
    )
    # What no reader would accept is not sealed: a source would see an empty page weeks later.
    _agree(header, _read_reply(header, signed))
    return seal_frame([recipient], header, signed.encode())


def open_reply(header: bytes, payload: bytes, identity: HybridIdentity) -> Reply:
    """
    Open a reply with the identity that the codename gives (spec D7).

    Args:
        header: the age header.
        payload: the age payload.
        identity: made from the reply subkey; making it costs as much as opening, so it is made once for a page.

    Raises:
        NoMatchError: it was sealed to another source.
        EnvelopeError: not an age file with one hybrid stanza.
        TamperedError: it was altered or cut.
        FrameError: frame and document do not agree, or are no reply.
        FormatError: the document is not canonical or of another kind.
        NewerVersionError: a kind or version this code does not know.
    """
    if len(payload) > MAX_PAYLOAD:
        raise EnvelopeError(f"a reply of {len(payload)} bytes, at most {MAX_PAYLOAD} are read")
    plaintext = bytearray()
    opener = PayloadOpener(_file_key(header, identity))
    for chunk in opener.feed(payload):
        plaintext += chunk
    for chunk in opener.finish():
        plaintext += chunk
    frame, body = read_frame(bytes(plaintext))
    if frame.kind not in {"reply", "status"}:
        raise FrameError(f"an item of kind {frame.kind} where a reply or status was expected")
    reply = _read_reply(frame, SignedDocument.decode(body))
    _agree(frame, reply)
    return reply


def _file_key(header: bytes, identity: HybridIdentity) -> Hidden:
    parsed = Header.parse(header)
    if [stanza.type for stanza in parsed.stanzas] != [HYBRID]:
        raise EnvelopeError(f"{len(parsed.stanzas)} stanzas where one {HYBRID} is expected")
    file_key = identity.unwrap(parsed.stanzas[0])
    if file_key is None:
        raise NoMatchError("this reply was sealed to another source")
    parsed.verify(file_key)
    return file_key


def _agree(header: FrameHeader, reply: Reply) -> None:
    # spec Y2: the frame is not signed; without this an honest signature could be shown under another thread.
    if header.thread != reply.thread:
        raise FrameError("the frame names another thread than the signed reply")
    if header.item != reply.item:
        raise FrameError("the frame names another item than the signed reply")
    if header.lang != reply.lang:
        raise FrameError("the frame names another language than the signed reply")


def _read_reply(header: FrameHeader, signed: SignedDocument) -> Reply:
    fields = Fields(signed.contents("reply"), "reply", error=FrameError)
    text = status = None
    if header.kind == "reply":
        text = fields.text("text", MAX_TEXT)
    else:
        status = _read_status(fields)
    reply = Reply(
        item=fields.hex("item", 16),
        thread=Hidden(fields.hex("thread", 32)),
        seat=fields.number("seat", 1, MAX_SEAT_NUMBER),
        lang=fields.text("lang", MAX_LANG),
        text=text,
        status=status,
        card=header.card,
        signed=signed,
    )
    fields.done()
    return reply


def _read_status(fields: Fields) -> Status:
    word = fields.text("status", 16)
    for status in STATUSES:
        if word == status:
            return status
    raise FrameError(f"a status is one of {', '.join(STATUSES)}")
