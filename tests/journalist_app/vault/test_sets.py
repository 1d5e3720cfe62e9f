# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files in parts: what a thread's page shows of them, what is handed out as one, and what stands under what.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select

from crypto.canonical import encode
from crypto.errors import TamperedError
from journalist_app.vault import digests, joining, models, reading
from journalist_app.vault.bodies import body_row
from journalist_app.vault.errors import LockedError, NotFoundError, NotNowError
from journalist_app.vault.projection import compute, compute_all
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import Organisation
from tests.journalist_app.vault.pieces import SET, Sender, cards, grouped, link


def drain(chunks: Iterator[bytes], came: bytearray) -> None:
    """
    Take what comes, as long as it comes.
    """
    for chunk in chunks:
        came += chunk


def test_a_file_in_parts_is_one_file_again(sender: Sender, browser: Browser):
    """Parts in any order over two batches, one card, the SHA-256 of the whole, and the bytes themselves."""
    body = secrets.token_bytes(2_500_000)
    pieces = [body[at : at + 1_200_000] for at in range(0, len(body), 1_200_000)]
    for number in (3, 1):
        sender.part(number, 3, pieces[number - 1])
    sender.carry()
    (card,) = cards(browser, sender)
    assert "2 of 3 parts" in card
    assert "2 is missing" in card
    assert "joined" not in card.lower()
    sender.part(2, 3, pieces[1])
    sender.carry()
    (card,) = cards(browser, sender)
    assert "all 3 parts" in card
    assert "missing" not in card
    assert re.sub(r"<[^>]*>", "", card).replace(" ", "").count(hashlib.sha256(body).hexdigest()) == 1
    answer = browser.get(link(card, "sets"))
    assert answer.status_code == 200
    assert answer.get_data() == body
    assert answer.headers["Content-Length"] == str(len(body))
    assert "1 file<" in browser.client.get(sender.address, base_url="http://127.0.0.1:8471").text


def test_gaps_are_named_and_nothing_is_joined(sender: Sender, browser: Browser):
    """Of forty parts the 17th and 31st did not come: the page says so, and the download is refused in the same words."""
    for number in set(range(1, 41)) - {17, 31}:
        sender.part(number, 40, b"%d" % number)
    sender.carry()
    (card,) = cards(browser, sender)
    assert "38 of 40 parts" in card
    assert "17 and 31 are missing" in card
    assert "Download" not in card
    parts = link(card, "sets")
    assert browser.get(f"{parts}/download").status_code == 409
    assert "17 and 31 are missing" in browser.page
    browser.get(parts)
    assert browser.page.count('href="/items/') == 38
    assert "Part 16" in browser.page
    assert "Part 17" not in browser.page


def test_a_part_that_came_twice_alike_is_one_part(sender: Sender, browser: Browser):
    """A second slip may send it again; the file is whole and joined once."""
    for number, body in ((1, b"one"), (2, b"two"), (2, b"two")):
        sender.part(number, 2, body)
    sender.carry()
    (card,) = cards(browser, sender)
    assert browser.get(link(card, "sets")).get_data() == b"onetwo"
    browser.get(re.search(r'href="(/sets/[0-9a-f]{32})"', card)[1])
    assert browser.page.count("sent twice") == 1


def test_a_part_with_two_contents_is_shown_and_never_joined(sender: Sender, browser: Browser):
    """Also when the file was whole before: whoever learnt the thread value may have added the second one."""
    for number, body in ((1, b"one"), (2, b"two")):
        sender.part(number, 2, body)
    sender.carry()
    (card,) = cards(browser, sender)
    assert "SHA-256" in card
    sender.part(2, 2, b"TWO")
    sender.carry()
    (card,) = cards(browser, sender)
    assert "part 2 came with two contents" in card
    assert "SHA-256" not in card
    parts = link(card, "sets")
    assert browser.get(f"{parts}/download").status_code == 409
    browser.get(parts)
    assert browser.page.count('"bad">two contents</span>') == 2
    with sender.one.vaults[0].read() as connection, pytest.raises(NotNowError, match="two contents"):
        joining.joined_parts(connection, bytes.fromhex(parts[6:38]))


def test_sets_that_only_share_a_number_stay_apart(sender: Sender, browser: Browser):
    """Another name, another count of parts, another source: no part of this file."""
    sender.part(1, 2, b"one")
    sender.part(2, 2, b"two", name="other.img")
    sender.part(2, 3, b"two")
    other = Sender(sender.one)
    other.part(2, 2, b"two")
    sender.carry()
    assert len(cards(browser, sender)) == 3
    assert browser.page.count("missing</span>") == 3
    assert len(cards(browser, other)) == 1


def test_a_joined_download_writes_nothing_to_the_disk(sender: Sender, browser: Browser):
    """Not in the vault's folder, not in the folder for saved files; saving is another button."""
    marked = b"plaintext of the officer" * 60_000
    for number in (1, 2):
        sender.part(number, 2, marked + b"%d" % number)
    sender.carry()
    (card,) = cards(browser, sender)
    before = {path: path.stat().st_size for path in sender.one.folder.rglob("*") if path.is_file()}
    assert browser.get(link(card, "sets")).get_data().count(b"officer") == 120_000
    after = {path: path.stat().st_size for path in sender.one.folder.rglob("*") if path.is_file()}
    assert {path for path in after if path.suffix not in {".db-wal", ".db-shm"}} == set(before) - {
        path for path in before if path.suffix in {".db-wal", ".db-shm"}
    }
    assert not [path for path in after if b"the officer" in path.read_bytes()]
    browser.get(sender.address)
    browser.post(f"{re.search(r'(/sets/[0-9a-f]{32})/download', card)[1]}/save")
    (saved,) = (sender.one.folder / "saved").iterdir()
    assert saved.stat().st_size == 2 * len(marked) + 2
    assert saved.stat().st_mode & 0o077 == 0


def test_an_altered_part_breaks_the_download_off(sender: Sender, browser: Browser):
    """Parts before it may have gone; of itself no byte goes, and the length announced is never reached."""
    first, second = b"a" * 1_300_000, b"b" * 1_300_000
    sender.part(1, 2, first)
    item = sender.part(2, 2, second)
    sender.carry()
    vault = sender.one.vaults[0]
    path = vault.items / item.hex()
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with vault.read() as connection:
        lead = (
            connection.execute(select(models.items.c.item).where(models.items.c.name == "disk.img")).scalars().first()
        )
        whole = joining.joined_parts(connection, lead)
    came = bytearray()
    with pytest.raises(TamperedError):
        drain(joining.stream(vault, whole, lambda: True), came)
    assert bytes(came) == first
    (card,) = cards(browser, sender)
    answer = browser.client.get(link(card, "sets"), base_url="http://127.0.0.1:8471")
    assert answer.headers["Content-Length"] == str(len(first) + len(second))


def test_locking_ends_a_download(sender: Sender):
    """Between two parts it asks whether the vault is still unlocked."""
    for number in (1, 2):
        sender.part(number, 2, b"%d" % number)
    sender.carry()
    vault, asked = sender.one.vaults[0], iter((True, False))
    with vault.read() as connection:
        lead = connection.execute(select(models.items.c.item)).scalars().first()
        whole = joining.joined_parts(connection, lead)
    with pytest.raises(LockedError):
        b"".join(joining.stream(vault, whole, lambda: next(asked)))


def test_an_older_vault_learns_its_digests_at_the_next_import(sender: Sender, browser: Browser):
    """Items that came before there were digests are read once more; until then each is shown by itself."""
    for number, body in ((1, b"one"), (2, b"two")):
        sender.part(number, 2, body)
    for _ in range(2):
        sender.file("a.jpg", b"picture")
    sender.carry()
    vault = sender.one.vaults[0]
    wanted = grouped(vault)
    assert len(wanted) == 2
    with vault.write() as connection:
        for table in (models.bodies, models.joined):
            connection.execute(delete(table))
        connection.execute(delete(models.facts).where(models.facts.c.name == digests.ADOPTED))
        compute_all(connection)
    assert len(cards(browser, sender)) == 4
    sender.carry()
    assert grouped(vault) == wanted
    (_, card) = sorted(cards(browser, sender), key=lambda card: "SHA-256" in card)
    assert hashlib.sha256(b"onetwo").hexdigest()[:8] in card


@pytest.mark.parametrize("path", ["sets", "volumes"])
def test_what_is_no_set_has_no_page_of_one(sender: Sender, browser: Browser, path: str):
    """Whole files, messages, nothing at all, and ids in another spelling."""
    item = sender.file("a.jpg", b"picture")
    message = sender.one.server.message(sender.source, "words")
    sender.carry()
    for wrong in (item.hex(), message.hex(), "0" * 32, item.hex().upper(), "xx"):
        assert browser.get(f"/{path}/{wrong}").status_code == 404
    assert browser.get(f"/volumes/{item.hex()}/download").status_code == 404
    assert browser.get(f"/sets/{message.hex()}/download").status_code == 404
    browser.get(sender.address)
    assert browser.client.post(f"/{path}/{item.hex()}/save", base_url="http://127.0.0.1:8471").status_code == 403


def test_many_parts_come_in_pages(sender: Sender, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    """Each part once, in order."""
    monkeypatch.setattr("journalist_app.vault.pages_sets.PARTS_SHOWN", 4)
    for number in range(1, 11):
        sender.part(number, 12, b"%d" % number)
    sender.carry()
    (card,) = cards(browser, sender)
    address, seen = link(card, "sets"), []
    while address:
        browser.get(address)
        seen += [int(number) for number in re.findall(r'"opening">Part (\d+)', browser.page)]
        following = re.search(r'href="(/sets/[^"]+)">Next parts', browser.page)
        address = following and following[1]
    assert seen == list(range(1, 11))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_groups_are_a_function_of_what_arrived(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    """However the batches of two vaults were cut short or repeated, and however often the tables are thrown away."""
    made = Organisation(tmp_path_factory.mktemp("groups"))
    try:
        sender = Sender(made)
        sent = st.one_of(
            st.tuples(st.sampled_from(["disk.001", "disk.002", "a.md", "disk.004"]), st.sampled_from([b"a", b"b"])),
            st.tuples(st.integers(1, 3), st.sampled_from([b"a", b"b"])),
        )
        for batch in data.draw(st.lists(st.lists(sent, min_size=1, max_size=4), min_size=1, max_size=3)):
            for what, body in batch:
                if isinstance(what, int):
                    sender.part(what, 3, body)
                else:
                    sender.file(what, body)
            sender.carry()
        vault = made.vaults[0]
        before = grouped(vault)
        with vault.write() as connection:
            compute_all(connection)
        assert grouped(vault) == before
        with vault.write() as connection:
            compute(connection, [bytes(sender.source.thread)] * 2)
        assert grouped(vault) == before
        leads = {lead for _, lead, why in before if why == "volume"}
        assert not leads & {item for item, _, _ in before}
    finally:
        made.close()


def test_a_joined_file_of_a_vanished_payload_says_so(sender: Sender, browser: Browser, tmp_path: Path):
    """Somebody removed a file from the vault's folder: the set page stands, the stream names what is not there."""
    for number in (1, 2):
        sender.part(number, 2, bytes([number]) * 1_300_000)
    sender.carry()
    vault = sender.one.vaults[0]
    for path in vault.items.iterdir():
        path.rename(tmp_path / path.name)
    (card,) = cards(browser, sender)
    with vault.read() as connection:
        whole = joining.joined_parts(connection, bytes.fromhex(link(card, "sets")[6:38]))
    with pytest.raises(NotFoundError, match="not in the vault"):
        b"".join(joining.stream(vault, whole, lambda: True))


def test_a_set_filed_under_another_thread_says_nothing_of_the_one_filed_rightly(sender: Sender, browser: Browser):
    """Whoever learnt set, name and thread value sends other bytes, and the server files them elsewhere: two cards, each with its own digest and file."""
    rightly = sender.source.server_thread
    for thread, bodies in ((rightly, (b"one", b"two")), (secrets.token_bytes(16), (b"six", b"ten"))):
        sender.source.server_thread = thread
        for number, body in enumerate(bodies, 1):
            sender.part(number, 2, body)
    sender.carry()
    found = cards(browser, sender)
    assert len(found) == 2
    for body in (b"onetwo", b"sixten"):
        (card,) = (card for card in found if hashlib.sha256(body).hexdigest()[:8] in card)
        assert browser.get(f"{link(card, 'sets')[:38]}/download").get_data() == body


@pytest.mark.parametrize("names", [1, 1_500])
def test_what_a_source_sends_costs_no_more_than_there_is_of_it(sender: Sender, names: int):
    """Three thousand parts, all under one set id: of as many files, or of one; found by its set, never by looking through the thread for each."""
    sender.part(1, 2, b"the first", name="0")
    sender.carry()
    vault, count = sender.one.vaults[0], 1_500
    with vault.write() as connection:
        row = dict(connection.execute(select(models.items)).mappings().one())
        rows = []
        for number in range(2 * count):
            parts = 2 if names > 1 else 2 * count
            part = 1 + number % parts
            fields = encode({"set": SET.hex(), "part": part, "parts": parts}).decode()
            name = str(number // parts)
            rows.append({**row, "item": secrets.token_bytes(16), "name": f"f{name}", "fields": fields, "place": number})
        connection.execute(insert(models.items), rows)
        connection.execute(insert(models.bodies), [body_row(one, secrets.token_bytes(32)) for one in rows])
        compute(connection, [row["thread"]])
    began = time.process_time()
    assert sum(len(whole.pieces) for _, whole in digests._unjoined(vault)) == 2 * count
    with vault.read() as connection:
        reading.thread(connection, row["thread"])
    with vault.write() as connection:
        compute(connection, [row["thread"]])
    # Where each set was looked for in all of its thread, two minutes.
    assert time.process_time() - began < 10


def test_many_digests_are_written_down_at_once(sender: Sender, monkeypatch: pytest.MonkeyPatch):
    """Threads are computed as often as readings are written down, and not for each: a source decides how many there are."""
    for number in range(40):
        for part in (1, 2):
            sender.part(part, 2, b"%d" % part, name=f"{number}")
    computed = []

    def counted(connection: Connection, threads: Collection[bytes]) -> None:
        computed.append(threads)
        compute(connection, threads)

    monkeypatch.setattr(digests, "compute", counted)
    sender.carry()
    assert len(computed) == 1
    with sender.one.vaults[0].read() as connection:
        assert len(connection.execute(select(models.joined)).all()) == 40
