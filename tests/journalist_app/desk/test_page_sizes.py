# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The README says that no page is larger than 64 KiB: every list is filled and every page measured.
"""

from __future__ import annotations

import datetime as dt
import secrets

from deploy.doctor.finding import Finding, Report
from store import audit, deletions, replies, reviewers
from store.items import deposit
from tests.journalist_app.bundle.organisation import FIRST_DAY
from tests.journalist_app.desk.conftest import NOON, Desk
from tests.store.factories import make_item, make_reply, make_thread

# The most a name may be, in the characters that take most room on a page.
NAME = "&" * 60


def fill(desk: Desk) -> None:
    """Long lists everywhere."""
    for number in range(110):
        thread = make_thread(desk.store, items=[make_item(size=40)]).thread
        item = make_item(size=40)
        deposit(desk.store, locator=secrets.token_bytes(32), generation=1, items=[item], day=FIRST_DAY)
        deletions.queue_deletion(desk.store, seat=2, kind="thread", targets=[thread], day=FIRST_DAY)
        replies.publish(desk.store, thread, make_reply(held=True))
        name = f"{number:04d}{NAME}"
        reviewers.add(desk.store, name=name, role="operator", seat=None, passphrase="x", totp=b"x")
        audit.append(desk.store, f"{name}: closed the login of {name}", day=FIRST_DAY)


def test_every_page_stays_below_64_kib(desk: Desk) -> None:
    """Threads, batches, outboxes, what waits, documents, log; the operator's page with the longest report there may be."""
    fill(desk)
    finding = Finding(what="&" * 64, ok=False, seen="&" * 200, why='"' * 200, fix="x" * 200)
    report = Report(at=dt.datetime.fromtimestamp(NOON, dt.UTC), findings=(finding,) * 200)
    desk.settings.doctor.write_bytes(report.encode())
    for name in ("oskar", "mei"):
        browser = desk.browser(name)
        if name == "mei":
            for number in range(1, 26):
                desk.post(browser, "/batches", number=str(number))
        addresses = ["/", "/batches", "/batches/1", "/outboxes", "/waiting", "/documents", "/log"]
        for address in addresses if name == "mei" else ["/health"]:
            page = browser.get(address)
            assert page.status_code == 200
            assert len(page.data) <= 64 << 10, (address, len(page.data))
