# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The style sheet and the icon: read once, kept in memory, served like any page, without dates or tags.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Response

if TYPE_CHECKING:
    from flask import Flask

FOLDER: Final = Path(__file__).parent / "static"
FILES: Final = {"style.css": "text/css; charset=utf-8", "icon.png": "image/png"}


def serve_files(app: Flask) -> None:
    """Add the files to an app."""
    for name, kind in FILES.items():
        content = (FOLDER / name).read_bytes()
        app.add_url_rule(
            f"/static/{name}",
            f"static {name}",
            partial(Response, content, content_type=kind),
            methods=["GET"],
            provide_automatic_options=False,
        )
