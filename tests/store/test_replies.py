# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Replies: published once, shown newest first, gone when deleted or expired.
"""

from __future__ import annotations

import datetime

import pytest

from store import replies, threads
from store.checkpoint import unfinished
from store.engine import Store
from store.errors import ConflictError, MissingError
from tests.store.factories import DAY, locator_of, make_locator, make_reply, make_thread


def new_thread(store: Store) -> bytes:
    made = make_thread(store).thread
    assert made is not None
    return made


def shown(store: Store, thread: bytes) -> list[bytes]:
    return [reply.id for reply in replies.slots(store, locator_of(store, thread), offset=0, count=64)]


def test_replies_are_shown_newest_first_a_slot_at_a_time(store: Store):
    """
    Slots count back from the newest; past the oldest there is nothing.
    """
    thread = new_thread(store)
    made = [make_reply() for _ in range(3)]
    for reply in made:
        assert replies.publish(store, thread, reply)
    for offset, reply in enumerate(reversed(made)):
        (slot,) = replies.slots(store, locator_of(store, thread), offset=offset, count=1)
        assert (slot.id, slot.header, slot.payload, slot.expires) == (
            reply.id,
            reply.header,
            reply.payload,
            reply.expires,
        )
    assert replies.slots(store, locator_of(store, thread), offset=3, count=1) == ()
    assert replies.slots(store, make_locator(), offset=0, count=1) == ()


@pytest.mark.parametrize(("offset", "count"), [(-1, 1), (0, 0), (0, 65)])
def test_slots_have_bounds(store: Store, offset: int, count: int):
    """
    A negative offset and too many slots are refused.
    """
    with pytest.raises(ValueError, match="replies"):
        replies.slots(store, make_locator(), offset=offset, count=count)


def test_the_same_reply_again_has_no_effect(store: Store):
    """
    Publishing twice stores once; under another thread it is a conflict.
    """
    thread, reply = new_thread(store), make_reply()
    assert replies.publish(store, thread, reply)
    assert not replies.publish(store, thread, reply)
    assert shown(store, thread) == [reply.id]
    with pytest.raises(ConflictError):
        replies.publish(store, new_thread(store), reply)


def test_a_reply_to_a_thread_that_is_gone_is_refused(store: Store):
    """
    A forgotten thread takes no reply.
    """
    with pytest.raises(MissingError):
        replies.publish(store, bytes(16), make_reply())


def test_a_held_reply_is_shown_only_once_released(store: Store):
    """
    "Send anyway" makes it visible; releasing twice has no effect, releasing what is gone is an error.
    """
    thread, reply = new_thread(store), make_reply(held=True)
    replies.publish(store, thread, reply)
    assert shown(store, thread) == []
    assert not threads.get(store, thread).replied
    assert [held.id for held in replies.held(store)] == [reply.id]
    replies.release(store, reply.id)
    replies.release(store, reply.id)
    assert shown(store, thread) == [reply.id]
    assert threads.get(store, thread).replies == 1
    assert replies.held(store) == ()
    with pytest.raises(MissingError):
        replies.release(store, bytes(16))


def test_a_source_deletes_its_own_reply_alone(store: Store):
    """
    Deleting works under the right thread, twice without harm, and not under another's.
    """
    thread, reply, other = new_thread(store), make_reply(), new_thread(store)
    replies.publish(store, thread, reply)
    assert not replies.delete(store, other, reply.id)
    assert replies.delete(store, thread, reply.id)
    assert not replies.delete(store, thread, reply.id)
    assert shown(store, thread) == []
    assert threads.get(store, thread).replies == 0
    assert not unfinished(store)


def test_a_reply_expires_on_its_day(store: Store):
    """
    It is there the day before, gone on the day, and the other stays.
    """
    thread = new_thread(store)
    short, long = make_reply(expires=DAY + datetime.timedelta(days=7)), make_reply()
    replies.publish(store, thread, short)
    replies.publish(store, thread, long)
    assert replies.expire(store, DAY + datetime.timedelta(days=6)) == 0
    assert replies.expire(store, DAY + datetime.timedelta(days=7)) == 1
    assert shown(store, thread) == [long.id]
    assert threads.get(store, thread).replies == 1
