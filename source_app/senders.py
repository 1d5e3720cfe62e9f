# SPDX-License-Identifier: AGPL-3.0-or-later
"""
From a visit to what the intake needs to know of it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from crypto.age import HybridIdentity
from source_app.parts import parts
from source_app.submission import Sender

if TYPE_CHECKING:
    from source_app.session import Session

_REMEMBERED: Final = 512
#: As long as an upload may run: one that began before everything was deleted is refused in the moment of its commit.
_FORGOTTEN_SECONDS: Final = 24 * 60 * 60
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


def forgotten(session: Session) -> bytes | None:
    """
    A random mark of the last time that everything under a visit's codename was deleted, at any worker, from any device;
    None if that is not known. What began under another mark is not wanted any more.
    """
    return parts().memory.forgotten.get(_mark(session))


def mark_forgotten(session: Session) -> None:
    """Refuse whatever is on its way to a visit's thread. Call it before the thread is erased."""
    parts().memory.forgotten.put(_mark(session), secrets.token_bytes(8), _FORGOTTEN_SECONDS)


def _mark(session: Session) -> bytes:
    return hashlib.blake2b(session.subkeys.locator, digest_size=16, person=b"forgotten").digest()
