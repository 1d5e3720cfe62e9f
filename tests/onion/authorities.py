# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The keys of the test network's directory authorities: five RSA-3072 identities cost seconds each, so they are kept for a week.

They lie below `build/`, which no commit holds, in a folder named by the week, sealed by a digest over every file: what is older, incomplete
or altered is made anew. They protect nothing: the network that trusts them is on loopback and ends with the test.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.source_app.visitor import ROOT

CACHE = ROOT / "build" / "onion-authorities"
SEAL = "seal"
#: Tor reads a test network's settings only beside some authority's line.
SOMEBODY = f"somebody 127.0.0.1:1 {'A' * 40}"


@dataclass(frozen=True, slots=True)
class Authority:
    """
    Args:
        name: its nickname, and the name of its folder of keys.
        fingerprint: of its relay.
        identity: of its votes.
        keys: the folder to begin with.
    """

    name: str
    fingerprint: str
    identity: str
    keys: Path


def authorities(count: int, cache: Path = CACHE, today: datetime.date | None = None) -> list[Authority]:
    """
    Args:
        count: how many are needed.
        cache: where this week's are kept.
        today: the day.

    Returns:
        authorities with keys, from the cache if it is whole.
    """
    week = (today or datetime.datetime.now(datetime.UTC).date()).strftime("%G-W%V")
    kept = cache / f"{week}-{count}"
    if not _whole(kept):
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{week}-making-", dir=cache))
        _make(made, count)
        (made / SEAL).write_text(_digest(made))
        _put(made, kept)
        for old in cache.iterdir():
            if not old.name.startswith(week):
                shutil.rmtree(old, ignore_errors=True)
    return [_read(kept / f"a{number}") for number in range(count)]


def _put(made: Path, kept: Path) -> None:
    """Move what was made to its place; whoever was there first with something whole is left there."""
    for _ in range(3):
        try:
            made.rename(kept)
        except OSError:
            if _whole(kept):
                shutil.rmtree(made)
                return
            shutil.rmtree(kept, ignore_errors=True)
        else:
            return
    raise RuntimeError(f"{kept} cannot be replaced")


def _whole(kept: Path) -> bool:
    try:
        return (kept / SEAL).read_text() == _digest(kept)
    except OSError:
        return False


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != SEAL:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _make(folder: Path, count: int) -> None:
    (folder / "empty").touch()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_make_one, [folder / f"a{number}" for number in range(count)]))


def _make_one(place: Path) -> None:
    keys = place / "keys"
    keys.mkdir(mode=0o700, parents=True)
    place.chmod(0o700)
    empty = str(place.parent / "empty")
    made = [f"authority_{name}" for name in ("identity_key", "signing_key", "certificate")]
    identity, signing, certificate = (str(keys / name) for name in made)
    for command in (
        ["tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-i", identity, "-s", signing, "-c", certificate,
         "-m", "12"],
        ["tor", "--list-fingerprint", "--quiet", "--orport", "1", "--datadirectory", str(place), "--nickname", place.name,
         "--dirauthority", SOMEBODY, "-f", empty, "--defaults-torrc", empty],
    ):  # fmt: skip
        done = subprocess.run(command, input="nobody\n", text=True, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr or done.stdout}")


def _read(place: Path) -> Authority:
    identity = re.search(
        r"^fingerprint ([0-9A-F]{40})$", (place / "keys/authority_certificate").read_text(), re.MULTILINE
    )
    fingerprint = re.fullmatch(r"\w+ ([0-9A-F]{40})\n", (place / "fingerprint").read_text())
    if identity is None or fingerprint is None:
        raise RuntimeError(f"{place} holds no authority")
    return Authority(place.name, fingerprint[1], identity[1], place / "keys")
