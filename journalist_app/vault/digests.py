# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What an import leaves to be read once more: large files that may be the same, and sets that are whole now.

Small bodies are hashed as they come. A large one needs a digest only if another of its length is in the thread, or another
reading of the same part: hashing every one would cost an import as much again as opening it. What no longer opens gets
no digest; its download says why. May be killed anywhere and repeated.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from sqlalchemy import Executable, func, insert, select, text, update

from crypto.errors import CryptoError
from crypto.hidden import Hidden
from journalist_app.vault import payloads
from journalist_app.vault.bodies import DIGESTED, BodyDigest, body_row
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.gathered import file_of
from journalist_app.vault.identity import read_fact, write_fact
from journalist_app.vault.joining import Joinable, joinable, stream
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import bodies, items, joined
from journalist_app.vault.projection import compute, compute_all

# Whole bodies as long as another whole one, or as a joined one; and parts that came more than once.
_WANTED: Final = text("""
SELECT b.item FROM bodies b WHERE b.sha256 = x'' AND b.parts < 2 AND (
    EXISTS (SELECT 1 FROM bodies o WHERE o.thread = b.thread AND o.parts = b.parts AND o.length = b.length
        AND o.item <> b.item)
    OR EXISTS (SELECT 1 FROM joined j WHERE j.thread = b.thread AND j.length = b.length))
UNION ALL
SELECT b.item FROM bodies b WHERE b.sha256 = x'' AND b.parts > 1 AND EXISTS (
    SELECT 1 FROM bodies o WHERE o.thread = b.thread AND o."set" = b."set" AND o.part = b.part
        AND o.length = b.length AND o.item <> b.item)
""")
ADOPTED: Final = "bodies"
ADOPTED_AT_ONCE: Final = 10_000
#: What was read is written down after so long, or so many items.
WRITTEN_SECONDS: Final = 30.0
WRITTEN_MOST: Final = 10_000
_ROW: Final = (
    items.c.item,
    items.c.thread,
    items.c.server_thread,
    items.c.kind,
    items.c.name,
    items.c.fields,
    items.c.length,
)


def adopt(vault: Vault) -> None:
    """
    Give items that an older version imported the rows that later ones come with. Before an import: a vault that holds nothing yet has nothing to
    adopt, and nothing to compute anew.
    """
    # What the rows say stands in the items' fields. Looked for once: to look means to read all that a vault holds. The threads are computed when all
    # have theirs.
    with vault.read() as connection:
        if read_fact(connection, ADOPTED) is not None:
            return
    query = select(*_ROW).where(items.c.kind.in_(DIGESTED), items.c.item.not_in(select(bodies.c.item)))
    while True:
        with vault.write() as connection:
            found = connection.execute(query.limit(ADOPTED_AT_ONCE)).mappings().all()
            if found:
                connection.execute(insert(bodies), [body_row(dict(row), b"") for row in found])
            else:
                compute_all(connection)
                write_fact(connection, ADOPTED, b"1")
                return


def catch_up(vault: Vault) -> None:
    """
    Read what is to be read, and compute the threads it concerns anew.
    """
    _digest(vault)
    with _Written(vault) as written:
        for key, whole in _unjoined(vault):
            digest = hashlib.sha256()
            try:
                for chunk in stream(vault, whole, lambda: True):
                    digest.update(chunk)
            except (CryptoError, NotFoundError):
                continue
            row = {**key, "length": whole.length, "sha256": digest.digest()}
            written.add(insert(joined).values(row), key["thread"])
    # A file that came whole may be as long as one that was joined just now.
    _digest(vault)


class _Written:
    """
    What was found out, written down many at a time: each time the threads concerned are computed anew, and a source decides
    how many items they have. In one transaction with the threads, so that a kill loses readings and leaves nothing half told.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._rows: list[Executable] = []
        self._threads: set[bytes] = set()
        self._due = time.monotonic() + WRITTEN_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._write()

    def add(self, row: Executable, thread: bytes) -> None:
        """
        Take one more.
        """
        self._rows.append(row)
        self._threads.add(thread)
        if len(self._rows) >= WRITTEN_MOST or time.monotonic() >= self._due:
            self._write()

    def _write(self) -> None:
        if self._rows:
            with self._vault.write() as connection:
                for row in self._rows:
                    connection.execute(row)
                compute(connection, self._threads)
        self._rows, self._threads = [], set()
        self._due = time.monotonic() + WRITTEN_SECONDS


def _digest(vault: Vault) -> None:
    with vault.read() as connection:
        wanted = list(connection.execute(_WANTED).scalars())
    with _Written(vault) as written:
        for item in wanted:
            digest = BodyDigest()
            try:
                with vault.read() as connection:
                    row = connection.execute(select(items.c.thread, items.c.file_key).where(items.c.item == item)).one()
                    pieces = payloads.chunks(vault, connection, item)
                frame = payloads.verify(Hidden(row.file_key), pieces, None, digest.add)
            except (CryptoError, NotFoundError):
                continue
            known = update(bodies).where(bodies.c.item == item).values(sha256=digest.of(frame.length))
            written.add(known, row.thread)


def _unjoined(vault: Vault) -> Iterator[tuple[Mapping[str, Any], Joinable]]:
    known = select(joined.c.sha256).where(joined.c.thread == bodies.c.thread, joined.c.set == bodies.c.set)
    whole = (
        select(bodies.c.thread, bodies.c.set, func.min(bodies.c.item).label("member"))
        .where(bodies.c.parts > 1, ~known.exists())
        .group_by(bodies.c.thread, bodies.c.set)
        .having(func.count(bodies.c.part.distinct()) == bodies.c.parts)
    )
    with vault.read() as connection:
        found = connection.execute(whole).all()
    for row in found:
        with vault.read() as connection:
            file = file_of(connection, row.member)
        if not file.refusal:
            yield {"thread": row.thread, "set": row.set}, joinable(file)
