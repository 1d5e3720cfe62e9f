# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every file that an installed server's system is made of, from its settings and `host`: units, torrc, firewall, profiles, and the rest.

`templates/` holds them under the path each has on a server; what stands there between `$` is filled in from here, and nothing else changes.
Promises: the same settings give the same bytes. Refuses settings that these files would not fit, with what to write instead.
Leaves to others: the lines of torrc (`torrc`), and putting the files in their places (`setup`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template
from typing import Final, TypeAlias

from deploy import host
from deploy.errors import RenderError
from deploy.settings import Settings
from deploy.torrc import torrc

PARTS: Final = "parts"
#: Only there if SSH is reached by onion.
SSHD: Final = PurePosixPath("/etc/ssh/sshd_config.d/dengwen.conf")
TORRC: Final = PurePosixPath(host.TORRC)

#: Threads of a worker beyond those that answer: its main loop, and what a library may start.
OWN_TASKS: Final = 8
#: The main process, and what systemd and a stop add for a moment.
SPARE_TASKS: Final = 16
#: What locks memory asks for 32 MiB in each app (source_app/README.md).
LOCKED: Final = "64M"
#: 3 for each connection of a desk with the most threads that its settings allow.
DESK_FILES: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """
    A file as it is to be on the server.
    """

    text: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"


Files: TypeAlias = dict[PurePosixPath, Rendered]


def render(settings: Settings) -> Files:
    """
    All files of a server.

    Args:
        settings: Of the server. Where its folder is now does not matter: on a server it is `host.FOLDER`.

    Returns:
        Each by its path on the server, in the order of their paths.

    Raises:
        RenderError: The settings do not fit a server that these files make.
    """
    require_fitting(settings)
    words = _words(settings)
    files: Files = {path: Rendered(text=_filled(str(path), text, words)) for path, text in _templates()}
    if not settings.onion.ssh:
        del files[SSHD]
    files[TORRC] = Rendered(text=torrc(settings.onion))
    return dict(sorted(files.items()))


def write_below(folder: Path, files: Mapping[PurePosixPath, Rendered]) -> None:
    """
    Write rendered files below a folder, for somebody to read: each at its path, with its mode, belonging to whoever writes.

    Raises:
        RenderError: There is something in the folder already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RenderError(f"{folder} is not empty")
    for path, file in files.items():
        place = folder / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file.text, encoding="utf-8")
        place.chmod(file.mode)


def require_fitting(settings: Settings) -> None:
    """
    Refuse settings that would leave an app where tor does not look, or unable to read what tor sends.

    Raises:
        RenderError: naming the first of them.
    """
    for table, app, socket in (
        ("source", settings.source, host.SOURCE_SOCKET),
        ("desk", settings.desk, host.DESK_SOCKET),
    ):
        if app.bind != f"unix:{socket}":
            raise RenderError(f'[{table}] bind: on a server it is "unix:{socket}"')
        if not app.circuits:
            raise RenderError(f"[{table}] circuits: on a server it is true, because tor names the circuit first")
    for table, key, found, wanted in (
        ("desk", "doctor", settings.desk.doctor, host.REPORT),
        ("desk", "watch_keys", settings.desk.watch_keys, settings.folder / "watch-keys"),
        ("desk", "keys", settings.desk.keys, settings.folder / "keys/server.json"),
        ("source", "texts", settings.source.texts, settings.folder / "texts"),
    ):
        if found != wanted:
            written = wanted.relative_to(settings.folder) if wanted.is_relative_to(settings.folder) else wanted
            raise RenderError(f'[{table}] {key}: on a server it is "{written}"')
    if settings.store.parent != settings.folder:
        raise RenderError(f'store: on a server it is a folder of its own in {host.FOLDER}, like "store"')
    if re.fullmatch(r"[a-z][a-z0-9-]{0,31}", settings.store.name) is None:
        # It is written into units and profiles, where other signs have meanings.
        raise RenderError("store: a name of small letters, digits and hyphens")


def _templates() -> Iterator[tuple[PurePosixPath, str]]:
    root = resources.files("deploy") / "templates"
    yield from _below(root / "etc", PurePosixPath("/etc"))


def _below(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _below(one, path / one.name)
        else:
            yield path / one.name, one.read_text(encoding="utf-8")


def _words(settings: Settings) -> dict[str, str]:
    # gunicorn comes with it, which the verbs that render nothing do without.
    from source_app.process import FILES_PER_CONNECTION  # noqa: PLC0415
    from source_app.serve import open_connections  # noqa: PLC0415

    source, desk = settings.source, settings.desk
    words = {
        "code": host.CODE,
        "program": host.PROGRAM,
        "folder": host.FOLDER,
        "store": host.FOLDER / settings.store.name,
        "run": host.RUN,
        "report": host.REPORT,
        "source_socket": host.SOURCE_SOCKET,
        "desk_socket": host.DESK_SOCKET,
        "source_account": host.SOURCE_ACCOUNT,
        "desk_account": host.DESK_ACCOUNT,
        "care_account": host.CARE_ACCOUNT,
        "group": host.GROUP,
        "tor": host.TOR_ACCOUNT,
        "socks": ":".join(map(str, host.TOR_SOCKS)),
        "socks_host": host.TOR_SOCKS[0],
        "socks_port": host.TOR_SOCKS[1],
        "source_tasks": tasks(workers=source.workers, threads=source.threads + source.slots),
        "source_files": FILES_PER_CONNECTION * open_connections(source),
        "desk_tasks": tasks(workers=1, threads=desk.threads),
        "desk_files": DESK_FILES,
        "memlock": LOCKED,
    }
    filled = {name: str(word) for name, word in words.items()}
    root = resources.files("deploy") / "templates" / PARTS
    for part in root.iterdir():
        filled[part.name] = _filled(part.name, part.read_text(encoding="utf-8"), filled)
    return filled


def tasks(*, workers: int, threads: int) -> int:
    """
    What `TasksMax` must allow: every worker full, and one more that is on its way out while another takes its place.
    """
    return SPARE_TASKS + (workers + 1) * (threads + OWN_TASKS)


def _filled(name: str, text: str, words: Mapping[str, str]) -> str:
    try:
        return Template(text).substitute(words)
    except (KeyError, ValueError) as error:
        raise RenderError(f"template {name}: {error}") from None
