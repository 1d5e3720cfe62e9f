# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A source who sends files in pieces, the vault that gets them, and the cards its page shows of them.
"""

from __future__ import annotations

import dataclasses
import re

from sqlalchemy import select

from journalist_app.vault import models
from journalist_app.vault.importer import import_batch
from journalist_app.vault.keystore import Vault
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Organisation, Source

SET = bytes(range(16))


@dataclasses.dataclass
class Sender:
    """
    A source who sends files in pieces, and the vault that gets them.
    """

    one: Organisation
    source: Source = dataclasses.field(default_factory=Source)

    def part(self, number: int, parts: int, body: bytes, *, name: str = "disk.img", set_: bytes = SET) -> bytes:
        """
        One part of a set.
        """
        return self.one.server.deposit(self.source, "file", body, name=name, set_=set_, part=number, parts=parts)

    def file(self, name: str, body: bytes) -> bytes:
        """
        A whole file.
        """
        return self.one.server.deposit(self.source, "file", body, name=name)

    def carry(self) -> None:
        """
        Everything sent so far, into the vault.
        """
        import_batch(self.one.vaults[0], self.one.server.batch(self.one.stick))

    @property
    def address(self) -> str:
        """
        The thread's page.
        """
        return f"/threads/{self.source.thread.hex()}"


def cards(browser: Browser, sender: Sender) -> list[str]:
    """
    The cards of the thread's files.
    """
    browser.get(sender.address)
    return re.findall(r'<article class="card file.*?</article>', browser.page, re.DOTALL)


def link(card: str, which: str) -> str:
    """
    An address in a card.
    """
    return re.search(rf'href="(/{which}/[0-9a-f]{{32}}[^"]*)"', card)[1]


def grouped(vault: Vault) -> set[tuple[bytes, bytes, str]]:
    """
    What stands under what.
    """
    with vault.read() as connection:
        return {(row.item, row.lead, row.why) for row in connection.execute(select(models.grouped))}
