# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a browser carries for us, sealed: the session's cookie and each form's token.

Both are SecretBox boxes of fixed length under keys that exist only in the workers' shared memory. The cookie holds the subkeys
of a codename, and the codename itself only while its page may still show it. The token says which form this is, for which session,
and, on a first visit, the codename that nobody has seen yet: its KDF runs at the POST, never at the GET (§7).

A box that does not open is an ended visit, not an attack: restarts and rotations make such boxes every day. The boxes of an upload that
runs longer than their key lives are sealed once more under each newer key and found again by a hash, so that the upload does not end its
own visit; the old key goes all the same, and with it every other box.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import enum
import hashlib
import secrets
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import nacl.exceptions
from nacl.secret import SecretBox

from crypto.derive import Subkeys
from crypto.hidden import Hidden
from source_app.errors import SourceAppError
from source_app.memory import Memory, purpose

if TYPE_CHECKING:
    from collections.abc import Iterable

COOKIE: Final = "s"
SHOWN_SECONDS: Final = 20 * 60
SECRET: Final = 18  # spec K2

_SESSION = struct.Struct(">16sIQ18s32s32s32s")
_FORM = struct.Struct(">B16s16s18s")
_KNOWN: Final = b"k"
_LEFT: Final = b"l"
_COOKIE: Final = b"cookie"
_TOKEN: Final = b"form"
_OVERHEAD: Final = SecretBox.NONCE_SIZE + SecretBox.MACBYTES
_NOT_YET: Final = (1 << 64) - 1  # no answer has shown the codename, so its time does not run


class EndedError(SourceAppError):
    """The visit or the form has ended: a restart, two hours of silence, or "log out"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    One visit.

    Args:
        id: 16 random bytes; names the visit's list in memory and, after "log out", its end.
        generation: number of the codename generation the subkeys come from.
        subkeys: what a codename derives to.
        secret: the codename (18 bytes) while it may be shown, else None.
        shown_until: monotonic second at which the codename stops being shown.
    """

    id: bytes
    generation: int
    subkeys: Subkeys
    secret: Hidden | None = None
    shown_until: int = 0

    def without_codename(self) -> Session:
        """The same visit, holding subkeys only."""
        return self if self.secret is None else replace(self, secret=None, shown_until=0)


class Kind(enum.IntEnum):
    """Which form a token was made for."""

    WRITE = 1
    RETURN = 2
    VISIT = 3
    AGAIN = 4
    PAST = 5
    WAIT = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """
    One rendering of one form.

    Args:
        kind: which form.
        id: 16 random bytes; the ids of the items it sends are made from it, so that a repeat is known as one.
        session: id of the visit it belongs to, zeros before there is one.
        secret: the codename of a first visit (in its form and in the cookie that remembers the form), else None.
    """

    kind: Kind
    id: bytes
    session: bytes = bytes(16)
    secret: Hidden | None = None

    @property
    def visit(self) -> bytes:
        """
        Id of the visit that a first form begins: made from the form's id, so that a repeat of the form is the same visit.
        """
        return hashlib.blake2b(key=self.id, digest_size=16, person=b"visit").digest()

    def ticket(self, codename: Hidden) -> bytes:
        """
        What names a codename's place in the line of derivations: 16 bytes, the same for a repeat of the form with the same codename.
        """
        return hashlib.blake2b(codename, key=self.id, digest_size=16, person=b"ticket").digest()


class Sealer:
    """
    Seals and opens cookies and tokens under the RAM keys.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self, generation: int, subkeys: Subkeys, *, first: Form | None = None) -> Session:
        """
        A new visit, not yet in any browser.

        Args:
            generation: number of the generation.
            subkeys: what the codename derived to.
            first: the form of a first contact: its codename is shown for 20 minutes from the first answer on, however often
                the form is sent, unless the source said before that it is known.

        Raises:
            EndedError: the visit that this form began was left.
        """
        if first is None:
            return Session(id=secrets.token_bytes(16), generation=generation, subkeys=subkeys)
        until = int.from_bytes(self._memory.shown.get(first.visit) or _NOT_YET.to_bytes(8, "big"), "big")
        return self.today(
            Session(id=first.visit, generation=generation, subkeys=subkeys, secret=first.secret, shown_until=until)
        )

    def cookie(self, session: Session, *, seen: bool = True) -> str:
        """
        The visit as the value of its cookie, always of one length, under the newest key.

        Args:
            session: the visit.
            seen: whether the answer that carries the cookie can reach the browser. The first that can begins the codename's
                20 minutes: an upload may take hours, and who never saw the codename must be able to send the form again.

        Raises:
            EndedError: the visit was left while this request ran.
        """
        # An upload that began before "I have it" must not carry the codename back into the browser.
        session = self.today(session)
        if seen and session.secret is not None and session.shown_until == _NOT_YET:
            session = replace(session, shown_until=self._begun(session.id))
        keys = session.subkeys
        return self._seal(
            _COOKIE,
            _SESSION.pack(
                session.id,
                session.generation,
                session.shown_until,
                session.secret or bytes(SECRET),
                keys.locator_token,
                keys.thread,
                keys.reply_seed,
            ),
        )

    def session(self, value: str) -> Session:
        """
        The visit that a cookie's value carries; the codename is gone from it when its 20 minutes are.

        Raises:
            EndedError: the value does not open, or its visit was ended.
        """
        plain = self._open(_COOKIE, value, _SESSION.size)
        name, generation, until, secret, token, thread, seed = _SESSION.unpack(plain)
        return self.today(
            Session(
                id=name,
                generation=generation,
                subkeys=Subkeys(Hidden(token), Hidden(thread), Hidden(seed)),
                secret=Hidden(secret),
                shown_until=until,
            )
        )

    def know(self, session: Session) -> Session:
        """Stop showing a visit's codename, at every worker and in every request that still runs."""
        self._memory.marks.change(session.id, lambda was: was if was == _LEFT else _KNOWN)
        return session.without_codename()

    def leave(self, visit: bytes) -> None:
        """
        End a visit: its cookie opens nothing any more, at any worker, and its list is forgotten.

        Args:
            visit: its id; of one that has not begun yet too, and then it does not begin.
        """
        self._memory.marks.put(visit, _LEFT)
        self._memory.visits.drop(visit)

    def left(self, session: Session) -> bool:
        """Whether a visit was ended, at any worker."""
        return self._left(session.id)

    def hold(self, visit: bytes, *, cookie: str | None, tokens: Iterable[str]) -> None:
        """
        Keep a visit from ending of itself while something is on its way to it: what its browser holds opens as if it were sealed now, and
        what is remembered of it is remembered as long. A visit that was left is held no more.

        Args:
            visit: its id.
            cookie: its cookie, as the browser has it.
            tokens: of its forms, as the browser has them.
        """
        memory = self._memory
        for table in (memory.marks, memory.visits, memory.shown):
            table.touch(visit)
        boxes = [(_TOKEN, value, _FORM.size) for value in tokens]
        if cookie is not None:
            boxes.append((_COOKIE, cookie, _SESSION.size))
        for name, value, size in boxes:
            with contextlib.suppress(EndedError):
                memory.held.put(_held(name, value), self._box(name, self._open(name, value, size)))
        if self._left(visit):
            # Asked afterwards, so that whoever leaves meanwhile leaves nothing behind.
            for name, value, _size in boxes:
                memory.held.drop(_held(name, value))

    def _left(self, visit: bytes) -> bool:
        return self._memory.marks.get(visit) == _LEFT

    def _begun(self, visit: bytes) -> int:
        until = (self._memory.now() + SHOWN_SECONDS).to_bytes(8, "big")
        return int.from_bytes(self._memory.shown.change(visit, lambda was: was or until), "big")

    def today(self, session: Session) -> Session:
        """
        A visit as it stands now: without its codename once that is known or its time is up.

        Raises:
            EndedError: it was left.
        """
        mark = self._memory.marks.get(session.id)
        if mark == _LEFT:
            raise EndedError
        if mark == _KNOWN or session.shown_until <= self._memory.now():
            return session.without_codename()
        return session

    def token(self, form: Form) -> str:
        """A form as the value of its first field, always of one length."""
        return self._seal(_TOKEN, _FORM.pack(form.kind, form.id, form.session, form.secret or bytes(SECRET)))

    def form(self, value: str) -> Form:
        """
        The form that a token names.

        Raises:
            EndedError: the token does not open.
        """
        kind, name, session, secret = _FORM.unpack(self._open(_TOKEN, value, _FORM.size))
        carried = Hidden(secret) if kind in (Kind.WRITE, Kind.PAST) else None
        return Form(kind=Kind(kind), id=name, session=session, secret=carried)

    def _seal(self, name: bytes, plain: bytes) -> str:
        return base64.urlsafe_b64encode(self._box(name, plain)).decode()

    def _box(self, name: bytes, plain: bytes) -> bytes:
        newest, _ = self._memory.ram_keys()
        return bytes(SecretBox(purpose(newest, name)).encrypt(plain))

    def _open(self, name: bytes, value: str, size: int) -> bytes:
        if len(value) != -(-(size + _OVERHEAD) // 3) * 4:
            raise EndedError
        try:
            box = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise EndedError from None
        opened = self._opened(name, box)
        if opened is None and (held := self._memory.held.get(_held(name, value))):
            opened = self._opened(name, held)
        if opened is None:
            raise EndedError
        return opened

    def _opened(self, name: bytes, box: bytes) -> bytes | None:
        for key in self._memory.ram_keys():
            try:
                return SecretBox(purpose(key, name)).decrypt(box)
            except (nacl.exceptions.CryptoError, ValueError):
                continue
        return None


def _held(name: bytes, value: str) -> bytes:
    return hashlib.blake2b(value.encode(), digest_size=16, person=b"held " + name).digest()


def new_form(kind: Kind, session: Session | None = None, secret: Hidden | None = None) -> Form:
    """
    A fresh form.

    Args:
        kind: which form.
        session: the visit it belongs to, if there is one.
        secret: the codename of a first visit.
    """
    return Form(kind=kind, id=secrets.token_bytes(16), session=session.id if session else bytes(16), secret=secret)
