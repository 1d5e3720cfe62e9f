# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A program between two streams: what comes goes in, what it makes goes on, nothing is held.

One thread does both, so that the program can neither wait for us while we wait for it, nor go on when nobody takes what it
makes. Whoever stops taking ends the program. What it says on the side has a maximum, and so have its silence and its work:
what is packed in layers can keep a program busy for days over a megabyte, and neither silent nor ever done.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Final

from journalist_app.vault.errors import ItemRefusedError

READ: Final = 1 << 16
# What a program may say on the side.
MAX_SAID: Final = 1 << 16
# Seconds in which it neither takes nor gives anything.
MAX_SILENCE: Final = 120.0
# Between being told to end and being ended, in seconds of work.
_GRACE: Final = 5


class Piped:
    """
    One run of a program.

    Args:
        command: The program and its arguments.
        environment: All of its environment.
        work: Seconds of the processor that it may take.

    Attributes:
        said: What it said on the side.
        ended: How it ended; None while it runs.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], work: int) -> None:
        self.said = b""
        self.ended: int | None = None
        self._command = command
        self._environment = environment
        self._work = work
        self._left = memoryview(b"")

    def through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """
        What the program makes of some bytes. All of *pieces* is taken, even if the program wants less.

        Raises:
            ItemRefusedError: It says too much, works too much, or does nothing for too long.
        """
        # An empty piece is not the end.
        pieces, pipe = filter(None, pieces), subprocess.PIPE
        with subprocess.Popen(  # noqa: S603 (a list of our own, no shell)
            self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=self._environment, bufsize=0
        ) as process:
            try:
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (self._work, self._work + _GRACE))
                if process.stdin is not None and process.stdout is not None and process.stderr is not None:
                    yield from self._pump(process.stdin, process.stdout, process.stderr, pieces)  # type: ignore[arg-type]
                self.ended = process.wait(MAX_SILENCE)
            except subprocess.TimeoutExpired:
                raise _still() from None
            finally:
                process.kill()
        if self.ended == -signal.SIGXCPU:
            raise ItemRefusedError("this takes more work than opening anybody's file does: it is not opened")
        deque(pieces, maxlen=0)

    def _pump(self, into: BinaryIO, out: BinaryIO, side: BinaryIO, pieces: Iterator[bytes]) -> Iterator[bytes]:
        os.set_blocking(into.fileno(), False)
        with selectors.DefaultSelector() as waiting:
            waiting.register(into, selectors.EVENT_WRITE)
            waiting.register(out, selectors.EVENT_READ)
            waiting.register(side, selectors.EVENT_READ)
            while waiting.get_map():
                ready = waiting.select(MAX_SILENCE)
                if not ready:
                    raise _still()
                for key, _ in ready:
                    if key.fileobj is into:
                        if not self._give(into, pieces):
                            waiting.unregister(into)
                            into.close()
                        continue
                    chunk = os.read(key.fd, READ)
                    if not chunk:
                        waiting.unregister(key.fileobj)
                    elif key.fileobj is out:
                        yield chunk
                    else:
                        self._hear(chunk)

    def _give(self, into: BinaryIO, pieces: Iterator[bytes]) -> bool:
        """
        Whether it may want more.
        """
        if not self._left:
            self._left = memoryview(next(pieces, b""))
        if not self._left:
            return False
        try:
            self._left = self._left[os.write(into.fileno(), self._left) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return True

    def _hear(self, chunk: bytes) -> None:
        self.said += chunk
        if len(self.said) > MAX_SAID:
            raise ItemRefusedError("the program that opens this says more than anybody could read")


def _still() -> ItemRefusedError:
    return ItemRefusedError("the program that opens this has stood still for too long")
