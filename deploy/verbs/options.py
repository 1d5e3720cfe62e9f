# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Options that several verbs take.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

server_folder = click.option("--dir", "folder", type=FOLDER, required=True, help="The server's folder.")


class Size(click.ParamType[int]):
    """
    A number of bytes: `512MiB`, `1GiB`.
    """

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a size, as click asks."""
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,9})(|KiB|MiB|GiB)", str(value))
        if found is None:
            self.fail(f"{value}: a number with KiB, MiB or GiB", param, ctx)
        return int(found[1]) * UNITS[found[2]]
