# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Cookies and tokens: what a browser brings back.

It opens only if it is a box that was given out, for the place it was given out for; otherwise the visit has ended, and nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from crypto.derive import Subkeys
from crypto.hidden import Hidden
from source_app.memory import Memory
from source_app.session import EndedError, Form, Kind, Sealer, Session, new_form
from tests.fuzz.parser import Parser, must

WORDS: Final = (b"=", b"==", b"A" * 16, b"-", b"_", b"+", b"/", b"\xc3\xa9", b"\x00", b" ")


class _Boxes:
    def __init__(self) -> None:
        self._sealer = Sealer(Memory())
        keys = Subkeys(Hidden(b"l" * 32), Hidden(b"t" * 32), Hidden(b"r" * 32))
        self.cookie = self._sealer.cookie(Session(id=b"i" * 16, generation=1, subkeys=keys))
        self.token = self._sealer.token(new_form(Kind.WRITE, secret=Hidden(b"s" * 18)))

    def take(self, raw: bytes) -> None:
        """
        The first byte chooses: a value as it is, or a genuine one with the pairs that follow (place, change) worked into it.
        """
        mode, rest = (raw[0] % 3, raw[1:]) if raw else (0, b"")
        value = rest.decode("utf-8", "replace")
        if mode:
            whole = bytearray((self.cookie if mode == 1 else self.token).encode())
            for place, change in zip(rest[::2], rest[1::2], strict=False):
                whole[place % len(whole)] ^= change & 0x7F
            value = whole.decode("latin-1")
        self._judge(self._sealer.session, value, self.cookie)
        self._judge(self._sealer.form, value, self.token)

    @staticmethod
    def _judge(opened: Callable[[str], Session | Form], value: str, issued: str) -> None:
        try:
            opened(value)
        except EndedError:
            return
        # The last letter before "=" has bits that mean nothing: two spellings, one box.
        must(_box(value) == _box(issued), "a box opened that was not given out for this place")


def _box(value: str) -> bytes:
    return base64.b64decode(value, altchars=b"-_", validate=True)


def make(_folder: Path) -> Parser:
    """A memory with keys of its own."""
    boxes = _Boxes()
    shapes = st.one_of(
        st.builds(
            lambda mode, pairs: bytes([mode, *pairs]), st.integers(1, 2), st.lists(st.integers(0, 255), max_size=6)
        ),
        st.builds(
            lambda value, cut, more: b"\x00" + value.encode()[:cut] + more,
            st.sampled_from([boxes.cookie, boxes.token]),
            st.integers(0, 260),
            st.binary(max_size=20),
        ),
    )
    seeds = (
        b"\x00" + boxes.cookie.encode(),
        b"\x00" + boxes.token.encode(),
        b"\x01",
        b"\x02",
        b"\x01\x07\x01",
        b"\x00" + b"A" * 244,
    )
    return Parser(take=boxes.take, seeds=seeds, words=WORDS, shapes=shapes, most=300)
