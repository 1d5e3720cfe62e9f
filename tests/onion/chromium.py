# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Debian's Chromium without JavaScript, driven through a pipe in the DevTools protocol: no driver, no port, no package.

It has the verbs of `tests.browser.firefox.Firefox` that a source's visit needs, and finds things by the same accessible names. Everything it
asks for goes through the SOCKS proxy it is given, names included; there is no other way out.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

PROGRAM = "chromium"
ANSWER_SECONDS = 60.0
PAGE_SECONDS = 90.0
HEIGHT = 900
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-quic",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--lang=en-US",
    # Chromium sends what is loopback past a proxy unless told otherwise.
    "--proxy-bypass-list=<-loopback>",
)
#: Becomes the browser, the pipes where it looks for them. They are out of the way of each other first.
BECOME = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
#: A page about a connection that failed.
FAILED = "chrome-error://"
PRESSABLE = {"button", "link", "DisclosureTriangle"}


class ChromiumError(AssertionError):
    """The browser, or the page in it, is not as the test needs it."""


class Chromium:
    """
    One browser with one window.

    Args:
        folder: a folder of the test: profile, home and temporary files go below it.
        proxy: host and port of a SOCKS proxy.
    """

    def __init__(self, folder: Path, *, proxy: tuple[str, int]) -> None:
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self._rest = b""
        self._session = ""
        self._process = self._launch(folder, proxy)
        try:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "DOM", "Accessibility", "Runtime"):
                self._call(f"{domain}.enable")
            self._call("Emulation.setScriptExecutionDisabled", value=True)
            self.resize(1280)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, with the processes it started."""
        if self._process.poll() is None:
            with contextlib.suppress(ChromiumError, OSError):
                self._session = ""
                self._call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    # -- going somewhere

    def open(self, address: str) -> None:
        """Open an address, as if typed."""
        with self._next_page():
            self._call("Page.navigate", url=address)

    def press(self, name: str, *, seconds: float = PAGE_SECONDS) -> None:
        """Press the button or link of this name and wait for the page it leads to."""
        with self._next_page(seconds):
            self.touch(name)

    def touch(self, name: str) -> None:
        """Press it, and wait for nothing."""
        found = self._control(name, PRESSABLE)
        self._call("DOM.scrollIntoViewIfNeeded", backendNodeId=found)
        corners = self._call("DOM.getContentQuads", backendNodeId=found)["quads"][0]
        x, y = sum(corners[::2]) / 4, sum(corners[1::2]) / 4
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    # -- reading

    @property
    def address(self) -> str:
        """Address of the page."""
        return str(self._frame()["url"])

    @property
    def broken(self) -> bool:
        """Whether the browser shows its own page about a connection that failed."""
        return "unreachableUrl" in self._frame() or self.address.startswith(FAILED)

    @property
    def text(self) -> str:
        """What is to be read on the page, as rendered."""
        return str(self.asked("document.body.innerText"))

    def texts(self, css: str) -> list[str]:
        """What the elements say that a selector matches."""
        found = self.asked(f"[...document.querySelectorAll({json.dumps(css)})].map(one => one.innerText.trim())")
        return [str(one) for one in found]

    def framed(self, css: str) -> str:
        """What the frame that a selector matches has to read just now; empty while it has no page."""
        return str(self.asked(f"document.querySelector({json.dumps(css)})?.contentDocument?.body?.innerText ?? ''"))

    def asked(self, expression: str) -> Any:
        """What the browser (not the page, which has no scripts) says of the document."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    # -- filling in

    def type(self, label: str, text: str) -> None:
        """Type into the field of this label."""
        self._call("DOM.focus", backendNodeId=self._control(label, {"textbox"}))
        self._call("Input.insertText", text=text)

    def attach(self, label: str, *paths: Path) -> None:
        """Choose files."""
        found = self._control(label, {"button"})
        self._call("DOM.setFileInputFiles", backendNodeId=found, files=[str(path) for path in paths])

    # -- looking

    def resize(self, width: int) -> None:
        """Make the page this wide."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=HEIGHT, deviceScaleFactor=1, mobile=False)

    def screenshot(self, path: Path) -> None:
        """The whole page, as a PNG."""
        picture = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    # -- the conversation

    def _control(self, name: str, roles: set[str]) -> int:
        """The first control of one of these roles and of this accessible name; a field's own words may follow its label."""
        root = self._call("DOM.getDocument", depth=0)["root"]["nodeId"]
        seen = []
        for node in self._call("Accessibility.queryAXTree", nodeId=root)["nodes"]:
            if node.get("role", {}).get("value") in roles and not node.get("ignored"):
                seen.append(" ".join(str(node.get("name", {}).get("value", "")).split()))
                if seen[-1] == name or seen[-1].startswith(f"{name}: "):
                    return int(node["backendDOMNodeId"])
        raise ChromiumError(f"no control “{name}” on {self.address}, only {seen}:\n{self.text}")

    def _frame(self) -> dict[str, Any]:
        frame: dict[str, Any] = self._call("Page.getFrameTree")["frameTree"]["frame"]
        return frame

    @contextlib.contextmanager
    def _next_page(self, seconds: float = PAGE_SECONDS) -> Iterator[None]:
        """What is done within leads to another page; leave when that is loaded."""
        old = self._frame()["loaderId"]
        yield

        def replaced() -> bool:
            return self._frame()["loaderId"] != old and self.asked("document.readyState") == "complete"

        self.until(replaced, "the next page", seconds)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = PAGE_SECONDS) -> None:
        """Wait for something; a page that goes away under the question is asked again."""
        end = time.monotonic() + seconds
        while True:
            with contextlib.suppress(ChromiumError):
                if condition():
                    return
            if time.monotonic() > end:
                raise ChromiumError(f"waited {seconds:.0f} s in vain for {what}; the page is {self.address}")
            time.sleep(0.05)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            said["sessionId"] = self._session
        os.write(self._to, json.dumps(said).encode() + b"\0")
        end = time.monotonic() + ANSWER_SECONDS
        while True:
            answer = self._heard(end, method)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise ChromiumError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _heard(self, end: float, method: str) -> dict[str, Any]:
        """The next thing the browser says."""
        while b"\0" not in self._rest:
            piece = os.read(self._from, 1 << 20) if _readable(self._from, end - time.monotonic()) else b""
            if not piece:
                raise ChromiumError(f"no answer to {method}")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def _launch(self, folder: Path, proxy: tuple[str, int]) -> subprocess.Popen[bytes]:
        """Start the browser; it reads commands from descriptor 3 and answers on 4."""
        (folder / "tmp").mkdir(parents=True)
        read, self._to = os.pipe()
        self._from, write = os.pipe()
        command = [
            PROGRAM,
            *FLAGS,
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--user-data-dir={folder / 'profile'}",
            f"--proxy-server=socks5://{proxy[0]}:{proxy[1]}",
        ]
        with (folder / "chromium.log").open("wb") as log:
            started = subprocess.Popen(
                [sys.executable, "-c", BECOME, str(read), str(write), *command],
                pass_fds=(read, write),
                env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder / "tmp")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        os.close(read)
        os.close(write)
        return started


def _readable(descriptor: int, seconds: float) -> bool:
    # Not select: it knows no descriptor above 1,023, and a whole run of the tests has more open.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0.0, seconds) * 1000))
