# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen demo`: the real programs with a throwaway organisation, on this machine, until Ctrl-C.

Promises: everything it starts ends with it; D/demo.json tells a script what is printed for a person.
Refuses: a folder that holds anything but an earlier demo.
Leaves out, and says so: Tor, and laptops that are really apart. Everything else is what a real installation runs.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from deploy import organisation, server
from deploy.errors import DemoError
from deploy.organisation import SEATS, Made, Say
from deploy.processes import Running, start

DESCRIPTION = "demo.json"


@dataclass(frozen=True, slots=True)
class Demo:
    """
    A demo that runs.

    Args:
        made: The organisation.
        source: The source app.
        desk: The desk.
        vaults: One for each seat.
        tokens: What opens each vault's first page.
    """

    made: Made
    source: Running
    desk: Running
    vaults: tuple[Running, ...]
    tokens: tuple[str, ...]

    def describe(self) -> dict[str, object]:
        """
        What D/demo.json holds.
        """
        return {
            "source_url": self.source.url + "/",
            "desk_url": self.desk.url + "/",
            "vaults": [
                {"seat": seat, "url": f"{vault.url}/?token={token}", "token": token, "passphrase": passphrase}
                for seat, vault, token, passphrase in zip(
                    SEATS, self.vaults, self.tokens, self.made.passphrases, strict=True
                )
            ],
            "people": [
                {"name": one.person.name, "passphrase": one.passphrase, "totp": one.totp} for one in self.made.people
            ],
            "fingerprint": self.made.fingerprint,
            "store": str(self.made.server / server.STORE),
            "stick": str(self.made.stick),
        }


def run(folder: Path, *, say: Say) -> None:
    """
    Start a demo, print it, and wait for Ctrl-C.
    """
    with running(folder, say=say) as demo:
        for line in _tell(demo):
            say(line)
        _wait()
        say("\nEnding everything.")


@contextmanager
def running(folder: Path, *, say: Say) -> Iterator[Demo]:
    """
    A demo, for as long as the block lasts.

    Raises:
        DemoError: The folder is not ours to use, or a program did not start.
    """
    folder = folder.absolute()
    _clear(folder)
    made = organisation.make(folder, say=say)
    say("Starting source app, desk and three vaults")
    with ExitStack() as stack:

        def begin(name: str, module: str, *arguments: str) -> Running:
            log = folder / "logs" / f"{name}.log"
            log.parent.mkdir(exist_ok=True)
            one = start(name, module, arguments, log=log, temporary=folder / "tmp" / name)
            stack.callback(one.stop)
            return one

        source = begin("source", "deploy", "source", "--dir", str(made.server), "--watched")
        desk = begin("desk", "deploy", "desk", "--dir", str(made.server))
        vaults, tokens = [], []
        for seat in SEATS:
            token = folder / "secrets" / f"token-{seat}"
            place = (
                "--dir",
                str(made.vault(seat)),
                "--stick",
                str(made.stick),
                "--save",
                str(folder / f"saved-{seat}"),
            )
            vaults.append(
                begin(
                    f"vault-{seat}",
                    "journalist_app.vault",
                    "serve",
                    *place,
                    "--port",
                    str(_free_port()),
                    "--token-file",
                    str(token),
                )
            )
            tokens.append(token.read_text().strip())
            token.unlink()
        demo = Demo(made, source, desk, tuple(vaults), tuple(tokens))
        description = folder / DESCRIPTION
        description.touch(mode=0o600)
        description.write_text(json.dumps(demo.describe(), indent=1, ensure_ascii=False) + "\n")
        yield demo


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        # A typing mistake after --dir must not cost anyone their home.
        if not (folder / DESCRIPTION).exists() and not (folder / "server" / server.PUBLIC).exists():
            raise DemoError(f"{folder} holds something else than an earlier demo; give another --dir")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tell(demo: Demo) -> Iterator[str]:
    yield f"\nSource page   {demo.source.url}/\n  Open it in a browser with JavaScript off. Fingerprint: {demo.made.fingerprint}"
    yield f"\nDesk          {demo.desk.url}/"
    for one in demo.made.people:
        yield f"  {one.person.name} (seat {one.person.seat})   passphrase: {one.passphrase}   TOTP secret: {one.totp}"
    yield "\nVaults (each address works once)"
    for seat, vault, token, passphrase in zip(SEATS, demo.vaults, demo.tokens, demo.made.passphrases, strict=True):
        yield f"  seat {seat}   {vault.url}/?token={token}   passphrase: {passphrase}"
    yield f"\nThe stick     {demo.made.stick}\n  Save batches there; the vaults look there, and write their outboxes there."
    yield f"\nAll of this for scripts: {demo.made.folder / DESCRIPTION}\nWithout Tor, and on one machine; otherwise as in earnest. Ctrl-C ends it."


def _wait() -> None:
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    ended.wait()
