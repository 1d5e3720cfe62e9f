# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The answers of a form: which fields carry them, what they may be, and what becomes of them in a message's frame (spec F5, F11 to F13).

What this file promises
- What was not answered stays unanswered: no answer has a default, and "rather not say" is none.
- An answer that is over its limit, or holds signs that no text may have, is named, and the form can be shown again with all that is in it.

What it refuses: a tick or a choice that our pages do not offer.
What it leaves to others: showing the questions (`report_form`), sealing, and what the answers mean to a reviewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from crypto.report import CONTROL, TEXTS, Report
from crypto.taxonomy import UNANSWERED, Taxonomy
from source_app.errors import AnswerError, BadFormError

TAXONOMY: Final = Taxonomy.read(files("crypto").joinpath("taxonomy.json").read_bytes())
CONSENT: Final = "consent"
HOW: Final = "how"
#: The answer to "how do you know" that stands for none.
UNSAID: Final = "unsaid"
ABOUT: Final = "about"
#: What a tick sends.
TICKED: Final = "yes"
#: Ticks, by the name of their field.
BEHAVIOURS: Final[Mapping[str, str]] = MappingProxyType({f"b-{code}": code for code in TAXONOMY.behaviours})
#: Texts, by the name of their field: `name` is the name of a file's part (`upload`).
WRITTEN: Final[Mapping[str, str]] = MappingProxyType({"who" if name == "name" else name: name for name in TEXTS})
#: Questions with one answer, and the codes of their answers.
CHOSEN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"danger": TAXONOMY.danger, CONSENT: TAXONOMY.consent, HOW: TAXONOMY.how, "guess": TAXONOMY.guess}
)
#: Every field of a form that carries an answer.
NAMES: Final = frozenset({*BEHAVIOURS, *WRITTEN, *CHOSEN, ABOUT})


@dataclass(frozen=True, slots=True)
class Answers:
    """
    What was answered.

    Args:
        consent: as the frame has it.
        report: the rest; false if there is none.
    """

    consent: str = UNANSWERED
    report: Report = field(default_factory=Report)

    def __bool__(self) -> bool:
        return self.consent != UNANSWERED or bool(self.report)


def require_offered(name: str, text: str) -> None:
    """
    Raises:
        BadFormError: a tick or a choice that our pages do not offer.
    """
    ticks = name in BEHAVIOURS or name == ABOUT
    if (ticks and text != TICKED) or (name in CHOSEN and text not in CHOSEN[name]):
        raise BadFormError("an answer that our pages do not offer")


def answers_of(fields: Mapping[str, str], *, again: bool = True) -> Answers:
    """
    The answers in a form's fields.

    Args:
        fields: those that came, each as `require_offered` lets it pass.
        again: whether the form can be shown again; of one that cannot, signs that no text may have are taken out, and an answer that is too
            long is left out.

    Raises:
        AnswerError: a text is over its limit, or holds what no text may have.
    """
    texts = {}
    for field_name, name in WRITTEN.items():
        text = tidy(fields.get(field_name, ""))
        readable, too_long = tidy(CONTROL.sub("", text)), len(text) > TEXTS[name]
        if again and (too_long or CONTROL.search(text)):
            raise AnswerError(name, TEXTS[name] if too_long else 0)
        if readable and not too_long:
            texts[name] = readable
    choices = {name: fields[name] for name in CHOSEN if name != CONSENT and name in fields}
    if choices.get(HOW) == UNSAID:
        del choices[HOW]
    report = Report(
        behaviours=tuple(code for name, code in BEHAVIOURS.items() if name in fields),
        texts=texts,
        about=ABOUT in fields and "when" in texts,
        choices=choices,
    )
    return Answers(fields.get(CONSENT, UNANSWERED), report)


def tidy(text: str) -> str:
    """A text as it is sealed: line ends as LF, tabs as spaces, nothing around it."""
    return text.replace("\r\n", "\n").replace("\t", " ").strip()
