# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Files and messages that a source sealed with age beforehand: every seat opens them, and nobody takes a broken one for whole.
"""

from __future__ import annotations

import secrets
import tracemalloc
from collections.abc import Callable

import pytest
from sqlalchemy import delete, select

from crypto.age import CHUNK_SIZE, Header, HybridIdentity, Stanza, make_header, new_file_key
from crypto.age.stanza import encode64
from crypto.errors import TamperedError
from crypto.hidden import Hidden
from journalist_app.vault import joining, payloads, reading, sealed_age, sealed_before
from journalist_app.vault.errors import BrokenSealError, ForeignSealError, LockedError, NotFoundError
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import beforehand, epochs
from journalist_app.vault.sealed_before import noted, sealed_item, sealed_whole
from journalist_app.vault.sealed_kind import Kind
from journalist_app.vault.sealed_noted import MAX_TRIALS
from tests.journalist_app.vault.beforehand import age_file, armored, brought, offered, sent
from tests.journalist_app.vault.fakes import Organisation, Source

TEXT = "他们把名单藏在这里。".encode()


def opened(vault: Vault, item: bytes) -> bytes:
    """
    What a vault hands out of one item, opened.
    """
    found = sealed_before.opened(vault, sealed_item(vault, item), lambda: True)
    inside = b"".join(found.chunks)
    assert found.length == len(inside)
    return inside


def kept_key(vault: Vault, item: bytes) -> bytes:
    """
    The inner file key that the import kept.
    """
    with vault.read() as connection:
        return connection.execute(select(beforehand.c.file_key).where(beforehand.c.item == item)).scalar_one()


@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 << 20], ids=str)
@pytest.mark.parametrize("put_on", [bytes, armored], ids=["binary", "armored"])
def test_every_seat_opens_what_was_sealed_to_the_offered_recipients(
    three: Organisation, size: int, put_on: Callable[[bytes], bytes]
):
    """Small ones from the database, large ones from their file; binary or armored."""
    plaintext = secrets.token_bytes(size)
    (item,) = sent(three, put_on(age_file(offered(three.server), plaintext)))
    for vault in three.vaults:
        assert opened(vault, item) == plaintext


def test_content_decides_and_not_the_name(one: Organisation):
    """A sealed picture without an ending opens; a text that is called .age is a file like another."""
    sealed, plain = sent(one, age_file(offered(one.server), TEXT), b"no secret", name="photo.jpg")
    found = sealed_before.opened(one.vaults[0], sealed_item(one.vaults[0], sealed), lambda: True)
    assert (b"".join(found.chunks), found.name) == (TEXT, "opened photo.jpg")
    with pytest.raises(NotFoundError):
        sealed_item(one.vaults[0], plain)


def test_what_was_sealed_outlives_its_epoch(three: Organisation):
    """The inner key is kept when the item comes: a seed that is destroyed before anybody opens the file takes nothing along."""
    (item,) = sent(three, age_file(offered(three.server), TEXT))
    for vault in three.vaults:
        with vault.write() as connection:
            connection.execute(delete(epochs))
        assert opened(vault, item) == TEXT


def test_an_epoch_that_was_destroyed_before_it_came_is_said(one: Organisation):
    """Nobody can open it any more, and the sentence says what to ask for."""
    held_back = age_file(offered(one.server), TEXT)
    with one.vaults[0].write() as connection:
        connection.execute(delete(epochs).where(epochs.c.number == 1))
    (item,) = sent(one, held_back)
    with pytest.raises(ForeignSealError, match=r"keys this seat does not hold, or whose epoch was destroyed"):
        opened(one.vaults[0], item)


def test_a_file_that_was_kept_for_long_opens_when_a_person_asks(one: Organisation):
    """An import tries the likeliest epochs only; whoever asks for the file has all of them tried."""
    early = age_file([*(HybridIdentity.generate().recipient for _ in range(20)), *offered(one.server)], TEXT)
    one.turn(14 * 9)
    one.send(one.vaults[0])
    (item,) = sent(one, early)
    assert kept_key(one.vaults[0], item) == b""
    assert opened(one.vaults[0], item) == TEXT


def test_a_strangers_file_is_not_opened(one: Organisation):
    """Sealed to somebody else altogether."""
    (item,) = sent(one, age_file([HybridIdentity.generate().recipient], TEXT))
    with pytest.raises(ForeignSealError, match="does not hold"):
        opened(one.vaults[0], item)


@pytest.mark.parametrize(
    ("stanza", "said"),
    [
        (Stanza("scrypt", (encode64(bytes(16)), "18"), bytes(32)), "with a passphrase"),
        (Stanza("X25519", (encode64(bytes(31) + b"\x09"),), bytes(32)), "older kind of key"),
        (Stanza("ssh-ed25519", ("abcd",), bytes(32)), "does not hold"),
    ],
    ids=["passphrase", "X25519", "another"],
)
def test_other_ways_to_seal_are_named(one: Organisation, stanza: Stanza, said: str):
    """A passphrase, an older key, something else: each has its sentence."""
    raw = f"age-encryption.org/v1\n{stanza.encode()}--- {encode64(bytes(32))}\n".encode() + bytes(40)
    (item,) = sent(one, raw)
    with pytest.raises(ForeignSealError, match=said):
        opened(one.vaults[0], item)


def cuts(raw: bytes) -> dict[str, int]:
    """
    Where a file may be cut, by kind of boundary.
    """
    header = Header.length(raw) or 0
    return {
        "after the version line": raw.index(b"\n") + 1,
        "within a stanza": 300,
        "before the MAC": raw.index(b"\n---") + 1,
        "within the MAC": header - 10,
        "after the header": header,
        "within the nonce": header + 7,
        "after the nonce": header + 16,
        "within the first chunk": header + 16 + 1_000,
        "after the first chunk": header + 16 + CHUNK_SIZE + 16,
        "within the second": header + 16 + CHUNK_SIZE + 16 + 5,
        "before the last byte": len(raw) - 1,
    }


BOUNDARIES = (
    "after the version line",
    "within a stanza",
    "before the MAC",
    "within the MAC",
    "after the header",
    "within the nonce",
    "after the nonce",
    "within the first chunk",
    "after the first chunk",
    "within the second",
    "before the last byte",
)


@pytest.mark.parametrize("put_on", [bytes, armored], ids=["binary", "armored"])
def test_a_file_cut_anywhere_is_broken(one: Organisation, put_on: Callable[[bytes], bytes]):
    """At every kind of boundary: it is never taken for whole, and the person is told to ask for it again."""
    raw = age_file(offered(one.server), bytes(CHUNK_SIZE * 2 + 100))
    places = cuts(raw)
    assert tuple(places) == BOUNDARIES
    ids = sent(one, *(put_on(raw[:place]) for place in places.values()))
    for item in ids:
        with pytest.raises(BrokenSealError, match="cut or altered before it arrived"):
            opened(one.vaults[0], item)


def test_armor_cut_within_a_line_or_before_its_end_is_broken(one: Organisation):
    """The age file in it may even be whole: what is not in the one form is not believed."""
    text = armored(age_file(offered(one.server), TEXT))
    for item in sent(one, text[: text.index(b"\n-----END") + 1], text[:700], text + b"more"):
        with pytest.raises(BrokenSealError, match="armor"):
            opened(one.vaults[0], item)


def test_a_byte_altered_anywhere_is_broken(one: Organisation):
    """In a stanza, the MAC, the nonce, a chunk, a tag; and something put behind the end."""
    raw = age_file(offered(one.server), bytes(CHUNK_SIZE + 100))
    header = Header.length(raw) or 0
    spoiled = []
    for place in (60, header - 5, header + 3, header + 400, header + 16 + CHUNK_SIZE + 3, len(raw) - 1):
        one_off = bytearray(raw)
        one_off[place] ^= 1
        spoiled.append(bytes(one_off))
    for item in sent(one, *spoiled, raw + b"x"):
        # A stanza of which a bit is other may be another's as well: both are refused.
        with pytest.raises((BrokenSealError, ForeignSealError)):
            opened(one.vaults[0], item)


def test_a_broken_end_is_found_before_the_first_byte_goes(one: Organisation):
    """The first pass reads to the end: a chunk that verified by itself is not handed out alone."""
    raw = age_file(offered(one.server), bytes(CHUNK_SIZE * 3))
    (item,) = sent(one, raw[:-1])
    sealed = sealed_item(one.vaults[0], item)
    with pytest.raises(BrokenSealError):
        sealed_before.opened(one.vaults[0], sealed, lambda: True)


def test_what_it_came_in_may_be_altered_here_and_that_is_another_thing(one: Organisation):
    """A disk that forgets is not the source's doing, and the sentence does not say so."""
    (item,) = sent(one, age_file(offered(one.server), bytes(2 << 20)))
    path = payloads.path_of(one.vaults[0], item)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(TamperedError):
        opened(one.vaults[0], item)


def test_only_one_layer_comes_off(one: Organisation):
    """An age file in an age file is handed out as the age file that it is."""
    inner = age_file(offered(one.server), TEXT)
    (item,) = sent(one, age_file(offered(one.server), inner))
    assert opened(one.vaults[0], item) == inner


def test_a_sealed_file_that_came_in_parts_or_volumes_opens_joined(one: Organisation):
    """Sealed first and split then: its first piece says what it is."""
    plaintext = secrets.token_bytes(200_000)
    raw = age_file(offered(one.server), plaintext)
    source, mark = Source(), secrets.token_bytes(16)
    pieces = [raw[start : start + 80_000] for start in range(0, len(raw), 80_000)]
    for number, piece in enumerate(pieces, 1):
        one.server.deposit(source, "file", piece, name="a.age", set_=mark, part=number, parts=len(pieces))
        one.server.deposit(source, "file", piece, name=f"b.zip.age.{number:03d}")
    brought(one)
    vault = one.vaults[0]
    with vault.read() as connection:
        shown = reading.thread(connection, source.thread).items
        wholes = [
            (joining.joined_volumes if each.volumes else joining.joined_parts)(connection, each.row.item)
            for each in shown
        ]
        assert noted(connection, shown) == {each.row.item: Kind.AGE for each in shown}
    names = set()
    for joined in wholes:
        found = sealed_before.opened(vault, sealed_whole(vault, joined, lambda: True), lambda: True)
        assert b"".join(found.chunks) == plaintext
        names.add(found.name)
    assert names == {"a", "b.zip"}


def test_a_file_with_a_missing_part_offers_nothing_to_open(one: Organisation):
    """What is not whole is not joined, and so not opened either."""
    source, mark = Source(), secrets.token_bytes(16)
    first = age_file(offered(one.server), bytes(1_000))[:900]
    one.server.deposit(source, "file", first, name="a.age", set_=mark, part=1, parts=2)
    brought(one)
    with one.vaults[0].read() as connection:
        assert noted(connection, reading.thread(connection, source.thread).items) == {}


def test_an_armored_message_opens_with_words_around_it(one: Organisation):
    """What a source pasted, in the box where words go."""
    item = one.server.message(Source(), f"看\n{armored(age_file(offered(one.server), TEXT)).decode()}\n谢谢")
    brought(one)
    sealed = sealed_item(one.vaults[0], item)
    assert sealed.kind is Kind.AGE_ARMOR
    assert opened(one.vaults[0], item) == TEXT


def test_a_hostile_header_costs_an_import_little(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """Sixty stanzas for nobody, and every seed to try: an import gives up early, a person's click later, and both do."""
    tried = []

    class Counting(HybridIdentity):
        def unwrap(self, stanza: Stanza) -> Hidden | None:
            tried.append(stanza)
            return None

    monkeypatch.setattr(sealed_age, "HybridIdentity", Counting)
    (stanza,) = Header.parse(make_header(new_file_key(), [HybridIdentity.generate().recipient])).stanzas
    many = stanza.encode() * 40
    (item,) = sent(one, f"age-encryption.org/v1\n{many}--- {encode64(bytes(32))}\n".encode() + bytes(40))
    assert len(tried) == MAX_TRIALS
    tried.clear()
    monkeypatch.setattr(sealed_age, "MAX_TRIALS", 100)
    with pytest.raises(ForeignSealError):
        opened(one.vaults[0], item)
    assert len(tried) == 100


def test_a_large_one_passes_through_and_is_not_held(one: Organisation):
    """Thirty-two mebibytes go through a few."""
    (item,) = sent(one, age_file(offered(one.server), bytes(32 << 20)))
    sealed = sealed_item(one.vaults[0], item)
    tracemalloc.start()
    try:
        found = sealed_before.opened(one.vaults[0], sealed, lambda: True)
        assert sum(len(chunk) for chunk in found.chunks) == 32 << 20
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_lock_ends_what_is_being_handed_out(one: Organisation):
    """Not a byte after it."""
    (item,) = sent(one, age_file(offered(one.server), bytes(CHUNK_SIZE * 4)))
    answers = iter([True, False])
    found = sealed_before.opened(one.vaults[0], sealed_item(one.vaults[0], item), lambda: next(answers))
    assert len(next(found.chunks)) == CHUNK_SIZE
    with pytest.raises(LockedError):
        next(found.chunks)
