# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The self-test of every seat: a small message is really sealed to it, with the same calls as a source's, and thrown away.

It needs recipients only and opens nothing: that the right vault opens it, no server can know. What can be told here is that sealing works on this
machine, that the envelope has one hybrid stanza for the seat and the size it must have, and that nothing of the message stands in it.
"""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable, Mapping

from crypto.age import Header, HybridIdentity, HybridRecipient, payload_length
from crypto.epochs import Addressees, addressees
from crypto.errors import CryptoError
from crypto.frame import message_header
from crypto.hidden import Hidden
from crypto.padding import small
from crypto.seal import Sealed, seal_frame
from deploy.doctor.finding import Finding, plain
from deploy.doctor.organisation import Standing

WHAT = "sealing to every seat"
WHY = "A report is taken only if it can be sealed to all active seats: when this fails, intake closes rather than keep a word in the clear."
STANZA = "mlkem768x25519"
SIGN = "dengwen doctor self-test "

Sealing = Callable[[HybridRecipient, int], Sealed]


def sealed_by_seat(now: Standing, day: datetime.date, seal: Sealing | None = None) -> Mapping[int, str]:
    """
    Seal to each active seat.

    Args:
        now: What is installed and holds.
        day: The server's day.
        seal: Seals a small message to one recipient; the real thing unless a test gives another.

    Returns:
        By seat, what was wrong; empty if nothing was.

    Raises:
        CryptoError: No seat is active.
    """
    if now.root is None or now.card is None:
        raise CryptoError("no root and card hold")
    to = addressees(now.card, now.sheets, day, now.root.first_day, now.floor)
    act = seal or real(to)
    return {seat: _fault(act, recipient, seat) for seat, recipient in zip(to.seats, to.recipients, strict=True)}


def sealing(results: Mapping[int, str]) -> Finding:
    """
    Whether sealing worked for every active seat.
    """
    wrong = {seat: fault for seat, fault in results.items() if fault}
    if not wrong:
        return Finding(
            what=WHAT, ok=True, seen=f"A message was sealed to each of {len(results)} active seats.", why=WHY
        )
    said = "; ".join(f"seat {seat}: {plain(fault)}" for seat, fault in sorted(wrong.items()))
    return Finding(
        what=WHAT,
        ok=False,
        urgent=True,
        seen=f"Sealing does not work: {said}.",
        why=WHY,
        fix="If every seat fails, the cryptography library is broken: reinstall dengwen as deploy/README.md says, then type: systemctl restart dengwen-source. "
        "If one does, its person brings a new outbox to the desk, which carries a new sheet.",
    )


def real(to: Addressees) -> Sealing:
    """
    What seals a source's message, for one recipient at a time.
    """
    reply_to = str(HybridIdentity.generate().recipient)

    def seal(recipient: HybridRecipient, seat: int) -> Sealed:
        header = message_header(
            reply_to=reply_to,
            thread=Hidden(secrets.token_bytes(32)),
            item=secrets.token_bytes(16),
            submission=secrets.token_bytes(16),
            card=to.card_digest,
            epoch=to.epoch,
            seats=(seat,),
            lang="",
        )
        return seal_frame((recipient,), header, SIGN.encode() * 4)

    return seal


def _fault(seal: Sealing, recipient: HybridRecipient, seat: int) -> str:
    try:
        sealed = seal(recipient, seat)
        stanzas = [stanza.type for stanza in Header.parse(sealed.header).stanzas]
    except CryptoError as error:
        return str(error) or (error.__doc__ or "it was refused")
    except Exception as error:  # noqa: BLE001 (a library that breaks may break in any way, and that is what is looked for)
        return f"an unexpected {type(error).__name__}"
    if stanzas != [STANZA]:
        return "the envelope is not one hybrid stanza"
    if len(sealed.payload) != payload_length(small(1)):
        return "the envelope has another size than a message must have"
    return "the message stands in the envelope in the clear" if SIGN.encode() in sealed.header + sealed.payload else ""
