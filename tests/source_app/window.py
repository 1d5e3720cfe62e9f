# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A browser window on an app in this process: it keeps cookies and sends the forms that a page has. And an app to point it at.
"""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from crypto.age import HybridIdentity
from crypto.codename import Codename
from crypto.derive import CHEAPEST, Costs, Subkeys, derive
from crypto.replies import Status, seal_reply
from source_app.app import create_app
from source_app.parts import KEY, Parts
from source_app.settings import SourceSettings
from store import replies, threads
from store.engine import Store
from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.throwaway import Throwaway, new_store

_FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_FIRST_CODENAME = re.compile(r'<ol class="codename (?:words|characters|numbers)"[^>]*>(.*?)</ol>', re.DOTALL)
FAR = datetime.date(2099, 1, 1)


@cache
def one_seat(costs: Costs) -> Throwaway:
    """An organisation of one seat; nothing in it changes, so all tests may share it."""
    return Throwaway(1, costs=costs)


@dataclass
class House:
    """An app over a throwaway organisation, and the keys to read what it stored."""

    organisation: Throwaway
    store: Store
    app: Flask

    @classmethod
    def open(cls, folder: Path, *, costs: Costs = CHEAPEST, sheets: bool = True, **settings: Any) -> House:
        organisation = one_seat(costs)
        store = new_store(folder / "store")
        organisation.install(store, sheets=sheets)
        values = {"reserve_bytes": 0, "organisation": "Drum & Co", **settings}
        app = create_app(SourceSettings(store=folder / "store", **values))
        return cls(organisation, store, app)

    @property
    def parts(self) -> Parts:
        """The app's parts."""
        found: Parts = self.app.extensions[KEY]
        return found

    def restarted(self) -> House:
        """The same store under a new app: what a restart leaves."""
        return House(self.organisation, self.store, create_app(self.parts.settings))

    def later(self, seconds: float) -> None:
        """Let the workers' clock move on."""
        memory = self.parts.memory
        before = memory._clock
        memory._clock = lambda: before() + seconds

    def texts(self) -> list[str]:
        """Every message stored, as a reviewer reads it."""
        return sorted(one.body.decode() for one in self.organisation.opened(self.store) if one.header.kind == "message")

    def kinds(self) -> list[str]:
        """The kinds of all items stored."""
        return sorted(one.header.kind for one in self.organisation.opened(self.store))

    def subkeys(self, words: str) -> Subkeys:
        """What a codename derives to here."""
        return derive(Codename.parse(words).secret, self.organisation.root.generations[0])

    def publish(self, words: str, *, seat: int = 1, **changed: object) -> bytes:
        """Publish a reply or a status to the thread of a codename, as an outbox does; returns its item id."""
        keys = self.subkeys(words)
        thread = threads.find(self.store, keys.locator)
        assert thread is not None
        status: Status | None = changed.get("status")  # type: ignore[assignment]
        item = secrets.token_bytes(16)
        sealed = seal_reply(
            recipient=HybridIdentity(keys.reply_seed).recipient,
            thread=changed.get("thread", keys.thread),  # type: ignore[arg-type]
            item=item,
            seat=seat,
            key=changed.get("key", self.organisation.signing[0]),  # type: ignore[arg-type]
            card=changed.get("card", self.organisation.card.digest),  # type: ignore[arg-type]
            epoch=0,
            lang=str(changed.get("lang", "en")),
            text=None if status else str(changed.get("text", "We have read it.")),
            status=status,
        )
        filed = changed.get("filed", item)
        replies.publish(
            self.store,
            thread.id,
            replies.NewReply(id=filed, header=sealed.header, payload=sealed.payload, expires=FAR),  # type: ignore[arg-type]
        )
        return item


@dataclass
class Window:
    """One window, in one language."""

    house: House
    language: str = "en"
    page: TestResponse = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.house.app.test_client()

    @property
    def html(self) -> str:
        """The page that is shown."""
        return self.page.text

    def go(self, name: str) -> TestResponse:
        """Open a page by its name."""
        self.page = self.client.get(f"/{self.language}/{name}", follow_redirects=True)
        return self.page

    def send(self, act: str, *files: tuple[str, bytes], **fields: str) -> TestResponse:
        """Send the form of the shown page that goes to `act`, and follow where it leads."""
        return self.post(
            act,
            *(text(name, value) for name, value in {**self.hidden(act), **fields}.items()),
            *(file(name, content) for name, content in files),
        )

    def post(
        self, act: str, *parts: bytes, headers: Mapping[str, str] | None = None, follow: bool = True
    ) -> TestResponse:
        """Send parts of one's own making."""
        self.page = self.client.post(
            f"/{self.language}/{act}",
            data=body(*parts),
            content_type=CONTENT_TYPE,
            headers=headers,
            follow_redirects=follow,
        )
        return self.page

    def hidden(self, act: str) -> dict[str, str]:
        """The hidden fields of a form on the shown page."""
        for action, inside in _FORM.findall(self.html):
            if action == f"/{self.language}/{act}":
                return dict(_HIDDEN.findall(inside))
        raise LookupError(f"no form to {act} on this page ({self.page.status_code})")

    def offers(self, act: str) -> bool:
        """Whether the shown page has a form to `act`."""
        return any(action == f"/{self.language}/{act}" for action, _ in _FORM.findall(self.html))

    def codename(self) -> str:
        """The codename the page shows first."""
        found = _FIRST_CODENAME.search(self.html)
        if found is None:
            raise LookupError("the page shows no codename")
        return " ".join(re.findall(r"<bdi>(.*?)</bdi>", found[1]))

    def shows_codename(self) -> bool:
        """Whether the page shows one."""
        return _FIRST_CODENAME.search(self.html) is not None

    def write(self, message: str = "What I saw", *files: tuple[str, bytes]) -> str:
        """A first contact; returns the codename."""
        self.go("write")
        self.send("write", *files, message=message)
        assert self.page.status_code == 200
        return self.codename()

    def come_back(self, words: str) -> None:
        """A return with a codename."""
        self.go("return")
        self.send("return", codename=words)

    def cookie(self) -> str | None:
        """The session's cookie."""
        found = self.client.get_cookie("s")
        return None if found is None else found.value
