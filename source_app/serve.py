# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How the source app is run: gunicorn with threads, its configuration as code.

Preloaded, so that all workers share the memory made before the fork. A held body holds a thread, so there are many. No
control socket, no access log, no version in a header, no core files, no file or folder that others can read.

`python -m source_app.serve --settings FILE` reads a TOML file with the fields of `SourceSettings`; `serve` is the same
for a caller that has the settings already. Either prints one line, `listening on ADDRESS`, when it answers.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import threading
import tomllib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from source_app.app import create_app
from source_app.cores import Shares
from source_app.heap import keep_heap
from source_app.listening import require_free
from source_app.master import Master
from source_app.process import claim_files, seclude
from source_app.settings import SettingsError, SourceSettings
from source_app.worker import QuietLog, worker
from store.engine import open_store
from store.errors import StoreError
from store.modes import umask_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from wsgiref.types import WSGIApplication

#: Connections beyond those that hold a thread: kept alive between two pages.
SPARE_CONNECTIONS = 400
KEEPALIVE_SECONDS = 15
#: A worker's main loop reports every second, however long its requests take; one that does not is stuck.
STUCK_SECONDS = 120
#: What is under way when the server is stopped has this long to end.
GRACE_SECONDS = 30
#: 600 threads need little stack; the default reserves 8 MiB of addresses for each.
STACK_BYTES = 1 << 19


def options(settings: SourceSettings) -> dict[str, Any]:
    """
    Returns:
        gunicorn's settings for ours.
    """
    return {
        "bind": [settings.bind],
        "workers": settings.workers,
        "worker_class": worker(settings.silence_seconds, circuits=settings.circuits),
        "threads": settings.threads,
        "worker_connections": open_connections(settings),
        "preload_app": True,
        "timeout": STUCK_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": KEEPALIVE_SECONDS,
        "limit_request_line": 1024,
        # Browsers send some fifteen; the longest is a cookie of 250 characters.
        "limit_request_fields": 32,
        "limit_request_field_size": 4094,
        # gunicorn's own reader of tor's line hands what it says to every page.
        "proxy_protocol": False,
        # The limits above are this parser's; another one would be taken if it happened to be installed.
        "http_parser": "python",
        # On a unix socket gunicorn trusts every peer, whatever stands in the first of these; with nothing to trust it for, it cannot matter.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        # "Content_Length" would be left out and the rest believed; no browser writes one, so its request is none.
        "header_map": "refuse",
        "secure_scheme_headers": {},
        # For what gunicorn makes: its socket file, if it makes one.
        "umask": 0o077,
        # Each turn of a worker's loop touches a file there; on a disk that costs a fifth of a small page.
        "worker_tmp_dir": "/dev/shm",  # noqa: S108 - gunicorn makes an unnamed file of its own
        "logger_class": QuietLog,
        "loglevel": "error",
        "accesslog": None,
        "control_socket_disable": True,
        "when_ready": _announce,
        "post_fork": partial(_after_fork, Shares(settings.workers)),
    }


def open_connections(settings: SourceSettings) -> int:
    """
    Returns:
        connections that one worker keeps open at once.
    """
    return settings.threads + SPARE_CONNECTIONS


class Server(BaseApplication):  # type: ignore[misc]
    """
    One WSGI app under our configuration.
    """

    def __init__(self, make: Callable[[], WSGIApplication], chosen: Mapping[str, Any]) -> None:
        """
        Args:
            make: makes the app, once, before the fork.
            chosen: see `options`.
        """
        self._make = make
        self._chosen = chosen
        super().__init__()

    def load_config(self) -> None:
        """
        Hand our settings to gunicorn. It reads no file and no environment.
        """
        for key, value in self._chosen.items():
            self.cfg.set(key, value)

    def load(self) -> WSGIApplication:
        """
        Returns:
            the app.
        """
        return self._make()

    def run(self) -> None:
        """
        Serve until a signal ends it.
        """
        Master(self).run()


def _after_fork(shares: Shares, _arbiter: object, _worker: object) -> None:
    # The store's connections and the app's memory look after themselves; each thread's stack is made in the worker.
    threading.stack_size(STACK_BYTES)
    shares.take()


def _announce(arbiter: Any) -> None:
    print(f"listening on {', '.join(str(listener) for listener in arbiter.LISTENERS)}", flush=True)  # noqa: T201 - the one line


def run(make: Callable[[], WSGIApplication], settings: SourceSettings, *, watched: bool = False) -> None:
    """
    Run any app as the source app is run, until a signal ends it.

    Args:
        make: makes the app, once, before the fork.
        settings: of the source app.
        watched: as in `process.seclude`.

    Raises:
        SettingsError: the system does not allow what the settings need.
    """
    require_free(settings.bind)
    claim_files(open_connections(settings))
    # Workers are forked from here, and inherit it.
    seclude(watched=watched)
    keep_heap()
    Server(make, options(settings)).run()


def serve(settings: SourceSettings, *, watched: bool = False) -> None:
    """
    Run the source app until a signal ends it. As `run`.

    Raises:
        SettingsError: the system does not allow what the settings need.
        StoreError: there is no store, or its folder is open to others.
    """
    open_store(settings.store)
    os.umask(umask_of(settings.store))
    run(lambda: create_app(settings), settings, watched=watched)


def read_settings(path: Path) -> SourceSettings:
    """
    Args:
        path: a TOML file whose keys are the fields of `SourceSettings`.

    Raises:
        SettingsError: a key is unknown or missing, or a value is out of bounds.
    """
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {field.name: field for field in dataclasses.fields(SourceSettings)}
    missing = {name for name, field in known.items() if field.default is dataclasses.MISSING} - values.keys()
    for name in sorted(missing | (values.keys() - known.keys())):
        raise SettingsError(f"{name}: {'missing' if name in missing else 'unknown'}")
    return SourceSettings(**{**values, "store": Path(values["store"])})


def main(arguments: list[str] | None = None) -> None:
    """
    The command line.
    """
    parser = argparse.ArgumentParser(prog="python -m source_app.serve", description="Run the source app.")
    parser.add_argument("--settings", type=Path, required=True, help="a TOML file with the fields of SourceSettings")
    parser.add_argument(
        "--watched", action="store_true", help="for checks: this account may see what the server holds open"
    )
    given = parser.parse_args(arguments)
    try:
        serve(read_settings(given.settings), watched=given.watched)
    except (SettingsError, StoreError) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
