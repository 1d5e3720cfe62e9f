# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The figures of sending in parts: a large file by the printed function, the server killed meanwhile.

What curl sent is counted by curl itself (`size_upload`), so that bytes sent in vain are measured and not concluded. Every part is opened
as a vault opens it and compared with its place in the file.

`python -m tests.bench.parts [--quick] [--size BYTES] [--part BYTES] [--kills N] [--folder DIR]` prints the figures as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from source_app.limits import PART_BYTES
from store import lanes, threads
from tests.bench.figure import Figure
from tests.source_app.terminal import Said, Terminal, ended, printed, stop
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Running, Visitor, free_port, write_settings

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from store.engine import Store
    from store.threads import Thread

GIB = 1 << 30
MIB = 1 << 20
SIZE, KILLS = 20 * GIB, 5
QUICK_SIZE, QUICK_PART, QUICK_KILLS = 24 * MIB + 12_345, MIB, 2
#: A question and the fields of a part, beside its content.
FORM_BYTES = 4_096
#: Above any speed this machine seals at, for one part; slower than this is a server that is gone.
PART_SECONDS = 600
FAR = datetime.date(2099, 1, 1)


@dataclass
class Run:
    """One file on its way."""

    folder: Path
    store: Store
    organisation: Throwaway
    running: Running
    size: int
    part: int

    @property
    def parts(self) -> int:
        return -(-self.size // self.part)

    def stored(self) -> int:
        """How many parts are committed."""
        # The message that began the thread is an item too.
        return self.thread().items - 1

    def thread(self) -> Thread:
        """The one thread there is."""
        return threads.page(self.store, limit=1).threads[0]

    def kill(self) -> None:
        """End the server and everything it started at once, and start it under the same address."""
        self.running.kill()
        self.running = Running(self.folder / "settings.toml")


def make_file(path: Path, size: int, part: int) -> None:
    """A file as long as asked for, no two parts of it alike. What lies between the marks is a hole: it costs no disk."""
    with path.open("wb") as file:
        for start in range(0, size, part):
            file.seek(start)
            file.write(os.urandom(min(65_536, size - start)))
        file.truncate(size)


@contextlib.contextmanager
def begun(folder: Path, size: int, part: int) -> Iterator[Run]:
    """A server over a fresh store."""
    store = new_store(folder / "store")
    organisation = Throwaway()
    organisation.install(store)
    bind = f"127.0.0.1:{free_port()}"
    settings = write_settings(folder / "settings.toml", folder / "store", part_bytes=part, bind=bind)
    run = Run(folder, store, organisation, Running(settings), size, part)
    try:
        yield run
    finally:
        run.running.kill()
        store.close()


def function_of(run: Run) -> str:
    """What is printed for a source whose thread the desk has accepted."""
    visitor = Visitor(run.running.origin)
    page = visitor.write("a large file is to come")
    lanes.accept(run.store, run.thread().id, length=1 << 40, until=FAR)
    return printed(visitor.send(page, page.form_to("slip")).html)


def kill_while_sending(run: Run, sending: subprocess.Popen[str], kills: int) -> None:
    """Kill the server each time another share of the parts is there, in the middle of the next one."""
    for number in range(1, kills + 1):
        wanted = run.parts * number // (kills + 1)
        deadline = time.monotonic() + PART_SECONDS * run.parts
        while not (run.stored() >= wanted and _writing(run)):
            if time.monotonic() > deadline or sending.poll() is not None:
                raise RuntimeError("the file was there, or nothing more came, before the server was killed")
            time.sleep(0.01)
        run.kill()


def _writing(run: Run) -> bool:
    # What an earlier kill left is no longer written.
    now = time.time()
    files = [one.stat() for one in (run.store.folder / "incoming").iterdir()]
    return any(now - one.st_mtime < 0.5 and one.st_size > run.part // 8 for one in files)


def whole(run: Run, path: Path) -> bool:
    """Whether the parts are the file, each once, each in its place."""
    seen = set[int]()
    with path.open("rb") as file:
        for one in run.organisation.opened(run.store):
            if one.header.kind != "file":
                continue
            number = int(str(one.header.fields["part"]))
            file.seek((number - 1) * run.part)
            wanted = hashlib.sha256(file.read(run.part)).digest()
            if number in seen or hashlib.sha256(one.body).digest() != wanted:
                return False
            seen.add(number)
    return seen == set(range(1, run.parts + 1))


def measured(run: Run, text: str, kills: int) -> list[Figure]:
    """Send, kill, compare."""
    path = run.folder / "leak.bin"
    make_file(path, run.size, run.part)
    # Written where the function shows no one anything: behind what curl says.
    terminal = Terminal(run.folder / "terminal", "bash", more="-w '%{stderr}sent %{size_upload}\\n'")
    began = time.monotonic()
    sending = terminal.start(text, path.name, cwd=run.folder)
    with ThreadPoolExecutor(1) as pool:
        # Read while it is written: curl tells so much of its way that a full pipe would stop it.
        reading = pool.submit(ended, sending, PART_SECONDS * run.parts)
        try:
            kill_while_sending(run, sending, kills)
            said = reading.result()
        finally:
            stop(sending)
    took = time.monotonic() - began
    return _figures(run, said, took, kills, arrived=said.status == 0 and whole(run, path))


def _figures(run: Run, said: Said, took: float, kills: int, *, arrived: bool) -> list[Figure]:
    sent = sum(map(int, re.findall(r"sent (\d+)", said.errors)))
    questions = len(re.findall(r"sent \d+", said.errors))
    again = max(0, sent - run.size - questions * FORM_BYTES)
    cut = sum(not word.startswith("received") for _, word in said.sends)
    print(f"{run.size / GIB:.3g} GiB in {took:.0f} s, {len(said.sends)} parts sent, {cut} cut", flush=True)
    name = f"parts: {run.size / GIB:.3g} GiB by the printed function, {kills} kills"
    return [
        _figure(f"{name}: arrived whole", float(arrived), "of 1", "= 1 of 1", ok=arrived),
        _figure(f"{name}: sent again", again / run.part, "parts", f"<= {cut} parts cut", ok=again <= cut * run.part),
        _figure(f"{name}: parts cut", cut, "parts", f"<= {kills} kills", ok=cut <= kills),
        _figure(f"{name}: speed on loopback", run.size / MIB / took, "MiB/s", "stated", ok=True),
    ]


def _figure(name: str, value: float, unit: str, goal: str, *, ok: bool) -> Figure:
    return {"name": name, "value": round(value, 4), "unit": unit, "limit": None, "ratio": None, "goal": goal, "ok": ok}


def figures(
    *,
    quick: bool = False,
    folder: Path | None = None,
    size: int | None = None,
    part: int | None = None,
    kills: int | None = None,
) -> list[Figure]:
    """
    All figures of sending in parts.

    Args:
        quick: a small file in small parts, to see that everything works.
        folder: a folder on a disk with a little more room than the file; a fresh one inside it is used and removed.
        size: of the file, in bytes.
        part: of it.
        kills: how often the server is killed.
    """
    room = Path(tempfile.mkdtemp(prefix="dengwen-parts-", dir=folder))
    try:
        with begun(room, size or (QUICK_SIZE if quick else SIZE), part or (QUICK_PART if quick else PART_BYTES)) as run:
            return measured(run, function_of(run), kills or (QUICK_KILLS if quick else KILLS))
    finally:
        shutil.rmtree(room)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    for option in ("--size", "--part", "--kills"):
        parser.add_argument(option, type=int)
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    print(json.dumps(figures(**vars(chosen)), indent=1))
