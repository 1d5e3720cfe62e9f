-- SPDX-License-Identifier: AGPL-3.0-or-later
-- The tables as version 2 made them, to be given to a vault that is then opened.
CREATE TABLE facts (
    name TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE epochs (
    number INTEGER NOT NULL,
    seed BLOB NOT NULL,
    PRIMARY KEY (number)
);
CREATE TABLE cards (
    digest BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    signed BLOB NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE sheets (
    seat INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    signed BLOB NOT NULL,
    PRIMARY KEY (seat)
);
CREATE TABLE own_sheets (
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    signed BLOB NOT NULL,
    PRIMARY KEY (sequence)
);
CREATE TABLE batches (
    number INTEGER NOT NULL,
    digest BLOB NOT NULL,
    previous BLOB NOT NULL,
    day TEXT NOT NULL,
    floor INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    card INTEGER NOT NULL,
    audit TEXT NOT NULL,
    items INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    PRIMARY KEY (number)
);
CREATE TABLE items (
    item BLOB NOT NULL,
    thread BLOB NOT NULL,
    kind TEXT NOT NULL,
    submission BLOB NOT NULL,
    batch INTEGER NOT NULL,
    place INTEGER NOT NULL,
    server_thread BLOB NOT NULL,
    day TEXT NOT NULL,
    card BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    seats TEXT NOT NULL,
    lang TEXT NOT NULL,
    fields TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    file_key BLOB NOT NULL,
    PRIMARY KEY (item)
);
CREATE INDEX items_by_thread ON items (thread, batch, item);
CREATE INDEX items_by_server_thread ON items (server_thread);
CREATE INDEX items_by_batch ON items (batch, place);
CREATE TABLE payloads (
    item BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (item)
);
CREATE TABLE bodies (
    item BLOB NOT NULL,
    thread BLOB NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    "set" BLOB NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    PRIMARY KEY (item)
);
CREATE INDEX bodies_by_set ON bodies (thread, "set", part, length);
CREATE INDEX bodies_by_length ON bodies (thread, parts, length);
CREATE TABLE grouped (
    item BLOB NOT NULL,
    thread BLOB NOT NULL,
    lead BLOB NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (item)
);
CREATE INDEX grouped_by_lead ON grouped (lead, why);
CREATE INDEX grouped_by_thread ON grouped (thread);
CREATE TABLE joined (
    thread BLOB NOT NULL,
    "set" BLOB NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (thread, "set")
);
CREATE INDEX joined_by_length ON joined (thread, length);
CREATE TABLE listed (
    item BLOB NOT NULL,
    thread BLOB NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (item, thread, length)
);
CREATE INDEX listed_by_thread ON listed (thread);
CREATE TABLE kept (
    item BLOB NOT NULL,
    batch INTEGER NOT NULL,
    place INTEGER NOT NULL,
    reason TEXT NOT NULL,
    file_key BLOB NOT NULL,
    filed BLOB NOT NULL,
    PRIMARY KEY (item)
);
CREATE TABLE passed (
    batch INTEGER NOT NULL,
    place INTEGER NOT NULL,
    reason TEXT NOT NULL,
    server_thread BLOB NOT NULL,
    PRIMARY KEY (batch, place)
);
CREATE TABLE withdrawn (
    server_thread BLOB NOT NULL,
    PRIMARY KEY (server_thread)
);
CREATE TABLE entries (
    digest BLOB NOT NULL,
    seat INTEGER NOT NULL,
    number INTEGER NOT NULL,
    previous BLOB NOT NULL,
    clock INTEGER NOT NULL,
    person TEXT NOT NULL,
    day TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    thread BLOB NOT NULL,
    signed BLOB NOT NULL,
    revoked INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    PRIMARY KEY (digest)
);
CREATE INDEX entries_by_thread ON entries (thread, clock, seat, number);
CREATE INDEX entries_by_seat ON entries (seat, number);
CREATE TABLE threads (
    thread BLOB NOT NULL,
    server_thread BLOB NOT NULL,
    recipient TEXT NOT NULL,
    first_day TEXT NOT NULL,
    last_day TEXT NOT NULL,
    messages INTEGER NOT NULL,
    files INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    differing INTEGER NOT NULL,
    misfiled INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    replies INTEGER NOT NULL,
    notes INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (thread)
);
CREATE INDEX threads_by_day ON threads (last_day, thread);
CREATE TABLE alarms (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    thread BLOB NOT NULL,
    detail TEXT NOT NULL,
    batch INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
);
CREATE TABLE seats (
    seat INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    digest BLOB NOT NULL,
    day TEXT NOT NULL,
    PRIMARY KEY (seat)
);
CREATE TABLE pending (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    fields BLOB NOT NULL,
    header BLOB NOT NULL,
    payload BLOB NOT NULL,
    outbox INTEGER NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX pending_by_outbox ON pending (outbox);
CREATE TABLE outboxes (
    sequence INTEGER NOT NULL,
    digest BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    card INTEGER NOT NULL,
    records INTEGER NOT NULL,
    day TEXT NOT NULL,
    confirmed INTEGER NOT NULL,
    PRIMARY KEY (sequence)
);
