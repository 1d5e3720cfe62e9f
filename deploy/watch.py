# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen watch`, on an operator's own machine: it asks the desk how the server is, through tor, and says so in one of three colours.

The server tells nobody anything by itself; it has no way out. So it is asked, at fixed times of the clock: a start, a wake from sleep or a return
to the keyboard moves no question, and whoever counts circuits learns that a machine is on, not when somebody sits there.
What a desk answers is read strictly, with a size and an end; no answer is red.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Final

from deploy.errors import DeployError, SocksError, WatchError
from deploy.socks import connect
from journalist_app.desk.errors import ReportError
from journalist_app.desk.health import MAX_ANSWER, Colour, Health, span
from journalist_app.desk.watch_keys import is_key

PORT: Final = 80
# An onion whose descriptor must be fetched first takes tor up to two minutes.
CONNECT_SECONDS: Final = 150.0
ANSWER_SECONDS: Final = 60.0
MAX_KEY_FILE: Final = 256
#: A question later than that is left out: the machine slept, and woke because somebody came.
LATE_SECONDS: Final = 60.0
# Sleeping does not count the time a machine is suspended: the clock is read again so often.
NAP_SECONDS: Final = 20.0

# Tor's codes about onions, from there on.
FIRST_OF_ONIONS: Final = 0xF0

_ONION: Final = re.compile(r"[a-z2-7]{56}\.onion")
_LABEL: Final = b"dengwen watch, when\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """
    One desk and how to ask it.

    Args:
        onion: The desk's address.
        key: The watch key.
        proxy: Of the operator's own tor.

    Raises:
        WatchError: The address is not one of an onion service.
    """

    onion: str
    key: str
    proxy: tuple[str, int]

    def __post_init__(self) -> None:
        if _ONION.fullmatch(self.onion) is None:
            raise WatchError("an onion address has 56 of a to z and 2 to 7, and ends with .onion")

    def __repr__(self) -> str:
        return f"<Watched {self.onion}>"


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What was learnt from one question.

    Args:
        colour: Of the server.
        lines: Why: a sentence, and one for each thing that is wrong.
        key: Two that are equal say the same, however the minutes and counts in their words differ.
    """

    colour: Colour
    lines: tuple[str, ...]
    key: tuple[str, ...]


def read_key(path: Path) -> str:
    """
    The key in a file, as `dengwen watch-key add` printed it.

    Raises:
        WatchError: There is none.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY_FILE + 1).decode("ascii", "replace").strip()
    except OSError as error:
        raise WatchError(f"{path}: {error.strerror}") from None
    if not is_key(text):
        raise WatchError(f"{path} holds no watch key: 64 hexadecimal digits, as `dengwen watch-key add` printed them")
    return text


def look(watched: Watched) -> Seen:
    """
    Ask once. Whatever goes wrong is something seen, and red.
    """
    try:
        health = ask(watched)
    except DeployError as error:
        # Without the flag tor has one code for all of an onion's troubles.
        vague = isinstance(error, SocksError) and 0 < error.code < FIRST_OF_ONIONS
        said = f"no answer: {error}{' (a SocksPort with ExtendedErrors says why)' if vague else ''}."
        return Seen(Colour.RED, (said,), ("no answer", str(error)))
    first = health.words + (f" Doctor looked {span(health.age)} ago." if health.age is not None else "")
    wrong = [f"{one.what}{' (urgent)' if one.urgent else ''}: {one.seen} {one.fix}" for one in health.wrong]
    key = [health.colour, "no report" if health.trouble else "", *(f"{one.what} {one.urgent}" for one in health.wrong)]
    return Seen(health.colour, (first, *wrong), tuple(key))


def ask(watched: Watched) -> Health:
    """
    Ask the desk through tor.

    Raises:
        DeployError: tor does not reach it, it does not take the key, or what it says is no answer.
    """
    host, port = watched.proxy
    with (
        connect((host, port), watched.onion, PORT, timeout=CONNECT_SECONDS) as sock,
        _ended_after(sock, ANSWER_SECONDS),
    ):
        status, raw = _exchange(sock, watched)
    if status == http.client.NOT_FOUND:
        raise WatchError("the desk did not take this watch key: it was revoked, or is another server's")
    if status != http.client.OK:
        raise WatchError(f"the desk answered {status}")
    try:
        return Health.decode(raw)
    except ReportError:
        raise WatchError("what the desk answered is not an answer of this version of dengwen") from None


def next_time(now: float, every: int, offset: int) -> float:
    """
    When the next question is due: at the same distance from each mark of the clock.

    Args:
        now: The wall clock, in seconds since 1970.
        every: Seconds from one to the next.
        offset: How long after each mark; less than `every`.

    Returns:
        The first such time after now.
    """
    marks = int((now - offset) // every) + 1
    return float(marks * every + offset)


def offset_of(watched: Watched, every: int) -> int:
    """
    This machine's distance from the marks: the same at every start, and another one for every key.
    """
    digest = hashlib.sha256(_LABEL + bytes.fromhex(watched.key)).digest()
    return int.from_bytes(digest, "big") % every


def times(
    every: int, offset: int, *, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> Iterator[float]:
    """
    Wait for each question's time, and give the next one's after it. Times that passed while the machine slept are left out.

    Args:
        every: Seconds from one to the next.
        offset: How long after each mark of the clock.
        clock: The wall clock.
        sleep: How to wait.
    """
    while True:
        due = next_time(clock(), every, offset)
        while (left := due - clock()) > 0:
            # A clock that was set back makes an earlier question due.
            if left > every:
                break
            sleep(min(left, NAP_SECONDS))
        if 0 <= clock() - due < LATE_SECONDS:
            yield next_time(due, every, offset)


def _exchange(sock: socket, watched: Watched) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(watched.onion)
    connection.auto_open = 0
    connection.sock = sock
    try:
        connection.request("GET", "/watch", headers={"Authorization": f"Bearer {watched.key}", "Connection": "close"})
        answer = connection.getresponse()
        raw = answer.read(MAX_ANSWER + 1)
    except TimeoutError:
        raise WatchError("the desk fell silent") from None
    except (OSError, http.client.HTTPException):
        raise WatchError("the connection broke before the desk had answered") from None
    return answer.status, raw


@contextmanager
def _ended_after(sock: socket, seconds: float) -> Iterator[None]:
    # The socket's own timeout is for each piece; a desk that sends a byte a minute must come to an end too.
    def end() -> None:
        with suppress(OSError):
            sock.shutdown(SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
