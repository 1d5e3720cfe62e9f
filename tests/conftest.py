# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What every test shares: a hypothesis that is not in a hurry on a loaded machine.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
