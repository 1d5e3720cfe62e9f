# SPDX-License-Identifier: AGPL-3.0-or-later
"""
People: made on the server, never at a page; who cannot be made is refused.
"""

from __future__ import annotations

import pytest

from crypto.passwords import CHEAPEST
from journalist_app.desk.errors import DeskError
from journalist_app.desk.persons import clean_name, enrol
from store import reviewers
from store.errors import ConflictError
from store.reviewers import Role
from tests.journalist_app.desk.conftest import Desk


def test_no_page_makes_or_changes_people(desk: Desk) -> None:
    """Whoever has a session, and whatever their role, cannot let themselves or others in."""
    for name in ("mei", "oskar"):
        browser = desk.browser(name)
        assert browser.get("/people").status_code == 404
        assert desk.post(browser, "/people", name="x", role="operator").status_code == 404
    assert len(reviewers.everyone(desk.store)) == 4


@pytest.mark.parametrize(
    ("name", "role", "seat", "refusal"),
    [
        ("mei", "operator", None, ConflictError),
        ("", "operator", None, DeskError),
        ("a\nb", "operator", None, DeskError),
        ("new", "reviewer", None, DeskError),
        ("new", "operator", 1, DeskError),
    ],
    ids=["taken", "empty", "line break", "no seat", "an operator's seat"],
)
def test_who_cannot_be_added_is_refused(
    desk: Desk, name: str, role: Role, seat: int | None, refusal: type[Exception]
) -> None:
    """And the number of people stays the same."""
    with pytest.raises(refusal):
        enrol(desk.store, name=name, role=role, seat=seat, organisation="Hearing", profile=CHEAPEST)
    assert len(reviewers.everyone(desk.store)) == 4


def test_names_have_one_form() -> None:
    """Composed and decomposed are one name; spaces at the ends and bidi controls are refused."""
    assert clean_name("Zoe\u0308") == "Zo\u00eb"
    for bad in (" a", "a ", "", "x" * 65, "a\u202eb", "\u2028"):
        with pytest.raises(DeskError):
            clean_name(bad)


def test_the_qr_code_is_for_a_terminal(desk: Desk) -> None:
    """Lines of blocks: nothing is written anywhere, and nothing but the picture is in it."""
    picture = desk.people["mei"].picture()
    assert picture.count("\n") > 10
    assert desk.people["mei"].totp not in picture
