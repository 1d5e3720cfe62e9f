# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Tor ends under an upload, and the source app under tor: nothing half is kept, nothing whole is lost, and who waited is served.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crypto.codename import Codename
from deploy import socks
from deploy.evidence import BLOCK, Evidence
from deploy.people import Source
from deploy.reading import Page
from tests.onion.office import Office
from tests.onion.patience import BROKEN, patiently, until
from tests.onion.tunnel import Tunnel

pytestmark = [pytest.mark.onion, pytest.mark.slow]

WORDS = "那天夜里的事我都记下来了，先把文字发给你们。"


class Interrupted:
    """
    A file in the midst of which something happens.

    Args:
        file: what is sent.
        act: what happens after the first half.
    """

    def __init__(self, file: Evidence, act: Callable[[], None]) -> None:
        self.name, self.length = file.name, file.length
        self._file, self._act = file, act

    def blocks(self) -> Iterator[bytes]:
        """The file's bytes."""
        for number, block in enumerate(self._file.blocks()):
            if number == self.length // BLOCK // 2:
                self._act()
            yield block


def kept(office: Office) -> set[Path]:
    """The files of the store that hold attachments."""
    return {path for path in (office.store / "blobs").rglob("*") if path.is_file()}


def half_kept(office: Office) -> list[Path]:
    """What uploads under way have written."""
    return list((office.store / "incoming").iterdir())


def written(office: Office, way: Tunnel) -> tuple[Source, str]:
    """A source who has sent words. Returns it and its codename."""
    source = Source(way.url)
    there(office, source, "/")
    source.write(WORDS)
    words = "".join(source.codename)
    office.busy.codenames.append(Codename.parse(words))
    return source, words


def there(office: Office, source: Source, path: str) -> Page:
    """A page of the onion, however long its tor looks for a way in."""
    visitor = office.network.visitor
    return patiently(lambda: source._visitor.get(path), 2 * socks.SECONDS, before_again=visitor.forget)


def items(office: Office, words: str) -> int:
    """How many things of this source the server keeps."""
    thread = office.world.server_thread(words)
    assert thread is not None
    return thread.items


def test_tor_restarted_under_an_upload(office: Office, tunnel: Callable[..., Tunnel]) -> None:
    """The upload breaks, nothing of it is kept or listed; words and files before it are; and then the source goes on."""
    way = tunnel()
    source, words = written(office, way)
    whole, half = Evidence("整的.jpg", 300_000), Evidence("半截.mp4", 10_000_000)
    again = Evidence("再来一次.mp4", 2_000_000)
    office.busy.files += [whole, half, again]
    source.attach([whole])
    before, count = kept(office), items(office, words)

    def restart() -> None:
        # The server notices at once; a source's tor may take a minute, and its person does not wait for it.
        office.network.onion.stop()
        until(lambda: not half_kept(office), "the half file to be removed")
        way.hang_up()

    with pytest.raises(BROKEN):
        source.attach([Interrupted(half, restart)])  # type: ignore[list-item]
    assert kept(office) == before
    assert items(office, words) == count

    office.network.onion.start()
    office.network.published()
    page = there(office, source, "/zh-Hans/received")
    said = {one.partition(" ")[0]: one for one in page.list_items("list")}
    assert "已收到" in said[whole.name]
    assert "已收到" not in said.get(half.name, "")
    source._page = page
    source.attach([again])
    assert len(kept(office)) == len(before) + 1
    assert items(office, words) > count
    source.knows()
    page = source.come_back()
    assert page.status == 200
    gc.collect()


def test_the_app_restarted_under_tor(office: Office, tunnel: Callable[..., Tunnel]) -> None:
    """While it is away visitors wait at its socket; when it is back they are served, and what was sent before is there."""
    source, words = written(office, tunnel())
    source.knows()
    answers: list[Page] = []
    office.source.stop()
    waiting = threading.Thread(target=lambda: answers.append(source._visitor.get("/zh-Hans/")), daemon=True)
    waiting.start()
    waiting.join(3)
    assert answers == []
    office.source.start()
    waiting.join(60)
    assert [answer.status for answer in answers] == [200]
    assert items(office, words) == 1
    page = source.come_back()
    assert page.status == 200
    more = Evidence("补充.pdf", 100_000)
    office.busy.files.append(more)
    source.attach([more])
    assert items(office, words) > 1
