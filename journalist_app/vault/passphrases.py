# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Where the verbs get passphrases from: a file given by a script, or the person at the keyboard.

A file has one passphrase a line, in the order in which the verb says it needs them; a file of a single line answers every
question, which is for throwaway demonstrations. Without a file, new passphrases are generated and printed once, old ones
are asked for without echo. None is ever taken from the command line or the environment, where other programs see it.
"""

from __future__ import annotations

from pathlib import Path

import click

from crypto import passwords
from journalist_app.vault.errors import InputError

MAX_FILE = 16_384


class Passphrases:
    """
    The answers to one verb's questions.

    Args:
        path: The script's file, or None to ask.
    """

    def __init__(self, path: Path | None) -> None:
        self._lines: list[str] | None = None
        self._next = 0
        if path is not None:
            if path.stat().st_size > MAX_FILE:
                raise InputError(f"{path} is too long for passphrases")
            self._lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
            if not self._lines:
                raise InputError(f"{path} holds no passphrase")

    def old(self, what: str) -> str:
        """
        A passphrase that exists already.

        Raises:
            InputError: The file has too few lines.
        """
        if self._lines is None:
            return str(click.prompt(f"Passphrase of {what}", hide_input=True))
        return self._line()

    def codename(self) -> str:
        """
        The words that a source gives up: asked for like a passphrase, without echo.

        Raises:
            InputError: The file has too few lines.
        """
        if self._lines is None:
            return str(click.prompt("Codename", hide_input=True))
        return self._line()

    def new(self, what: str) -> str:
        """
        A passphrase for something that is being made. A generated one is printed, once.

        Raises:
            InputError: The file has too few lines.
        """
        if self._lines is not None:
            return self._line()
        made = passwords.generate_passphrase()
        click.echo(f"Passphrase of {what}, shown this once:\n\n    {made}\n")
        return made

    def _line(self) -> str:
        lines = self._lines or []
        if len(lines) == 1:
            return lines[0]
        if self._next >= len(lines):
            raise InputError(f"the passphrase file has {len(lines)} lines, one more is needed")
        self._next += 1
        return lines[self._next - 1]
