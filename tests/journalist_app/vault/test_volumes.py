# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Volumes of one file, by their names: what a thread's page shows of them, and which are handed out as one.
"""

from __future__ import annotations

import re

import pytest

from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.pieces import Sender, cards, grouped, link


@pytest.mark.parametrize(
    ("names", "stem"),
    [
        (("disk.zip.001", "disk.zip.002", "disk.zip.003"), "disk.zip"),
        (("disk.000", "disk.001", "disk.002"), "disk"),
        (("xaa", "xab", "xac"), "x"),
        (("disk.img.aa", "disk.img.ab", "disk.img.ac"), "disk.img"),
    ],
)
def test_volumes_are_one_card_and_joined(sender: Sender, browser: Browser, names: tuple[str, ...], stem: str):
    """In the order of their names, whatever order they came in; the last may be shorter."""
    bodies = (b"first", b"other", b"end")
    for at in (2, 0, 1):
        sender.file(names[at], bodies[at])
        sender.carry()
    (card,) = cards(browser, sender)
    assert "3 volumes" in card
    assert f">{stem}<" in card
    answer = browser.get(link(card, "volumes"))
    assert answer.get_data() == b"firstotherend"
    assert answer.headers["Content-Disposition"].endswith(f"-{stem}")
    browser.get(re.search(r'href="(/volumes/[0-9a-f]{32})"', card)[1])
    assert [name for name in names if name in browser.page] == list(names)
    assert "No name says how many there were" in browser.page


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("disk.001", "disk.002", "disk.005"), "3 and 4 are missing"),
        (("disk.002", "disk.003"), "1 is missing"),
        (("xab", "xad"), "1 and 3 are missing"),
        (("disk.z01", "disk.z03", "disk.zip"), "2 is missing"),
        (("disk.z01", "disk.z02"), "the .zip that ends them is missing"),
        (("disk.z02",), "1 is missing; the .zip that ends them is missing"),
    ],
)
def test_gaps_between_volumes_are_named(sender: Sender, browser: Browser, names: tuple[str, ...], said: str):
    """And nothing with a gap is joined."""
    for name in names:
        sender.file(name, name.encode())
    sender.carry()
    (card,) = cards(browser, sender)
    assert said in card
    assert "Download" not in card
    assert browser.get(f"{link(card, 'volumes')}/download").status_code == 409
    assert said in browser.page


def test_volumes_of_a_zip_are_shown_together_and_not_joined(sender: Sender, browser: Browser):
    """They are no pieces of one file: a program that knows them has to open them."""
    for name in ("disk.z01", "disk.zip", "disk.z02"):
        sender.file(name, name.encode())
    sender.carry()
    (card,) = cards(browser, sender)
    assert "3 volumes" in card
    assert "Download" not in card
    browser.get(link(card, "volumes"))
    assert "a program that knows them" in browser.page
    listed = browser.page[browser.page.index("<ul") :]
    assert listed.index("disk.z01") < listed.index("disk.z02") < listed.index("disk.zip")


def test_a_zip_alone_and_two_versions_of_a_volume(sender: Sender, browser: Browser):
    """One is an ordinary file; of the others none is chosen."""
    sender.file("report.zip", b"zip")
    for body in (b"v1", b"v2"):
        sender.file("disk.001", body)
    sender.file("disk.002", b"end")
    sender.carry()
    found = cards(browser, sender)
    assert len(found) == 2
    assert sum("volume 1 came with two contents" in card for card in found) == 1
    assert sum("report.zip" in card and "volume" not in card for card in found) == 1


def test_a_volume_may_itself_have_come_in_parts(sender: Sender, browser: Browser):
    """Volumes sent by a slip: joined through both."""
    for number, body in ((1, b"a"), (2, b"b")):
        sender.part(number, 2, body, name="disk.001")
    sender.part(1, 2, b"c", name="disk.002", set_=bytes(16))
    sender.carry()
    (card,) = cards(browser, sender)
    address = link(card, "volumes")
    browser.get(address)
    assert "volume 2 came in parts and is not whole" in browser.page
    sender.part(2, 2, b"d", name="disk.002", set_=bytes(16))
    sender.carry()
    (card,) = cards(browser, sender)
    assert browser.get(link(card, "volumes")).get_data() == b"abcd"


def test_a_volume_with_two_contents_is_listed_with_both(sender: Sender, browser: Browser):
    """The second stands under no card of its own: were it left out there, nobody could open it."""
    sent = [sender.file(f"disk.{number:03d}", body) for number, body in ((1, b"a"), (2, b"b"), (2, b"another"))]
    sender.carry()
    (card,) = cards(browser, sender)
    browser.get(link(card, "volumes"))
    assert all(f'href="/items/{item.hex()}/download"' in browser.page for item in sent)
    assert browser.page.count("two contents</span>") == 2


def test_of_a_run_too_long_to_be_one_each_file_is_shown(sender: Sender, monkeypatch: pytest.MonkeyPatch):
    """A page reads every volume of the runs it shows."""
    monkeypatch.setattr("journalist_app.vault.volumes.MOST", 3)
    for number in range(1, 5):
        sender.file(f"disk.{number:03d}", b"%d" % number)
    for number in range(1, 4):
        sender.file(f"other.{number:03d}", b"other %d" % number)
    sender.carry()
    assert len(grouped(sender.one.vaults[0])) == 2
