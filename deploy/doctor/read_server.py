# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking at a server's folder: its settings, its store, what is installed there, its seats, its room, its modes.

It reads, and writes two small files of its own in D/doctor: the day a large database was found whole, and the readings of the disk. The store it
opens as the apps do; nothing in it is changed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import care as nightly
from deploy import host
from deploy.doctor import guidance, organisation, sealing, silence, space, space_history, store_health
from deploy.doctor.finding import Finding, plain, unknown
from deploy.doctor.integrity import look_through
from deploy.doctor.machine import Check, Machine, Seen, Unseen, look
from deploy.doctor.modes import WHAT, owners_and_modes
from deploy.doctor.read_modes import nodes
from deploy.doctor.read_orphans import any_left_over
from deploy.doctor.read_silence import signs
from deploy.errors import CannotLookError
from deploy.keeping import read_small, write_whole
from deploy.settings import NAME, Settings, load
from source_app.limits import RESERVE_SHARE, SPACE_LEAST, content_of, free_for_files
from store import checkpoint, lanes, seats
from store.connections import DATABASE
from store.engine import Store, open_store
from store.sweep import missing

#: Doctor's own folder in the server's.
KEPT: Final = "doctor"
READINGS: Final = "space.json"
WHOLE: Final = "integrity"

WHY_SETTINGS: Final = "The apps start only with settings that are exactly what this version needs."


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    A server that is looked at.

    Args:
        folder: Its folder.
        at: Now, UTC.
        machine: Where it runs.
    """

    folder: Path
    at: datetime.datetime
    machine: Machine

    @property
    def day(self) -> datetime.date:
        """
        Today.
        """
        return self.at.date()


def checks(server: Server) -> Iterator[Check]:
    """
    Every check of a server's folder, in the order they are told.
    """
    settings = look(lambda: load(server.folder))
    yield "settings", lambda: settings_hold(settings, server.folder)
    if isinstance(settings, Unseen):
        return
    store = look(lambda: open_store(settings.store))
    name = str(server.folder)
    lane = store if isinstance(store, Unseen) else look(lambda: _strangers(server, settings, store))
    yield "store", lambda: store_health.opens(store.reason if isinstance(store, Unseen) else "", name)
    if not isinstance(store, Unseen):
        try:
            yield from _of_organisation(server, store)
            yield from _of_store(server, store)
        finally:
            # SQLite's own files go with the last connection: what doctor opened is not what it judges.
            store.close()
    yield from _of_space(server, settings, lane)
    yield guidance.WHAT, lambda: guidance.own(settings.source.texts)
    yield from of_modes(server)


def of_modes(server: Server) -> Iterator[Check]:
    """
    Owners and modes of the folder: nothing is opened for it.
    """
    settings = load(server.folder)
    found = nodes(server.folder, settings, server.machine, installed=server.folder == host.FOLDER)
    yield WHAT, lambda: owners_and_modes(found)


def settings_hold(settings: Seen[Settings], folder: Path) -> Finding:
    """
    Whether dengwen.toml reads.
    """
    if isinstance(settings, Unseen):
        seen = f"{NAME} does not hold: {plain(settings.reason)}."
        fix = f"Mend what it names: nano {folder / NAME}. Then type: systemctl restart dengwen-source dengwen-desk"
        return Finding(what="settings", ok=False, urgent=True, seen=seen, why=WHY_SETTINGS, fix=fix)
    return Finding(what="settings", ok=True, seen=f"{NAME} is as this version needs it.", why=WHY_SETTINGS)


def _of_organisation(server: Server, store: Store) -> Iterator[Check]:
    name, day = str(server.folder), server.day
    now = look(lambda: organisation.standing(seats.organisation(store)))
    if isinstance(now, Unseen):
        reason = now.reason
        yield (
            "card and sheets",
            lambda: unknown(
                "card and sheets", reason, why=organisation.WHY_DOCUMENTS, fix="Mend “store” first.", urgent=True
            ),
        )
        return
    yield "card and sheets", lambda: organisation.documents(now, name)
    # What hangs on a document that is missing says nothing new at night.
    root, card = now.root, now.card
    if root is None:
        return
    yield "root keys", lambda: organisation.root_keys(root)
    if card is None:
        return
    yield "seats with a sheet", lambda: organisation.seats(card, now.sheets)
    if now.sheets:
        yield "epochs ahead", lambda: organisation.sheets_ahead(root, now.sheets, now.floor, day)
        yield sealing.WHAT, lambda: sealing.sealing(sealing.sealed_by_seat(now, day))
        yield "silent seats", lambda: silence.silent_seats(signs(store, tuple(now.sheets)), day)


def _of_store(server: Server, store: Store) -> Iterator[Check]:
    name, database = str(server.folder), str(store.folder / DATABASE)
    kept = server.folder / KEPT / WHOLE

    def whole() -> Finding:
        found = look(lambda: look_through(store, kept=kept, day=server.day, deadline=server.machine.deadline))
        return store_health.integrity(found, database)

    yield "database integrity", whole
    yield "missing files", lambda: store_health.missing_files(missing(store), name)
    yield "left-over files", lambda: store_health.left_over(any_left_over(store, now=server.at.timestamp()), name)
    yield "night's care", lambda: store_health.care(_last_care(server.folder), server.day, name)
    yield "erasures", lambda: store_health.erasures(checkpoint.unfinished(store), name)


def _of_space(server: Server, settings: Settings, lane: Seen[int]) -> Iterator[Check]:
    name = str(server.folder)
    room = look(lambda: _room(server.machine, settings))
    if isinstance(room, Unseen):
        reason = room.reason
        yield (
            "room for files",
            lambda: unknown("room for files", reason, why=space.WHY_FILES, fix=f"Type: df -h {name}"),
        )
        return
    yield "room for files", lambda: space.files(room, lane, name)
    yield "room for words", lambda: space.words(room, name)
    yield "days until full", lambda: space.days_until_full(room, look(lambda: _pace(server, room)), name)
    yield "inodes", lambda: space.inodes(room, name)


def _room(machine: Machine, settings: Settings) -> space.Room:
    disk = machine.disk(settings.store)
    total, reserve = disk.f_blocks * disk.f_frsize, settings.source.reserve_bytes
    free = disk.f_bavail * disk.f_frsize
    return space.Room(
        total=total,
        free=free,
        reserve=max(reserve, total // RESERVE_SHARE) if reserve else 0,
        files=content_of(free_for_files(settings.store, reserve)),
        wanted=settings.source.file_bytes,
        inodes=disk.f_files,
        inodes_free=disk.f_favail,
    )


def _strangers(server: Server, settings: Settings, store: Store) -> int:
    free = free_for_files(settings.store, settings.source.reserve_bytes)
    found = lanes.room(store, None, free=free, quota=settings.source.thread_bytes, day=server.day)
    length = content_of(found.length)
    return length if length >= SPACE_LEAST else 0


def _pace(server: Server, room: space.Room) -> float | None:
    path = server.folder / KEPT / READINGS
    try:
        before = space_history.decode(read_small(path, space_history.MAX_FILE + 1))
    except FileNotFoundError:
        before = ()
    except CannotLookError:
        # What cannot be read tells nothing; the history begins anew.
        before = ()
    used = space_history.coarse(room.total - room.free, room.total)
    now = space_history.with_reading(before, server.day, used)
    if now != before:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, space_history.encode(now))
    return space_history.per_day(now)


def _last_care(folder: Path) -> datetime.date | None:
    try:
        text = read_small(folder / nightly.LAST, nightly.MAX_LAST).decode("ascii").strip()
        return datetime.date.fromisoformat(text)
    except FileNotFoundError:
        return None
    except ValueError:
        raise CannotLookError(f"{folder / nightly.LAST} holds no day") from None
