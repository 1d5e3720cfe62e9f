# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the pages of files have in common: ids in addresses, and an answer that is a file to keep.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from flask import Response

from journalist_app.vault.errors import NotFoundError


def exact(text: str, size: int) -> bytes:
    """
    An id from an address, in its one spelling.

    Raises:
        NotFoundError: It is none.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != size or value.hex() != text:
        raise NotFoundError("there is nothing here")
    return value


def handed_out(chunks: Iterator[bytes], length: int, name: str) -> Response:
    """
    A body as a download. A browser keeps it only if as many bytes came as were announced.

    Args:
        chunks: The body.
        length: Its bytes.
        name: For the disk, from `disk_name`.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    fallback = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in plain)
    answer = Response(chunks, mimetype="application/octet-stream")
    answer.headers["Content-Length"] = str(length)
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name)}"
    return answer
