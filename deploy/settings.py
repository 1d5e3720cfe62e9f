# SPDX-License-Identifier: AGPL-3.0-or-later
"""
dengwen.toml, read into the frozen settings of each app and of tor.

Promises: every key of every table stands in the file and no other does; paths are relative to the file's folder.
Refuses: unknown keys, missing keys, wrong types. There are no defaults here on purpose: what runs is what is written,
and an operator who reads the file has read everything. It holds no secret; keys lie in files of their own.
Leaves to others: the bounds of each value (the settings classes), and writing the first file (`server`).
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from deploy.errors import SettingsFileError
from deploy.torrc import OnionSettings
from journalist_app.desk.settings import DeskSettings
from source_app.settings import SourceSettings

NAME = "dengwen.toml"
MAX_FILE = 65_536
# Told to both apps once, at the top of the file.
SHARED = ("organisation", "store")

AppSettings = TypeVar("AppSettings", SourceSettings, DeskSettings, OnionSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    One installation.

    Args:
        folder: where dengwen.toml lies; everything else is beside it.
        organisation: the name on every page.
        store: folder of the store.
        source: settings of the source app.
        desk: settings of the desk.
        onion: settings of tor and its services.
    """

    folder: Path
    organisation: str
    store: Path
    source: SourceSettings
    desk: DeskSettings
    onion: OnionSettings


def load(folder: Path) -> Settings:
    """
    Read an installation's settings.

    Raises:
        SettingsFileError: the file is missing, or not exactly what this version needs.
    """
    path = folder / NAME
    try:
        raw = path.read_bytes()[: MAX_FILE + 1]
        if len(raw) > MAX_FILE:
            raise SettingsFileError(f"{path}: longer than {MAX_FILE} bytes")
        given = tomllib.loads(raw.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsFileError(f"{path}: {error}") from None
    refuse_difference(str(path), given, {*SHARED, "source", "desk", "onion"})
    shared: dict[str, object] = {"organisation": given["organisation"], "store": folder / str(given["store"])}
    source = build(SourceSettings, given["source"], shared, folder, f"{path} [source]")
    desk = build(DeskSettings, given["desk"], shared, folder, f"{path} [desk]")
    onion = build(OnionSettings, given["onion"], {}, folder, f"{path} [onion]")
    return Settings(
        folder=folder, organisation=source.organisation, store=source.store, source=source, desk=desk, onion=onion
    )


def build(
    kind: type[AppSettings], given: object, shared: Mapping[str, object], folder: Path, where: str
) -> AppSettings:
    """
    Make the settings of one table: each field by its own name and type, paths below the folder.
    """
    if not isinstance(given, dict):
        raise SettingsFileError(f"{where}: a table is needed")
    fields = {field.name: str(field.type) for field in dataclasses.fields(kind) if field.name not in SHARED}
    refuse_difference(where, given, set(fields), folder)
    values = dict(shared)
    for name, written in fields.items():
        values[name] = convert(given[name], written, folder, f"{where} {name}")
    try:
        return kind(**values)  # type: ignore[arg-type]
    except ValueError as error:
        raise SettingsFileError(f"{where}: {error}") from None


def convert(value: object, written: str, folder: Path, where: str) -> object:
    """
    One value, of the type its field is written with. bool is an int to Python, and must not be one here.
    """
    wanted = {"int": int, "str": str, "bool": bool, "Path": str}[written]
    if type(value) is not wanted:
        raise SettingsFileError(f"{where}: {written} expected")
    return folder / str(value) if written == "Path" else value


def refuse_difference(where: str, given: Mapping[str, object], wanted: set[str], folder: Path | None = None) -> None:
    """
    Args:
        where: To be named in the refusal.
        given: What stands there.
        wanted: What is to stand there.
        folder: Of the server, if `upgrade` can add what is missing.

    Raises:
        SettingsFileError: naming what is unknown and what is missing.
    """
    unknown, missing = sorted(set(given) - wanted), sorted(wanted - set(given))
    if unknown or missing:
        parts = [f"unknown: {', '.join(unknown)}"] * bool(unknown) + [f"missing: {', '.join(missing)}"] * bool(missing)
        # An older version's file: `upgrade` knows the first values.
        way = f". Type: dengwen server upgrade --dir {folder}" if folder and missing and not unknown else ""
        raise SettingsFileError(f"{where}: {'; '.join(parts)}{way}")
