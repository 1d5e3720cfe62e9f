# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The source app as it is really run, but on a day that a file names: so that a source can come back a week later within one test.

`python -m tests.browser.dated --dir SERVER --day FILE`, as `dengwen source --dir SERVER`. The file holds one day as ISO 8601 writes it, and is
read each time the app asks what day it is. Nothing else differs from the program that an operator starts.
"""

from __future__ import annotations

import argparse
import datetime
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

from flask import Flask

from deploy import server
from source_app.app import create_app
from source_app.parts import KEY
from source_app.serve import run
from source_app.settings import SourceSettings
from store.engine import open_store
from store.modes import umask_of

ROOT: Final = Path(__file__).parents[2]
STOP_SECONDS: Final = 40.0


class Dated:
    """
    The program, for as long as the block lasts.

    Args:
        folder: the server's, as `dengwen server init` makes it.
        day: the day it is to begin with.
    """

    def __init__(self, folder: Path, day: datetime.date) -> None:
        self._folder = folder
        self._day = folder.with_name(f"{folder.name}-day")
        self.turn(day)
        self._log = folder.with_name(f"{folder.name}-source.log")
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def turn(self, day: datetime.date) -> None:
        """From now on it is this day."""
        made = self._day.with_suffix(".new")
        made.write_text(day.isoformat())
        made.replace(self._day)

    def restart(self) -> None:
        """Stop it in order and start it anew, elsewhere: what it kept in memory is gone."""
        self._stop()
        self._start()

    @property
    def said(self) -> str:
        """What it wrote to its log."""
        return self._log.read_text()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.browser.dated", "--dir", str(self._folder), "--day", str(self._day)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line.startswith("listening on http://"):
            self._kill()
            raise RuntimeError(f"the source app did not start: {line!r} {self.said}")
        host, _, port = line.removeprefix("listening on http://").strip().rpartition(":")
        self.target = (host, int(port))

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            raise
        if self._process.stdout:
            self._process.stdout.close()

    def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def made(settings: SourceSettings, day: Path) -> Flask:
    """The app, on the day that a file names."""
    app = create_app(settings)
    app.extensions[KEY].intake.clock = lambda: datetime.date.fromisoformat(day.read_text())
    return app


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.dated", description=(__doc__ or "").strip())
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--day", type=Path, required=True)
    given = parser.parse_args()
    settings = server.settings_of(given.dir).source
    open_store(settings.store)
    os.umask(umask_of(settings.store))
    run(lambda: made(settings, given.day), settings)


if __name__ == "__main__":
    main()
