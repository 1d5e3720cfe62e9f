# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The kill -9 campaign: a real server under load over HTTP, its workers and its master killed at random moments.

Whatever a page acknowledged has to be there afterwards: the codename's thread, the message's words, the file's bytes, opened with a
seat's keys, each exactly once; a file of 64 KiB or more, whose form was sent a second time, at most twice. What was not
acknowledged may be there or not, but never half.

`python -m tests.campaigns.kill [--kills N] [--seed S]` prints what was done and ends with 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import os
import random
import re
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from crypto.codename import Codename
from crypto.derive import derive
from source_app.sealed_file import HEAD
from store import threads
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Page, Running, Upload, Visitor, free_port, write_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.engine import Store

SOURCES = 6
#: One kill in this many takes the master and everything with it.
MASTERS = 5
LARGEST = 600_000
_CODENAME = re.compile(r'<ol class="codename words".*?</ol>', re.DOTALL)
_WORD = re.compile(r"<bdi>([a-z]+)</bdi>")


@dataclass
class Acknowledged:
    """
    What pages said was received.

    Attributes:
        messages: words, and the codename shown with them.
        files: by name, SHA-256 of the content and the codename of the thread.
        broken: attempts that ended without an answer that says "received".
    """

    messages: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    broken: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_for_more(self, seconds: float) -> None:
        """Wait until something more was acknowledged than when this was called."""
        before = len(self.messages) + len(self.files)
        deadline = time.monotonic() + seconds
        while len(self.messages) + len(self.files) == before:
            if time.monotonic() > deadline:
                raise TimeoutError("nothing is acknowledged any more")
            time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a campaign did, and what was lost: sentences, none if all is well."""

    workers: int
    masters: int
    messages: int
    files: int
    broken: int
    lost: tuple[str, ...]


def campaign(folder: Path, kills: int, seed: int) -> Outcome:
    """
    Run one.

    Args:
        folder: an empty folder on the disk to try.
        kills: how many times to kill.
        seed: of the random moments; the machine's own timing cannot be repeated.
    """
    store = new_store(folder / "store")
    organisation = Throwaway()
    organisation.install(store)
    settings = write_settings(folder / "settings.toml", store.folder, bind=f"127.0.0.1:{free_port()}")
    said = Acknowledged()
    running = Running(settings)
    ended = threading.Event()
    sources = [threading.Thread(target=_source, args=(running.origin, said, ended)) for _ in range(SOURCES)]
    for source in sources:
        source.start()
    try:
        running, masters = _kill(running, settings, said, kills, random.Random(seed))
    finally:
        ended.set()
        for source in sources:
            source.join()
        running.stop()
    lost = (*_missing(store, organisation, said), *_half(store))
    store.close()
    return Outcome(kills - masters, masters, len(said.messages), len(said.files), said.broken, lost)


def _kill(
    running: Running, settings: Path, said: Acknowledged, kills: int, moments: random.Random
) -> tuple[Running, int]:
    masters = 0
    for _ in range(kills):
        # A kill proves something only if the server was answering before it.
        said.wait_for_more(60)
        time.sleep(moments.uniform(0, 0.3))
        workers = running.workers()
        if workers and moments.randrange(MASTERS):
            os.kill(moments.choice(workers), signal.SIGKILL)
            continue
        masters += 1
        os.kill(running.master, signal.SIGKILL)
        time.sleep(moments.uniform(0, 0.05))
        # Workers without a master end by themselves within a second; the address is needed sooner.
        running.kill()
        running = Running(settings)
    return running, masters


def _source(origin: str, said: Acknowledged, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            _visit(Visitor(origin, timeout=30), said)
        except (OSError, http.client.HTTPException, LookupError):
            # No answer, half an answer, or a page that says the visit has ended: nothing was acknowledged.
            with said.lock:
                said.broken += 1
            time.sleep(0.05)


def _visit(visitor: Visitor, said: Acknowledged) -> None:
    words = f"报告 {secrets.token_hex(12)} " + "字" * secrets.randbelow(9_000)
    page = visitor.get("/en/write")
    form = page.form("message")
    page = _twice(lambda: visitor.send(page, form, {"message": words}))
    codename = _codename(page)
    with said.lock:
        said.messages[words] = codename
    for _ in range(3):
        content = [os.urandom(secrets.randbelow(LARGEST)) for _ in range(1 + secrets.randbelow(2))]
        named = {f"{secrets.token_hex(12)}.bin": piece for piece in content}
        uploads = [Upload.of(name, piece) for name, piece in named.items()]
        page = _twice(lambda page=page, uploads=uploads: visitor.attach(page, *uploads))  # type: ignore[misc]
        page.form("files")
        if page.status != 200:
            raise LookupError
        with said.lock:
            for name, piece in named.items():
                if name not in page.html:
                    raise LookupError
                said.files[name] = (hashlib.sha256(piece).hexdigest(), codename)


def _twice(send: Callable[[], Page]) -> Page:
    """Send a form, and the same form again if the answer did not come."""
    try:
        return send()
    except (OSError, http.client.HTTPException):
        time.sleep(0.5)
        return send()


def _codename(page: Page) -> str:
    shown = _CODENAME.search(page.html)
    words = _WORD.findall(shown[0]) if shown else []
    if page.status != 200 or len(words) != 9:
        raise LookupError
    return " ".join(words)


def _missing(store: Store, organisation: Throwaway, said: Acknowledged) -> list[str]:
    generation = organisation.root.generations[0]
    keys = {name: derive(Codename.parse(name).secret, generation) for name in set(said.messages.values())}
    lost = [f"no thread for {name}" for name, sub in keys.items() if threads.find(store, sub.locator) is None]
    kept: Counter[tuple[str, str, bytes]] = Counter()
    most: dict[str, int] = {}
    for item in organisation.opened(store):
        if item.header.kind == "message":
            kept["message", item.body.decode(), bytes(item.header.thread)] += 1
        elif item.header.kind == "file":
            digest = hashlib.sha256(item.body).hexdigest()
            # Longer files cannot be known again before they are sealed: they are stored once more, never lost.
            most[digest] = 1 if len(item.body) < HEAD else 2
            kept[str(item.header.fields["name"]), digest, bytes(item.header.thread)] += 1
    for words, name in said.messages.items():
        if kept["message", words, bytes(keys[name].thread)] != 1:
            lost.append(f"message {words[:30]} is there {kept['message', words, bytes(keys[name].thread)]} times")
    for file, (digest, name) in said.files.items():
        if not 1 <= kept[file, digest, bytes(keys[name].thread)] <= most.get(digest, 1):
            lost.append(f"file {file} is there {kept[file, digest, bytes(keys[name].thread)]} times")
    return lost


def _half(store: Store) -> list[str]:
    """A name under blobs/ is whole or it is not there: every blob that no row names is at least an age payload's length."""
    return [f"blob {name} is empty" for name in store.blobs.names() if (_path(store, name)).stat().st_size < 65_536]


def _path(store: Store, name: str) -> Path:
    return store.folder / "blobs" / name[:2] / name


def main() -> int:
    """
    The command line.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.kill")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument(
        "--folder", type=Path, help="a folder on the disk to try; a fresh one inside it is used and removed"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dengwen-kill-", dir=chosen.folder) as folder:
        outcome = campaign(Path(folder), chosen.kills, chosen.seed)
    print(f"seed {chosen.seed}: killed {outcome.workers} workers and {outcome.masters} masters")
    print(f"acknowledged {outcome.messages} messages and {outcome.files} files; {outcome.broken} attempts broke off")
    for sentence in outcome.lost:
        print(f"LOST: {sentence}")
    return 1 if outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())
