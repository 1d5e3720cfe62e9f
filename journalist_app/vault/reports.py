# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The structured report of a message, as the page shows it: each answer under its question, in the reviewer's language.

Codes are shown by their labels, the source's own words as they came. What this version does not know, a code or a key, is
shown raw; and so is a whole report that is not as its format says, because a person may understand what the program does
not (spec F9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from crypto.canonical import JSON, encode
from crypto.errors import FrameError
from crypto.report import Report
from crypto.taxonomy import Taxonomy
from journalist_app.vault.languages import Label, labelled

TAXONOMY: Final = Taxonomy.read(resources.files("crypto").joinpath("taxonomy.json").read_bytes())
DANGER: Final = ("danger", "yes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    One line of a report.

    Args:
        question: Its label; a key that nobody here knows, as it came.
        labels: Codes that answer it.
        words: What the source wrote, or the raw value of what is not known.
        grave: Whether it says that someone is in danger now.
    """

    question: Label
    labels: tuple[Label, ...] = ()
    words: str = ""
    grave: bool = False


def label(code: str, language: str) -> Label:
    """
    What a code is called.

    Args:
        code: Of an answer, a text or a question.
        language: The tag of the reviewer's.
    """
    said = TAXONOMY.labels.get(code)
    return Label(code, None, None) if said is None else labelled(said, language)


def answers(report: JSON, language: str) -> tuple[Answer, ...]:
    """
    The lines of a report, the gravest question first; none where there is no report.

    Args:
        report: The object in the message's header.
        language: The tag of the reviewer's.
    """
    try:
        found = Report.read(report)
    except FrameError:
        return tuple(_raw(report if isinstance(report, Mapping) else {}))
    return (*_known(found, language), *_raw(found.unknown))


def _known(report: Report, language: str) -> Iterator[Answer]:
    if "danger" in report.choices:
        yield _choice("danger", (report.choices["danger"],), language)
    if report.behaviours:
        yield _choice("behaviours", report.behaviours, language)
    for name in TAXONOMY.fields:
        if name in report.texts:
            about = (label("about", language),) if name == "when" and report.about else ()
            yield Answer(question=label(name, language), words=report.texts[name], labels=about)
    for name in ("how", "guess"):
        if name in report.choices:
            yield _choice(name, (report.choices[name],), language)


def _choice(name: str, codes: Sequence[str], language: str) -> Answer:
    # Looked up among the answers to this question: "danger" has a label, but answers none.
    known = getattr(TAXONOMY, name)
    labels = tuple(label(code, language) if code in known else Label(code, None, None) for code in codes)
    return Answer(question=label(name, language), labels=labels, grave=(name, *codes) == DANGER)


def _raw(unknown: Mapping[str, JSON]) -> Iterator[Answer]:
    for key, value in unknown.items():
        yield Answer(question=Label(key, None, None), words=value if isinstance(value, str) else encode(value).decode())
