# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An officer with a disk full of files: what the page prints is copied as the browser shows it, and run in a plain Debian, as it stands on Tails.

Nothing is installed there, nothing is changed in what was printed, and the only way out is tor's port. The circuit is cut meanwhile. What arrived is
opened with a seat's keys, joined, and compared with what was sent.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.engine import Store
from tests.browser.circuit import ONION, Circuit
from tests.browser.firefox import Firefox
from tests.browser.looking import Looker
from tests.browser.plain_root import staged
from tests.source_app.throwaway import Opened, Throwaway, new_store
from tests.source_app.visitor import Running, write_settings

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.host]

PART = 1 << 20
SPEED = 8 << 20
SECONDS = 240
#: Everything that a shell would rather not meet in a name.
NAME = "第一 批 'list' \"copy\" $(id) `id` \\n* -档案\n.tar"
BYTES = 5 * PART + 12_345
#: What one request is besides its part: headers and the form around it.
AROUND = 4 << 10


@pytest.fixture(scope="module")
def organisation() -> Throwaway:
    """Three seats and their keys."""
    return Throwaway(3)


@pytest.fixture
def store(organisation: Throwaway, tmp_path: Path) -> Iterator[Store]:
    """An empty store of theirs."""
    with contextlib.closing(new_store(tmp_path / "store")) as store:
        organisation.install(store)
        yield store


@pytest.fixture
def app(store: Store, tmp_path: Path) -> Iterator[Running]:
    """Their source app, behind an onion, with parts of 1 MiB."""
    settings = write_settings(
        tmp_path / "settings.toml", tmp_path / "store", part_bytes=PART, circuits=True, onion=ONION
    )
    with Running(settings) as app:
        yield app


def target(app: Running) -> tuple[str, int]:
    """Where the app listens."""
    host, _, port = app.origin.removeprefix("http://").partition(":")
    return host, int(port)


def printed(app: Running, folder: Path, looker: Looker) -> str:
    """Words first, then the page with the function: the text that a person marks and copies."""
    folder.mkdir()
    with Circuit(target(app), told=True) as circuit, Firefox(folder, proxy=circuit.place) as page:
        page.open(f"{circuit.origin}/en/write")
        page.type("Your message", "I have the files of the whole station.")
        page.press("Send")
        page.unfold("Very large files, or a connection that keeps breaking: send in parts from Tails")
        page.press("Make a slip")
        looker.look(page, "slip")
        (pasted,) = page.texts("pre")
        return pasted + "\n"


def joined(organisation: Throwaway, store: Store) -> dict[str, bytes]:
    """The files that a seat makes of the parts it was sent, by name: each part once."""
    sets: dict[str, list[Opened]] = {}
    for one in organisation.opened(store):
        if one.header.kind == "file":
            sets.setdefault(str(one.header.fields["set"]), []).append(one)
    found = {}
    for parts in sets.values():
        parts.sort(key=lambda one: int(str(one.header.fields["part"])))
        assert [one.header.fields["part"] for one in parts] == list(range(1, len(parts) + 1))
        assert {one.header.fields["parts"] for one in parts} == {len(parts)}
        found[str(parts[0].header.fields["name"])] = b"".join(one.body for one in parts)
    return found


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash --norc -i"], ids=["a plain shell", "as typed into bash"])
def test_the_printed_function_sends_a_file_from_a_plain_debian(
    organisation: Throwaway, store: Store, app: Running, tmp_path: Path, looker: Looker, shell: str
) -> None:
    """Through a circuit that is cut twice, whole, each part once; nothing but the cut parts was sent again, and only the onion was asked for."""
    walk = tmp_path / "walk"
    walk.mkdir(mode=0o755)
    content = random.Random(7).randbytes(BYTES)
    (walk / NAME).write_bytes(content)
    # What the file manager gives the terminal when the file is dragged there, and what a person can type.
    (walk / "typed").write_text(printed(app, tmp_path / "phone", looker) + "send ./*\n")
    with (
        staged(walk, "typed", shell) as (command, listener),
        Circuit(target(app), told=True, speed=SPEED, listener=listener) as circuit,
    ):
        circuit.cut_after(PART + PART // 2, 2 * PART)
        said = command.wait(SECONDS)
    assert said.code == 0, said
    assert said.output.count("complete\n") == 2, said
    assert circuit.cuts == 2
    assert circuit.refused == []
    assert circuit.sent <= BYTES + 2 * PART + 16 * AROUND, said
    assert content in joined(organisation, store).values()
