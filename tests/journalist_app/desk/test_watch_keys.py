# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Watch keys: what opens `/watch` and nothing else.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journalist_app.desk import watch_keys
from journalist_app.desk.health import Colour, Health
from tests.journalist_app.desk.conftest import NOON, Desk
from tests.journalist_app.desk.reports import RED, report
from tests.journalist_app.desk.test_operating import addresses

KEY, OTHER = "5a" * 32, "5b" * 32


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """A desk with a red report and one watch key."""
    desk.settings.doctor.write_bytes(report(RED, NOON))
    desk.settings.watch_keys.mkdir()
    (desk.settings.watch_keys / "laptop").write_bytes(watch_keys.digest_of(KEY))
    return desk


def ask(desk: Desk, header: str | None = f"Bearer {KEY}"):
    """One question, from a machine without a cookie."""
    headers = {} if header is None else {"Authorization": header}
    return desk.app.test_client().get("/watch", headers=headers)


def test_a_watch_key_is_told_how_the_server_is(watched: Desk) -> None:
    """The colour and what is wrong, as JSON; no session begins, and no clock stands in the headers."""
    answer = ask(watched)
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    health = Health.decode(answer.data)
    assert (health.colour, health.age) == (Colour.RED, 4)
    assert [one.what for one in health.wrong] == ["onion reachable", "updates"]
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


REFUSED = {
    "none": None,
    "empty": "",
    "another key": f"Bearer {OTHER}",
    "no kind": KEY,
    "another kind": f"Basic {KEY}",
    "in small letters": f"bearer {KEY}",
    "in capital letters": f"Bearer {KEY.upper()}",
    "two spaces": f"Bearer  {KEY}",
    "a space behind": f"Bearer {KEY} x",
    "short": f"Bearer {KEY[:-1]}",
    "long": f"Bearer {KEY}0",
    "other digits": "Bearer " + "٣" * 64,
    "its digest": f"Bearer {hashlib.sha256(bytes.fromhex(KEY)).hexdigest()}",
    "what everything else is taken for": "Bearer " + "0" * 64,
    "very long": "Bearer " + "5" * 4_000,
}


@pytest.mark.parametrize("header", REFUSED.values(), ids=REFUSED)
def test_every_refusal_is_the_same(watched: Desk, header: str | None) -> None:
    """No key, a wrong one, a malformed one: one status, one page, the same headers; nothing of the report."""
    first, answer = ask(watched, f"Bearer {OTHER}"), ask(watched, header)
    assert (answer.status_code, answer.data, answer.headers) == (404, first.data, first.headers)
    assert b"onion" not in answer.data


def test_a_revoked_key_and_a_desk_without_keys_refuse_alike(watched: Desk) -> None:
    """From the next question on; nothing is kept in memory."""
    refused = ask(watched, None).data
    (watched.settings.watch_keys / "laptop").unlink()
    assert (ask(watched).status_code, ask(watched).data) == (404, refused)
    watched.settings.watch_keys.rmdir()
    assert (ask(watched).status_code, ask(watched).data) == (404, refused)


def test_a_watch_key_opens_nothing_else(watched: Desk) -> None:
    """Every address but its own answers as if it had not been shown."""
    for method, address, endpoint in addresses(watched.app):
        if endpoint == "operating.watch":
            continue
        browser = watched.app.test_client()
        plain = browser.open(address, method=method)
        shown = browser.open(address, method=method, headers={"Authorization": f"Bearer {KEY}"})
        assert (shown.status_code, shown.data) == (plain.status_code, plain.data), (method, address)
    assert watched.app.test_client().post("/watch", headers={"Authorization": f"Bearer {KEY}"}).status_code != 200


def test_a_session_does_not_open_the_watch(watched: Desk) -> None:
    """An operator's cookie is no watch key."""
    assert watched.browser("oskar").get("/watch").status_code == 404


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("laptop", b""),
        ("laptop", watch_keys.digest_of(KEY)[:-1]),
        ("laptop", watch_keys.digest_of(KEY) + b"\n"),
        ("laptop", watch_keys.digest_of(KEY).upper()),
        ("laptop", KEY.encode() + b"\n"),
        ("laptop.old", watch_keys.digest_of(KEY)),
        (".laptop", watch_keys.digest_of(KEY)),
        ("Laptop", watch_keys.digest_of(KEY)),
    ],
    ids=["empty", "cut", "longer", "capitals", "the key itself", "an old copy", "hidden", "capital name"],
)
def test_a_file_that_is_not_one_of_ours_opens_nothing(watched: Desk, name: str, contents: bytes) -> None:
    """And stops no other key."""
    folder = watched.settings.watch_keys
    (folder / "laptop").rename(folder / "other")
    (folder / "other").write_bytes(watch_keys.digest_of(OTHER))
    (folder / name).write_bytes(contents)
    (folder / "a-folder").mkdir()
    (folder / "a-link").symlink_to("nowhere")
    assert ask(watched).status_code == 404
    assert ask(watched, f"Bearer {OTHER}").status_code == 200


def test_keys_beyond_the_most_are_not_read(watched: Desk) -> None:
    """A folder without end costs no more than a full one."""
    folder = watched.settings.watch_keys
    for number in range(40):
        (folder / f"a{number:02}").write_bytes(watch_keys.digest_of(OTHER))
    assert len(watch_keys.names(folder)) == watch_keys.MAX_KEYS
    assert ask(watched).status_code == 404


@given(st.text(max_size=40))
def test_names_and_keys_have_one_form(text: str) -> None:
    """What is taken for a name leads nowhere but to a file of the folder."""
    if watch_keys.is_name(text):
        assert text.isascii()
        assert text[0] not in ".-"
        assert "/" not in text
    assert not watch_keys.is_key(text)
    assert not watch_keys.is_name(text + "\n")
