# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the desk itself refuses. What bundles, signatures and the store refuse keeps the classes of those rooms.

The docstring is the first sentence on the page; the message is the second.
"""

from __future__ import annotations


class DeskError(Exception):
    """The desk did not do this."""


class LoginError(DeskError):
    """The name, the passphrase or the code is not right, or was tried too often: wait a quarter of an hour."""


class FormError(DeskError):
    """The form was not sent from this page, or it is too old. Go back, load the page again and send it once more."""


class UploadError(DeskError):
    """The upload was refused. Nothing of it was kept."""


class RoleError(DeskError):
    """Your role does not do this."""


class KeysError(DeskError):
    """The server's key file cannot be used."""


class InstallError(DeskError):
    """The documents were not installed."""


class ReportError(DeskError):
    """What doctor wrote, or a desk answered, cannot be used."""


class MissingPageError(DeskError):
    """There is no such page."""
