# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server's folder that an older version made: settings that are new get their first values, the store gets the tables of this version.

Promises: what an operator wrote stays, letter for letter; a line is added and none is changed. Doing it again has no effect. Settings that this version
does not know any more are not taken away: `load` names them.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from deploy.keeping import read_small, write_whole
from deploy.settings import MAX_FILE, NAME, SHARED
from deploy.torrc import OnionSettings
from journalist_app.desk.settings import DeskSettings
from source_app.settings import SourceSettings

TABLES: Final[Mapping[str, type]] = {"source": SourceSettings, "desk": DeskSettings, "onion": OnionSettings}


def settings(folder: Path) -> tuple[str, ...]:
    """
    Write the settings that are new into a server's dengwen.toml.

    Args:
        folder: The server's.

    Returns:
        The lines that were added, each with its table.

    Raises:
        DeployError: The file cannot be read or written, or is none.
    """
    path = folder / NAME
    try:
        before = read_small(path, MAX_FILE).decode()
        after, added = with_new(before)
        if added:
            write_whole(path, after.encode(), mode=path.stat().st_mode & 0o777)
    except OSError as error:
        raise DeployError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DeployError(f"{path}: {error}") from None
    return added


def with_new(text: str) -> tuple[str, tuple[str, ...]]:
    """
    Args:
        text: Of dengwen.toml.

    Returns:
        The same with every setting that has a first value and is not there, below the line that begins its table; and what was added.

    Raises:
        ValueError: It is no TOML, or a table does not begin on a line of its own.
    """
    wanted, added = tomllib.loads(text), []
    for table, kind in TABLES.items():
        given = wanted.get(table)
        if not isinstance(given, dict):
            raise ValueError(f"[{table}] is not there")  # noqa: TRY004 (what is refused is the text)
        new = {
            field.name: str(field.default) if isinstance(field.default, Path) else field.default
            for field in dataclasses.fields(kind)
            if field.name not in {*SHARED, *given} and isinstance(field.default, (str, int, Path))
        }
        if not new:
            continue
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in new.items()]
        head = re.search(rf"^\[{table}\][^\n]*$", text, re.MULTILINE)
        more = "".join(f"\n{line}" for line in lines)
        after = "" if head is None else f"{text[: head.end()]}{more}{text[head.end() :]}"
        given.update(new)
        if tomllib.loads(after) != wanted:
            raise ValueError(f"write these into [{table}] yourself: {'; '.join(lines)}")
        text = after
        added += [f"[{table}] {line}" for line in lines]
    return text, tuple(added)
