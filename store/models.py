# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The tables. README.md says of each column why it exists, who can read it and when it dies.

Tables keyed by random ids have no rowid: a rowid would count arrivals, and in a table without one a long row keeps at
most a quarter of a page in its leaf, the rest in overflow pages that secure_delete overwrites whole when they are freed.
No column holds an address, an agent, a source's name or language, or a time of a source finer than a day.
"""

from __future__ import annotations

import datetime  # SQLAlchemy evaluates the annotations
from typing import Any, ClassVar, Literal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

WITHOUT_ROWID = {"sqlite_with_rowid": False}


class Seats(TypeDecorator[tuple[int, ...]]):
    """
    Seat numbers, ascending, as text: "1,2,3".
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[int, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """
        To text.
        """
        return None if value is None else ",".join(map(str, value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[int, ...] | None:  # noqa: ARG002
        """
        From text.
        """
        return None if value is None else tuple(int(number) for number in value.split(",") if number)


class Base(DeclarativeBase):
    """
    What all tables share: names for every constraint.
    """

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        bytes: LargeBinary(),
        str: Text(),
        int: Integer(),
        bool: Boolean(),
        datetime.date: Date(),
    }


def _sized(column: str, size: int) -> CheckConstraint:
    return CheckConstraint(f"length({column}) = {size}", name=f"{column}_size")


class OrganisationRow(Base):
    """
    The one row of facts that belong to no thread.
    """

    __tablename__ = "organisation"
    __table_args__: Any = (CheckConstraint("one = 1", name="single"),)

    one: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    floor: Mapped[int]
    version: Mapped[int]
    erasures: Mapped[int]
    erasures_finished: Mapped[int]
    erasures_rebuilt: Mapped[int]


class DocumentRow(Base):
    """
    A signed root, card or sheet, byte for byte.
    """

    __tablename__ = "documents"
    __table_args__: Any = (
        CheckConstraint("kind IN ('root', 'card', 'sheet')", name="kind"),
        CheckConstraint("(kind = 'sheet') = (seat > 0)", name="seat"),
        _sized("digest", 32),
        WITHOUT_ROWID,
    )

    kind: Mapped[Literal["root", "card", "sheet"]] = mapped_column(Text(), primary_key=True)
    seat: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    seats: Mapped[tuple[int, ...]] = mapped_column(Seats())
    raw: Mapped[bytes]


class BatchRow(Base):
    """
    A batch that was taken out.
    """

    __tablename__ = "batches"
    __table_args__: Any = (_sized("digest", 32), WITHOUT_ROWID)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[bytes]
    count: Mapped[int]
    day: Mapped[datetime.date]
    manifest: Mapped[bytes]


class ThreadRow(Base):
    """
    A thread, with its counts.
    """

    __tablename__ = "threads"
    __table_args__: Any = (
        _sized("id", 16),
        _sized("locator", 32),
        CheckConstraint("items >= waiting AND waiting >= 0 AND length >= 0 AND replies >= 0", name="counts"),
        Index("ix_threads_page", "last_day", "id"),
        Index("ix_threads_arrived", "last_day", "id", sqlite_where=text("waiting > 0")),
        Index("ix_threads_handed_over", "last_day", "id", sqlite_where=text("waiting = 0")),
        Index("ix_threads_replied", "last_day", "id", sqlite_where=text("replies > 0")),
        Index("ix_threads_files", "accepted_until", "files", sqlite_where=text("files > 0")),
        WITHOUT_ROWID,
    )

    id: Mapped[bytes] = mapped_column(primary_key=True)
    locator: Mapped[bytes] = mapped_column(unique=True)
    generation: Mapped[int]
    designation: Mapped[str] = mapped_column(unique=True)
    first_day: Mapped[datetime.date]
    last_day: Mapped[datetime.date]
    items: Mapped[int]
    waiting: Mapped[int]
    length: Mapped[int]
    replies: Mapped[int]
    # Checked where they stand: SQLite adds no constraint to a table that is there.
    files: Mapped[int] = mapped_column(CheckConstraint("files >= 0", name="files"), server_default=text("0"))
    accepted_bytes: Mapped[int | None] = mapped_column(CheckConstraint("accepted_bytes > 0", name="accepted_bytes"))
    accepted_until: Mapped[datetime.date | None] = mapped_column(
        CheckConstraint("(accepted_until IS NULL) = (accepted_bytes IS NULL)", name="accepted_until")
    )


class ItemRow(Base):
    """
    The facts of one item. They outlive its envelope.
    """

    __tablename__ = "items"
    __table_args__: Any = (
        _sized("id", 16),
        _sized("sha256", 32),
        CheckConstraint("lane IN ('source', 'team')", name="lane"),
        CheckConstraint("(lane = 'source') = (thread_id IS NOT NULL)", name="thread"),
        CheckConstraint("(batch IS NULL) = (place IS NULL)", name="place"),
        CheckConstraint("batch IS NULL OR sha256 IS NOT NULL", name="frozen"),
        Index("ix_items_thread_id", "thread_id", sqlite_where=text("thread_id IS NOT NULL")),
        Index("ix_items_waiting", "length", "id", sqlite_where=text("batch IS NULL")),
        Index("ix_items_batch", "batch", "place", unique=True, sqlite_where=text("batch IS NOT NULL")),
        WITHOUT_ROWID,
    )

    id: Mapped[bytes] = mapped_column(primary_key=True)
    thread_id: Mapped[bytes | None] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    lane: Mapped[Literal["source", "team"]] = mapped_column(Text())
    card_sequence: Mapped[int]
    epoch: Mapped[int]
    seats: Mapped[tuple[int, ...]] = mapped_column(Seats())
    length: Mapped[int]
    batch: Mapped[int | None] = mapped_column(ForeignKey("batches.number"))
    place: Mapped[int | None]
    sha256: Mapped[bytes | None]


class EnvelopeRow(Base):
    """
    An item's age header, and its payload or the name of its blob. Gone once purged or erased.
    """

    __tablename__ = "envelopes"
    __table_args__: Any = (
        CheckConstraint("(payload IS NULL) <> (blob IS NULL)", name="payload"),
        WITHOUT_ROWID,
    )

    item_id: Mapped[bytes] = mapped_column(ForeignKey("items.id", ondelete="CASCADE"), primary_key=True)
    blob: Mapped[str | None] = mapped_column(unique=True)
    header: Mapped[bytes]
    payload: Mapped[bytes | None]


class ReplyRow(Base):
    """
    A sealed reply or status for a thread's source.
    """

    __tablename__ = "replies"
    __table_args__: Any = (
        _sized("id", 16),
        Index("ix_replies_thread_id", "thread_id", "number", unique=True),
        Index("ix_replies_expires", "expires"),
        WITHOUT_ROWID,
    )

    id: Mapped[bytes] = mapped_column(primary_key=True)
    thread_id: Mapped[bytes] = mapped_column(ForeignKey("threads.id", ondelete="CASCADE"))
    number: Mapped[int]
    held: Mapped[bool]
    expires: Mapped[datetime.date]
    header: Mapped[bytes]
    payload: Mapped[bytes]


class SlipRow(Base):
    """
    A slip: what a shell that holds no codename needs to send parts into one thread, sealed under the slip itself.
    """

    __tablename__ = "slips"
    __table_args__: Any = (
        _sized("digest", 32),
        _sized("locator", 32),
        Index("ix_slips_locator", "locator"),
        Index("ix_slips_expires", "expires"),
        WITHOUT_ROWID,
    )

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    locator: Mapped[bytes]
    generation: Mapped[int]
    sealed: Mapped[bytes]
    expires: Mapped[datetime.date]


class AcknowledgementRow(Base):
    """
    A seat's signed word that it imported a batch.
    """

    __tablename__ = "acknowledgements"
    __table_args__: Any = (_sized("digest", 32), Index("ix_acknowledgements_batch", "batch"), WITHOUT_ROWID)

    seat: Mapped[int] = mapped_column(primary_key=True)
    batch: Mapped[int] = mapped_column(ForeignKey("batches.number"), primary_key=True)
    digest: Mapped[bytes]
    day: Mapped[datetime.date]
    signed: Mapped[bytes]


class OutboxRow(Base):
    """
    An outbox that was taken in.
    """

    __tablename__ = "outboxes"
    __table_args__: Any = (_sized("digest", 32), WITHOUT_ROWID)

    seat: Mapped[int] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    batch: Mapped[int | None] = mapped_column(ForeignKey("batches.number"))


class WithdrawnRow(Base):
    """
    A thread its source has forgotten.
    """

    __tablename__ = "withdrawn"
    __table_args__: Any = (_sized("thread_id", 16), WITHOUT_ROWID)

    thread_id: Mapped[bytes] = mapped_column(primary_key=True)
    day: Mapped[datetime.date]
    batch: Mapped[int | None] = mapped_column(ForeignKey("batches.number"))


class DeletionRow(Base):
    """
    A deletion ordered by a seat, while it waits.
    """

    __tablename__ = "deletions"
    __table_args__: Any = (
        _sized("id", 16),
        CheckConstraint("kind IN ('thread', 'item')", name="kind"),
        Index("ix_deletions_target", "target"),
        WITHOUT_ROWID,
    )

    id: Mapped[bytes] = mapped_column(primary_key=True)
    seat: Mapped[int]
    kind: Mapped[Literal["thread", "item"]] = mapped_column(Text())
    target: Mapped[bytes]
    day: Mapped[datetime.date]


class PersonRow(Base):
    """
    Someone who may log in at the desk.
    """

    __tablename__ = "people"
    __table_args__: Any = (
        _sized("id", 16),
        CheckConstraint("role IN ('reviewer', 'operator')", name="role"),
        CheckConstraint("(role = 'reviewer') = (seat IS NOT NULL)", name="seat"),
        CheckConstraint("length(name) BETWEEN 1 AND 64", name="name"),
        WITHOUT_ROWID,
    )

    id: Mapped[bytes] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Literal["reviewer", "operator"]] = mapped_column(Text())
    seat: Mapped[int | None]
    passphrase: Mapped[str]
    totp: Mapped[bytes]
    totp_step: Mapped[int]
    disabled: Mapped[bool]


class AuditRow(Base):
    """
    One line of the desk's audit log.
    """

    __tablename__ = "audit"
    __table_args__: Any = (_sized("previous", 32), _sized("digest", 32), WITHOUT_ROWID)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    previous: Mapped[bytes]
    day: Mapped[datetime.date]
    act: Mapped[str]
    digest: Mapped[bytes]
