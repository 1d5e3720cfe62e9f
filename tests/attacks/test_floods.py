# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody floods.

They pay, and cannot silence others: words outlive files, those who are in outlive those who come, and a connection that is held
holds a thread and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import PRODUCTION
from store.engine import Store
from tests.attacks.loopback import connected, request
from tests.journeys.world import World
from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Page, Running, Upload, Visitor, write_settings
from tests.source_app.window import Window

pytestmark = pytest.mark.slow


@pytest.fixture
def organisation() -> Throwaway:
    """One seat, codenames that cost what they cost in earnest."""
    return Throwaway(1, costs=PRODUCTION)


@pytest.fixture
def store(tmp_path: Path, organisation: Throwaway) -> Iterator[Store]:
    """Its store."""
    made = new_store(tmp_path / "store")
    organisation.install(made)
    yield made
    made.close()


def _texts(organisation: Throwaway, store: Store) -> list[str]:
    """Every message stored."""
    return sorted(one.body.decode() for one in organisation.opened(store) if one.header.kind == "message")


def _files(organisation: Throwaway, store: Store) -> list[str]:
    """The names of every file stored."""
    return [one.header.fields["name"] for one in organisation.opened(store) if one.header.kind == "file"]


def test_when_files_find_no_room_words_still_do(tmp_path: Path, organisation: Throwaway, store: Store) -> None:
    """The disk's last part is for messages: a first contact, an answer, and the words of a form whose file is refused."""
    with Running(write_settings(tmp_path / "settings.toml", store.folder, reserve_bytes=1 << 50)) as running:
        visitor = Visitor(running.origin)
        page = visitor.write("first words")
        assert page.status == 200
        refused = visitor.attach(page, Upload.of("flood.bin", bytes(100_000)))
        assert refused.status in {413, 503}
        thread = visitor.get("/en/thread")
        answered = visitor.send(
            thread, thread.form("message", "files"), {"message": "more words"}, [Upload.of("x", bytes(9_000))]
        )
        assert answered.status in {200, 413, 503}
        another = Visitor(running.origin)
        assert another.write("somebody else").status == 200
    assert _texts(organisation, store) == ["first words", "more words", "somebody else"]
    assert _files(organisation, store) == []
    assert list((store.folder / "incoming").iterdir()) == []


def test_a_full_lane_is_said_before_the_body_is_read(tmp_path: Path, organisation: Throwaway, store: Store) -> None:
    """A gigabyte is announced, the token and its first 16 KiB are sent, and the answer is there: a flood buys no reading."""
    with Running(write_settings(tmp_path / "settings.toml", store.folder, reserve_bytes=1 << 50)) as running:
        page = Visitor(running.origin).get("/en/write")
        token = text("token", page.form("message").hidden["token"])
        start = body(token, file("flood.bin", bytes(20_000)), end=False)
        head = ("Content-Type: " + CONTENT_TYPE, f"Content-Length: {1 << 30}")
        with connected(running.origin) as connection:
            connection.sendall(request("POST", "/en/write", *head, body=start))
            assert connection.recv(12).startswith(b"HTTP/1.1 503")
        assert Visitor(running.origin).write("words").status == 200
    assert _texts(organisation, store) == ["words"]


def test_held_connections_do_not_keep_others_out(tmp_path: Path, organisation: Throwaway, store: Store) -> None:
    """Two hundred bodies that never end and a hundred headers that never end: another source writes, and is not kept waiting."""
    with Running(write_settings(tmp_path / "settings.toml", store.folder)) as running, ExitStack() as held:
        for number in range(300):
            connection = held.enter_context(connected(running.origin))
            if number < 200:
                head = ("Content-Type: " + CONTENT_TYPE, "Content-Length: 5000000")
                connection.sendall(request("POST", "/en/write", *head, body=b"--" + bytes(10)))
            else:
                connection.sendall(b"GET /en/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: a")
        began = time.monotonic()
        visitor = Visitor(running.origin, timeout=30)
        page = visitor.write("through the crowd")
        assert page.status == 200
        assert visitor.attach(page, Upload.of("f", bytes(70_000))).status == 200
        assert time.monotonic() - began < 15
    assert _texts(organisation, store) == ["through the crowd"]
    assert _files(organisation, store) == ["f"]


def test_a_line_of_codenames_does_not_delay_those_who_are_in(
    tmp_path: Path, organisation: Throwaway, store: Store
) -> None:
    """Sixty returns wait for one derivation slot; a message in an open visit is taken long before the line has ended."""
    settings = write_settings(tmp_path / "settings.toml", store.folder, kdf_slots=1)
    ended: list[float] = []
    with Running(settings) as running:
        visitor = Visitor(running.origin)
        visitor.write("before the flood")
        page = visitor.get("/en/thread")

        def come_back(opened: tuple[Visitor, Page]) -> None:
            stranger, form = opened
            typed = {"codename": " ".join(Codename.generate().words())}
            assert stranger.send(form, form.form("codename"), typed).status == 200
            ended.append(time.monotonic())

        strangers = [Visitor(running.origin) for _ in range(60)]
        crowd = [threading.Thread(target=come_back, args=((one, one.get("/en/return")),)) for one in strangers]
        for one in crowd:
            one.start()
        assert visitor.send(page, page.form("message", "files"), {"message": "during the flood"}).status == 200
        taken = time.monotonic()
        for one in crowd:
            one.join()
    assert len(ended) == 60
    assert sum(moment > taken for moment in ended) >= 10
    assert _texts(organisation, store) == ["before the flood", "during the flood"]


@pytest.mark.parametrize("size", [9_000, 3_000_000], ids=["small", "more than a form"])
def test_words_that_come_with_a_file_are_kept_when_the_file_finds_no_room(tmp_path: Path, size: int) -> None:
    """One form with both: the words are received, the file is not, and the page says why: room, not size."""
    world = World(tmp_path, seats=1, reserve_bytes=1 << 50)
    window = Window(world)
    window.go("write")
    window.send("write", ("f.bin", bytes(size)), message="words that matter")
    words = window.codename()
    world.carry()
    assert world.texts(1, world.thread_value(words)) == ["words that matter"]
    assert world.files(1, world.thread_value(words)) == {}
    world.close()
    assert "at most 0 bytes" not in window.html
    assert "no more room" in window.html
