# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The help of every verb, as deploy/COMMANDS.md shows it. `python -m tests.deploy.commands` writes that file anew, `--print` shows it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from deploy.cli import main

DOCUMENT = Path(__file__).parents[2] / "deploy" / "COMMANDS.md"
WIDTH = 100
HEAD = """\
# Every verb, as the program itself explains it

Written by the program; a test compares. `dengwen vault` has verbs of its own: journalist_app/vault/README.md.
"""


def verbs(
    command: click.Command = main, words: tuple[str, ...] = ("dengwen",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """
    Every verb and what runs it, groups before what is in them. Hidden ones are for checks, and left out.
    """
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            if not command.commands[name].hidden:
                yield from verbs(command.commands[name], (*words, name))


def document() -> str:
    """
    The whole text.
    """
    parts = [HEAD]
    for words, command in verbs():
        context = click.Context(
            command,
            info_name=" ".join(words),
            help_option_names=["-h", "--help"],
            max_content_width=WIDTH,
            terminal_width=WIDTH,
        )
        parts.append(f"## {' '.join(words)}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(document())
    else:
        DOCUMENT.write_text(document(), encoding="utf-8")
