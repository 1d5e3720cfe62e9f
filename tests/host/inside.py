# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What runs in the guest, as root: the installation as an operator does it, then a look at everything that was promised.

It tells what it sees (`found`) and judges each thing where it sees it. What has to happen outside the guest is asked for. Standard library only:
the program under test is installed by this, not imported.
"""

from __future__ import annotations

import os
import re
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, "/mnt")

from tests.host import confined, firewall, installing
from tests.host.found import Teller
from tests.host.shell import sh, unit, until

STARTED_SECONDS = 180
IDLE_SECONDS = 6
KERNEL_REFUSED = 'apparmor="DENIED"'
#: Where something of a source could have been left. The program and Python's own files are what they were before.
PLACES = ("/var", "/run", "/tmp", "/etc", "/root", "/home", "/dev/shm")
APPS = ("dengwen-source", "dengwen-desk")


def main() -> None:
    # One device, opened once, in both directions.
    tell = Teller(os.fdopen(1, "w", encoding="utf-8"), os.fdopen(0, encoding="utf-8"))
    with tell.part("the guest"):
        booted(tell)
    with tell.part("the way out, before anything is installed"):
        firewall.before(tell)
    with tell.part("installing"):
        installing.install(tell)
        installing.join(tell)
        with tell.part("over Tor"):
            over_tor(tell)
        with tell.part("what runs"):
            running(tell)
        with tell.part("confinement"):
            confined.look(tell, APPS)
        with tell.part("the way out, with the firewall"):
            firewall.after(tell)
        with tell.part("doctor"):
            installing.doctor(tell)
        with tell.part("killed"):
            killed(tell)
        with tell.part("memory"):
            memory(tell)
        with tell.part("AppArmor's refusals"):
            refusals(tell)
        # After the last look at what was refused: this is.
        with tell.part("code inside a profile"):
            confined.try_out(tell, APPS)
    with tell.part("logs of the end"):
        for name in (*APPS, "tor@default", "dengwen-doctor", "dengwen-care"):
            said = sh(f"journalctl --no-pager -q -o cat -u {name} | tail -n 12").strip()
            if said:
                tell.step(f"journal of {name}:\n{said}")
    tell.end()


def booted(tell: Teller) -> None:
    tell.found("Debian's kernel boots", sh("uname -sr; cat /etc/debian_version").replace("\n", " "), ok=True)
    modules = Path("/sys/kernel/security/lsm").read_text()
    tell.found("this kernel enforces AppArmor", modules, ok="apparmor" in modules.split(","))
    tell.measured("seconds from power to the first program", float(Path("/proc/uptime").read_text().split()[0]), "s")


def over_tor(tell: Teller) -> None:
    """The two onions, visited by those they are for and by those they are not for."""
    source, desk = (Path(f"/var/lib/tor/{name}/hostname").read_text().strip() for name in APPS)
    seen = tell.ask("visit", onion=source)
    tell.found("the source onion answers 200", seen, ok=seen.get("status") == "200")
    seen = tell.ask("desk without a key", onion=desk)
    tell.found("the desk onion is refused without a client key (0xF4)", seen, ok=seen.get("refused") == "True")
    with tell.part("a reviewer at the desk"):
        installing.ceremony(tell)
        person = installing.person(tell)
        tell.ask("desk key", line=person.pop("key"))
        seen = tell.ask("desk", onion=desk, **person)
        what = "with the key a reviewer logs in, and the outboxes of two more seats are taken in"
        tell.found(what, seen, ok=seen.get("taken") == "2")
    with tell.part("a source's report"):
        seen = tell.ask("report", onion=source)
        markers = [bytes.fromhex(one) for one in seen.pop("markers", "").split()]
        tell.found("words and a file are taken, and the codename shown", seen, ok="error" not in seen)
        blobs = sh("find /var/lib/dengwen/store -type f -printf '%M %u:%g %s %P\\n'")
        tell.found(
            "they are in the store", blobs, ok=any(int(line.split()[2]) > 300_000 for line in blobs.splitlines())
        )
        searched(tell, markers)
    with tell.part("the key taken away"):
        installing.revoke(tell)
        seen = tell.ask("desk revoked", onion=desk)
        tell.found("a revoked key is refused", seen, ok=seen.get("refused") == "True")


def searched(tell: Teller, markers: list[bytes]) -> None:
    """Look for what a source said and was, in every file and in the journal."""
    circuits = b"fc00:dead:beef"
    looked, found = 0, []
    Path("/run/host-test-journal").write_text(sh("journalctl --no-pager -o export"))
    for place in PLACES:
        for path in Path(place).rglob("*"):
            if path.is_file() and not path.is_symlink():
                try:
                    raw = path.read_bytes()
                except OSError:
                    continue
                looked += 1
                found += [f"{path}: {one[:40]!r}" for one in (*markers, circuits) if one in raw]
    what = f"{len(markers) + 1} markers in {looked} files and the journal"
    tell.found(
        "no file and no journal holds the words, the names, the codename, the browser or the circuit",
        found[:10] or what,
        ok=bool(markers) and not found,
    )


def running(tell: Teller) -> None:
    """Every unit as systemd sees it."""
    for name in ("dengwen-source.socket", "dengwen-source.service", "dengwen-desk.socket", "dengwen-desk.service", "dengwen-care.timer",
                 "dengwen-doctor.timer", "tor@default.service", "nftables.service", "systemd-timesyncd.service"):  # fmt: skip
        state = unit(name, "ActiveState")
        tell.found(f"{name} is active", state, ok=state == "active")
    failed = sh("systemctl --failed --no-legend --plain").strip()
    tell.found("no unit failed", failed or "none", ok=not failed)
    # doctor reads what is root's and speaks with tor and the firewall: two capabilities and this machine's loopback more than the others.
    for name, most in {**dict.fromkeys((*APPS, "dengwen-care"), 1.0), "dengwen-doctor": 2.0}.items():
        said = sh(f"systemd-analyze security --no-pager {name}.service").strip().splitlines()[-1]
        exposure = float(re.findall(r"(\d+\.\d+)", said)[-1])
        tell.found(f"systemd-analyze security {name}: at most {most}", said.strip(), ok=exposure <= most)


def refusals(tell: Teller) -> None:
    """What AppArmor refused since the machine was started: each program, act and name once."""
    lines = [line for line in sh("dmesg").splitlines() if KERNEL_REFUSED in line]
    seen = {" ".join(re.findall(r'(?:operation|profile|name|requested_mask)="([^"]*)"', line)) for line in lines}
    names = sorted({re.sub(r"\b\d+\b", "N", one) for one in seen})
    tell.found(
        "AppArmor refused nothing, from the start of the services to their end",
        "\n".join(names) or "nothing",
        ok=not names,
    )


def killed(tell: Teller) -> None:
    """The main process of each app is killed outright."""
    source = Path("/var/lib/tor/dengwen-source/hostname").read_text().strip()
    for app in APPS:
        before = unit(f"{app}.service", "MainPID")
        begun = time.monotonic()
        sh(f"kill -9 {before}")
        until(partial(_anew, f"{app}.service", before), STARTED_SECONDS)
        tell.measured(f"{app}: from kill -9 to active again", time.monotonic() - begun, "s")
    seen = tell.ask("visit", onion=source)
    tell.found("after kill -9 the source onion answers 200", seen, ok=seen.get("status") == "200")


def _anew(name: str, before: str) -> bool:
    return unit(name, "MainPID") not in {"0", before} and unit(name, "ActiveState") == "active"


def _idle() -> bool:
    before = _ticks()
    time.sleep(IDLE_SECONDS)
    return _ticks() == before


def _ticks() -> int:
    """CPU time that the apps have used, in hundredths of a second, workers' main loops left out by rounding to a second."""
    stats = [Path(f"/proc/{pid}/stat").read_text() for app in APPS for pid in confined.processes(f"{app}.service")]
    return sum(sum(map(int, stat.rpartition(")")[2].split()[11:13])) for stat in stats) // 100


def memory(tell: Teller) -> None:
    """Idle memory of what runs all the time; care and doctor are not running then."""
    # A desk that has just started is still making the hash that unknown names are compared with: 64 MiB for a moment.
    until(_idle, STARTED_SECONDS)
    total = 0.0
    for app in (*APPS, "tor@default"):
        sizes = [confined.pss(pid) for pid in confined.processes(f"{app}.service")]
        tell.measured(f"idle PSS of {app}, {len(sizes)} processes", sum(sizes) / 1e6, "MB")
        total += 0 if app.startswith("tor") else sum(sizes) / 1e6
    tell.found("idle PSS of source, desk and maintenance: at most 250 MB", f"{total:.1f} MB", ok=0 < total <= 250)


if __name__ == "__main__":
    main()
