# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk's connections: each wait for one has an end, and the worker's main loop waits for none.

gunicorn's own loop lingers two seconds with each connection it closes, and dies when no more files can be opened; and its error pages
repeat the request and carry none of our headers.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import Any, Final

from gunicorn import util
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from journalist_app.desk.guard import HEADERS, POLICY

LINGER_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 1.0

_TRANSIENT = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Connection(TConn):  # type: ignore[misc]
    """
    A connection whose every wait has an end.
    """

    silence: float

    def init(self) -> None:
        """
        Prepare for a request. Called for each one, after gunicorn has made the socket wait for ever.
        """
        super().init()
        self.request: Any = None
        self.sock.settimeout(self.silence)

    def end(self) -> None:
        """
        End it from the request's own thread. Where bytes may lie unread, a plain close would reset it and cut the answer off.
        """
        if self.request is None or int(getattr(self.request.body.reader, "length", 0)):
            util.close_graceful(self.sock, timeout=LINGER_SECONDS)

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 (gunicorn's signature)
        """
        Close, waiting for nobody: this is called from the main loop.
        """
        if graceful:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
        util.close(self.sock)


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    A thread for each request, on connections of ours.
    """

    connection: type[Connection]
    _accept_from = 0.0

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 (gunicorn's signature)
        """
        Look at listeners, or look away; for a moment after files ran out, away.
        """
        if not enabled or time.monotonic() >= self._accept_from:
            super().set_accept_enabled(enabled)

    def accept(self, listener: Any) -> None:
        """
        Take a connection and give it to the threads.
        """
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in _TRANSIENT:
                return
            if error.errno not in _NO_MORE_FILES:
                raise
            self._accept_from = time.monotonic() + PAUSE_SECONDS
            self.set_accept_enabled(False)
            return
        self.nr_conns += 1
        sock.setblocking(True)
        self.enqueue_req(self.connection(self.cfg, sock, address, listener.getsockname()))

    def handle(self, conn: Any) -> Any:
        """
        Answer a request, and end its connection if it is to end, in a thread.
        """
        kept = super().handle(conn)
        if kept is False and conn.initialized:
            conn.end()
        return kept

    def handle_request(self, req: Any, conn: Any) -> bool:
        """
        Answer a request whose headers have come.
        """
        conn.request = req
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: object, client: Any, addr: object, exc: BaseException) -> None:  # noqa: ARG002 (gunicorn's)
        """
        Answer what could not be made a request of, or failed before it had an answer, in fixed words.
        """
        # Those two are about our own answers, though gunicorn counts them among the peer's faults.
        ours = isinstance(exc, InvalidResponseHeader | InvalidResponseHeaderName) or not isinstance(exc, ParseException)
        if ours:
            self.log.exception("")  # noqa: LOG004 (gunicorn calls this from its handlers)
        with contextlib.suppress(OSError):
            client.sendall(_FAILED if ours else _REFUSED)


def worker(silence: float) -> type[Worker]:
    """
    Args:
        silence: Seconds a connection may be silent.

    Returns:
        A worker class for gunicorn.
    """
    connection = type("Connection", (Connection,), {"silence": silence})
    return type("Worker", (Worker,), {"connection": connection})


def _bare(status: str, said: str) -> bytes:
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{status}</title><p>{said}</p></html>\n'.encode()
    )
    head = {
        "Connection": "close",
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Content-Security-Policy": POLICY,
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + body


_REFUSED: Final = _bare("400 Bad Request", "The request was not one that these pages make.")
_FAILED: Final = _bare("500 Internal Server Error", "Something went wrong at the desk. Please try again.")
