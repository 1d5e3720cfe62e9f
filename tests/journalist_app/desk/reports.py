# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Reports as doctor writes them, for desks and watchers to read: of every colour, and any that hypothesis thinks of.
"""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from deploy.doctor.finding import MAX_TEXT, MAX_WHAT, Finding, Report

FINE = Finding(what="clock", ok=True, seen="The clock is right to the second.", why="Days and codes come from it.")
SPACE = Finding(what="space", ok=True, seen="The disk is full in 90 days.", why="A full disk takes nothing in.")
UPDATES = Finding(
    what="updates",
    ok=False,
    seen="7 updates of Debian wait, the oldest for 9 days.",
    why="Known holes are the cheapest ones.",
    fix="Type sudo apt upgrade, then sudo reboot in a quiet hour.",
)
ONION = Finding(
    what="onion reachable",
    ok=False,
    urgent=True,
    seen="The source's onion did not answer within 120 seconds.",
    why="Nobody can reach you while this lasts.",
    fix="Type sudo systemctl restart tor@default, then sudo dengwen doctor --dir /var/lib/dengwen.",
)
GREEN, YELLOW, RED = (FINE, SPACE), (FINE, UPDATES, SPACE), (FINE, UPDATES, ONION, SPACE)

_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=60
)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Any finding, up to the longest."""
    ok = draw(st.booleans())
    return Finding(
        what=draw(_TEXT)[:MAX_WHAT],
        ok=ok,
        urgent=not ok and draw(st.booleans()),
        seen=draw(_TEXT) * draw(st.sampled_from((1, MAX_TEXT // 60))),
        why=draw(_TEXT),
        fix="" if ok else draw(_TEXT),
    )


def reports() -> st.SearchStrategy[Report]:
    """Any report."""
    moments = st.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2099, 1, 1))  # noqa: DTZ001 (the strategy wants them naive)
    minutes = moments.map(lambda at: at.replace(second=0, microsecond=0, tzinfo=dt.UTC))
    return st.builds(
        lambda at, found: Report(at=at, findings=tuple(found)), minutes, st.lists(findings(), min_size=1, max_size=6)
    )


def report(found: tuple[Finding, ...], now: float, *, minutes: int = 4) -> bytes:
    """A report of so many minutes ago."""
    return Report(at=dt.datetime.fromtimestamp(now - 60 * minutes, dt.UTC), findings=found).encode()
