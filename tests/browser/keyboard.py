# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A browser without a pointer: the tabulator leads from one control to the next, and enter presses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from marionette_driver.keys import Keys

from tests.browser.firefox import Firefox, NotShownError

if TYPE_CHECKING:
    from marionette_driver.marionette import ActionSequence

#: More stops than any page has.
STOPS: Final = 120


@dataclass(frozen=True, slots=True)
class Keyboard:
    """
    The keys of one browser.
    """

    firefox: Firefox

    def tab(self) -> None:
        """On to the next control."""
        self._pressed(Keys.TAB)

    def enter(self) -> None:
        """Press what has the focus; it leads to no other page."""
        self._pressed(Keys.ENTER)

    def go(self) -> None:
        """Press what has the focus, and wait for the page it leads to."""
        with self.firefox._next_page():
            self._pressed(Keys.ENTER)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        for letter in text:
            self._pressed(letter)

    def to(self, css: str) -> None:
        """
        Go on until what a selector matches has the focus.

        Raises:
            NotShownError: the tabulator does not lead there.
        """
        for _ in range(STOPS):
            if self.focused(f"return one.matches({css!r});"):
                return
            self.tab()
        raise NotShownError(f"the tabulator does not lead to {css} on {self.firefox.address}")

    def focused(self, asked: str) -> Any:
        """What is so of the element that has the focus, which the script calls `one`."""
        return self.firefox.asked(f"const one = document.activeElement; {asked}")

    def _pressed(self, key: str) -> None:
        actions: ActionSequence = self.firefox._marionette.actions.sequence("key", "keyboard")
        actions.key_down(key).key_up(key).perform()
