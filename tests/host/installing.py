# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The operator at the console: the commands of deploy/README.md, in its order, each a line that stands there word for word.

Only where things come from differs from a real host: Debian's packages are in the image, which is made with README's own `apt-get install` line;
the tree is copied from the second disk and not cloned; and Python's packages lie there too, because this guest reaches no registry.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from tests.host.found import Teller
from tests.host.shell import CommandError, sh, until

TREE = Path("/mnt")
README = TREE / "deploy/README.md"
CODE = Path("/opt/dengwen")
FOLDER = Path("/var/lib/dengwen")
HOME = Path("/root")
PEOPLE = ("amber", "birch", "cedar")
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/mnt/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
#: Told to Debian's tor besides the torrc that is tested, so that it is of the test network.
DEFAULTS = Path("/usr/share/tor/tor-service-defaults-torrc")
REPORT = Path("/run/dengwen/doctor.json")
TOR_SECONDS = 240
#: What doctor rightly complains of in a machine that is minutes old, has 6 GiB of disk, no way to Debian's servers and the world's clocks, and three
#: people of whom one had a key of the desk, which was revoked.
EXPECTED = frozenset({"last successful update", "updates pending", "time synchronised", "room for files", "desk keys"})


def install(tell: Teller) -> None:
    """
    README's steps 1 to 3: from a bare host to two onions.
    """
    shutil.copytree(TREE, CODE, ignore=shutil.ignore_patterns("wheels", "lost+found"), dirs_exist_ok=True)
    begun = time.monotonic()
    for line in (
        "python3 -m venv .venv",
        ".venv/bin/pip install --require-hashes --requirement deploy/locks/build.txt",
        ".venv/bin/pip install --require-hashes --no-build-isolation --requirement deploy/locks/server.txt",
        ".venv/bin/pip install --no-deps --no-build-isolation --editable .",
        ".venv/bin/python -m compileall -q crypto store source_app journalist_app deploy .venv/lib",
        "ln -s /opt/dengwen/.venv/bin/dengwen /usr/local/bin/dengwen",
    ):
        typed(tell, line, folder=CODE)
    tell.measured("to install the program", time.monotonic() - begun, "s")
    typed(tell, 'dengwen server init --dir /var/lib/dengwen --organisation "NAME"', {"NAME": "Guest Centre"})
    before = _etc()
    said = typed(tell, "dengwen setup --dry-run")
    shown = f"{len(said.splitlines())} lines shown"
    tell.found("setup --dry-run writes nothing", shown, ok=_etc() == before and "new: /etc" in said)
    typed(tell, "dengwen setup")
    typed(tell, "rm -rf /var/log/journal")
    done = _etc()
    said = typed(tell, "dengwen setup")
    tell.found(
        "a second setup changes nothing",
        said.strip(),
        ok=_etc() == done and not re.search("^(run|set):", said, re.MULTILINE),
    )


def join(tell: Teller) -> None:
    """
    Make the server's tor one of the test network, with the torrc that setup wrote.
    """
    network = tell.ask("network")
    if "error" in network:
        raise CommandError(network["error"])
    DEFAULTS.write_text(DEFAULTS.read_text() + network["lines"])
    begun = time.monotonic()
    sh("systemctl restart tor@default.service", check=True)
    until(
        lambda: all(Path(f"/var/lib/tor/dengwen-{name}/hostname").exists() for name in ("source", "desk")), TOR_SECONDS
    )
    tell.measured("from tor's start to the onions' addresses", time.monotonic() - begun, "s")


def ceremony(tell: Teller) -> None:
    """
    README's step 4: what the ceremony, held elsewhere, brings back.
    """
    got = tell.ask("ceremony", public=(FOLDER / "server-public.json").read_text())
    if "error" in got:
        raise CommandError(got["error"])
    for name in ("install", "card"):
        (HOME / f"{name}.json").write_text(got[name])
    line = 'dengwen server install --dir /var/lib/dengwen install.json --fingerprint "DIGITS"'
    typed(tell, line, {"DIGITS": got["fingerprint"]})
    sh("dengwen server install --dir /var/lib/dengwen card.json", check=True)


def person(tell: Teller) -> dict[str, str]:
    """
    README's step 5: the three people.

    Returns:
        What the first logs in with, and the line for their tor.
    """
    line = "dengwen person-add --dir /var/lib/dengwen NAME --seat 1"
    first, *others = PEOPLE
    said = typed(tell, line, {"NAME": first})
    for seat, name in enumerate(others, 2):
        typed(tell, line, {"NAME": name, "seat 1": f"seat {seat}"})
    found = dict(re.findall(r"^(name|passphrase|TOTP):\s+(.*)$", said, re.MULTILINE))
    said = typed(tell, "dengwen desk-key add --dir /var/lib/dengwen NAME", {"NAME": first})
    key = re.search(r"\b[a-z2-7]{56}:descriptor:x25519:[A-Z2-7]{52}\b", said)
    if key is None:
        raise CommandError("desk-key add printed no key")
    return {"name": found["name"], "passphrase": found["passphrase"], "totp": found["TOTP"], "key": key[0]}


def revoke(tell: Teller) -> None:
    """
    README's step 5, backwards.
    """
    typed(tell, "dengwen desk-key revoke --dir /var/lib/dengwen NAME", {"NAME": PEOPLE[0]})


def doctor(tell: Teller) -> None:
    """
    README's step 6; then doctor as its timer runs it, and what it found.
    """
    typed(tell, "systemctl start dengwen-care")
    begun = time.monotonic()
    sh("systemctl start dengwen-doctor.service")
    tell.measured("doctor takes", time.monotonic() - begun, "s")
    findings = json.loads(REPORT.read_text())["findings"]
    for one in findings:
        if not one["ok"]:
            tell.step(f"doctor, {'urgent' if one['urgent'] else 'not urgent'}: {one['what']}: {one['seen']}")
    odd = sorted(one["what"] for one in findings if not one["ok"] and one["what"] not in EXPECTED)
    what = f"doctor makes {len(findings)} findings and complains of nothing but what a new machine lacks"
    tell.found(what, odd or "nothing else", ok=not odd and len(findings) > 10)


def typed(tell: Teller, line: str, words: Mapping[str, str] | None = None, *, folder: Path = HOME) -> str:
    """
    Type a line of README, with an installation's own words in the place of README's.

    Raises:
        CommandError: README has no such line, or the command failed.
    """
    if line not in {one.strip() for one in README.read_text().splitlines()}:
        raise CommandError(f"deploy/README.md has no line `{line}`")
    for word, own in (words or {}).items():
        line = line.replace(word, own)
    tell.step(f"$ {line}")
    return sh(f"cd {folder} && {line}", check=True, environment=OFFLINE)


def _etc() -> dict[str, tuple[float, int]]:
    found = (path for path in Path("/etc").rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime, path.stat().st_mode) for path in found}
