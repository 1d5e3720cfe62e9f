# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Batches and outboxes: what travels between the desk and the vaults. The byte format stands in README.md, clauses T1 to T34.
"""
