# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A throwaway organisation: the ceremony as people do it, played by a script with the same verbs.

    D/server/       the server's folder
    D/vault-1…3/    one offline laptop each
    D/stick/        what is carried between them
    D/ceremony/     root key, card, requests
    D/secrets/      passphrases, one file a program: a demo's alone; people keep theirs in their heads

The vaults are made by their own command in processes of their own: nothing of theirs is loaded here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crypto.passwords import generate_passphrase
from crypto.root import Root
from deploy import server
from deploy.errors import DemoError
from journalist_app.desk.intake import Intake
from journalist_app.desk.keys import ServerKeys
from journalist_app.desk.organisation import Organisation
from journalist_app.desk.persons import Enrolment
from store.engine import open_store

SEATS = (1, 2, 3)
NAMES = ("amber", "birch", "cedar")
NAME = "Demo Centre 演示中心"

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Made:
    """
    What was made.

    Args:
        folder: D.
        fingerprint: The root's, as people compare it.
        people: Who may log in at the desk, in seat order.
        passphrases: Of the vaults, in seat order.
    """

    folder: Path
    fingerprint: str
    people: tuple[Enrolment, ...]
    passphrases: tuple[str, ...] = field(repr=False)

    @property
    def server(self) -> Path:
        """The server's folder."""
        return self.folder / "server"

    @property
    def stick(self) -> Path:
        """The folder that stands for a USB stick."""
        return self.folder / "stick"

    def vault(self, seat: int) -> Path:
        """A vault's folder."""
        return self.folder / f"vault-{seat}"


def make(folder: Path, *, say: Say) -> Made:
    """
    Play the whole ceremony in an empty folder.

    Raises:
        DemoError: A verb refused.
    """
    for name in ("stick", "ceremony", "secrets"):
        (folder / name).mkdir(mode=0o700, parents=True)
    made, passphrases = folder / "ceremony", tuple(generate_passphrase() for _ in SEATS)
    root_passphrase = generate_passphrase()
    say("Making the server: its keys sign batches and open outboxes, nothing else")
    server.initialise(folder / "server", NAME, source="127.0.0.1:0", desk="127.0.0.1:0", reads="en, zh-Hans, zh-Hant")
    say("Seat 1 holds the ceremony: root key, card, first epochs (the passphrases are meant to cost a second or two)")
    _vault(
        folder, ["init", "--dir", "vault-1", "--server", f"server/{server.PUBLIC}", "--out", "ceremony/signed", "--person", NAMES[0]],
        secrets=[passphrases[0], root_passphrase],
    )  # fmt: skip
    fingerprint = _fingerprint(made / "signed" / "root-1.json")
    server.install_file(folder / "server", made / "signed" / "install.json", fingerprint=fingerprint)
    for seat in SEATS[1:]:
        say(f"Seat {seat} asks for its place")
        _vault(
            folder, ["seat-request", "--dir", f"vault-{seat}", "--out", f"ceremony/request-{seat}.json", "--person", NAMES[seat - 1]],
            secrets=[passphrases[seat - 1]],
        )  # fmt: skip
    say("Seat 1 admits them: the next card, signed by the root key")
    requests = [f"ceremony/request-{seat}.json" for seat in SEATS[1:]]
    _vault(
        folder, ["seat-admit", "--dir", "vault-1", *requests, "--root-key", "ceremony/signed/root-key-1.json", "--yes",
         "--out", "ceremony/card-2.json"],
        secrets=[passphrases[0], root_passphrase],
    )  # fmt: skip
    server.install_file(folder / "server", made / "card-2.json", fingerprint="")
    for seat in SEATS[1:]:
        say(f"Seat {seat} takes its place and brings its first outbox")
        _vault(
            folder,
            ["seat-accept", "--dir", f"vault-{seat}", "ceremony/card-2.json", "ceremony/signed/root-1.json",
             "--fingerprint", fingerprint, "--stick", "stick"],
            secrets=[passphrases[seat - 1]],
        )  # fmt: skip
    _take_in(folder)
    people = tuple(
        server.add_person(folder / "server", name, role="reviewer", seat=seat)
        for seat, name in zip(SEATS, NAMES, strict=True)
    )
    return Made(folder, fingerprint, people, passphrases)


def _take_in(folder: Path) -> None:
    store = open_store(folder / "server" / server.STORE)
    keys = ServerKeys.load(folder / "server" / server.KEYS)
    intake = Intake(store, keys, Organisation(store), limit=1 << 28, today=server.today)
    for path in sorted((folder / "stick").iterdir()):
        with path.open("rb") as outbox:
            intake.take(outbox, by="demo")
        path.unlink()


def _fingerprint(root: Path) -> str:
    return Root.decode(root.read_bytes()).fingerprint


def _vault(folder: Path, arguments: Sequence[str], *, secrets: Sequence[str]) -> None:
    """
    Run one verb of the vault in D, its passphrases in a file that only its owner reads.
    """
    path = folder / "secrets" / re.sub(r"[^a-z0-9-]", "", f"{arguments[0]}-{arguments[2]}")
    path.touch(mode=0o600)
    path.write_text("".join(f"{secret}\n" for secret in secrets))
    done = subprocess.run(
        [sys.executable, "-m", "journalist_app.vault", *arguments, "--passphrase-file", str(path.relative_to(folder))],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    path.unlink()
    if done.returncode:
        raise DemoError(f"vault {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")


def _environment() -> dict[str, str]:
    # From a checkout that was not installed, the rooms are found beside this one.
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
