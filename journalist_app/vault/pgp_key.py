# SPDX-License-Identifier: AGPL-3.0-or-later
"""
This seat's OpenPGP key: made once, on demand, and kept in the encrypted database.

It never leaves with an outbox and is on no card: the organisation publishes it by hand. What was sealed to it can be read for as long
as the vault has it; there are no epochs here, and the pages that offer it to sources say so.
"""

from __future__ import annotations

from sqlalchemy import Connection

from crypto.hidden import Hidden
from journalist_app.vault import pgp
from journalist_app.vault.errors import ForeignSealError
from journalist_app.vault.identity import load, read_fact, write_fact
from journalist_app.vault.keystore import Vault
from journalist_app.vault.pgp import PgpKey

_FACTS = ("openpgp fingerprint", "openpgp public", "openpgp secret")


def make_once(vault: Vault) -> PgpKey:
    """
    The seat's key; made if there is none yet.

    Raises:
        CeremonyError: The seat is not on a card yet.
        ProgramError: gpg is missing, or did not make one.
    """
    # Within one transaction: two verbs at once would make two keys, and one of them would be lost after it was published.
    with vault.write() as connection:
        held = _held(connection)
        if held is None:
            held = pgp.make(f"seat {load(connection).number}", vault.clock())
            parts = (held.fingerprint.encode(), held.public.encode(), held.secret)
            for name, content in zip(_FACTS, parts, strict=True):
                write_fact(connection, name, content)
    return held


def own_secret(vault: Vault) -> Hidden:
    """
    The secret half.

    Raises:
        ForeignSealError: This seat has no key.
    """
    with vault.read() as connection:
        held = _held(connection)
    if held is None:
        raise ForeignSealError("this seat has no OpenPGP key, so it was sealed to another one's")
    return held.secret


def _held(connection: Connection) -> PgpKey | None:
    fingerprint, public, secret = (read_fact(connection, name) for name in _FACTS)
    if fingerprint is None or public is None or secret is None:
        return None
    return PgpKey(fingerprint.decode(), public.decode(), Hidden(secret))
