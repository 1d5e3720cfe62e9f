# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The source's onion in dengwen.toml: written there once tor has made the address, so that the pages tell a visitor who came another way.

Promises: nothing but that one value changes, and what an operator wrote around it stays. Knows no other address than the one tor has: a mistake here would
turn every source away.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from deploy import host, onion_keys
from deploy.errors import OnionKeyError, SetupError
from deploy.keeping import read_small, write_whole
from deploy.settings import MAX_FILE, NAME, Settings

_TABLE: Final = re.compile(r"^\[source\][^\n]*\n(?:(?!\[)[^\n]*\n)*", re.MULTILINE)
_VALUE: Final = re.compile(r"""^(onion[ \t]*=[ \t]*)(?:"[^"\n]*"|'[^'\n]*')""", re.MULTILINE)


def unnamed(settings: Settings, root: Path) -> str:
    """
    Args:
        settings: Of the server.
        root: Where the server's file system begins.

    Returns:
        The source's onion, if tor has made it and the settings name another or none; else nothing.
    """
    try:
        found = f"{onion_keys.address(root / host.SOURCE_ONION.relative_to('/'))}.onion"
    except OnionKeyError:
        # Tor has not started yet, or doctor will say what is wrong with it.
        return ""
    return "" if found == settings.source.onion else found


def name_it(folder: Path, onion: str) -> None:
    """
    Write the address into a server's dengwen.toml.

    Raises:
        SetupError: There is no place for it, or it cannot be written.
    """
    path = folder / NAME
    try:
        before = read_small(path, MAX_FILE).decode()
        after = with_onion(before, onion)
        write_whole(path, after.encode(), mode=path.stat().st_mode & 0o777)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise SetupError(f'{path}: write onion = "{onion}" in [source] yourself') from None


def with_onion(text: str, onion: str) -> str:
    """
    Args:
        text: Of dengwen.toml.
        onion: The address.

    Returns:
        The same with the address in [source].

    Raises:
        ValueError: It has no such line, or more would change than its value.
    """
    table = _TABLE.search(text)
    line = _VALUE.search(text, table.start(), table.end()) if table else None
    if line is None:
        raise ValueError("no line for it")
    after = f'{text[: line.start()]}{line[1]}"{onion}"{text[line.end() :]}'
    wanted = tomllib.loads(text)
    wanted["source"]["onion"] = onion
    if tomllib.loads(after) != wanted:
        raise ValueError("that line is not what it looks like")
    return after
