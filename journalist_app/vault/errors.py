# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the vault refuses, one class for each thing the person before it may do about it.

The docstring is the sentence a reviewer reads when nothing nearer is known; the message names the number, item or file.
No message carries a key, a passphrase or a word of a report.
"""


class VaultError(Exception):
    """The vault could not do this."""


class LockedError(VaultError):
    """This passphrase does not open the vault."""


class FolderError(VaultError):
    """This folder is not a vault, or not one that this version can open."""


class CeremonyError(VaultError):
    """This step of the ceremony does not fit what was done before."""


class WithheldError(VaultError):
    """A batch before this one is missing. Import that one first."""


class ForgedError(VaultError):
    """This batch contradicts what the vault has seen. Tell the other seats."""


class UnbelievableError(VaultError):
    """This batch states a day or a floor that cannot be."""


class ItemRefusedError(VaultError):
    """This item was refused; the others are unharmed."""


class ForeignSealError(VaultError):
    """Its source sealed this beforehand, to keys this seat does not hold, or whose epoch was destroyed."""


class BrokenSealError(VaultError):
    """Its source sealed this beforehand, and it was cut or altered before it arrived here."""


class ProgramError(VaultError):
    """A program that this needs is not on this laptop."""


class NotFoundError(VaultError):
    """There is nothing here."""


class NotNowError(VaultError):
    """This cannot be done yet."""


class InputError(VaultError):
    """Something in the form is missing or too long."""
