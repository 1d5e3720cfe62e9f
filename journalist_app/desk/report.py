# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The file in which doctor says how the server is, read strictly.

Doctor runs under another account, so its file is input like any other: one size that is read, one accepted form, a maximum for every text.
The desk may not import what writes it; a test compares the two readings.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from journalist_app.desk.errors import ReportError

VERSION: Final = 1
MAX_REPORT: Final = 256 << 10
MAX_FINDINGS: Final = 200
MAX_WHAT: Final = 64
MAX_TEXT: Final = 1_200

_NOT_ONE: Final = "it is not a report of this version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One thing that was looked at.

    Args:
        what: Its short name.
        ok: Whether all is well.
        urgent: Not ok, and intake is down or something may be lost soon.
        seen: What was found.
        why: What hangs on it. Left out for watchers.
        fix: What to do; empty if it is ok.

    Raises:
        ReportError: A text is missing, too long or has more than one line; or something ok is to be mended.
    """

    what: str
    ok: bool
    urgent: bool
    seen: str
    why: str = ""
    fix: str

    def __post_init__(self) -> None:
        # What JSON says may be of any type.
        texts: tuple[object, ...] = (self.what, self.seen, self.why, self.fix)
        if any(not isinstance(text, str) or len(text) > MAX_TEXT or not text.isprintable() for text in texts):
            raise ReportError(_NOT_ONE)
        flags: tuple[object, ...] = (self.ok, self.urgent)
        if not all(isinstance(flag, bool) for flag in flags) or all(flags):
            raise ReportError(_NOT_ONE)
        if not 0 < len(self.what) <= MAX_WHAT or not self.seen or self.ok == bool(self.fix):
            raise ReportError(_NOT_ONE)


@dataclass(frozen=True, slots=True)
class Report:
    """
    What doctor found.

    Args:
        at: The minute, UTC.
        findings: In doctor's order.
    """

    at: dt.datetime
    findings: tuple[Finding, ...]


def read(path: Path) -> Report:
    """
    Read doctor's file.

    Raises:
        ReportError: It is missing, cannot be read, or is not a report.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ReportError("it is no file")
            raw = file.read(MAX_REPORT + 1)
    except FileNotFoundError:
        raise ReportError("there is none") from None
    except OSError as error:
        raise ReportError(f"it cannot be read ({error.strerror})") from None
    return decode(raw)


def decode(raw: bytes) -> Report:
    """
    Read a report; only what doctor writes, byte for byte, is one.

    Raises:
        ReportError: It is longer than any, or not a report of this version.
    """
    if len(raw) > MAX_REPORT:
        raise ReportError(f"it is longer than {MAX_REPORT} bytes")
    try:
        fields = json.loads(raw)
        at = dt.datetime.strptime(f"{fields['day']} {fields['minute']}", "%Y-%m-%d %H:%M").replace(tzinfo=dt.UTC)
        report = Report(at, findings_of(fields["findings"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ReportError(_NOT_ONE) from None
    if not all(one.why for one in report.findings) or _encode(report) != raw:
        raise ReportError(_NOT_ONE)
    return report


def findings_of(given: object) -> tuple[Finding, ...]:
    """
    The findings in a JSON list.

    Raises:
        ReportError: There are none or too many, or one is not a finding.
        TypeError: One has other fields than a finding.
    """
    if not isinstance(given, list) or not 0 < len(given) <= MAX_FINDINGS:
        raise ReportError(_NOT_ONE)
    return tuple(Finding(**one) for one in given)


def _without_waiting(path: str, flags: int) -> int:
    # Another account made what lies there: a pipe that nobody writes to would keep each thread that opens it.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _encode(report: Report) -> bytes:
    fields = {
        "version": VERSION,
        "day": report.at.strftime("%Y-%m-%d"),
        "minute": report.at.strftime("%H:%M"),
        "findings": [asdict(one) for one in report.findings],
    }
    return json.dumps(fields, sort_keys=True, ensure_ascii=False).encode() + b"\n"
