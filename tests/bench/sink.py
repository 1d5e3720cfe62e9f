# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The least that can stand behind an onion: it takes a request's body and says so. What an app costs more is the app's.

`python -m tests.bench.sink` serves the socket it is handed as descriptor 3, as systemd hands one over.
"""

from __future__ import annotations

import socket
import threading

PIECE = 1 << 16
END = b"\r\n\r\n"


def answer(connection: socket.socket) -> None:
    """Take one request, whatever tor says before it."""
    with connection:
        head = b""
        while END not in head:
            piece = connection.recv(PIECE)
            if not piece:
                return
            head += piece
        head, _, body = head.partition(END)
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n") if line.count(b": "))
        left = int(fields.get(b"content-length", b"0")) - len(body)
        while left > 0:
            piece = connection.recv(PIECE)
            if not piece:
                return
            left -= len(piece)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


def main() -> None:
    listener = socket.socket(fileno=3)
    listener.setblocking(True)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
