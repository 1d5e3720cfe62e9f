# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What tor answers, read into types: pure, so that every answer there can be is tried without a tor.

Promises: strict parsing; what is not understood is an error, never a guess. A question that has no answer yet has one of its own (None, `unknown`).
Leaves to others: asking (`onion`), and what to make of it (`doctor`).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from deploy.errors import OnionError

ADDRESS: Final = re.compile(r"[a-z2-7]{56}")
_PHASE: Final = re.compile(r'(?:NOTICE|WARN) BOOTSTRAP PROGRESS=([0-9]{1,3}) TAG=\S+ SUMMARY="([^"]*)"(.*)')
_REASON: Final = re.compile(r" REASON=([A-Z_]+)")

Skew = Literal["right", "behind", "ahead or offline", "unknown"]
#: Of HS_DESC: action, directory, reason.
Event = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Version:
    """
    Args:
        number: Of tor.
        status: What the directories say of it: recommended, new, unrecommended, obsolete, …
    """

    number: str
    status: str

    @property
    def recommended(self) -> bool:
        """Whether it may stay. A version newer than the directories know is not old."""
        return self.status in {"recommended", "new", "new in series"}


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """
    Args:
        percent: 100 when tor is on the network.
        summary: Tor's words for where it is.
        reason: Why it is stuck, as one of tor's words; empty if it is not. CLOCK_SKEW says that relays and this machine differ over the time.
    """

    percent: int
    summary: str
    reason: str


@dataclass(frozen=True, slots=True)
class Clock:
    """
    This machine's clock beside the hours that the directories signed.

    Args:
        valid_after: When the consensus that tor holds begins; None if it holds none.
        valid_until: When it ends, three hours later.
        now: By this machine's clock.
        skew: `behind`: the consensus has not begun, so the clock is slow. `ahead or offline`: it has ended; the clock is fast, or tor has
            fetched no newer one. `unknown`: tor has none, which a clock that is days off explains as well.
    """

    valid_after: datetime.datetime | None
    valid_until: datetime.datetime | None
    now: datetime.datetime
    skew: Skew


@dataclass(frozen=True, slots=True)
class Descriptor:
    """
    What tor publishes of a service.

    Args:
        restricted: Whether it can only be read with a client key.
        introduction_points: How many it names; None if it is restricted.
        pow: Whether it names a puzzle; None if it is restricted.
    """

    restricted: bool
    introduction_points: int | None
    pow: bool | None


@dataclass(frozen=True, slots=True)
class Directories:
    """
    Who has a service's descriptor, asked anew as a visitor's tor would ask.

    Each directory that visitors may be sent to is asked once: on today's network six of the eight that it is published to, on a small
    network fewer. One that has it is enough for a visitor; each that lacks it costs some of them a second try.

    Args:
        asked: How many were asked.
        have: How many gave it.
        failed: Tor's reason for each that did not, sorted: NOT_FOUND, UNEXPECTED, … or NO_ANSWER.
    """

    asked: int
    have: int
    failed: tuple[str, ...]


def count_directories(events: Iterable[Event]) -> Directories:
    """
    What events of HS_DESC tell: (action, directory, reason). A directory that gave the descriptor once has it.
    """
    asked: set[str] = set()
    have: set[str] = set()
    failed: dict[str, str] = {}
    for action, directory, reason in events:
        if action == "REQUESTED":
            asked.add(directory)
        elif action == "RECEIVED":
            have.add(directory)
        elif action == "FAILED":
            failed[directory] = reason or "UNEXPECTED"
    reasons = (failed.get(one, "NO_ANSWER") for one in asked - have)
    return Directories(asked=len(asked), have=len(asked & have), failed=tuple(sorted(reasons)))


def judge_clock(after: datetime.datetime, until: datetime.datetime, now: datetime.datetime) -> Clock:
    """
    Whether a clock can be right beside a consensus. One older than fresh is nothing: tors fetch the next one spread over the hours between.
    """
    skew: Skew = "behind" if now < after else "ahead or offline" if now > until else "right"
    return Clock(after, until, now, skew)


def read_time(written: str) -> datetime.datetime:
    """
    A time as tor writes it, in UTC.

    Raises:
        OnionError: It is not one.
    """
    try:
        return datetime.datetime.strptime(written, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise OnionError(f"tor gave no time: {written[:40]!r}") from None


def read_bootstrap(phase: str) -> Bootstrap:
    """
    Tor's bootstrap phase.

    Raises:
        OnionError: It is not one.
    """
    found = _PHASE.fullmatch(phase)
    if found is None or int(found[1]) > 100:
        raise OnionError("tor does not say how far it has come into the network")
    reason = _REASON.search(found[3])
    return Bootstrap(int(found[1]), found[2], reason[1] if reason else "")


def without(lines: Iterable[tuple[str, str]], service: Path) -> Iterator[tuple[str, str]]:
    """
    The lines of all services but one.
    """
    ours = False
    for key, value in lines:
        if key == "HiddenServiceDir":
            ours = Path(value) == service
        if not ours:
            yield key, value


def require_address(address: str) -> None:
    """
    Raises:
        OnionError: This is not an onion address without `.onion`.
    """
    if ADDRESS.fullmatch(address) is None:
        raise OnionError("an onion address has 56 of a to z and 2 to 7")
