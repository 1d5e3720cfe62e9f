# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody carries the whole server away, not only its store: every file we put on it, tor's folders included.

Played with all of them after a busy day. What is found is listed in plain words, and a file, a name or a key that is not on the list fails here.
They hold the onion keys, and can stand in for the service until it is announced dead. They still do not learn a word.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy import desk_keys, host, onion_keys, watch_keys
from deploy.doctor.checkup import examine
from deploy.doctor.read_server import write_whole
from deploy.render import render, write_below
from deploy.search import Search
from deploy.settings import load
from tests.attacks.busy import Busy, spellings

ONIONS = (host.SOURCE_ONION, host.DESK_ONION)
#: What may lie where, beside what `render` wrote and what test_takes_the_disk.py knows of the store.
KNOWN = (
    r"var/lib/dengwen/(dengwen\.toml|server-public\.json|keys/server\.json|doctor/space\.json|watch-keys/\w+|texts/[\w.-]+)",
    r"var/lib/dengwen/store/(dengwen\.db(-wal|-shm)?|gate|blobs/[0-9a-f]{2}/[0-9a-f]{32})",
    r"var/lib/tor/dengwen-(source|desk)/(hs_ed25519_secret_key|hostname)",
    r"var/lib/tor/dengwen-desk/authorized_clients/\w+\.auth",
    r"run/dengwen/doctor\.json",
)


@dataclass
class Seized:
    """
    Args:
        root: Where the server's file system begins.
        rendered: What `render` wrote there.
        elsewhere: Secrets that belong to people's own machines, by what they are.
    """

    root: Path
    rendered: frozenset[str]
    elsewhere: list[tuple[str, bytes]]

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every file, by its path on the server."""
        for path in sorted(one for one in self.root.rglob("*") if one.is_file()):
            yield str(path.relative_to(self.root)), path


@pytest.fixture(scope="module")
def seized(busy: Busy, tmp_path_factory: pytest.TempPathFactory) -> Seized:
    """An installed server's files: the busy one's folder, the system around it, the onions, keys for two people, a report."""
    root = tmp_path_factory.mktemp("seized") / "root"
    folder = root / host.FOLDER.relative_to("/")
    settings = load(busy.taken)
    fitting = dataclasses.replace(
        settings,
        source=dataclasses.replace(settings.source, bind=f"unix:{host.SOURCE_SOCKET}", circuits=True),
        desk=dataclasses.replace(settings.desk, bind=f"unix:{host.DESK_SOCKET}", circuits=True, doctor=host.REPORT),
    )
    files = render(fitting)
    write_below(root, files)
    shutil.copytree(busy.taken, folder)
    elsewhere: list[tuple[str, bytes]] = []
    for onion in ONIONS:
        place = root / onion.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        onion_keys.install(place, _onion_key(root.parent / f"{onion.name}.key"))
    for name in ("amber", "birch"):
        desk_key = desk_keys.add(root / host.DESK_ONION.relative_to("/"), name)
        elsewhere.append((f"{name}'s key of the desk's onion", desk_key.private.encode()))
        elsewhere += [(f"{name}'s key of the desk's onion", one) for one in spellings(_raw(desk_key.private))]
        watch_key = watch_keys.add(folder, name)
        elsewhere += [(f"{name}'s watch key", watch_key.encode()), (f"{name}'s watch key", bytes.fromhex(watch_key))]
    report = examine(folder, at=datetime.datetime.now(datetime.UTC), host=False)
    place = root / host.REPORT.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, report.encode())
    return Seized(root, frozenset(str(path.relative_to("/")) for path in files), elsewhere)


def _onion_key(path: Path) -> Path:
    expanded = bytearray(hashlib.sha512(secrets.token_bytes(32)).digest())
    expanded[0] &= 248
    expanded[31] = (expanded[31] & 63) | 64
    path.write_bytes(b"== ed25519v1-secret: type0 ==\0\0\0" + expanded)
    return path


def _raw(private: str) -> bytes:
    return base64.b32decode(private + "=" * (-len(private) % 8))


def test_there_is_no_file_on_the_server_that_is_not_known(seized: Seized) -> None:
    """A program that begins to write somewhere else is noticed."""
    unknown = [
        name
        for name, _ in seized.files()
        if name not in seized.rendered and not any(re.fullmatch(pattern, name) for pattern in KNOWN)
    ]
    assert unknown == []


def test_nothing_that_was_said_or_named_is_on_the_server(seized: Seized, busy: Busy) -> None:
    """Words, pieces and names of files, codenames, passphrases: in no file of the whole system."""
    search = Search(list(busy.words()))
    search.folder(seized.root)
    assert search.found == []
    assert search.files > 40


def test_no_private_key_of_anybody_else_is_on_the_server(seized: Seized, busy: Busy) -> None:
    """Not a seat's, not the root's, not a codename's; nor the halves that belong on people's own machines."""
    wanted = [(what, spelling) for what, secret in busy.private_keys() for spelling in spellings(bytes(secret))]
    search = Search([*wanted, *seized.elsewhere])
    search.folder(seized.root)
    assert search.found == []


def test_what_is_found_in_plain_words(seized: Seized) -> None:
    """All that the machine holds beyond its store: what an organisation must reckon with when the door is broken down."""
    names = [name for name, _ in seized.files()]
    report = (seized.root / host.REPORT.relative_to("/")).read_text()
    found = {
        "keys to stand in for an onion": [name for name in names if name.endswith("hs_ed25519_secret_key")],
        "the server's own private keys": [name for name in names if "/keys/" in name],
        "who may reach the desk": [
            Path(name).stem for name in names if name.endswith(".auth") and "nobody" not in name
        ],
        "whose machines watch": [Path(name).name for name in names if "/watch-keys/" in name],
        "moments in doctor's report": sorted(set(re.findall(r"\d{4}-\d{2}-\d{2}T|\d{2}:\d{2}:\d{2}", report))),
        "addresses of anybody": sorted(
            {
                found.decode()
                for _, path in seized.files()
                for found in re.findall(
                    rb"(?<![\d.])(?!127\.|0\.0\.|224\.)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])", path.read_bytes()
                )
                if path.suffix in {".conf", ".json", ".toml"} or path.name in {"torrc", "space.json"}
            }
        ),
    }
    assert found == {
        "keys to stand in for an onion": [
            "var/lib/tor/dengwen-desk/hs_ed25519_secret_key",
            "var/lib/tor/dengwen-source/hs_ed25519_secret_key",
        ],
        "the server's own private keys": ["var/lib/dengwen/keys/server.json"],
        "who may reach the desk": ["amber", "birch"],
        "whose machines watch": ["amber", "birch"],
        "moments in doctor's report": [],
        "addresses of anybody": [],
    }


def test_the_list_would_name_what_it_does_not_expect(seized: Seized, busy: Busy) -> None:
    """A sentence of a source in a file of its own is found, and the file as well."""
    planted = seized.root / "var/lib/dengwen/notes.txt"
    planted.write_bytes(next(iter(busy.words()))[1])
    try:
        search = Search(list(busy.words()))
        search.folder(seized.root)
        assert len(search.found) == 1
        with pytest.raises(AssertionError):
            test_there_is_no_file_on_the_server_that_is_not_known(seized)
    finally:
        planted.unlink()
