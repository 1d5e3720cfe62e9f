# SPDX-License-Identifier: AGPL-3.0-or-later
"""
An age file that a source sealed to the seats' published recipients, opened with this seat's epoch seeds.

It names neither seat nor epoch, so seeds are tried on its hybrid stanzas, the likeliest first: sources are offered the epoch
after the one under which the server seals. X25519 stanzas and passphrases are passed over. What comes out is a stream
whose end decides: nothing of it may be handed on before (spec F3, A5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from typing import Final

from crypto.age import Header, HybridIdentity, PayloadOpener, Stanza
from crypto.age.armor import ArmorReader
from crypto.age.recipients import HYBRID
from crypto.errors import CryptoError
from crypto.hidden import Hidden
from journalist_app.vault.errors import BrokenSealError, ForeignSealError

# When a person asks: sixteen seats and more epochs than a sheet announces are a thousand. A quarter of a millisecond each.
MAX_TRIALS: Final = 2_048

FOREIGN: Final = (
    "sealed to keys this seat does not hold, or whose epoch was destroyed: ask the source to seal it again, "
    "to the recipients of that day"
)
_CUT: Final = "it was cut or altered before it arrived here: ask the source to send it again"


def opened(pieces: Iterator[bytes], key_of: Callable[[Header], Hidden]) -> Iterator[bytes]:
    """
    What a binary age file holds, chunk by chunk. Believe nothing of it before it has come to its end.

    Args:
        pieces: The age file.
        key_of: Finds its file key.

    Raises:
        ForeignSealError: There is no key for it.
        BrokenSealError: It was cut or altered.
    """
    header, rest = _header(pieces)
    opener = PayloadOpener(key_of(header))
    for piece in chain((rest,), pieces):
        with _as_broken("this age file does not hold to its end"):
            chunks = [bytes(chunk) for chunk in opener.feed(piece)]
        yield from chunks
    with _as_broken("this age file does not hold to its end"):
        last = [bytes(chunk) for chunk in opener.finish()]
    yield from last


def unarmored(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """
    An age file out of its armor.

    Raises:
        BrokenSealError: The armor is none, or was cut.
    """
    reader = ArmorReader()
    for piece in pieces:
        with _as_broken("the armor of this age file is not as age writes it"):
            raw = reader.feed(piece)
        yield raw
    with _as_broken("the armor of this age file is not as age writes it"):
        reader.finish()


def find_key(header: Header, seeds: Mapping[int, Hidden], epoch: int, most: int) -> Hidden:
    """
    The file key of an age file.

    Args:
        header: Its header.
        seeds: Every seed held, by epoch.
        epoch: Under which the server sealed what it came in.
        most: How many times to try.

    Raises:
        ForeignSealError: None of the seeds opens it.
        BrokenSealError: The header was altered.
    """
    stanzas = [stanza for stanza in header.stanzas if stanza.type == HYBRID]
    if not stanzas:
        raise ForeignSealError(f"this age file was {_otherwise(header)}")
    with _as_broken("the header of this age file was altered"):
        for stanza, identity in islice(_trials(stanzas, seeds, epoch), most):
            file_key = identity.unwrap(stanza)
            if file_key is not None:
                header.verify(file_key)
                return file_key
    raise ForeignSealError(f"this age file was {FOREIGN}")


@contextmanager
def _as_broken(said: str) -> Iterator[None]:
    # Around our own reading of it alone: that what it came in was altered here, on the disk, is another thing to say.
    try:
        yield
    except CryptoError as error:
        raise BrokenSealError(f"{said} ({error}): {_CUT}") from error


def _header(pieces: Iterator[bytes]) -> tuple[Header, bytes]:
    beginning = b""
    for piece in pieces:
        beginning += piece
        with _as_broken("this has no header of an age file"):
            length = Header.length(beginning)
            if length is not None:
                return Header.parse(beginning[:length]), beginning[length:]
    raise BrokenSealError(f"this age file ends within its header: {_CUT}")


def _trials(stanzas: list[Stanza], seeds: Mapping[int, Hidden], epoch: int) -> Iterator[tuple[Stanza, HybridIdentity]]:
    likeliest = epoch + 1
    # The epochs before it, backwards: a source may have kept the file for a while. Then those after it.
    for number in sorted(seeds, key=lambda number: (number > likeliest, abs(number - likeliest))):
        identity = HybridIdentity(seeds[number])
        for stanza in stanzas:
            yield stanza, identity


def _otherwise(header: Header) -> str:
    kinds = {stanza.type for stanza in header.stanzas}
    if "scrypt" in kinds:
        return "sealed with a passphrase, not to this seat's keys"
    if "X25519" in kinds:
        return "sealed to an older kind of key (age1… without “pq”), which no seat has"
    return FOREIGN
