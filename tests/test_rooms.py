# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The import rules at run time: what a process that starts an app has really loaded.

The contracts in pyproject.toml read the code; a late or computed import would pass them, and not this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRIVATE_HALF = {"crypto.unseal", "crypto.issue"}
LISTING = """
import importlib, json, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", ()), name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded(*rooms: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", LISTING, *rooms], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("room", ["source_app", "store", "journalist_app.desk", "journalist_app.bundle", "deploy"])
def test_no_server_process_loads_the_private_half(room: str) -> None:
    """Every module of a room that runs on the server is loaded, and neither unsealing nor issuing came with it."""
    modules = loaded(room)
    assert modules & PRIVATE_HALF == set()
    assert not {name for name in modules if name.startswith("journalist_app.vault")}


@pytest.mark.parametrize(
    ("room", "other"),
    [("source_app", "journalist_app"), ("journalist_app.desk", "source_app"), ("journalist_app.vault", "store")],
)
def test_rooms_that_never_meet_do_not_meet(room: str, other: str) -> None:
    """Loading all of one room loads nothing of the other."""
    assert not {name for name in loaded(room) if name == other or name.startswith(other + ".")}


def test_crypto_loads_no_framework() -> None:
    """The pure room brings neither a web framework nor a database into the process."""
    assert loaded("crypto") & {"flask", "sqlalchemy", "gunicorn", "multipart", "stem"} == set()
