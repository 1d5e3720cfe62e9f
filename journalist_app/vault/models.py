# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The tables of a vault. README.md says of each column why it is there.

Three layers: what this seat is (facts, epochs, cards, sheets, own_sheets), what arrived or was written and never changes
(batches, items, bodies, beforehand, payloads, kept, passed, listed, entries), and what is computed from that (threads, grouped, joined) or
happened here (alarms, seats, pending, outboxes). The computed layer can be thrown away and made again.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

# A vault of a higher number was written by a newer version and is not touched; one of a lower number is brought up (`upgrade`).
SCHEMA = 3

metadata = MetaData()

facts = Table("facts", metadata, Column("name", Text, primary_key=True), Column("content", LargeBinary, nullable=False))

epochs = Table(
    "epochs", metadata, Column("number", Integer, primary_key=True), Column("seed", LargeBinary, nullable=False)
)

cards = Table(
    "cards",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("signed", LargeBinary, nullable=False),
)

sheets = Table(
    "sheets",
    metadata,
    Column("seat", Integer, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("signed", LargeBinary, nullable=False),
)

own_sheets = Table(
    "own_sheets",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("signed", LargeBinary, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("day", Text, nullable=False),
    Column("floor", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("card", Integer, nullable=False),
    Column("audit", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("complete", Integer, nullable=False),
)

items = Table(
    "items",
    metadata,
    Column("item", LargeBinary, primary_key=True),
    Column("thread", LargeBinary, nullable=False),
    Column("kind", Text, nullable=False),
    Column("submission", LargeBinary, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("server_thread", LargeBinary, nullable=False),
    Column("day", Text, nullable=False),
    Column("card", LargeBinary, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seats", Text, nullable=False),
    Column("lang", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("file_key", LargeBinary, nullable=False),
    Index("items_by_thread", "thread", "batch", "item"),
    Index("items_by_batch", "batch", "place"),
    Index("items_by_server_thread", "server_thread"),
)

payloads = Table(
    "payloads", metadata, Column("item", LargeBinary, primary_key=True), Column("payload", LargeBinary, nullable=False)
)

# What is inside the envelopes: two sealings of the same file have nothing else in common. `sha256` is empty while nothing
# needs it: two bodies are compared only if they are equally long. `set` is a digest of all that makes parts one file's, so
# that a set is found by it alone: a source may give a hundred thousand files one set id.
bodies = Table(
    "bodies",
    metadata,
    Column("item", LargeBinary, primary_key=True),
    Column("thread", LargeBinary, nullable=False),
    Column("length", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("set", LargeBinary, nullable=False),
    Column("part", Integer, nullable=False),
    Column("parts", Integer, nullable=False),
    Index("bodies_by_length", "thread", "parts", "length"),
    Index("bodies_by_set", "thread", "set", "part", "length"),
)

# What sources sealed beforehand, by the item that begins it. `file_key` opens the inner age file: found when it came, because the
# seed of its epoch may be gone before anybody asks. Empty for OpenPGP, and where no seed fitted.
beforehand = Table(
    "beforehand",
    metadata,
    Column("item", LargeBinary, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("file_key", LargeBinary, nullable=False),
)

# Items that the pages show under another one.
grouped = Table(
    "grouped",
    metadata,
    Column("item", LargeBinary, primary_key=True),
    Column("thread", LargeBinary, nullable=False),
    Column("lead", LargeBinary, nullable=False),
    Column("why", Text, nullable=False),
    Index("grouped_by_thread", "thread"),
    Index("grouped_by_lead", "lead", "why"),
)

# Digests of whole files that came in parts: reading them again may take minutes.
joined = Table(
    "joined",
    metadata,
    Column("thread", LargeBinary, primary_key=True),
    Column("set", LargeBinary, primary_key=True),
    Column("length", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Index("joined_by_length", "thread", "length"),
)

listed = Table(
    "listed",
    metadata,
    Column("item", LargeBinary, primary_key=True),
    Column("thread", LargeBinary, primary_key=True),
    Column("length", Integer, primary_key=True),
    Index("listed_by_thread", "thread"),
)

# Sealed as they came: a kind this version does not know, or a card this vault has not seen. The file key is kept, so
# that the end of their epoch does not take them along (spec U4).
kept = Table(
    "kept",
    metadata,
    Column("item", LargeBinary, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("file_key", LargeBinary, nullable=False),
    Column("filed", LargeBinary, nullable=False),
)

# Places of a batch that are dealt with and gave no item.
passed = Table(
    "passed",
    metadata,
    Column("batch", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("server_thread", LargeBinary, nullable=False),
)

# What batches said their sources took back: why an item may come without its bytes.
withdrawn = Table("withdrawn", metadata, Column("server_thread", LargeBinary, primary_key=True))

entries = Table(
    "entries",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("seat", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("clock", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("thread", LargeBinary, nullable=False),
    Column("signed", LargeBinary, nullable=False),
    Column("revoked", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Index("entries_by_thread", "thread", "clock", "seat", "number"),
    Index("entries_by_seat", "seat", "number"),
)

threads = Table(
    "threads",
    metadata,
    Column("thread", LargeBinary, primary_key=True),
    Column("server_thread", LargeBinary, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("differing", Integer, nullable=False),
    Column("misfiled", Integer, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("replies", Integer, nullable=False),
    Column("notes", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("urgent", Integer, nullable=False),
    Index("threads_by_urgency", "urgent", "last_day", "thread"),
    Index("threads_by_state", "state", "urgent", "last_day", "thread"),
)

alarms = Table(
    "alarms",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("thread", LargeBinary, nullable=False),
    Column("detail", Text, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
)

seats = Table(
    "seats",
    metadata,
    Column("seat", Integer, primary_key=True),
    Column("batch", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("day", Text, nullable=False),
)

pending = Table(
    "pending",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("fields", LargeBinary, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("outbox", Integer, nullable=False),
    Index("pending_by_outbox", "outbox"),
)

outboxes = Table(
    "outboxes",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("card", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("day", Text, nullable=False),
    Column("confirmed", Integer, nullable=False),
)
