# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The bare limit of an upload: what any server here has to do, and nothing else.

The same gunicorn configuration and the same reads as the source app; the same cipher in the same chunks, write and fsync. No
multipart parser, no Flask, no frame, no padding, no database. Run like the source app: `--settings FILE`.
"""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from source_app.body import Body, pieces_of
from source_app.serve import read_settings, run

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CHUNK = 65_536
TAG = 16


def limit_app(folder: Path) -> WSGIApplication:
    """An app that encrypts each request's body into a file of its own."""
    folder.mkdir(exist_ok=True)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        length = int(environ["CONTENT_LENGTH"])
        descriptor = os.open(folder / secrets.token_hex(16), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _encrypt(environ["wsgi.input"], length, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]

    return app


def _encrypt(stream: Body, length: int, descriptor: int) -> None:
    cipher = ChaCha20Poly1305(ChaCha20Poly1305.generate_key())
    sealed = memoryview(bytearray(CHUNK + TAG))
    held = memoryview(bytearray(CHUNK))
    filled = counter = 0

    def seal(chunk: memoryview) -> None:
        nonlocal counter
        out = sealed[: len(chunk) + TAG]
        cipher.encrypt_into(counter.to_bytes(12, "big"), chunk, None, out)
        os.write(descriptor, out)
        counter += 1

    for piece in pieces_of(stream, length):
        view = memoryview(piece)
        if filled:
            taken = min(CHUNK - filled, len(view))
            held[filled : filled + taken] = view[:taken]
            filled, view = filled + taken, view[taken:]
            if filled < CHUNK:
                continue
            seal(held)
        whole = len(view) - len(view) % CHUNK
        for start in range(0, whole, CHUNK):
            seal(view[start : start + CHUNK])
        filled = len(view) - whole
        held[:filled] = view[whole:]
    seal(held[:filled])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", type=Path, required=True)
    settings = read_settings(parser.parse_args().settings)
    run(lambda: limit_app(settings.store.parent / "limit"), settings)
