# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A terminal as on Tails, for what the slip's page prints: a shell, curl and the named programs on its path, and nothing else.

Only two things of the printed text are changed, each of which has to be in it: tor's address, because the server is on loopback, and
the pause before another try.
"""

from __future__ import annotations

import contextlib
import html
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from source_app.shell import PAUSE_SECONDS, PROXY

NEEDED = ("tail", "head", "wc", "sha256sum", "tr", "sleep")
#: The shells that are on this machine; dash and bash are on every Debian.
SHELLS = tuple(name for name in ("dash", "bash", "busybox") if shutil.which(name))
_BOX = re.compile(r"<pre[^>]*><code>(.*?)</code>", re.DOTALL)


def printed(page: str) -> str:
    """What the box of a slip's page holds, as a browser copies it."""
    found = _BOX.search(page)
    if found is None:
        raise LookupError("the page prints no function")
    return html.unescape(found[1])


def slip_of(text: str) -> str:
    """The slip in a printed function."""
    found = re.search(r"slip=([a-z2-7]{52}) ", text)
    if found is None:
        raise LookupError("no slip is in it")
    return found[1]


@dataclass(frozen=True, slots=True)
class Said:
    """What a run printed, and how it ended."""

    status: int
    out: str
    errors: str

    @property
    def sends(self) -> list[tuple[int, str]]:
        """Each part that was sent, with what was answered."""
        return [(int(part), said) for part, said in re.findall(r"^part (\d+): ?(.*)$", self.out, re.MULTILINE)]


class Terminal:
    """
    One shell.

    Args:
        folder: of its own; programs, home and what curl was called with lie in it.
        shell: one of SHELLS; busybox brings its own programs.
        more: further arguments of curl.
    """

    def __init__(self, folder: Path, shell: str, *, more: str = "") -> None:
        self.shell = shell
        self.called = folder / "called"
        self.home = folder / "home"
        self.programs = folder / "programs"
        for made in (self.home, self.programs):
            made.mkdir(parents=True)
        for name in NEEDED:
            (self.programs / name).symlink_to(_path("busybox" if shell == "busybox" else name))
        # Every call is written down before it is made.
        curl = self.programs / "curl"
        curl.write_text(f'#!{_path("dash")}\nprintf "%s\\n" "$@" >>"{self.called}"\nexec {_path("curl")} "$@" {more}\n')
        curl.chmod(0o755)

    def start(self, text: str, *files: str, cwd: Path) -> subprocess.Popen[str]:
        """Paste a function and call it for files, by names relative to a folder."""
        for changed in (f"-x {PROXY} ", f"sleep {PAUSE_SECONDS}"):
            if changed not in text:
                raise LookupError(f"{changed!r} is not in the function")
        text = text.replace(f"-x {PROXY} ", "").replace(f"sleep {PAUSE_SECONDS}", "sleep 1")
        command = [_path(self.shell), *(["ash"] if self.shell == "busybox" else []), "-s", *files]
        running = subprocess.Popen(
            command,
            cwd=cwd,
            env={"PATH": str(self.programs), "HOME": str(self.home), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if running.stdin is None:
            raise RuntimeError("a terminal is typed into")
        running.stdin.write(f'{text}\nsend "$@"\n')
        running.stdin.close()
        running.stdin = None
        return running

    def send(self, text: str, *files: str, cwd: Path, seconds: float = 120) -> Said:
        """The same, until it ends."""
        return ended(self.start(text, *files, cwd=cwd), seconds)


def ended(running: subprocess.Popen[str], seconds: float = 120) -> Said:
    """Wait for a run to end."""
    try:
        out, errors = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        stop(running)
        out, errors = running.communicate()
        raise TimeoutError(f"it did not end:\n{out}\n{errors[-2000:]}") from None
    return Said(running.returncode, out, errors)


def stop(running: subprocess.Popen[str]) -> None:
    """End a run, with whatever it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)


def _path(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "/usr/bin:/bin"))
    if found is None:
        raise LookupError(f"{name} is not on this machine")
    return found
