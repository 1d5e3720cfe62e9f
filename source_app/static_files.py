# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The style sheet, the icon, the operator's logo and OpenPGP keys: read once, kept in memory, served like any page, without dates or tags.

Where an operator has no logo, its address shows the icon; where there is no key, there is no address.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Response

from source_app.own_texts import LOGO
from source_app.recipients import as_text

if TYPE_CHECKING:
    from flask import Flask

    from source_app.own_texts import Own

FOLDER: Final = Path(__file__).parent / "static"
ICON: Final = "icon.png"
FILES: Final = {"style.css": "text/css; charset=utf-8", ICON: "image/png"}


def serve_files(app: Flask, own: Own) -> None:
    """
    Add the files to an app, and tell its pages whether there is a logo.

    Args:
        app: the app.
        own: what the operator laid into the folder of texts.
    """
    for name, kind in FILES.items():
        _serve(app, f"/static/{name}", partial(Response, (FOLDER / name).read_bytes(), content_type=kind))
    logo = own.logo or (FOLDER / ICON).read_bytes()
    _serve(app, f"/static/{LOGO}", partial(Response, logo, content_type="image/png"))
    for name, key in own.keys.items():
        _serve(app, f"/{name}", partial(as_text, key))
    app.jinja_env.globals["logo"] = own.logo is not None


def _serve(app: Flask, address: str, view: partial[Response]) -> None:
    app.add_url_rule(address, address, view, methods=["GET"], provide_automatic_options=False)
