# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The payload of an age file: a nonce, then chunks, made or opened as bytes come in (spec A5).

Both directions are pushed: the caller gives what it has, of any size. Neither allocates for a byte that passes: one buffer
of a chunk's plaintext, one of a chunk's ciphertext, and whole chunks go straight from the caller's buffer through the cipher
(so pieces much larger than a chunk are cheapest: pieces of a chunk's size are all copied once). A buffer grows with what came,
since most payloads are a few kilobytes.
Because only the last chunk is marked as last, up to one chunk is always held back until more arrives or `finish` is called.

An opener hands out chunks that are each authentic, but it cannot know before `finish` that none is missing at the end:
who acts on a part before that, acts on a part (spec F3).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from crypto.age.keys import derive_key, require_file_key
from crypto.errors import EnvelopeError, TamperedError
from crypto.hidden import Hidden

CHUNK_SIZE: Final = 65536
NONCE_SIZE: Final = 16
TAG_SIZE: Final = 16

_SEALED_CHUNK_SIZE: Final = CHUNK_SIZE + TAG_SIZE
_CHUNK_NONCE_SIZE: Final = 12
# spec A5: the counter has the nonce's upper eleven bytes, so one chunk on is 256 on; the lowest byte says "last".
_NEXT: Final = 256
_LAST: Final = 1


def payload_length(plaintext_length: int) -> int:
    """
    How many bytes the payload of so many bytes of plaintext has, the nonce among them.
    """
    chunks = max(1, -(-plaintext_length // CHUNK_SIZE))
    return NONCE_SIZE + plaintext_length + TAG_SIZE * chunks


class PayloadSealer:
    """
    Seals one payload. Not for two threads at once.

    Args:
        file_key: of this envelope and no other.
        write: takes every buffer whole, before it returns: the next chunk overwrites it. It gets the nonce at once.
    """

    __slots__ = ("_cipher", "_finished", "_place", "_plain", "_sealed", "_write")

    def __init__(self, file_key: Hidden, write: Callable[[bytes | memoryview], object]) -> None:
        require_file_key(file_key)
        nonce = secrets.token_bytes(NONCE_SIZE)
        self._cipher = ChaCha20Poly1305(derive_key(file_key, salt=nonce, info=b"payload"))
        self._plain = _Chunks(CHUNK_SIZE)
        self._sealed = _Room()
        self._write = write
        self._place = 0
        self._finished = False
        write(nonce)

    def write(self, buffer: bytes | bytearray | memoryview) -> None:
        """
        Seal what fills a chunk; keep the rest.
        """
        self._require_open()
        for chunk in self._plain.cut(memoryview(buffer).cast("B")):
            self._seal(chunk, self._place)
            self._place += _NEXT

    def finish(self) -> int:
        """
        Seal the last chunk and clear the plaintext that was held.

        Returns:
            How many bytes the payload has, the nonce among them.
        """
        self._require_open()
        chunk = self._plain.last()
        self._seal(chunk, self._place | _LAST)
        self.discard()
        return payload_length(self._place // _NEXT * CHUNK_SIZE + len(chunk))

    def discard(self) -> None:
        """
        Give up: clear the plaintext that is held. What was written so far has no last chunk and is refused whole.
        """
        self._finished = True
        self._plain.clear()

    def _seal(self, chunk: memoryview, place: int) -> None:
        sealed = self._sealed.of(len(chunk) + TAG_SIZE)
        self._cipher.encrypt_into(place.to_bytes(_CHUNK_NONCE_SIZE, "big"), chunk, None, sealed)
        # Until the write has returned this is over: after a failed one, going on would use a nonce twice or lose a chunk.
        self._finished = True
        self._write(sealed)
        self._finished = False

    def _require_open(self) -> None:
        if self._finished:
            raise ValueError("this payload is finished")


class PayloadOpener:
    """
    Opens one payload. Not for two threads at once.

    Args:
        file_key: as the header gave it, after `Header.verify`.
    """

    __slots__ = ("_cipher", "_file_key", "_finished", "_incoming", "_nonce", "_place", "_plain", "_sealed")

    def __init__(self, file_key: Hidden) -> None:
        require_file_key(file_key)
        self._file_key = file_key
        self._nonce = b""
        self._cipher: ChaCha20Poly1305 | None = None
        self._sealed = _Chunks(_SEALED_CHUNK_SIZE)
        self._plain = _Room()
        self._incoming: Iterator[memoryview] | None = None
        self._place = 0
        self._finished = False

    def feed(self, buffer: bytes | bytearray | memoryview) -> Iterator[memoryview]:
        """
        Open what is certainly not the last chunk.

        Returns:
            Plaintext, chunk by chunk. Each view holds until the next step; *buffer* must stay as it is until the iterator
            is used up, and it has to be used up before the next call.

        Raises:
            TamperedError: while iterating, when a chunk is not what was sealed at its place.
        """
        self._require_drained()
        self._incoming = self._open_whole(memoryview(buffer).cast("B"))
        return self._incoming

    def finish(self) -> Iterator[memoryview]:
        """
        Open the last chunk. It is checked by this call, whether or not its bytes are wanted.

        Raises:
            EnvelopeError: not even a nonce came.
            TamperedError: the last chunk is missing, cut or altered, or bytes follow it.
        """
        self._require_drained()
        if self._cipher is None:
            raise EnvelopeError("the file ends before its payload begins")
        self._finished = True
        sealed = self._sealed.last()
        if len(sealed) < TAG_SIZE:
            raise TamperedError("the payload ends within a chunk")
        chunk = self._plain.of(len(sealed) - TAG_SIZE)
        self._open(self._cipher, sealed, self._place | _LAST, chunk)
        # spec A5: otherwise every payload of whole chunks would have two spellings.
        if not chunk and self._place:
            raise TamperedError("an empty last chunk after others")
        return self._hand_over(chunk)

    def _open_whole(self, incoming: memoryview) -> Iterator[memoryview]:
        if self._cipher is None:
            missing = NONCE_SIZE - len(self._nonce)
            self._nonce += incoming[:missing]
            incoming = incoming[missing:]
            if len(self._nonce) == NONCE_SIZE:
                self._cipher = ChaCha20Poly1305(derive_key(self._file_key, salt=self._nonce, info=b"payload"))
        if self._cipher is not None:
            for sealed in self._sealed.cut(incoming):
                chunk = self._plain.of(CHUNK_SIZE)
                self._open(self._cipher, sealed, self._place, chunk)
                self._place += _NEXT
                yield chunk
        self._incoming = None

    def _open(self, cipher: ChaCha20Poly1305, sealed: memoryview, place: int, chunk: memoryview) -> None:
        try:
            cipher.decrypt_into(place.to_bytes(_CHUNK_NONCE_SIZE, "big"), sealed, None, chunk)
        except InvalidTag:
            raise TamperedError(f"chunk {place // _NEXT} is not what was sealed there") from None

    def _hand_over(self, chunk: memoryview) -> Iterator[memoryview]:
        yield chunk
        self._plain.clear()

    def _require_drained(self) -> None:
        if self._finished:
            raise ValueError("this payload is finished")
        # An iterator that was dropped half-way took chunks with it, and nobody would notice.
        if self._incoming is not None:
            raise ValueError("the chunks of the last feed were not all taken, or one of them failed")


class _Room:
    """
    A buffer that grows to what is asked of it. What it held is overwritten before it is given back.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray())

    def of(self, size: int, *, kept: int = 0) -> memoryview:
        """
        Its first *size* bytes, of which the first *kept* stay as they were. Views that were given before are not to be used any more.
        """
        before = self._buffer
        if size > len(before):
            self._buffer = memoryview(bytearray(size))
            self._buffer[:kept] = before[:kept]
            before[:] = bytes(len(before))
        return self._buffer[:size]

    def clear(self) -> None:
        """
        Overwrite it with zeros.
        """
        self._buffer[:] = bytes(len(self._buffer))


class _Chunks:
    """
    Cuts a stream into chunks of one size, keeping back what may turn out to be the last.
    """

    __slots__ = ("_held", "_room", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._room = _Room()
        self._held = 0

    def cut(self, incoming: memoryview) -> Iterator[memoryview]:
        """
        Yield each chunk that more bytes follow: the held one first, then slices of *incoming* itself, uncopied.
        """
        if self._keep(incoming):
            return
        size, start = self._size, 0
        if self._held:
            start = size - self._held
            self._keep(incoming[:start])
            yield self.last()
            self._held = 0
        while len(incoming) - start > size:
            yield incoming[start : start + size]
            start += size
        self._keep(incoming[start:])

    def last(self) -> memoryview:
        """
        What is left when no more bytes follow.
        """
        return self._room.of(self._held)

    def clear(self) -> None:
        """
        Overwrite the buffer with zeros.
        """
        self._room.clear()
        self._held = 0

    def _keep(self, part: memoryview) -> bool:
        end = self._held + len(part)
        if end > self._size:
            return False
        # Twice as much as is held: a byte at a time, it would be copied for every byte.
        room = self._room.of(max(end, min(2 * self._held, self._size)), kept=self._held)
        room[self._held : end] = part
        self._held = end
        return True
