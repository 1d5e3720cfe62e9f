# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Answers to the questions of a form: what a browser sends of them, what a page still shows of them, and what a reviewer reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.test import TestResponse

from deploy.reading import read_page
from tests.source_app.throwaway import Opened
from tests.source_app.window import House

#: One answer to every question, by the names of the form's fields, in the page's order.
EVERY: Mapping[str, str] = {
    "danger": "yes",
    "consent": "confidential",
    "b-torture": "yes",
    "b-plunder": "yes",
    "who": "陈 & <某>",
    "post": "所长",
    "unit": "派出所",
    "badge": "012345",
    "description": "高个子\r\n四十岁",
    "where": "和田",
    "when": "2017-03",
    "about": "yes",
    "harmed": "一家人",
    "how": "told",
    "guess": "maybe",
}
#: The same as a report in a frame; the consent stands beside it.
REPORT: Mapping[str, Any] = {
    "behaviours": ["torture", "plunder"],
    "name": "陈 & <某>",
    "post": "所长",
    "unit": "派出所",
    "badge": "012345",
    "description": "高个子\n四十岁",
    "where": "和田",
    "when": "2017-03",
    "about": True,
    "harmed": "一家人",
    "how": "told",
    "guess": "maybe",
    "danger": "yes",
}
TEXTS = ("who", "post", "unit", "badge", "description", "where", "when", "harmed")
#: What a browser sends of a first contact's form in which nobody touched anything but the message.
UNTOUCHED: Mapping[str, str] = {**dict.fromkeys(TEXTS, ""), "how": "unsaid"}


def still_shown(page: TestResponse, act: str) -> dict[str, str]:
    """What a browser would send of the page's form to `act`, if nobody touched it: the token left out, line ends as LF."""
    form = read_page("", page.status_code, {}, page.data).form(action=f"/{act}")
    return {name: text for name, text in form.fields if name != "token"}


def messages(house: House) -> list[Opened]:
    """Every message stored, as a reviewer opens it."""
    return [one for one in house.organisation.opened(house.store) if one.header.kind == "message"]


def report_of(item: Opened) -> Any:
    """The report in a message's header; None if there is none."""
    return json.loads(item.header.encode()).get("report")


def sealed(house: House) -> list[tuple[str, Any, Any]]:
    """Words, consent and report of every message stored."""
    return [(one.body.decode(), one.header.fields["consent"], report_of(one)) for one in messages(house)]
