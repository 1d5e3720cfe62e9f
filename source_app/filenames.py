# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The name a file bears, read from its part's header as the browser wrote it.

A name is evidence and is kept unchanged: slashes, NUL, bidi overrides and all. It never becomes a path here, so nothing
about it can be dangerous; whoever shows it makes it visible. Only its length is bounded (spec F6), and bytes that are
not UTF-8 become U+FFFD, because a bad name must not cost the file. Of a folder that was chosen whole, the way to each
file is its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from source_app.limits import EXTENSION_BYTES, NAME_BYTES

if TYPE_CHECKING:
    from multipart import MultipartSegment

#: Headers are read as Latin-1 so that no byte is lost, and decoded here.
HEADER_CHARSET = "latin-1"

# What every browser of today sends (WHATWG HTML, multipart/form-data encoding): quotes and line ends are escaped, the
# rest, backslashes too, stands as itself. The library's own reader would take `\\a\b` for an old Windows path and cut it.
_BROWSER = re.compile(r'form-data; name="[^"]*"; filename="([^"]*)"')
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"')
# RFC 5987; RFC 7578 forbids it in forms, some tools send it all the same.
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]*)", re.IGNORECASE)


def file_name(part: MultipartSegment) -> str | None:
    """
    Args:
        part: a part whose headers were read as HEADER_CHARSET.

    Returns:
        the name, at most NAME_BYTES of UTF-8; empty if the browser sent an empty one; None if the part is not a file.
    """
    header = part.header("Content-Disposition", "")
    browser = _BROWSER.fullmatch(header)
    if browser:
        return shorten(_text(_unescape(browser[1])))
    extended = _EXTENDED.search(_QUOTED.sub('""', header))
    if extended:
        raw = unquote_to_bytes(extended[2])
        return shorten(raw.decode(extended[1].lower(), "replace"))
    return None if part.filename is None else shorten(_text(part.filename))


def shorten(name: str, limit: int = NAME_BYTES) -> str:
    """
    Args:
        name: any name.
        limit: bytes of UTF-8 to stay within.

    Returns:
        the name; if it was too long, cut between two characters before its extension, which stays.
    """
    raw = name.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode()
    dot = raw.rfind(b".")
    extension = raw[dot:] if dot > raw.rfind(b"/") + 1 and len(raw) - dot <= EXTENSION_BYTES else b""
    return raw[: limit - len(extension)].decode("utf-8", "ignore") + extension.decode()


def depth(name: str) -> int:
    """
    Args:
        name: of a file; one of a folder bears its way from there (`folder/within/name`), as the browser wrote it.

    Returns:
        how many folders it lies in, one in another.
    """
    return name.count("/")


def _unescape(value: str) -> str:
    return value.replace("%0D", "\r").replace("%0A", "\n").replace("%22", '"')


def _text(latin: str) -> str:
    return latin.encode(HEADER_CHARSET).decode("utf-8", "replace")
