# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a reviewer chose of the phrasebook in the reply's form, and the text of the reply with it.

Nothing is sealed here: the page comes again with the words in its box, to be read and altered. Numbers are typed or ticked;
typed ones come first, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from werkzeug.datastructures import MultiDict

from journalist_app.vault.errors import InputError
from journalist_app.vault.gaps import numbered
from journalist_app.vault.languages import spoken
from journalist_app.vault.phrasebook import BOOK, HOLES
from journalist_app.vault.reading import Item

MAX_TYPED: Final = 200
_NUMBERS: Final = re.compile(r"[0-9]{1,3}(?:[ ,;、，]+[0-9]{1,3})*")


@dataclass(frozen=True, slots=True)
class Composed:
    """
    The reply's form as it stands.

    Args:
        text: In the box.
        lang: Of the reply; None if nobody said.
        typed: The numbers as they were typed.
        ticked: Those that were ticked.
        values: By hole, as they were typed.
    """

    text: str = ""
    lang: str | None = None
    typed: str = ""
    ticked: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_form(cls, form: MultiDict[str, str]) -> Composed:
        """
        What was sent, unchecked: a page that refuses gives it back.
        """
        return cls(
            text=form.get("text", "").replace("\r\n", "\n"),
            lang=form.get("lang", ""),
            typed=form.get("numbers", "")[: MAX_TYPED + 1],
            ticked=frozenset(form.getlist("ticked")[: len(BOOK.sentences) + 1]),
            values={hole: form.get(f"value-{hole}", "") for hole in HOLES},
        )

    @property
    def open(self) -> bool:
        """
        Whether something was chosen that is not in the text yet.
        """
        return bool(self.typed or self.ticked)

    def put_in(self) -> Composed:
        """
        The same with the chosen sentences under the text, and nothing chosen any more.

        Raises:
            InputError: A number or a value is not one.
        """
        tag = spoken(self.lang or "")
        said = BOOK.compose(self._numbers(), tag, self.values)
        written = self.text.strip()
        # Words in another language keep the name of theirs.
        return Composed(f"{written}\n\n{said}", self.lang) if written else Composed(said, tag)

    def _numbers(self) -> list[int]:
        typed = self.typed.strip()
        if len(typed) > MAX_TYPED or (typed and _NUMBERS.fullmatch(typed) is None):
            raise InputError("sentences are chosen by their numbers, such as: 1 9 12")
        ticked = {str(sentence.number): sentence.number for sentence in BOOK.sentences}
        if not self.ticked <= ticked.keys():
            raise InputError("there is no such sentence")
        found = [int(number) for number in re.findall("[0-9]+", typed)]
        found += sorted(ticked[number] for number in self.ticked)
        if not found:
            raise InputError("no sentence was chosen")
        return found


def awaited(items: Iterable[Item]) -> tuple[tuple[str, str], ...]:
    """
    Files of which parts or volumes are missing: each one's name and the numbers, to be asked for.
    """
    found = []
    for item in items:
        if item.volumes and item.volumes.gaps:
            found.append((item.volumes.stem, numbered(item.volumes.gaps)))
        elif item.file and item.file.parts and item.file.parts.gaps:
            found.append((item.row.name, numbered(item.file.parts.gaps)))
    return tuple(found)
