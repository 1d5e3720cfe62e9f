# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody pulls the plug at any instant.

What a page called received is there. Here the blow falls right after the answer, a few times; the campaign with hundreds of
random moments is tests/campaigns, the order of fsyncs tests/source_app/test_durability.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crypto.codename import Codename
from crypto.derive import derive
from store import threads
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Upload, Visitor, write_settings

ROUNDS = 4
_WORDS = re.compile(r'<ol class="codename words".*?</ol>', re.DOTALL)


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill_right_after_the_answer(tmp_path: Path) -> None:
    """Master and workers die the moment the page was read: words, files and the codename are all there afterwards."""
    store = new_store(tmp_path / "store")
    organisation = Throwaway(1)
    organisation.install(store)
    settings = write_settings(tmp_path / "settings.toml", store.folder)
    said: dict[str, str] = {}
    for number in range(ROUNDS):
        running = Running(settings)
        visitor = Visitor(running.origin)
        page = visitor.write(f"words {number}")
        found = _WORDS.search(page.html)
        assert found is not None
        said[f"words {number}"] = " ".join(re.findall(r"<bdi>([a-z]+)</bdi>", found[0]))
        if number % 2:
            content = bytes([number]) * 150_000
            answer = visitor.attach(page, Upload.of(f"file {number}", content))
            running.kill()
            assert answer.status == 200
        else:
            running.kill()
    opened = list(organisation.opened(store))
    assert sorted(one.body.decode() for one in opened if one.header.kind == "message") == sorted(said)
    files = {one.header.fields["name"]: one.body for one in opened if one.header.kind == "file"}
    assert files == {f"file {number}": bytes([number]) * 150_000 for number in range(1, ROUNDS, 2)}
    for words in said.values():
        keys = derive(Codename.parse(words).secret, organisation.root.generations[0])
        assert threads.find(store, keys.locator) is not None
    store.close()


@pytest.mark.slow
def test_a_file_that_was_cut_leaves_nothing_and_its_words_stay(tmp_path: Path) -> None:
    """The plug is pulled in the middle of an upload: no row, no blob; what was acknowledged before it stands."""
    store = new_store(tmp_path / "store")
    organisation = Throwaway(1)
    organisation.install(store)
    running = Running(write_settings(tmp_path / "settings.toml", store.folder))
    visitor = Visitor(running.origin)
    page = visitor.write("before")

    def halves():
        yield bytes(3_000_000)
        running.kill()
        yield bytes(3_000_000)

    with pytest.raises((ConnectionError, OSError)):
        visitor.attach(page, Upload("half", 6_000_000, halves()))
    assert [one.header.kind for one in organisation.opened(store)] == ["message"]
    assert [one for one in store.folder.glob("blobs/*/*") if one.is_file()] == []
    store.close()
