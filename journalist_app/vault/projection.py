# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The threads table, computed from items and entries; and with it what is shown under what (`groups`).

A thread's row is a function of the *set* of its items and entries: whatever order they came in, the row is the same, and
throwing the table away and computing it again changes nothing. "First" therefore means lowest (batch, item id), never
"came first": the pinned reply recipient and the server's thread are those of that item. A batch is never altered, so
nothing that arrives later changes either. State is that of the latest entry by (clock, seat), left
out those with an impossible clock or of a seat that had left the card when they came. Once somebody has used up the
last clock that counts, every further entry has it too, and the batch that first brought an entry decides among them.
Urgent is a thread of which a message says that someone is in danger now, unless the thread was closed since: a closing
names the newest batch that was whole where it was written, and covers no message of a later one; nor of one later than the
batch that brought it, whatever it names.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, delete, select, union

from journalist_app.vault.groups import group
from journalist_app.vault.models import entries, items, threads

# SQLite takes many more parameters; this keeps a statement readable in a trace.
AT_ONCE: Final = 400

# Clocks from here on are kept but order nothing: one entry near the maximum would leave nobody a later number.
CLOCKS_END: Final = 2**52

# An entry written here that no batch has brought back yet is later than all that came.
NO_BATCH: Final = 2**31

_COMPUTE: Final = """
WITH wanted(thread) AS (VALUES {places}),
arrived AS (
    SELECT thread, min(day) AS first_day, max(day) AS last_day,
        sum(kind = 'message' AND item NOT IN (SELECT item FROM grouped)) AS messages,
        sum(kind = 'file' AND item NOT IN (SELECT item FROM grouped)) AS files,
        max(CASE kind WHEN 'message' THEN iif(json_extract(fields, '$.report.danger') IS 'yes', batch, NULL) END)
            AS danger
    FROM items WHERE kind <> 'entry' AND thread IN (SELECT thread FROM wanted) GROUP BY thread),
done AS (
    SELECT thread, min(day) AS first_day, max(day) AS last_day, sum(type = 'reply') AS replies,
        sum(type = 'note') AS notes
    FROM entries WHERE thread IN (SELECT thread FROM wanted) GROUP BY thread),
stated AS (
    SELECT wanted.thread, coalesce(e.value, 'new') AS state, CASE WHEN e.value = 'closed' THEN min(
        coalesce(json_extract(json_extract(CAST(e.signed AS TEXT), '$.document'), '$.through'), {no_batch}),
        CASE WHEN e.batch = 0 THEN {no_batch} ELSE e.batch END) END AS through
    FROM wanted LEFT JOIN entries e ON e.digest = (SELECT digest FROM entries WHERE thread = wanted.thread
        AND type = 'state' AND revoked = 0 AND clock < {clocks_end} ORDER BY
        clock DESC, CASE WHEN clock < {clocks_end} - 1 THEN 0 WHEN batch = 0 THEN {no_batch} ELSE batch END DESC,
        seat DESC, number DESC, digest DESC LIMIT 1))
INSERT INTO threads
    (thread, server_thread, recipient, first_day, last_day, messages, files, missing, differing, misfiled, recipients,
     replies, notes, state, urgent)
SELECT
    w.thread,
    coalesce(f.server_thread, x''),
    coalesce((SELECT reply_to FROM items WHERE thread = w.thread AND reply_to <> '' ORDER BY batch, item LIMIT 1), ''),
    coalesce(a.first_day, d.first_day),
    coalesce(a.last_day, d.last_day),
    coalesce(a.messages, 0),
    coalesce(a.files, 0),
    (SELECT count(DISTINCT l.item) FROM listed l WHERE l.thread = w.thread
        AND NOT EXISTS (SELECT 1 FROM items n WHERE n.item = l.item AND n.thread = l.thread)),
    (SELECT count(*) FROM listed l JOIN items n ON n.item = l.item AND n.thread = l.thread
        WHERE l.thread = w.thread AND n.length <> l.length),
    (SELECT count(*) FROM items n WHERE n.thread = w.thread AND n.kind <> 'entry'
        AND n.server_thread <> f.server_thread),
    (SELECT count(DISTINCT reply_to) FROM items WHERE thread = w.thread AND reply_to <> ''),
    coalesce(d.replies, 0),
    coalesce(d.notes, 0),
    s.state,
    coalesce(a.danger > coalesce(s.through, -1), 0)
FROM wanted w
JOIN stated s ON s.thread = w.thread
LEFT JOIN arrived a ON a.thread = w.thread
LEFT JOIN done d ON d.thread = w.thread
LEFT JOIN items f ON f.item = (SELECT item FROM items WHERE thread = w.thread AND kind <> 'entry'
    ORDER BY batch, item LIMIT 1)
WHERE a.thread IS NOT NULL OR d.thread IS NOT NULL
"""


def compute(connection: Connection, values: Collection[bytes]) -> None:
    """
    Compute the rows of these threads anew.

    Args:
        connection: Inside a write.
        values: Thread values; those nothing belongs to get no row.

    """
    ordered = sorted({bytes(value) for value in values})
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        connection.execute(delete(threads).where(threads.c.thread.in_(some)))
        group(connection, some)
        places = ", ".join("(?)" for _ in some)
        connection.exec_driver_sql(
            _COMPUTE.format(places=places, clocks_end=CLOCKS_END, no_batch=NO_BATCH), tuple(some)
        )


def compute_all(connection: Connection) -> None:
    """
    Throw the table away and compute it again.
    """
    connection.execute(delete(threads))
    found = union(select(items.c.thread), select(entries.c.thread))
    compute(connection, [row.thread for row in connection.execute(found)])
