# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen watch` against a real desk, through a SOCKS server of the tests; and `dengwen watch-key`, which lets it in.
"""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy import server, watch_keys
from deploy.doctor.finding import Finding
from deploy.errors import WatchError
from deploy.processes import Running, start
from deploy.verbs import watch as verbs
from deploy.watch import LATE_SECONDS, Seen, Watched, look, next_time, offset_of, read_key, times
from journalist_app.desk.health import Colour
from journalist_app.desk.watch_keys import MAX_KEYS, digest_of
from store import audit
from tests.deploy.false_tor import FalseTor
from tests.journalist_app.desk.reports import FINE, GREEN, ONION, RED, YELLOW, report

ADDRESS = "dengwen" * 8 + ".onion"
NOWHERE = ("127.0.0.1", 9)
EVERY = 900


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a server's."""
    folder = tmp_path_factory.mktemp("watch")
    server.initialise(folder / "d", "Centre", desk="127.0.0.1:0")
    return folder


@pytest.fixture(scope="module")
def desk(place: Path) -> Iterator[Running]:
    """Its desk, as it is run."""
    running = start("desk", "deploy", ("desk", "--dir", str(place / "d")), log=place / "log", temporary=place / "tmp")
    yield running
    running.stop()


@pytest.fixture
def tor(desk: Running) -> Iterator[FalseTor]:
    """What the watcher takes for its tor, in front of that desk."""
    host, _, port = desk.address.partition(":")
    with FalseTor((host, int(port))) as one:
        yield one


@pytest.fixture
def key_file(place: Path, tmp_path: Path) -> Iterator[Path]:
    """A file with a key of that server, as an operator saves it."""
    (tmp_path / "key").write_text(watch_keys.add(place / "d", "laptop") + "\n")
    yield tmp_path / "key"
    (place / "d/watch-keys/laptop").unlink(missing_ok=True)


def say(place: Path, found: tuple[Finding, ...], *, minutes: int = 2) -> None:
    """Let doctor have looked."""
    (place / "d/doctor.json").write_bytes(report(found, time.time(), minutes=minutes))


def once(tor: FalseTor, key_file: Path) -> tuple[int, str]:
    """`dengwen watch --once`: exit code and what it printed."""
    arguments = ["--onion", ADDRESS, "--key-file", str(key_file), "--socks", tor.address, "--once"]
    done = CliRunner().invoke(verbs.watch_verb, arguments)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("found", "code", "word"),
    [(GREEN, 0, "GREEN all is well."), (YELLOW, 1, "YELLOW 1 thing needs you."), (RED, 2, "RED 1 thing is urgent.")],
    ids=["green", "yellow", "red"],
)
def test_three_colours_from_a_real_desk(
    place: Path, tor: FalseTor, key_file: Path, found: tuple[Finding, ...], code: int, word: str
) -> None:
    """In words and as the exit code, with what is wrong and what to type; tor was asked for the onion by name."""
    say(place, found)
    ended, printed = once(tor, key_file)
    assert ended == code, printed
    assert word in printed
    assert re.search(r"Doctor looked [23] minutes ago\.", printed)
    for one in found:
        assert (one.seen in printed) == (not one.ok)
        assert one.fix in printed
    assert ("(urgent)" in printed) == (code == 2)
    assert tor.asked == [(ADDRESS, 80)]


def test_a_server_that_stopped_looking_is_red(place: Path, tor: FalseTor, key_file: Path) -> None:
    """An old report and none at all: each says so."""
    say(place, GREEN, minutes=45)
    code, printed = once(tor, key_file)
    assert (code, bool(re.search(r"RED no report for 4[56] minutes", printed))) == (2, True)
    (place / "d/doctor.json").unlink()
    code, printed = once(tor, key_file)
    assert code == 2
    assert "RED no report of doctor: there is none." in printed


def test_a_revoked_key_is_red_and_says_so(place: Path, tor: FalseTor, key_file: Path) -> None:
    """And so is one of another server: the desk refuses both alike."""
    say(place, GREEN)
    assert once(tor, key_file)[0] == 0
    watch_keys.revoke(place / "d", "laptop")
    code, printed = once(tor, key_file)
    assert code == 2
    assert "did not take this watch key" in printed


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0xF0, "not published, or the address is wrong"),
        (0xF4, "demands a client key"),
        (0xF5, "does not accept the client key"),
        (0x04, "cannot be reached"),
        (0x06, "took too long"),
    ],
    ids=["no descriptor", "no client key", "a wrong client key", "unreachable", "timeout"],
)
def test_what_tor_says_is_what_is_told(key_file: Path, code: int, words: str) -> None:
    """No such service, no client key, a wrong one, silence: red, each in its own words."""
    with FalseTor(code=code) as tor:
        ended, printed = once(tor, key_file)
    assert ended == 2
    assert "RED no answer" in printed
    assert words in printed
    assert ("ExtendedErrors says why" in printed) == (code < 0xF0)


def answered(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


BAD = {
    "no HTTP": (b"SSH-2.0-x\r\n", "the connection broke"),
    "an error": (answered(b"500 No", b""), "the desk answered 500"),
    "a redirect": (answered(b"303 See", b""), "the desk answered 303"),
    "a page": (answered(b"200 OK", b"<!doctype html>"), "not an answer of this version"),
    "an endless page": (answered(b"200 OK", b" " * (1 << 20)), "not an answer of this version"),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000, "the connection broke"),
    "a terminal's escape": (answered(b"200 \x1b[2J", b"\x1b[2J"), "not an answer of this version"),
}


@pytest.mark.parametrize(("said", "words"), BAD.values(), ids=BAD)
def test_what_is_no_answer_is_red_and_prints_nothing_of_itself(key_file: Path, said: bytes, words: str) -> None:
    """A hostile desk can be red, and no more."""
    with FalseTor(says=said) as tor:
        code, printed = once(tor, key_file)
    assert code == 2
    assert words in printed
    assert "\x1b[2J" not in printed


def test_a_desk_that_falls_silent_comes_to_an_end(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it speaks."""
    monkeypatch.setattr("deploy.watch.ANSWER_SECONDS", 0.5)
    began = time.monotonic()
    with FalseTor(says=b"HTTP/1.1 200 OK\r\n") as tor:
        code, printed = once(tor, key_file)
    assert (code, "RED no answer" in printed) == (2, True)
    assert time.monotonic() - began < 15


def test_without_a_tor_it_is_red(key_file: Path) -> None:
    """Nothing listens there."""
    watched = Watched(onion=ADDRESS, key=read_key(key_file), proxy=NOWHERE)
    seen = look(watched)
    assert seen.colour == Colour.RED
    assert "tor does not listen" in seen.lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--onion", "example.org"),
        ("--onion", ADDRESS.upper()),
        ("--onion", f"{ADDRESS}\n"),
        ("--socks", "192.0.2.1:9050"),
        ("--socks", "127.0.0.1:0"),
        ("--socks", "127.0.0.1:65536"),
        ("--every", "4m"),
        ("--every", "25h"),
        ("--every", "15"),
        ("--key-file", "/nonexistent"),
        ("--key-file", "/etc/hostname"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_watched_ends_like_red(key_file: Path, arguments: tuple[str, str]) -> None:
    """Nobody looked, so no timer may take it for green or yellow; and a watch goes to this machine's own tor, nowhere else."""
    given_all = {"--onion": ADDRESS, "--key-file": str(key_file), "--socks": "127.0.0.1:9"} | dict([arguments])
    done = CliRunner().invoke(verbs.watch_verb, [*(part for pair in given_all.items() for part in pair), "--once"])
    assert done.exit_code == 2
    assert "Usage" in done.output


@given(st.floats(1.7e9, 4e9), st.integers(5, 1_440).map(lambda minutes: minutes * 60), st.integers(0, 86_399))
def test_questions_come_at_one_distance_from_the_marks(now: float, every: int, offset: int) -> None:
    """Whenever it is started: after now, before one round is over, and always at the same place in a round."""
    offset %= every
    due = next_time(now, every, offset)
    assert now < due <= now + every
    assert due % every == offset
    assert next_time(due, every, offset) == due + every


@given(st.floats(1.7e9, 4e9), st.floats(0, 890))
def test_when_it_was_started_moves_no_question(now: float, later: float) -> None:
    """Two starts in one round ask at the same time."""
    due = next_time(now, EVERY, 7)
    if now + later < due:
        assert next_time(now + later, EVERY, 7) == due


@given(st.binary(min_size=32, max_size=32), st.integers(300, 86_400))
def test_each_machine_has_its_own_place_in_a_round(key: bytes, every: int) -> None:
    """The same at every start, because the key decides."""
    watched = Watched(onion=ADDRESS, key=key.hex(), proxy=NOWHERE)
    assert offset_of(watched, every) == offset_of(Watched(onion=ADDRESS, key=key.hex(), proxy=NOWHERE), every)
    assert 0 <= offset_of(watched, every) < every
    assert key.hex() not in repr(watched)


class Sleeper:
    """A clock that only sleeping moves; at each of `wakes` it jumps ahead, as when a lid was closed."""

    def __init__(self, now: float, *wakes: tuple[float, float]) -> None:
        self.now, self.wakes = now, list(wakes)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds
        if self.wakes and self.now >= self.wakes[0][0]:
            self.now += self.wakes.pop(0)[1]


def test_a_machine_that_wakes_does_not_ask_at_once() -> None:
    """The question it slept through is left out; the next comes at its own time."""
    clock = Sleeper(10_000.0, (10_500.0, 2_000.0))
    asked = [(clock.now, following) for following in islice(times(EVERY, 7, clock=clock, sleep=clock.sleep), 3)]
    assert [at for at, _ in asked] == [12_607.0, 13_507.0, 14_407.0]
    assert [following for _, following in asked] == [13_507.0, 14_407.0, 15_307.0]


def test_a_clock_that_was_set_back_does_not_silence_the_watch() -> None:
    """It asks again within one round of the new time."""
    clock = Sleeper(1_000_000.0, (1_000_100.0, -500_000.0))
    next(iter(times(EVERY, 7, clock=clock, sleep=clock.sleep)))
    assert clock.now < 500_100 + 2 * EVERY
    assert LATE_SECONDS < EVERY


def test_a_line_is_printed_for_each_change_and_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Minutes in the words are no change; a colour that changed runs the program, once, with the colour and no shell."""
    program, told = tmp_path / "notify", tmp_path / "told"
    program.write_text(f'#!/bin/sh\nprintf "%s %s\\n" "$#" "$1" >>{told}\n')
    program.chmod(0o700)
    rounds = iter(
        [
            Seen(Colour.GREEN, ("all is well. Doctor looked 2 minutes ago.",), ("green",)),
            Seen(Colour.GREEN, ("all is well. Doctor looked 9 minutes ago.",), ("green",)),
            Seen(Colour.YELLOW, ("1 thing needs you.", "updates: 7 wait. Type it."), ("yellow", "updates False")),
            Seen(Colour.YELLOW, ("1 thing needs you.", "space: full. Buy it."), ("yellow", "space False")),
            Seen(Colour.RED, ("no answer: x",), ("no answer", "x")),
        ]
    )
    monkeypatch.setattr(verbs, "look", lambda _: next(rounds))
    monkeypatch.setattr(verbs, "times", lambda every, offset: iter((0.0,) * 5))
    with pytest.raises(AssertionError):
        verbs._watch(Watched(onion=ADDRESS, key="5a" * 32, proxy=NOWHERE), EVERY, program)
    lines = [re.sub(r"^[0-9-]+ [0-9:]+ ", "", line) for line in capfd.readouterr().out.splitlines()]
    assert lines == [
        "GREEN all is well. Doctor looked 2 minutes ago.",
        "YELLOW 1 thing needs you.",
        "    updates: 7 wait. Type it.",
        "YELLOW 1 thing needs you.",
        "    space: full. Buy it.",
        "RED no answer: x",
    ]
    assert told.read_text() == "1 green\n1 yellow\n1 red\n"
    verbs._notify(tmp_path / "gone", Colour.RED)
    assert "did not run: FileNotFoundError" in capfd.readouterr().err


def test_what_changes_is_what_is_wrong_and_not_its_numbers(place: Path, tor: FalseTor, key_file: Path) -> None:
    """Another count is no change; another finding, or the same one grown urgent, is."""
    watched = Watched(onion=ADDRESS, key=read_key(key_file), proxy=("127.0.0.1", int(tor.address.split(":")[1])))
    keys = []
    for one in (
        Finding(what="space", ok=False, seen="9 days are left.", why="x", fix="x"),
        Finding(what="space", ok=False, seen="8 days are left.", why="x", fix="x"),
        Finding(what="space", ok=False, urgent=True, seen="1 day is left.", why="x", fix="x"),
        ONION,
    ):
        say(place, (FINE, one))
        keys.append(look(watched).key)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_key_is_printed_once_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    """64 digits; in the server's folder there is their SHA-256 alone, and the audit log names who was let in and out."""
    folder = tmp_path / "d"
    server.initialise(folder, "Centre")
    done = CliRunner().invoke(verbs.watch_key_verbs, ["add", "--dir", str(folder), "laptop"])
    assert done.exit_code == 0
    key = done.output.strip()
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    path = folder / "watch-keys/laptop"
    assert path.read_bytes() == digest_of(key)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o640, 0o750)
    for file in (one for one in folder.rglob("*") if one.is_file()):
        assert key.encode() not in file.read_bytes(), file
    assert CliRunner().invoke(verbs.watch_key_verbs, ["list", "--dir", str(folder)]).output == "laptop\n"
    assert CliRunner().invoke(verbs.watch_key_verbs, ["revoke", "--dir", str(folder), "laptop"]).exit_code == 0
    assert watch_keys.names(folder) == ()
    acts = [one.act for one in audit.newest(server.opened(folder))]
    assert acts == ["dengwen: watch key laptop revoked", "dengwen: watch key laptop added"]


def test_keys_that_cannot_be_made_leave_no_line_in_the_log(tmp_path: Path) -> None:
    """A bad name, one that is taken, one too many, one that is not there."""
    folder = tmp_path / "d"
    server.initialise(folder, "Centre")
    watch_keys.add(folder, "laptop")
    for name in ("", "../keys", "Laptop", "x" * 33, "-x", "a b"):
        with pytest.raises(WatchError, match="1 to 32"):
            watch_keys.add(folder, name)
    with pytest.raises(WatchError, match="revoke it first"):
        watch_keys.add(folder, "laptop")
    with pytest.raises(WatchError, match="no watch key"):
        watch_keys.revoke(folder, "desktop")
    for number in range(MAX_KEYS - 1):
        (folder / f"watch-keys/a{number}").write_bytes(digest_of("5a" * 32))
    with pytest.raises(WatchError, match="revoke one first"):
        watch_keys.add(folder, "desktop")
    assert len(audit.newest(server.opened(folder))) == 1


@pytest.mark.parametrize("text", ["", "5a" * 31, "5a" * 33, "zz" * 32, "5A" * 32, "\xff" * 64, "5a" * 10_000])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    """In one sentence, without quoting it."""
    (tmp_path / "key").write_text(text)
    with pytest.raises(WatchError, match="holds no watch key") as refused:
        read_key(tmp_path / "key")
    assert not text or text not in str(refused.value)


def test_help_says_that_the_server_calls_nobody() -> None:
    """What an operator must know before trusting a green line."""
    said = " ".join(CliRunner().invoke(verbs.watch_verb, ["--help"]).output.split())
    assert "no way to call anybody" in said
    assert "ExtendedErrors" in said
    assert (
        subprocess.run(
            [sys.executable, "-c", "import deploy.watch"], check=False, cwd=Path(__file__).parents[2]
        ).returncode
        == 0
    )
