# SPDX-License-Identifier: AGPL-3.0-or-later
"""
From a visit to what the intake needs to know of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crypto.age import HybridIdentity
from source_app.submission import Sender

if TYPE_CHECKING:
    from source_app.session import Session

_REMEMBERED: Final = 512
_recipients: dict[bytes, str] = {}


def sender_of(session: Session, lang: str) -> Sender:
    """
    Whose thread a visit writes to, and how to answer it.

    Args:
        session: the visit.
        lang: the language the source reads.
    """
    keys = session.subkeys
    return Sender(
        locator=keys.locator,
        generation=session.generation,
        thread=keys.thread,
        reply_to=_recipient(session),
        lang=lang,
    )


def _recipient(session: Session) -> str:
    # A millisecond of key generation and Bech32, the same for a whole visit. Public, and found by the visit's random id alone.
    found = _recipients.get(session.id)
    if found is None:
        found = str(HybridIdentity(session.subkeys.reply_seed).recipient)
        if len(_recipients) >= _REMEMBERED:
            _recipients.clear()
        _recipients[session.id] = found
    return found
