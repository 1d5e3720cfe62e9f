# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files in parts and volumes, and what was sent twice: what a thread's page shows of them, and what is handed out as one.
"""

from __future__ import annotations

import dataclasses
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
from journalist_app.vault.importer import import_batch
from journalist_app.vault.keystore import Vault
from journalist_app.vault.projection import compute, compute_all
from tests.journalist_app.vault.fakes import Organisation, Source
from tests.journalist_app.vault.test_pages import Browser

SET = bytes(range(16))


@pytest.fixture
def browser(one: Organisation) -> Iterator[Browser]:
    """
    A browser inside seat 1's vault, which may save.
    """
    made = Browser(one.folder / "v1", one.stick, one.clock, one.folder / "saved")
    made.enter()
    yield made
    made.close()


@dataclasses.dataclass
class Sender:
    """
    A source who sends files in pieces, and the vault that gets them.
    """

    one: Organisation
    source: Source = dataclasses.field(default_factory=Source)

    def part(self, number: int, parts: int, body: bytes, *, name: str = "disk.img", set_: bytes = SET) -> bytes:
        """
        One part of a set.
        """
        return self.one.server.deposit(self.source, "file", body, name=name, set_=set_, part=number, parts=parts)

    def file(self, name: str, body: bytes) -> bytes:
        """
        A whole file.
        """
        return self.one.server.deposit(self.source, "file", body, name=name)

    def carry(self) -> None:
        """
        Everything sent so far, into the vault.
        """
        import_batch(self.one.vaults[0], self.one.server.batch(self.one.stick))

    @property
    def address(self) -> str:
        """
        The thread's page.
        """
        return f"/threads/{self.source.thread.hex()}"


@pytest.fixture
def sender(one: Organisation) -> Sender:
    """
    A source of the organisation with one seat.
    """
    return Sender(one)


def cards(browser: Browser, sender: Sender) -> list[str]:
    """
    The cards of the thread's files.
    """
    browser.get(sender.address)
    return re.findall(r'<article class="card file.*?</article>', browser.page, re.DOTALL)


def link(card: str, which: str) -> str:
    """
    An address in a card.
    """
    return re.search(rf'href="(/{which}/[0-9a-f]{{32}}[^"]*)"', card)[1]


def drain(chunks: Iterator[bytes], came: bytearray) -> None:
    """
    Take what comes, as long as it comes.
    """
    for chunk in chunks:
        came += chunk


def grouped(vault: Vault) -> set[tuple[bytes, bytes, str]]:
    """
    What stands under what.
    """
    with vault.read() as connection:
        return {(row.item, row.lead, row.why) for row in connection.execute(select(models.grouped))}


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


def test_the_same_file_sent_twice_is_one_card(sender: Sender, browser: Browser):
    """Under another name, and in parts: the bytes decide, and every copy is named."""
    sender.file("a.jpg", b"picture")
    sender.file("b.jpg", b"another picture")
    sender.carry()
    sender.file("copy of a.jpg", b"picture")
    sender.carry()
    assert len(cards(browser, sender)) == 2
    assert browser.page.count("sent twice") == 1
    assert "copy of a.jpg" in browser.page
    assert "2 files" in browser.page
    for number, body in ((1, b"pic"), (2, b"ture")):
        sender.part(number, 2, body, name="a again.jpg")
    sender.carry()
    assert len(cards(browser, sender)) == 2
    assert "sent 3 times" in browser.page
    assert "a again.jpg" in browser.page


def test_large_files_of_one_length_are_compared_and_no_others_are_read(sender: Sender, browser: Browser):
    """Above the size that is hashed as it comes: equal ones are one card, others of their length stay apart."""
    same, other = b"a" * 1_300_000, b"b" * 1_300_000
    sender.file("first.mov", same)
    sender.carry()

    def hashed() -> dict[str, bool]:
        with sender.one.vaults[0].read() as connection:
            query = select(models.items.c.name, models.bodies.c.sha256).join_from(
                models.items, models.bodies, models.items.c.item == models.bodies.c.item
            )
            return {row.name: bool(row.sha256) for row in connection.execute(query)}

    assert hashed() == {"first.mov": False}
    for name, body in (("again.mov", same), ("other.mov", other), ("longer.mov", other + b"b")):
        sender.file(name, body)
    sender.carry()
    assert hashed() == {"first.mov": True, "again.mov": True, "other.mov": True, "longer.mov": False}
    assert len(cards(browser, sender)) == 3
    assert browser.page.count("sent twice") == 1
    for number, body in ((1, other), (2, b"b")):
        sender.part(number, 2, body, name="in parts.mov")
    sender.carry()
    assert len(cards(browser, sender)) == 3
    assert browser.page.count("sent twice") == 2


def test_a_large_part_that_came_twice_is_compared(sender: Sender, browser: Browser):
    """Alike it is one part; with one byte changed it is another content, however long."""
    large = b"a" * 1_300_000
    for number, body in ((1, large), (2, b"end"), (1, large)):
        sender.part(number, 2, body)
    sender.carry()
    (card,) = cards(browser, sender)
    assert "SHA-256" in card
    sender.part(1, 2, large[:-1] + b"b")
    sender.carry()
    (card,) = cards(browser, sender)
    assert "part 1 came with two contents" in card


def test_copies_of_two_threads_are_two_files(sender: Sender, browser: Browser):
    """That two sources have the same file says nothing that this page may say."""
    other = Sender(sender.one)
    sender.file("a.jpg", b"picture")
    other.file("a.jpg", b"picture")
    sender.carry()
    for one in (sender, other):
        assert len(cards(browser, one)) == 1
        assert "sent twice" not in browser.page


def test_a_copy_filed_under_another_thread_stays_in_sight(sender: Sender, browser: Browser):
    """What the server did wrong is not folded away."""
    sender.file("a.jpg", b"picture")
    sender.source.server_thread = secrets.token_bytes(16)
    sender.file("a.jpg", b"picture")
    sender.carry()
    assert len(cards(browser, sender)) == 2
    assert browser.page.count("filed wrongly by the server</span>") == 1


def test_a_message_sent_twice_on_one_day_is_one_and_weeks_later_another(sender: Sender, browser: Browser):
    """A second click is a copy; the same word to another question is an answer."""
    one = sender.one
    for _ in range(2):
        one.server.message(sender.source, "yes")
    one.server.message(sender.source, "yes", consent="publish")
    sender.carry()
    browser.get(sender.address)
    assert browser.page.count('class="text"') == 2
    assert browser.page.count("sent twice") == 1
    assert "2 messages" in browser.page
    one.turn(14)
    one.server.message(sender.source, "yes")
    sender.carry()
    browser.get(sender.address)
    assert browser.page.count('class="text"') == 3


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
