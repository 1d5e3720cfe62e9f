# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The rules of accessibility, judged by npm axe-core inside the browser: WCAG 2.2 at levels A and AA, and axe's own good practice.

It is given to the page by the browser and not by the page, which has no scripts. It is installed from the lock once if it is not there; without
npm the tests fail, they are never skipped. What it leaves to others: all that no program can judge, such as whether a name is a good one.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.browser.firefox import Firefox

HERE: Final = Path(__file__).parent
AXE: Final = HERE / "node_modules" / "axe-core" / "axe.min.js"
WCAG: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
#: Asks for headings and landmarks, which what stands in a frame has from the page around it.
GOOD: Final = "best-practice"
#: Where scripts are off, a page's clocks stand still; axe only wants to be called again soon.
_CLOCK: Final = "const setTimeout = (act, _, ...given) => { Promise.resolve().then(() => act(...given)); return 0; };\n"
_JUDGE: Final = """
const [tags, told] = arguments;
axe.run(document, {runOnly: tags, resultTypes: ["violations"], iframes: false}).then(
  found => told(found.violations.map(one => [one.id, one.help, one.nodes.map(node => node.html.slice(0, 160) + " " + (node.any[0]?.message ?? ""))])),
  error => told([["axe", String(error), []]]));
"""


def violations(firefox: Firefox, *, framed: bool = False) -> list[str]:
    """
    What is wrong with the page that a browser shows; its frames are pages of their own.

    Args:
        firefox: the browser.
        framed: whether the page is one that stands in a frame.

    Returns:
        a line for each rule that is broken: its name, what it asks, where.
    """
    found: list[Any] = firefox.told(_CLOCK + _source() + _JUDGE, [*WCAG] if framed else [*WCAG, GOOD])
    return [f"{rule}: {asks} {places[:4]}" for rule, asks, places in found]


@cache
def _source() -> str:
    if not AXE.exists():
        subprocess.run([shutil.which("npm") or "npm", "ci", "--silent"], cwd=HERE, check=True, timeout=300)
    return AXE.read_text() + "\n"
