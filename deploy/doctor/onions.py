# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging the onion services as tor tells of them and as they answer through tor from here.

No address stands in a finding: the desk's is for its people alone, and reports travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from deploy.doctor.finding import Finding, plain, unknown
from deploy.doctor.machine import Seen, Unseen
from deploy.onion_answers import Bootstrap, Directories, Skew, Version
from deploy.socks import MISSING_CLIENT_KEY

PAGE: Final = 200
CLOSED: Final = 503
TURNED_AWAY: Final = 403
#: What tor says where the directories name no versions at all, as on a private network.
NO_ADVICE: Final = "none recommended"

WHY_TOR = "Sources and reviewers reach this server through tor alone."
WHY_PUBLISHED = "A browser finds an onion service in tor's directories. If too few have it, people are told that there is no such site."
WHY_SOURCE = "This is the way sources come."
WHY_DESK = "Reviewers come this way, each with a key of their own; to anybody else the desk must not even be there."
WHY_CLOCK = "With a wrong clock tor finds no directories and the onions vanish; epochs, expiry and deletions would come too early or too late."
WHY_VERSION = "A tor that the directories do not recommend has known faults or is about to be left out of the network."
WHY_POW = "With proof of work a flood costs the flooder, and sources still get through."
WHY_KEYS = (
    "Every person who may log in needs an onion key, and a key more is somebody who can knock and should not be there."
)

TOR_LOG: Final = "journalctl -u tor@default -n 50"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tor:
    """
    What tor says of itself.

    Args:
        bootstrap: How far it has come into the network.
        clock: This clock against the consensus.
        version: Its version, and what the directories say of it.
    """

    bootstrap: Seen[Bootstrap]
    clock: Seen[Skew]
    version: Seen[Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What came when an onion was asked for its first page through tor, without a key.

    Args:
        status: HTTP's, or 0 if there was no page.
        code: Tor's reason if there was none, or 0.
        words: The same in words.
    """

    status: int = 0
    code: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onion:
    """
    One onion service.

    Args:
        name: "source" or "desk".
        directories: Who has its descriptor.
        answer: What it answers.
        pow: Whether its descriptor has proof of work.
    """

    name: Literal["source", "desk"]
    directories: Seen[Directories]
    answer: Seen[Answer]
    pow: Seen[bool]


def tor_runs(tor: Tor) -> Finding:
    """
    Whether tor is there and connected.
    """
    what = "tor"
    fix = f"See what it says: {TOR_LOG}. Then type: systemctl restart tor@default"
    if isinstance(tor.bootstrap, Unseen):
        return unknown(
            what,
            tor.bootstrap.reason,
            why=WHY_TOR,
            fix=f"Run doctor as root, or: systemctl status tor@default. {fix}",
            urgent=True,
        )
    found = tor.bootstrap
    if found.percent < 100:
        reason = f" ({found.reason})" if found.reason else ""
        seen = f"tor is not connected to its network: {found.percent} %, {plain(found.summary, 80)}{reason}."
        return Finding(what=what, ok=False, urgent=True, seen=seen, why=WHY_TOR, fix=fix)
    return Finding(what=what, ok=True, seen="tor is connected.", why=WHY_TOR)


def published(onion: Onion) -> Finding:
    """
    Whether enough directories have the descriptor.
    """
    what = f"{onion.name} onion published"
    fix = f"Wait five minutes after a start of tor. If it stays: {TOR_LOG}, then systemctl restart tor@default"
    if isinstance(onion.directories, Unseen):
        return unknown(what, onion.directories.reason, why=WHY_PUBLISHED, fix=fix)
    found = onion.directories
    seen = f"{found.have} of {found.asked} directories have its descriptor."
    # One that has it is enough for a visitor; each that lacks it costs some of them a second try.
    if found.have and 2 * found.have >= found.asked:
        return Finding(what=what, ok=True, seen=seen, why=WHY_PUBLISHED)
    return Finding(what=what, ok=False, urgent=not found.have, seen=seen, why=WHY_PUBLISHED, fix=fix)


def source_answers(onion: Onion) -> Finding:
    """
    Whether the source page comes through tor.
    """
    what = "source onion reachable"
    fix = f"Look at the app first: systemctl status dengwen-source.socket dengwen-source; journalctl -u dengwen-source -n 50. Then at tor: {TOR_LOG}"
    if isinstance(onion.answer, Unseen):
        return unknown(what, onion.answer.reason, why=WHY_SOURCE, fix=fix)
    answer = onion.answer
    if answer.status == PAGE:
        return Finding(what=what, ok=True, seen="The first page came through tor.", why=WHY_SOURCE)
    if answer.status == CLOSED:
        seen = "The page came through tor and says that intake is closed for now."
        fix = "Mend “card and sheets”, “seats with a sheet” and “sealing to every seat” first. Then: systemctl restart dengwen-source"
    elif answer.status == TURNED_AWAY:
        seen = "The app turns visitors away who come to the address that tor has: [source] onion in dengwen.toml is another."
        fix = "Type: dengwen setup. It writes the address that tor has"
    elif answer.status:
        seen = f"Something answers through tor, and it is not the first page (HTTP {answer.status})."
    elif answer.code == MISSING_CLIENT_KEY:
        seen = "tor asks for a client key at the source onion: a source has none and is shut out."
        fix = "Type: rm -r /var/lib/tor/dengwen-source/authorized_clients && systemctl reload tor@default"
    else:
        seen = f"Nothing came through tor: {plain(answer.words)}."
    return Finding(what=what, ok=False, urgent=True, seen=seen, why=WHY_SOURCE, fix=fix)


def desk_answers(onion: Onion) -> Finding:
    """
    Whether the desk is there for holders of a key and hidden from everybody else: asked without one, tor must say so.
    """
    what = "desk onion closed to strangers"
    fix = f"See {TOR_LOG} and systemctl status dengwen-desk.socket"
    if isinstance(onion.answer, Unseen):
        return unknown(what, onion.answer.reason, why=WHY_DESK, fix=fix)
    answer = onion.answer
    if answer.code == MISSING_CLIENT_KEY:
        return Finding(
            what=what, ok=True, seen="It is there, and without a key tor does not let anybody in.", why=WHY_DESK
        )
    if not answer.status:
        seen = f"Whether it is there cannot be told: {plain(answer.words)}."
        return Finding(what=what, ok=False, seen=seen, why=WHY_DESK, fix=fix)
    return Finding(
        what=what,
        ok=False,
        urgent=True,
        seen="The desk onion lets in whoever has no key.",
        why=WHY_DESK,
        fix="Type: systemctl stop dengwen-desk.socket dengwen-desk. Then give each person a key, which closes it to all others: dengwen desk-key add --dir /var/lib/dengwen NAME, "
        "and: systemctl start dengwen-desk.socket",
    )


def proof_of_work(onion: Onion) -> Finding:
    """
    Whether the descriptor that is out there asks for proof of work when it is flooded.
    """
    what = f"{onion.name} proof of work"
    fix = "Set pow = true under [onion] in dengwen.toml, then type: dengwen setup && systemctl reload tor@default"
    if isinstance(onion.pow, Unseen):
        return unknown(what, onion.pow.reason, why=WHY_POW, fix=f"{fix}. If that is set: {TOR_LOG}")
    if onion.pow:
        return Finding(what=what, ok=True, seen="The descriptor carries it.", why=WHY_POW)
    return Finding(what=what, ok=False, seen="The descriptor carries none.", why=WHY_POW, fix=fix)


def clock(tor: Tor) -> Finding:
    """
    This host's clock against tor's consensus.
    """
    what = "clock against tor"
    fix = "Type: timedatectl. If it is not synchronised: systemctl restart systemd-timesyncd; if the day itself is wrong: timedatectl set-ntp false && timedatectl set-time 'YYYY-MM-DD HH:MM' && timedatectl set-ntp true"
    if isinstance(tor.clock, Unseen):
        return unknown(what, tor.clock.reason, why=WHY_CLOCK, fix=fix)
    said = {
        "behind": "The clock is behind: tor's consensus has not begun by it.",
        "ahead or offline": "By this clock tor's consensus has ended: the clock is ahead, or tor has fetched none for hours.",
        "unknown": "tor has no consensus: it is not connected, or the clock is off by days.",
    }
    if tor.clock == "right":
        return Finding(what=what, ok=True, seen="The clock agrees with tor's consensus.", why=WHY_CLOCK)
    return Finding(what=what, ok=False, urgent=True, seen=said[tor.clock], why=WHY_CLOCK, fix=fix)


def version(tor: Tor) -> Finding:
    """
    Whether the directories recommend this tor.
    """
    what = "tor's version"
    fix = "Type: apt-get update && apt-get install tor && systemctl restart tor@default"
    if isinstance(tor.version, Unseen):
        return unknown(what, tor.version.reason, why=WHY_VERSION, fix=fix)
    number = plain(tor.version.number, 40)
    if tor.version.status == NO_ADVICE:
        return Finding(
            what=what, ok=True, seen=f"The directories recommend no version; this is {number}.", why=WHY_VERSION
        )
    if tor.version.recommended:
        return Finding(what=what, ok=True, seen=f"The directories have nothing against tor {number}.", why=WHY_VERSION)
    seen = f"The directories call tor {number} {plain(tor.version.status, 40)}."
    return Finding(what=what, ok=False, seen=seen, why=WHY_VERSION, fix=fix)


def desk_keys(keys: Seen[int], people: Seen[int], watchers: Seen[int], folder: str) -> Finding:
    """
    Whether there are as many desk keys as people who may log in, and machines that watch. Counts only: who has one is said by `desk-key list`.
    """
    what = "desk keys"
    fix = f"Compare: dengwen desk-key list --dir {folder} with the people of the desk. Then add or revoke: dengwen desk-key add|revoke --dir {folder} NAME"
    if isinstance(keys, Unseen) or isinstance(people, Unseen) or isinstance(watchers, Unseen):
        reason = next(fact.reason for fact in (keys, people, watchers) if isinstance(fact, Unseen))
        return unknown(what, reason, why=WHY_KEYS, fix=f"As root, do this: {fix}")
    seen = f"{_count(keys, 'key', 'keys')} for the desk onion, {_count(people, 'person', 'people')} who may log in, {_count(watchers, 'machine', 'machines')} that may watch."
    if people <= keys <= people + watchers:
        return Finding(what=what, ok=True, seen=seen, why=WHY_KEYS)
    return Finding(what=what, ok=False, seen=seen, why=WHY_KEYS, fix=fix)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
