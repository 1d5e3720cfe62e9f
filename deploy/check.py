# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen demo --check`: the whole job, done by itself over HTTP with three seats, then judged.

It holds only if: what every vault shows and hands out is what went in, byte for byte; the source reads the answer; and no file that the
servers or vaults wrote, nothing on the stick, and nothing that they were seen to hold open meanwhile (`search` says how often it looks) holds
the words' first line or random part, a file's name, a piece of a file, or the codename: its nine words, characters or numbers, joined as people
and programs join them, or its secret, raw or in hex. Other encodings of these are not looked for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from crypto.codename import Codename
from deploy.demo import Demo, running
from deploy.errors import CheckFailedError
from deploy.evidence import Evidence, document, photo, recording
from deploy.organisation import Say
from deploy.people import AtDesk, AtVault, Login, Source, require
from deploy.search import Search, Watch

REPORT = "二〇二五年三月，县公安局的人带走了我的丈夫。至今没有任何手续。证人：{}。\n我有照片和文件。"
REPLY = "我们读到了您的信。请问是哪一个派出所？{}"
JOINTS = ("", " ", "\n", ",", ", ", "-", "+", "%20")
NOTE = "Compare with the thread of the same county. {}"


class Journal:
    """
    Prints each step with its time and bytes.
    """

    def __init__(self, say: Say) -> None:
        self._say = say

    @contextmanager
    def step(self, what: str, size: int = 0) -> Iterator[None]:
        """
        One step; `size` in bytes where bytes move.
        """
        begun = time.monotonic()
        yield
        taken = time.monotonic() - begun
        moved = f"  {size:>13,} bytes" if size else ""
        self._say(f"ok {taken:8.2f} s  {what}{moved}")


def run(folder: Path, *, size: int, say: Say) -> None:
    """
    Do the whole job in a fresh demo.

    Args:
        folder: The demo's folder, made anew.
        size: Of the large file, in bytes.
        say: Prints.

    Raises:
        CheckFailedError: A step did not hold.
    """
    words, reply, note = (text.format(secrets.token_hex(16)) for text in (REPORT, REPLY, NOTE))
    files = (photo(), document(), recording(size))
    with running(folder, say=say) as demo:
        search = Search(list(_markers(files, report=words, reply=reply, note=note)))
        programs = (demo.source, demo.desk, *demo.vaults)
        with Watch(search, lambda: (pid for program in programs for pid in program.family())) as watch:
            _job(demo, Journal(say), search, words=words, reply=reply, note=note, files=files)
        with Journal(say).step("nothing of it stands in any file of the servers, the vaults and the stick"):
            for part in ("server", "tmp", "logs", "stick", "vault-1", "vault-2", "vault-3"):
                search.folder(demo.made.folder / part)
            if search.found:
                raise CheckFailedError("plaintext on disk: " + "; ".join(sorted(set(search.found))))
        if not any("incoming" in name for name in watch.seen):
            raise CheckFailedError("the watch never saw an upload's file open: it proved nothing")
        say(f"   searched {search.files} files and {len(watch.seen)} open ones, {search.looked:,} bytes")
    say("The whole job holds.")


def _job(
    demo: Demo, journal: Journal, search: Search, *, words: str, reply: str, note: str, files: Sequence[Evidence]
) -> None:
    stick = demo.made.stick
    source = Source(demo.source.url)
    with journal.step("source writes in Chinese, sees a codename", len(words.encode())):
        source.write(words)
    # From here on it is looked for in what is held open, too.
    search.markers = [*search.markers, *codename_markers(source.codename)]
    for file in files:
        with journal.step(f"source attaches {file.name}", file.length):
            source.attach([file])
    with journal.step("source has the codename, and logs out"):
        source.knows()
    person = demo.made.people[0]
    with journal.step("reviewer of seat 1 logs in at the desk"):
        desk = AtDesk(demo.desk.url, Login(person.person.name, person.passphrase, person.totp))
    first = _take_out(desk, journal, stick)
    one = _open(demo, journal, 1)
    _read(one, journal, 1, first, words, files)
    with journal.step("seat 1 answers, notes, sets the state, writes its outbox"):
        thread = one.act(one.thread(), "reply", text=reply, lang="zh-Hans")
        thread = one.act(thread, "note", text=note)
        one.act(thread, "state", state="reading")
        outbox = one.write_outbox(stick)
    with journal.step("desk takes the outbox in", outbox.stat().st_size):
        desk.take_in(outbox)
    again = Source(demo.source.url)
    again.codename = source.codename
    with journal.step("source returns with nine symbols and reads the answer"):
        require(again.come_back(), reply, "1")
    second = _take_out(desk, journal, stick)
    for seat in (2, 3):
        vault = _open(demo, journal, seat)
        _read(vault, journal, seat, first, words, files)
        with journal.step(f"seat {seat} imports batch 2 and sees reply and note of seat 1", second.stat().st_size):
            vault.take(second)
            require(vault.thread(), words.splitlines()[0], reply, note, "signed by seat 1")


def _take_out(desk: AtDesk, journal: Journal, stick: Path) -> Path:
    begun = time.monotonic()
    path = desk.take_out(stick)
    with journal.step(f"desk takes out {path.name} ({time.monotonic() - begun:.2f} s)", path.stat().st_size):
        return path


def _open(demo: Demo, journal: Journal, seat: int) -> AtVault:
    with journal.step(f"seat {seat} unlocks its vault"):
        url = f"{demo.vaults[seat - 1].url}/?token={demo.tokens[seat - 1]}"
        return AtVault(url, demo.made.passphrases[seat - 1])


def _read(vault: AtVault, journal: Journal, seat: int, batch: Path, words: str, files: Sequence[Evidence]) -> None:
    with journal.step(f"seat {seat} imports {batch.name}", batch.stat().st_size):
        vault.take(batch)
    with journal.step(f"seat {seat} reads the text, the names and every byte", sum(file.length for file in files)):
        thread = require(vault.thread(), *words.splitlines(), *(file.name for file in files))
        if vault.download(thread) != {file.sha256(): file.length for file in files}:
            raise CheckFailedError(f"what seat {seat} downloads is not what the source sent")


def _markers(files: Sequence[Evidence], **texts: str) -> Iterator[tuple[str, bytes]]:
    for file in files:
        yield f"a piece of {file.name}", file.marker
        yield f"the name {file.name}", file.name.encode()
        yield f"the name {file.name}, percent-encoded", quote(file.name).encode()
    for what, text in texts.items():
        # The random part alone: it is ASCII, and stands unchanged in any encoding of the whole.
        yield f"the {what}", text.encode().split(b"\n")[0]
        yield (
            f"the {what}'s secret",
            max(text.replace("：", " ").replace("。", " ").replace("？", " ").split(), key=len).encode(),
        )


def codename_markers(shown: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """
    What of a codename may stand nowhere.

    Args:
        shown: Its nine symbols, as a page shows them.
    """
    codename = Codename.parse(" ".join(shown))
    for symbols in (
        codename.words(),
        codename.characters(),
        codename.characters(traditional=True),
        [str(number) for number in codename.numbers()],
    ):
        for joint in JOINTS:
            yield "the codename", joint.join(symbols).encode()
    secret = bytes(codename.secret)
    yield "the codename's secret", secret
    yield "the codename's secret in hex", secret.hex().encode()
