# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The vault: an offline laptop that holds one seat's keys, opens what was sealed to it, and answers.
"""
