# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What was sealed beforehand on the thread's page, through a browser; and the verb that gives a seat's OpenPGP key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crypto.age import HybridIdentity
from journalist_app.vault import pgp
from journalist_app.vault.__main__ import main
from journalist_app.vault.pgp_key import make_once
from journalist_app.vault.reading import FOLD
from journalist_app.vault.verbs import Terms
from tests.journalist_app.vault.beforehand import GnuPG, age_file, armored, brought, offered, own_memory
from tests.journalist_app.vault.browsing import Browser
from tests.journalist_app.vault.fakes import PASSPHRASE, Organisation, Source

TEXT = "他们把名单藏在这里。\u202eexe"


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where gpg works: however a test ends, no folder stays there and no agent."""
    with own_memory(monkeypatch) as made:
        yield made


@pytest.fixture
def gnupg() -> Iterator[GnuPG]:
    """A source's own GnuPG."""
    made = GnuPG()
    yield made
    made.close()


def verb(one: Organisation, out: Path) -> Result:
    """Run `dengwen vault openpgp` at seat 1."""
    passphrase = one.folder / "passphrase"
    passphrase.write_text(PASSPHRASE)
    arguments = ["openpgp", "--dir", str(one.folder / "v1"), "--out", str(out), "--passphrase-file", str(passphrase)]
    return CliRunner().invoke(main, arguments, obj=Terms(clock=one.clock))


def message(one: Organisation, text: str) -> tuple[str, str]:
    """A message, imported: the address of its thread, and its id."""
    source = Source()
    item = one.server.message(source, text)
    brought(one)
    return f"/threads/{source.thread.hex()}", item.hex()


def file(one: Organisation, body: bytes, name: str) -> tuple[str, str]:
    """A file, imported: the address of its thread, and its id."""
    source = Source()
    item = one.server.deposit(source, "file", body, name=name)
    brought(one)
    return f"/threads/{source.thread.hex()}", item.hex()


def test_a_sealed_file_is_handed_out_sealed_and_opened(one: Organisation, browser: Browser):
    """Two pairs of buttons, two names; the page says what it was sealed with."""
    raw = age_file(offered(one.server), b"names" * 9_000)
    thread, item = file(one, raw, "名单.zip.age")
    browser.get(thread)
    assert "sealed by the source beforehand (age)" in browser.page
    assert browser.get(f"/items/{item}/download").get_data() == raw
    answer = browser.get(f"/opened/items/{item}/download")
    assert answer.get_data() == b"names" * 9_000
    assert answer.headers["Content-Disposition"].endswith("%E5%90%8D%E5%8D%95.zip")
    browser.get(thread)
    assert browser.post(f"/items/{item}/save").status_code == 200
    browser.get(thread)
    assert browser.post(f"/opened/items/{item}/save").status_code == 200
    saved = {path.name: path.read_bytes() for path in (one.folder / "saved").iterdir()}
    assert saved == {f"{item[:8]}-名单.zip.age": raw, f"{item[:8]}-名单.zip": b"names" * 9_000}


def test_a_thread_is_shown_without_opening_anything(one: Organisation, browser: Browser, monkeypatch):
    """A page of a stranger's fifty items starts no program and tries no key."""
    text = armored(age_file(offered(one.server), TEXT.encode())).decode()
    thread, _ = message(one, f"看这个：\n{text}")
    monkeypatch.setattr("journalist_app.vault.sealed_before.beginning", None)
    assert browser.get(thread).status_code == 200
    assert "看这个：" in browser.page
    assert "Show opened" in browser.page
    assert "名单" not in browser.page


def test_a_sealed_message_is_shown_opened_below_its_words(one: Organisation, browser: Browser):
    """On the thread's page, marked, its controls visible, and with its own direction."""
    text = armored(age_file(offered(one.server), TEXT.encode())).decode()
    thread, item = message(one, f"看这个：\n{text}")
    browser.get(thread)
    (here,) = re.findall(r'href="([^"]*opened=[^"#]*)#', browser.page)
    browser.get(here.replace("&amp;", "&"))
    assert "Opened: what the source had sealed beforehand" in browser.page
    assert '<p class="text" dir="auto">他们把名单藏在这里。⟦U+202E⟧exe</p>' in browser.page
    assert "\u202e" not in browser.page
    assert browser.get(f"/opened/items/{item}/download").get_data() == TEXT.encode()


def test_the_list_shows_the_words_around_what_was_sealed(one: Organisation, browser: Browser):
    """Half a block of letters tells nobody what a thread is about."""
    sealed = armored(age_file(offered(one.server), b"names" * 200)).decode()
    for text in (sealed, f"看里面\n\n{sealed}"):
        message(one, text)
    browser.get("/")
    openings = re.findall(r'<span class="opening">(?:<bdi[^>]*>)?(.*?)<', browser.page, re.DOTALL)
    assert sorted(openings) == ["Sealed by the source beforehand", "看里面"]
    assert "-----BEGIN" not in browser.page


def test_words_behind_a_long_block_are_shown(one: Organisation, browser: Browser):
    """A block for many seats is longer than what a page has of a text: what follows it is not folded away with it."""
    text = armored(age_file(offered(one.server), bytes(FOLD))).decode()
    thread, _ = message(one, f"before\n{text}\nanswer only on Mondays")
    browser.get(thread)
    assert '<p class="text" dir="auto" lang="zh-Hans">before\nanswer only on Mondays</p>' in browser.page


def test_a_long_text_is_shown_as_far_as_a_page_goes(one: Organisation, browser: Browser):
    """The rest is in the download."""
    text = armored(age_file(offered(one.server), ("证" * (FOLD + 1)).encode())).decode()
    thread, item = message(one, text)
    browser.get(f"{thread}?opened={item}")
    assert "证" * FOLD + "…" in browser.page
    assert "证" * (FOLD + 1) not in browser.page


def test_what_is_no_text_is_not_shown_as_one(one: Organisation, browser: Browser):
    """A picture that was pasted as armor can be downloaded."""
    thread, item = message(one, armored(age_file(offered(one.server), b"\xff\xd8\xff" * 99)).decode())
    browser.get(f"{thread}?opened={item}")
    assert "This is no text" in browser.page
    assert browser.get(f"/opened/items/{item}/download").get_data() == b"\xff\xd8\xff" * 99


def test_what_does_not_open_leaves_the_page_whole(one: Organisation, browser: Browser):
    """The reason stands where the text would; a download is refused with the same words."""
    thread, item = message(one, "words\n" + armored(age_file([HybridIdentity.generate().recipient], b"x")).decode())
    browser.get(f"{thread}?opened={item}")
    assert "Not opened: this age file was sealed to keys this seat does not hold" in browser.page
    assert "words" in browser.page
    answer = browser.get(f"/opened/items/{item}/download")
    assert answer.status_code == 409
    assert "whose epoch was destroyed" in browser.page


@pytest.mark.parametrize("which", ["items", "sets", "volumes"])
def test_what_was_not_sealed_beforehand_has_no_opened_side(one: Organisation, browser: Browser, which: str):
    """No button, and no answer to who types the address."""
    thread, item = file(one, b"a file", "a.age")
    browser.get(thread)
    assert "beforehand" not in browser.page
    assert browser.get(f"/opened/{which}/{item}/download").status_code == 404
    assert browser.get(f"{thread}?opened={item}").status_code == 200


def test_a_broken_file_is_refused_before_a_byte_of_it_goes(one: Organisation, browser: Browser):
    """A page with the reason, no download."""
    raw = age_file(offered(one.server), bytes(200_000))
    _, item = file(one, raw[:-1], "a.age")
    answer = browser.get(f"/opened/items/{item}/download")
    assert (answer.status_code, answer.mimetype) == (409, "text/html")
    assert "cut or altered before it arrived here" in browser.page
    browser.get("/")
    assert browser.post(f"/opened/items/{item}/save").status_code == 409
    assert not (one.folder / "saved").exists()


def test_the_verb_makes_a_key_once(one: Organisation, gnupg: GnuPG):
    """Asked again it writes the same one; the digits it prints are the key's, and it does not write over a file."""
    first, again = one.folder / "openpgp.asc", one.folder / "again.asc"
    said = verb(one, first).output
    assert verb(one, again).output.splitlines()[0] == said.splitlines()[0]
    assert first.read_text() == again.read_text()
    assert gnupg.take(first.read_text()) == said.splitlines()[0].partition(": ")[2].replace(" ", "")
    assert "does not expire" in said
    assert verb(one, first).exit_code == 1


def test_the_verb_names_a_missing_program(one: Organisation, monkeypatch):
    """One sentence, the package, and no key."""
    monkeypatch.setattr(pgp, "_PATH", "/nowhere")
    done = verb(one, one.folder / "openpgp.asc")
    assert done.exit_code == 1
    assert "install the Debian package gpg" in done.output
    assert not (one.folder / "openpgp.asc").exists()


def test_a_file_sealed_with_openpgp_opens_at_each_seat_it_is_for(three: Organisation, gnupg: GnuPG):
    """Two seats have a key, and a source seals to both; the third says why it cannot."""
    keys = [gnupg.take(make_once(vault).public) for vault in three.vaults[:2]]
    sealed = gnupg.seal(b"names" * 999, *keys, more=["--throw-keyids"])
    _, item = file(three, sealed, "report.zip.gpg")
    answers = []
    for seat, vault in enumerate(three.vaults, 1):
        browser = Browser(vault.folder, three.stick, three.clock, three.folder / f"saved-{seat}")
        browser.enter()
        answers.append(browser.get(f"/opened/items/{item}/download"))
        said = browser.page
        browser.close()
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    assert [answer.get_data() for answer in answers[:2]] == [b"names" * 999] * 2
    assert "this seat has no OpenPGP key" in said


def test_a_signed_message_in_openpgp_is_shown_with_what_is_not_known(one: Organisation, browser: Browser, gnupg: GnuPG):
    """Who claims to have signed it stands below it; that nobody checked, too. The same where it is saved."""
    key, own = gnupg.take(make_once(one.vaults[0]).public), gnupg.own_key()
    sealed = gnupg.seal(TEXT.encode(), key, more=["--armor", "--sign", "--local-user", own])
    thread, item = message(one, sealed.decode())
    browser.get(thread)
    assert "sealed by the source beforehand (OpenPGP)" in browser.page
    browser.get(f"{thread}?opened={item}")
    assert "他们把名单藏在这里。⟦U+202E⟧exe" in browser.page
    assert f"<code>{own[-16:]}</code>" in browser.page
    assert "Nobody checked the signature" in browser.page
    browser.post(f"/opened/items/{item}/save")
    assert own[-16:] in browser.page


def test_nothing_opened_stays_anywhere(one: Organisation, browser: Browser, gnupg: GnuPG):
    """Not a word of it on a disk, in no file of the vault or beside it."""
    word = b"a word that stands nowhere else"
    key = gnupg.take(make_once(one.vaults[0]).public)
    for body in (age_file(offered(one.server), word * 50_000), gnupg.seal(word * 50_000, key)):
        _, item = file(one, body, "a")
        assert word in browser.get(f"/opened/items/{item}/download").get_data()
    thread, item = message(one, armored(age_file(offered(one.server), word)).decode())
    browser.get(f"{thread}?opened={item}")
    assert word.decode() in browser.page
    secret = bytes(make_once(one.vaults[0]).secret)
    for path in one.folder.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert word not in raw, path
            assert secret not in raw, path
