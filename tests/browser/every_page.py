# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every page of the source app in every state, in one language after the other, as a browser with scripts off comes to it.

What is pressed is found by where it leads and not by its words, so that one walk serves all languages. Each stop gives its name while the browser
stands on that page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crypto.codename import Codename
from source_app.guidance import TOPICS
from tests.browser.evidence import nothing, photo
from tests.browser.firefox import Firefox
from tests.browser.service import LIMIT, Here

REPLY = "We have read it. Which gate did the cars come out of, and on which day?\nPlease do not go there again."
LONG = "A long answer, in two parts. " * 1_500
#: A sentence in an English of the source's own: whatever language the page is in, this one is not.
WORDS = "Two cars left the yard at four in the morning."
OPEN_ALL = "for (const one of document.querySelectorAll('main details')) one.open = true;"
OPEN_MENU = "document.querySelector('header details').open = true;"


@dataclass
class Walk:
    """
    One way through all pages.

    Args:
        here: the service.
        page: the browser.
        language: first part of the addresses.
        folder: for the files that are sent.
    """

    here: Here
    page: Firefox
    language: str
    folder: Path

    def stops(self) -> Iterator[str]:
        """Every page in every state; the browser stands on it until the next one is asked for."""
        yield from self.outside()
        yield from self.first_visit()
        yield from self.frames()
        yield from self.coming_back()
        yield from self.ending()

    def outside(self) -> Iterator[str]:
        """What can be opened without a visit; and forms that bring nothing, or what is no codename."""
        self._end_visit()
        names = ("", "write", "return", "authorship", "received", "waiting", "nothing")
        for name in (*names, *(f"guidance/{topic}" for topic in TOPICS)):
            yield self._at(name, name.replace("/", "-") or "landing")
        self._at("")
        self.page.asked(OPEN_MENU)
        yield "landing-languages"
        self._at("write")
        self.page.asked(OPEN_ALL)
        yield "write-unfolded"
        self._push("write", "button.first")
        yield "write-nothing"
        self._at("return")
        self._fill("textarea[name=codename]", "abandon abilty able")
        self._push("return", "button.first")
        yield "return-wrong"

    def first_visit(self) -> Iterator[str]:
        """Words, the codename, and what is under it."""
        self._wrote()
        yield "received"
        self.page.asked(OPEN_ALL)
        yield "received-codename"
        self._push("known", "button.first")
        yield "received-known"
        self.page.asked(OPEN_ALL)
        self._push("slip", "button")
        yield "slip"

    def frames(self) -> Iterator[str]:
        """What stands in the frames of the page that sends, each as a page."""
        yield self._at("before", "frame-before")
        self._at("files")
        yield "files"
        self.page.element("input[name=files]").send_keys(str(photo(self.folder / "yard.png")))
        self.page.element("input[name=files]").send_keys(str(nothing(self.folder / "film-of-the-night.mp4", 2 * LIMIT)))
        self._push("files", "button.first")
        yield "files-too-large"
        yield self._at("sent", "frame-sent")
        yield self._at("progress", "frame-progress")
        yield self._at("still", "frame-still")

    def coming_back(self) -> Iterator[str]:
        """Answers, long and short, statuses, deleting."""
        self._at("received")
        self._leave()
        yield "left"
        self._return(" ".join(Codename.generate().words()))
        yield "thread-never-used"
        self._leave()
        words = self._wrote()
        self._leave()
        for status, text in (("read", ""), (None, LONG), (None, REPLY), ("answered", "")):
            self.here.house.publish(words, status=status, text=text)
        self._return(words)
        self.page.asked(OPEN_ALL)
        yield "thread"
        self._push("answer", "button.first")
        yield "thread-nothing"
        self._push("thread", "button[name=slot]")
        yield "thread-older"
        self._at("thread")
        self._push("delete", "button")
        yield "delete"
        self._at("thread")
        self._push("forget", "button")
        yield "forget"
        self._push("forget", "button[name=sure], button.danger")
        yield "forgotten"

    def ending(self) -> Iterator[str]:
        """A visit that ended while its form was written."""
        words = self._wrote()
        self._leave()
        self._return(words)
        self._fill("textarea[name=message]", WORDS)
        with self.here.started_anew():
            self._push("answer", "button.first")
            self.page.asked(OPEN_ALL)
            yield "again"

    def _end_visit(self) -> None:
        # Of another walk, if it stopped on the way.
        self._at("")
        self._push("exit", "button")

    def _at(self, name: str, said: str = "") -> str:
        self.page.open(f"{self.here.circuit.origin}/{self.language}/{name}")
        return said

    def _wrote(self) -> str:
        self._at("write")
        self._fill("textarea[name=message]", WORDS)
        self._push("write", "button.first")
        self.page.asked(OPEN_ALL)
        return " ".join(self.page.texts("ol.codename.words li"))

    def _return(self, words: str) -> None:
        self._at("return")
        self._fill("textarea[name=codename]", words)
        self._push("return", "button.first")

    def _leave(self) -> None:
        self._push("leave", "button")

    def _fill(self, css: str, text: str) -> None:
        field = self.page.element(css)
        field.clear()
        field.send_keys(text)

    def _push(self, act: str, css: str) -> None:
        self.page.push(f'form[action="/{self.language}/{act}"] :is({css})')
