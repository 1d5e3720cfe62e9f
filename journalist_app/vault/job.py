# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An import in the background, and how far it is.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from crypto.errors import CryptoError
from journalist_app.bundle.errors import BundleError
from journalist_app.vault.errors import UnbelievableError, VaultError
from journalist_app.vault.importer import Report, import_batch
from journalist_app.vault.keystore import Vault


class Job:
    """
    One import. Start it once.

    Attributes:
        name: The batch file's name.
        done: Bytes read so far.
        total: Bytes in all.
        report: What came of it, when it is over.
        error: Why it ended early, as a sentence.
        unbelievable: Whether that was its day or floor, which a person may pass over.
    """

    def __init__(self, vault: Vault, path: Path, *, without_damaged: bool = False, despite: bool = False) -> None:
        self.name = path.name
        self.path = path
        self.done = 0
        self.total = path.lstat().st_size
        self.report: Report | None = None
        self.error = ""
        self.unbelievable = False
        self._vault = vault
        self._without_damaged = without_damaged
        self._despite = despite
        self._thread = threading.Thread(target=self._run, name="import", daemon=True)

    @property
    def running(self) -> bool:
        """
        Whether it is still at it.
        """
        return self._thread.is_alive()

    @property
    def percent(self) -> int:
        """
        How much of the file is read.
        """
        return 100 * self.done // max(1, self.total)

    def start(self) -> None:
        """
        Begin.
        """
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """
        Wait for it to end: a short import needs no progress page.
        """
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self.report = import_batch(
                self._vault,
                self.path,
                progress=self._note,
                without_damaged=self._without_damaged,
                despite=self._despite,
            )
        except UnbelievableError as error:
            self.error, self.unbelievable = str(error), True
        except (VaultError, BundleError, CryptoError) as error:
            self.error = str(error) or (type(error).__doc__ or "").strip()
        except OSError as error:
            self.error = f"reading or writing failed ({error.strerror}): nothing is lost, repeat the import"
        except SQLAlchemyError as error:
            self.error = f"the database refused ({type(error).__name__}): nothing is lost, repeat the import"
        except Exception as error:  # noqa: BLE001 (a thread that died in silence would look like an import that did nothing)
            self.error = (
                f"the import broke ({type(error).__name__}: {error}): nothing is lost; tell whoever maintains this"
            )

    def _note(self, done: int) -> None:
        self.done = done
