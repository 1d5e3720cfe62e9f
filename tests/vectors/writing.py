# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Vectors as files: one for each, named after it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Vector = tuple[str, dict[str, Any]]


def write(folder: Path, vectors: list[Vector]) -> None:
    """
    Write vectors, by name and contents, into a folder of their own.

    Raises:
        ValueError: Two have one name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if len({name for name, _ in vectors}) != len(vectors):
        raise ValueError("two vectors have one name")
    for name, vector in vectors:
        text = json.dumps(vector, ensure_ascii=False, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def asked() -> Path:
    """
    The folder on the command line, or the one where the committed vectors are.
    """
    return Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
