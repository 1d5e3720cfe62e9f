# SPDX-License-Identifier: AGPL-3.0-or-later
"""
People: made by operators, secrets shown once, never removed.
"""

from __future__ import annotations

import base64
import re

import pyotp
import pytest

from journalist_app.desk.errors import DeskError
from journalist_app.desk.persons import clean_name
from store import reviewers
from tests.journalist_app.desk.conftest import Desk

SECRETS = re.compile(r'id="passphrase">([^<]+)<.*id="totp">([A-Z2-7]{32})<', re.DOTALL)


def test_a_new_person_logs_in_with_what_was_shown_once(desk: Desk) -> None:
    """Seven words and a TOTP secret, as text and as a picture; the page after it shows neither."""
    oskar = desk.browser("oskar")
    page = desk.post(oskar, "/people", name="dolkar", role="reviewer", seat="2")
    found = SECRETS.search(page.text)
    assert found is not None
    passphrase, totp = found.groups()
    assert len(passphrase.split()) == 7
    assert "img-src data:" in page.headers["Content-Security-Policy"]
    assert base64.b64decode(re.search(r"data:image/png;base64,([^\"]+)", page.text)[1]).startswith(b"\x89PNG")
    again = oskar.get("/people")
    assert "dolkar" in again.text
    assert passphrase not in again.text
    assert "img-src" not in again.headers["Content-Security-Policy"]
    code = pyotp.TOTP(totp).at(int(desk.clock.now))
    form = {"name": "dolkar", "passphrase": passphrase, "code": code}
    assert desk.app.test_client().post("/login", data=form).status_code == 303
    person = reviewers.find(desk.store, "dolkar")
    assert (person.role, person.seat) == ("reviewer", 2)
    assert passphrase.encode() not in (desk.settings.store / "dengwen.db").read_bytes()


def test_only_operators_see_and_add_people(desk: Desk) -> None:
    """A reviewer is refused, page and form alike."""
    mei = desk.browser("mei")
    assert mei.get("/people").status_code == 403
    assert desk.post(mei, "/people", name="x", role="operator").status_code == 403
    assert reviewers.find(desk.store, "x") is None
    assert "People" not in mei.get("/").text


def test_new_secrets_end_the_old_ones(desk: Desk) -> None:
    """The old passphrase fails at once, open sessions end, and the log names both people."""
    mei = desk.browser("mei")
    oskar = desk.browser("oskar")
    address = f"/people/{desk.people['mei'].person.id.hex()}/renew"
    passphrase, totp = SECRETS.search(desk.post(oskar, address).text).groups()
    assert mei.get("/").status_code == 303
    desk.clock.now += 60
    code = pyotp.TOTP(totp).at(int(desk.clock.now))
    old = {"name": "mei", "passphrase": desk.people["mei"].passphrase, "code": code}
    assert desk.app.test_client().post("/login", data=old).status_code == 403
    assert desk.app.test_client().post("/login", data={**old, "passphrase": passphrase}).status_code == 303
    assert "oskar: new passphrase for mei" in oskar.get("/log").text


def test_a_closed_login_can_be_opened_again(desk: Desk) -> None:
    """Nobody is removed, and nobody closes their own."""
    oskar = desk.browser("oskar")
    person = desk.people["rena"].person.id.hex()
    desk.post(oskar, f"/people/{person}/close")
    assert reviewers.find(desk.store, "rena").disabled
    desk.post(oskar, f"/people/{person}/open")
    assert not reviewers.find(desk.store, "rena").disabled
    own = desk.people["oskar"].person.id.hex()
    assert desk.post(oskar, f"/people/{own}/close").status_code == 403
    assert desk.post(oskar, "/people/zz/close").status_code == 404
    assert desk.post(oskar, f"/people/{'00' * 16}/close").status_code == 404


@pytest.mark.parametrize(
    ("name", "role", "seat"),
    [
        ("mei", "operator", ""),
        ("", "operator", ""),
        ("a\nb", "operator", ""),
        ("new", "reviewer", ""),
        ("new", "reviewer", "-1"),
    ],
    ids=["taken", "empty", "line break", "no seat", "seat below zero"],
)
def test_who_cannot_be_added_is_refused(desk: Desk, name: str, role: str, seat: str) -> None:
    """And the number of people stays the same."""
    response = desk.post(desk.browser("oskar"), "/people", name=name, role=role, seat=seat)
    assert response.status_code in {400, 409}
    assert len(reviewers.everyone(desk.store)) == 4


def test_names_have_one_form() -> None:
    """Composed and decomposed are one name; spaces at the ends and bidi controls are refused."""
    assert clean_name("Zoe\u0308") == "Zo\u00eb"
    for bad in (" a", "a ", "", "x" * 65, "a\u202eb", "\u2028"):
        with pytest.raises(DeskError):
            clean_name(bad)
