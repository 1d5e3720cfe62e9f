# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A source who trusts no server with anything: sealed on their own machine, sent like any file, read at every seat it was sealed to.
"""

from __future__ import annotations

import base64
import secrets

import pytest

from journalist_app.vault import epochs, sealed_before
from journalist_app.vault.errors import ForeignSealError
from journalist_app.vault.pgp_key import make_once
from journalist_app.vault.sealed_before import sealed_item
from tests.interop.second import second_implementation
from tests.journalist_app.vault.beforehand import GnuPG
from tests.journeys.world import World
from tests.source_app.window import Window

TEXT = "派出所的名单在这里。".encode()


def recipients(window: Window) -> list[str]:
    """What age reads of the page for those who seal beforehand."""
    page = window.client.get("/recipients.txt")
    assert page.status_code == 200
    return [line for line in page.text.splitlines() if line and not line.startswith("#")]


def sealed(plaintext: bytes, to: list[str], *, armor: bool = False) -> bytes:
    """The same as `age --recipients-file recipients.txt`, by an age that shares no code with ours."""
    asked = [{"recipients": to, "plaintext": base64.b64encode(plaintext).decode(), "armor": armor}]
    return base64.b64decode(second_implementation()("seal.mjs", asked)[0]["file"])


def opened(world: World, seat: int, words: str) -> dict[str, bytes]:
    """What one seat opens of a thread, by the names it gives."""
    found = {}
    vault = world.vaults[seat]
    for one in world.thread(seat, world.thread_value(words)).items:
        inside = sealed_before.opened(vault, sealed_item(vault, one.row.item), lambda: True)
        found[inside.name] = b"".join(inside.chunks)
    return found


def test_sealed_by_age_to_the_published_recipients_and_opened_at_every_seat(world: World) -> None:
    """A file as age makes it, and words that were pasted in armor: each seat reads what was sealed."""
    window = Window(world, "zh-Hans")
    to = recipients(window)
    assert len(to) == 3
    plaintext = secrets.token_bytes(3 << 20)
    words = window.write(sealed(TEXT, to, armor=True).decode())
    window.go("thread")
    window.send("answer", ("report.age", sealed(plaintext, to)), message="")
    assert window.page.status_code == 200
    world.carry()
    for seat in world.vaults:
        assert opened(world, seat, words) == {"message": TEXT, "report": plaintext}
        assert world.alarms(seat) == []


def test_what_was_sealed_stays_readable_when_its_epoch_is_gone(world: World) -> None:
    """Closed by every seat, its seeds destroyed by every rule, before anybody opened the file: the import kept its key."""
    window = Window(world)
    words = window.write("see the file", ("report.age", sealed(TEXT, recipients(window))))
    late = sealed(TEXT, recipients(window))
    world.carry()
    for days, through in ((15, 0), (15, 1)):
        world.calendar.turn(days)
        world.carry()
        epochs.close_through(world.vaults[1], through)
        for seat in world.vaults:
            world.send(seat)
    world.calendar.turn(15)
    world.carry()
    for vault in world.vaults.values():
        assert epochs.destroy(vault) == (0, 1)
    window = Window(world)
    window.come_back(words)
    window.send("answer", ("late.age", late), message="")
    world.carry()
    for seat, vault in world.vaults.items():
        files = [one.row for one in world.thread(seat, world.thread_value(words)).items if one.row.kind == "file"]
        first = next(row.item for row in files if row.name == "report.age")
        inside = sealed_before.opened(vault, sealed_item(vault, first), lambda: True)
        assert b"".join(inside.chunks) == TEXT
        second = next(row.item for row in files if row.name == "late.age")
        with pytest.raises(ForeignSealError, match="whose epoch was destroyed"):
            sealed_before.opened(vault, sealed_item(vault, second), lambda: True)


def test_sealed_by_gnupg_to_the_keys_of_two_seats(world: World) -> None:
    """The other way sources may know: each of the two seats opens it, with the recipients hidden."""
    source = GnuPG()
    try:
        keys = [source.take(make_once(world.vaults[seat]).public) for seat in (1, 2)]
        raw = source.seal(TEXT * 9_999, *keys, more=["--throw-keyids"])
        text = source.seal(TEXT, *keys, more=["--armor"])
    finally:
        source.close()
    window = Window(world)
    words = window.write(text.decode(), ("report.zip.gpg", raw))
    world.carry()
    for seat in (1, 2):
        assert opened(world, seat, words) == {"message": TEXT, "report.zip": TEXT * 9_999}
    with pytest.raises(ForeignSealError, match="no OpenPGP key"):
        opened(world, 3, words)
