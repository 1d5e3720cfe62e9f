# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The room where ciphertext rests: rows in SQLite, large payloads as blobs. Its rules are in README.md.
"""
