# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every page of the source app in every state, in one language, as a window comes to it; frames and the refusals too.

What is pressed is found by where it leads and not by its words, so that one walk serves all languages, real ones and made-up ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from werkzeug.test import TestResponse

from crypto.codename import Codename
from source_app import received, refusals, thread, visit, waiting
from source_app.errors import (
    AnswerError,
    ClosedError,
    DisconnectedError,
    LeftError,
    MessageTooLongError,
    NoRoomError,
    NoSpaceError,
    SendAgainError,
    TokenError,
    TooLargeError,
    TooManyError,
    TroubleError,
    UploadError,
)
from source_app.kdf import BusyError
from source_app.languages import Language
from source_app.progress import Coming
from source_app.session import EndedError
from source_app.shelf import TOPICS
from source_app.visitors import visit_is
from store.errors import OverloadedError
from tests.source_app.answered import EVERY
from tests.source_app.multipart_forms import text
from tests.source_app.telling import LONGEST, four_threads
from tests.source_app.window import House, Window

NAMES = ("", "write", "return", "authorship", "blank", "received", "thread", "waiting", "files", "nothing")
FRAMES = ("before", "sent", "progress")
#: A file's name of somebody else's, in no language of ours.
FILE = "съёмка-1.mp4"
#: As long as a list shows them, of a sign that grows fivefold when it is escaped, and not in the memory where the list stands.
LONG_NAME = "'" * (visit.NAME - 2)
#: One of each kind that a page says something else about.
REFUSALS: tuple[refusals.Trouble, ...] = (
    AnswerError("description", 240),
    AnswerError("where", 0),
    BusyError(40, kept=True),
    BusyError(40),
    ClosedError(),
    DisconnectedError(),
    EndedError(),
    LeftError(),
    MessageTooLongError(),
    NoRoomError(),
    NoSpaceError(),
    OverloadedError(),
    SendAgainError(),
    TokenError(),
    TooLargeError(),
    TooManyError(),
    TroubleError(),
    UploadError(),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """
    One page of the walk.

    Args:
        name: of the state it is in.
        page: the answer.
    """

    name: str
    page: TestResponse

    @property
    def framed(self) -> bool:
        """Whether it stands in a frame of another page."""
        return self.name.startswith("frame ")


def every_page(house: House, shut: House, language: Language) -> Iterator[Stop]:
    """
    The whole walk.

    Args:
        house: an open one.
        shut: one that takes nothing at the moment.
        language: first part of the addresses.
    """
    walk = _Walk(house, language)
    for name in ("", "write"):
        yield Stop(f"{name or 'landing'}, closed", Window(shut, language.path).go(name))
    yield from walk.outside()
    yield from walk.refused()
    yield from walk.first_visit()
    yield from walk.full_list()
    yield from walk.coming_back()
    yield from walk.ending()


@dataclass
class _Walk:
    house: House
    language: Language

    def outside(self) -> Iterator[Stop]:
        """What is opened without a visit, and forms that bring nothing."""
        window = self._window()
        for name in (*NAMES, *(f"guidance/{topic}" for topic in TOPICS)):
            yield Stop(f"{name or 'landing'}, outside", window.go(name))
        window.go("write")
        yield Stop("nothing written", window.send("write"))
        kept = (text(name, value) for name, value in {"message": "Words", **EVERY}.items())
        yield Stop("a form that had expired", window.post("write", text("token", "x"), *kept))
        for typed in ("abandon abilty able", "0 1 2", "abandon ability", " ".join(["abandon"] * 9), "x" * 1_001):
            window.come_back(typed)
            yield Stop(f"return with {typed[:20]}", window.page)
        yield Stop("a wrong method", window.client.put(f"/{self.language.path}/write"))
        yield Stop("another website", window.post("write", headers={"Sec-Fetch-Site": "cross-site"}))
        yield Stop("no form", window.client.post(f"/{self.language.path}/write", data=b"x", content_type="text/plain"))

    def refused(self) -> Iterator[Stop]:
        """Each refusal that a page can show, whatever leads to it."""
        for number, error in enumerate(REFUSALS):
            with self.house.app.test_request_context(f"/{self.language.path}/write"):
                page = TestResponse.force_type(refusals.trouble_page(error))
            yield Stop(f"refused {number}: {type(error).__name__}", page)
        for kept in ("", "x"):
            with self.house.app.test_request_context(f"/{self.language.path}/write"):
                page = TestResponse.force_type(
                    refusals.render.plain(413, "", *refusals.kept_of(MessageTooLongError(), kept))
                )
            yield Stop(f"too long, {kept or 'not'} kept", page)

    def first_visit(self) -> Iterator[Stop]:
        """Words, the codename, files, and what stands in the frames."""
        window = self._window()
        yield Stop("frame progress, no visit", window.go("progress"))
        window.write("What I saw", (FILE, b"x" * 5_000))
        yield Stop("received with a codename", window.page)
        yield Stop("no file chosen", window.send("files") if window.offers("files") else window.go("files"))
        for name in FRAMES:
            yield Stop(f"frame {name}, one file", window.go(name))
        yield Stop("files", window.go("files"))
        yield Stop("files, none chosen", window.send("files"))
        window.go("received")
        window.send("known")
        yield Stop("received, known", window.page)
        yield Stop("slip", window.send("slip"))
        yield Stop("guidance in a visit", window.go("guidance/codename"))
        window.go("received")
        yield Stop("logged out", window.send("leave"))

    def full_list(self) -> Iterator[Stop]:
        """The longest list there is, with a line for everything that can become of a file; and files on their way."""
        window = self._window()
        window.write()
        memory = self.house.parts.memory
        session = self.house.parts.sealer.session(window.cookie() or "")
        visit_id = session.id
        lines = [visit.Entry(visit.State.ARRIVED, "", 70_000, secrets.token_bytes(4))]
        lines += [visit.Entry(state, f"{number}{LONG_NAME}") for number, state in enumerate(visit.State)]
        lines += [
            visit.Entry(visit.State.ARRIVED, f"{number}{LONG_NAME}", 70_000, secrets.token_bytes(4))
            for number in range(10, 10 + visit.SHOWN)
        ]
        visit.add(memory, visit_id, tuple(lines))
        yield Stop("received, the longest list", window.go("received"))
        for name in FRAMES:
            yield Stop(f"frame {name}, the longest list", window.go(name))
        for number in range(visit.SHOWN):
            visit.add(memory, visit_id, (visit.Entry(visit.State.TOO_MANY, f"{number}{LONG_NAME}"),))
        for number, error in enumerate(REFUSALS):
            for name, answer in {"": received.received_page, "frame sent, ": received._sent_page}.items():
                with self.house.app.test_request_context(f"/{self.language.path}/received"):
                    visit_is(session)
                    page = TestResponse.force_type(answer(503, refusals.arrived_of(error)))
                yield Stop(f"{name}all lost, refused {number}: {type(error).__name__}", page)
        coming = Coming(memory, visit=visit_id, form=bytes(16), length=9_000_000, hold=lambda: None)
        yield Stop("frame progress, on the way", window.go("progress"))
        self.house.later(45)
        yield Stop("frame progress, nothing comes", window.go("progress"))
        coming.ended()
        with self.house.app.test_request_context(f"/{self.language.path}/waiting"):
            yield Stop("waiting", TestResponse.force_type(waiting._page(40)))
            yield Stop("not deleted", TestResponse.force_type(thread._not_deleted()))

    def coming_back(self) -> Iterator[Stop]:
        """Answers of every kind; deleting."""
        for state, words in four_threads(self.house).items():
            window = self._window()
            window.come_back(words)
            yield Stop(f"thread, {state}", window.page)
            yield Stop(f"thread, {state}, nothing written", window.send("answer"))
            token = text("token", window.hidden("forget")["token"])
            yield Stop(f"thread, {state}, older", window.post("thread", token, text("slot", "2"), text("part", "1")))
            yield Stop(f"thread, {state}, oldest", window.post("thread", token, text("slot", "99")))
        yield Stop("delete", window.post("delete", token, text("item", "ab" * 16)))
        yield Stop("deleted", window.post("delete", token, text("item", "ab" * 16), text("sure", "yes")))
        yield from self._untrusted()
        window.go("thread")
        yield Stop("forget", window.send("forget"))
        yield Stop("forgotten", window.send("forget", sure="yes"))

    def _untrusted(self) -> Iterator[Stop]:
        window = self._window()
        words = window.write()
        self.house.publish(words, filed=secrets.token_bytes(16))
        self.house.publish(words, key=self.house.organisation.signing[0].generate())
        window.go("thread")
        yield Stop("thread, damaged and forged", window.page)
        self.house.publish(words, card=bytes(32), text=LONGEST[:100])
        yield Stop("thread, signed long ago", window.go("thread"))

    def ending(self) -> Iterator[Stop]:
        """A visit that ended while its form was written; a server that is closed."""
        window = self._window()
        window.come_back(" ".join(Codename.generate().words()))
        there = self.house.restarted()
        late = Window(there, self.language.path)
        token = window.hidden("answer")["token"]
        yield Stop("again", late.post("answer", text("token", token), text("message", "Words")))
        yield Stop("again, without words", late.post("forget", text("token", token)))
        gateway = late.client.get(f"/{self.language.path}/", headers={"Via": "1.1 x"})
        yield Stop("gateway", gateway)
        yield Stop("choice of language", late.client.get("/"))

    def _window(self) -> Window:
        return Window(self.house, self.language.path)
