# SPDX-License-Identifier: AGPL-3.0-or-later
"""
How the desk is run: gunicorn, one worker with threads, its configuration as code.

One worker, because sessions and counted login tries live in one process's memory and nowhere else; a desk has a handful
of people, and what they wait for is the disk. No access log, no control socket, no core files, nothing others can read;
a connection that falls silent is ended, because a Tor circuit that died does not say so.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import wsgi

from journalist_app.desk.app import create_app
from journalist_app.desk.keys import require_private
from journalist_app.desk.listening import require_free
from journalist_app.desk.master import Master
from journalist_app.desk.process import claim_files, seclude
from journalist_app.desk.refusals import place_of
from journalist_app.desk.settings import DeskSettings
from journalist_app.desk.worker import worker
from store.engine import open_store
from store.modes import umask_of

# A worker's main loop reports every second, however long its requests take; one that does not is stuck.
STUCK_SECONDS = 120
# A download under way when the desk is stopped has this long to end.
GRACE_SECONDS = 30
SPARE_CONNECTIONS = 64


def options(settings: DeskSettings) -> dict[str, Any]:
    """
    What gunicorn is told.
    """
    return {
        "bind": [settings.bind],
        "workers": 1,
        "worker_class": worker(settings.silence_seconds, circuits=settings.circuits),
        "threads": settings.threads,
        "worker_connections": open_connections(settings),
        "timeout": STUCK_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": 15,
        "limit_request_line": 1_024,
        "limit_request_fields": 32,
        "limit_request_field_size": 4_094,
        # gunicorn's own reader of tor's line hands what it says to every page.
        "proxy_protocol": False,
        # The limits above are this parser's; another one would be taken if it happened to be installed.
        "http_parser": "python",
        # On a unix socket gunicorn trusts every peer, whatever stands in the first of these; with nothing to trust it for, it cannot matter.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        # For what gunicorn makes: its socket file, if it makes one.
        "umask": 0o077,
        "worker_tmp_dir": "/dev/shm",  # noqa: S108 - gunicorn makes an unnamed file of its own
        "logger_class": QuietLog,
        "loglevel": "error",
        "accesslog": None,
        "control_socket_disable": True,
        "when_ready": _announce,
    }


def open_connections(settings: DeskSettings) -> int:
    """
    Connections kept open at once.
    """
    return settings.threads + SPARE_CONNECTIONS


class QuietLog(Logger):  # type: ignore[misc]
    """
    Errors by kind and place: gunicorn's own lines quote addresses, paths and what exceptions say.
    """

    def access(self, *_: object) -> None:
        """
        Write nothing.
        """

    def warning(self, *_: object, **__: object) -> None:
        """
        Write nothing.
        """

    def exception(self, *_: object, **__: object) -> None:
        """
        Write the exception's class and where it was raised, unless a connection merely ended.
        """
        error = sys.exc_info()[1]
        if error is None or isinstance(error, ConnectionError | TimeoutError):
            return
        self.error_log.error(place_of(error))


class Answer(wsgi.Response):  # type: ignore[misc]
    """
    An answer that names neither its program nor the server's clock.
    """

    def default_headers(self) -> list[str]:
        """
        The status line and what the connection needs.
        """
        lines: list[str] = super().default_headers()
        return [line for line in lines if not line.startswith(("Server:", "Date:"))]


# gunicorn offers no place for this: it makes its answers by this name.
wsgi.Response = Answer


class DeskServer(BaseApplication):  # type: ignore[misc]
    """
    The desk under this configuration. It reads no file and no environment.

    Args:
        settings: Of the desk.
    """

    def __init__(self, settings: DeskSettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """
        Hand our settings to gunicorn.
        """
        for key, value in options(self._settings).items():
            self.cfg.set(key, value)

    def load(self) -> Any:
        """
        The app, made in the worker.
        """
        return create_app(self._settings)

    def run(self) -> None:
        """
        Serve until a signal ends it.
        """
        Master(self).run()


def serve(settings: DeskSettings) -> None:
    """
    Run the desk until a signal ends it. One line, `listening on ADDRESS`, says that it answers.

    Raises:
        SettingsError: The system does not allow what the settings need.
        KeysError: The key file is missing, or may be read by others.
        StoreError: There is no store, or its folder is open to others.
    """
    # Said here in a sentence; in the worker, which opens both, it would be a line in a log.
    open_store(settings.store)
    require_private(settings.keys)
    require_free(settings.bind)
    claim_files(open_connections(settings))
    seclude()
    os.umask(umask_of(settings.store))
    DeskServer(settings).run()


def _announce(arbiter: Any) -> None:
    print(f"listening on {', '.join(str(listener) for listener in arbiter.LISTENERS)}", flush=True)  # noqa: T201
