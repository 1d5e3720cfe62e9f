# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Who may come in: the one-time token, the session, the unlocked vault.

The token opens one session, once. The session is a random value that this process gives to one browser; whoever copies
it from there is let in too. It ends with the process. The vault's key is in memory from unlocking to locking.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading

from crypto.hidden import Hidden
from journalist_app.vault.errors import LockedError, NotNowError
from journalist_app.vault.job import Job
from journalist_app.vault.keystore import Vault, open_vault
from journalist_app.vault.place import Place

TOKEN_BYTES = 32


class Door:
    """
    The state of one running vault.

    Args:
        place: Where it stands.
        token: What the first address carries.
    """

    def __init__(self, place: Place, token: str) -> None:
        self.place = place
        self._token: Hidden | None = Hidden(token.encode())
        self._session: Hidden | None = None
        self._vault: Vault | None = None
        self._turn = threading.Lock()
        self.job: Job | None = None

    def admit(self, token: str) -> str | None:
        """
        Trade the token for a session, once.

        Returns:
            The session's value for the cookie, or None.
        """
        with self._turn:
            if self._token is None or self._token != token.encode():
                return None
            self._token = None
            value = secrets.token_urlsafe(TOKEN_BYTES)
            self._session = Hidden(value.encode())
            return value

    def knows(self, value: str) -> bool:
        """
        Whether a cookie is the session's.
        """
        return self._session is not None and self._session == value.encode()

    @property
    def form_token(self) -> str:
        """
        What every form carries back.
        """
        return hmac.digest(self._session or b"", b"form", hashlib.sha256).hex()

    @property
    def open(self) -> bool:
        """
        Whether the vault is unlocked.
        """
        return self._vault is not None

    @property
    def vault(self) -> Vault:
        """
        The unlocked vault.

        Raises:
            LockedError: It is locked.
        """
        if self._vault is None:
            raise LockedError("the vault is locked")
        return self._vault

    def unlock(self, passphrase: str, person: str | None) -> None:
        """
        Unlock the vault with one person's passphrase.

        Raises:
            LockedError: The passphrase is wrong.
        """
        # One at a time: the passphrase profile takes half a gigabyte of memory.
        with self._turn:
            if self._vault is None:
                self._vault = open_vault(self.place.folder, passphrase, person, clock=self.place.clock)

    def lock(self) -> None:
        """
        Lock the vault.

        Raises:
            NotNowError: An import is running.
        """
        with self._turn:
            if self.job is not None and self.job.running:
                raise NotNowError("an import is running: let it end first")
            if self._vault is not None:
                self._vault.close()
                self._vault = None
            self.job = None
