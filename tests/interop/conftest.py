# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The second implementation, as a fixture.
"""

from __future__ import annotations

import pytest

from tests.interop.second import Node, second_implementation


@pytest.fixture(scope="session")
def node() -> Node:
    """
    Run one script of this folder: `node("open.mjs", value)` gives what it answers.
    """
    return second_implementation()
