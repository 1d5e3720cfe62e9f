# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A checkup: every check there is, in one run of less than a minute, as one report.

The onions are asked while everything else is looked at: what takes long there is waiting. A check that breaks is a finding like any other that
could not be made, and stops no other.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from deploy import host as places
from deploy.doctor import modes, read_host, read_server, system_files
from deploy.doctor.apart import Apart, begun, nobody_looked
from deploy.doctor.finding import Finding, Report, unknown
from deploy.doctor.machine import Check, Machine, Seen, Unseen, look
from deploy.doctor.read_server import Server
from deploy.errors import CannotLookError
from deploy.settings import Settings, load
from journalist_app.desk import watch_keys
from store import reviewers
from store.engine import open_store

WHY_BROKEN: Final = "What was not looked at may be wrong."
FIX_BROKEN: Final = "This is a fault of doctor: tell the people who maintain dengwen the name of this check. The report says nothing about sources and may be shown to them."


def examine(folder: Path, *, at: datetime.datetime, machine: Machine | None = None, host: bool = True) -> Report:
    """
    Look a server over.

    Args:
        folder: The server's.
        at: Now, UTC.
        machine: Where it runs; this one unless a test gives another.
        host: Whether the machine and its onions are looked at too.
    """
    server = Server(folder=folder, at=at, machine=machine or Machine())
    if not host:
        return Report(at=at, findings=tuple(made("server", read_server.checks(server))))
    if folder != places.FOLDER:
        return _with_host(server, lambda: made("server", read_server.checks(server)), _people)
    with ExitStack() as stack:
        try:
            apart = stack.enter_context(begun("doctor", "--no-host", "--json", "--dir", folder))
        except CannotLookError as error:
            nobody = nobody_looked(str(error))
            return _with_host(server, lambda: (nobody,), _people_apart)
        return _with_host(server, lambda: _and_files(apart, server), _people_apart)


def _and_files(apart: Apart, server: Server) -> Iterator[Finding]:
    # What takes no time, while the other looks; care's account does not see into every folder.
    by_files = tuple(made(system_files.WHAT, system_files.checks(server.folder, server.machine)))
    by_modes = tuple(made(modes.WHAT, read_server.of_modes(server)))
    found = apart.findings()
    yield from (one for one in found if one.what != modes.WHAT)
    yield from by_modes if any(one.what == modes.WHAT for one in found) else ()
    yield from by_files


def _with_host(server: Server, of_server: Callable[[], Iterable[Finding]], people: Callable[[Server], int]) -> Report:
    # stem comes with it, which a demo does without.
    from deploy.doctor import read_onions  # noqa: PLC0415

    machine, folder, at = server.machine, server.folder, server.at
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(read_onions.services, machine.deadline, read_onions.Places())
        on_host = tuple(made("host", read_host.checks(machine, at.date())))
        found = (*of_server(), *on_host)

        def of_onions() -> Iterator[Check]:
            yield from read_onions.checks(asked.result(), *_knockers(server, people), str(folder))

        return Report(at=at, findings=(*made("onions", of_onions()), *found))


def made(group: str, checks: Iterable[Check]) -> Iterator[Finding]:
    """
    Make checks one after the other. One that breaks becomes a finding.

    Args:
        group: What they are of, for when they cannot even be listed.
        checks: Each with its name.
    """
    try:
        for name, check in checks:
            yield _tried(name, check)
    except Exception as error:  # noqa: BLE001 (as in `_tried`)
        yield unknown(group, f"an unexpected {type(error).__name__}", why=WHY_BROKEN, fix=FIX_BROKEN)


def _tried(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except CannotLookError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 (whatever breaks one check, the others are still told)
        # Its own text can carry paths and values.
        reason = f"an unexpected {type(error).__name__}"
    return unknown(name, reason, why=WHY_BROKEN, fix=FIX_BROKEN)


def _people(server: Server) -> int:
    with closing(open_store(load(server.folder).store)) as found:
        return sum(not one.disabled for one in reviewers.everyone(found))


def _people_apart(server: Server) -> int:
    with begun("person-list", "--dir", server.folder) as apart:
        return apart.people()


def _knockers(server: Server, people: Callable[[Server], int]) -> tuple[Seen[int], Seen[int]]:
    settings: Seen[Settings] = look(lambda: load(server.folder))
    if isinstance(settings, Unseen):
        return settings, settings
    return look(lambda: people(server)), look(lambda: len(watch_keys.names(settings.desk.watch_keys)))
