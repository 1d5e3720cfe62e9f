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
