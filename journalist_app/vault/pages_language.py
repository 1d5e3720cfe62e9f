# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The language in which a person at this laptop reads codes and sentences.
"""

from __future__ import annotations

import re

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from journalist_app.vault import languages
from journalist_app.vault.guard import door

pages = Blueprint("language", __name__)

# A thread's page is also what a form on it answers with.
_THREAD = re.compile(r"/threads/([0-9a-f]{64})(?:/[a-z]+)?")


@pages.post("/language")
def choose() -> Response:
    """
    Keep the choice, and go on with the thread that was open, or with the list.
    """
    vault = door().vault
    with vault.write() as connection:
        languages.choose(connection, vault.person, request.form.get("language", ""))
    # A form cannot lead anywhere else.
    thread = _THREAD.fullmatch(request.form.get("page", ""))
    address = url_for("threads.index") if thread is None else url_for("threads.one", thread=thread[1])
    return redirect(address, 303)
