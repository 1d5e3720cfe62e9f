# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The verbs of the `dengwen` command: their options, and what they print.

What is done is done in the modules they call. Passphrases and secrets are printed once, where a verb exists to show them, and
never taken from the command line, where other accounts could read them.
"""
