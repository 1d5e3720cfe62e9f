# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody has a slip: from a terminal's history, a shoulder, a disk that was not Tails'.

They can append parts to that thread for fourteen days, and ask about a file whose content they know already. They cannot read, answer,
delete, list or log in; nor learn whether anything else was ever sent; nor store one part twice.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.terminal import printed, slip_of
from tests.source_app.window import House, Window

STEP = 1 << 16
CONTENT = os.urandom(STEP + 1_000)
SET = hashlib.sha256(CONTENT).hexdigest()[:32]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """An app with parts of 64 KiB."""
    return House.open(tmp_path, part_bytes=STEP)


@pytest.fixture
def slip(house: House) -> str:
    """The slip of a source who wrote words and attached a file."""
    window = Window(house)
    window.write("words of the source", ("f.txt", b"content of the source"))
    window.send("slip")
    return slip_of(printed(window.html))


def _posts(house: House) -> list[str]:
    """Every address that takes a form, but the one for slips."""
    rules = [rule for rule in house.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return sorted({str(rule) for rule in rules} - {"/parts"})


def _fields(slip: str, **others: str) -> list[bytes]:
    return [
        text(name, value) for name, value in {"token": slip, "set": SET, "size": str(len(CONTENT)), **others}.items()
    ]


def _ask(house: House, *parts: bytes) -> str:
    return house.app.test_client().post("/parts", data=body(*parts), content_type=CONTENT_TYPE).text


def test_a_slip_opens_no_page_and_moves_no_form(house: House, slip: str) -> None:
    """As a token of every form and as every cookie: no page of the visit, nothing stored, nothing gone, no words shown."""
    before = house.kinds()
    for address in _posts(house):
        client = house.app.test_client()
        for name in ("s", "f", "t"):
            client.set_cookie(name, slip)
        parts = [text("token", slip), text("message", "planted"), text("sure", "yes"), text("item", "00" * 16)]
        answer = client.post(address, data=body(*parts), content_type=CONTENT_TYPE)
        # Log-out and the quick exit say the same to everybody.
        assert answer.status_code in {303, 400, 403} or address.endswith("/leave"), address
        assert "of the source" not in answer.text
        for page in ("thread", "received"):
            assert client.get(f"/en/{page}").status_code in {303, 403}
    assert house.kinds() == before


def test_a_slip_tells_nothing_of_what_was_sent_otherwise(house: House, slip: str) -> None:
    """A file that was sent by a form, and one that never was, are both missing; so a thief learns only of sets that came under slips."""
    content = b"content of the source"
    known = {"set": hashlib.sha256(content).hexdigest()[:32], "size": str(len(content))}
    never = {"set": "00" * 16, "size": str(len(content))}
    assert _ask(house, *_fields(slip, **known)) == _ask(house, *_fields(slip, **never)) == "missing 1\n"


def test_a_part_that_two_bring_at_once_is_stored_once(house: House, slip: str) -> None:
    """Six shells with the same part in the same moment: every one is told that it is there, and it is there once."""
    together, said = threading.Barrier(6), list[str]()

    def bring() -> None:
        together.wait()
        said.append(_ask(house, *_fields(slip, part="1", name="a.bin"), file("-", CONTENT[:STEP])))

    bringing = [threading.Thread(target=bring) for _ in range(6)]
    for one in bringing:
        one.start()
    for one in bringing:
        one.join()
    assert said == ["received 1\n"] * 6
    opened = house.organisation.opened(house.store)
    assert [one.body for one in opened if one.header.kind == "file" and one.header.fields["parts"] == 2] == [
        CONTENT[:STEP]
    ]
    assert _ask(house, *_fields(slip)) == "missing 2\n"


@pytest.mark.parametrize("tries", [2_000])
def test_slips_are_not_guessed(house: House, slip: str, tries: int) -> None:
    """Of two hundred and fifty-six bits none is learned: near ones and far ones are refused in the same words, and nothing is derived or stored."""
    before = house.kinds()
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    said = set()
    for number in range(tries):
        at = number % 51
        near = slip[:at] + letters[(letters.index(slip[at]) + 1 + number % 31) % 32] + slip[at + 1 :]
        said.add(_ask(house, *_fields(near if number % 2 else hashlib.sha256(b"%d" % number).hexdigest()[:52])))
    assert said == {"refused slip\n"}
    assert house.kinds() == before
