# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Journeys across all rooms in one process: what one side does, the other side sees, and nobody else.
"""

from __future__ import annotations

import itertools
import shutil

import pytest

from crypto.codename import Codename
from journalist_app.vault import replies
from journalist_app.vault.epochs import close_through
from journalist_app.vault.errors import NotNowError, WithheldError
from journalist_app.vault.outbox import seal_again, write_to
from tests.journeys.world import World
from tests.source_app.window import Window


def test_a_source_who_only_has_files(world: World) -> None:
    """No word is typed: a codename all the same, and every vault gets the files by their true names."""
    window = Window(world, "zh-Hans")
    window.go("write")
    window.send("write", only="")
    words = window.codename()
    assert world.server_thread(words) is None
    sent = {"现场照片.jpg": bytes(range(256)) * 700, "../..\\x\u202e.pdf": b"%PDF-1.7\n" * 9, "empty": b""}
    window.send("attach", *sent.items())
    assert window.page.status_code == 200
    world.carry()
    value = world.thread_value(words)
    for seat in world.vaults:
        assert world.files(seat, value) == sent
        assert world.texts(seat, value) == []
        assert world.thread(seat, value).row.missing == 0


def test_a_thread_of_files_alone_is_answered_once_words_have_come(world: World) -> None:
    """Nothing to seal an answer to comes with a file; the first message brings it."""
    window = Window(world)
    window.go("write")
    window.send("write", ("list.txt", b"names"), only="")
    words = window.codename()
    value = world.thread_value(words)
    world.carry(1)
    with pytest.raises(NotNowError):
        replies.reply(world.vaults[1], value, "Who is on this list?")
    window.go("thread")
    window.send("answer", message="The villagers.")
    world.carry(1)
    replies.reply(world.vaults[1], value, "Since when?")
    world.send(1)
    window.come_back(words)
    assert "Since when?" in window.html


def test_a_source_comes_back_answers_and_adds_files(world: World) -> None:
    """Question, answer, evidence, second question: both sides see the whole of it, in another browser each time."""
    first = Window(world, "zh-Hans")
    words = first.write("他们昨夜带走了他。")
    value = world.thread_value(words)
    world.carry()
    replies.reply(world.vaults[1], value, "哪一个派出所？", "zh-Hans")
    world.send(1)
    second = Window(world)
    second.come_back(words)
    assert "哪一个派出所？" in second.html
    assert "signed by seat 1" in second.html
    assert "带走了他" not in second.html
    second.send("answer", ("证据.jpg", b"\xff\xd8" * 40_000), message="城关派出所。")
    assert second.page.status_code == 200
    world.carry()
    for seat in world.vaults:
        assert world.texts(seat, value) == sorted(["他们昨夜带走了他。", "城关派出所。"])
        assert world.files(seat, value) == {"证据.jpg": b"\xff\xd8" * 40_000}
        assert [entry.type for entry in world.thread(seat, value).entries] == ["reply"]
    replies.reply(world.vaults[1], value, "收到了，谢谢。", "zh-Hans")
    world.send(1)
    third = Window(world)
    third.come_back(words)
    assert "收到了，谢谢。" in third.html
    third.send("thread", slot="1")
    assert "哪一个派出所？" in third.html


def test_a_reply_that_the_source_deletes_is_gone_for_everyone_who_has_the_codename(world: World) -> None:
    """The server holds no copy any more; the seats keep what they wrote."""
    window = Window(world)
    words = window.write("What I saw")
    value = world.thread_value(words)
    world.carry()
    replies.reply(world.vaults[1], value, "Come on Tuesday.")
    world.send(1)
    window.go("thread")
    item = dict(world.thread(1, value).entries[0].fields)["item"]
    window.send("delete", item=str(item))
    window.send("delete", sure="yes")
    later = Window(world)
    later.come_back(words)
    assert "Come on Tuesday." not in later.html
    thread = world.server_thread(words)
    assert thread is not None
    assert thread.replies == 0
    world.carry()
    assert [entry.fields["text"] for entry in world.thread(2, value).entries] == ["Come on Tuesday."]


def test_what_a_source_forgets_before_it_was_taken_out_reaches_no_vault(world: World) -> None:
    """Erased at once: not one item is in the next batch."""
    window = Window(world)
    words = window.write("I take it back", ("a.txt", b"a"))
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    world.carry()
    assert world.dump(1)["items"] == []
    assert world.server_thread(words) is None


def test_the_vaults_are_told_what_a_source_forgot(world: World) -> None:
    """The page promised "they are told that you deleted it here": each seat's thread says so, and it stays readable."""
    window = Window(world)
    words = window.write("I take it back")
    value = world.thread_value(words)
    world.carry()
    window.go("thread")
    window.send("forget")
    window.send("forget", sure="yes")
    world.carry()
    for seat in world.vaults:
        thread = world.thread(seat, value)
        assert "withdrawn" in {alarm.kind for alarm in thread.alarms}
        assert world.texts(seat, value) == ["I take it back"]


def test_a_batch_whose_items_were_forgotten_after_it_was_taken_out_still_imports(world: World) -> None:
    """The copy that a slower seat fetches lacks the erased item and says so; the others are good."""
    gone, stays = Window(world), Window(world)
    gone.write("goes")
    words = stays.write("stays")
    world.import_all(world.take_out(), 1)
    gone.go("thread")
    gone.send("forget")
    gone.send("forget", sure="yes")
    world.import_all(world.save(1), 2, 3)
    for seat in (2, 3):
        assert world.texts(seat, world.thread_value(words)) == ["stays"]
        assert len(world.dump(seat)["items"]) == 1
        assert world.alarms(seat) == ["erased"]


def test_the_second_seat_answers(world: World) -> None:
    """The source reads whose signature it is, and the other seats have the answer as an entry."""
    window = Window(world)
    words = window.write("Is anybody there?")
    value = world.thread_value(words)
    world.carry()
    replies.reply(world.vaults[2], value, "Seat two here.")
    replies.tell_status(world.vaults[2], value, "read")
    world.send(2)
    window.come_back(words)
    assert "Seat two here." in window.html
    assert "signed by seat 2" in window.html
    assert "A person has read your report." in window.html
    world.carry()
    for seat in world.vaults:
        assert {(entry.seat, entry.person) for entry in world.thread(seat, value).entries} == {(2, "birch")}


def test_an_answer_written_before_the_newest_words_waits_for_send_anyway(world: World) -> None:
    """The author had not seen everything: the desk holds the reply until a person releases it."""
    window = Window(world)
    words = window.write("They hold him.")
    value = world.thread_value(words)
    world.carry()
    replies.reply(world.vaults[1], value, "Where is he?")
    window.go("thread")
    window.send("answer", message="He is free again.")
    answer = world.send(1)
    assert "held" in answer.text.lower()
    window.come_back(words)
    assert "Where is he?" not in window.html
    page = world.browser(2).get("/waiting").text
    reply = page.split("/waiting/replies/")[1].split("/")[0]
    sent = world.browser(2).post(f"/waiting/replies/{reply}/send", data={"token": world.token(2)})
    assert sent.status_code == 303
    window.come_back(words)
    assert "Where is he?" in window.html


def test_a_vault_that_begins_empty_imports_every_batch_from_the_first(world: World) -> None:
    """A laptop that is set up again from its first day reads the whole run and holds what the others hold, its own entries too."""
    world.vaults[3].close()
    shutil.copytree(world.folder / "vault-3", world.folder / "first-day")
    world.vaults[3] = world.open(3)
    window = Window(world)
    words = window.write("one", ("f.bin", b"f" * 300_000))
    value = world.thread_value(words)
    paths = [world.carry()]
    replies.note(world.vaults[3], value, "mine, from before")
    replies.reply(world.vaults[1], value, "two?")
    world.send(3)
    world.send(1)
    paths.append(world.carry())
    window.go("thread")
    window.send("answer", message="three")
    paths.append(world.carry())
    held = world.dump(3)
    world.vaults[3].close()
    shutil.rmtree(world.folder / "vault-3")
    (world.folder / "first-day").rename(world.folder / "vault-3")
    world.vaults[3] = world.open(3)
    assert world.dump(3)["items"] == []
    for path in paths:
        world.import_all(path, 3)
    assert world.dump(3) == held
    assert world.files(3, value) == {"f.bin": b"f" * 300_000}


def test_a_vault_that_begins_empty_refuses_to_begin_in_the_middle_of_what_it_knows(world: World) -> None:
    """Having begun with batch 1 it takes batch 2 next and not batch 3."""
    window = Window(world)
    window.write("one")
    first = world.take_out()
    window.go("thread")
    window.send("answer", message="two")
    second = world.take_out()
    window.go("thread")
    window.send("answer", message="three")
    third = world.take_out()
    world.import_all(first, 2)
    with pytest.raises(WithheldError):
        world.import_all(third, 2)
    world.import_all(second, 2)
    world.import_all(third, 2)
    assert world.alarms(2) == ["withheld"]


def test_the_outboxes_of_three_seats_interleave(world: World) -> None:
    """Each seat's run is its own: whatever order they reach the desk in, every seat has every entry and no alarm."""
    window = Window(world)
    words = window.write("for all three")
    value = world.thread_value(words)
    world.carry()
    written = {
        (seat, turn): (replies.note(world.vaults[seat], value, f"{seat}/{turn}"), world.write_outbox(seat))[
            1
        ].read_bytes()
        for turn in (1, 2)
        for seat in world.vaults
    }
    for key in ((3, 1), (1, 1), (3, 2), (2, 1), (2, 2), (1, 2)):
        answer = world.bring(written[key], seat=key[0])
        assert answer.status == 200, answer.text
    world.carry()
    for seat in world.vaults:
        notes = {entry.fields["text"] for entry in world.thread(seat, value).entries}
        assert notes == {f"{number}/{turn}" for number, turn in itertools.product((1, 2, 3), (1, 2))}
        assert world.alarms(seat) == []


@pytest.mark.slow
def test_the_order_in_which_outboxes_travel_leaves_no_trace_in_the_tables(world: World) -> None:
    """
    Three seats write concurrently, see each other's work early, late or all at once, and hold the same tables in the end.

    Seat 1 imports each batch as it comes and acts in between; seat 2 imports two at a time; seat 3 everything at the end.
    """
    sources = [Window(world) for _ in range(3)]
    values = [world.thread_value(one.write(f"source {number}")) for number, one in enumerate(sources)]
    paths = [world.take_out()]
    for seat in world.vaults:
        world.import_all(paths[0], seat)
    late = {2: [paths[0]], 3: [paths[0]]}
    for turn in range(3):
        replies.set_state(world.vaults[1], values[turn], "reading")
        replies.reply(world.vaults[2], values[turn], f"from two, {turn}")
        replies.set_state(world.vaults[3], values[turn], "waiting")
        replies.note(world.vaults[3], values[(turn + 1) % 3], f"from three, {turn}")
        for seat in ((1, 2, 3), (3, 1, 2), (2, 3, 1))[turn]:
            world.send(seat)
        sources[turn].go("thread")
        sources[turn].send("answer", (f"{turn}.bin", bytes([turn]) * 70_000), message=f"more {turn}")
        paths.append(world.take_out())
        world.import_all(paths[-1], 1)
        if turn == 1:
            world.import_all(paths[1], 2)
            world.import_all(paths[2], 2)
            late[2] += paths[1:3]
    for path in paths[3:]:
        world.import_all(path, 2)
    for path in paths[1:]:
        world.import_all(path, 3)
    one, two, three = (world.dump(seat) for seat in (1, 2, 3))
    assert one == two == three
    assert len(one["entries"]) == 12
    assert [world.alarms(seat) for seat in (1, 2, 3)] == [[], [], []]


def test_an_outbox_that_the_floor_overtook_is_sealed_again_and_taken(world: World) -> None:
    """Seat 2 wrote under an epoch that seat 1 closed meanwhile: refused by name, sealed again after the next batch, then taken."""
    words = Window(world).write("across the end of an epoch")
    value = world.thread_value(words)
    world.carry()
    replies.note(world.vaults[2], value, "written in epoch 0")
    old = world.write_outbox(2)
    world.calendar.turn(15)
    world.carry(1)
    close_through(world.vaults[1], 0)
    world.send(1)
    refused = world.bring(old.read_bytes())
    assert refused.status == 400
    assert "EpochBelowFloor" in refused.text
    world.import_all(world.save(2), 2)
    world.carry(1, 2)
    number = int(old.stem.rsplit("-", 1)[1])
    again = write_to(world.vaults[2], number, world.stick)
    answer = world.bring(again.read_bytes())
    assert answer.status == 200, answer.text
    with world.vaults[2].write() as connection:
        assert seal_again(connection, world.vaults[2], world.card.sequence) == ()
    world.carry(1, 2)
    assert [entry.fields["text"] for entry in world.thread(1, value).entries] == ["written in epoch 0"]


def test_a_server_clock_that_jumps_over_an_epoch_and_back_loses_nothing(world: World) -> None:
    """Twenty days ahead and home again: what was sealed in either epoch opens, and every vault says that the day went back."""
    window = Window(world)
    words = window.write("on the right day")
    world.carry()
    world.calendar.turn(20)
    window.go("thread")
    window.send("answer", message="in the next epoch")
    world.carry()
    world.calendar.turn(-20)
    window.go("thread")
    window.send("answer", message="back again")
    world.carry()
    value = world.thread_value(words)
    for seat in world.vaults:
        assert world.texts(seat, value) == sorted(["on the right day", "in the next epoch", "back again"])
        assert {one.row.epoch for one in world.thread(seat, value).items} == {0, 1}
        assert world.alarms(seat) == ["clock-back"]


def test_a_codename_never_used_can_be_begun_with(world: World) -> None:
    """Nine symbols that never saw this server open a page, and the first words under them make the thread for every seat."""
    name = Codename.generate()
    window = Window(world)
    window.come_back(" ".join(name.words()))
    window.send("answer", message="begun elsewhere")
    world.carry()
    for seat in world.vaults:
        assert world.texts(seat, world.thread_value(" ".join(name.words()))) == ["begun elsewhere"]
