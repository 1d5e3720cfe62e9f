# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What the `dengwen` command refuses. The message is what the operator reads, so it says what to do.
"""


class DeployError(Exception):
    """Something an operator asked for cannot be done as it stands."""


class SettingsFileError(DeployError):
    """dengwen.toml is not as this version needs it."""


class DemoError(DeployError):
    """The demo could not do what it was asked."""


class CheckFailedError(DeployError):
    """A step of the whole job did not hold."""


class ReportError(DeployError):
    """This is not a report of doctor."""


class CannotLookError(DeployError):
    """Something that doctor would look at cannot be looked at from here."""


class WatchError(DeployError):
    """A watch key, or a watch over a server, cannot be had as asked for."""


class OnionError(DeployError):
    """Tor cannot be asked, or its answer is not one."""


class SocksError(DeployError):
    """An onion could not be reached through tor."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        #: What tor's SOCKS port answered (RFC 1928 §6, and 0xF0 to 0xF7 of tor's ExtendedErrors); 0 if it did not get that far.
        self.code = code


class DeskKeyError(DeployError):
    """A client key for an onion cannot be made, listed or revoked as asked for."""


class OnionKeyError(DeployError):
    """An onion's own key cannot be placed, or is not one."""


class RenderError(DeployError):
    """The files of a server cannot be made from these settings."""


class SetupError(DeployError):
    """This machine cannot be set up as it stands."""
