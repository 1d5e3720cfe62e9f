# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The room that seals, signs and judges bytes. Pure; its law is README.md.
"""
