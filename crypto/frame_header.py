# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The header of a frame (spec F4 to F13): what a sealed item says about itself.

Promises: nothing is encoded that `decode` would refuse; unknown fields of a known kind are kept as they came.
Refuses: unknown kinds, as needing a newer vault; fields of the wrong type, length or range.
Leaves to others: whether thread, item, card and epoch are the ones expected (`unseal`, spec U3), and the checksum of
`reply_to`, which costs a millisecond and is looked at when someone answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict, Unpack

from crypto import canonical, padding
from crypto.canonical import JSON, Fields
from crypto.errors import FormatError, FrameError, NewerVersionError
from crypto.hidden import Hidden
from crypto.report import Report

MAX_HEADER = 8_192
MAX_KIND = 32
MAX_SEATS = 16
MAX_NUMBER = 2**31 - 1
MAX_LANG = 35
MAX_NAME = 1_024
MAX_PARTS = 65_536
MAX_LISTED = 10_000
MAX_LIST = 1_048_576

CONSENTS: Final = ("unanswered", "read", "confidential", "publish")
CHANNELS: Final = ("onion", "email", "post")
# spec F10
BUCKETS: Final[Mapping[str, Callable[[int], int]]] = {
    "message": padding.small,
    "file": padding.large,
    "files": padding.small,
    "reply": padding.small,
    "status": padding.small,
    "entry": padding.small,
}
# spec F4: these are sealed to a source and so to no seat.
TO_A_SOURCE: Final = ("reply", "status")

_LANG = re.compile(r"(?:[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)?")
# 1,216 bytes of recipient and six letters of checksum in Bech32 (spec A9).
_RECIPIENT = re.compile(r"age1pq1[02-9ac-hj-np-z]{1952}")


class Common(TypedDict):
    """
    What every header has (spec F4).
    """

    thread: Hidden
    item: bytes
    submission: bytes
    card: bytes
    epoch: int
    seats: tuple[int, ...]
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameHeader:
    """
    One header. `fields` holds what belongs to the kind and what this version does not know.

    Args:
        kind: one of the kinds of spec F5 to F8.
        thread: the thread value, 32 bytes; a bearer value (spec D6).
        item: 16 random bytes.
        submission: 16 random bytes, the same for all items of one POST.
        card: the digest of the card sealed under, 32 bytes.
        epoch: the number of the epoch sealed under.
        seats: the numbers of the seats sealed to, ascending; empty for what is sealed to a source.
        lang: BCP 47, or empty.
        fields: not printed, since it holds names of files.
    """

    kind: str
    thread: Hidden
    item: bytes
    submission: bytes
    card: bytes
    epoch: int
    seats: tuple[int, ...]
    lang: str
    fields: Mapping[str, JSON] = field(default_factory=dict, repr=False)

    def encode(self) -> bytes:
        """
        The canonical JSON of this header.

        Raises:
            FrameError: `decode` would refuse it.
            NewerVersionError: the kind is unknown.
        """
        own: dict[str, JSON] = {
            "kind": self.kind,
            "thread": self.thread.hex(),
            "item": self.item.hex(),
            "submission": self.submission.hex(),
            "card": self.card.hex(),
            "epoch": self.epoch,
            "seats": self.seats,
            "lang": self.lang,
        }
        if own.keys() & self.fields.keys():
            raise FrameError("header: a field of its kind has the name of a common one")
        try:
            raw = canonical.encode({**own, **self.fields})
        except FormatError as reason:
            raise FrameError(f"header: {reason}") from None
        # What we would refuse to read is not written either. Canonical JSON reads back as it was given (spec C2).
        if len(raw) > MAX_HEADER:
            raise FrameError(f"header: {len(raw)} bytes where at most {MAX_HEADER} are read")
        FrameHeader._read(Fields({**own, **self.fields}, "header", error=FrameError))
        return raw

    @classmethod
    def decode(cls, raw: bytes) -> FrameHeader:
        """
        Read a header, without the line around it.

        Raises:
            FrameError: it is too long, not canonical, or a field is not as F4 to F8 say.
            NewerVersionError: the kind is unknown (spec F9).
        """
        return cls._read(Fields.decode(raw, "header", limit=MAX_HEADER, error=FrameError))

    @classmethod
    def _read(cls, fields: Fields) -> FrameHeader:
        kind = fields.text("kind", MAX_KIND)
        if kind not in BUCKETS:
            raise NewerVersionError("a kind of item that this version does not know")
        header = cls(
            kind=kind,
            thread=Hidden(fields.hex("thread", 32)),
            item=fields.hex("item", 16),
            submission=fields.hex("submission", 16),
            card=fields.hex("card", 32),
            epoch=fields.number("epoch", 0, MAX_NUMBER),
            seats=fields.numbers("seats", MAX_SEATS, 1, MAX_NUMBER),
            lang=fields.text("lang", MAX_LANG),
            fields=fields.rest(),
        )
        if not _LANG.fullmatch(header.lang):
            raise FrameError("header: lang is not a language tag")
        if bool(header.seats) == (kind in TO_A_SOURCE):
            raise FrameError("header: seats are named where there are none, or none where there are some")
        _check_kind(kind, Fields(header.fields, "header", error=FrameError))
        return header

    @property
    def bucket(self) -> Callable[[int], int]:
        """
        The bucket of this kind (spec F10).
        """
        return BUCKETS[self.kind]


def _check_kind(kind: str, fields: Fields) -> None:
    if kind == "message":  # spec F5, F11
        if not _RECIPIENT.fullmatch(fields.text("reply_to", MAX_HEADER)):
            raise FrameError("header: reply_to is not a recipient")
        fields.choice("consent", CONSENTS)
        fields.choice("channel", CHANNELS)
        if fields.has("report"):
            Report.read(fields.value("report"))
    if kind == "file":  # spec F6
        fields.text("name", MAX_NAME)
        fields.hex("set", 16)
        fields.number("part", 1, fields.number("parts", 1, MAX_PARTS))


def message_header(
    *,
    reply_to: str,
    consent: str = "unanswered",
    channel: str = "onion",
    report: Mapping[str, JSON] | None = None,
    **common: Unpack[Common],
) -> FrameHeader:
    """
    The header of a message (spec F5).

    Args:
        reply_to: the source's `age1pq1…` recipient.
        consent: what the source allows; one of `CONSENTS`.
        channel: how it came; one of `CHANNELS`.
        report: the structured report (F11), if anything was answered.
        common: the fields of F4.
    """
    fields: dict[str, JSON] = {"reply_to": reply_to, "consent": consent, "channel": channel}
    if report is not None:
        fields["report"] = report
    return FrameHeader(kind="message", fields=fields, **common)


def file_header(
    *, name: str, set_: bytes | None = None, part: int = 1, parts: int = 1, **common: Unpack[Common]
) -> FrameHeader:
    """
    The header of a file or of one part of it (spec F6).

    Args:
        name: as it came, at most 1,024 bytes of UTF-8.
        set_: 16 bytes that the parts of one file share; a whole file is a set of its own, named by its item.
        part: which part this is, from 1.
        parts: of how many.
        common: the fields of F4.
    """
    shared = common["item"] if set_ is None else set_
    fields: dict[str, JSON] = {"name": name, "set": shared.hex(), "part": part, "parts": parts}
    return FrameHeader(kind="file", fields=fields, **common)


def files_header(**common: Unpack[Common]) -> FrameHeader:
    """
    The header of the list that ends a POST with files (spec F7).
    """
    return FrameHeader(kind="files", **common)


def reply_header(*, kind: str = "reply", **common: Unpack[Common]) -> FrameHeader:
    """
    The header of what a source reads: `reply` or `status` (spec F8).

    Raises:
        FrameError: the kind is neither.
    """
    if kind not in TO_A_SOURCE:
        raise FrameError("only replies and statuses are sealed to a source")
    return FrameHeader(kind=kind, **common)


def entry_header(**common: Unpack[Common]) -> FrameHeader:
    """
    The header of an entry (spec F8).
    """
    return FrameHeader(kind="entry", **common)
