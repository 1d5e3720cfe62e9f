# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A busy day over loopback with the real programs, and everything secret that happened in it, written down to be searched for.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from crypto.age import HybridIdentity
from crypto.age.bech32 import encode as bech32
from crypto.codename import Codename
from crypto.derive import derive
from crypto.hidden import Hidden
from deploy.evidence import Evidence
from deploy.people import AtDesk, Login, Source
from deploy.processes import start
from journalist_app.vault import replies
from journalist_app.vault.models import epochs, facts
from tests.journeys.world import PASSPHRASE, World

MESSAGES = ("二〇二五年三月，县公安局的人带走了我的丈夫。", "A second source writes about the same county, at length.")
REPLY = "我们读到了您的信。请问是哪一个派出所？"
NOTE = "Compare with the other thread of that county."
SIZES = (200_003, 900_001, 77_777)


@dataclass
class Busy:
    """
    Args:
        world: The organisation; its server's programs have ended.
        codenames: Of the sources.
        files: What they attached.
        slips: What a source was given to send parts with.
    """

    world: World
    codenames: list[Codename] = field(default_factory=list)
    files: list[Evidence] = field(default_factory=list)
    slips: list[str] = field(default_factory=list)

    @property
    def taken(self) -> Path:
        """What is taken: everything the server's programs could write to."""
        return self.world.folder / "server"

    def everything(self) -> Iterator[Path]:
        """Every file of the server: its folder, its temporary files, its logs."""
        for part in ("server", "tmp", "logs"):
            yield from sorted(path for path in (self.world.folder / part).rglob("*") if path.is_file())

    def words(self) -> Iterator[tuple[str, bytes]]:
        """What was said and what it was called, in each way it might be written."""
        for text in (*MESSAGES, REPLY, NOTE):
            yield "a text", text.encode()
            yield "a text, as UTF-16", text.encode("utf-16-le")
        for file in self.files:
            yield "a piece of a file", file.marker
            yield "a file's name", file.name.encode()
        for name in self.codenames:
            renderings = (name.words(), name.characters(), tuple(map(str, name.numbers())))
            for rendering, joint in itertools.product(renderings, ("", " ", "\n", ",", "-", "+", "%20")):
                yield "a codename", joint.join(rendering).encode()
        for slip in self.slips:
            yield "a slip", slip.encode()
            yield "a slip", slip.upper().encode()
            yield "a slip", base64.b32decode(f"{slip.upper()}====")
        yield "a vault's passphrase", PASSPHRASE.encode()
        for person in self.world.people.values():
            yield "a person's passphrase", person.passphrase.encode()

    def private_keys(self) -> Iterator[tuple[str, Hidden]]:
        """Every private key that exists and is not the server's own, by what it is."""
        yield "the root key", self.world.root_key.seed
        for seat, vault in self.world.vaults.items():
            with vault.read() as connection:
                for name in ("signing", "bundle"):
                    seed = connection.execute(select(facts.c.content).where(facts.c.name == name)).scalar_one()
                    yield f"the {name} key of seat {seat}", Hidden(seed)
                for row in connection.execute(select(epochs)):
                    yield f"the seed of epoch {row.number} of seat {seat}", Hidden(row.seed)
        for codename in self.codenames:
            keys = derive(codename.secret, self.world.root.generations[0])
            yield "a codename's secret", codename.secret
            yield "a reply seed", keys.reply_seed
            yield "a thread value", keys.thread
            yield "a locator token", keys.locator_token


def spellings(secret: bytes) -> Iterator[bytes]:
    """How 16 or more bytes might stand in a file."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for before in range(3):
        # Base64 inside something longer begins at one of three places; its edges depend on what stands beside it.
        encoded = base64.b64encode(bytes(before) + secret)
        yield encoded[4 if before else 0 : -4]
        yield base64.urlsafe_b64encode(bytes(before) + secret)[4 if before else 0 : -4]
    if len(secret) == 32:
        yield bech32("AGE-SECRET-KEY-PQ-", secret).encode()
        yield bech32("AGE-SECRET-KEY-PQ-", secret).upper().encode()
        yield bytes(HybridIdentity(Hidden(secret)).serialise())


def busy_server(world: World) -> Busy:
    """
    Three sources, six files, batches, a reply, notes, an ordered deletion, a forgotten thread; then the programs end.
    """
    made = Busy(world)
    world.into_real_time()
    with ExitStack() as stack:
        origins = []
        for name in ("source", "desk"):
            log = world.folder / "logs" / f"{name}.log"
            log.parent.mkdir(exist_ok=True)
            temporary = world.folder / "tmp" / name
            running = start(name, "deploy", (name, "--dir", str(world.server)), log=log, temporary=temporary)
            stack.callback(running.stop)
            origins.append(running.url)
        a_day(made, *origins)
    return made


def a_day(made: Busy, source_url: str, desk_url: str) -> None:
    """What people do in it."""
    world = made.world
    made.files = [
        Evidence(f"证据 {number}.{kind}", size)
        for number, (kind, size) in enumerate(zip(("jpg", "pdf", "ogg"), SIZES, strict=True))
    ]
    first, second, third = (Source(source_url) for _ in range(3))
    first.write(MESSAGES[0])
    first.attach(made.files[:2])
    second.write(MESSAGES[1])
    second.attach(made.files[2:])
    third.write(MESSAGES[0])
    made.slips = [_slip(first), _slip(third)]
    made.codenames = [Codename.parse("".join(one.codename)) for one in (first, second, third)]
    person = world.people[1]
    desk = AtDesk(desk_url, Login(person.person.name, person.passphrase, person.totp))
    world.import_all(desk.take_out(world.stick))
    values = [bytes(derive(name.secret, world.root.generations[0]).thread) for name in made.codenames]
    replies.reply(world.vaults[1], values[0], REPLY, "zh-Hans")
    replies.tell_status(world.vaults[1], values[1], "read")
    replies.note(world.vaults[2], values[0], NOTE)
    replies.ask_deletion(world.vaults[2], values[1])
    for seat in (1, 2):
        desk.take_in(world.write_outbox(seat))
    for one in (first, second):
        one.knows()
    back = first.come_back()
    assert REPLY in back.text
    _forget(third, source_url)
    # What nobody has taken out yet lies there too.
    fourth = Source(source_url)
    fourth.write(MESSAGES[1])
    made.codenames.append(Codename.parse("".join(fourth.codename)))
    world.import_all(desk.take_out(world.stick))


def _slip(source: Source) -> str:
    """A source asks for a slip."""
    visitor = source._visitor
    page = visitor.get("/zh-Hans/received")
    found = re.search(r"slip=([a-z2-7]{52})", visitor.submit(page, page.form("token", action="/slip")).text)
    assert found is not None
    return found[1]


def _forget(source: Source, source_url: str) -> None:
    """A source deletes everything."""
    visitor = source._visitor
    page = source.come_back()
    page = visitor.submit(page, page.form("token", action="/forget"))
    visitor.submit(page, page.form("token", "sure", action="/forget"), press="sure")
