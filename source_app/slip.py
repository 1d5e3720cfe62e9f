# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A slip: a token with which a shell that has neither codename nor cookie appends parts to one thread, and asks which of them are there.

What this file promises
- The store has a slip's hash and a box that only the slip opens. Whoever takes the disk cannot make a slip of it, and learns from the
  row the locator and a day, not the thread value and not the language.
- A slip holds the thread value and nothing that reads: no reply seed, no locator token, no codename.
- It counts for `SLIP_DAYS` days and until everything under its codename is deleted; both are asked again at each part's commit.
- The same form makes the same slip: pressing twice, or loading the page again, makes no second one.

What it leaves to others: forms (`appending`), what is pasted into a terminal (`shell`).
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import nacl.exceptions
from nacl.secret import SecretBox

from crypto.hidden import Hidden
from source_app.errors import LeftError, TokenError
from source_app.limits import SLIP_DAYS
from source_app.parts import parts
from source_app.senders import forgotten
from store import slips

if TYPE_CHECKING:
    from source_app.session import Form, Session

TOKEN_BYTES: Final = 32
_LETTERS: Final = 52
# Tags of languages have different lengths; the box has one (spec F4: a tag has at most 35 characters).
_SEALED: Final = struct.Struct(">32s35s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """
    An open slip.

    Args:
        digest: what the store knows it by.
        locator: of the codename it was made under.
        generation: of that codename.
        thread: the thread value.
        lang: the language the source reads.
    """

    digest: bytes
    locator: bytes
    generation: int
    thread: Hidden
    lang: str

    def set_key(self, content: bytes) -> bytes:
        """
        The id of a form that brings parts of a set, 16 bytes: the same under every slip of the thread.

        Args:
            content: all that names the set.
        """
        key = hashlib.blake2b(key=self.thread, digest_size=32, person=b"part").digest()
        return hashlib.blake2b(content, key=key, digest_size=16, person=b"set").digest()


def make_slip(session: Session, form: Form, lang: str) -> str:
    """
    The slip of a form, made durable.

    Args:
        session: the visit to whose thread it appends.
        form: the form that asked for it.
        lang: the language the source reads.

    Returns:
        52 letters and digits.

    Raises:
        LeftError: the visit was left, or its thread deleted, meanwhile.
        FullError: the disk takes no more.
    """
    before = forgotten(session)
    keys = session.subkeys
    # The form's id is 16 random bytes that leave the server only in a sealed token.
    token = hashlib.blake2b(keys.thread, key=form.id, digest_size=TOKEN_BYTES, person=b"slip-token").digest()
    sealed = SecretBox(_key(token)).encrypt(_SEALED.pack(keys.thread, lang.encode()))
    store, intake = parts().store, parts().intake
    with store.write():
        # Behind the gate, so that no slip of a thread outlives its deletion.
        if parts().sealer.left(session) or forgotten(session) not in (None, before):
            raise LeftError("the visit was left, or its thread deleted")
        slips.put(
            store,
            digest=_digest(token),
            locator=keys.locator,
            generation=session.generation,
            sealed=sealed,
            expires=intake.clock() + datetime.timedelta(days=SLIP_DAYS),
        )
    return base64.b32encode(token).decode().rstrip("=").lower()


def open_slip(text: str) -> Slip:
    """
    The slip that a token is.

    Args:
        text: the token, in the one form it was given out in.

    Raises:
        TokenError: there is no such slip (any more).
    """
    token = _token(text)
    digest = _digest(token)
    found = slips.find(parts().store, digest, day=parts().intake.clock())
    if found is None:
        raise TokenError("there is no such slip")
    try:
        thread, lang = _SEALED.unpack(SecretBox(_key(token)).decrypt(found.sealed))
    except (nacl.exceptions.CryptoError, ValueError, struct.error):
        raise TokenError("a slip whose box does not open") from None
    return Slip(
        digest=digest,
        locator=found.locator,
        generation=found.generation,
        thread=Hidden(thread),
        lang=lang.rstrip(b"\0").decode("ascii"),
    )


def require_valid(slip: Slip) -> None:
    """
    Asked in the moment of a commit, behind the store's gate: deleting everything takes slips away in one transaction.

    Raises:
        LeftError: it counts no more.
    """
    if slips.find(parts().store, slip.digest, day=parts().intake.clock()) is None:
        raise LeftError("the slip has ended")


def _token(text: str) -> bytes:
    if len(text) != _LETTERS or text != text.lower():
        raise TokenError("not a slip")
    try:
        token = base64.b32decode(f"{text.upper()}====")
    except (binascii.Error, ValueError):
        raise TokenError("not a slip") from None
    # The last letter has bits to spare: one accepted form.
    if base64.b32encode(token).decode().rstrip("=").lower() != text:
        raise TokenError("not a slip")
    return token


def _digest(token: bytes) -> bytes:
    return hashlib.blake2b(token, digest_size=32, person=b"slip-digest").digest()


def _key(token: bytes) -> bytes:
    return hashlib.blake2b(token, digest_size=SecretBox.KEY_SIZE, person=b"slip-key").digest()
