# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A Debian 12 guest, made from nothing and booted, that runs one program and says what that found, line by line.

Promises: the image is Debian's own packages of the day it was built and nothing of ours; it is built once for a list of packages and then only
read, because the guest writes to an overlay that is gone with it. What the guest says comes over a virtio port of its own, so that no log can be
taken for a finding. Its card leads to the network namespace that it is started in.
Refuses: to run without root and its programs, in plain words; to wait longer than its deadlines.
Leaves to others: what runs in it (`inside`), and what is made of what it says (`__main__`).

Without a processor that virtualises, qemu emulates one. Some machines have a /dev/kvm that takes only kernels made for it, which Debian's is
not: so the processor's own word counts, not the device. What is proved is the same; times are not those of a server then.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

SUITE: Final = "bookworm"
MIRROR: Final = "http://deb.debian.org/debian"
SOURCES: Final = f"""\
deb {MIRROR} {SUITE} main
deb {MIRROR} {SUITE}-updates main
deb http://deb.debian.org/debian-security {SUITE}-security main
"""
#: What makes a bare host of Debian's base system: it boots and has a network.
BARE: Final = (
    "dbus",
    "init",
    "iproute2",
    "iputils-ping",
    "kmod",
    "linux-image-cloud-amd64",
    "netbase",
    "procps",
    "udev",
)
DISK_MIB: Final = 6_144
MEMORY_MIB: Final = 2_048
CPUS: Final = 2
STEP_SECONDS: Final = 1_200
PORT: Final = "dengwen.found"
#: Runs what lies on the second disk: the base image need not change when the tests do.
UNIT: Final = f"""\
[Unit]
Description=What make test-host asks of this guest
After=basic.target
RequiresMountsFor=/mnt

[Service]
Type=exec
ExecStart=/bin/sh -c 'exec /usr/bin/python3 -u /mnt/tests/host/inside.py <>/dev/virtio-ports/{PORT} >&0'
ExecStopPost=/bin/systemctl --force poweroff
StandardError=journal+console

[Install]
WantedBy=multi-user.target
"""


class GuestError(Exception):
    """
    The guest could not be made, or did not do what it was started for.
    """


@dataclass(frozen=True, slots=True)
class Image:
    """
    What boots.

    Args:
        disk: An ext4 file system, only ever read.
        kernel: Debian's.
        initrd: Made for it by Debian's own tools.
    """

    disk: Path
    kernel: Path
    initrd: Path


def require_host() -> None:
    """
    Raises:
        GuestError: This machine cannot make a guest; the message says what it lacks.
    """
    if os.geteuid() != 0:
        raise GuestError("debootstrap needs root: run this as root")
    missing = [name for name in ("debootstrap", "qemu-system-x86_64", "mkfs.ext4", "git") if shutil.which(name) is None]
    if missing:
        raise GuestError(f"missing: {', '.join(missing)}; apt-get install debootstrap qemu-system-x86 e2fsprogs git")


def virtualises() -> bool:
    """
    Whether guests run on this processor itself.
    """
    flags = re.search(r"^flags\s*:.* (vmx|svm)\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return flags is not None and os.access("/dev/kvm", os.R_OK | os.W_OK)


def base_image(cache: Path, packages: Sequence[str]) -> Image:
    """
    The image with these packages, built if the cache has none.

    Args:
        cache: Where images are kept.
        packages: Beside `BARE`.

    Raises:
        GuestError: A step of the building failed; the message ends with what it said.
    """
    recipe = json.dumps([SOURCES, BARE, sorted(packages), UNIT, DISK_MIB])
    folder = cache / f"base-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    image = Image(folder / "disk.ext4", folder / "vmlinuz", folder / "initrd.img")
    if folder.exists():
        return image
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as made:
        root, done = Path(made) / "root", Path(made) / "image"
        _install(root, packages)
        _finish(root)
        done.mkdir()
        for name in ("vmlinuz", "initrd.img"):
            shutil.copyfile(root / name, done / name)
        make_disk(done / "disk.ext4", root, mib=DISK_MIB)
        done.rename(folder)
    for old in cache.glob("base-*"):
        if old != folder:
            shutil.rmtree(old)
    return image


def make_disk(disk: Path, root: Path, *, mib: int) -> None:
    """
    An ext4 file system with what a folder holds.
    """
    with disk.open("wb") as file:
        file.truncate(mib << 20)
    run(["mkfs.ext4", "-q", "-F", "-d", str(root), str(disk)])


@dataclass(slots=True)
class Guest:
    """
    A guest that runs, for as long as the block lasts.

    Args:
        image: What boots.
        disk: What it finds at /mnt.
        logs: A folder for what its console and qemu say.
        seconds: The whole may take this long.
    """

    image: Image
    disk: Path
    logs: Path
    seconds: float
    _process: subprocess.Popen[bytes] = field(init=False)
    _end: float = field(init=False)
    _stack: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Switch it on."""
        self._end = time.monotonic() + self.seconds
        with ExitStack() as stack:
            temporary = stack.enter_context(tempfile.TemporaryDirectory(dir=self.logs, prefix="overlay-"))
            errors = stack.enter_context((self.logs / "qemu.log").open("wb"))
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # qemu puts the overlays of snapshot=on there.
                env={**os.environ, "TMPDIR": temporary},
            )
            stack.callback(self._process.wait)
            stack.callback(self._process.kill)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Pull the plug."""
        self._stack.close()

    def lines(self) -> Iterator[str]:
        """
        What the guest says, until it switches itself off.

        Raises:
            GuestError: It took too long, or qemu ended with an error.
        """
        rest = b""
        while block := self._block():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
        if self._process.wait(STEP_SECONDS):
            raise GuestError(f"qemu ended with {self._process.returncode}: {self._last_words('qemu.log')}")

    def answer(self, line: str) -> None:
        """
        Say something to the guest, which waits for it.
        """
        if self._process.stdin is None:
            raise GuestError("qemu takes no input")
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def _block(self) -> bytes:
        if self._process.stdout is None:
            raise GuestError("qemu has no output")
        left = max(0.0, self._end - time.monotonic())
        if not select.select([self._process.stdout], [], [], left)[0]:
            raise GuestError(
                f"the guest took longer than {self.seconds:.0f} s; its console ends: {self._last_words('console.log')}"
            )
        return os.read(self._process.stdout.fileno(), 1 << 16)

    def _last_words(self, name: str) -> str:
        return (self.logs / name).read_text(errors="replace")[-1_500:]

    def _command(self) -> list[str]:
        # kvm without an MSR that nested hosts refuse to set.
        processor = (
            ["-accel", "kvm", "-cpu", "host,-arch-capabilities"]
            if virtualises()
            else ["-accel", "tcg,thread=multi", "-cpu", "max"]
        )
        return [
            "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *processor, "-smp", str(CPUS), "-m", str(MEMORY_MIB),
            "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-device", "virtio-rng-pci",
            "-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd),
            "-append", "root=/dev/vda rw console=ttyS0 panic=1",
            "-drive", f"file={self.image.disk},format=raw,if=virtio,snapshot=on",
            "-drive", f"file={self.disk},format=raw,if=virtio,snapshot=on",
            "-netdev", "user,id=net",
            "-device", "virtio-net-pci,netdev=net",
            "-serial", f"file:{self.logs / 'console.log'}",
            "-chardev", "stdio,id=said,signal=off", "-device", "virtio-serial-pci",
            "-device", f"virtserialport,chardev=said,name={PORT}",
        ]  # fmt: skip


def _install(root: Path, packages: Sequence[str]) -> None:
    run(["debootstrap", "--variant=minbase", SUITE, str(root), MIRROR])
    (root / "etc/apt/sources.list").write_text(SOURCES)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    # No daemon is started while packages are put in place.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    install = ["--yes", "--no-install-recommends", "install", *BARE, *packages]
    for step in (["update"], ["--yes", "dist-upgrade"], install, ["clean"]):
        _in_root(root, ["apt-get", "-q", *step])
    policy.unlink()
    (root / "etc/resolv.conf").unlink()


def _finish(root: Path) -> None:
    (root / "etc/hostname").write_text("guest\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 guest\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 errors=remount-ro 0 1\n/dev/vdb /mnt ext4 ro 0 2\n")
    (root / "etc/systemd/network/50-dhcp.network").write_text("[Match]\nName=en*\n\n[Network]\nDHCP=yes\n")
    (root / "etc/systemd/system/host-test.service").write_text(UNIT)
    _in_root(root, ["systemctl", "enable", "host-test.service", "systemd-networkd.service"])


def _in_root(root: Path, command: Sequence[str]) -> None:
    # Mounts of its own, gone with the process however it ends.
    apart = ["unshare", "--mount", "--pid", "--fork", f"--mount-proc={root}/proc", "chroot", str(root)]
    run(
        [*apart, *command],
        {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
    )


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    """
    Run a step of the making.

    Raises:
        GuestError: It failed or took too long.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=STEP_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        raise GuestError(f"{command[0]} took longer than {STEP_SECONDS} s") from None
    if done.returncode:
        raise GuestError(f"{' '.join(command[:8])} …: {(done.stdout + done.stderr)[-2_000:]}")
