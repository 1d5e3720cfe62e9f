# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a page says, and in which language: every piece of text and every attribute that is read out, with what stands over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Elements without an end.
VOID = frozenset({"base", "br", "hr", "img", "input", "link", "meta"})
#: Attributes that are read out or shown.
READ_OUT = ("title", "aria-label", "alt", "placeholder", "label", "aria-description", "aria-roledescription")


@dataclass(frozen=True, slots=True)
class Element:
    """
    One element that is open.

    Args:
        tag: its name.
        attributes: as they stand in it.
    """

    tag: str
    attributes: dict[str, str]

    @property
    def classes(self) -> frozenset[str]:
        """Its classes."""
        return frozenset(self.attributes.get("class", "").split())


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A piece of text, or one attribute.

    Args:
        text: what it says.
        over: the elements it stands in, the outermost first.
        attribute: its name, if it is one.
    """

    text: str
    over: tuple[Element, ...]
    attribute: str = ""

    @property
    def lang(self) -> str:
        """The language that it is in, as the page says."""
        return next((one.attributes["lang"] for one in reversed(self.over) if "lang" in one.attributes), "")

    @property
    def direction(self) -> str:
        """The direction that it has, as the page says."""
        return next((one.attributes["dir"] for one in reversed(self.over) if "dir" in one.attributes), "")

    def within(self, *tags: str) -> bool:
        """Whether it stands in one of these elements; `.name` is a class."""
        return any(one.tag in tags or {f".{name}" for name in one.classes} & set(tags) for one in self.over)


@dataclass
class _Reader(HTMLParser):
    pieces: list[Piece] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    over: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        self.over.append(element)
        for name in READ_OUT:
            if element.attributes.get(name, "").strip():
                self.pieces.append(Piece(element.attributes[name], tuple(self.over), name))
        if tag in VOID:
            self.over.pop()

    def handle_endtag(self, tag: str) -> None:
        if not any(one.tag == tag for one in self.over):
            raise ValueError(f"an end of {tag} that nothing began")
        while self.over and self.over.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.pieces.append(Piece(data, tuple(self.over)))


def read(html: str) -> tuple[list[Piece], list[Element]]:
    """All pieces of a page in their order, and all its elements."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.pieces, reader.elements


def letters(text: str) -> Iterator[str]:
    """The letters in a text: no digits, no punctuation, no signs."""
    return (one for one in text if one.isalpha())
