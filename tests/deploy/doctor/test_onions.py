# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Tor and the onions: what tor tells and what answers, judged from facts. Over a real tor it is tried in tests/onion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.doctor import onions, read_onions
from deploy.doctor.finding import Finding
from deploy.doctor.machine import Deadline, Unseen
from deploy.doctor.onions import Answer, Onion, Tor
from deploy.onion_answers import Bootstrap, Directories, Skew, Version
from deploy.socks import MISSING_CLIENT_KEY

TOR = Tor(bootstrap=Bootstrap(100, "Done", ""), clock="right", version=Version("0.4.9.11", "recommended"))
SOURCE = Onion(name="source", directories=Directories(6, 6, ()), answer=Answer(status=200), pow=True)
DESK = Onion(
    name="desk", directories=Directories(6, 5, ("NOT_FOUND",)), answer=Answer(code=MISSING_CLIENT_KEY), pow=False
)
GONE = Unseen("tor's control port does not answer")
D = "/var/lib/dengwen"


def told(found: read_onions.Services) -> Iterator[Finding]:
    for _, check in read_onions.checks(found, 3, 1, D):
        yield check()


def test_onions_that_are_there_are_well() -> None:
    """Every check, in order, with what was seen."""
    found = list(told(read_onions.Services(tor=TOR, source=SOURCE, desk=DESK, keys=3)))
    assert all(one.ok for one in found)
    assert [f"{one.what}: {one.seen}" for one in found] == [
        "tor: tor is connected.",
        "tor's version: The directories have nothing against tor 0.4.9.11.",
        "clock against tor: The clock agrees with tor's consensus.",
        "source onion published: 6 of 6 directories have its descriptor.",
        "source onion reachable: The first page came through tor.",
        "source proof of work: The descriptor carries it.",
        "desk onion published: 5 of 6 directories have its descriptor.",
        "desk onion closed to strangers: It is there, and without a key tor does not let anybody in.",
        "desk keys: 3 keys for the desk onion, 3 people who may log in, 1 machine that may watch.",
    ]


def test_the_names_of_checks_are_those_of_their_findings() -> None:
    """A check that breaks is told under the name it has when it works."""
    found = read_onions.Services(tor=TOR, source=SOURCE, desk=DESK, keys=3)
    assert [(name, check().what) for name, check in read_onions.checks(found, 3, 1, D) if name != check().what] == []


def test_a_tor_that_cannot_be_asked_is_no_good_news() -> None:
    """Nothing is well that was not looked at, and tor itself is urgent."""
    found = list(
        told(
            read_onions.Services(
                tor=Tor(bootstrap=GONE, clock=GONE, version=GONE),
                source=Onion(name="source", directories=GONE, answer=GONE, pow=GONE),
                desk=Onion(name="desk", directories=GONE, answer=GONE, pow=GONE),
                keys=GONE,
            )
        )
    )
    assert not any(one.ok for one in found)
    assert {one.seen for one in found} == {"Could not be checked: tor's control port does not answer."}
    assert [one.what for one in found if one.urgent] == ["tor"]


def test_a_tor_on_its_way_is_told_with_its_own_words() -> None:
    """How far, and why it is stuck."""
    found = onions.tor_runs(replace(TOR, bootstrap=Bootstrap(10, "Finishing handshake", "CLOCK_SKEW")))
    assert (found.urgent, found.seen) == (
        True,
        "tor is not connected to its network: 10 %, Finishing handshake (CLOCK_SKEW).",
    )
    assert "systemctl restart tor@default" in found.fix


@pytest.mark.parametrize(
    ("have", "ok", "urgent"), [(6, True, False), (3, True, False), (2, False, False), (0, False, True)]
)
def test_half_of_the_directories_are_enough(have: int, *, ok: bool, urgent: bool) -> None:
    """A visitor needs one; each that lacks it costs some a second try."""
    found = onions.published(replace(SOURCE, directories=Directories(6, have, ())))
    assert (found.ok, found.urgent) == (ok, urgent)
    assert found.seen == f"{have} of 6 directories have its descriptor."


@pytest.mark.parametrize(
    ("answer", "said", "fix"),
    [
        (Answer(status=503), "intake is closed for now", "card and sheets"),
        (Answer(status=403), "turns visitors away", "dengwen setup"),
        (Answer(status=404), "not the first page (HTTP 404)", "systemctl status dengwen-source.socket"),
        (
            Answer(code=MISSING_CLIENT_KEY, words="key"),
            "a source has none and is shut out",
            "rm -r /var/lib/tor/dengwen-source/authorized_clients",
        ),
        (
            Answer(code=0xF0, words="no directory has it"),
            "Nothing came through tor: no directory has it.",
            "journalctl -u dengwen-source",
        ),
    ],
)
def test_a_source_onion_that_does_not_answer_is_urgent(answer: Answer, said: str, fix: str) -> None:
    """Whatever it is, sources are shut out."""
    found = onions.source_answers(replace(SOURCE, answer=answer))
    assert found.urgent
    assert said in found.seen
    assert fix in found.fix


def test_a_desk_that_lets_strangers_in_is_urgent() -> None:
    """It is closed first, and then given keys."""
    found = onions.desk_answers(replace(DESK, answer=Answer(status=303)))
    assert (found.urgent, found.seen) == (True, "The desk onion lets in whoever has no key.")
    assert found.fix.startswith("Type: systemctl stop dengwen-desk.socket dengwen-desk.")


def test_a_desk_that_is_not_there_is_told_without_alarm() -> None:
    """No page and no refusal."""
    found = onions.desk_answers(replace(DESK, answer=Answer(code=0xF0, words="no directory has it")))
    assert (found.ok, found.urgent) == (False, False)
    assert found.seen == "Whether it is there cannot be told: no directory has it."


def test_a_descriptor_without_proof_of_work_is_told() -> None:
    """With the setting that brings it."""
    found = onions.proof_of_work(replace(SOURCE, pow=False))
    assert (found.ok, found.seen) == (False, "The descriptor carries none.")
    assert "pow = true under [onion]" in found.fix


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        ("behind", "The clock is behind"),
        ("ahead or offline", "the clock is ahead, or"),
        ("unknown", "tor has no consensus"),
    ],
)
def test_a_clock_that_disagrees_with_the_consensus_is_urgent(skew: Skew, said: str) -> None:
    """The onions vanish with it."""
    found = onions.clock(replace(TOR, clock=skew))
    assert found.urgent
    assert said in found.seen
    assert "timedatectl" in found.fix


def test_a_version_the_directories_warn_of_is_told_in_their_word() -> None:
    """Obsolete is obsolete."""
    found = onions.version(replace(TOR, version=Version("0.4.5.1", "obsolete")))
    assert (found.ok, found.seen) == (False, "The directories call tor 0.4.5.1 obsolete.")
    assert "apt-get install tor" in found.fix


def test_directories_without_advice_have_nothing_against_a_version() -> None:
    """A private network names none."""
    found = onions.version(replace(TOR, version=Version("0.4.9.11", "none recommended")))
    assert (found.ok, found.seen) == (True, "The directories recommend no version; this is 0.4.9.11.")


@pytest.mark.parametrize(("keys", "ok"), [(3, True), (4, True), (5, False), (2, False), (0, False)])
def test_keys_are_those_of_people_and_of_machines_that_watch(keys: int, *, ok: bool) -> None:
    """One too many can knock; one too few is shut out."""
    found = onions.desk_keys(keys, 3, 1, D)
    assert (found.ok, found.urgent) == (ok, False)
    assert found.seen.startswith(f"{keys} keys for the desk onion, 3 people")
    assert ok or f"dengwen desk-key list --dir {D}" in found.fix


# Looking them up where there is no tor


def places(folder: Path) -> read_onions.Places:
    return read_onions.Places(
        control=folder / "control", proxy=("127.0.0.1", 1), source=folder / "source", desk=folder / "desk"
    )


def test_a_machine_without_tor_gives_reasons_and_raises_nothing(tmp_path: Path) -> None:
    """Every fact is unseen, quickly."""
    found = read_onions.services(Deadline(10), places(tmp_path))
    assert isinstance(found.tor.bootstrap, Unseen)
    assert found.source.answer == Unseen(f"{tmp_path}/source/hostname: No such file or directory")
    assert found.keys == 0
    assert not any(one.ok for one in told(found))


def test_no_address_stands_in_a_report(tmp_path: Path) -> None:
    """The desk's is for its people alone, and reports travel."""
    address = "a" * 56
    for name in ("source", "desk"):
        (tmp_path / name / "authorized_clients").mkdir(parents=True)
        (tmp_path / name / "hostname").write_text(f"{address}.onion\n")
    for name in ("one.auth", "two.auth", "note.txt"):
        (tmp_path / "desk" / "authorized_clients" / name).write_text("x")
    found = read_onions.services(Deadline(10), places(tmp_path))
    assert found.keys == 2
    assert isinstance(found.source.answer, Answer)
    assert found.source.answer.status == 0
    assert not any(address in one.seen for one in told(found))


def test_a_hostname_that_is_none_is_said(tmp_path: Path) -> None:
    """Nothing is visited then."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "hostname").write_text("example.org\n")
    found = read_onions.services(Deadline(10), places(tmp_path))
    assert found.source.answer == Unseen(f"{tmp_path}/source/hostname holds no onion address")
