# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A source and an organisation over a real Tor network, in real browsers without JavaScript.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import derive
from deploy.evidence import Evidence
from deploy.people import AtDesk
from journalist_app.vault import replies
from tests.attacks.busy import MESSAGES, REPLY
from tests.browser.firefox import NARROW, WIDE, Firefox
from tests.onion.chromium import Chromium
from tests.onion.office import Office

pytestmark = [pytest.mark.onion, pytest.mark.browser, pytest.mark.slow]

#: A browser over tor gives up a first page now and then, on a machine that is busy.
TRIES = 3
UPLOAD_SECONDS = 180.0
LENGTH = 10_000_000


@pytest.fixture
def pictured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Keeps pictures of a page, narrow and wide, and sees that it does not scroll sideways. DENGWEN_SCREENSHOTS says where."""
    chosen = os.environ.get("DENGWEN_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def picture(browser: Firefox | Chromium, name: str) -> None:
        which = type(browser).__name__.lower()
        for width in (NARROW, WIDE):
            browser.resize(width)
            browser.screenshot(folder / f"onion-{which}-{name}-{width}.png")
            asked = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            over = browser.asked(f"return {asked}" if isinstance(browser, Firefox) else asked)
            assert over <= 0, f"{name} scrolls sideways at {width} in {which}"

    return picture


def first_page(browser: Firefox | Chromium, address: str) -> None:
    """Open an onion."""
    for _ in range(TRIES):
        browser.open(address)
        if not browser.broken:
            return
    raise AssertionError(f"{address} was not reached: {browser.text}")


def test_a_source_reports_over_the_onion_and_reads_the_answer(
    office: Office, reviewer: AtDesk, browser: Firefox | Chromium, pictured: Callable[..., None], tmp_path: Path
) -> None:
    """Words, 10 MB, gone; a reviewer answers from an offline vault; nine symbols open the answer."""
    home = f"http://{office.address('source')}/"
    first_page(browser, home)
    browser.press("简体中文 请选择语言")
    pictured(browser, "landing")
    browser.press("写给我们")
    browser.type("您的文字", MESSAGES[0])
    browser.press("发送")
    assert browser.texts("h1") == ["已收到"]
    browser.touch("显示我的暗号")
    symbols = browser.texts("ol.codename.characters li")
    codename = Codename.parse("".join(symbols))
    office.busy.codenames.append(codename)

    evidence = Evidence(f"证据-{type(browser).__name__}.bin", LENGTH)
    office.busy.files.append(evidence)
    path = tmp_path / evidence.name
    with path.open("wb") as file:
        file.writelines(evidence.blocks())
    browser.attach("文件", path)
    browser.touch("发送文件")
    browser.until(lambda: evidence.name in browser.framed("iframe.sent"), evidence.name, seconds=UPLOAD_SECONDS)
    browser.open(f"{home}zh-Hans/received")
    assert set(browser.texts(".list .what")) == {"您的文字", evidence.name}
    assert all(state.startswith("已收到") for state in browser.texts(".list .state"))
    pictured(browser, "received")
    browser.touch("显示我的暗号")
    browser.press("我记住了")
    assert browser.texts("ol.codename") == []
    browser.press("退出")

    world = office.world
    value = bytes(derive(codename.secret, world.root.generations[0]).thread)
    world.import_all(reviewer.take_out(world.stick))
    assert world.texts(1, value) == [MESSAGES[0]]
    assert {name: len(content) for name, content in world.files(1, value).items()} == {evidence.name: LENGTH}
    replies.reply(world.vaults[1], value, REPLY, "zh-Hans")
    reviewer.take_in(world.write_outbox(1))

    first_page(browser, home)
    browser.press("简体中文 请选择语言")
    browser.press("我有暗号")
    browser.type("您的暗号", "".join(symbols))
    browser.press("打开")
    assert browser.texts(".reply") == [REPLY]
    pictured(browser, "answer")


def test_no_script_runs(browser: Firefox | Chromium) -> None:
    """What the page wanted to write did not come; what stands there without scripts did."""
    browser.open(
        "data:text/html,<title>still</title><noscript>no scripts here</noscript><p><script>document.write('moved')</script>"
    )
    assert "no scripts here" in browser.text
    assert "moved" not in browser.text
