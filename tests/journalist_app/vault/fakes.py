# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An honest server in memory, sources, and an organisation around them: what the vault's tests stand on.

The server keeps what a real one keeps (ciphertext, card, sheets, floor), gives out batches with the real writer and takes
in outboxes with the real reader. What a hostile one does is done to it by the test, field by field.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import secrets
from pathlib import Path

from crypto.age import HybridIdentity
from crypto.card import Card
from crypto.epochs import addressees, raise_floor
from crypto.frame import ListedFile, encode_list, file_header, files_header, message_header
from crypto.hidden import Hidden
from crypto.passwords import CHEAPEST
from crypto.root import Root
from crypto.seal import seal_frame
from crypto.sheet import Sheet
from crypto.signing import SigningKey
from journalist_app.bundle.batch import BatchItem, BatchManifest, pack_batch, seal_batch
from journalist_app.bundle.chain import NOTHING
from journalist_app.bundle.manifest import TakenOutbox
from journalist_app.bundle.outbox import open_outbox
from journalist_app.bundle.records import (
    AcknowledgementRecord,
    ClosedRecord,
    DeletionRecord,
    EntryRecord,
    ReplyRecord,
    SheetRecord,
)
from journalist_app.vault import ceremony, keystore, outbox, rootkeys
from journalist_app.vault.ceremony import ServerKeys

PASSPHRASE = "correct horse battery staple anchor"
FIRST_DAY = datetime.date(2026, 3, 2)


class Clock:
    """
    A laptop's calendar that the test turns.
    """

    def __init__(self, day: datetime.date = FIRST_DAY) -> None:
        self.day = day

    def __call__(self) -> datetime.date:
        return self.day


@dataclasses.dataclass
class Source:
    """
    Somebody with a codename.
    """

    thread: Hidden = dataclasses.field(default_factory=lambda: Hidden(secrets.token_bytes(32)))
    reply: HybridIdentity = dataclasses.field(default_factory=HybridIdentity.generate)
    server_thread: bytes = dataclasses.field(default_factory=lambda: secrets.token_bytes(16))


@dataclasses.dataclass
class Stored:
    """
    One item as it lies at the server.
    """

    place: BatchItem
    raw: bytes


class Server:
    """
    The server's half of the world.
    """

    def __init__(self, day: datetime.date = FIRST_DAY) -> None:
        self.signing = SigningKey.generate()
        self.transfer = HybridIdentity.generate()
        self.day = day
        self.floor = 0
        self.root: Root
        self.card: Card
        self.sheets: dict[int, Sheet] = {}
        self.waiting: list[Stored] = []
        self.batches: list[tuple[BatchManifest, bytes, list[bytes]]] = []
        self.acknowledgements: dict[int, str] = {}
        self.taken: dict[int, dict[int, bytes]] = {}
        self.published: list[tuple[ReplyRecord, bytes]] = []
        self.deletions: list[DeletionRecord] = []
        self.manifest_changes: dict[str, object] = {}

    @property
    def keys(self) -> ServerKeys:
        """
        What `dengwen server init` prints.
        """
        return ServerKeys(self.signing.public, self.transfer.recipient)

    def install(self, root: Root, card: Card, *sheets: Sheet) -> None:
        """
        What the operator installs.
        """
        self.root, self.card = root, card
        self.sheets.update({sheet.seat: sheet for sheet in sheets})

    def deposit(self, source: Source, kind: str, body: bytes, *, item: bytes | None = None, **fields: object) -> bytes:
        """
        Seal one item as the source app does.
        """
        to = addressees(self.card, self.sheets, self.day, self.root.first_day, self.floor)
        made = secrets.token_bytes(16) if item is None else item
        common = {
            "thread": source.thread,
            "item": made,
            "submission": fields.pop("submission", secrets.token_bytes(16)),
            "card": to.card_digest,
            "epoch": to.epoch,
            "seats": to.seats,
            "lang": fields.pop("lang", "zh-Hans"),
        }
        if kind == "message":
            header = message_header(reply_to=str(fields.pop("reply_to", source.reply.recipient)), **common, **fields)
        elif kind == "file":
            header = file_header(**common, **fields)
        else:
            header = files_header(**common)
        sealed = seal_frame(to.recipients, header, body)
        self.keep(made, "source", source.server_thread, to, sealed.header + sealed.payload)
        return made

    def keep(self, item: bytes, lane: str, thread: bytes, to: object, raw: bytes) -> None:
        """
        File an item for the next batch.
        """
        place = BatchItem(
            item=item,
            thread=thread,
            lane=lane,
            card=to.card_sequence,
            epoch=to.epoch,
            seats=to.seats,
            length=len(raw),
            sha256=hashlib.sha256(raw).digest(),
        )
        self.waiting.append(Stored(place, raw))

    def message(self, source: Source, text: str, **fields: object) -> bytes:
        """
        A message.
        """
        return self.deposit(source, "message", text.encode(), **fields)

    def files(self, source: Source, **named: bytes) -> list[bytes]:
        """
        A POST with files, ended by its list.
        """
        submission = secrets.token_bytes(16)
        ids = [self.deposit(source, "file", body, name=name, submission=submission) for name, body in named.items()]
        lines = [ListedFile(item, len(body)) for item, body in zip(ids, named.values(), strict=True)]
        self.deposit(source, "files", encode_list(lines), submission=submission)
        return ids

    def batch(self, stick: Path, *, number: int | None = None) -> Path:
        """
        Freeze what waits into the next batch, or write an old one again.
        """
        if number is None:
            number = self._freeze()
        manifest, sealed, raws = self.batches[number - 1]
        return write_batch(stick / f"batch-{number}.tar", manifest.number, sealed, raws)

    def _freeze(self) -> int:
        """
        Make the next batch of what waits.
        """
        number = len(self.batches) + 1
        secrets.SystemRandom().shuffle(self.waiting)
        previous = self.batches[-1][0] if self.batches else None
        fields: dict[str, object] = {
            "number": number,
            "previous": NOTHING if previous is None else digest_of(previous),
            "day": self.day,
            "root": self.root.digest,
            "card": self.card.signed.encode().decode(),
            "sheets": tuple(
                self.sheets[seat.number].signed.encode().decode()
                for seat in self.card.seats
                if seat.number in self.sheets
            ),
            "floor": self.floor,
            "items": tuple(one.place for one in self.waiting),
            "acknowledgements": tuple(self.acknowledgements[seat] for seat in sorted(self.acknowledgements)),
            "outboxes": tuple(
                TakenOutbox(seat=seat, sequence=max(run), digest=run[max(run)])
                for seat, run in sorted(self.taken.items())
            ),
        }
        manifest = BatchManifest(**{**fields, **self.manifest_changes})
        sealed = seal_batch(manifest, self.signing, [seat.recipient for seat in self.card.seats])
        self.batches.append((manifest, sealed, [one.raw for one in self.waiting]))
        self.waiting = []
        return number

    def take(self, path: Path) -> int:
        """
        Take in an outbox, as the desk does.
        """
        with path.open("rb") as file:
            reader = open_outbox(file, self.transfer, self.root.digest, self.card)
            run = self.taken.get(reader.manifest.seat, {})
            reader.standing(max(run, default=0), run.get)
            files = {record.item: raw for record, raw in reader.files()}
        # All or nothing, as at the desk.
        if any(isinstance(record, EntryRecord) and record.epoch < self.floor for record in reader.manifest.records):
            raise ValueError("below the floor")
        for record in reader.manifest.records:
            self._apply(reader.manifest.seat, record, files)
        self.taken[reader.manifest.seat] = {**run, reader.manifest.sequence: reader.digest}
        return reader.manifest.sequence

    def _apply(self, seat: int, record: object, files: dict[bytes, bytes]) -> None:
        """
        Do what one record says.
        """
        if isinstance(record, ReplyRecord):
            self.published.append((record, files[record.item]))
        if isinstance(record, EntryRecord):
            place = BatchItem(
                item=record.item,
                thread=b"",
                lane="team",
                card=record.card,
                epoch=record.epoch,
                seats=record.seats,
                length=record.length,
                sha256=record.sha256,
            )
            self.waiting.append(Stored(place, files[record.item]))
        if isinstance(record, SheetRecord):
            self.sheets[seat] = Sheet.decode(record.signed.encode(), self.root, self.card)
        if isinstance(record, AcknowledgementRecord):
            self.acknowledgements[seat] = record.signed
        if isinstance(record, ClosedRecord):
            self.floor = raise_floor(self.floor, record.through, self.day, self.root.first_day)
        if isinstance(record, DeletionRecord):
            self.deletions.append(record)


def write_batch(path: Path, number: int, sealed: bytes, raws: list[bytes]) -> Path:
    """
    Write a batch's archive.
    """
    path.write_bytes(b"".join(pack_batch(number, sealed, [(len(raw), [raw]) for raw in raws])))
    return path


def digest_of(manifest: BatchManifest) -> bytes:
    """
    The digest of a manifest document.
    """
    return hashlib.sha256(manifest.document()).digest()


class Organisation:
    """
    A server, a stick, and one vault a seat, made by the ceremony.
    """

    def __init__(self, folder: Path, seats: int = 1, *, threshold: int = 1, roots: int = 1) -> None:
        self.folder = folder
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.server = Server()
        self.clock = Clock()
        self.vaults: list[keystore.Vault] = []
        out = folder / "out"
        made = ceremony.found(
            folder / "v1",
            self.server.keys,
            out,
            person="Person 1",
            passphrase=PASSPHRASE,
            root_passphrases=[PASSPHRASE] * roots,
            threshold=threshold,
            profile=CHEAPEST,
            clock=self.clock,
        )
        self.server.install(made.root, made.card, made.sheet)
        self.root_keys = [rootkeys.read_root_key(path, PASSPHRASE) for path in sorted(out.glob("root-key-*.json"))]
        self.vaults.append(self.open(1))
        if seats > 1:
            self.admit(seats - 1)

    def open(self, seat: int) -> keystore.Vault:
        """
        Open one vault.
        """
        return keystore.open_vault(self.folder / f"v{seat}", PASSPHRASE, clock=self.clock)

    def request(self, number: int) -> ceremony.SeatRequest:
        """
        A further laptop's vault and its request.
        """
        folder = self.folder / f"v{number}"
        raw = ceremony.request_seat(
            folder, person=f"Person {number}", passphrase=PASSPHRASE, profile=CHEAPEST, clock=self.clock
        )
        return ceremony.read_request(raw)

    def admit(self, count: int) -> None:
        """
        Put further seats on the next card, and their first outboxes into the server.
        """
        first = len(self.vaults) + 1
        requests = [self.request(number) for number in range(first, first + count)]
        signed = ceremony.draft_card(self.vaults[0], admit=requests)
        for key in self.root_keys:
            signed = rootkeys.sign_card(signed, key, self.server.root)
        card = ceremony.install_card(self.vaults[0], signed)
        self.server.install(self.server.root, card)
        for number in range(first, first + count):
            vault = self.open(number)
            ceremony.accept_seat(vault, signed, [self.server.root.signed], self.server.root.fingerprint)
            self.vaults.append(vault)
            self.send(vault)

    def send(self, vault: keystore.Vault) -> int:
        """
        Freeze an outbox, carry it, take it in.
        """
        frozen = outbox.freeze(vault)
        return self.server.take(outbox.write_to(vault, frozen.sequence, self.stick))

    def turn(self, days: int) -> None:
        """
        Let days pass, for everyone.
        """
        self.clock.day += datetime.timedelta(days=days)
        self.server.day = self.clock.day

    def close(self) -> None:
        """
        Close every vault.
        """
        for vault in self.vaults:
            vault.close()
