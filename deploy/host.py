# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Where everything is on a server: the folders, sockets and accounts that units, torrc, profiles, firewall and doctor agree on.

These are facts of an installation by `dengwen setup`, not settings: nobody gains by choosing them, and every file that names one would have to follow.
The demo and the tests use other folders and none of these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: The program: a checkout, or what the package installs. Belongs to root, written by nobody.
CODE: Final = Path("/opt/dengwen")
PROGRAM: Final = CODE / ".venv/bin/dengwen"
#: The server's folder, `--dir` of every verb: dengwen.toml, keys/, store/.
FOLDER: Final = Path("/var/lib/dengwen")
#: Sockets that systemd opens for the apps, and what doctor found last. On tmpfs.
RUN: Final = Path("/run/dengwen")
SOURCE_SOCKET: Final = RUN / "source.sock"
DESK_SOCKET: Final = RUN / "desk.sock"
REPORT: Final = RUN / "doctor.json"

#: One account for each program; what they share is the group that owns the store.
SOURCE_ACCOUNT: Final = "dengwen-source"
DESK_ACCOUNT: Final = "dengwen-desk"
CARE_ACCOUNT: Final = "dengwen-care"
GROUP: Final = "dengwen"

#: Debian's tor.
TOR_ACCOUNT: Final = "debian-tor"
TOR_FOLDER: Final = Path("/var/lib/tor")
TOR_CONTROL: Final = Path("/run/tor/control")
TOR_SOCKS: Final = ("127.0.0.1", 9050)
TORRC: Final = Path("/etc/tor/torrc")
SOURCE_ONION: Final = TOR_FOLDER / "dengwen-source"
DESK_ONION: Final = TOR_FOLDER / "dengwen-desk"
SSH_ONION: Final = TOR_FOLDER / "dengwen-ssh"
