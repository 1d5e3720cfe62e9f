# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A source, a reviewer at the desk and a reviewer at a vault, as the check plays them: each does with pages what a person would.

They know the pages by their forms and words only. What a page should say and does not is a `CheckFailedError`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyotp

from deploy.errors import CheckFailedError
from deploy.evidence import Evidence
from deploy.reading import Page
from deploy.visitor import Attachment, Visitor

LANGUAGE = "zh-Hans"
IMPORT_SECONDS = 1_800


def require(page: Page, *words: str) -> Page:
    """
    Raises:
        CheckFailedError: A word does not stand on the page, or the page is an error.
    """
    missing = [word for word in words if word not in page.text]
    if missing or page.status >= 400:
        raise CheckFailedError(f"{page.url} (status {page.status}) lacks {missing}: it says {page.text[:400]}")
    return page


class Source:
    """
    Somebody in Tor Browser.
    """

    def __init__(self, url: str, *, host: str = "") -> None:
        self._visitor = Visitor(url, host=host)
        self._page: Page | None = None
        self.codename: tuple[str, ...] = ()

    def write(self, words: str) -> Page:
        """
        Choose the language, write, and read the codename.
        """
        first = self._visitor.get("/")
        landing = next(path for path, label in first.links if label.startswith("简体中文"))
        form_page = self._visitor.get(self._way(self._visitor.get(landing), "write"))
        page = self._visitor.submit(form_page, form_page.form("token", "message"), {"message": words})
        self.codename = page.list_items("codename")
        if len(self.codename) != 9:
            raise CheckFailedError(f"no codename of nine symbols on the page: {page.text[:300]}")
        self._page = page
        return page

    def attach(self, files: Sequence[Evidence]) -> Page:
        """
        Send files from the page that the message led to, or from the thread's; each must be listed afterwards. From a frame, on to the page again.
        """
        page = self._here()
        attachments = [Attachment(one.name, one.length, one.blocks) for one in files]
        sent = self._visitor.submit(page, page.form("token", "files"), files=attachments)
        self._page = sent if sent.url.endswith("/received") else self._visitor.get(self._way(sent, "received"))
        return require(sent, *(one.name for one in files))

    def knows(self) -> None:
        """
        Press "I have it", and see that the codename is gone; then log out.
        """
        page = self._here()
        page = self._visitor.submit(page, page.form("token", action="/known"))
        if all(symbol in page.list_items("codename") for symbol in self.codename):
            raise CheckFailedError("the codename is still shown after “I have it”")
        self._page = self._visitor.submit(page, page.form("token", action="/leave"))

    def come_back(self) -> Page:
        """
        Open the thread with nothing but the nine symbols.
        """
        landing = self._visitor.get(f"/{LANGUAGE}/")
        page = self._visitor.get(self._way(landing, "return"))
        self._page = self._visitor.submit(page, page.form("token", "codename"), {"codename": "".join(self.codename)})
        return self._page

    def _here(self) -> Page:
        if self._page is None:
            raise CheckFailedError("the source has no page open")
        return self._page

    @staticmethod
    def _way(page: Page, ending: str) -> str:
        return next(path for path, _ in page.links if path.endswith(ending))


@dataclass(frozen=True, slots=True)
class Login:
    """
    What a person types at the desk.
    """

    name: str
    passphrase: str
    totp: str


class AtDesk:
    """
    A reviewer at the online laptop.
    """

    def __init__(self, url: str, login: Login) -> None:
        self._visitor = Visitor(url)
        page = self._visitor.get("/login")
        typed = {"name": login.name, "passphrase": login.passphrase, "code": pyotp.TOTP(login.totp).now()}
        require(self._visitor.submit(page, page.form("name", "passphrase", "code"), typed), "Threads")

    def threads(self) -> Page:
        """
        The list of threads.
        """
        return self._visitor.get("/")

    def take_out(self, stick: Path) -> Path:
        """
        Take out the next batch and save it on the stick.

        Returns:
            The file.
        """
        page = self._visitor.get("/batches")
        page = require(self._visitor.submit(page, page.form("token", "number")), "Digest")
        address = next(path for path, label in page.links if label == "Download")
        number = address.rstrip("/").split("/")[-2]
        path = stick / f"batch-{int(number):08}.tar"
        with path.open("xb") as file:
            self._visitor.save(address, file)
        return path

    def take_in(self, outbox: Path) -> Page:
        """
        Take in an outbox from the stick.
        """
        page = self._visitor.get("/outboxes")
        form = page.form("token", "file")
        raw = outbox.read_bytes()
        sent = Attachment(outbox.name, len(raw), lambda: iter((raw,)))
        return require(self._visitor.submit(page, form, files=[sent]), "Taken in")


class AtVault:
    """
    A reviewer at an offline laptop.
    """

    def __init__(self, url: str, passphrase: str) -> None:
        self._visitor = Visitor(url)
        page = self._visitor.get(url)
        require(self._visitor.submit(page, page.form("passphrase"), {"passphrase": passphrase}), "Threads")

    def take(self, batch: Path) -> Page:
        """
        Import a batch from the stick and wait until it is whole.
        """
        page = self._visitor.get("/import")
        form = next(one for one in page.forms if ("file", batch.name) in one.fields)
        page = self._visitor.submit(page, form)
        end = time.monotonic() + IMPORT_SECONDS
        while "renews itself" in page.text and time.monotonic() < end:
            time.sleep(0.2)
            page = self._visitor.get("/import")
        return require(page, "The batch is whole")

    def thread(self) -> Page:
        """
        The only thread there is.
        """
        page = self._visitor.get("/")
        return self._visitor.get(next(path for path, _ in page.links if path.startswith("/threads/")))

    def download(self, thread: Page) -> dict[str, int]:
        """
        Download every file of a thread into nothing.

        Returns:
            SHA-256 in hex, and length.
        """
        found: dict[str, int] = {}
        for path in [path for path, label in thread.links if label == "Download"]:
            digest = Digest()
            length = self._visitor.save(path, digest)
            found[digest.hexdigest()] = length
        return found

    def act(self, thread: Page, act: str, **values: str) -> Page:
        """
        Reply, note, or set the state.
        """
        return self._visitor.submit(thread, thread.form("csrf", action=f"/{act}"), values)

    def write_outbox(self, stick: Path) -> Path:
        """
        Write the next outbox to the stick.

        Returns:
            The file.
        """
        before = set(stick.iterdir())
        page = self._visitor.get("/outbox")
        require(self._visitor.submit(page, page.form("csrf", action="/freeze")), "is on the stick")
        return next(iter(set(stick.iterdir()) - before))


class Digest:
    """
    A file that keeps nothing of what is written to it but its SHA-256.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        """Take a block."""
        self._digest.update(block)
        return len(block)

    def hexdigest(self) -> str:
        """SHA-256 in hex."""
        return self._digest.hexdigest()
