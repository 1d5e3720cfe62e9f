# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How the vault's pages are run: gunicorn with one worker on the loopback address, its configuration as code.

One process, because the unlocked key lies in it. No control socket, no access log, no core files, nothing that others
can read. The first address carries a token that works once.
"""

from __future__ import annotations

import os
import resource
import secrets
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from journalist_app.vault.app import create_app
from journalist_app.vault.door import TOKEN_BYTES
from journalist_app.vault.errors import FolderError
from journalist_app.vault.keystore import slots, write_private
from journalist_app.vault.pgp import remove_left
from journalist_app.vault.place import ADDRESS, Place

# A handful of pages at once; an import has its own thread.
THREADS = 8


class Server(BaseApplication):  # type: ignore[misc]
    """
    One vault under our configuration.

    Args:
        place: Where it stands.
        token: What the first address carries.
    """

    def __init__(self, place: Place, token: str) -> None:
        self._place = place
        self._token = token
        super().__init__()

    def load_config(self) -> None:
        """
        Hand our settings to gunicorn. It reads no file and no environment.
        """
        chosen: dict[str, Any] = {
            "bind": [f"{ADDRESS}:{self._place.port}"],
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": 120,
            "graceful_timeout": 5,
            "keepalive": 5,
            "limit_request_line": 2048,
            "limit_request_fields": 64,
            "forwarded_allow_ips": "",
            "umask": 0o077,
            "loglevel": "error",
            "accesslog": None,
            "control_socket_disable": True,
            "when_ready": self._announce,
        }
        for key, value in chosen.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        """
        Make the app, in the worker.
        """
        return create_app(self._place, self._token)

    def _announce(self, _arbiter: object) -> None:
        click.echo(f"listening on http://{self._place.host}/?token={self._token}")
        click.echo("Open it once, in a browser profile of its own. Ctrl-C ends the vault.")


def run(place: Place, token_file: Path | None = None) -> None:
    """
    Run the vault until a signal ends it.

    Args:
        place: Where it stands.
        token_file: Where a script finds the token.

    Raises:
        FolderError: There is no vault, or the token's file cannot be written.
    """
    slots(place.folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    remove_left()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    if token_file is not None:
        try:
            token_file.unlink(missing_ok=True)
        except OSError as error:
            raise FolderError(f"{token_file} cannot be replaced: {error.strerror}") from error
        write_private(token_file, token.encode() + b"\n")
    Server(place, token).run()
