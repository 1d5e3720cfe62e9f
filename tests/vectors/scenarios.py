# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Archives, and what is done to each of them: as files of tests/vectors/bundle.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path


class Vectors:
    """Collects bases and scenarios, and writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bases: dict[str, bytes] = {}

    def base(self, name: str, raw: bytes) -> None:
        """Keep an archive that scenarios are made from."""
        self.bases[name] = raw
        (self.folder / f"{name}.tar.gz").write_bytes(gzip.compress(raw, 9, mtime=0))

    def scenario(
        self,
        name: str,
        base: str,
        comment: str,
        expect: str,
        message: str | list[int] = "",
        *,
        taken: Mapping[int, bytes] | None = None,
        splices: list[tuple[int, int, bytes]] | None = None,
    ) -> None:
        """Write one scenario."""
        contents = {
            "comment": comment,
            "expect": expect,
            "message": message,
            "base": base,
            "splices": [[at, removed, inserted.hex()] for at, removed, inserted in splices or []],
            "taken": {str(number): digest.hex() for number, digest in (taken or {}).items()},
        }
        (self.folder / f"{name}.json").write_text(json.dumps(contents, indent=1, ensure_ascii=False) + "\n")
