# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Findings and reports: what they refuse, the file they become, and the text an operator reads.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.doctor.finding import MAX_FINDINGS, MAX_REPORT, MAX_TEXT, MAX_WHAT, Finding, Report, plain, unknown
from deploy.doctor.words import text_of
from deploy.errors import ReportError
from journalist_app.desk import report as at_desk

AT = datetime.datetime(2026, 11, 21, 14, 20, tzinfo=datetime.UTC)
FINE = Finding(what="swap", ok=True, seen="There is none.", why="Memory would reach the disk.")
WRONG = Finding(what="reboot", ok=False, seen="An update needs one.", why="It is old.", fix="Type: systemctl reboot")
URGENT = Finding(
    what="tor", ok=False, urgent=True, seen="It is gone.", why="Nobody comes.", fix="Type: systemctl start tor"
)

lines = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=60)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    ok = draw(st.booleans())
    urgent = not ok and draw(st.booleans())
    return Finding(
        what=draw(lines), ok=ok, urgent=urgent, seen=draw(lines), why=draw(lines), fix="" if ok else draw(lines)
    )


minutes = st.integers(0, 500_000_000).map(lambda count: datetime.datetime.fromtimestamp(60 * count, datetime.UTC))
reports = st.builds(Report, at=minutes, findings=st.lists(findings(), min_size=1, max_size=5).map(tuple))


@given(reports)
def test_a_report_reads_back_as_it_was_written(report: Report) -> None:
    """Nothing is lost on the way through the file."""
    assert Report.decode(report.encode()) == report


@given(reports)
def test_the_desk_reads_what_doctor_writes(report: Report) -> None:
    """Two readings of one format, in rooms that may not import one another, agree."""
    read = at_desk.decode(report.encode())
    assert read.at == report.at
    assert [(one.what, one.ok, one.urgent, one.seen, one.why, one.fix) for one in read.findings] == [
        (one.what, one.ok, one.urgent, one.seen, one.why, one.fix) for one in report.findings
    ]


def test_a_report_has_the_fields_that_were_agreed() -> None:
    """Version, day, minute, findings; nothing else."""
    assert json.loads(Report(at=AT, findings=(WRONG,)).encode()) == {
        "version": 1,
        "day": "2026-11-21",
        "minute": "14:20",
        "findings": [
            {
                "what": "reboot",
                "ok": False,
                "urgent": False,
                "seen": "An update needs one.",
                "why": "It is old.",
                "fix": "Type: systemctl reboot",
            }
        ],
    }


def altered(**changes: object) -> bytes:
    fields = json.loads(Report(at=AT, findings=(FINE,)).encode())
    fields["findings"][0] |= changes.pop("finding", {})
    return json.dumps(fields | changes, sort_keys=True, ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"{" * 5_000,
        b"\xff",
        altered(version=2),
        altered(version=True),
        altered(day="2026-13-01"),
        altered(day="2026-1-01"),
        altered(minute="24:00"),
        altered(minute=5),
        altered(findings=[]),
        altered(findings="none"),
        altered(more=1),
        altered(finding={"ok": 1}),
        altered(finding={"seen": None}),
        altered(finding={"seen": ""}),
        altered(finding={"seen": "x" * (MAX_TEXT + 1)}),
        altered(finding={"urgent": True}),
        altered(finding={"fix": "Type: rm"}),
        altered(finding={"more": 1}),
        altered() + b" ",
        altered().replace(b"There", b"Th\\u0065re"),
        b" " * (MAX_REPORT + 1),
    ],
)
def test_what_doctor_does_not_write_is_no_report(raw: bytes) -> None:
    """One accepted form; everything else is refused by one name."""
    with pytest.raises(ReportError):
        Report.decode(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"what": ""},
        {"what": "x" * (MAX_WHAT + 1)},
        {"seen": "two\nlines"},
        {"why": ""},
        {"ok": True, "fix": "something"},
        {"ok": True, "fix": "", "urgent": True},
        {"ok": False, "fix": ""},
    ],
)
def test_a_finding_that_says_too_little_or_too_much_is_refused(changes: dict[str, object]) -> None:
    """A problem without a command helps nobody at night."""
    fields = {"what": "swap", "ok": False, "seen": "It is on.", "why": "Memory.", "fix": "Type: swapoff -a"} | changes
    with pytest.raises(ReportError):
        Finding(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, MAX_FINDINGS + 1])
def test_a_report_has_some_findings_and_not_too_many(count: int) -> None:
    """An empty report would look like a healthy server."""
    with pytest.raises(ReportError):
        Report(at=AT, findings=(FINE,) * count)


@pytest.mark.parametrize(("found", "status"), [((FINE,), 0), ((FINE, WRONG), 1), ((FINE, WRONG, URGENT), 2)])
def test_the_exit_code_is_that_of_the_worst_finding(found: tuple[Finding, ...], status: int) -> None:
    """0, 1 or 2."""
    assert Report(at=AT, findings=found).status == status


def test_what_was_not_looked_at_is_never_well() -> None:
    """A check without permission says so."""
    finding = unknown("firewall", "nft: Operation not permitted.\n", why="w", fix="f")
    assert (finding.ok, finding.seen) == (False, "Could not be checked: nft: Operation not permitted.")


@given(st.text())
def test_a_programs_own_words_become_one_short_line(text: str) -> None:
    """Whatever it wrote fits into a finding."""
    Finding(what="w", ok=False, seen=f"{plain(text)}.", why="w", fix="f")
    assert len(plain(text)) <= 300


def test_the_text_has_problems_first_and_commands_unbroken() -> None:
    """The page an operator sees at night, sign for sign."""
    findings = (FINE, WRONG, URGENT, Finding(what="inodes", ok=True, seen="Enough.", why="w"))
    golden = Path(__file__).with_name("golden.txt").read_text(encoding="utf-8")
    assert text_of(Report(at=AT, findings=findings)) == golden


def test_a_healthy_server_is_said_in_one_line_more_than_its_checks() -> None:
    """No noise when all is well."""
    assert (
        text_of(Report(at=AT, findings=(FINE,)))
        == "ok      swap  There is none.\n\n2026-11-21 14:20 UTC: all 1 checks are well.\n"
    )


def test_a_long_command_stays_on_its_line() -> None:
    """What is wrapped cannot be copied."""
    fix = "Type: " + "a-b " * 100
    long = Finding(what="w", ok=False, seen="s " * 200, why="w", fix=fix.strip())
    assert fix.strip() in text_of(Report(at=AT, findings=(long,)))
