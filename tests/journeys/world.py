# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A whole organisation in one process: the real server folder, source pages, desk pages and vaults, and the stick between them.

Nothing here stands in for anything: the ceremony is the ceremony, the pages are the pages. What is cheaper than in earnest is what
opening a passphrase costs; what is faster is the calendar, which the test turns.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Table, select

from crypto.card import Card
from crypto.codename import Codename
from crypto.derive import Subkeys, derive
from crypto.passwords import CHEAPEST
from crypto.root import Root
from crypto.signing import SignedDocument
from deploy import server
from deploy.settings import load
from journalist_app.desk import create_app as create_desk
from journalist_app.desk.persons import Enrolment, enrol
from journalist_app.vault import ceremony, keystore, models, outbox, reading, rootkeys
from journalist_app.vault.alarms import every
from journalist_app.vault.attachments import attachment
from journalist_app.vault.importer import import_batch
from source_app.app import create_app as create_source
from source_app.parts import KEY
from store import reviewers, threads
from store.engine import Store, open_store

PASSPHRASE = "correct horse battery staple anchor"
NAMES = ("amber", "birch", "cedar")
#: What every seat's vault must hold alike once it has imported the same batches.
SHARED = (models.items, models.payloads, models.listed, models.entries, models.threads)

_TOKEN = re.compile(r'name="token" value="([0-9a-f]{32})"')
_REFUSED = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)


class Calendar:
    """
    The day, for everyone, and the desk's wall clock on it.
    """

    def __init__(self, day: datetime.date) -> None:
        self.day = day
        self._seconds = 43_200.0

    def today(self) -> datetime.date:
        """The day."""
        return self.day

    def seconds(self) -> float:
        """A moment of the day, as a wall clock tells it."""
        midnight = datetime.datetime.combine(self.day, datetime.time(), datetime.UTC)
        return midnight.timestamp() + self._seconds

    def step(self) -> None:
        """Let half a minute pass: a TOTP code works once."""
        self._seconds += 30

    def turn(self, days: int) -> None:
        """Let days pass."""
        self.day += datetime.timedelta(days=days)
        self._seconds = 43_200.0


@dataclasses.dataclass
class Answer:
    """What the desk said."""

    status: int
    text: str

    @property
    def heading(self) -> str:
        """Its heading."""
        found = _REFUSED.search(self.text)
        return "" if found is None else " ".join(found[1].split())


class World:
    """
    A server and its seats.

    Args:
        folder: An empty folder.
        seats: How many.
        begun: The root's first day and the day it is now; today if it is not said.
        limits: Settings of the source app that are not as installed.
    """

    def __init__(self, folder: Path, *, seats: int = 3, begun: datetime.date | None = None, **limits: int) -> None:
        self.folder = folder
        self.calendar = Calendar(begun or server.today())
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.server = folder / "server"
        public = server.initialise(self.server, "Journeys 旅", source="127.0.0.1:0", desk="127.0.0.1:0")
        self.vaults: dict[int, keystore.Vault] = {}
        self.root, self.card = self._found(public)
        self.store: Store = open_store(self.server / server.STORE)
        self._limits: dict[str, Any] = {"reserve_bytes": 0, **limits}
        self.start_source()
        self.people: dict[int, Enrolment] = {}
        self.start_desk()
        self.install((folder / "ceremony" / "install.json").read_bytes())
        self.enrol(1)
        if seats > 1:
            self.admit(seats - 1)

    def start_source(self) -> None:
        """Start the source app, or start it anew: its memory is gone then."""
        settings = dataclasses.replace(load(self.server).source, **self._limits)
        self.app: Flask = create_source(settings)
        self.app.extensions[KEY].intake.clock = self.calendar.today

    def start_desk(self) -> None:
        """Start the desk, or start it anew."""
        settings = dataclasses.replace(load(self.server).desk, login_milliseconds=0)
        self.desk: Flask = create_desk(settings, profile=CHEAPEST, clock=self.calendar.seconds)
        self._browsers: dict[int, FlaskClient] = {}

    def _found(self, public: bytes) -> tuple[Root, Card]:
        """Seat 1 holds the ceremony."""
        made = ceremony.found(
            self.folder / "vault-1",
            ceremony.read_server(public),
            self.folder / "ceremony",
            person=NAMES[0],
            passphrase=PASSPHRASE,
            root_passphrases=[PASSPHRASE],
            threshold=1,
            profile=CHEAPEST,
            clock=self.calendar.today,
        )
        self.root_key = rootkeys.read_root_key(self.folder / "ceremony" / "root-key-1.json", PASSPHRASE)
        self.vaults[1] = self.open(1)
        return made.root, made.card

    def install(self, raw: bytes) -> None:
        """`dengwen server install`."""
        path = self.folder / "ceremony" / "carried.json"
        path.write_bytes(raw)
        server.install_file(self.server, path, fingerprint=self.root.fingerprint)

    def enrol(self, seat: int) -> None:
        """Let the person of a seat log in at the desk."""
        name = NAMES[seat - 1]
        self.people[seat] = enrol(
            self.store, name=name, role="reviewer", seat=seat, organisation="Journeys", profile=CHEAPEST
        )

    def into_real_time(self) -> None:
        """
        Programs of their own go by the machine's clock, which may be hours behind the calendar's noon: what was typed then is no spent code to them.
        """
        for person in self.people.values():
            reviewers.set_totp(self.store, person.person.id, base64.b32decode(person.totp))

    def open(self, seat: int) -> keystore.Vault:
        """Open a seat's vault."""
        return keystore.open_vault(self.folder / f"vault-{seat}", PASSPHRASE, clock=self.calendar.today)

    def admit(self, count: int) -> None:
        """Further seats: request, card, acceptance, first outbox."""
        first = len(self.vaults) + 1
        numbers = range(first, first + count)
        requests = [
            ceremony.read_request(
                ceremony.request_seat(
                    self.folder / f"vault-{number}",
                    person=NAMES[number - 1],
                    passphrase=PASSPHRASE,
                    profile=CHEAPEST,
                    clock=self.calendar.today,
                )
            )
            for number in numbers
        ]
        signed = self.next_card(ceremony.draft_card(self.vaults[1], admit=requests))
        for number in numbers:
            vault = self.open(number)
            ceremony.accept_seat(vault, signed, [self.root.signed], self.root.fingerprint)
            self.vaults[number] = vault
            self.enrol(number)
            self.send(number)

    def next_card(self, draft: SignedDocument) -> SignedDocument:
        """Sign a draft with the root key and install it at seat 1 and at the server."""
        signed = rootkeys.sign_card(draft, self.root_key, self.root)
        self.card = ceremony.install_card(self.vaults[1], signed)
        self.install(signed.encode())
        return signed

    # The desk's pages

    def browser(self, seat: int = 1) -> FlaskClient:
        """A browser in which the person of a seat is logged in."""
        if seat not in self._browsers:
            self.calendar.step()
            person = self.people[seat]
            code = pyotp.TOTP(person.totp).at(int(self.calendar.seconds()))
            typed = {"name": person.person.name, "passphrase": person.passphrase, "code": code}
            browser = self.desk.test_client()
            assert browser.post("/login", data=typed).status_code == 303
            self._browsers[seat] = browser
        return self._browsers[seat]

    def token(self, seat: int = 1) -> str:
        """The form token of that login."""
        found = _TOKEN.search(self.browser(seat).get("/").text)
        assert found is not None
        return found[1]

    def take_out(self, seat: int = 1) -> Path:
        """Take out the next batch and save it on the stick."""
        browser = self.browser(seat)
        form = re.search(r'name="number" value="(\d+)"', browser.get("/batches").text)
        assert form is not None
        number = int(form[1])
        assert browser.post("/batches", data={"token": self.token(seat), "number": form[1]}).status_code == 303
        return self.save(number, seat)

    def save(self, number: int, seat: int = 1) -> Path:
        """Save a batch that was taken out before."""
        path = self.stick / f"batch-{number:06d}.tar"
        answer = self.browser(seat).get(f"/batches/{number}/download")
        assert answer.status_code == 200
        path.write_bytes(answer.data)
        return path

    def bring(self, raw: bytes, seat: int = 1) -> Answer:
        """Bring an outbox to the desk."""
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part
            for part in ((b"token", self.token(seat).encode()), (b"file", raw))
        )
        answer = self.browser(seat).post(
            "/outboxes", data=body + b"--b--\r\n", content_type="multipart/form-data; boundary=b"
        )
        return Answer(answer.status_code, answer.text)

    # The vaults

    def write_outbox(self, seat: int) -> Path:
        """Freeze a seat's next outbox and write it to the stick."""
        frozen = outbox.freeze(self.vaults[seat])
        return outbox.write_to(self.vaults[seat], frozen.sequence, self.stick)

    def send(self, seat: int) -> Answer:
        """The same, carried to the desk and taken in."""
        answer = self.bring(self.write_outbox(seat).read_bytes())
        assert answer.status == 200, answer.text
        assert "Taken in" in answer.text
        return answer

    def import_all(self, path: Path, *seats: int) -> None:
        """Import a batch in these vaults (all of them if none is named); it must be whole and faultless."""
        for seat in seats or tuple(self.vaults):
            report = import_batch(self.vaults[seat], path)
            assert report.whole, report
            assert (report.refused, report.damaged, report.repeated) == ([], [], []), report

    def carry(self, *seats: int) -> Path:
        """Take out the next batch and import it."""
        path = self.take_out()
        self.import_all(path, *seats)
        return path

    def thread(self, seat: int, value: bytes) -> reading.Thread:
        """One thread as a seat's page shows it."""
        with self.vaults[seat].read() as connection:
            return reading.thread(connection, value)

    def texts(self, seat: int, value: bytes) -> list[str]:
        """A thread's messages, in no order: within a day nothing is known of it."""
        return sorted(one.row.text for one in self.thread(seat, value).items if one.row.kind == "message")

    def files(self, seat: int, value: bytes) -> dict[str, bytes]:
        """A thread's files by true name, as the download page hands them out."""
        found = {}
        for one in self.thread(seat, value).items:
            if one.row.kind == "file":
                opened = attachment(self.vaults[seat], one.row.item)
                found[opened.name] = b"".join(bytes(chunk) for chunk in opened.chunks)
        return found

    def alarms(self, seat: int) -> list[str]:
        """The kinds of alarms a seat's vault has raised, sorted."""
        with self.vaults[seat].read() as connection:
            return sorted(one.kind for one in every(connection))

    def dump(self, seat: int, tables: Sequence[Table] = SHARED) -> dict[str, list[tuple[Any, ...]]]:
        """Tables of a vault, row by row, in an order of their own."""
        with self.vaults[seat].read() as connection:
            return {
                table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
                for table in tables
            }

    # A source

    def subkeys(self, words: str) -> Subkeys:
        """What a codename derives to here."""
        return derive(Codename.parse(words).secret, self.root.generations[0])

    def thread_value(self, words: str) -> bytes:
        """The thread value of a codename."""
        return bytes(self.subkeys(words).thread)

    def server_thread(self, words: str) -> threads.Thread | None:
        """What the server knows under a codename."""
        return threads.find(self.store, self.subkeys(words).locator)

    def copied(self, folder: Path) -> World:
        """
        The same organisation in another folder, with vaults and a store of its own: a ceremony is played once for many tests.
        """
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        twin = copy.copy(self)
        twin.folder, twin.stick, twin.server = folder, folder / "stick", folder / "server"
        # Not an earlier moment: a TOTP code works once.
        twin.calendar = copy.copy(self.calendar)
        twin.vaults = {seat: twin.open(seat) for seat in self.vaults}
        twin.people = dict(self.people)
        twin.store = open_store(twin.server / server.STORE)
        twin.start_source()
        twin.start_desk()
        return twin

    def close(self) -> None:
        """Close every vault."""
        for vault in self.vaults.values():
            vault.close()
        self.store.close()
