# SPDX-License-Identifier: AGPL-3.0-or-later
"""
OpenPGP, with GnuPG itself as the source: what was sealed to a seat's key opens there, and whatever is not whole does not.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from journalist_app.vault import memory, pgp, piped
from journalist_app.vault.errors import BrokenSealError, ForeignSealError, ItemRefusedError, NotNowError, ProgramError
from journalist_app.vault.pgp import FREE_SIZE, MAX_RATIO, PgpKey
from tests.journalist_app.vault.beforehand import GnuPG, left_in, own_memory

DAY = datetime.date(2026, 3, 2)
TEXT = "他们把名单藏在这里。".encode()


@pytest.fixture(scope="module")
def keys() -> tuple[PgpKey, PgpKey]:
    """The keys of two seats."""
    return pgp.make("seat 1", DAY), pgp.make("seat 2", DAY)


@pytest.fixture(scope="module")
def source(keys: tuple[PgpKey, PgpKey]) -> Iterator[GnuPG]:
    """A source who has both."""
    made = GnuPG()
    for key in keys:
        assert made.take(key.public) == key.fingerprint
    yield made
    made.close()


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where gpg works: however a test ends, no folder stays there and no agent."""
    with own_memory(monkeypatch) as made:
        yield made


def opened(key: PgpKey, sealed: bytes, signed: list[str] | None = None, piece: int = 1 << 20) -> bytes:
    """What a message holds."""
    pieces = iter([sealed[start : start + piece] for start in range(0, len(sealed), piece)])
    return b"".join(pgp.opened(key.secret, pieces, len(sealed), [] if signed is None else signed))


@pytest.mark.parametrize("armor", [(), ("--armor",)], ids=["binary", "armored"])
@pytest.mark.parametrize("hidden", [(), ("--throw-keyids",)], ids=["named", "hidden"])
def test_each_seat_opens_what_was_sealed_to_both(keys, source, armor, hidden):
    """With the recipients named, and with them hidden, which is what sources are told to do."""
    sealed = source.seal(TEXT, *(key.fingerprint for key in keys), more=[*armor, *hidden])
    assert [opened(key, sealed) for key in keys] == [TEXT, TEXT]


def test_keys_in_files_are_enough_to_seal_to(keys, source, tmp_path):
    """As the guidance says it: nothing is taken into the source's keyring, and recipients are hidden. One file is one seat's."""
    to = []
    for key in keys:
        path = tmp_path / f"{key.fingerprint}.asc"
        path.write_text(key.public)
        to.append(("--hidden-recipient-file", str(path)))
    stranger = GnuPG()
    try:
        for_one = stranger.run("--encrypt", *to[0], given=TEXT)
        for_both = stranger.run("--encrypt", *to[0], *to[1], given=TEXT)
        assert stranger.run("--list-keys") == b""
    finally:
        stranger.close()
    assert [opened(keys[0], for_one), opened(keys[0], for_both), opened(keys[1], for_both)] == [TEXT] * 3
    with pytest.raises(ForeignSealError):
        opened(keys[1], for_one)


@pytest.mark.parametrize("piece", [1, 1 << 10, 1 << 20], ids=str)
def test_a_message_may_come_in_pieces_of_any_size(keys, source, piece):
    """What goes in and what comes out are not in step."""
    plaintext = secrets.token_bytes(3_000)
    assert opened(keys[0], source.seal(plaintext, keys[0].fingerprint), piece=piece) == plaintext


def test_an_empty_piece_is_not_the_end(keys, source):
    """Who reads a body in pieces may get one of nothing, before, between and behind."""
    sealed = source.seal(TEXT, keys[0].fingerprint)
    pieces = iter([b"", sealed[:60], b"", sealed[60:], b""])
    assert b"".join(pgp.opened(keys[0].secret, pieces, len(sealed), [])) == TEXT


def test_a_large_one_passes_through(keys, source):
    """Pipes hold 64 KiB: neither side waits for the other for ever, and a chunk at a time comes out."""
    plaintext = secrets.token_bytes(24 << 20)
    sealed = source.seal(plaintext, keys[0].fingerprint)
    chunks = list(pgp.opened(keys[0].secret, iter([sealed]), len(sealed), []))
    assert b"".join(chunks) == plaintext
    assert max(map(len, chunks)) <= piped.READ


def test_a_signature_inside_is_reported_and_not_believed(keys, source):
    """The vault knows nobody's keys: it says which key claims to have signed, and opens the message all the same."""
    own = source.own_key()
    signed: list[str] = []
    sealed = source.seal(TEXT, keys[0].fingerprint, more=["--sign", "--local-user", own])
    assert opened(keys[0], sealed, signed) == TEXT
    assert signed == [own[-16:]]


def test_a_stranger_cannot_open_it(keys, source):
    """Sealed to one seat, it is not for the other; sealed to nobody here, for none."""
    other = source.own_key()
    for recipient, key in ((keys[0].fingerprint, keys[1]), (other, keys[0])):
        for more in ([], ["--throw-keyids"]):
            with pytest.raises(ForeignSealError, match="keys this seat does not hold"):
                opened(key, source.seal(TEXT, recipient, more=more))


def test_a_passphrase_is_not_asked_for(keys, source):
    """A message for a passphrase alone is named; one for both opens with the key."""
    passphrase = ["--pinentry-mode", "loopback", "--passphrase", "x", "--symmetric"]
    with pytest.raises(ForeignSealError, match="passphrase"):
        opened(keys[0], source.run(*passphrase, given=TEXT))
    assert opened(keys[0], source.seal(TEXT, keys[0].fingerprint, more=passphrase)) == TEXT


@pytest.mark.parametrize("place", [1, 3, 50, 95, 96, 97, 98, 120, 8_000, 8_400, -23, -22, -1])
def test_a_message_cut_anywhere_is_broken(keys, source, place):
    """In the first packet, between the two, in a length, in the body, in its protection, before the last byte."""
    sealed = source.seal(secrets.token_bytes(16_500), keys[0].fingerprint)
    with pytest.raises(BrokenSealError):
        opened(keys[0], sealed[:place])


@pytest.mark.parametrize("place", [5, 20, 60, 100, 125, 5_000, -22, -10, -1])
def test_a_byte_altered_anywhere_is_broken(keys, source, place):
    """In the key's packet, which may then be for another, and everywhere in the body."""
    sealed = bytearray(source.seal(secrets.token_bytes(16_500), keys[0].fingerprint))
    sealed[place] ^= 1
    with pytest.raises((BrokenSealError, ForeignSealError)):
        opened(keys[0], bytes(sealed))


def test_two_messages_in_one_are_refused(keys, source):
    """What stands before or behind an encrypted message is not part of it, and nobody sees that it is not."""
    sealed, own = source.seal(TEXT, keys[0].fingerprint), source.own_key()
    plain = source.run("--sign", "--local-user", own, given=b"not from the source")
    for raw in (sealed + sealed, sealed + plain, plain + sealed):
        with pytest.raises(BrokenSealError):
            opened(keys[0], raw)


def test_what_is_not_encrypted_is_not_opened(keys, source):
    """A message that is only signed holds words that anybody could have put there; so does nonsense."""
    only_signed = source.run("--sign", "--local-user", source.own_key(), given=TEXT)
    with pytest.raises(BrokenSealError, match="not encrypted"):
        opened(keys[0], only_signed)
    for raw in (b"", b"words", bytes(500)):
        with pytest.raises(BrokenSealError):
            opened(keys[0], raw)


def session_of(key: PgpKey, sealed: bytes) -> bytes:
    """What a message's body is encrypted with, as the seat's own gpg tells it."""
    seat = GnuPG()
    try:
        seat.run("--import", given=bytes(key.secret))
        said = seat.run("--status-fd", "1", "--show-session-key", "--decrypt", given=sealed)
    finally:
        seat.close()
    return bytes.fromhex(next(line for line in said.split(b"\n") if b"SESSION_KEY" in line).split(b":")[-1].decode())


def cfb(session: bytes, register: bytes, given: bytes) -> bytes:
    """The mode of RFC 4880, 13.9."""
    block = Cipher(algorithms.AES256(session), modes.ECB()).encryptor().update
    made = b""
    for start in range(0, len(given), 16):
        piece = given[start : start + 16]
        register = bytes(one ^ two for one, two in zip(piece, block(register), strict=False))
        made += register
    return made


def packet(tag: int, body: bytes) -> bytes:
    """One packet of the new format."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4) + body


def literal(plaintext: bytes, name: bytes = b"") -> bytes:
    """A body with the name that its author gave it."""
    return packet(11, b"b" + bytes([len(name)]) + name + bytes(4) + plaintext)


def unprotected(sealed: bytes, session: bytes, packets: bytes) -> bytes:
    """The same first packet, with a body of the old kind (RFC 4880, 5.7): what gpg does not make any more."""
    start = secrets.token_bytes(16)
    head = cfb(session, bytes(16), start + start[-2:])
    return sealed[: 2 + sealed[1]] + packet(9, head + cfb(session, head[2:], packets))


def protected(sealed: bytes, session: bytes, packets: bytes) -> bytes:
    """The same first packet, with a body of any packets, whose protection holds (RFC 4880, 5.13)."""
    start = secrets.token_bytes(16)
    whole = start + start[-2:] + packets + b"\xd3\x14"
    digest = hashlib.sha1(whole, usedforsecurity=False).digest()
    return sealed[: 2 + sealed[1]] + packet(18, b"\1" + cfb(session, bytes(16), whole + digest))


def test_a_message_without_protection_against_alteration_is_refused(keys, source):
    """GnuPG would give it out with a warning at most: nothing of it is believed here."""
    sealed = source.seal(TEXT, keys[0].fingerprint)
    with pytest.raises(BrokenSealError, match="no protection against alteration"):
        opened(keys[0], unprotected(sealed, session_of(keys[0], sealed), literal(TEXT)))


def test_what_a_hostile_source_puts_beside_or_around_a_body_is_not_in_it(keys, source, tmp_path, monkeypatch):
    """A key whose list gpg would write among the words, a name that is a path, a name that is a line of gpg's own status."""
    monkeypatch.chdir(tmp_path)
    sealed, own = source.seal(TEXT, keys[0].fingerprint), source.own_key()
    session, key = session_of(keys[0], sealed), source.run("--export", own)
    names = (b"", str(tmp_path / "written").encode(), b"_CONSOLE", b"x\n[GNUPG:] GOODSIG 0123456789ABCDEF evil")
    for packets in (key + literal(TEXT), literal(TEXT) + key, *(literal(TEXT, name) for name in names)):
        signed: list[str] = []
        assert opened(keys[0], protected(sealed, session, packets), signed) == TEXT
        assert signed == []
    for packets in (literal(b"a") + literal(b"b"), protected(sealed, session, literal(TEXT))):
        with pytest.raises(BrokenSealError):
            opened(keys[0], protected(sealed, session, packets))
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_given_up(keys, source):
    """Half a gigabyte of nothing in half a megabyte: it ends at the named maximum, long before its own end."""
    sealed = source.seal(bytes(512 << 20), keys[0].fingerprint, more=["--compress-algo", "zlib", "-z", "9"])
    assert len(sealed) < 1 << 20
    came = [0]
    chunks = pgp.opened(keys[0].secret, iter([sealed]), len(sealed), [])
    with pytest.raises(ItemRefusedError, match="unpacks to more than"):
        came.extend(len(chunk) for chunk in chunks)
    assert 0 < sum(came) <= FREE_SIZE + MAX_RATIO * len(sealed)


def test_a_message_for_a_crowd_is_given_up(keys, source, monkeypatch):
    """What gpg says on the side has a maximum as well."""
    monkeypatch.setattr(piped, "MAX_SAID", 200)
    with pytest.raises(ItemRefusedError, match="says more"):
        opened(keys[0], source.seal(TEXT, keys[0].fingerprint))


def test_whoever_stops_taking_ends_it(keys, source, place):
    """A browser that hangs up leaves no program behind, no agent and no folder."""
    sealed = source.seal(secrets.token_bytes(8 << 20), keys[0].fingerprint)
    chunks = pgp.opened(keys[0].secret, iter([sealed]), len(sealed), [])
    assert next(chunks)
    assert len(left_in(place)) == 1
    chunks.close()


def test_a_key_says_of_nobody_who_they_are(keys, source):
    """No name but the seat's, no account, no host, no time finer than a day, no expiry; curve25519 to seal to."""
    listed = source.run("--with-colons", "--show-keys", given=keys[0].public.encode()).decode().splitlines()
    fields = [line.split(":") for line in listed]
    assert [field[9] for field in fields if field[0] == "uid"] == ["seat 1"]
    assert [(field[0], field[3], field[6], field[11], field[16]) for field in fields if field[0] in {"pub", "sub"}] == [
        ("pub", "22", "", "cEC", "ed25519"),
        ("sub", "18", "", "e", "cv25519"),
    ]
    packets = source.run("--list-packets", given=keys[0].public.encode()).decode()
    times = [int(part.split()[1]) for part in packets.split(",") if part.startswith(" created ")]
    midnight = datetime.datetime.combine(DAY, datetime.time(), datetime.UTC).timestamp()
    assert set(times) == {int(midnight)}
    assert len(times) == 4
    for name in (socket.gethostname(), os.environ.get("LOGNAME") or "root", "@"):
        assert name not in packets


def test_a_laptop_with_the_wrong_day_opens_all_the_same(source):
    """A key from the future, for a clock that fell behind: an offline laptop has the wrong day sooner or later."""
    key = pgp.make("seat 3", datetime.date(2099, 1, 1))
    later = ["--faked-system-time", "20990102T000000!"]
    source.run(*later, "--import", given=key.public.encode())
    assert opened(key, source.seal(TEXT, key.fingerprint, more=later)) == TEXT


def test_nobodys_settings_are_read(keys, source, tmp_path, monkeypatch):
    """Neither the account's own GnuPG nor its agent has a say, and neither is touched."""
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    for name in ("gpg.conf", "gpg-agent.conf"):
        (home / name).write_text("no-such-option\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GNUPGHOME", str(home))
    monkeypatch.setenv("GPG_AGENT_INFO", "/nowhere:1:1")
    assert opened(keys[0], source.seal(TEXT, keys[0].fingerprint, more=["--no-options"])) == TEXT
    assert sorted(path.name for path in home.iterdir()) == ["gpg-agent.conf", "gpg.conf"]


@pytest.mark.parametrize("program", ["gpg", "gpg-agent", "gpgconf"])
def test_a_missing_program_is_named_by_its_package(keys, tmp_path, monkeypatch, program):
    """One sentence that says what to install."""
    for name in {"gpg", "gpg-agent", "gpgconf"} - {program}:
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setattr(pgp, "_PATH", str(tmp_path))
    with pytest.raises(ProgramError, match=f"install the Debian package {program}$"):
        opened(keys[0], b"x")


def test_a_place_on_a_disk_is_not_taken(keys, tmp_path, monkeypatch):
    """A key must not touch a disk: without a folder in memory nothing is opened."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(memory, "_mounted", lambda: {Path("/"): "ext4"})
    with pytest.raises(NotNowError, match="TMPDIR"):
        opened(keys[0], b"x")


def test_a_tmpdir_on_a_disk_is_passed_over(keys, source, tmp_path, monkeypatch):
    """The next place that lies in memory is taken instead."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert opened(keys[0], source.seal(TEXT, keys[0].fingerprint)) == TEXT
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from journalist_app.vault import pgp
from crypto.hidden import Hidden
secret, sealed = (open(path, "rb").read() for path in sys.argv[1:])
chunks = pgp.opened(Hidden(secret), iter([sealed]), len(sealed), [])
next(chunks)
print("begun", flush=True)
time.sleep(60)
"""


@pytest.fixture
def run_folder() -> Iterator[Path]:
    """
    Where gpg keeps its sockets on a laptop that has it: the folder of the account under /run/user.
    """
    folder = Path(f"/run/user/{os.getuid()}")
    made = not folder.exists()
    if made:
        try:
            folder.mkdir(mode=0o700)
        except OSError:
            pytest.skip("no /run/user here, and nobody may make it")
    yield folder / "gnupg"
    if made:
        # Another one's sockets may have come since.
        with contextlib.suppress(OSError):
            (folder / "gnupg").rmdir()
        with contextlib.suppress(OSError):
            folder.rmdir()


def test_nothing_is_left_where_sockets_stand_on_a_laptop(keys, source, run_folder):
    """Each act had a folder of its own there, with its agent's sockets: it goes with the agent."""
    sealed = source.seal(TEXT, keys[0].fingerprint)
    before = set(run_folder.glob("d.*"))
    chunks = pgp.opened(keys[0].secret, iter([sealed]), len(sealed), [])
    assert next(chunks) == TEXT
    assert len(set(run_folder.glob("d.*")) - before) == 1
    assert list(chunks) == []
    assert set(run_folder.glob("d.*")) <= before


def test_what_a_killed_vault_left_is_removed_by_the_next(keys, source, tmp_path, place):
    """Pulled out in the middle, a key lies in memory: whoever opens something next ends its agent and removes it."""
    sealed = source.seal(secrets.token_bytes(8 << 20), keys[0].fingerprint)
    (tmp_path / "key").write_bytes(keys[0].secret)
    (tmp_path / "sealed").write_bytes(sealed)
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "key"), str(tmp_path / "sealed")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as vault:
        assert vault.stdout is not None
        assert vault.stdout.readline() == b"begun\n"
        (left,) = left_in(place)
        # While that one lives, another leaves its folder alone.
        assert opened(keys[1], source.seal(TEXT, keys[1].fingerprint)) == TEXT
        assert left_in(place) == {left}
        vault.send_signal(signal.SIGKILL)
    assert left_in(place) == {left}
    assert opened(keys[1], source.seal(TEXT, keys[1].fingerprint)) == TEXT
    assert left_in(place) == set()
