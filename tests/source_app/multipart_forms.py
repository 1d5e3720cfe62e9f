# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a browser sends, made by hand, and an honest stand-in for each of the two boundaries of an upload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from source_app.errors import UploadError
from source_app.outcome import Arrived

# As Firefox makes it, in form and length.
BOUNDARY = b"----geckoformboundary5f1c2d9ba07c43e81b6e04f7d2a95c38"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY.decode()}"


def text(name: str, value: str | bytes) -> bytes:
    """One text field, headers and content."""
    raw = value.encode() if isinstance(value, str) else value
    return b'Content-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + raw


def file(name: str | bytes, content: bytes, *, field: str = "files") -> bytes:
    """One file as Firefox and Chromium write it."""
    head = b'Content-Disposition: form-data; name="' + field.encode() + b'"; filename="' + escaped(name) + b'"\r\n'
    return head + b"Content-Type: application/octet-stream\r\n\r\n" + content


def escaped(name: str | bytes) -> bytes:
    """A name as browsers write it into a header."""
    raw = name.encode() if isinstance(name, str) else name
    return raw.replace(b"\r", b"%0D").replace(b"\n", b"%0A").replace(b'"', b"%22")


def body(*parts: bytes, end: bool = True, boundary: bytes = BOUNDARY) -> bytes:
    """Parts between boundaries."""
    joined = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return joined + (b"--" + boundary + b"--\r\n" if end else b"")


@dataclass
class Stream:
    """
    A body that comes in runs of given lengths (the last one repeats), and may be cut.
    """

    raw: bytes
    runs: Sequence[int] = (1 << 20,)
    cut: int | None = None
    reset: bool = False
    position: int = 0
    asked: list[int] = field(default_factory=list)

    def read(self, size: int, /) -> bytes:
        run = self.runs[min(len(self.asked), len(self.runs) - 1)]
        self.asked.append(size)
        end = len(self.raw) if self.cut is None else self.cut
        piece = self.raw[self.position : min(end, self.position + min(size, run))]
        self.position += len(piece)
        if not piece and self.reset:
            raise ConnectionResetError
        return piece


@dataclass
class Sink:
    """
    A file in memory that remembers how it ended.
    """

    name: str
    number: int
    trouble: UploadError | None = None
    content: bytearray = field(default_factory=bytearray)
    ended: list[str] = field(default_factory=list)

    def write(self, piece: bytes | bytearray, /) -> None:
        assert not self.ended
        if self.trouble:
            raise self.trouble
        self.content += piece

    def finish(self) -> Arrived:
        assert not self.ended
        self.ended.append("finished")
        return Arrived(name=self.name, length=len(self.content), item=self.number.to_bytes(16, "big"))

    def abort(self) -> None:
        assert not self.ended
        self.ended.append("aborted")


@dataclass
class Shelf:
    """
    Opens sinks, and remembers with which fields.
    """

    trouble: Mapping[int, UploadError] = field(default_factory=dict)
    sinks: list[Sink] = field(default_factory=list)
    fields: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, fields: Mapping[str, str], name: str) -> Sink:
        number = len(self.sinks)
        self.fields.append(dict(fields))
        self.sinks.append(Sink(name, number, self.trouble.get(number)))
        return self.sinks[-1]

    def kept(self) -> list[tuple[str, bytes]]:
        return [(sink.name, bytes(sink.content)) for sink in self.sinks if sink.ended == ["finished"]]

    def all_ended(self) -> bool:
        return all(len(sink.ended) == 1 for sink in self.sinks)


def runs(lengths: Iterable[int]) -> tuple[int, ...]:
    """Run lengths for a `Stream`, never empty."""
    return tuple(lengths) or (1 << 20,)
