# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The library's multipart parser, with one reading of each body.

By itself it looks for a bare line feed in a part's header only where the line has not come whole yet, so that one body is a form or none
depending on how the circuit cut it into pieces. Here it is none.
"""

from __future__ import annotations

from multipart import ParserError, PushMultipartParser


class StrictParser(PushMultipartParser):  # type: ignore[misc]
    """
    A parser that refuses a line feed inside a line.
    """

    def _on_segment_headerline(self, line: bytes | bytearray) -> None:
        if b"\n" in line:
            raise ParserError("a line feed within a part's header")
        super()._on_segment_headerline(line)
