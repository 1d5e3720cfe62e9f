# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Makes the vectors of frames: `python -m tests.vectors.make_frame_vectors [folder]`.

It imports nothing of what it tests: every byte is put together here from the clauses of crypto/README.md, so that a mistake of the code
does not become the vector that confirms it. It is deterministic; a test runs it again and compares.

A frame's vector holds `comment`, `expect` (`frame`, or the class that refuses it), `says` (a part of the refusal's message) and
`pieces`, which are joined: `text` (UTF-8, perhaps so many `times`), `hex`, or so many `zeros`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.vectors.reports import GOOD_REPORTS, bad_reports
from tests.vectors.writing import Vector, asked, write

REPEATED = re.compile(rb"([\x00-\x7f])\1{63,}", re.DOTALL)
MAGIC = b"dengwen/1\n"
RECIPIENT = "age1pq1" + "q" * 1952
COMMON: Mapping[str, Any] = {
    "thread": "11" * 32,
    "item": "22" * 16,
    "submission": "33" * 16,
    "card": "44" * 32,
    "epoch": 7,
    "seats": [1, 2, 4],
    "lang": "zh-Hans",
}
MESSAGE = {**COMMON, "kind": "message", "reply_to": RECIPIENT, "consent": "unanswered", "channel": "onion"}
FILE = {**COMMON, "kind": "file", "name": "证据.jpg", "set": "55" * 16, "part": 1, "parts": 1}
WORDS = "他们来了。".encode()


def bucket(length: int, least: int) -> int:
    if length <= least:
        return least
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return -(-length // step) * step


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def trailer(offset: int, length: int) -> bytes:
    return f"dengwen/1 end {offset:012d} {length:020d}\n".encode()


def frame(header: Any, body: bytes = WORDS, *, add: Mapping[str, int] | None = None, total: int | None = None) -> bytes:
    """A frame whose numbers may be moved: `add` to the trailer's offset and length, or give another total."""
    moved = {"offset": 0, "length": 0, **(add or {})}
    raw = header if isinstance(header, bytes) else canonical(header)
    start = MAGIC + raw + b"\n"
    least = 65_536 if b'"kind":"file"' in raw else 16_384
    whole = bucket(len(start) + len(body) + 48, least) if total is None else total
    zeros = bytes(whole - len(start) - len(body) - 48)
    return start + body + zeros + trailer(len(start) + moved["offset"], len(body) + moved["length"])


def pieces(raw: bytes) -> list[dict[str, Any]]:
    """Split where one character stands 64 times or more, so that a vector stays small and can be read."""
    found: list[dict[str, Any]] = []
    at = 0
    for run in REPEATED.finditer(raw):
        found += piece(raw[at : run.start()])
        at = run.end()
        found.append(
            {"times": at - run.start(), "text": run[1].decode()} if run[1] != b"\0" else {"zeros": at - run.start()}
        )
    return found + piece(raw[at:])


def piece(run: bytes) -> list[dict[str, Any]]:
    try:
        return [{"text": run.decode()}] if run else []
    except UnicodeDecodeError:
        return [{"hex": run.hex()}]


def accepted(name: str, comment: str, raw: bytes, header: Mapping[str, Any], body: bytes) -> Vector:
    expected = {"header": header, "length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    return name, {"comment": comment, "expect": "frame", **expected, "pieces": pieces(raw)}


def refused(name: str, comment: str, says: str, raw: bytes, expect: str = "FrameError") -> Vector:
    return name, {"comment": comment, "expect": expect, "says": says, "pieces": pieces(raw)}


def good_frames() -> Iterator[Vector]:
    def simple(name: str, comment: str, header: Mapping[str, Any], body: bytes) -> Vector:
        return accepted(name, comment, frame(header, body), header, body)

    room = 16_384 - 48 - len(MAGIC + canonical(MESSAGE) + b"\n")
    listed = canonical([{"item": "66" * 16, "length": 0}, {"item": "77" * 16, "length": 2**40}])
    yield simple("message", "A message.", MESSAGE, WORDS)
    yield simple("message-empty", "A body may be empty.", MESSAGE, b"")
    yield simple("message-fills-bucket", "Not one byte of padding.", MESSAGE, b"x" * room)
    yield simple("message-next-bucket", "One byte more, and Padmé gives the next bucket.", MESSAGE, b"x" * (room + 1))
    yield simple("message-report", "A structured report.", {**MESSAGE, "report": {"place": "和田"}}, WORDS)
    for name, (comment, report) in GOOD_REPORTS.items():
        yield simple(f"report-{name}", comment, {**MESSAGE, "consent": "confidential", "report": report}, WORDS)
    yield simple("report-without-words", "Answers alone.", {**MESSAGE, "report": {"danger": "yes"}}, b"")
    yield simple(
        "message-ends-in-zeros",
        "LENGTH says where the body ends, not the last byte that is no zero.",
        MESSAGE,
        b"x\0\0\0",
    )
    yield simple(
        "message-holds-trailer", "What looks like a trailer inside the body is body.", MESSAGE, trailer(1, 2) + b"."
    )
    yield simple(
        "field-unknown", "Unknown fields of a known kind are kept (F9).", {**MESSAGE, "wish": ["none", None]}, WORDS
    )
    yield simple("header-8192", "A header of exactly 8,192 bytes.", padded_header(8_192), WORDS)
    yield simple("file", "A file has its own smallest bucket.", FILE, b"\x89PNG")
    yield simple("file-part", "The last part of three.", {**FILE, "part": 3, "parts": 3}, b"")
    yield simple("file-name-as-it-came", "Names are not cleaned.", {**FILE, "name": "..\\..\\x\u202egpj.exe\0"}, b"x")
    yield simple("files", "The list that ends a POST.", {**COMMON, "kind": "files"}, listed)
    yield simple("reply", "Sealed to a source: no seats.", {**COMMON, "kind": "reply", "seats": []}, b"{}")
    yield simple("status", "Sealed to a source: no seats.", {**COMMON, "kind": "status", "seats": []}, b"{}")
    yield simple("entry", "Sealed to the seats.", {**COMMON, "kind": "entry", "lang": ""}, b"{}")
    raw = frame(MESSAGE, add={"length": 1})
    yield accepted(
        "length-one-more",
        "A zero counted in is a body that ends in a zero: LENGTH alone decides.",
        raw,
        MESSAGE,
        WORDS + b"\0",
    )


def padded_header(size: int) -> dict[str, Any]:
    room = size - len(canonical({**MESSAGE, "zz": ""}))
    return {**MESSAGE, "zz": "x" * room}


def bad_starts() -> Iterator[Vector]:
    good = frame(MESSAGE)
    yield refused("nothing", "No bytes at all.", "inside its header", b"")
    yield refused("magic-case", "Another case.", "not a frame", b"D" + good[1:])
    yield refused("magic-crlf", "CR before LF.", "not a frame", b"dengwen/1\r\n" + good[len(MAGIC) :])
    yield refused("magic-missing", "The header comes first.", "not a frame", good[len(MAGIC) :])
    yield refused("magic-version-0", "There was no version 0.", "not a frame", b"dengwen/0" + good[9:])
    yield refused("magic-version-01", "One spelling of a number.", "not a frame", b"dengwen/01" + good[9:])
    yield refused(
        "magic-version-2", "A later version stays sealed.", "cannot read", b"dengwen/2" + good[9:], "NewerVersionError"
    )
    yield refused("no-line", "No line ends.", "more than 8192", b"x" * 16_384)
    yield refused("header-without-end", "The header never ends.", "more than 8192", MAGIC + b"x" * 16_384)
    yield refused("cut-in-header", "Cut inside the header.", "inside its header", good[:200])


def bad_headers() -> Iterator[Vector]:
    text = canonical(MESSAGE)
    deep: Any = 0
    for _ in range(7):
        deep = [deep]
    spellings = {
        "not-json": ("Half an object.", "not JSON", text[:-1]),
        "not-object": ("A list.", "not an object", b"[]"),
        "bom": ("A byte order mark.", "not JSON", b"\xef\xbb\xbf" + text),
        "space": ("A space after a colon.", "canonical", text.replace(b'"epoch":', b'"epoch": ')),
        "space-before": ("A space before all.", "canonical", b" " + text),
        "unsorted": ("Keys in another order.", "canonical", b'{"zz":1,' + text[1:]),
        "duplicate-key": ("The same key and value twice.", "twice", text.replace(b'"epoch":7', b'"epoch":7,"epoch":7')),
        "duplicate-key-escaped": (
            "Twice, once with an escape.",
            "twice",
            text.replace(b'"epoch":7', b'"epoch":7,"epoc\\u0068":7'),
        ),
        "escape": ("An escape that JSON does not demand.", "canonical", text.replace(b"zh-Hans", b"zh\\u002dHans")),
        "escape-slash": ("An escaped slash.", "canonical", text.replace(b"zh-Hans", b"zh\\/Hans")),
        "float": ("A number with a fraction.", "not an integer", text.replace(b'"epoch":7', b'"epoch":7.0')),
        "exponent": ("A number with an exponent.", "not an integer", text.replace(b'"epoch":7', b'"epoch":7e0')),
        "minus-zero": ("Minus zero.", "canonical", text.replace(b'"epoch":7', b'"epoch":-0')),
        "nan": ("No number.", "not an integer", text.replace(b'"epoch":7', b'"epoch":NaN')),
        "integer-54-bits": ("More than 53 bits.", "53 bits", text[:-1] + b',"zz":9007199254740992}'),
        "integer-long": (
            "Ten thousand digits would cost more to read.",
            "53 bits",
            text[:-1] + b',"zz":' + b"9" * 5_000 + b"}",
        ),
        "surrogate": ("Half a character.", "half a character", text[:-1] + b',"zz":"\\ud800"}'),
        "not-utf8": ("Not UTF-8.", "not UTF-8", text[:-1] + b',"zz":"\xff"}'),
        "deep": ("Nested deeper than eight.", "nested deeper", canonical({**MESSAGE, "zz": [deep]})),
        "deep-2000": (
            "Two thousand brackets.",
            "nested deeper",
            text[:-1] + b',"zz":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        ),
        "8193": ("One byte too long.", "8193 bytes", canonical(padded_header(8_193))),
        "empty": ("No header at all.", "not JSON", b""),
    }
    for name, (comment, says, raw) in spellings.items():
        yield refused(f"header-{name}", comment, says, frame(raw))


def bad_fields() -> Iterator[Vector]:
    for key in MESSAGE:
        yield refused(
            f"without-{key}",
            "A field is missing.",
            f"{key} is missing",
            frame({k: v for k, v in MESSAGE.items() if k != key}),
        )
    reply = {**COMMON, "kind": "reply"}
    changes: dict[str, tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = {
        "kind-number": ("A kind is text.", "kind is not text", MESSAGE, {"kind": 1}),
        "kind-long": ("A kind has at most 32 bytes.", "more than 32", MESSAGE, {"kind": "k" * 33}),
        "thread-upper-case": ("Hex is lower case (C3).", "lower-case hex", MESSAGE, {"thread": "AA" * 32}),
        "thread-short": ("31 bytes.", "32 bytes", MESSAGE, {"thread": "11" * 31}),
        "item-long": ("17 bytes.", "16 bytes", MESSAGE, {"item": "22" * 17}),
        "item-spaced": ("Spaces inside hex.", "16 bytes", MESSAGE, {"item": "22 " * 10 + "22"}),
        "submission-null": ("Null.", "16 bytes", MESSAGE, {"submission": None}),
        "card-empty": ("No card.", "32 bytes", MESSAGE, {"card": ""}),
        "epoch-negative": ("Epochs start at 0.", "epoch is not between", MESSAGE, {"epoch": -1}),
        "epoch-true": ("True is no number.", "epoch is not a number", MESSAGE, {"epoch": True}),
        "epoch-text": ("Text is no number.", "epoch is not a number", MESSAGE, {"epoch": "7"}),
        "epoch-large": ("Above 31 bits.", "epoch is not between", MESSAGE, {"epoch": 2**31}),
        "seats-descending": ("Seats ascend.", "ascending", MESSAGE, {"seats": [2, 1]}),
        "seats-doubled": ("No seat twice.", "ascending", MESSAGE, {"seats": [1, 1]}),
        "seats-zero": ("Seats start at 1.", "numbers from 1", MESSAGE, {"seats": [0]}),
        "seats-true": ("True is no seat.", "numbers from 1", MESSAGE, {"seats": [True]}),
        "seats-17": ("At most 16 seats.", "more than 16", MESSAGE, {"seats": list(range(1, 18))}),
        "seats-object": ("Seats are a list.", "not a list", MESSAGE, {"seats": {}}),
        "seats-none": ("A message is sealed to seats.", "seats are named", MESSAGE, {"seats": []}),
        "reply-seats": ("A reply is sealed to no seat.", "seats are named", reply, {}),
        "lang-long": ("36 bytes.", "more than 35", MESSAGE, {"lang": "a-" * 17 + "bb"}),
        "lang-other": ("Not a language tag.", "language tag", MESSAGE, {"lang": "zh_Hans"}),
        "reply-to-x25519": ("Not a hybrid recipient.", "not a recipient", MESSAGE, {"reply_to": "age1" + "q" * 58}),
        "reply-to-short": ("A letter too few.", "not a recipient", MESSAGE, {"reply_to": RECIPIENT[:-1]}),
        "consent-other": ("Not one of the four.", "consent is not one", MESSAGE, {"consent": "yes"}),
        "channel-other": ("Not one of the three.", "channel is not one", MESSAGE, {"channel": "fax"}),
        "report-text": ("A report is an object.", "not an object", MESSAGE, {"report": "x"}),
        **{
            f"report-{name}": (comment, says, MESSAGE, {"report": report})
            for name, (comment, says, report) in bad_reports().items()
        },
        "name-long": ("1,025 bytes in 342 characters.", "more than 1024", FILE, {"name": "证" * 341 + "xx"}),
        "name-number": ("A name is text.", "name is not text", FILE, {"name": 1}),
        "set-short": ("15 bytes.", "16 bytes", FILE, {"set": "55" * 15}),
        "part-zero": ("Parts start at 1.", "part is not between", FILE, {"part": 0}),
        "part-beyond": ("Part 3 of 2.", "part is not between", FILE, {"part": 3, "parts": 2}),
        "parts-many": ("At most 65,536.", "parts is not between", FILE, {"parts": 65_537}),
    }
    for name, (comment, says, header, change) in changes.items():
        yield refused(name, comment, says, frame({**header, **change}))
    yield refused(
        "kind-unknown", "Stays sealed (F9).", "cannot read", frame({**COMMON, "kind": "letter"}), "NewerVersionError"
    )


def bad_ends() -> Iterator[Vector]:
    good = frame(MESSAGE)
    start, end = good.rfind(WORDS) + len(WORDS), len(good) - 48

    def dotted(raw: bytes, at: int) -> bytes:
        return raw[:at] + b"." + raw[at + 1 :]

    for name, at in {"first": start, "second": start + 1, "middle": (start + end) // 2, "last": end - 1}.items():
        yield refused(f"padding-{name}", f"The {name} byte of padding is not zero.", "not all zeros", dotted(good, at))
    two = frame(FILE, b"x" * 200_000)
    for at in (65_536 * 3 - 1, len(two) - 48 - 1):
        at_padding = max(at, two.rfind(b"x") + 1)
        yield refused(
            f"padding-file-{at_padding}",
            "Padding of a file, at a chunk's edge.",
            "not all zeros",
            dotted(two, at_padding),
        )
    yield refused("offset-less", "OFFSET one too small.", "another offset", frame(MESSAGE, add={"offset": -1}))
    yield refused("offset-more", "OFFSET one too large.", "another offset", frame(MESSAGE, add={"offset": 1}))
    yield refused(
        "offset-and-length",
        "OFFSET one more, LENGTH one less.",
        "another offset",
        frame(MESSAGE, add={"offset": 1, "length": -1}),
    )
    yield refused(
        "length-less",
        "LENGTH one too small: the last byte would be padding.",
        "not all zeros",
        frame(MESSAGE, add={"length": -1}),
    )
    yield refused("length-zero", "LENGTH 0 over a body.", "not all zeros", frame(MESSAGE, add={"length": -len(WORDS)}))
    room = end - start
    yield refused(
        "length-past-end",
        "LENGTH reaches into the trailer.",
        "length that the frame",
        frame(MESSAGE, add={"length": room + 1}),
    )
    yield refused("length-enormous", "LENGTH of twenty nines.", "length that the frame", good[:-21] + b"9" * 20 + b"\n")
    yield refused("bucket-next", "Padded to the next bucket but one.", "not the bucket", frame(MESSAGE, total=32_768))
    yield refused("bucket-plus-one", "One zero too many.", "not the bucket", frame(MESSAGE, total=16_385))
    yield refused("bucket-minus-one", "One zero too few.", "not the bucket", frame(MESSAGE, total=16_383))
    yield refused("bucket-none", "No padding at all.", "not the bucket", good[:start] + good[end:])
    yield refused("bucket-of-files", "A message in a file's bucket.", "not the bucket", frame(MESSAGE, total=65_536))
    yield refused("bucket-of-messages", "A file in a message's bucket.", "not the bucket", frame(FILE, total=16_384))
    yield refused(
        "bucket-length-less",
        "LENGTH would put it in the bucket below.",
        "not the bucket",
        frame(MESSAGE, b"x" * 16_384 + bytes(3_000), add={"length": -3_000}),
    )
    yield from bad_trailers(good)


def bad_trailers(good: bytes) -> Iterator[Vector]:
    tail = good[-48:]
    others = {
        "no-lf": ("No LF at the end.", tail[:-1] + b" "),
        "upper-case": ("Another case.", tail.replace(b"end", b"END")),
        "spaces": ("Spaces for zeros.", tail.replace(b" 00", b"   ", 1)),
        "sign": ("A sign.", tail[:14] + b"+" + tail[15:]),
        "underscore": ("An underscore, which int() would read.", tail[:16] + b"_" + tail[17:]),
        "version": ("Another version than the first line's.", tail.replace(b"/1", b"/2")),
        "tab": ("A tab.", tail[:13] + b"\t" + tail[14:]),
        "zeros": ("No trailer, only padding.", bytes(48)),
    }
    for name, (comment, raw) in others.items():
        yield refused(f"trailer-{name}", comment, "end with its trailer", good[:-48] + raw)
    yield refused("after-lf", "A second LF after the trailer.", "end with its trailer", good + b"\n")
    yield refused("after-zeros", "Zeros after the trailer.", "end with its trailer", good + bytes(512))
    yield refused("after-trailer-again", "The trailer twice.", "not all zeros", good + good[-48:])
    yield refused("cut-last", "The last byte is missing.", "end with its trailer", good[:-1])
    yield refused("cut-half", "Half of it is missing.", "end with its trailer", good[:8_192])
    header = MAGIC + canonical(MESSAGE) + b"\n"
    yield refused("cut-after-header", "It ends with the header.", "end with its trailer", header)
    yield refused(
        "trailer-first-missing",
        "One byte of the trailer is missing, and nothing else is there.",
        "end with its trailer",
        header + tail[1:],
    )


if __name__ == "__main__":
    write(asked() / "frame", [*good_frames(), *bad_starts(), *bad_headers(), *bad_fields(), *bad_ends()])
