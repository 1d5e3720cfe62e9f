# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`dengwen watch`, on an operator's machine, and `dengwen watch-key`, on the server.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import click

from deploy import watch_keys
from deploy.errors import WatchError
from deploy.verbs.options import FILE, server_folder
from deploy.watch import Seen, Watched, look, offset_of, read_key, times
from journalist_app.desk.health import Colour

CODES = {Colour.GREEN: 0, Colour.YELLOW: 1, Colour.RED: 2}
PAINT = {Colour.GREEN: "green", Colour.YELLOW: "yellow", Colour.RED: "red"}
NOTIFY_SECONDS = 60


class Span(click.ParamType[int]):
    """
    Minutes or hours: `15m`, `1h`.
    """

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, in seconds."""
        found = re.fullmatch(r"([1-9][0-9]{0,3})([mh])", str(value), re.ASCII)
        seconds = int(found[1]) * {"m": 60, "h": 3_600}[found[2]] if found else 0
        if not 300 <= seconds <= 86_400:
            self.fail(f"{value}: from 5m to 24h", param, ctx)
        return seconds


class Proxy(click.ParamType[tuple[str, int]]):
    """
    Where a tor listens: `127.0.0.1:9050`.
    """

    name = "host:port"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        """Read it."""
        found = re.fullmatch(r"(127\.0\.0\.1|localhost):([1-9][0-9]{0,4})", str(value), re.ASCII)
        if found is None or int(found[2]) > 65_535:
            self.fail(f"{value}: 127.0.0.1 and the SocksPort of the tor on this machine", param, ctx)
        return found[1], int(found[2])


@click.command("watch")
@click.option("--onion", required=True, help="The desk's address.")
@click.option("--key-file", "key_file", type=FILE, required=True, help="What `dengwen watch-key add` printed.")
@click.option("--socks", type=Proxy(), default="127.0.0.1:9050", show_default=True, help="This machine's own tor.")
@click.option("--every", type=Span(), default="15m", show_default=True, help="From one question to the next.")
@click.option("--once", is_flag=True, help="Ask now, once; end with 0 for green, 1 for yellow, 2 for red.")
@click.option("--notify", type=FILE, help="A program to run when the colour changes, with the colour as its argument.")
def watch_verb(
    onion: str,
    key_file: Path,
    socks: tuple[str, int],
    every: int,
    once: bool,  # noqa: FBT001 (a flag on the command line)
    notify: Path | None,
) -> None:
    """
    On your own machine: say how the server is, in three colours.

    The server has no way to call anybody, so this asks its desk, through your own tor, which needs your client key in its
    ClientOnionAuthDir and `SocksPort 9050 ExtendedErrors`. It asks at fixed times of the clock, not when it is started: the
    times then say nothing about yours. (`--once` asks at once: run it at fixed times.)
    """
    try:
        watched = Watched(onion=onion, key=read_key(key_file), proxy=socks)
    except WatchError as error:
        # Its exit code is that of red: nobody looked.
        raise click.UsageError(str(error)) from None
    if once:
        seen = look(watched)
        _say(seen)
        sys.exit(CODES[seen.colour])
    _watch(watched, every, notify)


@click.group("watch-key")
def watch_key_verbs() -> None:
    """On the server: what lets an operator's machine ask how it is, and do nothing else."""


@watch_key_verbs.command("add")
@server_folder
@click.argument("name")
def watch_key_add(folder: Path, name: str) -> None:
    """Make a key and print it, once. NAME: a machine or an operator's pseudonym."""
    click.echo(watch_keys.add(folder, name))


@watch_key_verbs.command("revoke")
@server_folder
@click.argument("name")
def watch_key_revoke(folder: Path, name: str) -> None:
    """End a key, at once."""
    watch_keys.revoke(folder, name)
    click.echo(f"{name}: revoked")


@watch_key_verbs.command("list")
@server_folder
def watch_key_list(folder: Path) -> None:
    """The names of the keys there are."""
    for name in watch_keys.names(folder):
        click.echo(name)


def _watch(watched: Watched, every: int, notify: Path | None) -> NoReturn:
    last: Seen | None = None
    _status(f"the first question is asked within {every // 60} minutes")
    for following in times(every, offset_of(watched, every)):
        seen = look(watched)
        if last is None or seen.key != last.key:
            _say(seen)
        if notify is not None and (last is None or seen.colour != last.colour):
            _notify(notify, seen.colour)
        last = seen
        _status(f"{_now()} {seen.colour}, next {time.strftime('%H:%M', time.localtime(following))}: {seen.lines[0]}")
    raise AssertionError("there is always a next time")


def _say(seen: Seen) -> None:
    _status("")
    click.echo(f"{_now()} {click.style(seen.colour.upper(), fg=PAINT[seen.colour], bold=True)} {seen.lines[0]}")
    for line in seen.lines[1:]:
        click.echo(f"    {line}")


def _status(line: str) -> None:
    # A line that is written over; where nobody looks, it is left out.
    if sys.stdout.isatty():
        click.echo(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", nl=False)


def _notify(program: Path, colour: Colour) -> None:
    try:
        subprocess.run([program.absolute(), colour], stdin=subprocess.DEVNULL, timeout=NOTIFY_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        click.echo(f"{program} did not run: {type(error).__name__}", err=True)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M")
