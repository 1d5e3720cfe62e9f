# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody controls the server, actively.

They can read what is typed without a script while it passes, delay it, drop it, and show what they like. They cannot alter, move, replay
or withhold what was sealed without a vault saying so; nor open it; nor make an honest server or vault take a card, outbox or deletion that
the organisation's keys did not sign.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import secrets
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from crypto.age import Header, HybridIdentity, HybridRecipient, PayloadSealer, make_header, new_file_key
from crypto.card import Card
from crypto.epochs import addressees
from crypto.errors import SignatureError
from crypto.frame import FrameHeader, FrameWriter, message_header
from crypto.hidden import Hidden
from crypto.sheet import Sheet
from crypto.signing import SigningKey
from journalist_app.bundle.batch import BatchManifest
from journalist_app.bundle.manifest import BatchItem
from journalist_app.bundle.outbox_manifest import Acknowledgement
from journalist_app.vault import ceremony, models, replies
from journalist_app.vault.errors import ForgedError, WithheldError
from journalist_app.vault.identity import load
from journalist_app.vault.importer import import_batch
from store import seats
from tests.attacks.hostile import Captured, capture, flipped, publish, with_item
from tests.journeys.world import World
from tests.source_app.window import Window


@pytest.fixture
def words(world: World) -> str:
    """The codename of somebody who wrote and attached a file."""
    return Window(world).write("What I saw", ("f.bin", b"f" * 100_000))


@pytest.fixture
def batch(world: World, words: str) -> Captured:
    """The first batch, as an honest server made it."""
    return capture(world, world.take_out())


def test_an_item_altered_on_the_stick_is_named_and_the_others_come_in(world: World, batch: Captured) -> None:
    """Whoever carries the stick cannot change a bit unseen; the batch stays open until a good copy comes."""
    at = batch.index(shortest=False)
    raws = [flipped(raw, 5_000) if number == at else raw for number, raw in enumerate(batch.raws)]
    path = publish(world, "altered.tar", batch.manifest, raws, lie=False)
    # The manifest is the honest one sealed again, as the same server would: only the bytes differ.
    report = import_batch(world.vaults[1], path)
    assert not report.whole
    assert [name for name, _ in report.damaged] == [batch.manifest.items[at].item.hex()]
    assert report.imported == len(batch.raws) - 1
    assert world.alarms(1) == ["damaged"]
    good = publish(world, "good.tar", batch.manifest, batch.raws, lie=False)
    assert import_batch(world.vaults[1], good).whole


@pytest.mark.parametrize("at", [30, 1_500, -3_000, -1], ids=["header", "stanza", "payload", "last byte"])
def test_an_item_that_the_server_altered_and_signed_for_is_refused(world: World, batch: Captured, at: int) -> None:
    """The server's signature covers the bytes, not the truth: the envelope does not open, and the seat is told."""
    where = batch.index()
    raws = [flipped(raw, at) if number == where else raw for number, raw in enumerate(batch.raws)]
    report = import_batch(world.vaults[1], publish(world, "lie.tar", batch.manifest, raws))
    assert [name for name, _ in report.refused] == [batch.manifest.items[where].item.hex()]
    assert report.imported == len(batch.raws) - 1
    assert world.alarms(1) == ["refused"]


def test_items_in_each_others_place_are_refused(world: World, batch: Captured) -> None:
    """Two payloads swapped, each under the other's id: both frames say where they belong."""
    raws = list(batch.raws)
    raws[0], raws[1] = raws[1], raws[0]
    report = import_batch(world.vaults[1], publish(world, "swapped.tar", batch.manifest, raws))
    assert len(report.refused) == 2
    assert all("spliced" in reason for _, reason in report.refused)


def test_items_reordered_on_the_stick_are_noticed(world: World, batch: Captured) -> None:
    """Order is the manifest's: two files exchanged are two damaged items."""
    raws = list(batch.raws)
    raws[0], raws[1] = raws[1], raws[0]
    report = import_batch(world.vaults[1], publish(world, "moved.tar", batch.manifest, raws, lie=False))
    assert len(report.damaged) == 2


def test_an_item_replayed_in_a_later_batch_is_dropped_and_an_alarm(world: World, words: str, batch: Captured) -> None:
    """An honest envelope a second time, in another thread: the first stands."""
    world.import_all(world.save(1), 1)
    at = batch.index()
    again = dataclasses.replace(
        batch.manifest,
        number=2,
        previous=hashlib.sha256(batch.manifest.document()).digest(),
        items=(dataclasses.replace(batch.manifest.items[at], thread=secrets.token_bytes(16)),),
    )
    report = import_batch(world.vaults[1], publish(world, "replayed.tar", again, [batch.raws[at]]))
    assert report.repeated == [batch.manifest.items[at].item.hex()]
    assert world.alarms(1) == ["repeated"]
    assert world.texts(1, world.thread_value(words)) == ["What I saw"]


def test_an_item_filed_in_another_thread_is_shown_where_it_belongs(world: World, words: str) -> None:
    """The thread value is inside the envelope: the server's filing is only its word, and the page says it was wrong."""
    other = Window(world).write("Another source")
    batch = capture(world, world.take_out())
    mine, theirs = world.server_thread(words), world.server_thread(other)
    assert mine is not None
    assert theirs is not None
    at = next(number for number, item in enumerate(batch.manifest.items) if item.thread == mine.id)
    lie = with_item(batch.manifest, at, thread=theirs.id)
    report = import_batch(world.vaults[1], publish(world, "misfiled.tar", lie, batch.raws))
    assert report.whole
    assert not report.refused
    one, two = (world.thread(1, world.thread_value(name)) for name in (words, other))
    assert {item.row.kind for item in one.items} == {"message", "file"}
    assert [item.row.kind for item in two.items] == ["message"]
    assert one.row.misfiled > 0
    assert two.row.misfiled == 0


def test_a_withheld_batch_is_missed(world: World, batch: Captured) -> None:
    """The run has no gaps: the third after the first is refused, and it is an alarm."""
    world.import_all(world.save(1), 1)
    following = dataclasses.replace(batch.manifest, number=3, previous=secrets.token_bytes(32), items=())
    with pytest.raises(WithheldError, match="batch 2 is missing"):
        import_batch(world.vaults[1], publish(world, "third.tar", following, ()))
    assert world.alarms(1) == ["withheld"]


def test_a_withheld_file_is_missed(world: World, words: str, batch: Captured) -> None:
    """A POST's list names what was in it: the server cannot drop a file and keep the rest quiet."""
    at = batch.index(shortest=False)
    kept = [number for number in range(len(batch.raws)) if number != at]
    without = dataclasses.replace(batch.manifest, items=tuple(batch.manifest.items[number] for number in kept))
    path = publish(world, "dropped.tar", without, [batch.raws[number] for number in kept])
    assert import_batch(world.vaults[1], path).whole
    assert world.thread(1, world.thread_value(words)).row.missing == 1


def test_a_second_batch_of_one_number_is_a_forgery(world: World, batch: Captured) -> None:
    """Two seats are shown different worlds: whoever holds one refuses the other, and acknowledgements would tell besides."""
    world.import_all(world.save(1), 1)
    other = dataclasses.replace(batch.manifest, items=(), day=batch.manifest.day + datetime.timedelta(days=1))
    path = publish(world, "fork.tar", other, ())
    with pytest.raises(ForgedError):
        import_batch(world.vaults[1], path)
    assert world.alarms(1) == ["batch-fork"]
    assert import_batch(world.vaults[2], path).whole
    refused = world.bring(world.write_outbox(2).read_bytes())
    assert (refused.status, refused.heading) == (409, "Alarm")
    with world.vaults[2].read() as connection:
        signing = load(connection).signing
    word = Acknowledgement(seat=2, batch=1, digest=hashlib.sha256(other.document()).digest()).sign(signing)
    carried = dataclasses.replace(
        batch.manifest,
        number=2,
        previous=hashlib.sha256(batch.manifest.document()).digest(),
        items=(),
        acknowledgements=(word,),
    )
    assert import_batch(world.vaults[1], publish(world, "carried.tar", carried, ())).whole
    assert world.alarms(1) == ["batch-fork", "other-digest"]


def test_a_batch_that_somebody_else_signed_is_refused(world: World, batch: Captured) -> None:
    """The card names the server's key."""
    path = publish(world, "forged.tar", batch.manifest, batch.raws, signing=SigningKey.generate())
    with pytest.raises(SignatureError):
        import_batch(world.vaults[1], path)
    assert world.alarms(1) == ["batch-refused"]


def _envelope(recipients: Sequence[HybridRecipient], header: FrameHeader) -> bytes:
    """An age file sealed to whomever one likes."""
    # Piece by piece: our own sealer refuses to seal to anybody the frame does not name.
    file_key, payload = new_file_key(), bytearray()
    sealer = PayloadSealer(file_key, payload.extend)
    frame = FrameWriter(header, sealer.write)
    frame.write(b"sealed by the server")
    frame.finish()
    sealer.finish()
    return make_header(file_key, recipients) + payload


def _sealed(
    world: World, *, extra: HybridRecipient | None = None, seats_of: Card | None = None, **changed: object
) -> tuple[BatchItem, bytes]:
    """A message as a hostile server seals it: it knows every recipient, and, while it seals, the thread value."""
    card = seats_of or world.card
    sheets = {}
    for number, raw in seats.organisation(world.store).sheets.items():
        if any(seat.number == number for seat in card.seats):
            sheets[number] = Sheet.decode(raw, world.root, card)
    to = addressees(card, sheets, world.calendar.day, world.root.first_day, 0)
    numbers = changed.pop("seats", to.seats)
    recipients = [one for one, number in zip(to.recipients, to.seats, strict=True) if number in numbers]  # type: ignore[operator]
    if extra is not None:
        recipients.append(extra)
    item = secrets.token_bytes(16)
    header = message_header(
        thread=changed.pop("thread", Hidden(secrets.token_bytes(32))),  # type: ignore[arg-type]
        item=item,
        submission=secrets.token_bytes(16),
        card=to.card_digest,
        epoch=to.epoch,
        seats=numbers,  # type: ignore[arg-type]
        lang="en",
        reply_to=str(changed.pop("reply_to", HybridIdentity.generate().recipient)),
    )
    raw = _envelope(recipients, header)
    place = BatchItem(
        item=item,
        thread=secrets.token_bytes(16),
        lane="source",
        card=to.card_sequence,
        epoch=to.epoch,
        seats=numbers,  # type: ignore[arg-type]
        length=len(raw),
        sha256=hashlib.sha256(raw).digest(),
    )
    return place, raw


def _following(world: World, before: BatchManifest, item: BatchItem) -> BatchManifest:
    """The manifest of a next batch with one item."""
    return dataclasses.replace(
        before, number=before.number + 1, previous=hashlib.sha256(before.document()).digest(), items=(item,)
    )


def test_a_reader_more_in_an_envelope_is_refused(world: World, batch: Captured) -> None:
    """A stanza beyond the seats of the card is somebody nobody was told of."""
    world.import_all(world.save(1), 1)
    thief = HybridIdentity.generate()
    place, raw = _sealed(world, extra=thief.recipient)
    assert thief.unwrap(Header.split(raw)[0].stanzas[3]) is not None
    report = import_batch(world.vaults[1], publish(world, "extra.tar", _following(world, batch.manifest, place), [raw]))
    assert ["4 stanzas" in reason for _, reason in report.refused] == [True]
    assert world.alarms(1) == ["refused"]


def test_a_seat_left_out_of_an_envelope_is_an_alarm(world: World, batch: Captured) -> None:
    """The card has three seats, the item two: the third learns that something was kept from it."""
    world.import_all(world.save(1), 3)
    world.calendar.turn(15)
    place, raw = _sealed(world, seats=(1, 2))
    path = publish(world, "left-out.tar", _following(world, batch.manifest, place), [raw])
    report = import_batch(world.vaults[3], path)
    assert report.others == 1
    assert world.alarms(3) == ["not-for-us"]


def test_an_item_sealed_under_an_old_card_names_it(world: World, batch: Captured) -> None:
    """A seat that left can only be sealed to under the card it was on; the manifest cannot pretend otherwise."""
    old = world.card
    world.import_all(world.save(1), 1)
    place, raw = _sealed(world, seats_of=old)
    world.next_card(ceremony.draft_card(world.vaults[1], remove=[3]))
    renewed = world.take_out()
    world.import_all(renewed, 1)
    second = capture(world, renewed)
    lie = dataclasses.replace(place, card=world.card.sequence)
    report = import_batch(
        world.vaults[1], publish(world, "old-card.tar", _following(world, second.manifest, lie), [raw])
    )
    assert len(report.refused) == 1
    assert world.alarms(1) == ["refused"]


def test_a_batch_with_an_older_card_than_before_is_refused(world: World, batch: Captured) -> None:
    """A server set back to where the removed seat still was: every vault notices."""
    old = batch.manifest
    world.import_all(world.save(1), 1)
    world.next_card(ceremony.draft_card(world.vaults[1], remove=[3]))
    path = world.take_out()
    world.import_all(path, 1)
    second = capture(world, path).manifest
    back = dataclasses.replace(
        second,
        number=3,
        previous=hashlib.sha256(second.document()).digest(),
        card=old.card,
        sheets=old.sheets,
        items=(),
    )
    with pytest.raises(ForgedError, match="card"):
        import_batch(world.vaults[1], publish(world, "set-back.tar", back, ()))
    assert world.alarms(1) == ["stale-card"]


def test_a_floor_that_falls_is_an_alarm(world: World, batch: Captured) -> None:
    """Closed epochs would be in use again."""
    world.import_all(world.save(1), 1)
    first = batch.manifest
    # A floor ahead of its day would be refused for that.
    day = first.day + datetime.timedelta(days=28)
    link = hashlib.sha256(first.document()).digest()
    up = dataclasses.replace(first, number=2, previous=link, day=day, items=(), floor=2)
    down = dataclasses.replace(up, number=3, previous=hashlib.sha256(up.document()).digest(), floor=1)
    for manifest in (up, down):
        assert import_batch(world.vaults[1], publish(world, f"{manifest.number}.tar", manifest, ())).whole
    assert world.alarms(1) == ["floor-fell"]


def test_an_answer_goes_to_the_first_reply_recipient_and_to_no_later_one(
    world: World, words: str, batch: Captured
) -> None:
    """A server that learned a thread value while sealing slips in another recipient: shown, warned of, never used."""
    world.import_all(world.save(1), 1)
    value = world.thread_value(words)
    thief = HybridIdentity.generate()
    place, raw = _sealed(world, thread=Hidden(value), reply_to=thief.recipient)
    path = publish(world, "thief.tar", _following(world, batch.manifest, place), [raw])
    assert import_batch(world.vaults[1], path).whole
    thread = world.thread(1, value)
    assert thread.row.recipients == 2
    assert thread.row.recipient == str(HybridIdentity(world.subkeys(words).reply_seed).recipient)
    replies.reply(world.vaults[1], value, "for the source alone")
    with world.vaults[1].read() as connection:
        waiting = select(models.pending.c.header).where(models.pending.c.kind == "reply")
        header = Header.parse(connection.execute(waiting).scalar_one())
    assert [thief.unwrap(stanza) for stanza in header.stanzas] == [None]
    assert HybridIdentity(world.subkeys(words).reply_seed).unwrap(header.stanzas[0]) is not None


def test_the_server_cannot_speak_for_a_source_whose_thread_value_it_never_saw(
    world: World, words: str, batch: Captured
) -> None:
    """A message it makes up is a thread of its own: it never stands among the source's words."""
    world.import_all(world.save(1), 1)
    place, raw = _sealed(world)
    mine = next(item.thread for item in batch.manifest.items)
    path = publish(
        world, "made-up.tar", _following(world, batch.manifest, dataclasses.replace(place, thread=mine)), [raw]
    )
    assert import_batch(world.vaults[1], path).whole
    assert world.texts(1, world.thread_value(words)) == ["What I saw"]
    assert len(world.dump(1)["threads"]) == 2
