# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Looking at tor and the two onion services, through tor's control socket and, as a visitor would, through its SOCKS port.

It asks each directory and visits each onion once. The desk is visited without a key, and must not let us in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

from deploy import desk_keys, host, onion, socks
from deploy.doctor import onions
from deploy.doctor.machine import Check, Deadline, Seen, Unseen, look
from deploy.doctor.onions import Answer, Onion, Tor
from deploy.errors import CannotLookError, OnionError, SocksError
from deploy.keeping import read_small
from deploy.onion_answers import Directories, require_address

CONTROL_SECONDS: Final = 5.0
#: Tor forgets whom it asked at most every ten seconds, and both services' directories are asked.
DIRECTORIES_SECONDS: Final = 20.0
VISIT_SECONDS: Final = 25.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """
    Where tor and the services' folders are; on a host as `host` says, in tests elsewhere.
    """

    control: Path = host.TOR_CONTROL
    proxy: tuple[str, int] = host.TOR_SOCKS
    source: Path = host.SOURCE_ONION
    desk: Path = host.DESK_ONION


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """
    Everything seen of tor and of both onions.

    Args:
        tor: Of tor.
        source: Of the source service.
        desk: Of the desk's.
        keys: How many client keys open the desk's.
    """

    tor: Tor
    source: Onion
    desk: Onion
    keys: Seen[int]


def services(deadline: Deadline, places: Places) -> Services:
    """
    Look at all of it. What cannot be seen is said in its place; nothing is raised.
    """
    with ExitStack() as stack:
        door = look(lambda: stack.enter_context(onion.opened(places.control, seconds=deadline.left(CONTROL_SECONDS))))
        tor = _tor(door, deadline)
        source = _onion("source", places.source, door, deadline, places.proxy)
        desk = _onion("desk", places.desk, door, deadline, places.proxy)
        return Services(tor=tor, source=source, desk=desk, keys=look(lambda: _keys(places.desk)))


def checks(found: Services, people: Seen[int], watchers: Seen[int], folder: str) -> Iterator[Check]:
    """
    What follows from it, in the order it is told.

    Args:
        found: What was seen.
        people: How many may log in at the desk.
        watchers: How many machines may watch.
        folder: The server's, for commands to type.
    """
    yield "tor", lambda: onions.tor_runs(found.tor)
    yield "tor's version", lambda: onions.version(found.tor)
    yield "clock against tor", lambda: onions.clock(found.tor)
    yield "source onion published", lambda: onions.published(found.source)
    yield "source onion reachable", lambda: onions.source_answers(found.source)
    yield "source proof of work", lambda: onions.proof_of_work(found.source)
    yield "desk onion published", lambda: onions.published(found.desk)
    yield "desk onion closed to strangers", lambda: onions.desk_answers(found.desk)
    yield "desk keys", lambda: onions.desk_keys(found.keys, people, watchers, folder)


def _tor(door: Seen[onion.Door], deadline: Deadline) -> Tor:
    def seconds() -> float:
        return deadline.left(CONTROL_SECONDS)

    return Tor(
        bootstrap=_through(door, lambda there: there.bootstrap(seconds=seconds())),
        clock=_through(door, lambda there: there.clock(seconds=seconds()).skew),
        version=_through(door, lambda there: there.version(seconds=seconds())),
    )


def _onion(
    name: Literal["source", "desk"], folder: Path, door: Seen[onion.Door], deadline: Deadline, proxy: socks.Proxy
) -> Onion:
    address = look(lambda: _address(folder))
    if isinstance(address, Unseen):
        return Onion(name=name, directories=address, answer=address, pow=address)

    def directories() -> Seen[Directories]:
        return _through(
            door, lambda there: there.directories(address, seconds=deadline.left(DIRECTORIES_SECONDS)), hide=address
        )

    def answer() -> Seen[Answer]:
        return look(lambda: _visit(f"{address}.onion", proxy, deadline.left(VISIT_SECONDS)))

    # Tor asks a directory once in a quarter of an hour. What the source's directories give is at once visited with; the desk's descriptor
    # cannot be opened without a key, so tor must not have been told to fetch it when the visit asks why.
    if name == "source":
        found, came = directories(), answer()
    else:
        came, found = answer(), directories()
    puzzle = _through(
        door, lambda there: bool(there.descriptor(address, seconds=deadline.left(CONTROL_SECONDS)).pow), hide=address
    )
    return Onion(name=name, directories=found, answer=came, pow=puzzle)


def _through(door: Seen[onion.Door], ask: Callable[[onion.Door], T], hide: str = "") -> Seen[T]:
    if isinstance(door, Unseen):
        return door
    found = look(lambda: ask(door))
    # No address in a report.
    if hide and isinstance(found, Unseen):
        return Unseen(found.reason.replace(f"{hide}.onion", "this onion").replace(hide, "this onion"))
    return found


def _visit(name: str, proxy: socks.Proxy, seconds: float) -> Answer:
    try:
        return Answer(status=socks.reachable(name, proxy, timeout=seconds))
    except SocksError as error:
        return Answer(code=error.code, words=str(error))


def _address(folder: Path) -> str:
    path = folder / "hostname"
    try:
        address = read_small(path, 128).decode("ascii", "replace").strip().removesuffix(".onion")
    except OSError as error:
        raise CannotLookError(f"{path}: {error.strerror}") from None
    try:
        require_address(address)
    except OnionError:
        raise CannotLookError(f"{path} holds no onion address") from None
    return address


def _keys(desk: Path) -> int:
    return len(desk_keys.names(desk))
