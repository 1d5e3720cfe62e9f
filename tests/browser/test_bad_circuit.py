# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A frightened person on an old phone: words and ten photos through a circuit that drops twice, back a week later with nine symbols in the head, the
answer read, and nothing left behind.

Everything is real but the circuit (`circuit`) and the calendar (`dated`): the programs, the pages, Firefox at Tor Browser's safest level, 360 px wide,
the ceremony, the desk and the vault. What was left behind is searched for in all that the browser and the server wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.search import Search
from journalist_app.vault import replies
from tests.browser.circuit import ONION, Circuit
from tests.browser.dated import Dated
from tests.browser.evidence import snapshot
from tests.browser.firefox import NARROW, Firefox
from tests.browser.looking import Looker
from tests.journeys.world import World
from tests.onion.office import set_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPORT = "昨天夜里他们带走了我弟弟。我拍下了车牌和院子，一共十张照片。"
REPLY = "我们看到了照片，车牌可以辨认。您弟弟的名字怎么写？不方便就不必回答。"
PHOTOS = 10
SPEED = 3 << 20
WEEK = 7


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An organisation of one seat whose calendar is the test's."""
    folder = tmp_path / "organisation"
    folder.mkdir()
    made = World(folder, seats=1)
    set_in(made.server / "dengwen.toml", "source", reserve_bytes=0, circuits=True)
    yield made
    made.close()


@pytest.fixture
def app(world: World) -> Iterator[Dated]:
    """Its source app, on the same calendar."""
    with Dated(world.server, world.calendar.day) as app:
        yield app


@pytest.fixture
def circuit(app: Dated) -> Iterator[Circuit]:
    """The way there."""
    with Circuit(app.target, speed=SPEED, told=True) as circuit:
        yield circuit


@dataclass(frozen=True)
class Phone:
    """An old phone with Tor Browser."""

    page: Firefox
    looker: Looker

    def look(self, name: str) -> None:
        """Judge the page, and go on with a narrow window."""
        self.looker.look(self.page, f"phone-{name}")
        self.page.resize(NARROW)

    def writes(self, home: str) -> str:
        """Words first. Returns the codename, as it was to be remembered."""
        page = self.page
        page.resize(NARROW)
        page.open(home)
        page.press("简体中文", opening=True)
        page.press("写给我们")
        page.type("您的文字", REPORT)
        page.press("发送")
        assert page.texts("h1") == ["已收到"]
        page.unfold("显示我的暗号")
        codename = "".join(page.texts("ol.codename.characters li"))
        assert re.fullmatch(r"[一-鿿]{9}", codename)
        self.look("codename")
        page.press("我记住了")
        assert codename not in page.text.replace("\n", "")
        return codename

    def sees(self, words: str) -> None:
        """Wait until the frame under the form says this."""
        self.page.until(lambda: words in self.page.framed("iframe.progress"), f"“{words}”")

    def listed(self) -> dict[str, str]:
        """What the frame of what was sent says of each thing."""
        with self.page.inside("iframe.sent"):
            return dict(zip(self.page.texts(".list .what"), self.page.texts(".list .state"), strict=True))

    def returns(self, home: str, codename: str) -> None:
        """Nine symbols out of the head."""
        page = self.page
        page.resize(NARROW)
        page.open(home)
        page.press("简体中文", opening=True)
        page.press("我有暗号")
        page.type("您的暗号", codename)
        page.press("打开")
        assert page.texts("h1") == ["回复"]


def answered(world: World, codename: str) -> dict[str, bytes]:
    """A reviewer takes the batch, reads the report and answers it. Returns the photos as the vault hands them out."""
    value = world.thread_value(codename)
    world.carry(1)
    assert world.texts(1, value) == [REPORT]
    replies.tell_status(world.vaults[1], value, "read")
    replies.reply(world.vaults[1], value, REPLY, "zh-Hans")
    world.send(1)
    return world.files(1, value)


def left_behind(folder: Path, secrets: Iterable[str]) -> list[str]:
    """Which of these stand in any file below a folder, as UTF-8 or as a browser's own 16 bits."""
    markers = [(f"{one!r} in {code}", one.encode(code)) for one in secrets for code in ("utf-8", "utf-16-le")]
    search = Search(markers)
    search.folder(folder)
    assert search.files > 10, folder
    return search.found


def sends(phone: Phone, circuit: Circuit, photos: Sequence[Path]) -> None:
    """Ten photos: the circuit drops in the fourth, then in the third; what is missing is said, and the same button sends it."""
    page, size = phone.page, photos[0].stat().st_size
    page.attach("文件", *photos)
    # Firefox sends a form anew by itself when its connection broke, as often as it likes: each of these tries is cut too.
    for whole, name in ((3, "cut-once"), (2, "cut-twice")):
        before = circuit.cuts
        circuit.cut_every(whole * size + size // 2)
        page.touch("发送文件")
        page.until(lambda: circuit.cuts > before, "a cut")  # noqa: B023 - asked at once
        phone.sees("没有收到（排在后面的也没有）：")
        phone.look(name)
    circuit.cut_every(0)
    page.touch("发送文件")
    phone.sees(f"本次访问已收到文件 {len(photos)} 个")
    listed = phone.listed()
    assert set(listed) == {"您的文字", *(one.name for one in photos)}
    assert all(state.startswith("已收到") for state in listed.values()), listed
    phone.look("arrived")


def reads_and_leaves(phone: Phone, home: str, codename: str) -> None:
    """The answer is read and deleted; then the quick exit, and nothing is behind the browser's back button."""
    page = phone.page
    phone.returns(home, codename)
    assert page.texts(".reply") == [REPLY]
    phone.look("answer")
    page.press("删除这条回复")
    page.press("是的，删除")
    phone.returns(home, codename)
    assert page.texts(".reply") == []
    page.press("快速离开")
    assert page.text.strip() == ""
    assert page.cookies == []
    page.back()
    page.until(lambda: page.texts("h1") == ["这次访问已经结束"], "the page before to be of an ended visit")
    phone.look("nothing-left")


def test_words_and_ten_photos_through_a_circuit_that_drops_twice(
    world: World, app: Dated, circuit: Circuit, tmp_path: Path, looker: Looker
) -> None:
    """
    What was cut is named and goes through when sent again; a week later the answer is read; neither phone nor server holds a word of it afterwards.
    """
    home = f"{circuit.origin}/"
    first, later = tmp_path / "phone", tmp_path / "phone-a-week-later"
    photos = [snapshot(tmp_path / f"照片{number:02}.png", number) for number in range(1, PHOTOS + 1)]
    with Firefox(first, proxy=circuit.place) as page:
        phone = Phone(page, looker)
        codename = phone.writes(home)
        sends(phone, circuit, photos)
        assert page.cookies == ["s"]
        page.press("退出", within="header")
        assert page.cookies == []
        phone.look("left")
    secrets = [codename, REPORT, REPLY, *(one.name for one in photos)]
    assert left_behind(first, [*secrets, ONION]) == []

    world.calendar.turn(WEEK)
    app.turn(world.calendar.day)
    app.restart()
    circuit.target = app.target
    assert answered(world, codename) == {one.name: one.read_bytes() for one in photos}
    with Firefox(later, proxy=circuit.place) as page:
        reads_and_leaves(Phone(page, looker), home, codename)
    assert left_behind(later, [*secrets, ONION]) == []
    assert left_behind(world.server, secrets) == []
    assert app.said == ""
