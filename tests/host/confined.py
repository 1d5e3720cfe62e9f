# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the kernel says of the running processes of a unit: not what their unit files ask for.
"""

from __future__ import annotations

import pwd
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.host.found import Teller
from tests.host.shell import sh, unit

CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def processes(name: str) -> list[int]:
    """
    Of a unit, all that run.
    """
    group = unit(name, "ControlGroup")
    return [int(pid) for pid in Path(f"/sys/fs/cgroup{group}/cgroup.procs").read_text().split()] if group else []


def pss(pid: int) -> int:
    """
    Bytes of memory in use; what is shared is counted once.
    """
    return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0]) * 1024


def look(tell: Teller, apps: tuple[str, ...]) -> None:
    """
    Look at each process of the apps, and at tor.
    """
    for app in apps:
        pids = processes(f"{app}.service")
        tell.found(f"{app}: main process and workers run", pids, ok=len(pids) >= 2)
        for what, read, wanted in (
            ("AppArmor enforces its profile", _profile, f"{app} (enforce)"),
            ("no capability in any set", _capabilities, "0" * 16),
            ("no new privileges", _status("NoNewPrivs"), "1"),
            ("a syscall filter", _status("Seccomp"), "2"),
            ("an account of its own", _account, app),
            ("no network: a loopback of its own", _interfaces, "lo"),
            ("no core files", _core, "0 0"),
            ("no swap", _swap, "0"),
            ("not dumpable: its memory belongs to root", _owner_of_memory, "root"),
            (
                "of the disk it can write its store and a private /tmp",
                _writable,
                "/tmp /var/lib/dengwen/store /var/tmp",
            ),
        ):
            seen = {read(pid) for pid in pids}
            tell.found(f"{app}: {what}", sorted(seen), ok=seen == {wanted})
    tor = {_profile(pid) for pid in processes("tor@default.service")}
    tell.found("tor: AppArmor enforces Debian's profile", sorted(tor), ok=tor == {"system_tor (enforce)"})


def try_out(tell: Teller, apps: tuple[str, ...]) -> None:
    """
    What somebody could do who made an app run code of theirs: a program under its account and its profile, and nothing else of its unit.

    The filter of system calls, the empty network and the read-only disk are left out on purpose: here AppArmor stands alone.
    """
    for app in apps:
        line = f"setpriv --reuid={app} --regid=dengwen --init-groups aa-exec -p {app} -- /usr/bin/python3 -I -c {shlex.quote(_ATTEMPTS)}"
        seen = sh(line).split()
        wanted = [*_OUTCOMES, f"read-texts={_TEXTS[app]}"]
        tell.found(f"{app}: its profile alone lets code in it do nothing of this", seen, ok=seen == wanted)


_ATTEMPTS = """
import os, socket, subprocess
def attempt(what, act):
    try:
        act()
        print(what + "=done")
    except OSError as error:
        print(what + "=" + type(error).__name__)
attempt("read-itself", lambda: os.listdir("/opt/dengwen"))
attempt("read-store", lambda: os.listdir("/var/lib/dengwen/store"))
attempt("start-program", lambda: subprocess.run(["/bin/true"]))
attempt("start-python", lambda: os.execv("/usr/bin/python3", ["python3", "-c", "pass"]))
attempt("read-accounts", lambda: open("/etc/group").read() and open("/etc/hostname").read())
attempt("read-journal", lambda: os.listdir("/run/log/journal"))
attempt("ipv4", lambda: socket.socket(socket.AF_INET))
attempt("ipv6", lambda: socket.socket(socket.AF_INET6))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
attempt("packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("write-tmp", lambda: open("/var/tmp/left", "w"))
attempt("write-run", lambda: open("/dev/shm/left", "w"))
attempt("write-texts", lambda: open("/var/lib/dengwen/texts/left", "w"))
attempt("read-keys", lambda: os.listdir("/var/lib/dengwen/keys"))
attempt("read-texts", lambda: os.listdir("/var/lib/dengwen/texts"))
"""
_OUTCOMES = [
    "read-itself=done", "read-store=done", "start-program=PermissionError", "start-python=PermissionError", "read-accounts=PermissionError",
    "read-journal=PermissionError", "ipv4=PermissionError", "ipv6=PermissionError", "netlink=PermissionError", "packets=PermissionError",
    "write-tmp=PermissionError", "write-run=PermissionError", "write-texts=PermissionError", "read-keys=PermissionError",
]  # fmt: skip
#: The operator's texts are the source pages' to read.
_TEXTS = {"dengwen-source": "done", "dengwen-desk": "PermissionError"}


def _facts(pid: int) -> dict[str, str]:
    return dict(re.findall(r"^(\w+):\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE))


def _status(name: str) -> Callable[[int], str]:
    return lambda pid: _facts(pid)[name]


def _capabilities(pid: int) -> str:
    facts = _facts(pid)
    return " ".join(sorted({facts[name] for name in CAPABILITIES}))


def _account(pid: int) -> str:
    return pwd.getpwuid(int(_facts(pid)["Uid"].split()[0])).pw_name


def _profile(pid: int) -> str:
    return Path(f"/proc/{pid}/attr/current").read_text().strip()


def _core(pid: int) -> str:
    limits = re.search(r"Max core file size\s+(\S+\s+\S+)", Path(f"/proc/{pid}/limits").read_text())
    return " ".join(limits[1].split()) if limits else "unknown"


def _swap(pid: int) -> str:
    group = Path(f"/proc/{pid}/cgroup").read_text().strip().partition("::")[2]
    return Path(f"/sys/fs/cgroup{group}/memory.swap.max").read_text().strip()


def _owner_of_memory(pid: int) -> str:
    return Path(f"/proc/{pid}/mem").owner()


def _interfaces(pid: int) -> str:
    own = Path("/proc/self/ns/net").readlink()
    if Path(f"/proc/{pid}/ns/net").readlink() == own:
        return "the host's"
    # NAME STATE ADDRESSES, a line each. Whether systemd could bring the loopback up does not matter: nothing else is there.
    return ", ".join(line.split()[0] for line in sh(f"nsenter --net=/proc/{pid}/ns/net ip -brief link").splitlines())


def _writable(pid: int) -> str:
    """Mounts from the disk that are not read-only, seen from the process."""
    found = set()
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        head, _, tail = line.partition(" - ")
        point, options = head.split()[4:6]
        if tail.split()[0] == "ext4" and "rw" in options.split(","):
            found.add(point)
    return " ".join(sorted(found))
