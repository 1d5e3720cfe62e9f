# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The one door to GnuPG: a seat's OpenPGP key, and opening what was sealed to it.

gpg works in a folder in memory that is made for the one act and is gone after it, its agent with it. It reads nobody's
settings, asks nobody anything, reaches no network and no card. What comes out of it is plaintext at once: it may be handed on only once
it has come to its end and `judge` has held (spec F3), so callers run it twice.

The key has no name, no address, no host, and no time finer than a day. It is for sealing to, and signs nothing but itself.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import gnupg

from crypto.hidden import Hidden
from journalist_app.vault.errors import ItemRefusedError, ProgramError
from journalist_app.vault.memory import folder_in_memory, sweep
from journalist_app.vault.pgp_said import judge
from journalist_app.vault.piped import Piped

# What one sealed file may unpack to: so many bytes whatever it is, and beyond that so many for each sealed one.
FREE_SIZE: Final = 64 << 20
MAX_RATIO: Final = 100
# And the work it may take: so many seconds whatever it is, and beyond that one for so many bytes.
FREE_WORK: Final = 120
WORK_RATE: Final = 1 << 20

_OPTIONS: Final = (
    "--no-options",
    "--quiet",
    "--disable-dirmngr",
    "--no-auto-key-retrieve",
    "--no-auto-key-locate",
    "--no-symkey-cache",
    "--pinentry-mode=error",
    "--trust-model=always",
    # A laptop without a network has the wrong day sooner or later: it must open what it has all the same.
    "--ignore-time-conflict",
    "--ignore-valid-from",
    "--logger-file=/dev/null",
)
# There is nothing to ask, and nobody to be asked.
_AGENT: Final = "disable-scdaemon\nno-allow-external-cache\npinentry-program /bin/false\n"
_PROGRAMS: Final = {"gpg": "gpg", "gpg-agent": "gpg-agent", "gpgconf": "gpgconf"}
# gpg lists keys that it finds beside a body where the body goes: so the body goes elsewhere, and lists to nobody.
_BODY_ALONE: Final = ("/bin/sh", "-c", 'exec "$@" 3>&1 >/dev/null', "sh")
_DECRYPT: Final = ("--enable-special-filenames", "--output=-&3", "--decrypt")
_PATH: Final = "/usr/bin:/bin"
_PATIENCE: Final = 20
_KEY: Final = """\
%no-protection
Key-Type: EDDSA
Key-Curve: ed25519
Key-Usage: cert
Subkey-Type: ECDH
Subkey-Curve: cv25519
Subkey-Usage: encrypt
Name-Real: {name}
Expire-Date: 0
Preferences: AES256 AES192 AES SHA512 SHA256 ZLIB ZIP Uncompressed
%commit
"""

# It would write arguments and the beginning of exported keys where somebody looks for faults.
logging.getLogger("gnupg").disabled = True


@dataclass(frozen=True, slots=True)
class PgpKey:
    """
    One key.

    Args:
        fingerprint: 40 digits.
        public: Armored.
        secret: As gpg takes it in, without a passphrase: for the encrypted database.
    """

    fingerprint: str
    public: str
    secret: Hidden


def make(name: str, day: date) -> PgpKey:
    """
    Make a key.

    Args:
        name: All that it says of whom it belongs to; at least five characters.
        day: Made at its midnight, so that nothing finer is in it.

    Raises:
        ProgramError: gpg is missing, or did not make one.
    """
    with _gpg(f"--faked-system-time={day:%Y%m%d}T000000!") as gpg:
        # Not python-gnupg's own form: that one puts the account's and the host's name into the key.
        fingerprint = gpg.gen_key(_KEY.format(name=name)).fingerprint
        if not fingerprint:
            raise ProgramError("gpg made no key")
        public = gpg.export_keys(fingerprint, minimal=True)
        secret = gpg.export_keys(fingerprint, secret=True, armor=False, expect_passphrase=False)
        if not public or not secret:
            raise ProgramError("gpg did not give the key that it made")
    return PgpKey(fingerprint, public, Hidden(secret))


def opened(secret: Hidden, pieces: Iterator[bytes], length: int, signed: list[str]) -> Iterator[bytes]:
    """
    What an OpenPGP message holds, as gpg gives it. Believe nothing of it before it has come to its end.

    Args:
        secret: The seat's key.
        pieces: The message.
        length: How many bytes it has.
        signed: Takes, at the end, the ids of keys that signatures inside name. They are not checked.

    Raises:
        ForeignSealError: It is for other keys, or for a passphrase.
        BrokenSealError: It is not encrypted, not protected, cut or altered.
        ItemRefusedError: It unpacks to more than anybody would send, or gpg stands still over it, or works too long.
        ProgramError: gpg is missing.
    """
    most, came = FREE_SIZE + MAX_RATIO * length, 0
    with _gpg() as gpg:
        if not gpg.import_keys(bytes(secret)).fingerprints:
            raise ProgramError("gpg does not take this seat's key")
        command = (*_BODY_ALONE, *gpg.make_args(list(_DECRYPT), passphrase=False))
        run = Piped(command, gpg.env, FREE_WORK + length // WORK_RATE)
        for chunk in run.through(pieces):
            came += len(chunk)
            if came > most:
                raise ItemRefusedError(f"this unpacks to more than {MAX_RATIO} times its size: it is not opened")
            yield chunk
        signed.extend(judge(run.said, run.ended))


def remove_left() -> None:
    """
    Remove what a killed vault left in memory, and end its agents: a seat's key lies there in the clear.
    """
    sweep(_end_agent)


@contextmanager
def _gpg(*options: str) -> Iterator[gnupg.GPG]:
    for program, package in _PROGRAMS.items():
        if shutil.which(program, path=_PATH) is None:
            raise ProgramError(f"{program} is not on this laptop: install the Debian package {package}")
    with folder_in_memory(_end_agent) as home:
        (home / "gpg-agent.conf").write_text(_AGENT)
        yield gnupg.GPG(gnupghome=str(home), options=[*_OPTIONS, *options], env=_environment(home))


def _environment(home: Path) -> dict[str, str]:
    # Nothing of ours: no agent that runs already, no display to ask on, no bus.
    return {"PATH": _PATH, "HOME": str(home), "GNUPGHOME": str(home), "TMPDIR": str(home), "LC_ALL": "C"}


def _end_agent(home: Path) -> None:
    # Where /run/user is there, the agent's sockets stand in a folder of gpg's own there, and are no sign in this one.
    for act in (("--kill", "gpg-agent"), ("--remove-socketdir",)):
        command = ["gpgconf", "--homedir", os.fspath(home), *act]
        # An agent that does not end so does when its folder goes.
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, env=_environment(home), check=False, capture_output=True, timeout=_PATIENCE)  # noqa: S603
