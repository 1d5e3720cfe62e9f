# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The allocator's settings: the buffers of uploads are taken from the kernel once, not for every megabyte.
"""

from __future__ import annotations

import subprocess
import sys

from tests.source_app.visitor import ROOT

_UPLOAD = """
import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from source_app.heap import keep_heap

if sys.argv[1:] == ["kept"]:
    keep_heap()
with ThreadPoolExecutor(2) as workers:
    each = lambda count: list(workers.map(lambda _: len([bytearray(1 << 20) for _ in range(8)]), range(count)))
    each(16)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    each(16)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 128)
"""


def test_the_buffers_of_an_upload_are_not_taken_anew() -> None:
    """A megabyte is 256 pages: left alone, the library fetches most of them from the kernel each time."""
    assert faults("kept") < 20
    assert faults() > 100


def faults(*arguments: str) -> int:
    command = [sys.executable, "-c", _UPLOAD, *arguments]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
