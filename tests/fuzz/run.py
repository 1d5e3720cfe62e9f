# SPDX-License-Identifier: AGPL-3.0-or-later
"""
One parser, one process: hypothesis first, then atheris, every execution counted, the first finding written down.

Started by `campaign`. The count and the present input lie in a file that both map, so that a process that dies of its input, or never comes
back from it, has still said which one it was.

`python -m tests.fuzz.run MODULE FOLDER HYPOTHESIS ATHERIS SEED`
"""

from __future__ import annotations

import importlib
import mmap
import os
import resource
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import atheris
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from tests.fuzz.guard import Guard, guarded
from tests.fuzz.parser import MOST_BYTES, Parser

#: Whose branches atheris follows: what reads a stranger's bytes, ours and others'.
FOLLOWED: Final = (
    "source_app",
    "crypto",
    "journalist_app.vault",
    "store",
    "multipart",
    "gunicorn.http",
    "werkzeug",
    "flask",
    "tests.fuzz.parsers",
)
#: Some thousand steps for one mistyped word, and not a branch that depends on anything else: followed, they would take all the time.
UNFOLLOWED: Final = ("crypto.nearest",)
#: Executions by hypothesis, executions by atheris, length of the present input; then the input.
HEAD: Final = struct.Struct(">QQI")
SHARED: Final = "shared"
FOUND: Final = "found.txt"
CORPUS: Final = "corpus"
SIZE: Final = HEAD.size + 4 * MOST_BYTES
MEMORY_MIB: Final = 700


class Tally:
    """What the parent reads."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self._counts = [0, 0]

    def note(self, engine: int, raw: bytes) -> None:
        """One more execution, of this input."""
        self._counts[engine] += 1
        kept = raw[: SIZE - HEAD.size]
        self._map[HEAD.size : HEAD.size + len(kept)] = kept
        HEAD.pack_into(self._map, 0, *self._counts, len(kept))


def by_hypothesis(parser: Parser, judge: Callable[[bytes], None], count: int, seed: int) -> None:
    """Inputs that look as they should; those that fail are made as small as they can be."""

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(parser.shapes)
    def each(raw: bytes) -> None:
        judge(raw)

    each()


def by_atheris(parser: Parser, judge: Callable[[bytes], None], count: int, seed: int, folder: Path) -> None:
    """Inputs that reach code which none before reached. Does not return."""
    corpus = folder / CORPUS
    corpus.mkdir()
    for number, raw in enumerate(parser.seeds):
        (corpus / f"{number:04d}").write_bytes(raw)
    words = folder / "words"
    words.write_text("".join(f'"{"".join(f"{chr(92)}x{byte:02x}" for byte in word)}"\n' for word in parser.words))
    atheris.Setup(
        [
            "fuzz",
            f"-runs={count}",
            f"-seed={seed}",
            f"-max_len={parser.most}",
            f"-dict={words}",
            f"-rss_limit_mb={_used_before() + MEMORY_MIB}",
            f"-artifact_prefix={folder}/",
            "-len_control=20",
            "-verbosity=0",
            # Our guard counts time, and in CPU; this only has to be longer than it.
            "-timeout=600",
            str(corpus),
        ],
        judge,
    )
    atheris.Fuzz()


def _used_before() -> int:
    # MiB. libFuzzer looks at the most that the kernel has counted for this process; what our imports took is not the parser's.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main(name: str, folder: Path, counts: tuple[int, int], seed: int) -> None:
    """Run both engines; the process ends with the first finding."""
    with atheris.instrument_imports(include=list(FOLLOWED), exclude=list(UNFOLLOWED)):
        module = importlib.import_module(name)
    work = folder / "work"
    work.mkdir()
    parser: Parser = module.make(work)
    tally = Tally(folder / SHARED)
    guard = Guard(parser.folders)
    take = guarded(parser.take, guard)

    def counted(engine: int) -> Callable[[bytes], None]:
        def judge(raw: bytes) -> None:
            tally.note(engine, raw)
            try:
                take(raw)
            except BaseException:
                if engine:
                    # libFuzzer would go on to print a report of its own, and keep the input under a name of its own.
                    _write(folder)
                raise

        return judge

    try:
        by_hypothesis(parser, counted(0), counts[0], seed)
    except BaseException:  # noqa: BLE001 - a hang is one too
        _write(folder)
    by_atheris(parser, counted(1), counts[1], seed, folder)


def _write(folder: Path) -> None:
    (folder / FOUND).write_text(traceback.format_exc(limit=-12))
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), (int(sys.argv[3]), int(sys.argv[4])), int(sys.argv[5]))
