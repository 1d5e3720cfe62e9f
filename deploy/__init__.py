# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The room that puts the others to work: the `dengwen` command, settings, the demo.
"""
