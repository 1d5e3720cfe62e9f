# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A report as text for somebody at night: what is wrong first, each with why and what to type; then one line for each thing that is well.
"""

from __future__ import annotations

import textwrap
from typing import Final

from deploy.doctor.finding import Finding, Report

WIDTH: Final = 100
MARKS: Final = {"urgent": "URGENT", "wrong": "wrong", "ok": "ok"}


def text_of(report: Report) -> str:
    """
    The report as text.
    """
    urgent = [one for one in report.findings if one.urgent]
    wrong = [one for one in report.findings if not one.ok and not one.urgent]
    fine = [one for one in report.findings if one.ok]
    blocks = [_problem(one) for one in (*urgent, *wrong)]
    if fine:
        wide = max(len(one.what) for one in fine)
        blocks.append("\n".join(f"{MARKS['ok']:<8}{one.what:<{wide}}  {one.seen}" for one in fine))
    return "\n\n".join([*blocks, _sum(report, len(urgent), len(wrong))]) + "\n"


def _problem(one: Finding) -> str:
    lines = [f"{MARKS['urgent' if one.urgent else 'wrong']:<8}{one.what}"]
    for name, text in (("seen", one.seen), ("why", one.why)):
        first = f"        {name:<6}"
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
        )
    # Never broken: a command is copied as it stands.
    return "\n".join([*lines, f"        fix   {one.fix}"])


def _sum(report: Report, urgent: int, wrong: int) -> str:
    total = len(report.findings)
    at = report.at.strftime("%Y-%m-%d %H:%M UTC")
    if not urgent and not wrong:
        return f"{at}: all {total} checks are well."
    return f"{at}: of {total} checks, {urgent} urgent, {wrong} wrong, {total - urgent - wrong} well."
