# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Sources who seal beforehand: with age, to the recipients that the server offers them, or with a GnuPG of their own.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from crypto.age import HybridRecipient, PayloadSealer, make_header, new_file_key
from crypto.epochs import sealing_epoch
from journalist_app.vault.importer import import_batch
from journalist_app.vault.memory import PREFIX
from tests.journalist_app.vault.fakes import Organisation, Server, Source

IN_MEMORY = Path("/dev/shm")


def offered(server: Server) -> list[HybridRecipient]:
    """
    What the server offers a source today: each active seat's recipient of the epoch after the one it seals under.
    """
    epoch = sealing_epoch(server.day, server.root.first_day, server.floor) + 1
    return [server.sheets[seat.number].recipient_for(epoch) for seat in server.card.seats]


def age_file(recipients: Sequence[HybridRecipient], plaintext: bytes) -> bytes:
    """
    An age file.
    """
    file_key, payload = new_file_key(), bytearray()
    sealer = PayloadSealer(file_key, payload.extend)
    sealer.write(plaintext)
    sealer.finish()
    return make_header(file_key, recipients) + bytes(payload)


def armored(raw: bytes) -> bytes:
    """
    The same as text.
    """
    text = base64.b64encode(raw).decode()
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    return f"-----BEGIN AGE ENCRYPTED FILE-----\n{lines}\n-----END AGE ENCRYPTED FILE-----\n".encode()


def sent(organisation: Organisation, *bodies: bytes, name: str = "report.pdf.age") -> list[bytes]:
    """
    Files of one source, imported at every seat; their ids.
    """
    source = Source()
    ids = [organisation.server.deposit(source, "file", body, name=name) for body in bodies]
    brought(organisation)
    return ids


def brought(organisation: Organisation) -> None:
    """
    The next batch, imported at every seat.
    """
    path = organisation.server.batch(organisation.stick)
    for vault in organisation.vaults:
        assert import_batch(vault, path).whole


@contextmanager
def own_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """
    A place in memory that the vaults of one test have for themselves. Nothing may be left in it, and no agent at work there.
    """
    place = Path(tempfile.mkdtemp(prefix="test-", dir=IN_MEMORY))
    monkeypatch.setenv("TMPDIR", str(place))
    try:
        yield place
        deadline = time.monotonic() + 10
        while agents(place) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (left_in(place), agents(place)) == (set(), [])
    finally:
        shutil.rmtree(place, ignore_errors=True)


def left_in(place: Path) -> set[str]:
    """
    Folders that vaults have made there.
    """
    return {path.name for path in place.glob(f"{PREFIX}*")}


def agents(place: Path) -> list[str]:
    """
    The agents that work there.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"gpg-agent") and any(os.fsencode(place) in word for word in words):
            found.append(b" ".join(words).decode())
    return found


class GnuPG:
    """
    A source's own GnuPG.
    """

    def __init__(self) -> None:
        # Short: an agent's socket stands in it.
        self.home = Path(tempfile.mkdtemp(prefix="source-", dir=IN_MEMORY))

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """
        What gpg gives for something.
        """
        fixed = ["gpg", "--homedir", os.fspath(self.home), "--batch", "--quiet", "--yes", "--trust-model", "always"]
        return subprocess.run([*fixed, *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout

    def take(self, key: str) -> str:
        """
        Take in a public key; its fingerprint.
        """
        listed = self.run("--with-colons", "--show-keys", given=key.encode()).decode()
        self.run("--import", given=key.encode())
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def seal(self, plaintext: bytes, *keys: str, more: Sequence[str] = ()) -> bytes:
        """
        Seal to some keys.
        """
        to = [word for key in keys for word in ("--recipient", key)]
        return self.run(*more, *to, "--encrypt", given=plaintext)

    def own_key(self) -> str:
        """
        Make a key of the source's own, to sign with and to seal to; its fingerprint.
        """
        name = f"source {secrets.token_hex(4)}"
        self.run("--passphrase", "", "--quick-generate-key", name, "default", "default", "never")
        listed = self.run("--with-colons", "--list-keys", name).decode()
        return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def close(self) -> None:
        """
        Leave nothing.
        """
        subprocess.run(["gpgconf", "--homedir", os.fspath(self.home), "--kill", "all"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)
