# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the source app refuses, one class for each page a source may get for it.

A source never reads these messages: the pages choose their own sentences, in the source's language, by class. The
messages are for the operator and carry names of limits, never a byte of what was sent.
"""

from __future__ import annotations

from source_app.outcome import Received


class SourceAppError(Exception):
    """
    The source app could not do what was asked.

    Attributes:
        received: if it ended a form, what had arrived, what was cut, what was refused. Items in `received.arrived` are
            durable and stay.
    """

    received: Received = Received()


class ClosedError(SourceAppError):
    """No seat is active, so there is nobody to seal to: the service is temporarily closed."""


class TextError(SourceAppError):
    """A text, picture or key that the operator put beside our texts is not as it has to be."""


class UploadError(SourceAppError):
    """A form was not taken in whole."""


class BadFormError(UploadError):
    """These bytes are not a form this app gave out."""


class LengthMissingError(BadFormError):
    """The form does not say how long it is (browsers always do)."""


class TokenError(UploadError):
    """The form's token is missing or does not come first."""


class TooLargeError(UploadError):
    """A file, or the form as a whole, is over the limit that stands beside the field."""


class TooManyError(UploadError):
    """More files than one form may bring, or folders too deep in one another."""


class MessageTooLongError(UploadError):
    """The message is over its limit."""


class AnswerError(UploadError):
    """
    An answer beside the message does not fit its field.

    Attributes:
        name: of the field, as the report has it.
        most: the characters it may have, if it has more; 0 if it holds signs that no text may have.
    """

    def __init__(self, name: str, most: int) -> None:
        super().__init__(f"{name} does not fit")
        self.name = name
        self.most = most


class DisconnectedError(UploadError):
    """The circuit was cut, or fell silent, before the form ended."""


class NoSpaceError(UploadError):
    """The disk, or the part of it that files may fill, is full."""


class NoRoomError(NoSpaceError):
    """Files find no room: the disk's part for them, their thread's lane or its quota is full. Words do."""


class SendAgainError(UploadError):
    """What was sent was sealed in time but may not be kept; a fresh form would be."""


class LeftError(UploadError):
    """The visit was left, or its thread deleted, while this was on its way: nothing more of it is kept."""


class TroubleError(UploadError):
    """Something of ours failed; the message is the class of it. Whether the last item was stored is not known."""
