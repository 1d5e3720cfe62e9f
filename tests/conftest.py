# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What every test shares: a hypothesis that is not in a hurry on a loaded machine.

`make test` tries the same examples each time, so that a red line is the change's doing. DENGWEN_WANDER=1 draws new ones: what
they find becomes an `@example`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("wander", settings.get_profile("house"), derandomize=False, max_examples=300)
settings.load_profile("wander" if os.environ.get("DENGWEN_WANDER") else "house")
