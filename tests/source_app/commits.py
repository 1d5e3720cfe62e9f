# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A form's id, and what a test of commits does to files and looks at in a store.
"""

from __future__ import annotations

from source_app.sealed_file import SealedFile
from store.engine import Store

FORM = bytes(range(16))


def files(store: Store) -> list[str]:
    """Every blob and half-written file under a store."""
    found = [path.name for folder in ("blobs", "incoming") for path in (store.folder / folder).rglob("*")]
    return [name for name in found if len(name) > 2]


def write_all(sink: SealedFile, times: int, length: int) -> None:
    for _ in range(times):
        sink.write(bytes(length))
