# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What every page of every app has to be, whoever it is for; and its pictures, narrow and wide, for a person to look at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.browser.axe import violations
from tests.browser.firefox import NARROW, WIDE, Firefox

OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"
#: What sticks out of the page on the right, to name the culprit.
OVERHANGING = """
return [...document.querySelectorAll("body *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width && box.height && box.right > document.documentElement.clientWidth + 1;
}).map(one => one.outerHTML.slice(0, 120));
"""
#: What is meant to be pressed and is smaller than a finger could forgive. The skip link shows only when it has the focus.
TINY = """
return [...document.querySelectorAll("button, a[href], summary")].filter(one => {
  const box = one.getBoundingClientRect();
  return one.checkVisibility() && !one.matches(".skip") && (box.width < 16 || box.height < 16);
}).map(one => one.outerHTML.slice(0, 120));
"""


@dataclass
class Looker:
    """
    Takes pictures and judges pages.

    Args:
        folder: where the pictures go; without one, none are taken.
    """

    folder: Path | None
    seen: list[str] = field(default_factory=list)

    def look(self, firefox: Firefox, name: str) -> None:
        """
        Judge the page that a browser shows, and picture it.

        Args:
            firefox: stays on its page, and is wide afterwards.
            name: of the pictures.
        """
        page = f"{name} ({firefox.address})"
        self.seen.append(name)
        assert not firefox.broken, page
        assert firefox.title.strip(), f"{page} has no title"
        assert firefox.attribute("html", "lang"), f"{page} does not say its language"
        assert firefox.texts("h1"), f"{page} has no heading"
        nameless = firefox.nameless()
        assert not nameless, f"{page} has controls without a name: {nameless}"
        assert not firefox.elements("script, noscript"), f"{page} is another one with scripts on"
        wrong = violations(firefox)
        assert not wrong, f"{page}: {wrong}"
        for width in (WIDE, NARROW):
            firefox.resize(width)
            self._picture(firefox, name, width)
            assert firefox.asked(OVERFLOW) <= 0, f"{page} scrolls sideways at {width}: {firefox.asked(OVERHANGING)}"
            tiny = firefox.asked(TINY)
            assert not tiny, f"{page} has controls nobody can hit at {width}: {tiny}"
        firefox.resize(WIDE)

    def picture(self, firefox: Firefox, name: str) -> None:
        """
        Picture a page that was judged before, in another light.

        Args:
            firefox: stays on its page, and is wide afterwards.
            name: of the pictures.
        """
        self.seen.append(name)
        if self.folder is None:
            return
        for width in (NARROW, WIDE):
            firefox.resize(width)
            self._picture(firefox, name, width)

    def _picture(self, firefox: Firefox, name: str, width: int) -> None:
        if self.folder is not None:
            firefox.screenshot(self.folder / f"{len(self.seen):02}-{name}-{width}.png")
