# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The grouped table: which items the pages show under another one, computed like the threads.

Three reasons. `part`: the same set, number of parts, name and server thread. `twice`: the same bytes inside, sent again into the same thread,
whole or in parts; a message only on the same day, because the same word weeks later is another answer. `volume`: names of one run. The
lead is the first by (batch, item), so the order of arrival has no say. What the server filed under another thread of its
own is never folded into what it filed rightly: that alarm stays in sight.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from journalist_app.vault.models import grouped, items
from journalist_app.vault.volumes import runs

# A thread of more files has its volumes shown one by one: names are compared in memory.
MAX_NAMED: Final = 20_000

# A set that was whole may be contradicted later: then its digest is not that of the file any more.
_CONTRADICTED: Final = """
DELETE FROM joined WHERE thread IN ({places}) AND EXISTS (
    SELECT 1 FROM bodies b WHERE b.thread = joined.thread AND b."set" = joined."set"
    GROUP BY b.part HAVING count(DISTINCT b.length) > 1 OR count(DISTINCT nullif(b.sha256, x'')) > 1)
"""

_PARTS: Final = """
INSERT INTO grouped (item, thread, lead, why)
SELECT item, thread, lead, 'part' FROM (
    SELECT i.item, i.thread, first_value(i.item) OVER (
        PARTITION BY i.thread, b."set" ORDER BY i.batch, i.item) AS lead
    FROM items i JOIN bodies b ON b.item = i.item WHERE b.parts > 1 AND i.thread IN ({places}))
WHERE item <> lead
"""

_TWICE: Final = """
INSERT INTO grouped (item, thread, lead, why)
SELECT item, thread, lead, 'twice' FROM (
    SELECT i.item, i.thread, first_value(i.item) OVER (
        PARTITION BY i.thread, i.server_thread, i.kind, coalesce(j.sha256, b.sha256), i.reply_to,
            CASE i.kind WHEN 'message' THEN i.day END,
            CASE i.kind WHEN 'message' THEN i.lang END,
            CASE i.kind WHEN 'message' THEN i.fields END
        ORDER BY i.batch, i.item) AS lead
    FROM items i JOIN bodies b ON b.item = i.item
    LEFT JOIN joined j ON j.thread = b.thread AND j."set" = b."set"
    WHERE i.thread IN ({places}) AND (j.sha256 IS NOT NULL OR (b.parts < 2 AND b.sha256 <> x'' AND (
            EXISTS (SELECT 1 FROM bodies o WHERE o.thread = b.thread AND o.parts = b.parts AND o.length = b.length
                AND o.item <> b.item)
            OR EXISTS (SELECT 1 FROM joined o WHERE o.thread = b.thread AND o.length = b.length))))
        AND i.item NOT IN (SELECT item FROM grouped))
WHERE item <> lead
"""


def group(connection: Connection, threads: Sequence[bytes]) -> None:
    """
    Compute the groups of these threads anew.

    Args:
        connection: Inside a write.
        threads: Thread values, no more than one statement takes.
    """
    connection.execute(delete(grouped).where(grouped.c.thread.in_(threads)))
    places = ", ".join("?" for _ in threads)
    for statement in (_CONTRADICTED, _PARTS, _TWICE):
        connection.exec_driver_sql(statement.format(places=places), tuple(threads))
    under = select(grouped.c.item).where(grouped.c.item == items.c.item)
    files = (
        select(items.c.thread, items.c.server_thread, items.c.item, items.c.name)
        .where(items.c.thread.in_(threads), items.c.kind == "file", ~under.exists())
        .order_by(items.c.thread, items.c.server_thread, items.c.batch, items.c.item)
    )
    rows: list[dict[str, Any]] = []
    for (thread, _), found in groupby(connection.execute(files), key=lambda row: (row.thread, row.server_thread)):
        rows.extend(_volumes(thread, [(row.item, row.name) for row in found]))
    if rows:
        connection.execute(insert(grouped), rows)


def _volumes(thread: bytes, named: Sequence[tuple[bytes, str]]) -> list[dict[str, Any]]:
    if len(named) > MAX_NAMED:
        return []
    return [
        {"item": item, "thread": thread, "lead": lead, "why": "volume"}
        for lead, *others in runs(named)
        for item in others
    ]
