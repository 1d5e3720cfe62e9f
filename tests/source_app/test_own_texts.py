# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The operator's folder: what holds is shown, what does not is named, and nothing that lies there stops the app or leads out of the folder.
"""

from __future__ import annotations

import base64
import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from source_app import own_texts, shelf
from source_app.errors import TextError
from source_app.picture import MAX_BYTES, require_picture
from source_app.public_key import armored
from source_app.static_files import FOLDER as STATIC
from tests.source_app.pictures import HOSTILE, png
from tests.source_app.window import House, Window

OURS = shelf.shipped()["before", "en"].title
MINE = "2026-12-01\n\n# My own\n\nTake care.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "texts"
    place.mkdir()
    return place


def window(folder: Path, language: str = "en", **settings: object) -> Window:
    return Window(House.open(folder.parent, texts=folder, **settings), language)


def test_a_folder_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    """Nobody has to have texts of their own."""
    assert own_texts.read(tmp_path / "none") == own_texts.Own()


def test_an_operators_text_stands_in_place_of_ours(folder: Path) -> None:
    """With its own day; the other topics stay."""
    (folder / "before.en.txt").write_text(MINE)
    shown = window(folder)
    assert "My own" in shown.go("guidance/before").text
    assert "As of 2026-12-01" in shown.html
    assert OURS not in shown.html
    assert shelf.shipped()["tor", "en"].title in shown.go("guidance/tor").text


def test_html_in_a_text_is_text(folder: Path) -> None:
    """In a title, a paragraph, an item and a command."""
    evil = '<img src=x onerror="alert(1)">&lt;'
    (folder / "before.en.txt").write_text(f"2026-12-01\n\n# {evil}\n\n{evil}\n\n- {evil}\n\n$ <script>\n")
    (folder / "welcome.en.txt").write_text(f"2026-12-01\n\n# {evil}\n\n{evil}\n")
    shown = window(folder)
    assert shown.go("guidance/before").text.count("&lt;img src=x onerror=&#34;alert(1)&#34;&gt;&amp;lt;") == 3
    assert "<span>&lt;script&gt;</span>" in shown.html
    assert "<img src=x" not in shown.html
    assert shown.go("").text.count("&lt;img src=x") == 3
    assert "<img src=x" not in shown.html


@pytest.mark.parametrize(
    ("name", "lay"),
    [
        ("before.en.txt", lambda path: path.symlink_to("/etc/passwd")),
        ("before.en.txt", os.mkfifo),
        ("before.en.txt", Path.mkdir),
        ("before.en.txt", lambda path: path.write_text("no day")),
        ("before.en.txt", lambda path: path.write_text(MINE.replace("care", "c\u202eera"))),
        ("before.en.txt", lambda path: path.write_bytes(MINE.encode() + bytes(64 << 20))),
        ("before.en.txt", lambda path: path.symlink_to("before.en.txt")),
        ("logo.png", os.mkfifo),
        ("logo.png", lambda path: path.symlink_to("/dev/zero")),
        ("openpgp-1.asc", os.mkfifo),
        ("openpgp-1.asc", lambda path: path.write_bytes(b"\0" * (64 << 20))),
        ("welcome.en.txt", lambda path: path.write_text(MINE + "\nx" * 4 + "\n" + "y" * 900 + "\n")),
        ("welcome.en.txt", lambda path: path.write_text(MINE + ("\n" + "é" * 990 + "\n") * 2)),
        ("before.txt", lambda path: path.write_text(MINE)),
        ("before.de.txt", lambda path: path.write_text(MINE)),
        ("\x1b[31m.en.txt", lambda path: path.write_text(MINE)),
    ],
    ids=[
        "symlink", "FIFO", "folder", "no text", "bidi override", "oversize", "symlink to itself", "FIFO logo", "symlink logo", "FIFO key",
        "oversize key", "bad welcome", "long welcome", "no language", "no language of ours", "a name that a terminal obeys",
    ],
)  # fmt: skip
def test_what_does_not_hold_is_named_and_ours_is_shown(
    folder: Path, name: str, lay: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """At once, without waiting or following; the app starts and says in its log what it passed over."""
    lay(folder / name)
    with caplog.at_level("WARNING", "source_app"):
        shown = window(folder)
    said = [one.getMessage() for one in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("texts: ")
    assert said[0].isprintable()
    assert ascii(name)[1:-1].replace("\\\\", "\\") in said[0]
    assert OURS in shown.go("guidance/before").text
    assert "root:" not in shown.html


def test_nothing_stays_open_of_what_was_looked_at(folder: Path) -> None:
    """Whatever lay there: the master that reads it gives what it holds to every worker."""
    for name in ("before.en.txt", "tor.en.txt", "logo.png"):
        (folder / name).mkdir()
    os.mkfifo(folder / "openpgp-1.asc")
    before = len([*Path("/proc/self/fd").iterdir()])
    assert len(own_texts.read(folder).troubles) == 4
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_folder_that_cannot_be_listed_does_not_stop_the_app(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with faults, say: what has a name of ours is read all the same."""

    def broken(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    (folder / "before.en.txt").write_text(MINE)
    monkeypatch.setattr(os, "scandir", broken)
    found = own_texts.read(folder)
    assert found.troubles == ("its names cannot be listed: Input/output error",)
    assert found.texts["before", "en"].title == "My own"


def test_a_folder_that_is_a_link_or_a_file_is_named(tmp_path: Path) -> None:
    """And nothing in it read."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("/etc")
    for name in ("file", "link"):
        found = own_texts.read(tmp_path / name)
        assert (len(found.troubles), dict(found.texts), found.logo) == (1, {}, None)


def test_a_crowd_of_files_is_not_read_to_its_end(folder: Path) -> None:
    """Neither are all of its names told."""
    for number in range(own_texts.MAX_NAMES + 50):
        (folder / f"{number}.txt").touch()
    assert len(own_texts.read(folder).troubles) == own_texts.MAX_TROUBLES


def test_what_is_being_written_is_no_trouble(folder: Path) -> None:
    """A name with a dot before it is an editor's, or the logo's on its way."""
    (folder / ".logo.png.77").write_bytes(b"half")
    assert own_texts.read(folder) == own_texts.Own()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_logo_never_reaches_a_browser(folder: Path, name: str) -> None:
    """Polyglots, bombs, animations, wrong checksums: the icon is shown in its place, and no page points to a logo."""
    (folder / "logo.png").write_bytes(HOSTILE[name])
    with pytest.raises(TextError):
        require_picture(HOSTILE[name])
    shown = window(folder)
    served = shown.client.get("/static/logo.png")
    assert served.data == (STATIC / "icon.png").read_bytes()
    assert "logo.png" not in shown.go("").text


def test_a_clean_logo_is_served_as_it_is_and_stands_on_every_page(folder: Path) -> None:
    """As a picture, and as nothing else."""
    (folder / "logo.png").write_bytes(png())
    shown = window(folder)
    served = shown.client.get("/static/logo.png")
    assert (served.data, served.headers["Content-Type"]) == (png(), "image/png")
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert all('src="/static/logo.png" alt=""' in shown.go(name).text for name in ("", "write", "guidance/tor"))
    assert len(png()) <= MAX_BYTES


def exported(folder: Path, *people: str, private: bool = False) -> bytes:
    """Throwaway keys, as gpg writes them out."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700, exist_ok=True)
    gpg = ["gpg", "--batch", "--quiet", "--homedir", str(home), "--pinentry-mode", "loopback", "--passphrase", ""]
    for one in people:
        subprocess.run([*gpg, "--quick-gen-key", one, "ed25519", "default", "never"], check=True, capture_output=True)
    what = "--export-secret-keys" if private else "--export"
    done = subprocess.run([*gpg, "--armor", what], check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True, capture_output=True)
    return done.stdout


def test_a_public_key_is_handed_out_and_gpg_reads_it(folder: Path, tmp_path: Path) -> None:
    """Byte for byte the same key, without the lines beside it; the seal page leads there."""
    key = exported(tmp_path, "Centre 中心 <desk@example.org>")
    (folder / "openpgp-1.asc").write_bytes(key.replace(b"-----\n\n", b"-----\nComment: <b>hello</b>\n\n", 1))
    shown = window(folder)
    assert 'href="/openpgp-1.asc"' in shown.go("guidance/seal").text
    served = shown.client.get("/openpgp-1.asc")
    assert served.headers["Content-Type"].startswith("text/plain")
    assert len(served.data) == 32 << 10
    assert b"Comment" not in served.data
    assert served.data.rstrip() == key.rstrip()
    read = subprocess.run(["gpg", "--batch", "--show-keys", "-"], input=served.data, capture_output=True, check=True)
    assert "Centre 中心" in read.stdout.decode()


def test_each_reviewing_machine_may_have_a_key_of_its_own(folder: Path, tmp_path: Path) -> None:
    """The seal page leads to each; one that does not hold is passed over, and named."""
    for number, name in enumerate(("one", "two"), 1):
        home = tmp_path / name
        home.mkdir()
        (folder / f"openpgp-{number}.asc").write_bytes(exported(home, name))
    (folder / "openpgp-3.asc").write_text("no key")
    shown = window(folder)
    page = shown.go("guidance/seal").text
    assert [number for number in range(1, 17) if f'href="/openpgp-{number}.asc"' in page] == [1, 2]
    assert shown.client.get("/openpgp-1.asc").data != shown.client.get("/openpgp-2.asc").data
    assert shown.client.get("/openpgp-3.asc").status_code == 404
    assert any(line.startswith("openpgp-3.asc: ") for line in own_texts.read(folder).troubles)


def test_without_a_key_there_is_no_such_page(folder: Path) -> None:
    """And no link to it."""
    shown = window(folder)
    assert shown.client.get("/openpgp-1.asc").status_code == 404
    assert "/openpgp-1.asc" not in shown.go("guidance/seal").text


def test_a_private_key_is_never_handed_out(tmp_path: Path) -> None:
    """Neither as gpg writes it, nor under the head of a public one."""
    private = exported(tmp_path, "one", private=True)
    for raw in (private, private.replace(b"PRIVATE", b"PUBLIC")):
        with pytest.raises(TextError, match="PRIVATE"):
            armored(raw)


@pytest.mark.parametrize(
    "head",
    [
        b"\xc5\x04",
        b"\xc5\xff\0\0\0\x04",
        b"\xc5\xe2",
        b"\xc7\x04",
        b"\x94\x04",
        b"\x95\0\x04",
        b"\x97",
        b"\x9d\0\x04",
        b"\x9f",
    ],
    ids=bytes.hex,
)
def test_a_private_packet_behind_a_public_key_is_refused(tmp_path: Path, head: bytes) -> None:
    """In packets of the new form and the old one, with lengths of every kind; where the length is told in parts or not at all, unread."""
    one = exported(tmp_path, "one")
    packets = base64.b64decode(one.split(b"\n\n")[1].partition(b"\n=")[0])
    made = base64.encodebytes(packets + head + b"\x04key")
    with pytest.raises(TextError, match=r"PRIVATE|damaged"):
        armored(one.split(b"\n\n")[0] + b"\n\n" + made + one[one.index(b"-----END") :])


def test_what_is_not_one_public_key_is_refused(tmp_path: Path) -> None:
    """Two keys, two blocks, text around them, damage, nothing."""
    one = exported(tmp_path, "one")
    two = exported(tmp_path, "two")
    for raw in (
        one.replace(one.split(b"\n\n")[1].partition(b"-----END")[0], b"\n\n"),
        two,
        one + one,
        b"Hello\n" + one,
        one + b"\nHello",
        one.replace(b"KEY", b"KEI"),
        b"",
        one[:-60],
        one[:90],
    ):
        with pytest.raises(TextError):
            armored(raw)
    code = one.split(b"\n\n")[1].split(b"\n=")[0]
    for packets in (b"\xff" * 64, code[:40], b"AAAA", b"xf8="):
        with pytest.raises(TextError):
            armored(one.replace(code, packets))
