# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The three places where gunicorn, as it is, would break a promise of ours: time, headers and logs.

`Worker` ends a connection that falls silent, in headers, body or answer alike: gunicorn's threads would wait for ever.
`Answer` leaves out what names the program and tells the clock.
`QuietLog` writes what went wrong and where in our code, never what was sent: gunicorn's own log lines carry addresses, paths
and the messages of exceptions, which may quote a form.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from source_app.limits import IDLE_SECONDS

_TRANSIENT = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)


class Connection(TConn):  # type: ignore[misc]
    """
    A connection whose every wait has an end.
    """

    idle_seconds: float = IDLE_SECONDS

    def init(self) -> None:
        """
        Prepare for one request. Called for each one, after gunicorn has made the socket wait for ever.
        """
        super().init()
        self.sock.settimeout(self.idle_seconds)


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    A thread for each request, as in gunicorn, on connections of ours.
    """

    connection: type[Connection] = Connection

    def accept(self, listener: Any) -> None:
        """
        Take a connection and give it to the threads.
        """
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in _TRANSIENT:
                return
            raise
        self.nr_conns += 1
        sock.setblocking(True)
        self.enqueue_req(self.connection(self.cfg, sock, address, listener.getsockname()))


def worker(idle_seconds: float) -> type[Worker]:
    """
    Args:
        idle_seconds: how long a connection may be silent.

    Returns:
        a worker class for gunicorn.
    """
    connection = type("Connection", (Connection,), {"idle_seconds": idle_seconds})
    return type("Worker", (Worker,), {"connection": connection})


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


class QuietLog(Logger):  # type: ignore[misc]
    """
    Errors by kind and place.
    """

    def access(self, *_: object) -> None:
        """
        Write nothing.
        """

    def warning(self, *_: object, **__: object) -> None:
        """
        Write nothing: gunicorn's warnings are about requests, with their address.
        """

    def exception(self, *_: object, **__: object) -> None:
        """
        Write the exception's class and where it was raised, unless it was only a connection that ended.
        """
        error = sys.exc_info()[1]
        if error is None or isinstance(error, (ConnectionError, TimeoutError)):
            return
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
        self.error_log.error("%s at %s", type(error).__name__, where)
