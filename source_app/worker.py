# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The places where gunicorn, as it is, would break a promise of ours: time, crowds, headers and logs.

`Connection` begins with tor's line where tor tells circuits, and bounds what one circuit holds.
`Worker` ends a connection that falls silent or trickles, in headers, body or answer alike: gunicorn's threads would wait for ever. Its
main loop waits for no peer, gunicorn's lingers two seconds with each. It keeps threads free of large bodies, lives on when no more files can be
opened, and answers what is no request with a page of ours.
`Answer` leaves out what names the program and tells the clock.
`QuietLog` writes what went wrong and where in our code, never what was sent: gunicorn's own log lines carry addresses, paths
and the messages of exceptions, which may quote a form.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from source_app.bare import BUSY, CROWDED, FAILED, bare, status_of
from source_app.circuits import CrowdedError, Places, announced, asked_by
from source_app.courtesy import Courtesy
from source_app.drain import drain
from source_app.held import Held
from source_app.limits import (
    BRIEF_LINGER_SECONDS,
    CIRCUIT_LARGE,
    CIRCUIT_REQUESTS,
    FORM_BYTES,
    IDLE_SECONDS,
    LARGE_TWELFTHS,
    LEFT_SECONDS,
    LINGER_SECONDS,
    TURNED_AWAY_SECONDS,
    TURNED_AWAY_TWELFTHS,
)
from source_app.master import hear
from source_app.pace import Pace

_TRANSIENT = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_SECONDS = 1.0


class Connection(TConn):  # type: ignore[misc]
    """
    A connection whose every wait has an end.
    """

    idle_seconds: float = IDLE_SECONDS

    def __init__(self, *given: Any, places: Places | None = None) -> None:
        """
        Args:
            places: for requests, if tor tells circuits.
        """
        super().__init__(*given)
        self.circuit: int | None = None
        self.large = False
        self.request: Any = None
        self._pace = Pace(self.sock)
        self._places = places
        self._counted = False

    def init(self) -> None:
        """
        Prepare for one request. Called for each one, after gunicorn has made the socket wait for ever.

        Raises:
            LineError: tor's line is missing.
            CrowdedError: its circuit holds as many requests as one may.
        """
        fresh = self.parser is None
        super().init()
        if fresh:
            self.parser.unreader = self._pace
        self.request, self.large = None, False
        self._expect()

    def wait_for_data(self, timeout: float) -> bool:
        """
        Wait for the first bytes of the first request. As gunicorn's, without a descriptor for each wait.

        tor's line is none of them: it comes at once, and what follows it takes a turn through the whole circuit. Until then it holds no
        thread.
        """
        if not self._readable(timeout):
            return False
        if self._places is None:
            return True
        self._expect()
        return bool(self._pace.buf.getvalue()) or self._readable(0)

    def leave(self) -> None:
        """
        The thread leaves it: its circuit holds one request less.
        """
        if self._counted and self._places is not None and self.circuit is not None:
            self._counted = False
            self._places.give(self.circuit)

    def _expect(self) -> None:
        self._pace.expect_headers()
        self.sock.settimeout(self.idle_seconds)
        if self._places is None or self._counted:
            return
        if self.circuit is None:
            self.circuit = announced(self._pace)
        if not self._places.take(self.circuit):
            raise CrowdedError
        self._counted = True

    def _readable(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def begin(self, request: Any) -> int:
        """
        The headers of a request have come.

        Returns:
            bytes of the body they announce; 0 for one of unknown length.
        """
        self.request = request
        self.parser.unreader.expect_body()
        return self._left()

    def cut(self) -> None:
        """
        Wait for this peer no more, from another thread than the request's: what it sent so far is all there is, and is answered so.
        """
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD)

    def end(self, linger: float) -> None:
        """
        End the connection from the request's own thread. Where bytes may lie unread, a plain close would reset it and cut the answer
        off; there it waits a little for the peer to have read it.

        Args:
            linger: seconds.
        """
        if self.request is None or self._left():
            util.close_graceful(self.sock, timeout=linger)

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """
        Close, waiting for nobody: this is called from the worker's main loop.
        """
        if graceful:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
        util.close(self.sock)

    def _left(self) -> int:
        return int(getattr(self.request.body.reader, "length", 0))


class Worker(ThreadWorker):  # type: ignore[misc]
    """
    A thread for each request, as in gunicorn, on connections of ours.
    """

    connection: type[Connection] = Connection
    circuits = False

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        threads: int = self.cfg.threads
        self._large = threading.BoundedSemaphore(max(1, threads * LARGE_TWELFTHS // 12))
        self._requests = Places(CIRCUIT_REQUESTS) if self.circuits else None
        self._large_of_one = Places(CIRCUIT_LARGE)
        self._turned_away = threading.BoundedSemaphore(max(1, threads * TURNED_AWAY_TWELFTHS // 12))
        self._courtesy = Courtesy()
        self._accept_from = 0.0
        self._held = Held(threads)

    def init_signals(self) -> None:
        """
        Hear signals, as a worker; those too that came since it was forked.
        """
        super().init_signals()
        hear()

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 - gunicorn's signature
        """
        Look at listeners, or look away; while every thread is held, and for a moment after files ran out, away.
        """
        if not enabled or (time.monotonic() >= self._accept_from and not self._held.full):
            super().set_accept_enabled(enabled)

    def enqueue_req(self, conn: Any) -> None:
        """
        Give a connection to a thread.
        """
        self._held.add(conn)
        super().enqueue_req(conn)
        if self._held.full:
            # Whoever comes now would wait behind all of these; in the kernel's line another worker takes it.
            self.set_accept_enabled(False)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """
        The thread has left a connection.
        """
        self._held.drop(conn)
        super().finish_request(conn, fs)

    def accept(self, listener: Any) -> None:
        """
        Take a connection and give it to the threads, or leave it to another worker for a moment.
        """
        if self._courtesy.leaves():
            self._look_away(LEFT_SECONDS)
            return
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in _TRANSIENT:
                return
            if error.errno not in _NO_MORE_FILES:
                raise
            # Those who are in stay in; who comes waits in the kernel's line.
            self._look_away(_PAUSE_SECONDS)
            return
        self.nr_conns += 1
        sock.setblocking(True)
        self.enqueue_req(self.connection(self.cfg, sock, address, listener.getsockname(), places=self._requests))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """
        Wait no longer than listeners are looked away from.
        """
        away = self._accept_from - time.monotonic()
        super().wait_for_and_dispatch_events(min(timeout, away) if away > 0 else timeout)

    def murder_pending(self) -> None:
        """
        Close connections that sent nothing for long enough; and when there is no room for who comes, the one that did so longest. Cut short
        those whose threads are needed.
        """
        if self.pending_conns and self.nr_conns >= self.worker_connections:
            self.pending_conns[0].timeout = 0.0
        super().murder_pending()
        for conn in self._held.ending():
            conn.cut()

    def handle(self, conn: Any) -> Any:
        """
        Answer a request, and end its connection if it is to end, in a thread.
        """
        try:
            kept = super().handle(conn)
            if kept is False:
                conn.end(BRIEF_LINGER_SECONDS if self._held.crowded else LINGER_SECONDS)
            return kept
        finally:
            conn.leave()

    def handle_request(self, req: Any, conn: Any) -> bool:
        """
        Answer a request whose headers have come, unless it is one large body too many.
        """
        length = conn.begin(req)
        with asked_by(conn.circuit):
            return self._answer(req, conn, length)

    def _answer(self, req: Any, conn: Any, length: int) -> bool:
        if length <= FORM_BYTES:
            return bool(super().handle_request(req, conn))
        circuit = conn.circuit
        if circuit is not None and not self._large_of_one.take(circuit):
            self._turn_away(req, conn, length, CROWDED)
            return False
        try:
            return self._take_large(req, conn, length)
        finally:
            if circuit is not None:
                self._large_of_one.give(circuit)

    def handle_error(self, req: object, client: Any, addr: object, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's signature
        """
        Answer what could not be made a request of, or failed before it had an answer.
        """
        status = status_of(exc)
        if status == FAILED:
            self.log.exception("")  # noqa: LOG004 - gunicorn calls this from its handlers
        with contextlib.suppress(OSError):
            client.sendall(bare(BUSY, CROWDED) if isinstance(exc, CrowdedError) else bare(status))

    def _look_away(self, seconds: float) -> None:
        self._accept_from = time.monotonic() + seconds
        self.set_accept_enabled(False)

    def _take_large(self, req: Any, conn: Any, length: int) -> bool:
        if not self._large.acquire(blocking=False):
            self._courtesy.refused()
            self._turn_away(req, conn, length)
            return False
        try:
            conn.large = True
            return bool(super().handle_request(req, conn))
        finally:
            self._large.release()
            self._courtesy.freed()

    def _turn_away(self, req: Any, conn: Any, length: int, said: str | None = None) -> None:
        conn.sock.sendall(bare(BUSY, said))
        # As far as there are threads for it, the rest is taken, because a browser shows the answer only then.
        if self._turned_away.acquire(blocking=False):
            try:
                drain(req.body, length, seconds=TURNED_AWAY_SECONDS)
            finally:
                self._turned_away.release()


def worker(idle_seconds: float, *, circuits: bool = False) -> type[Worker]:
    """
    Args:
        idle_seconds: how long a connection may be silent.
        circuits: whether tor begins each connection with its circuit.

    Returns:
        a worker class for gunicorn.
    """
    connection = type("Connection", (Connection,), {"idle_seconds": idle_seconds})
    return type("Worker", (Worker,), {"connection": connection, "circuits": circuits})


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

    #: Without the time: one that dates a failure dates a visit.
    error_fmt = "[%(levelname)s] %(message)s"

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
