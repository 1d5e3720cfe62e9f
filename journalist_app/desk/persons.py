# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Letting someone log in: a passphrase made for them, a TOTP secret, both shown once and kept as little as possible.

Nobody chooses a passphrase. The store keeps its Argon2id string; the TOTP secret it must keep as it is.
"""

from __future__ import annotations

import base64
import io
import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import quote

import segno

from crypto.argon import Costs
from crypto.passwords import LOGIN, generate_passphrase, hash_passphrase
from journalist_app.desk.errors import DeskError
from store import reviewers
from store.engine import Store

MAX_NAME = 64
TOTP_BYTES = 20

_NAME = re.compile(r"\S(?:.*\S)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """
    What is shown to a new person, once.

    Args:
        person: As the store keeps them.
        passphrase: Seven words.
        totp: The TOTP secret in Base32, for typing.
        uri: The same as an `otpauth` address, for a QR code.
    """

    person: reviewers.Person
    passphrase: str = field(repr=False)
    totp: str = field(repr=False)
    uri: str = field(repr=False)

    def picture(self) -> str:
        """
        The QR code, for a terminal: nothing is written anywhere.
        """
        lines = io.StringIO()
        segno.make(self.uri, error="m", micro=False).terminal(out=lines, border=2, compact=True)
        return lines.getvalue()


def enrol(
    store: Store, *, name: str, role: reviewers.Role, seat: int | None, organisation: str, profile: Costs = LOGIN
) -> Enrolment:
    """
    Add a person.

    Args:
        store: The store.
        name: The pseudonym they type at login.
        role: `reviewer` or `operator`.
        seat: A reviewer's seat.
        organisation: Shown in their TOTP program.
        profile: What their passphrase's hash costs; tests give `CHEAPEST`.

    Raises:
        DeskError: The name cannot be used, or a reviewer has no seat.
        ConflictError: The name is taken.
    """
    name = clean_name(name)
    if (role == "reviewer") != (seat is not None):
        raise DeskError("a reviewer sits at a seat, an operator at none")
    passphrase, totp = generate_passphrase(), secrets.token_bytes(TOTP_BYTES)
    stored = hash_passphrase(passphrase, profile)
    person = reviewers.add(store, name=name, role=role, seat=seat, passphrase=stored, totp=totp)
    return _enrolment(person, passphrase, totp, organisation)


def renew(store: Store, person: bytes, *, organisation: str, profile: Costs = LOGIN) -> Enrolment:
    """
    Give someone a new passphrase and a new TOTP secret, and let them in; the old ones end at once, with every session begun with them.

    Raises:
        MissingError: There is no such person.
    """
    passphrase, totp = generate_passphrase(), secrets.token_bytes(TOTP_BYTES)
    with store.write():
        reviewers.set_passphrase(store, person, hash_passphrase(passphrase, profile))
        reviewers.set_totp(store, person, totp)
        reviewers.disable(store, person, disabled=False)
    return _enrolment(reviewers.get(store, person), passphrase, totp, organisation)


def clean_name(name: str) -> str:
    """
    A name in the one form it is compared in.

    Raises:
        DeskError: Empty, too long, or with characters that do not print.
    """
    name = unicodedata.normalize("NFC", name)
    if len(name) > MAX_NAME or not name.isprintable() or _NAME.fullmatch(name) is None:
        raise DeskError(f"a name has 1 to {MAX_NAME} characters that print and does not begin or end with a space")
    return name


def _enrolment(person: reviewers.Person, passphrase: str, totp: bytes, organisation: str) -> Enrolment:
    # 20 bytes are 32 Base32 characters: no padding.
    text = base64.b32encode(totp).decode()
    uri = f"otpauth://totp/{quote(organisation)}:{quote(person.name)}?secret={text}&issuer={quote(organisation)}"
    return Enrolment(person=person, passphrase=passphrase, totp=text, uri=uri)
