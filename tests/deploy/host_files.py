# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A server's settings as an installation has them, and the files made from them that were looked at by somebody: `golden/`.

`python -m tests.deploy.host_files` writes `golden/` anew; what it changed is then read in the diff.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from deploy import host, server
from deploy.render import Files, render, write_below
from deploy.settings import Settings
from deploy.torrc import OnionSettings
from journalist_app.desk.settings import DeskSettings
from source_app.settings import SourceSettings

GOLDEN = Path(__file__).parent / "golden"
UNITS = Path("etc/systemd/system")


def settings(folder: Path = host.FOLDER, *, ssh: bool = True, threads: int = 600) -> Settings:
    """Settings of an installed server; the KDF's slots are named, so that no machine's cores are in the files."""
    store = folder / "store"
    return Settings(
        folder=folder,
        organisation="Centre",
        store=store,
        source=SourceSettings(
            store=store,
            organisation="Centre",
            kdf_slots=2,
            threads=threads,
            bind=f"unix:{host.SOURCE_SOCKET}",
            circuits=True,
            texts=folder / "texts",
        ),
        desk=DeskSettings(
            store=store,
            keys=folder / "keys/server.json",
            organisation="Centre",
            bind=f"unix:{host.DESK_SOCKET}",
            circuits=True,
            doctor=host.REPORT,
            watch_keys=folder / "watch-keys",
        ),
        onion=OnionSettings(ssh=ssh),
    )


def files(*, ssh: bool = True) -> Files:
    """The files of that server."""
    return render(settings(ssh=ssh))


def a_server(folder: Path, *, ssh: bool = False) -> Path:
    """A server's folder as `dengwen server init` makes it, with what an operator writes into dengwen.toml for a host."""
    server.initialise(folder, "Centre", source=f"unix:{host.SOURCE_SOCKET}", desk=f"unix:{host.DESK_SOCKET}")
    change(folder, "circuits", "true")
    change(folder, "doctor", f'"{host.REPORT}"')
    change(folder, "ssh", "true" if ssh else "false")
    return folder


def change(folder: Path, key: str, value: str) -> None:
    """Write another value for a key of dengwen.toml, in every table that has it."""
    path = folder / "dengwen.toml"
    text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", path.read_text(), flags=re.MULTILINE)
    assert count
    path.write_text(text)


def rooted(folder: Path) -> Path:
    """A root with those files, and with a program where the units say it is: what looks at units looks for it."""
    write_below(folder, files())
    program = folder / host.PROGRAM.relative_to("/")
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return folder


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A program that ended, with all it said."""
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    write_below(GOLDEN, files())
