# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`make test-host`: a Debian guest is made, Dengwen is installed in it from this tree as deploy/README.md says, and looked at from in and out.

Every finding and figure is a plain line on standard output, and stands in build/test-host.json. It ends with 0 only if the guest came to its end
and every finding is as promised.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from tests.host import guest, outside
from tests.onion import programs
from tests.onion.authorities import authorities

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "host"
OUT = ROOT / "build" / "test-host.json"
LOCKS = ("build", "server")
MINUTES = 90


def main() -> None:
    signal.signal(signal.SIGTERM, _leave)
    try:
        guest.require_host()
        ok = _run()
    except guest.GuestError as error:
        sys.exit(f"not proved: {error}")
    sys.exit(0 if ok else 1)


def _run() -> bool:
    begun = time.monotonic()
    fast = guest.virtualises()
    print(
        f"the guest runs on {'this processor (KVM)' if fast else 'an emulated processor: no hardware virtualisation here, so its times are not those of a server'}"
    )
    image = guest.base_image(BUILD, _packages())
    wheels = _wheels()
    authorities(5)
    print(f"made in {time.monotonic() - begun:.0f} s", flush=True)
    told: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="run-") as made, programs.folder() as folder:
        disk = Path(made) / "tree.ext4"
        _tree_disk(disk, wheels, Path(made) / "tree")
        outside.apart()
        with (
            closing(outside.Outside(_laptops(folder), outside.Directories(folder))) as world,
            guest.Guest(image, disk, BUILD, MINUTES * 60) as one,
        ):
            for line in one.lines():
                told += _heard(line, one, world, begun)
    return _judge(told, fast=fast, seconds=time.monotonic() - begun)


def _heard(line: str, one: guest.Guest, world: outside.Outside, begun: float) -> Iterator[dict[str, object]]:
    try:
        said = json.loads(line)
    except ValueError:
        return
    at = f"{time.monotonic() - begun:6.0f} s"
    if "ask" in said:
        one.answer(json.dumps(world.answer(said["ask"], said["with"])))
    elif "step" in said:
        print(f"{at}       {said['step']}", flush=True)
    elif "value" in said:
        print(f"{at}       {said['what']}: {said['value']:g} {said['unit']}", flush=True)
    elif "ok" in said:
        print(f"{at} {'ok  ' if said['ok'] else 'FAIL'}  {said['what']}: {said['seen'][:1_500]}", flush=True)
    yield said


def _judge(told: list[dict[str, object]], *, fast: bool, seconds: float) -> bool:
    findings = [one for one in told if "ok" in one]
    missed = [one["what"] for one in findings if not one["ok"]]
    whole = any("end" in one for one in told)
    record = {
        "emulated": not fast,
        "whole": whole,
        "seconds": round(seconds),
        "findings": findings,
        "figures": [one for one in told if "value" in one],
    }
    OUT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(
        f"{len(findings)} findings, {len(missed)} not as promised, in {seconds:.0f} s; all of it in {OUT.relative_to(ROOT)}"
    )
    for what in missed:
        print(f"  FAIL  {what}")
    if not whole:
        print(f"  FAIL  the guest did not come to its end; its console is in {BUILD.relative_to(ROOT)}/console.log")
    return whole and not missed


def _packages() -> list[str]:
    """What deploy/README.md has an operator install."""
    found = re.search(r"(?m)^ +apt-get install --no-install-recommends (.+)$", (ROOT / "deploy/README.md").read_text())
    if found is None:
        raise guest.GuestError("deploy/README.md has no line that installs packages")
    return found[1].split()


def _wheels() -> Path:
    """What the locks name, downloaded once for each state of the locks."""
    locks = [ROOT / f"deploy/locks/{name}.txt" for name in LOCKS]
    digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    folder = BUILD / f"wheels-{digest}"
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="making-") as made:
        for lock in locks:
            guest.run([sys.executable, "-m", "pip", "download", "--no-deps", "--no-build-isolation", "--require-hashes",
                       "--dest", f"{made}/wheels", "--requirement", str(lock)])  # fmt: skip
        Path(made, "wheels").rename(folder)
    return folder


def _tree_disk(disk: Path, wheels: Path, tree: Path) -> None:
    """This working tree, tracked and new files alike, and the wheels."""
    names = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    shutil.copytree(wheels, tree / "wheels")
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    guest.make_disk(disk, tree, mib=(size >> 19) + 64)


def _laptops(folder: Path) -> Path:
    place = folder / "laptops"
    place.mkdir(mode=0o700)
    return place


def _leave(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(143)


if __name__ == "__main__":
    main()
