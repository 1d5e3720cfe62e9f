# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What deploy's documents say is so: verbs and options that exist, files that are there, every adversary named.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from deploy.cli import main
from tests.deploy.commands import DOCUMENT, verbs

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ROOMS = ("crypto/", "store/", "source_app/", "journalist_app/", "deploy/", "tests/")
#: Who stands against the system (the table of promises), as headings of THREATS.md.
ADVERSARIES = (
    "Takes the server's disk, or a backup of it",
    "Takes one vault and its passphrase later, with ciphertext recorded from the server",
    "Records disks and bundles now, owns a quantum computer later",
    "Controls the server, actively",
    "Forces a source to open the browser",
    "Forces the codename out of a source",
    "Sends hostile files, forms and requests",
    "Floods",
    "Pulls the plug at any instant",
)


def test_the_help_in_the_book_is_the_help_of_the_program() -> None:
    """Renewed by `python -m tests.deploy.commands`. Asked in a process of its own: click keeps how help was first asked for."""
    printed = subprocess.run(
        [sys.executable, "-m", "tests.deploy.commands", "--print"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert printed.stdout == DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["THREATS.md", "ATTACKS.md", "README.md"])
def test_every_file_that_is_named_is_there(name: str) -> None:
    """A file that stops somebody, or a test that shows it, cannot go away unnoticed."""
    named = re.findall(r"`([^`\s]+)`", (DEPLOY / name).read_text(encoding="utf-8"))
    paths = [one for one in named if one.startswith(ROOMS) and one.endswith((".py", ".md", "/"))]
    assert [one for one in paths if not (ROOT / one).exists()] == []


def test_the_named_files_are_many() -> None:
    """The test above has something to look at."""
    named = re.findall(r"`(tests/[^`]+\.py)`", (DEPLOY / "THREATS.md").read_text(encoding="utf-8"))
    assert len(named) >= 20


def test_every_adversary_has_a_part_with_files_and_tests() -> None:
    """Who, what they learn or can, what they cannot, what stops them, what shows it."""
    parts = dict(
        re.findall(
            r"^## (.+?)\n(.*?)(?=^## |\Z)",
            (DEPLOY / "THREATS.md").read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
    )
    for adversary in ADVERSARIES:
        assert re.search(r"\| cannot \|.*\| stops \| `.*\| shown by \| `tests/", parts[adversary], re.DOTALL), adversary


def _typed() -> list[list[str]]:
    """Every line of the README that a reader types and that begins with our command."""
    lines = re.findall(
        r"^ {4,}(?:sudo )?(?:\S*/)?dengwen (.+)$", (DEPLOY / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    return [shlex.split(re.sub(r"\s{2,}.*$", "", line).replace("…", "")) for line in lines]


def test_every_command_in_the_readme_is_one_the_program_knows() -> None:
    """Verb for verb, option for option."""
    known = {words[1:]: command for words, command in verbs()}
    typed = _typed()
    assert len(typed) >= 15
    for words in typed:
        if words[0] == "vault":
            continue
        command: click.Command = main
        depth = 0
        while depth < len(words) and words[depth] in getattr(command, "commands", {}):
            depth += 1
            command = known[tuple(words[:depth])]
        assert not isinstance(command, click.Group), words
        options = {option for parameter in command.params for option in parameter.opts}
        unknown = [
            word
            for word in words[depth:]
            if word.strip("[]").startswith("--") and word.strip("[]").split("=")[0] not in options
        ]
        assert unknown == [], words
