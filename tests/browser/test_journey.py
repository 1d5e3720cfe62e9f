# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The whole job in a real browser without JavaScript, as its people do it: a source, a reviewer at the desk, two laptops.

Every page on the way is judged and pictured, wide and narrow (see `looking`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pyotp
import pytest

from tests.browser.demo import Demo, Login, VaultDoor
from tests.browser.evidence import pdf, photo
from tests.browser.firefox import Firefox
from tests.browser.looking import Looker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPORT = "三月初九晚上，厂里来了两辆没有牌照的车，带走了值夜班的四个人。\n他们的家人至今没有得到任何通知。我在窗口看见了全部经过。"
REPLY = "谢谢您告诉我们。四个人的名字您知道吗？不确定也没有关系。\n请不要为了打听而冒险。"
NOTE = "车间名单见上个月的案子；先核对日期，再联系家属。"


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that is starting."""
    with Demo(tmp_path_factory.mktemp("journey") / "demo") as demo:
        yield demo


@dataclass(frozen=True)
class Source:
    """Somebody who saw something, with Tor Browser."""

    firefox: Firefox
    looker: Looker

    def reports(self, home: str, *evidence: Path) -> str:
        """A first visit: words, then files, then gone. Returns the codename, as it was to be remembered."""
        page = self.firefox
        page.open(home)
        self.looker.look(page, "source-choose")
        page.press("简体中文", opening=True)
        self.looker.look(page, "source-landing")
        page.press("写给我们")
        self.looker.look(page, "source-write")
        page.type("您的文字", REPORT)
        page.press("发送")
        assert page.texts("h1") == ["已收到"]
        page.unfold("显示我的暗号")
        codename = "".join(page.texts("ol.codename.characters li"))
        assert re.fullmatch(r"[一-鿿]{9}", codename)
        page.unfold("同一个暗号的英文写法")
        assert len([word for word in page.texts("ol.codename.words li") if word]) == 9
        self.looker.look(page, "source-codename")
        page.attach("文件", *evidence)
        page.touch("发送文件")
        page.until(lambda: all(one.name in page.framed("iframe.sent") for one in evidence), "the files in their frame")
        page.open(urljoin(page.address, "received"))
        assert set(page.texts(".list .what")) == {"您的文字", *(one.name for one in evidence)}
        assert all(state.startswith("已收到") for state in page.texts(".list .state"))
        self.looker.look(page, "source-attached")
        page.unfold("显示我的暗号")
        page.press("我记住了")
        assert page.texts("ol.codename") == []
        assert codename not in page.text.replace("\n", "")
        self.looker.look(page, "source-known")
        page.press("退出")
        assert page.texts("h1") == ["您已退出"]
        self.looker.look(page, "source-left")
        return codename

    def returns(self, home: str, codename: str) -> None:
        """A second visit: the codename opens the thread."""
        page = self.firefox
        page.open(home)
        page.press("简体中文", opening=True)
        page.press("我有暗号")
        self.looker.look(page, "source-return")
        page.type("您的暗号", codename)
        page.press("打开")


@dataclass(frozen=True)
class Reviewer:
    """A seat's person at the desk, whose downloads go to a stick."""

    firefox: Firefox
    looker: Looker

    def enters(self, desk: str, login: Login) -> None:
        """Passphrase and code."""
        page = self.firefox
        page.open(desk)
        self.looker.look(page, "desk-login")
        page.type("Name", login.name)
        page.type("Passphrase", login.passphrase)
        page.type("Code", pyotp.TOTP(login.totp).now())
        page.press("Log in", within="main")
        assert page.texts("h1") == ["Threads"]
        self.looker.look(page, "desk-threads")

    def takes_out(self, number: int) -> Path:
        """Freeze the next batch and save it to the stick. Returns the file."""
        page = self.firefox
        page.press("Batches")
        self.looker.look(page, f"desk-batches-{number}")
        page.press(f"Take out batch {number}")
        assert page.texts("h1") == [f"Batch {number}"]
        self.looker.look(page, f"desk-batch-{number}")
        return page.download("Download")

    def takes_in(self, outbox: Path) -> str:
        """Carry an outbox in. Returns the digest that the desk shows."""
        page = self.firefox
        page.press("Outboxes")
        self.looker.look(page, "desk-outboxes")
        page.attach("Outbox file", outbox)
        page.press("Take in")
        assert "Taken in." in page.text
        self.looker.look(page, "desk-taken-in")
        return page.texts("p.digest")[0]

    def looks_around(self) -> None:
        """The desk's other pages."""
        for name in ("Threads", "Waiting", "Documents", "Log"):
            self.firefox.press(name)
            self.looker.look(self.firefox, f"desk-{name.lower()}-afterwards")


@dataclass(frozen=True)
class Laptop:
    """A seat's offline machine: its vault and a browser for nothing else."""

    firefox: Firefox
    looker: Looker
    seat: int

    def opens(self, door: VaultDoor) -> None:
        """The address that works once, then the passphrase."""
        page = self.firefox
        page.open(door.url)
        self.looker.look(page, f"vault-{self.seat}-locked")
        page.type("Passphrase", door.passphrase)
        page.press("Unlock")
        assert page.texts("h1") == ["Threads"]
        self.looker.look(page, f"vault-{self.seat}-empty")

    def imports(self, number: int) -> None:
        """Take a batch from the stick."""
        page = self.firefox
        page.press("Import", within="header")
        row = next(row for row in page.elements("main .row") if row.text.startswith(f"Batch {number} "))
        page.press("Import", within=row)
        page.until(lambda: f"Batch {number}: " in page.text, f"batch {number} to be imported")
        assert "The batch is whole." in page.text
        self.looker.look(page, f"vault-{self.seat}-imported-{number}")

    def reads(self) -> None:
        """The one thread there is, opened by its first words."""
        page = self.firefox
        page.press("Threads", within="header")
        self.looker.look(page, f"vault-{self.seat}-threads")
        page.press(REPORT[:10], opening=True)
        self.looker.look(page, f"vault-{self.seat}-thread")

    def saves(self, name: str) -> bytes:
        """Download an attachment by its true name. Returns what is in it."""
        page = self.firefox
        card = next(card for card in page.elements("article.file") if name in card.text)
        return page.download("Download", within=card).read_bytes()

    def answers(self) -> None:
        """A reply to the source, a note to the team."""
        page = self.firefox
        page.type("Text", REPLY, within="form[action$='/reply']")
        page.choose("Language of the reply", "zh-Hans")
        page.press("Seal the reply")
        page.type("Text", NOTE, within="form[action$='/note']")
        page.press("Add the note")
        self.looker.look(page, f"vault-{self.seat}-answered")

    def writes_outbox(self, stick: Path) -> tuple[Path, str]:
        """Write what waits to the stick. Returns the file, and the digest that the vault shows."""
        page = self.firefox
        before = set(stick.iterdir())
        page.press("Outbox", within="header")
        self.looker.look(page, f"vault-{self.seat}-outbox")
        page.press("Write the next outbox")
        assert "is on the stick" in page.text
        self.looker.look(page, f"vault-{self.seat}-outbox-written")
        (file,) = set(stick.iterdir()) - before
        return file, page.texts("p.digest")[0]

    def looks_around(self) -> None:
        """The vault's other pages; then it is locked."""
        for name in ("Seats", "Epochs", "Alarms"):
            self.firefox.press(name, within="header")
            self.looker.look(self.firefox, f"vault-{self.seat}-{name.lower()}")
        assert "Nothing has gone wrong." in self.firefox.text
        self.firefox.press("Lock")
        assert self.firefox.texts("h1") == ["The vault is locked"]


def test_the_whole_job_in_a_browser_without_scripts(
    demo: Demo, browser: Callable[..., Firefox], looker: Looker, tmp_path: Path
) -> None:
    """A report goes in at one end, is read offline at the other, and the answer comes back; the other seat sees the same."""
    source, offline = Source(browser(), looker), browser()
    places = demo.places()
    reviewer = Reviewer(browser(downloads=places.stick), looker)
    first, second = Laptop(offline, looker, 1), Laptop(offline, looker, 2)
    picture, paper = photo(tmp_path / "照片.png"), pdf(tmp_path / "证据.pdf")

    codename = source.reports(places.source, picture, paper)

    reviewer.enters(places.desk, places.people[0])
    batch = reviewer.takes_out(1)
    assert batch.parent == places.stick
    first.opens(places.vaults[0])
    first.imports(1)
    first.reads()
    assert offline.texts("article .text") == [REPORT]
    assert sorted(offline.texts(".filename")) == sorted([picture.name, paper.name])
    assert first.saves(paper.name) == paper.read_bytes()
    assert first.saves(picture.name) == picture.read_bytes()
    first.answers()
    outbox, digest = first.writes_outbox(places.stick)
    first.looks_around()
    assert reviewer.takes_in(outbox) == digest

    source.returns(places.source, codename)
    assert source.firefox.texts(".reply") == [REPLY]
    assert source.firefox.attribute(".reply", "lang") == "zh-Hans"
    assert source.firefox.texts(".reply + .signed") == ["由 1 号席位签名"]
    looker.look(source.firefox, "source-answer")

    reviewer.takes_out(2)
    reviewer.looks_around()
    second.opens(places.vaults[1])
    second.imports(1)
    second.imports(2)
    second.reads()
    assert sorted(offline.texts("article .text")) == sorted([REPORT, REPLY, NOTE])
    assert sorted(offline.texts(".filename")) == sorted([picture.name, paper.name])
    entries = [" ".join(facts.split()) for facts in offline.texts("article.entry .facts")]
    assert [entry.startswith(("reply signed by seat 1", "note signed by seat 1")) for entry in entries] == [True, True]
    second.looks_around()
