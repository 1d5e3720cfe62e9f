# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a page says and which forms it has, read from its HTML as a browser without JavaScript would.

A form is known only by what stands in the page: fields by name, buttons by name, value or label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from deploy.errors import DemoError


@dataclass(slots=True)
class Form:
    """
    A form of a page.

    Args:
        action: Where it goes, as written.
        method: `get` or `post`.
        multipart: How it is encoded.
        fields: What it would send untouched: names and values, buttons left out.
        names: Every field and button it has, by name.
        buttons: Each button's (name, value, label).
        file_field: The name of its field for files, if it has one.
    """

    action: str
    method: str
    multipart: bool
    fields: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    file_field: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """
    An answer that was a page.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    html: str
    text: str
    links: tuple[tuple[str, str], ...]
    forms: tuple[Form, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]

    def list_items(self, name: str) -> tuple[str, ...]:
        """
        The items of the first list whose class has this name; none if there is no such list.
        """
        return next((items for classes, items in self.lists if name in classes.split()), ())

    def form(self, *names: str, action: str = "") -> Form:
        """
        The first form that has all these fields or buttons, and whose address ends so.

        Raises:
            DemoError: The page has none.
        """
        for form in self.forms:
            if set(names) <= form.names and form.action.endswith(action):
                return form
        raise DemoError(f"{self.url}: no form with {', '.join(names)} {action}; the page says: {self.text[:300]}")


def read_page(url: str, status: int, headers: Mapping[str, str], raw: bytes) -> Page:
    """
    Make a page of an answer's bytes.
    """
    reader = _Reader()
    html = raw.decode("utf-8", "replace")
    reader.feed(html)
    lists = ((classes, tuple(_line(item) for item in items)) for classes, items in reader.lists)
    return Page(
        url=url,
        status=status,
        headers=headers,
        html=html,
        text=_line(reader.words),
        links=tuple(reader.links),
        forms=tuple(reader.forms),
        lists=tuple(lists),
    )


def _line(words: list[str]) -> str:
    return " ".join("".join(words).split())


class _Reader(HTMLParser):
    """
    Collects what a person could read and use.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._area: tuple[str, list[str]] | None = None
        self._button: tuple[str, str, list[str]] | None = None
        self._select: str | None = None
        self._link: tuple[str, list[str]] | None = None
        self.lists: list[tuple[str, list[list[str]]]] = []
        self._list = False
        self._unread = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("style", "script", "title"):
            self._unread += 1
        elif tag == "form":
            self._form = Form(
                given.get("action", ""),
                given.get("method", "get").lower(),
                given.get("enctype", "") == "multipart/form-data",
            )
            self.forms.append(self._form)
        elif tag == "a" and "href" in given:
            self._link = (given["href"], [])
        elif tag in ("p", "li", "h1", "h2", "h3", "div", "td", "th", "dt", "dd", "br", "pre"):
            self.words.append(" ")
        if tag in ("ol", "ul"):
            self.lists.append((given.get("class", ""), []))
            self._list = True
        elif tag == "li" and self._list:
            self.lists[-1][1].append([])
        if self._form is not None:
            self._control(tag, given)

    def _control(self, tag: str, given: Mapping[str, str]) -> None:
        form, name = self._form, given.get("name", "")
        if form is None:
            return
        if name:
            form.names.add(name)
        kind = given.get("type", "text")
        if tag == "textarea":
            self._area = (name, [])
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in dict(form.fields)):
            form.fields[:] = [pair for pair in form.fields if pair[0] != self._select] + [
                (self._select, given.get("value", ""))
            ]
        elif tag == "button" or (tag == "input" and kind == "submit"):
            self._button = (name, given.get("value", ""), [])
            if tag == "input":
                self.handle_endtag("button")
        elif kind == "file":
            form.file_field = name
        elif tag == "input" and name and (kind not in ("radio", "checkbox") or "checked" in given):
            form.fields.append((name, given.get("value", "on" if kind == "checkbox" else "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "title"):
            self._unread -= 1
        elif tag in ("ol", "ul"):
            self._list = False
        elif tag == "form":
            self._form = None
        elif tag == "textarea" and self._area is not None and self._form is not None:
            self._form.fields.append((self._area[0], "".join(self._area[1]).removeprefix("\n")))
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "button" and self._button is not None and self._form is not None:
            self._form.buttons.append((self._button[0], self._button[1], _line(self._button[2])))
            self._button = None
        elif tag == "a" and self._link is not None:
            self.links.append((self._link[0], _line(self._link[1])))
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._unread:
            return
        for collecting in (self._area, self._button, self._link):
            if collecting is not None:
                collecting[-1].append(data)
        if self._list and self.lists[-1][1]:
            self.lists[-1][1][-1].append(data)
        self.words.append(data)
