# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The structured report in the header of a message (spec F11 to F13): what a source answered beside the words, and nothing else.

Promises: only what was answered stands in it; what `as_json` gives, `read` gives back equal; with every text at its longest, a header still
holds it (spec F1).
Refuses: answers of the wrong type, empty or over-long ones, control characters in a text, a code written as none is.
Leaves to others: which codes there are and what they are called (`taxonomy`): a code that nobody knows yet is kept, and shown as it
stands, as are keys that this version does not know (spec F9).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from crypto.canonical import JSON, Fields
from crypto.errors import FrameError

#: The texts, and the most characters that each may have (spec F12).
TEXTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "name": 80,
        "post": 80,
        "unit": 80,
        "badge": 40,
        "description": 240,
        "where": 160,
        "when": 60,
        "harmed": 240,
    }
)
#: The questions with one answer (spec F11).
CHOICES: Final = ("how", "guess", "danger")
MAX_BEHAVIOURS: Final = 32
MAX_CODE: Final = 32
# The longest character has four bytes of UTF-8, and none that a text may have is longer in JSON (spec C1).
_BYTES: Final = 4

CODE: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
#: What no text of a report may have: control characters, the line feed apart.
CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report:
    """
    One report. It does not print: it holds a source's words.

    Args:
        behaviours: codes, in the order of the taxonomy that the form was made of.
        texts: by the names of `TEXTS`; only those that were written.
        about: whether the date in `when` is approximate.
        choices: codes, by the names of `CHOICES`; only those that were answered.
        unknown: what this version does not know, as it came.
    """

    behaviours: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    about: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, JSON] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.behaviours or self.texts or self.choices or self.unknown)

    def as_json(self) -> dict[str, JSON]:
        """
        The object as it stands in a header: only answered keys (spec F11).

        Raises:
            FrameError: `read` would refuse it.
        """
        found: dict[str, JSON] = {**self.texts, **self.choices}
        if self.behaviours:
            found["behaviours"] = list(self.behaviours)
        if self.about:
            found["about"] = True
        if found.keys() & self.unknown.keys():
            raise FrameError("report: what is unknown has the name of what is known")
        found.update(self.unknown)
        if Report.read(found) != self:
            raise FrameError("report: an answer under a name that is not its own")
        return found

    @classmethod
    def read(cls, value: JSON) -> Report:
        """
        Read the object out of a header.

        Raises:
            FrameError: an answer is not of its type, is empty, or longer than it may be.
        """
        fields = Fields(value, "report", error=FrameError)
        behaviours = _codes(fields) if fields.has("behaviours") else ()
        texts = {name: _text(fields, name, most) for name, most in TEXTS.items() if fields.has(name)}
        choices = {name: _code(fields.text(name, MAX_CODE)) for name in CHOICES if fields.has(name)}
        about = fields.has("about")
        # What is not so is not said: there is one spelling of it (spec F11).
        if about and not (fields.flag("about") and "when" in texts):
            raise FrameError("report: about is neither true nor absent, or says it of no date")
        return cls(behaviours=behaviours, texts=texts, about=about, choices=choices, unknown=fields.rest())


def _codes(fields: Fields) -> tuple[str, ...]:
    listed = fields.list("behaviours", MAX_BEHAVIOURS)
    codes = tuple(_code(code) for code in listed)
    if not codes or len(set(codes)) != len(codes):
        raise FrameError("report: behaviours are none, or one stands twice")
    return codes


def _code(value: JSON) -> str:
    if not isinstance(value, str) or len(value) > MAX_CODE or not CODE.fullmatch(value):
        raise FrameError("report: an answer is not written as a code")
    return value


def _text(fields: Fields, name: str, most: int) -> str:
    text = fields.text(name, _BYTES * most)
    if not text or len(text) > most:
        raise FrameError(f"report: {name} is empty or has more than {most} characters")
    if CONTROL.search(text):
        raise FrameError(f"report: {name} has control characters")
    return text
