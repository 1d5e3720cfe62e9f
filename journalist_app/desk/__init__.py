# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk: online, behind an onion with client authorisation; it holds ciphertext and hands it over. Rules: README.md.
"""

from __future__ import annotations

from journalist_app.desk.app import create_app
from journalist_app.desk.settings import DeskSettings

__all__ = ["DeskSettings", "create_app"]
