# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A finding: one thing that was looked at, what was seen, and what to type if it is wrong.

A report is findings and the minute it was made. It leaves this host (the desk shows it, an operator's machine fetches it), so it is read
strictly, with a maximum for everything, and nothing in it is about a source: no count finer than the desk shows, no time but its own minute.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Final

from deploy.errors import ReportError

VERSION: Final = 1
MAX_REPORT: Final = 256 << 10
MAX_FINDINGS: Final = 200
MAX_WHAT: Final = 64
MAX_TEXT: Final = 1_200

FINE, WRONG, URGENT = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One check's finding.

    Args:
        what: A short name that stays the same from report to report.
        ok: Whether all is well.
        urgent: Not ok, and intake is down or something may be lost soon.
        seen: What was found, in a sentence.
        why: What hangs on it.
        fix: What to do, with the command to type; empty if it is ok.

    Raises:
        ReportError: A text is empty or too long, something ok is urgent, or something wrong has no fix.
    """

    what: str
    ok: bool
    urgent: bool = False
    seen: str
    why: str
    fix: str = ""

    def __post_init__(self) -> None:
        """
        Raises:
            ReportError: as the class says.
        """
        if not self.what or len(self.what) > MAX_WHAT:
            raise ReportError(f"a finding's name has 1 to {MAX_WHAT} characters")
        for text in (self.what, self.seen, self.why, self.fix):
            if len(text) > MAX_TEXT or not text.isprintable():
                raise ReportError(f"{self.what}: a text is longer than {MAX_TEXT} characters or has more than one line")
        if not self.seen or not self.why:
            raise ReportError(f"{self.what}: a finding says what was seen and why it matters")
        if self.ok == bool(self.fix) or (self.ok and self.urgent):
            raise ReportError(f"{self.what}: what is wrong has a fix, what is ok has none and is not urgent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    What doctor found.

    Args:
        at: The minute, UTC. Seconds are dropped when it is written.
        findings: In the order they were made.

    Raises:
        ReportError: There are more findings than a report takes, or none.
    """

    at: datetime.datetime
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        """
        Raises:
            ReportError: as the class says.
        """
        if not 0 < len(self.findings) <= MAX_FINDINGS:
            raise ReportError(f"a report has 1 to {MAX_FINDINGS} findings, not {len(self.findings)}")

    @property
    def status(self) -> int:
        """
        The exit code: 0 all ok, 1 something is not, 2 something urgent is not.
        """
        if any(one.urgent for one in self.findings):
            return URGENT
        return FINE if all(one.ok for one in self.findings) else WRONG

    def encode(self) -> bytes:
        """
        The report as a file.
        """
        fields = {
            "version": VERSION,
            "day": self.at.strftime("%Y-%m-%d"),
            "minute": self.at.strftime("%H:%M"),
            "findings": [
                {
                    "what": one.what,
                    "ok": one.ok,
                    "urgent": one.urgent,
                    "seen": one.seen,
                    "why": one.why,
                    "fix": one.fix,
                }
                for one in self.findings
            ],
        }
        return json.dumps(fields, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, raw: bytes) -> Report:
        """
        Read a report; only what `encode` writes is one.

        Raises:
            ReportError: It is not a report of this version.
        """
        if len(raw) > MAX_REPORT:
            raise ReportError(f"a report has at most {MAX_REPORT} bytes")
        try:
            fields = json.loads(raw)
            if type(fields["version"]) is not int or fields["version"] != VERSION:
                raise ReportError("this report is of another version of dengwen")
            at = datetime.datetime.strptime(f"{fields['day']} {fields['minute']} +0000", "%Y-%m-%d %H:%M %z")
            report = cls(at=at, findings=tuple(_finding(one) for one in fields["findings"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ReportError("this is not a report of doctor") from None
        if report.encode() != raw:
            raise ReportError("this is not a report as doctor writes it")
        return report


def _finding(fields: dict[str, object]) -> Finding:
    ok, urgent = fields["ok"], fields["urgent"]
    texts = [fields[name] for name in ("what", "seen", "why", "fix")]
    if type(ok) is not bool or type(urgent) is not bool or not all(type(text) is str for text in texts):
        raise ReportError("this is not a report of doctor")
    what, seen, why, fix = (str(text) for text in texts)
    return Finding(what=what, ok=ok, urgent=urgent, seen=seen, why=why, fix=fix)


def unknown(what: str, reason: str, *, why: str, fix: str, urgent: bool = False) -> Finding:
    """
    The finding of a check that could not be made. It is never ok: nobody looked.
    """
    return Finding(what=what, ok=False, urgent=urgent, seen=f"Could not be checked: {plain(reason)}.", why=why, fix=fix)


def plain(text: str, most: int = 300) -> str:
    """
    A program's own words, as one short line.
    """
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return (words if len(words) <= most else words[: most - 1] + "…").rstrip(".") or "nothing was said"
