# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The folder in which an operator lays texts, a logo and OpenPGP keys: read once, when the app is made.

    before.en.txt …     in place of ours, by topic and language (`shelf.TOPICS`)
    welcome.en.txt …    for the first page
    logo.png            as `dengwen server logo` makes it
    openpgp-1.asc …     OpenPGP keys, one for each reviewing machine that has one

Promises: whatever lies there, the app starts. What does not hold is named, and ours stands in its place. Never follows a link, never waits for a pipe,
never reads more than a file may have. A folder that is not there is an empty one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from crypto.frame_header import MAX_SEATS
from source_app import picture, public_key, texts
from source_app.errors import TextError
from source_app.languages import LANGUAGES
from source_app.limits import KIB
from source_app.shelf import TOPICS, WELCOME
from source_app.texts import Text

LOGO: Final = "logo.png"
#: As many as a card has seats (crypto/README, T3): each vault has its own, and one file holds one, since gpg reads no second one from it.
KEYS: Final = tuple(f"openpgp-{number}.asc" for number in range(1, MAX_SEATS + 1))
#: Of a welcome, once it is on a page: it stands beside all that the first page says.
MAX_WELCOME: Final = 3 * KIB
#: Names that are looked at, and troubles that are told.
MAX_NAMES: Final = 256
MAX_TROUBLES: Final = 16
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Own:
    """
    What an operator laid there.

    Args:
        texts: by topic and language's path.
        logo: a picture that passed; None if ours is shown.
        keys: armored public keys, by the names of their files.
        troubles: what was passed over, and why; a line each.
    """

    texts: Mapping[tuple[str, str], Text] = field(default_factory=dict)
    logo: bytes | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()


def read(folder: Path) -> Own:
    """
    Args:
        folder: the operator's.
    """
    try:
        descriptor = os.open(folder, _LOOK | os.O_DIRECTORY)
    except FileNotFoundError:
        return Own()
    except OSError as error:
        return Own(troubles=(f"{folder}: {error.strerror}",))
    try:
        return _read(descriptor)
    finally:
        os.close(descriptor)


def _read(folder: int) -> Own:
    troubles: list[str] = []

    def of(name: str, most: int, reading: Callable[[bytes], Read]) -> Read | None:
        try:
            raw = _bytes(folder, name, most)
            return None if raw is None else reading(raw)
        except TextError as error:
            troubles.append(f"{name}: {error}")
        except OSError as error:
            troubles.append(f"{name}: {error.strerror}")
        return None

    found = {
        (topic, language): text
        for topic, language, name in _names()
        if (text := of(name, texts.MAX_BYTES, _welcome if topic == WELCOME else Text.read)) is not None
    }
    logo = of(LOGO, picture.MAX_BYTES, _picture)
    keys = {name: key for name in KEYS if (key := of(name, public_key.MAX_BYTES, public_key.armored)) is not None}
    try:
        troubles += _unknown(folder)
    except OSError as error:
        troubles.append(f"its names cannot be listed: {error.strerror}")
    return Own(found, logo, keys, tuple(troubles[:MAX_TROUBLES]))


def _names() -> Iterator[tuple[str, str, str]]:
    for topic in (*TOPICS, WELCOME):
        for language in LANGUAGES:
            yield topic, language.path, f"{topic}.{language.path}.txt"


def _bytes(folder: int, name: str, most: int) -> bytes | None:
    try:
        descriptor = os.open(name, _LOOK, dir_fd=folder)
    except FileNotFoundError:
        return None
    with ExitStack() as closing:
        # Of a folder, a file object takes no descriptor over.
        closing.callback(os.close, descriptor)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise TextError("no file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most + 1)


def _unknown(folder: int) -> Iterator[str]:
    known = {LOGO, *KEYS, *(name for _, _, name in _names())}
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in islice(entries, MAX_NAMES))
    # What begins with a dot is being written, or an editor's.
    yield from (f"{name!a}: no text has this name" for name in names if name not in known and name[0] != ".")


def _welcome(raw: bytes) -> Text:
    text = Text.read(raw)
    if text.weight > MAX_WELCOME:
        raise TextError(f"longer than {MAX_WELCOME // KIB} KiB, which is too much for the first page")
    return text


def _picture(raw: bytes) -> bytes:
    picture.require_picture(raw)
    return raw
