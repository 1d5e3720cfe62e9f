# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What this vault cannot open yet: it stays sealed, is said, and is read once its card or its program is there.
"""

from __future__ import annotations

import secrets

from sqlalchemy import select

from crypto.age.header import make_header
from crypto.age.keys import new_file_key
from crypto.age.stream import PayloadSealer
from crypto.epochs import addressees
from journalist_app.vault import models
from journalist_app.vault.importer import import_batch
from journalist_app.vault.models import threads
from tests.journalist_app.vault.cards import later_cards
from tests.journalist_app.vault.fakes import Organisation, Source
from tests.journalist_app.vault.looks import imported


def test_an_item_under_an_unknown_card_stays_sealed_until_the_card_comes(one: Organisation):
    """Two cards installed between two batches lose nothing."""
    server, source = one.server, Source()
    import_batch(one.vaults[0], server.batch(one.stick))
    made = later_cards(one)
    server.card = made[0]
    server.message(source, "under card 2")
    server.card = made[1]
    report, found = imported(one)
    assert (report.kept, report.imported, report.whole) == (1, 0, True)
    assert found == {"unknown-card", "new-card"}


def test_what_stayed_sealed_is_read_when_its_card_is_known(one: Organisation):
    """The missing card reaches the vault another way; the next import opens what waited, small and large."""
    server, source, vault = one.server, Source(), one.vaults[0]
    import_batch(vault, server.batch(one.stick))
    second, third = later_cards(one)
    server.card = second
    server.message(source, "small")
    server.deposit(source, "file", bytes(2 << 20), name="large")
    server.card = third
    assert import_batch(vault, server.batch(one.stick)).kept == 2
    with vault.write() as connection:
        row = {"digest": second.digest, "sequence": 2, "signed": second.signed.encode()}
        connection.execute(models.cards.insert().values(row))
    import_batch(vault, server.batch(one.stick))
    with vault.read() as connection:
        assert connection.execute(select(threads.c.messages, threads.c.files)).one() == (1, 1)
        assert connection.execute(select(models.kept)).all() == []


def test_an_item_of_an_unknown_kind_stays_sealed_for_a_newer_vault(one: Organisation):
    """F9: whole and authentic, but not for this program; it costs the batch nothing."""
    server = one.server
    server.message(Source(), "known")
    to = addressees(server.card, server.sheets, server.day, server.root.first_day, 0)
    item, key, payload = secrets.token_bytes(16), new_file_key(), bytearray()
    sealer = PayloadSealer(key, payload.extend)
    sealer.write(b'dengwen/1\n{"kind":"hologram"}\n' + bytes(100))
    sealer.finish()
    server.keep(item, "source", bytes(16), to, make_header(key, to.recipients) + bytes(payload))
    report, found = imported(one)
    assert (report.imported, report.kept, report.whole, report.refused) == (1, 1, True, [])
    assert found == {"needs-newer"}
    import_batch(one.vaults[0], server.batch(one.stick))
    with one.vaults[0].read() as connection:
        assert connection.execute(select(models.kept.c.item)).scalars().all() == [item]
