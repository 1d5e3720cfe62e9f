# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The only door to tor's control port, and so to stem: what tor says of itself and of our services, and the two things it is told to do.

Promises: every question ends by its deadline, also if tor falls silent in the middle; whatever stem raises comes out as `OnionError`.
Refuses: control ports that do not prove they know the cookie. What tor answers is parsed strictly; an answer not understood is an error.
Leaves to others: what is wrong and how to mend it (`doctor`), and whether an onion answers visitors (`socks`).
"""

from __future__ import annotations

import datetime
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from stem import ControllerError, SocketError, response
from stem.connection import AuthenticationFailure, authenticate
from stem.descriptor.hidden_service import HiddenServiceDescriptorV3
from stem.socket import ControlSocketFile

from deploy.errors import OnionError
from deploy.host import TOR_CONTROL
from deploy.onion_answers import (
    Bootstrap,
    Clock,
    Descriptor,
    Directories,
    Event,
    Skew,
    Version,
    count_directories,
    judge_clock,
    read_bootstrap,
    read_time,
    require_address,
    without,
)

Answer = TypeVar("Answer")

__all__ = ["Bootstrap", "Clock", "Descriptor", "Directories", "Door", "Skew", "Version", "opened", "read_descriptor"]

#: For one question that tor answers from memory.
SECONDS: Final = 10.0
#: For the directories: a circuit to each must be built.
FETCH_SECONDS: Final = 90.0
#: A reader's tor asks the three nearest of four directories in each of two places (rend-spec-v3 §2.2.3); two more show that there are no more.
MOST_DIRECTORIES: Final = 8
#: Tor forgets whom it asked at most every ten seconds.
FORGET_SECONDS: Final = 12.0
#: Tor tells at once which directory it asks.
QUIET_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 0.1


class Door:
    """
    A conversation with a running tor. Made by `opened`.

    Of stem, its socket, its authentication and its parsers, and not its Controller: that answers SIGHUP in a thread of its own, and was seen to
    wait for itself without end when it was closed just after a reload.
    """

    def __init__(self, line: ControlSocketFile) -> None:
        self._line = line
        self._heard: list[Any] = []

    def version(self, *, seconds: float = SECONDS) -> Version:
        """Tor's version, and whether the directories recommend it."""
        number, status = self._facts(("version", "status/version/current"), seconds)
        return Version(number, status)

    def bootstrap(self, *, seconds: float = SECONDS) -> Bootstrap:
        """How far tor has come on its way into the network."""
        return read_bootstrap(self._facts(("status/bootstrap-phase",), seconds)[0])

    def clock(self, *, now: datetime.datetime | None = None, seconds: float = SECONDS) -> Clock:
        """The clock beside the consensus."""
        now = now or datetime.datetime.now(datetime.UTC)
        try:
            after, until = self._facts(("consensus/valid-after", "consensus/valid-until"), seconds)
        except OnionError:
            if not self._line.is_alive():
                raise
            return Clock(None, None, now, "unknown")
        return judge_clock(read_time(after), read_time(until), now)

    def descriptor(self, address: str, *, seconds: float = SECONDS) -> Descriptor:
        """
        The descriptor that this tor made of one of its services.

        Raises:
            OnionError: It runs no such service, or has not published it yet.
        """
        require_address(address)
        try:
            raw = self._facts((f"hs/service/desc/id/{address}",), seconds)[0]
        except OnionError as error:
            raise OnionError(f"tor has made no descriptor of {address}.onion: {error}") from None
        return read_descriptor(raw, address)

    def directories(self, address: str, *, seconds: float = FETCH_SECONDS) -> Directories:
        """
        Ask the directories for a service's descriptor.

        Tor asks each directory once in a quarter of an hour and remembers whom it asked, so it is told to forget first (NEWNYM, which it does
        at most every ten seconds, and only with a SocksPort). That touches its own later visits, not the services' circuits.

        Raises:
            OnionError: It asks none: it is not on the network, or has asked all and does not forget.
        """
        require_address(address)
        events: list[Event] = []

        def ask() -> None:
            self._told("SETEVENTS HS_DESC SIGNAL")
            if self._fact("net/listeners/socks"):
                self._forget()
            for _ in range(MOST_DIRECTORIES):
                self._told(f"HSFETCH {address}")
            events.extend(self._descriptor_events(address))
            self._told("SETEVENTS")

        try:
            self._within(seconds, ask)
        finally:
            self._heard.clear()
        found = count_directories(events)
        if not found.asked:
            raise OnionError(
                "tor asks no directory: it is not on the network, or asked them all within the last quarter of an hour"
            )
        return found

    def reload(self, *, seconds: float = SECONDS) -> None:
        """
        Let tor read its torrc and the client keys again.

        Whoever was in stays in, and a key that was taken away still opens the door while its holder's tor remembers the old descriptor:
        `begin_anew` ends both.
        """
        self._within(seconds, lambda: self._told("SIGNAL RELOAD"))

    def begin_anew(self, service: Path, *, seconds: float = SECONDS) -> None:
        """
        End one service and start it again, with new introduction points; the others go on untouched.

        Its circuits end, and descriptors fetched before lead nowhere. Tor is told of all services but this one, and then reads its torrc
        again, where it stands. Visitors with a key are back in as soon as the new descriptor is published, some seconds later.

        Raises:
            OnionError: Tor runs no such service, or does not do it. It has read its torrc again all the same.
        """
        lines = self._within(seconds, self._services)
        kept = list(without(lines, service))
        if len(kept) == len(lines):
            raise OnionError(f"tor runs no service from {service}")
        try:
            self._within(seconds, lambda: self._keep(kept))
        finally:
            self.reload(seconds=seconds)

    def _services(self) -> list[tuple[str, str]]:
        # In the order of the torrc: an option belongs to the HiddenServiceDir before it.
        pairs = (str(line).partition("=") for _, _, line in self._told("GETCONF HiddenServiceOptions").content())
        return [(key, value) for key, sign, value in pairs if sign]

    def _keep(self, lines: list[tuple[str, str]]) -> None:
        quoted = (f"{key}={_quoted(value)}" for key, value in lines)
        self._told("SETCONF " + " ".join(quoted) if lines else "RESETCONF HiddenServiceDir")

    def _forget(self) -> None:
        self._told("SIGNAL NEWNYM")
        end = time.monotonic() + FORGET_SECONDS
        while time.monotonic() < end:
            if any(str(event.type) == "SIGNAL" and str(event.signal) == "NEWNYM" for event in self._events()):
                return
            time.sleep(PAUSE_SECONDS)

    def _descriptor_events(self, address: str) -> Iterator[Event]:
        waiting: set[str] = set()
        quiet_since = time.monotonic()
        while waiting or time.monotonic() < quiet_since + QUIET_SECONDS:
            for event in self._events():
                if str(event.type) != "HS_DESC" or event.address != address:
                    continue
                quiet_since = time.monotonic()
                one = (str(event.action), str(event.directory_fingerprint or ""), str(event.reason or ""))
                if one[0] == "REQUESTED":
                    waiting.add(one[1])
                elif one[0] in {"RECEIVED", "FAILED"}:
                    waiting.discard(one[1])
                yield one
            time.sleep(PAUSE_SECONDS)

    def _events(self) -> list[Any]:
        # Tor sends events before the answer to what is asked after them.
        self._fact("version")
        heard, self._heard = self._heard, []
        for event in heard:
            response.convert("EVENT", event)
        return heard

    def _facts(self, names: tuple[str, ...], seconds: float) -> list[str]:
        return self._within(seconds, lambda: [self._fact(name) for name in names])

    def _fact(self, name: str) -> str:
        reply = self._told(f"GETINFO {name}")
        response.convert("GETINFO", reply)
        return bytes(reply.entries[name]).decode("utf-8", "replace")

    def _told(self, command: str) -> Any:
        self._line.send(command)
        while True:
            reply = self._line.recv()
            if reply.content()[0][0] != "650":
                break
            self._heard.append(reply)
        if not reply.is_ok():
            raise OnionError(f"tor refused {command.partition(' ')[0]}: {reply}")
        return reply

    def _within(self, seconds: float, act: Callable[[], Answer]) -> Answer:
        with _speaking(self._line, seconds):
            return act()


@contextmanager
def opened(path: Path = TOR_CONTROL, *, seconds: float = SECONDS) -> Iterator[Door]:
    """
    A conversation with the tor whose control socket this is.

    Raises:
        OnionError: Nothing listens there, or it does not let us in.
    """
    _require_listening(path, seconds)
    try:
        line = ControlSocketFile(str(path))
    except SocketError as error:
        raise OnionError(f"tor's control port {path} does not answer: {error}") from None
    try:
        with _speaking(line, seconds):
            authenticate(line)
        yield Door(line)
    finally:
        line.close()


def _require_listening(path: Path, seconds: float) -> None:
    # stem connects without a deadline; a tor that hangs with a full queue would hold it.
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(seconds)
        try:
            probe.connect(str(path))
        except OSError as error:
            raise OnionError(f"tor's control port {path} does not answer: {error.strerror or error}") from None


@contextmanager
def _speaking(line: ControlSocketFile, seconds: float) -> Iterator[None]:
    # stem waits for answers without end. Its socket, shut under it, ends the waiting; after that this conversation is over. Again and again,
    # because stem connects anew when it is hung up on while it introduces itself.
    late, done = threading.Event(), threading.Event()

    def end() -> None:
        left = seconds
        while not done.wait(left):
            late.set()
            line.close()
            left = PAUSE_SECONDS

    watch = threading.Thread(target=end, daemon=True)
    watch.start()
    try:
        yield
    except (ControllerError, AuthenticationFailure, ValueError, OSError) as error:
        if late.is_set():
            raise OnionError(f"tor's control port did not answer within {seconds:g} seconds") from None
        if isinstance(error, AuthenticationFailure):
            raise OnionError(f"tor's control port does not let us in: {error}") from None
        raise OnionError(str(error) or "tor hung up") from None
    finally:
        done.set()
        watch.join()


def _quoted(value: str) -> str:
    # control-spec §2.1.1: a QuotedString; backslash and quote are escaped.
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def read_descriptor(raw: str, address: str) -> Descriptor:
    """
    A service's descriptor, with its address and nothing else: what any visitor without a client key can read.

    Raises:
        OnionError: It is none, or not of this address.
    """
    try:
        found = HiddenServiceDescriptorV3.from_str(raw, validate=True)
    except ValueError as error:
        raise OnionError(f"this is not a descriptor: {error}") from None
    try:
        inner = found.decrypt(address)
    except ValueError:
        # The outer layer opens with the address alone; what the inner one needs besides is a client key.
        _require_outer(found, address)
        return Descriptor(restricted=True, introduction_points=None, pow=None)
    puzzle = any(line.startswith("pow-params ") for line in inner.get_unrecognized_lines())
    return Descriptor(restricted=False, introduction_points=len(inner.introduction_points), pow=puzzle)


def _require_outer(found: HiddenServiceDescriptorV3, address: str) -> None:
    from stem.descriptor.hidden_service import OuterLayer  # noqa: PLC0415 (stem's own halves, used nowhere else)

    try:
        blinded = found.signing_cert.signing_key()
        identity = HiddenServiceDescriptorV3.identity_key_from_address(address)
        subcredential = HiddenServiceDescriptorV3._subcredential(identity, blinded)  # noqa: SLF001
        OuterLayer._decrypt(found.superencrypted, found.revision_counter, subcredential, blinded)  # noqa: SLF001
    except ValueError as error:
        raise OnionError(f"this descriptor is not of {address}.onion: {error}") from None
