# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a thread allows: the strictest of what its messages say, whatever their order, and never more.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.frame_header import CONSENTS
from journalist_app.vault.consent import ORDER, of_thread, strictest
from journalist_app.vault.errors import InputError

ANSWERS = st.sampled_from(ORDER)


def width(answer: str) -> int:
    """
    How much an answer allows, from nothing but reading upwards.
    """
    return {"read": 0, "unanswered": 0, "confidential": 1, "publish": 2}[answer]


def test_every_answer_that_a_frame_may_carry_has_its_place():
    """None is missing, none is made up."""
    assert sorted(ORDER) == sorted(CONSENTS)


@given(ANSWERS, ANSWERS)
def test_the_order_of_two_messages_has_no_say(one: str, other: str):
    """Commutative."""
    assert strictest([one, other]) == strictest([other, one])


@given(ANSWERS, ANSWERS, ANSWERS)
def test_it_does_not_matter_which_messages_came_together(one: str, two: str, three: str):
    """Associative: a batch more or less changes nothing."""
    assert strictest([strictest([one, two]), three]) == strictest([one, strictest([two, three])])


@given(ANSWERS)
def test_the_same_answer_again_changes_nothing(answer: str):
    """Idempotent."""
    assert strictest([answer, answer]) == answer


@given(st.lists(ANSWERS, min_size=1), ANSWERS)
def test_nothing_allows_more_than_any_of_its_parts_and_no_further_message_widens_it(answers: list[str], later: str):
    """The result is one of the answers, and as strict as each."""
    found = strictest(answers)
    assert found in answers
    assert all(width(found) <= width(answer) for answer in answers)
    assert width(strictest([*answers, later])) <= width(found)


def test_only_reading_is_stricter_than_no_answer_and_both_allow_no_more_than_reading():
    """An explicit wish stands below silence; silence stays visible beside wider answers."""
    assert strictest(["unanswered", "read", "publish"]) == "read"
    assert strictest(["unanswered", "confidential", "publish"]) == "unanswered"
    assert strictest(["publish", "confidential"]) == "confidential"
    assert strictest([]) == "unanswered"


def test_a_thread_tells_how_many_of_its_messages_say_what():
    """From strict to wide, without what nobody said."""
    found = of_thread({"publish": 3, "unanswered": 2, "confidential": 0})
    assert found.allows == "unanswered"
    assert found.said == (("unanswered", 2), ("publish", 3))
    assert found.unanswered == 2
    assert of_thread({}).allows == "unanswered"
    assert of_thread({}).unanswered == 0


@pytest.mark.parametrize("answer", ["", "PUBLISH", "anything"])
def test_what_is_no_answer_allows_nothing(answer: str):
    """It is refused, not ranked."""
    with pytest.raises(InputError):
        strictest(["publish", answer])
