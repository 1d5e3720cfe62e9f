# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`python -m deploy`: the `dengwen` command.
"""

from deploy.cli import main

main(prog_name="dengwen")
