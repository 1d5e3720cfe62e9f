# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What reviewers and operators touch: the desk (online, ciphertext only), the vault (offline, has keys), and the bundles between them.
"""
