# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a bundle may be refused for, one class for each thing its reader may do about it.

The docstring is the sentence a person reads; the message names the batch, the outbox, the item or the record. Signatures,
stale cards and envelopes that do not open keep the classes of `crypto.errors`.
"""

from __future__ import annotations

from crypto.errors import FormatError


class BundleError(Exception):
    """The batch or outbox was refused."""


class ArchiveError(BundleError):
    """The file is not in the one archive form bundles have, or was altered."""


class TruncatedError(ArchiveError):
    """The file ends too early: copy it again."""


class DocumentError(BundleError, FormatError):
    """The bundle's manifest or one of its records is not well formed."""


class NewerBundleError(BundleError):
    """The bundle holds something that a newer version wrote."""


class ForeignError(BundleError):
    """The bundle belongs to another organisation, another seat or another card."""


class GapError(BundleError):
    """One before this is missing: take that one first."""


class ConflictError(BundleError):
    """Another bundle with this number was taken before. One of the two is forged: tell the other seats."""


class ItemError(BundleError):
    """One item of this bundle is not what its manifest says; the others are unharmed."""
