# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the pages of one app work with, made once by `create_app` and reached from a request.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from source_app.intake import Intake
from source_app.kdf import Derivations
from source_app.memory import Memory
from source_app.own_texts import Own
from source_app.session import Sealer
from source_app.settings import SourceSettings
from source_app.shelf import Shelf
from store.engine import Store

KEY = "dengwen-source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """
    The working parts of a source app.

    Args:
        settings: what the installation decided.
        store: where sealed items are.
        intake: the way in.
        memory: what the workers share.
        sealer: cookies and tokens.
        derivations: the KDF's slots.
        own: what the operator laid into the folder of texts.
        shelf: the guidance, with the operator's texts in it.
    """

    settings: SourceSettings
    store: Store
    intake: Intake
    memory: Memory
    sealer: Sealer
    derivations: Derivations
    own: Own
    shelf: Shelf


def parts() -> Parts:
    """The parts of the app that answers the present request."""
    found: Parts = current_app.extensions[KEY]
    return found
