# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Space a thread takes and is granted, and slips.

Columns are added, never a table made anew: dropping the old one would cascade into items and replies, since foreign
keys cannot be turned off inside the transaction.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _threads()
    _slips()


def _threads() -> None:
    for column in (
        "files INTEGER DEFAULT 0 NOT NULL CONSTRAINT ck_threads_files CHECK (files >= 0)",
        "accepted_bytes INTEGER CONSTRAINT ck_threads_accepted_bytes CHECK (accepted_bytes > 0)",
        "accepted_until DATE CONSTRAINT ck_threads_accepted_until CHECK ((accepted_until IS NULL) = (accepted_bytes IS NULL))",
    ):
        op.execute(f"ALTER TABLE threads ADD COLUMN {column}")
    op.execute(
        "UPDATE threads SET files = coalesce((SELECT sum(items.length) FROM items"
        " JOIN envelopes ON envelopes.item_id = items.id"
        " WHERE items.thread_id = threads.id AND envelopes.blob IS NOT NULL), 0)"
    )
    op.create_index("ix_threads_files", "threads", ["accepted_until", "files"], sqlite_where=sa.text("files > 0"))


def _slips() -> None:
    op.create_table(
        "slips",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("locator", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_slips")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_slips_digest_size")),
        sa.CheckConstraint("length(locator) = 32", name=op.f("ck_slips_locator_size")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_slips_locator", "slips", ["locator"])
    op.create_index("ix_slips_expires", "slips", ["expires"])
