# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What other processes cost: CPU seconds by the kernel's clock of each, peak memory from /proc; and huge pages as Debian's kernel gives them.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None)
MIB = 1 << 20
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def cpu_seconds(processes: Iterable[int]) -> float:
    """User and system time that these have used so far, ended threads included, to the microsecond (/proc has hundredths)."""
    return sum(time.clock_gettime(_clock(pid)) for pid in processes)


def peak(pid: int) -> int:
    """Bytes of the largest resident set since `forget_peak`."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak(pid: int) -> None:
    """Let the peak begin anew at what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def written(pid: int) -> int:
    """Bytes this process has handed to write calls."""
    line = next(line for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("wchar"))
    return int(line.split()[1])


def open_files(pid: int) -> list[Path]:
    """What its descriptors point at, deleted files too, as paths that can be opened."""
    return list(Path(f"/proc/{pid}/fd").iterdir())


@contextmanager
def huge_pages() -> Iterator[bool]:
    """
    Let every process have transparent huge pages, as Debian's kernel does unless it is told otherwise; put back what was set.

    Returns:
        Whether they are on. Who is not root measures the machine as it is.
    """
    try:
        before = _HUGE_PAGES.read_text().partition("[")[2].partition("]")[0]
        _HUGE_PAGES.write_text("always")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        _HUGE_PAGES.write_text(before)


def _clock(pid: int) -> int:
    clock = ctypes.c_int()
    if _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise ProcessLookupError(pid)
    return clock.value
