# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The write order as the kernel sees it: what strace records of one deposit.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from store.engine import Store

# Says a word when the deposit begins and another when it has returned.
DEPOSIT = """
import os, sys
from pathlib import Path
from store.engine import open_store
from tests.store.factories import DAY, make_file, make_locator, make_thread

store = open_store(Path(sys.argv[1]))
make_thread(store, items=[make_file(store)])
os.write(1, b"begin")
make_thread(store, items=[make_file(store)])
os.write(1, b"returned")
os._exit(0)
"""

STEPS = [
    ("begin", r'write\(1.*"begin"'),
    ("blob fsync", r"f(data)?sync\(\d+<.*/incoming/"),
    ("rename", r"rename(at2?)?\(.*/incoming/.*/blobs/"),
    ("folder fsync", r"f(data)?sync\(\d+<.*/blobs/[0-9a-f]{2}>"),
    ("row in the log", r"pwrite64\(\d+<.*dengwen\.db-wal>"),
    ("log fsync", r"f(data)?sync\(\d+<.*dengwen\.db-wal>"),
    ("returned", r'write\(1.*"returned"'),
]


def test_the_kernel_sees_blob_fsync_rename_folder_fsync_log_fsync_then_the_return(store: Store, tmp_path: Path):
    """
    Nothing is acknowledged before its bytes, its name and its row were each forced to the disk, in this order.
    """
    record = tmp_path / "strace"
    calls = "trace=fsync,fdatasync,rename,renameat,renameat2,write,pwrite64"
    subprocess.run(
        ["strace", "-y", "-s", "16", "-e", calls, "-o", record, sys.executable, "-c", DEPOSIT, store.folder],
        check=True,
        cwd=Path(__file__).parents[2],
        capture_output=True,
    )
    seen = [name for line in record.read_text().splitlines() for name, pattern in STEPS if re.match(pattern, line)]
    seen = seen[seen.index("begin") :]
    once = [name for at, name in enumerate(seen) if at == 0 or seen[at - 1] != name]
    assert once == [name for name, _ in STEPS]
