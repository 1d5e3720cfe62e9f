# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging the operator's own texts, logo and OpenPGP key: whether each of them holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.doctor.finding import Finding, plain
from source_app import own_texts

WHAT: Final = "texts for sources"
WHY: Final = "What does not hold is passed over, and sources read what we ship instead: of your warnings, your logo or your key they see nothing."
MOST_SAID: Final = 3


def own(folder: Path) -> Finding:
    """
    Look at the folder as the source pages do when they start.

    Args:
        folder: Of texts.
    """
    troubles = own_texts.read(folder).troubles
    if not troubles:
        # What the app read when it started is not asked here.
        return Finding(
            what=WHAT,
            ok=True,
            seen="Everything in the folder of texts holds. Sources see it as it was when dengwen-source last started.",
            why=WHY,
        )
    more = f"; and {len(troubles) - MOST_SAID} more" if len(troubles) > MOST_SAID else ""
    return Finding(
        what=WHAT,
        ok=False,
        seen="; ".join(plain(one) for one in troubles[:MOST_SAID]) + more + ".",
        why=WHY,
        fix=f"Mend or remove it in {plain(str(folder))} (deploy/README.md says how a text is written). Then type: systemctl restart dengwen-source",
    )
