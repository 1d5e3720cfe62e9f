# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Debian's Firefox ESR, set as Tor Browser sets it at its safest level, driven through Marionette: no geckodriver, no script.

What this file promises
- A fresh profile in a folder of the test; nothing is read from or written to the home of whoever runs the tests.
- JavaScript is off, fingerprints are resisted, fonts, SVG and WebGL are off. What is not loopback goes to the proxy it is given, or to one
  that does not exist, so a page that asks for anything from outside fails here instead of leaking there.
- Things are found as a person or a screen reader finds them: by accessible name.
- Every verb that leads to another page returns when that page is there; every wait has an end and says what it waited for.

What it leaves to others: NoScript and letterboxing, which Debian's Firefox has not.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self, TypeAlias, TypeVar

from tests.browser.profile import NOWHERE, profile

with warnings.catch_warnings():
    # What marionette_driver brings along: mozinfo asks in an old way which Linux this is, mozrunner knows telnet.
    warnings.filterwarnings("ignore", r"distro\.linux_distribution", DeprecationWarning)
    warnings.filterwarnings("ignore", "'telnetlib' is deprecated", DeprecationWarning)
    from marionette_driver import By
    from marionette_driver.errors import (
        MarionetteException,
        NoSuchElementException,
        NoSuchWindowException,
        StaleElementException,
    )
    from marionette_driver.marionette import Marionette, WebElement

Found = TypeVar("Found")
#: Where on a page to look: a selector, or an element.
Place: TypeAlias = str | WebElement

PROGRAM: Final = "firefox-esr"
START_SECONDS: Final = 90.0
PAGE_SECONDS: Final = 60.0
SCRIPT_SECONDS: Final = 20
#: Windows of these widths are looked at: a small phone, a laptop.
NARROW, WIDE = 360, 1280
HEIGHT: Final = 900

#: The browser's own pages about a connection that failed.
FAILED: Final = ("about:neterror", "about:httpsonlyerror")
CONTROLS: Final = "input:not([type=hidden]), textarea, select, button"
COOKIES: Final = """
const found = Services.cookies.getCookiesWithOriginAttributes(JSON.stringify({privateBrowsingId: 1}));
return found.map(one => one.name);
"""
#: What the browser says of an element, or a page, that has been replaced.
GONE: Final = (StaleElementException, NoSuchElementException, NoSuchWindowException)
PRESSABLE: Final = "button, input[type=submit], a[href], summary"


class NotShownError(AssertionError):
    """The page does not have, or did not become, what the test needs."""


class Firefox:
    """
    One browser with one window.

    Args:
        folder: a folder of the test: profile, home and temporary files go below it.
        downloads: where files are saved without asking; a folder of the test.
        proxy: host and port of the SOCKS proxy for all that is not loopback; one that does not exist, if it is not said.
        changed: preferences that are other than Tor Browser's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        downloads: Path | None = None,
        proxy: tuple[str, int] = NOWHERE,
        changed: Mapping[str, bool | int | str] | None = None,
    ) -> None:
        self.downloads = downloads or folder / "downloads"
        self.downloads.mkdir(parents=True, exist_ok=True)
        self._profile = profile(folder / "profile", self.downloads, proxy, changed or {})
        self._process = _launch(folder, self._profile)
        try:
            self._marionette = Marionette(host="127.0.0.1", port=self._port(), startup_timeout=START_SECONDS)
            # Pages are waited for here: an upload's own page comes when every byte of it was taken.
            self._marionette.start_session({"pageLoadStrategy": "none"})
            self.resize(WIDE)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, with the processes it started."""
        if hasattr(self, "_marionette"):
            with contextlib.suppress(MarionetteException, OSError):
                self._marionette._send_message("Marionette:Quit", {"flags": ["eForceQuit"]})
            # Forgotten here too: a session that is let go of later would try to connect once more.
            self._marionette.delete_session(send_request=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10 if hasattr(self, "_marionette") else 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    # -- going somewhere -----------------------------------------------------------------------------------------

    def open(self, address: str) -> None:
        """Open an address, as if typed."""
        with self._next_page():
            self._marionette.navigate(address)

    def press(self, name: str, *, within: Place = "body", opening: bool = False, seconds: float = PAGE_SECONDS) -> None:
        """Press the button or link of this name (or, with `opening`, one that begins so) and wait for the page it leads to."""
        with self._next_page(seconds):
            self.control(name, PRESSABLE, within=within, opening=opening).click()

    def push(self, css: str) -> None:
        """Press what a selector matches first, whatever it says, and wait for the page it leads to."""
        with self._next_page():
            self.element(css).click()

    def touch(self, name: str, *, within: Place = "body") -> None:
        """Press the button or link of this name, and wait for nothing: what it leads to comes in a frame, or in its own time."""
        self.control(name, PRESSABLE, within=within).click()

    def back(self) -> None:
        """Go back one page, as with the browser's own button. Nothing is waited for: there may be nothing to go back to."""
        self._marionette.go_back()

    def unfold(self, name: str) -> None:
        """Open a part of the page that is folded away."""
        self.control(name, "summary").click()

    def download(self, name: str, *, within: Place = "body") -> Path:
        """Press what leads to a file instead of a page, and wait until the file is whole."""
        before = set(self.downloads.iterdir())
        self.control(name, PRESSABLE, within=within).click()

        def whole() -> Path | None:
            new = set(self.downloads.iterdir()) - before
            done = [path for path in new if path.suffix != ".part" and path.stat().st_size]
            return done[0] if done and not any(path.suffix == ".part" for path in new) else None

        return self.until(whole, f"a file from “{name}” in {self.downloads}")

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Address of the page."""
        return str(self._marionette.get_url())

    @property
    def title(self) -> str:
        """Title of the page."""
        return str(self._marionette.title)

    @property
    def text(self) -> str:
        """What is to be read on the page, as rendered."""
        return str(self.element("body").text)

    @property
    def broken(self) -> bool:
        """Whether the browser shows its own page about a connection that failed."""
        return str(self.asked("return document.documentURI")).startswith(FAILED)

    def element(self, css: str) -> WebElement:
        """The first element of the page that a selector matches."""
        try:
            return self._marionette.find_element(By.CSS_SELECTOR, css)
        except NoSuchElementException:
            raise NotShownError(f"no {css} on {self.address}:\n{self.element('html').text}") from None

    def elements(self, css: str) -> list[WebElement]:
        """All elements that a selector matches, in the page's order."""
        return list(self._marionette.find_elements(By.CSS_SELECTOR, css))

    def texts(self, css: str) -> list[str]:
        """What they say."""
        return [element.text for element in self.elements(css)]

    def attribute(self, css: str, name: str) -> str:
        """An attribute of the first element that a selector matches; empty if it has none."""
        return str(self.element(css).get_attribute(name) or "")

    def control(self, name: str, css: str = CONTROLS, *, within: Place = "body", opening: bool = False) -> WebElement:
        """The first control of this accessible name (a link's or a button's words, a field's label)."""
        scope = self.element(within) if isinstance(within, str) else within
        seen = []
        for element in scope.find_elements(By.CSS_SELECTOR, css):
            seen.append(_name(element))
            if seen[-1] == name or (opening and seen[-1].startswith(name)):
                return element
        raise NotShownError(f"no control “{name}” on {self.address}, only {seen}:\n{self.text}")

    def framed(self, css: str) -> str:
        """What the frame that a selector matches has to read just now; empty while it has no page."""
        script = f"const frame = document.querySelector({json.dumps(css)});"
        return str(self.asked(f"{script} return frame?.contentDocument?.body?.innerText ?? '';"))

    @contextlib.contextmanager
    def inside(self, css: str) -> Iterator[None]:
        """What is asked within is asked of the frame that a selector matches."""
        self._marionette.switch_to_frame(self.element(css))
        try:
            yield
        finally:
            self._marionette.switch_to_frame()

    @property
    def cookies(self) -> list[str]:
        """The names of all that any server has left in this browser, whose windows are private ones."""
        with self._marionette.using_context("chrome"):
            found = self._marionette.execute_script(COOKIES)
        return [str(name) for name in found]

    def nameless(self) -> list[str]:
        """The controls of the page that a screen reader could not name. What is folded away has no name yet."""
        shown = (one for one in self.elements(CONTROLS) if one.is_displayed())
        return [str(one.get_property("outerHTML")) for one in shown if not _name(one)]

    def asked(self, script: str) -> Any:
        """What the browser (not the page, which has no scripts) says of the document."""
        return self._marionette.execute_script(script)

    def told(self, script: str, *given: object) -> Any:
        """What a script of the browser's that takes its time hands to the last of its arguments."""
        return self._marionette.execute_async_script(
            script, script_args=given, script_timeout=SCRIPT_SECONDS * 1000, sandbox="system"
        )

    # -- filling in ----------------------------------------------------------------------------------------------

    def type(self, label: str, text: str, *, within: Place = "body") -> None:
        """Type into the field of this label, in place of what is there."""
        field = self.control(label, within=within)
        field.clear()
        field.send_keys(text)

    def attach(self, label: str, *paths: Path, within: Place = "body") -> None:
        """Choose files."""
        field = self.control(label, within=within)
        for path in paths:
            field.send_keys(str(path))

    def choose(self, label: str, option: str, *, within: Place = "body") -> None:
        """Choose an option of a list by what it says."""
        field = self.control(label, "select", within=within)
        for one in field.find_elements(By.CSS_SELECTOR, "option"):
            if one.text == option:
                one.click()
                return
        raise NotShownError(f"no option “{option}” in “{label}” on {self.address}")

    # -- looking -------------------------------------------------------------------------------------------------

    def resize(self, width: int) -> None:
        """Make the page this wide: the window has no border in headless mode."""

        def fits() -> bool:
            if self.asked("return window.innerWidth") == width:
                return True
            self._marionette.set_window_rect(width=width, height=HEIGHT)
            return False

        self.until(fits, f"a window {width} px wide")

    def enlarge_text(self, times: float) -> None:
        """Make the text of the page this many times as large, and nothing else of it, as a browser's menu does."""
        with self._marionette.using_context("chrome"):
            self._marionette.execute_script(f"gBrowser.selectedBrowser.textZoom = {times};")

    def shot(self) -> bytes:
        """The whole page, as a PNG."""
        return base64.b64decode(self._marionette.screenshot(full=True))

    def screenshot(self, path: Path) -> None:
        """The same, kept."""
        path.write_bytes(self.shot())

    # -- waiting -------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], Found | None], what: str, seconds: float = PAGE_SECONDS) -> Found:
        """What a condition gives, as soon as it gives something. A page that renews itself under the question is asked again."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(*GONE):
                if found := condition():
                    return found
            if time.monotonic() > end:
                raise NotShownError(f"waited {seconds:.0f} s in vain for {what}; the page is {self.address}")
            time.sleep(0.03)

    @contextlib.contextmanager
    def _next_page(self, seconds: float = PAGE_SECONDS) -> Iterator[None]:
        """What is done within leads to another page; leave when that is there."""
        old = self.element("html")
        yield

        def replaced() -> bool:
            try:
                old.tag_name  # noqa: B018 - asks the browser, which answers that it is gone
            except GONE:
                # A page of the browser's own about a failed connection never becomes "complete".
                return self.broken or bool(self.asked("return document.readyState") == "complete")
            return False

        self.until(replaced, "the next page", seconds)

    def _port(self) -> int:
        """The port that Firefox chose for Marionette, as soon as it says so."""
        file = self._profile / "MarionetteActivePort"
        end = time.monotonic() + START_SECONDS
        while not (file.exists() and file.read_text()):
            if self._process.poll() is not None or time.monotonic() > end:
                raise NotShownError(f"{PROGRAM} did not start")
            time.sleep(0.05)
        return int(file.read_text())


def _name(element: WebElement) -> str:
    """The accessible name; that of a choice of files without the browser's own words behind it ("Browse… No files selected.")."""
    name = " ".join(str(element.computed_label).split())
    return name.partition(" Browse… ")[0]


def _launch(folder: Path, profile: Path) -> subprocess.Popen[bytes]:
    """Start the browser, with home and temporary files below a folder."""
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = {
        **os.environ,
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "MOZ_HEADLESS": "1",
        "MOZ_CRASHREPORTER_DISABLE": "1",
    }
    with (folder / "firefox.log").open("wb") as log:
        return subprocess.Popen(
            [
                PROGRAM,
                "--marionette",
                "--remote-allow-system-access",
                "--headless",
                "--no-remote",
                "--profile",
                str(profile),
            ],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
