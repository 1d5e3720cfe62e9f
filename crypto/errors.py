# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What this room refuses, one class for each thing a caller may do about it.

The docstring is the sentence a reviewer or operator reads. Messages carry lengths, counts and names of
fields; never a key, a codename or a byte of content. A source reads none of these: the source app has its own sentences.
"""


class CryptoError(Exception):
    """Something that was sealed, signed or typed did not hold."""


class FormatError(CryptoError):
    """These bytes are not in the one form this version accepts."""


class EnvelopeError(FormatError):
    """This is not an age file of the kind Dengwen writes, or it was damaged on the way."""


class NoMatchError(CryptoError):
    """None of the keys here opens this."""


class TamperedError(CryptoError):
    """The contents were altered or cut after they were sealed."""


class FrameError(FormatError):
    """The envelope opened, but what lies inside is not a well-formed frame."""


class TaxonomyError(FormatError):
    """The list of questions, answers and their labels is not whole."""


class NewerVersionError(CryptoError):
    """This needs a newer vault."""


class SignatureError(CryptoError):
    """A signature is missing, doubled or wrong."""


class StaleError(CryptoError):
    """This is older than what is already installed."""


class CodenameError(CryptoError):
    """These symbols are not a codename."""


class UnknownSymbolError(CodenameError):
    """
    One symbol is on no list.

    Args:
        symbol: the symbol as it was read; for the page of the person who typed it, and nothing else.
        nearest: the words nearest to it, best first; empty when there are none.
    """

    def __init__(self, symbol: str, nearest: tuple[str, ...]) -> None:
        # Not passed on as arguments: the symbol is part of a codename, and tracebacks print arguments.
        super().__init__("one symbol is on no list")
        self.symbol = symbol
        self.nearest = nearest


class SymbolCountError(CodenameError):
    """
    A codename has nine symbols, and these are more or fewer.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} symbols where nine are needed")
        self.count = count


class CheckError(CodenameError):
    """These nine symbols do not belong together: at least one of them is wrong."""


class PassphraseError(CryptoError):
    """The passphrase does not open this."""


class EpochError(CryptoError):
    """An epoch is named that does not exist, or that has not ended."""


class NoSeatError(CryptoError):
    """No seat is active yet: there is nobody to seal to."""
