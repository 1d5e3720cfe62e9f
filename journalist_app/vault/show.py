# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How values look on the pages: sizes, digests, names, and what every template needs.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g

from journalist_app.vault import alarms, languages, reports
from journalist_app.vault.guard import door
from journalist_app.vault.names import visible_name, visible_text
from journalist_app.vault.sealed_kind import around


def size(count: int) -> str:
    """
    A length in bytes for people; exact below a kibibyte.
    """
    if count < 1024:
        return "1 byte" if count == 1 else f"{count} bytes"
    value = count / 1024
    for unit in ("KiB", "MiB"):
        if value < 1024:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def groups(digest: bytes) -> list[str]:
    """
    A digest in groups of eight digits, as the desk writes it: people compare two screens by eye.
    """
    text = digest.hex()
    return [text[start : start + 8] for start in range(0, len(text), 8)]


def install(app: Flask) -> None:
    """
    Give the templates their filters and what stands in every page's frame.
    """
    app.jinja_env.filters.update(size=size, groups=groups, visible_name=visible_name, visible_text=visible_text)
    app.jinja_env.filters.update(answers=reports.answers, label=reports.label, around=around)
    app.context_processor(_frame)


def _frame() -> dict[str, Any]:
    entry = door()
    if not g.get("session", False):
        return {"session": False, "unlocked": False}
    if not entry.open:
        return {"session": True, "unlocked": False, "csrf": entry.form_token}
    with entry.vault.read() as connection:
        unseen, language = alarms.unseen(connection), languages.chosen(connection, entry.vault.person)
    return {
        "session": True,
        "unlocked": True,
        "csrf": entry.form_token,
        "person": entry.vault.person,
        "unseen": unseen,
        "language": language,
        "readable": languages.LANGUAGES,
        "importing": entry.job is not None and entry.job.running,
    }
