# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The pages of a source: what they promise stands in README.md.
"""
