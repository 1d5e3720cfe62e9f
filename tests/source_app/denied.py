# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`python -m tests.source_app.denied PROGRAM …`: run a program to which memory that is written and executed is denied.

It is what MemoryDenyWriteExecute= of systemd 252 does: a filter on system calls, which whatever is run from here inherits. Where the
kernel has a switch of its own for it (PR_SET_MDWE, Linux 6.3), that is set as well.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_MDWE = 38, 22, 65
_FILTER, _REFUSE_GAIN = 2, 1
_WRITE, _EXECUTE, _SHM_EXEC = 2, 4, 0o100000
_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | 1  # EPERM
# Architecture of the audit, then mmap, mprotect, pkey_mprotect, shmat.
_NUMBERS = {"x86_64": (0xC000003E, 9, 10, 329, 30), "aarch64": (0xC00000B7, 222, 226, 288, 196)}
_LOAD, _MASK, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _THIRD = 0, 4, 16 + 2 * 8


def _program() -> bytes:
    architecture, mmap, mprotect, pkey, shmat = _NUMBERS[platform.machine()]
    rules = ((mmap, _WRITE | _EXECUTE), (mprotect, _EXECUTE), (pkey, _EXECUTE), (shmat, _SHM_EXEC))
    lines = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ALLOW)]
    for number, bits in rules:
        lines += [
            (_LOAD, 0, 0, _NUMBER),
            (_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _THIRD),
            (_MASK, 0, 0, bits),
            (_EQUAL, 0, 1, bits),
            (_RETURN, 0, 0, _DENY),
        ]
    return b"".join(struct.pack("=HBBI", *line) for line in [*lines, (_RETURN, 0, 0, _ALLOW)])


def deny() -> None:
    """
    Deny it to this process and all that come from it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    raw = _program()
    held = ctypes.create_string_buffer(raw)
    program = ctypes.create_string_buffer(struct.pack("@HP", len(raw) // 8, ctypes.addressof(held)))
    for call in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, program, 0, 0)):
        if libc.prctl(*call) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {call[0]}")
    libc.prctl(_PR_SET_MDWE, _REFUSE_GAIN, 0, 0, 0)


if __name__ == "__main__":
    deny()
    os.execv(sys.argv[1], sys.argv[1:])
