# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The allocator's settings: the memory of a derivation is taken from the kernel once, not for every codename.
"""

from __future__ import annotations

import subprocess
import sys

from tests.source_app.visitor import ROOT

_DERIVE = """
import resource
from concurrent.futures import ThreadPoolExecutor
from crypto.codename import Codename
from crypto.derive import Generation, derive
from source_app.heap import keep_heap

keep_heap()
secret, generation = Codename.generate().secret, Generation.fresh(1)
with ThreadPoolExecutor(2) as line:
    each = lambda count: list(line.map(lambda _: derive(secret, generation), range(count)))
    each(8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    each(8)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 8)
"""


def test_a_derivation_takes_no_memory_anew() -> None:
    """19 MiB would be 4,864 pages, a third of its time; 608 of them is one thread that stood aside while the line was warmed up."""
    done = subprocess.run([sys.executable, "-c", _DERIVE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1_200
