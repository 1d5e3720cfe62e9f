# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The vault's pages, through a WSGI client: who may come in, what is shown, what is refused.
"""

from __future__ import annotations

import datetime
import re

import pytest

from journalist_app.vault.importer import import_batch
from tests.journalist_app.vault.browsing import HOST, PORT, TOKEN, Browser
from tests.journalist_app.vault.fakes import PASSPHRASE, Organisation, Source, write_batch


@pytest.fixture
def browser(one: Organisation):
    """
    A browser at seat 1, not yet inside.
    """
    made = Browser(one.folder / "v1", one.stick, one.clock, one.folder)
    yield made
    made.close()


def test_the_whole_way_through_the_pages(one: Organisation, browser: Browser):
    """Import, read, reply, note, state, outbox, all by forms."""
    source = Source()
    one.server.message(source, "我看到了什么\u202e", lang="zh-Hans")
    one.server.files(source, **{"证据\u202egpj.exe": b"picture" * 9_000})
    one.server.batch(one.stick)
    browser.enter()
    browser.get("/import")
    assert browser.post("/import", stick="0", file="batch-1.tar").status_code == 200
    assert "The batch is whole" in browser.page
    browser.get("/")
    assert "我看到了什么" in browser.page
    address = f"/threads/{source.thread.hex()}"
    browser.get(address)
    assert "证据⟦U+202E⟧gpj.exe" in browser.page
    assert "\u202e" not in browser.page
    browser.post(f"{address}/reply", text="你好", lang="zh-Hans")
    browser.post(f"{address}/note", text="call back")
    browser.post(f"{address}/state", state="reading")
    browser.post(f"{address}/status", status="read")
    assert "signed by seat 1" in browser.page
    browser.get("/outbox")
    browser.post("/outbox/freeze")
    assert "Outbox 1 is on the stick" in browser.page
    assert one.server.take(one.stick / "outbox-1-00000001.tar") == 1
    for path in ("/seats", "/epochs", "/alarms"):
        assert browser.get(path).status_code == 200


def bring(one: Organisation, source: Source, **named: bytes) -> dict[str, str]:
    """
    Files of a source, imported; their ids by name.
    """
    ids = one.server.files(source, **named)
    import_batch(one.vaults[0], one.server.batch(one.stick))
    return {name: item.hex() for name, item in zip(named, ids, strict=True)}


def test_the_address_works_once(browser: Browser):
    """The token is traded for a cookie; a second browser gets nothing."""
    browser.enter()
    other = browser.app.test_client()
    assert other.get(f"/?token={TOKEN}", base_url=f"http://{HOST}").status_code == 403
    assert other.get("/", base_url=f"http://{HOST}").status_code == 403
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("host", ["localhost:8471", "127.0.0.1", "127.0.0.1:8472", "evil.example:8471"])
def test_another_host_is_not_answered(browser: Browser, host: str):
    """A name that was made to point here gets no page."""
    browser.enter()
    assert browser.client.get("/", base_url=f"http://{host}").status_code == 421


def test_every_answer_carries_the_headers(browser: Browser):
    """Also refusals and the stylesheet."""
    browser.enter()
    for path in ("/", "/nothing", "/static/style.css", "/import"):
        headers = browser.get(path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
            "base-uri 'none'"
        )
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers


def test_the_cookie_is_strict_and_closed_to_scripts(browser: Browser):
    """And named by the port: cookies do not know ports."""
    answer = browser.client.get(f"/?token={TOKEN}", base_url=f"http://{HOST}")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"vault-{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_a_form_without_its_token_or_from_elsewhere_is_refused(browser: Browser):
    """Another page in the same browser cannot act here."""
    browser.enter()
    base = f"http://{HOST}"
    assert browser.client.post("/outbox/freeze", base_url=base).status_code == 403
    assert browser.client.post("/outbox/freeze", base_url=base, data={"csrf": "0" * 64}).status_code == 403
    browser.get("/outbox")
    token = re.search(r'name="csrf" value="([0-9a-f]{64})"', browser.page)[1]
    foreign = browser.client.post(
        "/outbox/freeze", base_url=base, data={"csrf": token}, headers={"Origin": "http://127.0.0.1:9999"}
    )
    assert foreign.status_code == 403


def test_a_locked_vault_shows_nothing(one: Organisation, browser: Browser):
    """Before unlocking and after locking; a wrong passphrase says so."""
    source = Source()
    bring(one, source, a=b"a")
    browser.get(f"/?token={TOKEN}")
    assert browser.get(f"/threads/{source.thread.hex()}").request.path == "/unlock"
    assert browser.post("/unlock", passphrase="wrong").status_code == 403
    assert "does not open the vault" in browser.page
    browser.post("/unlock", passphrase=PASSPHRASE)
    assert browser.get(f"/threads/{source.thread.hex()}").request.path.startswith("/threads/")
    browser.post("/lock")
    assert browser.get("/").request.path == "/unlock"


@pytest.mark.parametrize("size", [0, 5, 70_000, 3 << 20], ids=str)
def test_a_download_is_the_file_byte_for_byte(one: Organisation, browser: Browser, size: int):
    """Small ones from the database, large ones from their file."""
    body = bytes(range(251)) * (size // 251 + 1)
    ids = bring(one, Source(), **{"证据\u202e.jpg": body[:size]})
    browser.enter()
    answer = browser.get(f"/items/{next(iter(ids.values()))}/download")
    assert answer.get_data() == body[:size]
    assert answer.mimetype == "application/octet-stream"
    said = answer.headers["Content-Disposition"]
    assert said.startswith("attachment; filename=")
    assert said.isascii()
    assert "%E8%AF%81%E6%8D%AE%E2%9F%A6U%2B202E%E2%9F%A7.jpg" in said


def test_a_payload_altered_on_this_laptop_is_not_handed_out(one: Organisation, browser: Browser):
    """Nothing of it is sent: the whole is verified first."""
    ids = bring(one, Source(), a=bytes(3 << 20))
    path = one.vaults[0].items / ids["a"]
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    browser.enter()
    answer = browser.get(f"/items/{ids['a']}/download")
    assert answer.status_code == 409
    assert answer.mimetype == "text/html"


def test_saving_writes_a_whole_file_for_its_owner_alone(one: Organisation, browser: Browser):
    """Under a name that cannot lead anywhere; a second time is refused."""
    ids = bring(one, Source(), **{"../../x.pdf": b"pdf" * 1000})
    item = next(iter(ids.values()))
    browser.enter()
    browser.get("/import")
    assert browser.post(f"/items/{item}/save").status_code == 200
    (path,) = one.folder.glob(f"{item[:8]}-*")
    assert path.read_bytes() == b"pdf" * 1000
    assert path.stat().st_mode & 0o077 == 0
    browser.get("/import")
    assert browser.post(f"/items/{item}/save").status_code == 409


def test_a_refused_reply_gives_its_text_back(one: Organisation, browser: Browser):
    """Nobody types a reply twice."""
    source = Source()
    one.server.message(source, "hello")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    browser.enter()
    address = f"/threads/{source.thread.hex()}"
    browser.get(address)
    answer = browser.post(f"{address}/reply", text="a long answer", lang="not a tag!")
    assert answer.status_code == 409
    assert "a long answer" in browser.page
    browser.get(address)
    assert browser.post(f"{address}/state", state="lost").status_code == 409
    browser.get(address)
    assert browser.post(f"{address}/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/threads/xx", "/threads/" + "0" * 64, "/items/" + "A" * 32 + "/download", "/x"])
def test_what_is_not_there_is_a_page(browser: Browser, path: str):
    """No traceback, a way on."""
    browser.enter()
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "Go on" in browser.page


def test_a_missing_batch_is_named_on_the_page_and_kept_as_an_alarm(one: Organisation, browser: Browser):
    """The import page says which one, the alarms page keeps it."""
    for _ in range(3):
        one.server.batch(one.stick)
    (one.stick / "batch-2.tar").unlink()
    browser.enter()
    for name in ("batch-1.tar", "batch-3.tar"):
        browser.get("/import")
        browser.post("/import", stick="0", file=name)
    assert "batch 2 is missing" in browser.page
    browser.get("/alarms")
    assert "A batch is missing" in browser.page
    browser.post("/alarms/seen", kind="withheld", subject="2")
    assert "A batch is missing" in browser.page
    assert "Mark as seen" not in browser.page


def test_only_batches_on_the_stick_can_be_named(one: Organisation, browser: Browser):
    """A form cannot point the import anywhere else."""
    one.server.batch(one.folder)
    (one.stick / "link.tar").symlink_to(one.folder / "batch-1.tar")
    (one.stick / "note.txt").write_text("not a batch")
    browser.enter()
    browser.get("/import")
    assert "link.tar" not in browser.page
    browser.get("/outbox")
    for name in ("../batch-1.tar", "link.tar", "note.txt"):
        browser.get("/outbox")
        assert browser.post("/import", stick="0", file=name).status_code == 404


def test_the_list_goes_page_by_page_and_by_state(one: Organisation, browser: Browser):
    """Fifty a page, none twice, none left out."""
    sources = [Source() for _ in range(53)]
    for number, source in enumerate(sources):
        one.server.message(source, f"text {number}", lang="en")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    browser.enter()
    browser.get("/")
    seen = re.findall(r'href="/threads/([0-9a-f]{64})"', browser.page)
    following = re.search(r'href="(/\?after=[^"]+)"', browser.page)[1]
    browser.get(following)
    seen += re.findall(r'href="/threads/([0-9a-f]{64})"', browser.page)
    assert sorted(seen) == sorted(source.thread.hex() for source in sources)
    browser.get("/?state=closed")
    assert "No thread is in this state" in browser.page


def test_what_a_source_wrote_is_never_markup(one: Organisation, browser: Browser):
    """Texts, names and report fields are escaped."""
    source = Source()
    one.server.message(source, "<script>x</script>", report={"<b>place</b>": "<i>here</i>"})
    bring(one, source, **{"<img src=x>.jpg": b"a"})
    browser.enter()
    browser.get(f"/threads/{source.thread.hex()}")
    for tag in ("<script", "<b>", "<i>", "<img"):
        assert tag not in browser.page
    assert "&lt;script&gt;" in browser.page


def test_the_page_says_which_batch_is_awaited_and_takes_a_person_s_word(one: Organisation):
    """Nothing is acknowledged while an earlier batch may hold something; a person can say that it cannot be had."""
    one.server.batch(one.stick)
    one.server.batch(one.stick)
    one.admit(1)
    import_batch(one.vaults[1], one.server.batch(one.stick))
    browser = Browser(one.folder / "v2", one.stick, one.clock)
    browser.enter()
    browser.get("/import")
    assert "Batch 2 may hold something for this seat" in browser.page
    assert browser.post("/import/begin-here").status_code == 200
    assert "may hold something" not in browser.page
    browser.close()


def test_a_batch_with_a_day_that_cannot_be_is_taken_when_a_person_says_so(one: Organisation, browser: Browser):
    """The page says what is wrong and offers the items without the day."""
    one.server.manifest_changes = {"day": datetime.date(9999, 12, 31)}
    one.server.message(Source(), "hello")
    path = one.server.batch(one.stick)
    browser.enter()
    browser.get("/import")
    browser.post("/import", stick="0", file=path.name)
    assert "one of the two clocks is wrong" in browser.page
    assert "Take the items all the same" in browser.page
    browser.post("/import", stick="0", file=path.name, despite="1")
    assert "1 item imported" in browser.page
    assert "acknowledged in the next outbox" in browser.page


def test_a_batch_with_a_gap_says_that_it_is_not_acknowledged_and_can_be_finished_without(
    one: Organisation, browser: Browser
):
    """The button is there as long as nobody has said why the bytes are gone."""
    one.server.message(Source(), "gone")
    path = one.server.batch(one.stick)
    write_batch(path, 1, one.server.batches[0][1], [b""])
    browser.enter()
    browser.get("/import")
    browser.post("/import", stick="0", file=path.name)
    assert "acknowledged in the next outbox" not in browser.page
    assert "Finish batch 1 without them" in browser.page
    browser.post("/import", stick="0", file=path.name, without_damaged="1")
    assert "acknowledged in the next outbox" in browser.page
