# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody controls the server, or a stick, or one seat, and brings what the organisation's keys did not sign.

An honest desk and an honest vault refuse it whole, whoever brings it: cards, outboxes, deletions, entries.
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from pathlib import Path

import pytest

from crypto.errors import CryptoError, SignatureError, StaleError
from crypto.hidden import Hidden
from crypto.issue import add_signature
from crypto.passwords import CHEAPEST
from crypto.root import Root
from crypto.signing import SignedDocument, SigningKey
from journalist_app.bundle.outbox import seal_outbox
from journalist_app.bundle.records import Carried, DeletionRecord
from journalist_app.desk.errors import InstallError
from journalist_app.desk.installing import install
from journalist_app.desk.keys import ServerKeys
from journalist_app.vault import ceremony, keystore, outbox, replies, rootkeys
from journalist_app.vault.entries import open_entry
from journalist_app.vault.errors import CeremonyError
from journalist_app.vault.identity import load
from journalist_app.vault.importer import import_batch
from store import deletions, returns, seats
from store import threads as server_threads
from store.errors import StaleError as StoreStaleError
from tests.attacks.hostile import capture, flipped, publish
from tests.journeys.world import PASSPHRASE, World
from tests.source_app.window import Window


@pytest.fixture
def words(world: World) -> str:
    """The codename of somebody who wrote and attached a file."""
    return Window(world).write("What I saw", ("f.bin", b"f" * 100_000))


def test_a_card_that_the_root_did_not_sign_is_refused_everywhere(world: World) -> None:
    """At the desk, in a vault, and inside a batch."""
    forged = add_signature(ceremony.draft_card(world.vaults[1], remove=[2, 3]), SigningKey.generate())
    before = seats.organisation(world.store)
    with pytest.raises(CryptoError):
        install(world.store, [forged.encode()], by="thief", day=world.calendar.day)
    with pytest.raises(CeremonyError):
        ceremony.install_card(world.vaults[2], forged)
    assert seats.organisation(world.store) == before
    Window(world).write("something to carry")
    honest = capture(world, world.take_out()).manifest
    path = publish(
        world, "forged-card.tar", dataclasses.replace(honest, card=forged.encode().decode(), items=(), sheets=()), ()
    )
    with pytest.raises(CryptoError):
        import_batch(world.vaults[2], path)
    assert world.alarms(2) == ["batch-refused"]


def test_a_card_with_a_signature_too_few_is_refused(world: World, tmp_path: Path) -> None:
    """Two of three are asked for: one is not enough, the same one twice is not two, and two are."""
    ceremony.found(
        tmp_path / "two-of-three",
        ceremony.read_server((world.server / "server-public.json").read_bytes()),
        tmp_path / "keys",
        person="amber",
        passphrase=PASSPHRASE,
        root_passphrases=[PASSPHRASE] * 3,
        threshold=2,
        profile=CHEAPEST,
    )
    vault = keystore.open_vault(tmp_path / "two-of-three", PASSPHRASE)
    root = Root.decode((tmp_path / "keys" / "root-1.json").read_bytes())
    one, two, _ = (rootkeys.read_root_key(path, PASSPHRASE) for path in sorted((tmp_path / "keys").glob("root-key-*")))
    draft = ceremony.draft_card(vault)
    once = rootkeys.sign_card(draft, one, root)
    with pytest.raises(CeremonyError):
        ceremony.install_card(vault, once)
    with pytest.raises((CryptoError, CeremonyError)):
        rootkeys.sign_card(once, one, root)
    with pytest.raises(SignatureError):
        SignedDocument(document=once.document, signatures=once.signatures * 2)
    assert ceremony.install_card(vault, rootkeys.sign_card(once, two, root)).sequence == 2
    vault.close()


def test_a_card_without_any_signature_is_refused(world: World) -> None:
    """A threshold of one is not a threshold of none."""
    draft = ceremony.draft_card(world.vaults[1], remove=[3])
    with pytest.raises((CryptoError, InstallError)):
        install(world.store, [draft.encode()], by="thief", day=world.calendar.day)


def test_an_older_card_is_refused_by_an_honest_server(world: World) -> None:
    """The seat that was removed cannot bring itself back with the card it was on."""
    old = world.card.signed.encode()
    world.next_card(ceremony.draft_card(world.vaults[1], remove=[3]))
    with pytest.raises((StaleError, StoreStaleError)):
        install(world.store, [old], by="thief", day=world.calendar.day)
    raw = world.write_outbox(3).read_bytes()
    assert world.bring(raw).status == 400


def _outbox(
    world: World, signing: SigningKey, *, seat: int = 1, sequence: int = 1, records: tuple[Carried, ...] = ()
) -> bytes:
    """An outbox signed with any key."""
    made = seal_outbox(
        seat=seat,
        sequence=sequence,
        previous=bytes(32),
        root=world.root.digest,
        card=world.card.digest,
        carried=records,
        signing=signing,
        transfer=world.card.server_transfer,
    )
    return b"".join(made.chunks())


def test_an_outbox_that_no_seat_signed_is_refused_whole(world: World, words: str) -> None:
    """Not by a stranger's key, not by the server's own, not by one seat in another's name; and nothing of it is done."""
    thread = world.server_thread(words)
    assert thread is not None
    records = (Carried(record=DeletionRecord(threads=(thread.id,))),)
    with world.vaults[2].read() as connection:
        seat_two = load(connection).signing
    server_key = ServerKeys.load(world.server / "keys" / "server.json").signing
    for signing in (SigningKey.generate(), server_key, seat_two):
        answer = world.bring(_outbox(world, signing, records=records))
        assert answer.status == 400
        assert "SignatureError" in answer.text
    assert deletions.queued(world.store) == ()
    assert returns.last_outbox(world.store, 1) is None


def test_an_outbox_altered_on_the_stick_is_refused_whole(world: World, words: str) -> None:
    """One bit anywhere in it, and nothing of it was done."""
    world.carry(1)
    value = world.thread_value(words)
    replies.reply(world.vaults[1], value, "hello")
    raw = world.write_outbox(1).read_bytes()
    used = len(raw.rstrip(b"\0"))
    for at in (100, 700, 2_000, used - 500, len(raw) - 1):
        assert world.bring(flipped(raw, at)).status == 400
    assert returns.last_outbox(world.store, 1) is None
    assert world.bring(raw).status == 200


def test_an_outbox_brought_twice_has_no_second_effect(world: World, words: str) -> None:
    """The source reads one answer."""
    world.carry(1)
    replies.reply(world.vaults[1], world.thread_value(words), "once")
    raw = world.write_outbox(1).read_bytes()
    assert world.bring(raw).status == 200
    again = world.bring(raw)
    assert again.status == 200
    thread = world.server_thread(words)
    assert thread is not None
    assert thread.replies == 1


def test_a_later_outbox_is_not_taken_before_an_earlier_one(world: World) -> None:
    """What a seat said first cannot be withheld from the desk while the rest is brought."""
    first = world.write_outbox(1).read_bytes()
    second = world.write_outbox(1).read_bytes()
    refused = world.bring(second)
    assert refused.status == 400
    assert "is missing" in refused.text
    assert world.bring(first).status == 200
    assert world.bring(second).status == 200


def test_an_outbox_lost_by_a_lying_server_is_noticed_by_its_seat(world: World) -> None:
    """The server says it took in another outbox 1 than the one that was written."""
    world.send(1)
    path = world.take_out()
    honest = capture(world, path).manifest
    taken = tuple(
        dataclasses.replace(one, digest=secrets.token_bytes(32)) if one.seat == 1 else one for one in honest.outboxes
    )
    lie = publish(world, "lie.tar", dataclasses.replace(honest, outboxes=taken), capture(world, path).raws)
    assert import_batch(world.vaults[1], lie).whole
    assert world.alarms(1) == ["outbox-fork"]


def test_nobody_at_the_desk_can_delete(world: World, words: str) -> None:
    """No address takes it; a deletion comes in a signed outbox, waits a week in view, and another seat may cancel it."""
    browser, token = world.browser(2), world.token(2)
    thread = world.server_thread(words)
    assert thread is not None
    for address in (
        "/threads",
        f"/threads/{thread.id.hex()}",
        f"/threads/{thread.id.hex()}/delete",
        "/delete",
        "/waiting",
    ):
        for method in ("POST", "DELETE", "PUT"):
            answer = browser.open(address, method=method, data={"token": token, "thread": thread.id.hex()})
            assert answer.status_code in {403, 404, 405}
    rules = {str(rule) for rule in world.desk.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert not [rule for rule in rules if "delet" in rule and "cancel" not in rule]
    world.carry(1)
    replies.ask_deletion(world.vaults[1], world.thread_value(words))
    world.send(1)
    assert len(deletions.queued(world.store)) == 1
    assert deletions.carry_out(world.store, world.calendar.day + datetime.timedelta(days=6)) == ()
    order = deletions.queued(world.store)[0].id.hex()
    own = world.browser(1).post(f"/waiting/deletions/{order}/cancel", data={"token": world.token(1)})
    assert own.status_code == 403
    other = browser.post(f"/waiting/deletions/{order}/cancel", data={"token": token})
    assert other.status_code == 303
    assert deletions.carry_out(world.store, world.calendar.day + datetime.timedelta(days=60)) == ()
    assert server_threads.get(world.store, thread.id).items == thread.items


def test_an_ordered_deletion_that_nobody_cancels_is_carried_out_after_a_week(world: World, words: str) -> None:
    """The other half of the rule."""
    world.carry(1)
    replies.ask_deletion(world.vaults[1], world.thread_value(words))
    world.send(1)
    assert len(deletions.carry_out(world.store, world.calendar.day + datetime.timedelta(days=7))) == 1
    assert world.server_thread(words) is None


def test_an_entry_that_another_seat_made_up_is_refused(world: World, words: str) -> None:
    """A note that names seat 2 and carries seat 3's signature: no vault takes it."""
    world.carry()
    value = world.thread_value(words)
    entry = replies.note(world.vaults[3], value, "from three")
    forged = SignedDocument(
        document=entry.signed.document.replace(b'"seat":3', b'"seat":2'), signatures=entry.signed.signatures
    )
    with pytest.raises(CryptoError):
        open_entry(forged.encode(), world.card, Hidden(value))
    assert open_entry(entry.signed.encode(), world.card, Hidden(value)).seat == 3
    assert outbox.freeze(world.vaults[3]).records >= 2
