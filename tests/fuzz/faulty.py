# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A parser with a fault, chosen by FAULT: so that the fuzzers can be seen to find each kind.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from tests.fuzz.parser import Parser, must


def _spool() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"plaintext")


def _swallowed() -> None:
    with contextlib.suppress(Exception):
        Path("/nonexistent/spool").write_bytes(b"plaintext")


def _hang() -> None:
    while True:
        with contextlib.suppress(Exception):
            sum(range(1_000))


def _connect() -> None:
    with contextlib.suppress(OSError), socket.socket() as one:
        one.connect(("127.0.0.1", 9))


def _hoard() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20) * 64))


FAULTS: Final[dict[str, Callable[[], object]]] = {
    "crash": lambda: 1 // 0,
    "spool": _spool,
    "swallowed": _swallowed,
    "connect": _connect,
    "start": lambda: subprocess.run(["true"], check=True),
    "hang": _hang,
    "promise": lambda: must(False, "it took what it should not have"),
    "exit": lambda: os._exit(7),
    "memory": _hoard,
    "sleep": lambda: time.sleep(3_600),
}


def take(raw: bytes) -> None:
    """Two words in one input; one leads to the other."""
    if b"magic" in raw and b"word" in raw:
        FAULTS[os.environ["FAULT"]]()


def make(_folder: Path) -> Parser:
    """Seeds that hold neither word, and shapes that never do: only who follows the code finds it."""
    return Parser(take=take, seeds=(b"a", b"begin"), words=(b"magic", b"word"), shapes=st.just(b"nothing"), most=64)
