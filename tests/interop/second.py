# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The second implementation: npm age-encryption in a node process.

It is installed from the lock once if it is not there. Without node the tests fail; they are never skipped, because "another
program opens our files" is a promise and not an extra.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INSTALLED = HERE / "node_modules" / ".package-lock.json"

Node = Callable[..., Any]


def second_implementation() -> Node:
    """
    Runs one script of this folder: `node("open.mjs", value)` gives what it answers.
    """
    program = shutil.which("node")
    assert program, "the interop tests need node 20 or newer on the PATH"
    if not INSTALLED.exists():
        subprocess.run([shutil.which("npm") or "npm", "ci", "--silent"], cwd=HERE, check=True, timeout=300)

    def run(script: str, value: object = None, *arguments: str) -> Any:
        result = subprocess.run(
            [program, str(HERE / script), *arguments],
            input=json.dumps(value).encode(),
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
        )
        return json.loads(result.stdout) if value is not None else result.stdout.decode()

    return run
