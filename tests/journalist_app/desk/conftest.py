# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A desk with a throwaway organisation of three seats, four people and an empty store.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from pathlib import Path

import pyotp
import pytest

from crypto import canonical
from crypto.passwords import CHEAPEST
from crypto.signing import sign_document, write_document
from crypto.transfer import seal_document
from journalist_app.bundle.records import Carried, EntryRecord, ReplyRecord
from journalist_app.desk import DeskSettings, create_app
from journalist_app.desk.installing import install
from journalist_app.desk.persons import Enrolment, enrol
from store import audit, batches, deletions, items, replies, returns, schema, seats, threads
from store.engine import Store, open_store
from tests.journalist_app.bundle.organisation import FIRST_DAY, Organisation, archive

# Noon of a day in epoch 4 of the organisation.
NOON = 1_773_144_000.0
TOKEN = re.compile(r'name="token" value="([0-9a-f]{32})"')


class Clock:
    """A wall clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Desk:
    """The app under test, its store, its organisation, its people."""

    def __init__(self, folder: Path, *, login_milliseconds: int = 0) -> None:
        self.clock = Clock()
        self.organisation = Organisation()
        schema.migrate(folder / "store")
        self.store: Store = open_store(folder / "store")
        self.settings = DeskSettings(
            store=folder / "store",
            keys=self._keys(folder),
            organisation="Hearing",
            doctor=folder / "doctor.json",
            watch_keys=folder / "watch-keys",
            batch_bytes=1 << 20,
            outbox_bytes=8 << 20,
            login_milliseconds=login_milliseconds,
        )
        self.people: dict[str, Enrolment] = {}
        for name, seat in (("mei", 1), ("tashi", 2), ("rena", 3), ("oskar", None)):
            self.people[name] = enrol(
                self.store,
                name=name,
                role="operator" if seat is None else "reviewer",
                seat=seat,
                organisation="Hearing",
                profile=CHEAPEST,
            )
        self.app = create_app(self.settings, profile=CHEAPEST, clock=self.clock)

    def _keys(self, folder: Path) -> Path:
        """The server's key file."""
        path = folder / "server.json"
        path.write_bytes(
            canonical.encode(
                {
                    "kind": "server keys",
                    "version": 1,
                    "signing": bytes(self.organisation.server_signing.seed).hex(),
                    "transfer": bytes(self.organisation.server_transfer.seed).hex(),
                }
            )
        )
        path.chmod(0o600)
        return path

    def install(self) -> Desk:
        """Install root, card and sheets."""
        ours = self.organisation
        raws = [ours.root.signed.encode(), ours.card.signed.encode()]
        raws += [sheet.signed.encode() for sheet in ours.sheets.values()]
        install(self.store, raws, by="test", day=FIRST_DAY, fingerprint=ours.root.fingerprint)
        return self

    def code(self, name: str) -> str:
        """The TOTP code of this moment."""
        return pyotp.TOTP(self.people[name].totp).at(int(self.clock.now))

    def browser(self, name: str | None = None):
        """A browser, logged in or not. Each login moves the clock a step on: codes work once."""
        browser = self.app.test_client()
        if name is not None:
            self.clock.now += 30
            form = {"name": name, "passphrase": self.people[name].passphrase, "code": self.code(name)}
            assert browser.post("/login", data=form).status_code == 303
        return browser

    def token(self, browser) -> str:
        """The token of this login's forms."""
        found = TOKEN.search(browser.get("/").text)
        assert found is not None
        return found[1]

    def post(self, browser, address: str, **fields: str):
        """Send a form as its page would."""
        return browser.post(address, data={"token": self.token(browser), **fields})

    def bring(self, browser, raw: bytes):
        """Upload an outbox as the page does."""
        body = form(("token", self.token(browser).encode()), ("file", raw))
        return browser.post("/outboxes", data=body, content_type="multipart/form-data; boundary=b")

    def deposit(self, *, size: int = 16_500, locator: bytes | None = None, epoch: int = 4) -> bytes:
        """A source's sealed message; returns the server's thread id."""
        header, payload = sealed_file(self.organisation, size)
        item = items.NewItem(
            id=secrets.token_bytes(16),
            epoch=epoch,
            card_sequence=1,
            seats=(1, 2, 3),
            header=header,
            payload=payload,
            length=len(payload),
        )
        locator = locator or secrets.token_bytes(32)
        made = items.deposit(self.store, locator=locator, generation=1, items=[item], day=FIRST_DAY)
        assert made.thread is not None
        return made.thread


def form(*parts: tuple[str, bytes]) -> bytes:
    """A form with files, as a browser sends it."""
    lines = b""
    for name, value in parts:
        lines += b"--b\r\n" + f'Content-Disposition: form-data; name="{name}"'.encode() + b"\r\n\r\n" + value + b"\r\n"
    return lines + b"--b--\r\n"


def sealed_file(organisation: Organisation, size: int = 1_000) -> tuple[bytes, bytes]:
    """Header and payload of a real age file; what is inside does not matter to a desk."""
    from crypto.age import Header

    document = write_document("entry", {"text": "x" * size})
    signed = sign_document("entry", document, [organisation.laptops[1].signing])
    raw = seal_document(signed, [organisation.laptops[1].bundle.recipient])
    header, payload = Header.split(raw)
    return header.raw, bytes(payload)


def carried_reply(organisation: Organisation, thread: bytes, *, sees: int = 1) -> Carried:
    """A reply to that thread, with a real age file."""
    raw = b"".join(sealed_file(organisation))
    record = ReplyRecord(
        thread=thread,
        item=secrets.token_bytes(16),
        expires_days=30,
        sees=sees,
        length=len(raw),
        sha256=hashlib.sha256(raw).digest(),
    )
    return Carried(record=record, file=raw)


def carried_entry(organisation: Organisation, *, epoch: int = 4, card: int = 1) -> Carried:
    """An entry, with a real age file."""
    raw = b"".join(sealed_file(organisation))
    record = EntryRecord(
        item=secrets.token_bytes(16),
        epoch=epoch,
        card=card,
        seats=(1, 2, 3),
        length=len(raw),
        sha256=hashlib.sha256(raw).digest(),
    )
    return Carried(record=record, file=raw)


def secret_of(enrolment: Enrolment) -> bytes:
    """The TOTP secret's bytes."""
    return base64.b32decode(enrolment.totp)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with everything installed."""
    return Desk(tmp_path).install()


@pytest.fixture
def bare_desk(tmp_path: Path) -> Desk:
    """A desk before the first documents are installed."""
    return Desk(tmp_path)


def state(desk: Desk) -> tuple[object, ...]:
    """Everything an outbox could have changed."""
    installed = seats.organisation(desk.store)
    return (
        installed,
        [returns.last_outbox(desk.store, seat) for seat in (1, 2, 3)],
        returns.acknowledgements(desk.store),
        [item.id for item in batches.pending(desk.store, budget=1 << 40)],
        deletions.queued(desk.store),
        replies.held(desk.store),
        [(one.id, one.replies) for one in threads.page(desk.store).threads],
        audit.head(desk.store),
    )


__all__ = ["Desk", "archive", "carried_entry", "carried_reply", "form", "sealed_file", "state"]
