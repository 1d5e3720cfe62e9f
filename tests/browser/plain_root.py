# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A plain Debian to run a printed command in: a shell, coreutils and curl, and a network in which nothing lives but tor's port.

What this file promises
- The root is Debian's own packages (debootstrap, the smallest set, and curl), made once below `build/` and afterwards only read: what is
  done in it happens on an overlay in memory's folder and is gone with it.
- The command finds nothing on its PATH but what the packages dash, coreutils and curl bring. A step that needs sed or awk fails.
- Its network is a namespace of its own whose one listener is the port it is to use. What goes past that port reaches nothing.
- Its account is not root.

Refuses, in plain words: to run without root, debootstrap, unshare and ip.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUITE: Final = "bookworm"
MIRROR: Final = "http://deb.debian.org/debian"
INCLUDED: Final = ("curl",)
#: What brings the programs that a printed command may use.
ALLOWED: Final = ("dash", "coreutils", "curl")
CACHE: Final = Path(__file__).parents[2] / "build" / "plain-root"
STEP_SECONDS: Final = 1_200
ACCOUNT: Final = 1000
#: Where tor takes visitors on Tails.
SOCKS: Final = ("127.0.0.1", 9050)
CLONE_NEWNET: Final = 0x40000000
#: Within namespaces of its own: an overlay over the root, what is given on it, then the command.
STAGE: Final = """
set -eu
ip link set lo up
mount -t tmpfs -o size=16m none "$1"
mkdir "$1/upper" "$1/work" "$1/debian"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" none "$1/debian"
mkdir -p "$1/debian/walk" "$1/debian/allowed"
mount --bind "$3" "$1/debian/walk"
mount --bind /dev "$1/debian/dev"
for program in $4; do ln -s "$program" "$1/debian/allowed/${program##*/}"; done
echo staged
read -r _
exec chroot --userspec="$5:$5" "$1/debian" /usr/bin/env -i HOME=/walk PATH=/allowed LC_ALL=C.UTF-8 /bin/sh -c 'cd /walk && exec $2 <"$1"' sh "$6" "$7"
"""
LIBC: Final = ctypes.CDLL(None, use_errno=True)


class PlainRootError(Exception):
    """The root could not be made, or this machine cannot run anything in it."""


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a command left.

    Args:
        code: its exit code.
        output: its standard output.
        errors: its standard error.
    """

    code: int
    output: str
    errors: str


def require_host() -> None:
    """
    Raises:
        PlainRootError: This machine lacks something; the message says what.
    """
    if os.geteuid() != 0:
        raise PlainRootError("debootstrap and chroot need root: run this as root")
    missing = [name for name in ("debootstrap", "unshare", "ip", "mount", "setpriv") if shutil.which(name) is None]
    if missing:
        raise PlainRootError(f"missing: {', '.join(missing)}; apt-get install debootstrap iproute2 util-linux")


def plain_root() -> Path:
    """
    The root, made if it is not there yet.

    Raises:
        PlainRootError: This machine cannot make it.
    """
    require_host()
    recipe = repr((SUITE, MIRROR, INCLUDED)).encode()
    root = CACHE / hashlib.sha256(recipe).hexdigest()[:16]
    if root.exists():
        return root
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="making-") as made:
        new = Path(made) / "root"
        # Below another name until it is whole: one that was broken off is never used.
        _run(["debootstrap", "--variant=minbase", f"--include={','.join(INCLUDED)}", SUITE, str(new), MIRROR])
        shutil.rmtree(new / "var" / "cache" / "apt" / "archives", ignore_errors=True)
        new.rename(root)
    return root


def allowed(root: Path) -> tuple[str, ...]:
    """The programs that the allowed packages bring, by their paths in the root."""
    lists = root / "var" / "lib" / "dpkg" / "info"
    listed = "\n".join(_listed(lists, package) for package in ALLOWED).split("\n")
    return tuple(sorted({path for path in listed if path.startswith(("/bin/", "/usr/bin/")) and _runs(root, path)}))


class Command:
    """
    A shell script that runs in the root.

    Args:
        process: what runs it.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait(self, seconds: float) -> Said:
        """
        Let it run to its end.

        Raises:
            subprocess.TimeoutExpired: It took longer.
        """
        output, errors = self._process.communicate("go\n", timeout=seconds)
        return Said(self._process.returncode, output.removeprefix("staged\n"), errors)


@contextmanager
def staged(folder: Path, script: str, shell: str = "/bin/sh") -> Iterator[tuple[Command, socket.socket]]:
    """
    A script that is about to run as an ordinary person with a folder of theirs.

    Args:
        folder: what lies in it is theirs; stands at `/walk`.
        script: a name in the folder; the shell reads it as if it were typed.
        shell: what reads it.

    Returns:
        The script, which begins when it is waited for, and the listening socket of the only port in its network.
    """
    root = plain_root()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, ACCOUNT, ACCOUNT)
    with ExitStack() as stack:
        stage = stack.enter_context(tempfile.TemporaryDirectory(prefix="dengwen-plain-"))
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"),
                *("/bin/sh", "-c", STAGE, "sh"),
                *(stage, str(root), str(folder), " ".join(allowed(root)), str(ACCOUNT), f"/walk/{script}", shell),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        stack.callback(_end, process)
        if process.stdout is None or process.stdout.readline() != "staged\n":
            process.kill()
            raise PlainRootError(f"nothing runs in the root: {process.communicate()[1]}")
        listener = stack.enter_context(_listener(_child(process.pid)))
        yield Command(process), listener


def _child(pid: int) -> int:
    """The process that `unshare` started: it stands in the new namespaces, its parent only half."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _listener(pid: int) -> socket.socket:
    """A listening socket in the network of a process: a namespace is a thread's, and a socket keeps the one it was made in."""
    made: list[socket.socket] = []

    def make() -> None:
        with Path(f"/proc/{pid}/ns/net").open() as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET) == 0:
                made.append(socket.create_server(SOCKS, backlog=128))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise PlainRootError("no socket could be made in the root's network")
    return made[0]


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _listed(lists: Path, package: str) -> str:
    (found,) = (path for path in lists.glob(f"{package}*.list") if path.stem.partition(":")[0] == package)
    return found.read_text()


def _runs(root: Path, path: str) -> bool:
    found = root / path.removeprefix("/")
    return found.is_symlink() or (found.is_file() and os.access(found, os.X_OK))


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=STEP_SECONDS)
    except subprocess.TimeoutExpired:
        raise PlainRootError(f"{command[0]} took longer than {STEP_SECONDS} s") from None
    if done.returncode:
        raise PlainRootError(f"{' '.join(command)}: {(done.stdout + done.stderr)[-2_000:]}")
