# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The desk's connections: each wait for one has an end, the worker's main loop waits for none, and one circuit does not hold them all.

gunicorn's own loop lingers two seconds with each connection it closes, and dies when no more files can be opened; and its error pages
repeat the request and carry none of our headers.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from typing import Any, Final

from gunicorn import util
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from journalist_app.desk.circuits import CrowdedError, Places, announced
from journalist_app.desk.guard import HEADERS, MAX_FORM, POLICY
from journalist_app.desk.master import hear
from journalist_app.desk.pace import Pace

LINGER_SECONDS: Final = 2.0
PAUSE_SECONDS: Final = 1.0
# What one circuit may hold at once, where tor tells us the circuit. A browser opens six connections to one place, and all windows of
# one Tor Browser share one circuit to it.
CIRCUIT_REQUESTS: Final = 16

_TRANSIENT = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Connection(TConn):  # type: ignore[misc]
    """
    A connection whose every wait has an end.
    """

    silence: float

    def __init__(self, *given: Any, places: Places | None = None) -> None:
        super().__init__(*given)
        self.circuit: int | None = None
        self.request: Any = None
        self._pace = Pace(self.sock)
        self._places = places
        self._counted = False

    def init(self) -> None:
        """
        Prepare for a request. Called for each one, after gunicorn has made the socket wait for ever.

        Raises:
            LineError: tor's line is missing.
            CrowdedError: Its circuit holds as many requests as one may.
        """
        fresh = self.parser is None
        super().init()
        if fresh:
            self.parser.unreader = self._pace
        self.request = None
        self._expect()

    def wait_for_data(self, timeout: float) -> bool:
        """
        Wait for the first bytes of the first request. tor's line is none of them: whoever sends nothing after it holds no thread.
        """
        if not self._readable(timeout):
            return False
        if self._places is None:
            return True
        self._expect()
        return bool(self._pace.buf.getvalue()) or self._readable(0)

    def begin(self, request: Any) -> None:
        """
        The headers of a request have come.
        """
        self.request = request
        # Only after a login is more read than this (`guard`); a login form that trickles must end with its headers' time.
        if self._left() > MAX_FORM:
            self._pace.expect_body()

    def leave(self) -> None:
        """
        The thread leaves it: its circuit holds one request less.
        """
        if self._counted and self._places is not None and self.circuit is not None:
            self._counted = False
            self._places.give(self.circuit)

    def end(self) -> None:
        """
        End it from the request's own thread. Where bytes may lie unread, a plain close would reset it and cut the answer off.
        """
        if self.request is None or self._left():
            util.close_graceful(self.sock, timeout=LINGER_SECONDS)

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 (gunicorn's signature)
        """
        Close, waiting for nobody: this is called from the main loop.
        """
        if graceful:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
        util.close(self.sock)

    def _expect(self) -> None:
        self._pace.expect_headers()
        self.sock.settimeout(self.silence)
        if self._places is None or self._counted:
            return
        if self.circuit is None:
            self.circuit = announced(self._pace)
        if not self._places.take(self.circuit):
            raise CrowdedError
        self._counted = True

    def _left(self) -> int:
        return int(getattr(self.request.body.reader, "length", 0))

    def _readable(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(timeout * 1000))


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    A thread for each request, on connections of ours.
    """

    connection: type[Connection]
    circuits = False
    _accept_from = 0.0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._requests = Places(CIRCUIT_REQUESTS) if self.circuits else None

    def init_signals(self) -> None:
        """
        Hear signals, as a worker; those too that came since it was forked.
        """
        super().init_signals()
        hear()

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
        self.enqueue_req(self.connection(self.cfg, sock, address, listener.getsockname(), places=self._requests))

    def murder_pending(self) -> None:
        """
        Close connections that sent nothing for long enough; and when there is no room for who comes, the one that did so longest.
        """
        if self.pending_conns and self.nr_conns >= self.worker_connections:
            self.pending_conns[0].timeout = 0.0
        super().murder_pending()

    def handle(self, conn: Any) -> Any:
        """
        Answer a request, and end its connection if it is to end, in a thread.
        """
        try:
            kept = super().handle(conn)
            if kept is False:
                conn.end()
            return kept
        finally:
            conn.leave()

    def handle_request(self, req: Any, conn: Any) -> bool:
        """
        Answer a request whose headers have come.
        """
        conn.begin(req)
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
            client.sendall(_CROWDED if isinstance(exc, CrowdedError) else _FAILED if ours else _REFUSED)


def worker(silence: float, *, circuits: bool = False) -> type[Worker]:
    """
    Args:
        silence: Seconds a connection may be silent.
        circuits: Whether tor begins each connection with its circuit.

    Returns:
        A worker class for gunicorn.
    """
    connection = type("Connection", (Connection,), {"silence": silence})
    return type("Worker", (Worker,), {"connection": connection, "circuits": circuits})


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
_CROWDED: Final = _bare(
    "503 Service Unavailable", "Too much comes from your browser at the same time. Wait for the rest, then try again."
)
_FAILED: Final = _bare("500 Internal Server Error", "Something went wrong at the desk. Please try again.")
