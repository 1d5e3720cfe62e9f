# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A browser at one vault, through a WSGI client: it carries the cookie and the form's token, and follows redirects.
"""

from __future__ import annotations

import re
from pathlib import Path

from flask.testing import FlaskClient

from journalist_app.vault.app import create_app
from journalist_app.vault.place import Place
from tests.journalist_app.vault.fakes import PASSPHRASE

TOKEN = "t" * 43
PORT = 8471
HOST = f"127.0.0.1:{PORT}"


class Browser:
    """
    A browser at one vault.
    """

    def __init__(self, folder: Path, stick: Path, clock: object, save: Path | None = None) -> None:
        self.app = create_app(Place(folder=folder, sticks=(stick,), port=PORT, save=save, clock=clock), TOKEN)
        self.client: FlaskClient = self.app.test_client()
        self.page = ""

    def get(self, path: str, **more: object):
        """
        Open an address, following redirects.
        """
        answer = self.client.get(path, base_url=f"http://{HOST}", follow_redirects=True, buffered=True, **more)
        self.page = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        return answer

    def post(self, path: str, **form: str):
        """
        Send a form with the token of the page before.
        """
        token = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.page)
        answer = self.client.post(
            path, data={"csrf": token[1] if token else "", **form}, base_url=f"http://{HOST}", follow_redirects=True
        )
        self.page = answer.get_data(as_text=True)
        job = self.app.extensions["door"].job
        if path == "/import" and job is not None and job.running:
            # On a busy machine even a short import shows its progress first.
            job.wait(60)
            self.get(path)
        return answer

    def enter(self) -> None:
        """
        Come in and unlock.
        """
        assert self.get(f"/?token={TOKEN}").status_code == 200
        assert self.post("/unlock", passphrase=PASSPHRASE).status_code == 200

    def close(self) -> None:
        """
        End the app's vault.
        """
        entry = self.app.extensions["door"]
        if entry.open:
            entry.lock()
