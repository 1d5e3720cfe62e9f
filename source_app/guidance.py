# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Pages that explain and ask nothing: what a codename is good for, and what proving authorship costs.

They are the same with and without a visit, so that having opened one says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from source_app import render

if TYPE_CHECKING:
    from flask import Response


def codename() -> Response:
    """GET: keeping a codename; a second, an unused and a harmless one; force."""
    return render.page("codename", elsewhere="codename")


def authorship() -> Response:
    """GET: giving up a codename on purpose."""
    return render.page("authorship", elsewhere="authorship")
