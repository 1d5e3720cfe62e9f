# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen demo`, started as a person starts it and ended with Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 240.0
STOP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class VaultDoor:
    """How one vault is opened: an address that works once, and a passphrase."""

    url: str
    passphrase: str


@dataclass(frozen=True, slots=True)
class Login:
    """How one person enters the desk."""

    name: str
    passphrase: str
    totp: str


@dataclass(frozen=True, slots=True)
class Places:
    """What demo.json says."""

    source: str
    desk: str
    vaults: tuple[VaultDoor, ...]
    people: tuple[Login, ...]
    fingerprint: str
    stick: Path


class Demo:
    """
    A demo in a folder, for as long as the block lasts. It takes a while: `places` waits for it.
    """

    def __init__(self, folder: Path) -> None:
        self._description = folder / "demo.json"
        self._log = folder.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy", "demo", "--dir", str(folder)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ctrl-C: what it started ends with it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def places(self) -> Places:
        """Where everything is, as soon as everything is there."""
        end = time.monotonic() + START_SECONDS
        while (found := self._described()) is None:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the demo did not start: {self._log.read_text()}")
            time.sleep(0.1)
        return Places(
            source=found["source_url"],
            desk=found["desk_url"],
            vaults=tuple(VaultDoor(one["url"], one["passphrase"]) for one in found["vaults"]),
            people=tuple(Login(one["name"], one["passphrase"], one["totp"]) for one in found["people"]),
            fingerprint=found["fingerprint"],
            stick=Path(found["stick"]),
        )

    def _described(self) -> dict[str, Any] | None:
        """What demo.json holds; None while it is not there, or not yet written."""
        try:
            found: dict[str, Any] = json.loads(self._description.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return found
