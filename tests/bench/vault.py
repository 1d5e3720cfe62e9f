# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What importing costs: small messages by the thousand, and one large file against reading, authenticating and writing it.

The limit of the large file is a loop without archive, importer, frame or database: read the stick's file, open the age
payload chunk by chunk, write what was read, fsync. Both run alternately in this process and are compared in CPU seconds.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from crypto.age import Header, HybridIdentity, PayloadOpener, open_header
from journalist_app.bundle.ustar import Archive
from journalist_app.vault.epochs import seeds
from journalist_app.vault.importer import import_batch
from tests.bench.figure import Figure
from tests.journalist_app.vault.fakes import Organisation, Source

MESSAGES_GOAL = 1_000
RATIO_GOAL = 1.15
READ = 1 << 20


def figures(*, quick: bool) -> Iterator[Figure]:
    """
    The vault's figures.
    """
    base = Path(tempfile.mkdtemp(prefix="dengwen-bench-vault-"))
    try:
        (base / "messages").mkdir()
        (base / "file").mkdir()
        yield _messages(base / "messages", 1_000 if quick else 10_000)
        yield _large(base / "file", (64 if quick else 1024) << 20, pairs=2 if quick else 12)
    finally:
        shutil.rmtree(base)


def _messages(folder: Path, count: int) -> Figure:
    """
    Messages a second, wall clock: three seats, 26 epochs ahead, a tenth as many threads as messages.
    """
    made = Organisation(folder, seats=3)
    sources = [Source() for _ in range(max(1, count // 10))]
    for number in range(count):
        source = sources[number % len(sources)]
        made.server.message(source, f"第{number}条消息：" + "我看到了什么。" * 40)
    path = made.server.batch(made.stick)
    began = time.perf_counter()
    report = import_batch(made.vaults[1], path)
    rate = count / (time.perf_counter() - began)
    made.close()
    if report.imported != count:
        raise RuntimeError(f"{report.imported} of {count} messages came in")
    return Figure(
        name="vault import, messages (3 seats, 26 epochs)",
        value=rate,
        unit="messages/s",
        limit=None,
        ratio=None,
        goal=f">= {MESSAGES_GOAL}",
        ok=rate >= MESSAGES_GOAL,
    )


def _large(folder: Path, size: int, *, pairs: int) -> Figure:
    made = Organisation(folder)
    server, vault = made.server, made.vaults[0]
    with vault.read() as connection:
        identities = [HybridIdentity(seed) for seed in list(seeds(connection).values())[:2]]

    def batch() -> Path:
        for old in made.stick.glob("batch-*.tar"):
            old.unlink()
        # A thread of its own: two files of one length in one thread would be read again, to see whether they are the same.
        server.deposit(Source(), "file", os.urandom(size), name="large.bin")
        path = server.batch(made.stick)
        server.batches[-1] = (*server.batches[-1][:2], [])
        shutil.rmtree(vault.items)
        vault.items.mkdir()
        return path

    def ours(path: Path) -> None:
        if not import_batch(vault, path).whole:
            raise RuntimeError("the batch did not come in whole")

    def bare(path: Path) -> None:
        _bare(path, folder / "bare", identities)

    spent = {"ours": 0.0, "bare": 0.0}
    for turn in range(pairs + 1):
        path = batch()
        runs: list[tuple[str, Callable[[Path], None]]] = [("bare", bare), ("ours", ours)]
        for name, run in runs if turn % 2 else reversed(runs):
            used = _cpu(run, path)
            # The first pair warms up both.
            spent[name] += used if turn else 0.0
    made.close()
    ratio = spent["ours"] / spent["bare"]
    return Figure(
        name=f"vault import, one file of {size >> 20} MiB",
        value=spent["ours"] / pairs,
        unit="CPU s",
        limit=spent["bare"] / pairs,
        ratio=ratio,
        goal=f"ratio <= {RATIO_GOAL}",
        ok=ratio <= RATIO_GOAL,
    )


def _bare(path: Path, target: Path, identities: list[HybridIdentity]) -> None:
    with path.open("rb", buffering=0) as file:
        archive = Archive(file)
        archive.expect("json")
        archive.expect("age")
        archive.expect("age")
        # From here on the archive's reader is left out: plain reads, as the limit has it.
        start = file.read(READ)
        length = Header.length(start) or 0
        opener = PayloadOpener(open_header(Header.parse(start[:length]), identities))
        left = _member_size(archive) - len(start)
        with target.open("wb", buffering=0) as out:
            chunk = start[length:]
            while chunk:
                out.write(chunk)
                for _ in opener.feed(chunk):
                    pass
                chunk = file.read(min(READ, left))
                left -= len(chunk)
            for _ in opener.finish():
                pass
            os.fsync(out.fileno())
    target.unlink()


def _member_size(archive: Archive) -> int:
    return archive._left


def _cpu(run: Callable[[Path], None], path: Path) -> float:
    os.sync()
    began = time.process_time()
    run(path)
    return time.process_time() - began
