# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The structured report: what is written is read, what is unknown is kept, and the longest one fits. Refusals by name are in the frame's vectors.
"""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crypto import canonical
from crypto.errors import FrameError
from crypto.frame import MAX_HEADER, message_header
from crypto.hidden import Hidden
from crypto.report import CHOICES, MAX_BEHAVIOURS, MAX_CODE, TEXTS, Report

RECIPIENT = "age1pq1" + "q" * 1952
CODES = st.from_regex(r"[a-z]{1,9}(-[a-z]{1,9}){0,2}", fullmatch=True)
KNOWN = {*TEXTS, *CHOICES, "behaviours", "about"}
PLAIN = st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n")


def text(most: int) -> st.SearchStrategy[str]:
    return st.text(PLAIN, min_size=1, max_size=most)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    texts = draw(st.fixed_dictionaries({}, optional={name: text(most) for name, most in TEXTS.items()}))
    return Report(
        behaviours=tuple(draw(st.lists(CODES, unique=True, max_size=MAX_BEHAVIOURS))),
        texts=texts,
        about="when" in texts and draw(st.booleans()),
        choices=draw(st.fixed_dictionaries({}, optional=dict.fromkeys(CHOICES, CODES))),
        unknown=draw(
            st.dictionaries(
                st.text(PLAIN, max_size=9).filter(lambda key: key not in KNOWN),
                st.none() | st.booleans() | st.integers(-9, 9) | st.lists(st.text(PLAIN, max_size=9), max_size=3),
                max_size=3,
            )
        ),
    )


@given(reports())
def test_what_is_written_is_read(report: Report) -> None:
    """Any report comes back equal out of the bytes of a header, with what is unknown in it."""
    raw = canonical.encode(report.as_json())
    assert Report.read(canonical.decode(raw, limit=MAX_HEADER)) == report


@given(reports())
def test_only_what_was_answered_stands_in_it(report: Report) -> None:
    """No key is there for a question that was not answered, and a report with nothing in it is false."""
    found = report.as_json()
    answered = {*report.texts, *report.choices, *report.unknown}
    assert found.keys() - {"behaviours", "about"} == answered
    assert ("behaviours" in found, "about" in found) == (bool(report.behaviours), report.about)
    assert bool(report) == bool(found)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)) | st.text(max_size=5), JSONS, max_size=5))
def test_whatever_comes_is_read_or_refused_by_name(value: dict[str, object]) -> None:
    """No other error comes out, and what is accepted is written again as it was."""
    try:
        report = Report.read(value)  # type: ignore[arg-type]
    except FrameError:
        return
    assert report.as_json() == value


def test_the_longest_report_fits_its_header() -> None:
    """With sixteen seats, the longest language tag, every behaviour there may be and every text full of the longest character."""
    report = Report(
        behaviours=tuple(f"{'x' * (MAX_CODE - 2)}-{chr(ord('a') + n)}" for n in range(26))
        + tuple(f"{'y' * (MAX_CODE - 2)}-{chr(ord('a') + n)}" for n in range(MAX_BEHAVIOURS - 26)),
        texts={name: "𠀀" * most for name, most in TEXTS.items()},
        about=True,
        choices=dict.fromkeys(CHOICES, "z" * MAX_CODE),
    )
    header = message_header(
        reply_to=RECIPIENT,
        consent="confidential",
        report=report.as_json(),
        thread=Hidden(b"t" * 32),
        item=b"i" * 16,
        submission=b"s" * 16,
        card=b"c" * 32,
        epoch=2**31 - 1,
        seats=tuple(range(2**31 - 16, 2**31)),
        lang="a-" * 17 + "b",
    )
    assert len(header.encode()) <= MAX_HEADER


@pytest.mark.parametrize("escaped", ['"', "\\", "\n"])
def test_no_character_is_longer_in_json_than_the_longest(escaped: str) -> None:
    """What JSON escapes takes two bytes, so the character of four bytes is the worst case."""
    assert len(canonical.encode(escaped)) - 2 <= len("𠀀".encode())


@given(reports(), st.sampled_from(sorted(KNOWN)))
def test_what_is_unknown_never_takes_a_known_name(report: Report, name: str) -> None:
    """Nobody can write an answer as something unknown, past the rules for it."""
    assume(name not in report.as_json())
    with pytest.raises(FrameError):
        Report(texts=report.texts, choices=report.choices, unknown={name: ""}).as_json()


def test_a_report_does_not_print_what_it_holds() -> None:
    """A source's words do not come into a traceback by its repr."""
    assert "和田" not in repr(Report(texts={"where": "和田"}))
