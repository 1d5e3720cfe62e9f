# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The first tables, written by hand. A test compares what they make with the models.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WITHOUT_ROWID = {"sqlite_with_rowid": False}


def upgrade() -> None:
    _organisation()
    _batches()
    _threads()
    _items()
    _replies()
    _returns()
    _desk()


def _sized(table: str, column: str, size: int) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length({column}) = {size}", name=op.f(f"ck_{table}_{column}_size"))


def _organisation() -> None:
    op.create_table(
        "organisation",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("floor", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("erasures", sa.Integer(), nullable=False),
        sa.Column("erasures_finished", sa.Integer(), nullable=False),
        sa.Column("erasures_rebuilt", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_organisation")),
        sa.CheckConstraint("one = 1", name=op.f("ck_organisation_single")),
    )
    op.execute(
        "INSERT INTO organisation (one, floor, version, erasures, erasures_finished, erasures_rebuilt)"
        " VALUES (1, 0, 0, 0, 0, 0)"
    )
    op.create_table(
        "documents",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seats", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "seat", "sequence", name=op.f("pk_documents")),
        sa.CheckConstraint("kind IN ('root', 'card', 'sheet')", name=op.f("ck_documents_kind")),
        sa.CheckConstraint("(kind = 'sheet') = (seat > 0)", name=op.f("ck_documents_seat")),
        _sized("documents", "digest", 32),
        **WITHOUT_ROWID,
    )


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_batches")),
        _sized("batches", "digest", 32),
        **WITHOUT_ROWID,
    )


def _threads() -> None:
    op.create_table(
        "threads",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("locator", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("designation", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("replies", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
        sa.UniqueConstraint("locator", name=op.f("uq_threads_locator")),
        sa.UniqueConstraint("designation", name=op.f("uq_threads_designation")),
        _sized("threads", "id", 16),
        _sized("threads", "locator", 32),
        sa.CheckConstraint(
            "items >= waiting AND waiting >= 0 AND length >= 0 AND replies >= 0", name=op.f("ck_threads_counts")
        ),
        **WITHOUT_ROWID,
    )
    op.create_index("ix_threads_page", "threads", ["last_day", "id"])
    for name, condition in (
        ("ix_threads_arrived", "waiting > 0"),
        ("ix_threads_handed_over", "waiting = 0"),
        ("ix_threads_replied", "replies > 0"),
    ):
        op.create_index(name, "threads", ["last_day", "id"], sqlite_where=sa.text(condition))


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("thread_id", sa.LargeBinary(), nullable=True),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("card_sequence", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seats", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_items")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_items_thread_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("fk_items_batch")),
        _sized("items", "id", 16),
        _sized("items", "sha256", 32),
        sa.CheckConstraint("lane IN ('source', 'team')", name=op.f("ck_items_lane")),
        sa.CheckConstraint("(lane = 'source') = (thread_id IS NOT NULL)", name=op.f("ck_items_thread")),
        sa.CheckConstraint("(batch IS NULL) = (place IS NULL)", name=op.f("ck_items_place")),
        sa.CheckConstraint("batch IS NULL OR sha256 IS NOT NULL", name=op.f("ck_items_frozen")),
        **WITHOUT_ROWID,
    )
    op.create_index("ix_items_thread_id", "items", ["thread_id"], sqlite_where=sa.text("thread_id IS NOT NULL"))
    op.create_index("ix_items_waiting", "items", ["length", "id"], sqlite_where=sa.text("batch IS NULL"))
    op.create_index(
        "ix_items_batch", "items", ["batch", "place"], unique=True, sqlite_where=sa.text("batch IS NOT NULL")
    )
    op.create_table(
        "envelopes",
        sa.Column("item_id", sa.LargeBinary(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_envelopes")),
        sa.UniqueConstraint("blob", name=op.f("uq_envelopes_blob")),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name=op.f("fk_envelopes_item_id"), ondelete="CASCADE"),
        sa.CheckConstraint("(payload IS NULL) <> (blob IS NULL)", name=op.f("ck_envelopes_payload")),
        **WITHOUT_ROWID,
    )


def _replies() -> None:
    op.create_table(
        "replies",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("thread_id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("expires", sa.Date(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_replies_thread_id"), ondelete="CASCADE"),
        _sized("replies", "id", 16),
        **WITHOUT_ROWID,
    )
    op.create_index("ix_replies_thread_id", "replies", ["thread_id", "number"], unique=True)
    op.create_index("ix_replies_expires", "replies", ["expires"])


def _returns() -> None:
    op.create_table(
        "acknowledgements",
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seat", "batch", name=op.f("pk_acknowledgements")),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("fk_acknowledgements_batch")),
        _sized("acknowledgements", "digest", 32),
        **WITHOUT_ROWID,
    )
    op.create_index("ix_acknowledgements_batch", "acknowledgements", ["batch"])
    op.create_table(
        "outboxes",
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("seat", "sequence", name=op.f("pk_outboxes")),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("fk_outboxes_batch")),
        _sized("outboxes", "digest", 32),
        **WITHOUT_ROWID,
    )
    op.create_table(
        "withdrawn",
        sa.Column("thread_id", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("thread_id", name=op.f("pk_withdrawn")),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name=op.f("fk_withdrawn_batch")),
        _sized("withdrawn", "thread_id", 16),
        **WITHOUT_ROWID,
    )
    op.create_table(
        "deletions",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletions")),
        _sized("deletions", "id", 16),
        sa.CheckConstraint("kind IN ('thread', 'item')", name=op.f("ck_deletions_kind")),
        **WITHOUT_ROWID,
    )
    op.create_index("ix_deletions_target", "deletions", ["target"])


def _desk() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=True),
        sa.Column("passphrase", sa.Text(), nullable=False),
        sa.Column("totp", sa.LargeBinary(), nullable=False),
        sa.Column("totp_step", sa.Integer(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("name", name=op.f("uq_people_name")),
        _sized("people", "id", 16),
        sa.CheckConstraint("role IN ('reviewer', 'operator')", name=op.f("ck_people_role")),
        sa.CheckConstraint("(role = 'reviewer') = (seat IS NOT NULL)", name=op.f("ck_people_seat")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 64", name=op.f("ck_people_name")),
        **WITHOUT_ROWID,
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        _sized("audit", "previous", 32),
        _sized("audit", "digest", 32),
        **WITHOUT_ROWID,
    )
