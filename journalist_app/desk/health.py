# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How the server is, in one of three colours, as an operator sees it on the page and as `dengwen watch` is told it.

Green is said only on a report that is young: silence is red, because whatever stopped doctor may have stopped more. The bytes that watchers
get are made and read here, so that both ends agree; they come from a server that may be hostile, and are read as strictly as doctor's file.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from journalist_app.desk.errors import ReportError
from journalist_app.desk.report import MAX_REPORT, MAX_TEXT, Finding, findings_of, read
from journalist_app.desk.wording import count

VERSION: Final = 1
STALE_MINUTES: Final = 30
# Two clocks' steps: a report from later than that was made by a clock that was wrong, then or now.
AHEAD_MINUTES: Final = 2
#: Less is said than in a report, but for a sentence of the desk's own.
MAX_ANSWER: Final = MAX_REPORT + 4_096
MAX_AGE: Final = 60 * 24 * 36_525

_NOT_ONE: Final = "it is not an answer of this version"


class Colour(StrEnum):
    """What an operator has to know first."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """
    How the server is.

    Args:
        age: How many minutes ago doctor looked; None if there is no report.
        trouble: Why there is no report to go by; empty if there is one.
        findings: What doctor found, the urgent first, then what is wrong, then what is well.
    """

    age: int | None
    trouble: str
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is not ok."""
        return tuple(one for one in self.findings if not one.ok)

    @property
    def colour(self) -> Colour:
        """Red: something urgent, or nobody looked. Yellow: something is wrong. Green: all is well."""
        if self.trouble or any(one.urgent for one in self.findings):
            return Colour.RED
        return Colour.YELLOW if self.wrong else Colour.GREEN

    @property
    def words(self) -> str:
        """The colour's reason, in a sentence."""
        if self.trouble:
            return self.trouble
        urgent = sum(one.urgent for one in self.findings)
        if urgent:
            return f"{count(urgent, 'thing is', 'things are')} urgent."
        wrong = len(self.wrong)
        return f"{count(wrong, 'thing needs', 'things need')} you." if wrong else "all is well."

    def encode(self) -> bytes:
        """
        The answer to a watcher: without the reasons, which the page and the documents give.
        """
        fields = {
            "version": VERSION,
            "age": self.age,
            "trouble": self.trouble,
            "findings": [
                {"what": one.what, "ok": one.ok, "urgent": one.urgent, "seen": one.seen, "fix": one.fix}
                for one in self.findings
            ],
        }
        return json.dumps(fields, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def decode(cls, raw: bytes) -> Health:
        """
        Read the answer to a watcher; only what `encode` makes is one.

        Raises:
            ReportError: It is not.
        """
        try:
            if len(raw) > MAX_ANSWER:
                raise ReportError(_NOT_ONE)
            fields = json.loads(raw)
            age, trouble, findings = fields["age"], fields["trouble"], fields["findings"]
            if not (age is None or (type(age) is int and 0 <= age <= MAX_AGE)):
                raise ReportError(_NOT_ONE)
            if type(trouble) is not str or len(trouble) > MAX_TEXT or not trouble.isprintable():
                raise ReportError(_NOT_ONE)
            if not trouble and (age is None or not findings):
                raise ReportError(_NOT_ONE)
            found = cls(age=age, trouble=trouble, findings=findings_of(findings) if findings else ())
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ReportError(_NOT_ONE) from None
        if found.encode() != raw:
            raise ReportError(_NOT_ONE)
        return found


def look(path: Path, now: float) -> Health:
    """
    How the server is by doctor's file.

    Args:
        path: The file.
        now: The wall clock, in seconds since 1970.
    """
    try:
        report = read(path)
    except ReportError as error:
        return Health(age=None, trouble=f"no report of doctor: {error}.", findings=())
    age = int((dt.datetime.fromtimestamp(now, dt.UTC) - report.at).total_seconds() // 60)
    trouble = ""
    if age > STALE_MINUTES:
        trouble = f"no report for {span(age)}: doctor has stopped."
    elif age < -AHEAD_MINUTES:
        trouble = f"the report is from {span(-age)} ahead: this server's clock was moved."
    return Health(age=max(age, 0), trouble=trouble, findings=_first(report.findings))


def span(minutes: int) -> str:
    """
    `1 minute`, `40 minutes`, `5 hours`, `3 days`.
    """
    if minutes < 120:
        return count(minutes, "minute", "minutes")
    return count(minutes // 60, "hour", "hours") if minutes < 48 * 60 else count(minutes // 1_440, "day", "days")


def _first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: (one.ok, not one.urgent)))
