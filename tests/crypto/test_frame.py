# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Frames: the committed vectors, round trips, and what a reader holds while it reads.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import errors, frame, frame_header
from crypto.errors import FrameError, NewerVersionError
from crypto.frame import FrameHeader, FrameReader, FrameWriter, ListedFile, read_frame
from crypto.hidden import Hidden

VECTORS = Path(__file__).parent.parent / "vectors"
FRAMES = {path.stem: json.loads(path.read_text()) for path in sorted((VECTORS / "frame").glob("*.json"))}
ACCEPTED = {name: vector for name, vector in FRAMES.items() if vector["expect"] == "frame"}
REFUSED = {name: vector for name, vector in FRAMES.items() if vector["expect"] != "frame"}
RECIPIENT = "age1pq1" + "q" * 1952


def assembled(vector):
    def one(piece):
        if "zeros" in piece:
            return bytes(piece["zeros"])
        return bytes.fromhex(piece["hex"]) if "hex" in piece else piece["text"].encode() * piece.get("times", 1)

    return b"".join(one(piece) for piece in vector["pieces"])


def common(**changes):
    fields = {
        "thread": Hidden(b"t" * 32),
        "item": b"i" * 16,
        "submission": b"s" * 16,
        "card": b"c" * 32,
        "epoch": 3,
        "seats": (1, 2),
        "lang": "ug",
    }
    return {**fields, **changes}


def written(header, *pieces):
    runs = []
    writer = FrameWriter(header, lambda run: runs.append(bytes(run)))
    for piece in pieces:
        writer.write(piece)
    return writer.finish(), b"".join(runs)


def read_in(raw, size, body=None):
    reader = FrameReader(body)
    for at in range(0, len(raw), size):
        reader.feed(raw[at : at + size])
    return reader.finish()


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_vector_gives_its_header_and_body(name):
    """A well-formed frame is read to the header and body that the vector names, in pieces of any size."""
    vector = ACCEPTED[name]
    raw = assembled(vector)
    header, body = read_frame(raw)
    assert json.loads(header.encode()) == vector["header"]
    assert (len(body), hashlib.sha256(body).hexdigest()) == (vector["length"], vector["sha256"])
    for size in (47, 48, 49, 1000, 16_384):
        assert read_in(raw, size).length == vector["length"]


@pytest.mark.parametrize("name", [name for name in ACCEPTED if name != "length-one-more"])
def test_our_writer_makes_the_bytes_of_a_vector(name):
    """What another program put together from the clauses is what our writer writes."""
    raw = assembled(ACCEPTED[name])
    header, body = read_frame(raw)
    assert written(header, body)[1] == raw


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_vector_is_refused_for_its_own_reason(name):
    """A malformed frame raises the class and the sentence that its vector names, in pieces of any size."""
    vector = REFUSED[name]
    raw = assembled(vector)
    for size in (7, 48, 65_536):
        with pytest.raises(errors.CryptoError, match=vector["says"]) as caught:
            read_in(raw, size)
        assert type(caught.value).__name__ == vector["expect"]


@pytest.mark.parametrize("folder", ["frame", "codename"])
def test_the_vectors_are_what_their_script_makes(tmp_path, folder):
    """Running the script again gives the committed files, byte for byte, and no other."""
    script = f"tests.vectors.make_{folder}_vectors"
    subprocess.run([sys.executable, "-m", script, tmp_path], cwd=VECTORS.parent.parent, check=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
    kept = {path.name: path.read_bytes() for path in (VECTORS / folder).iterdir()}
    assert made == kept


def test_most_vectors_must_fail():
    """The committed vectors are mostly of what is refused."""
    assert len(REFUSED) > 4 * len(ACCEPTED)


HEADERS = st.one_of(
    st.builds(
        lambda lang, report: frame.message_header(reply_to=RECIPIENT, report=report, **common(lang=lang)),
        st.sampled_from(["", "zh-Hant-TW", "bo"]),
        st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(-9, 9), max_size=4),
    ),
    st.builds(lambda name: frame.file_header(name=name, **common()), st.text(max_size=200)),
    st.builds(lambda epoch: frame.entry_header(**common(epoch=epoch)), st.integers(0, 2**31 - 1)),
    st.sampled_from(["reply", "status"]).map(lambda kind: frame.reply_header(kind=kind, **common(seats=()))),
    st.just(frame.files_header(**common())),
)


@given(
    HEADERS, st.lists(st.binary(max_size=3_000) | st.integers(0, 40_000).map(bytes), max_size=6), st.integers(1, 70_000)
)
def test_what_is_written_is_read(header, pieces, size):
    """Any header and body come back equal, whole or in pieces, and the writer says truly what it wrote."""
    done, raw = written(header, *pieces)
    body = b"".join(pieces)
    assert read_frame(raw) == (header, body)
    found = read_in(raw, max(size, 40))
    assert (found.header, found.offset, found.length) == (header, done.offset, done.length)
    assert (done.length, done.total) == (len(body), len(raw))


@given(HEADERS, st.binary(max_size=200), st.data())
def test_no_byte_outside_body_and_header_can_change(header, body, data):
    """Another byte anywhere in first line, padding or trailer is refused."""
    done, raw = written(header, body)
    padding = st.integers(done.offset + done.length, done.total - 49)
    trailer = st.integers(done.total - 48, done.total - 1)
    at = data.draw(st.one_of(st.integers(0, 9), padding, trailer))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
    changed = raw[:at] + bytes([other]) + raw[at + 1 :]
    # The last digits of LENGTH may name a longer body that ends in zeros; that is another well-formed frame.
    try:
        longer = len(read_frame(changed)[1])
    except (FrameError, NewerVersionError):
        return
    assert longer > done.length
    assert at >= done.total - 21


@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda tail: frame.MAGIC + tail))
def test_noise_is_refused_by_name(raw):
    """Whatever bytes come, the reader raises a class of its room."""
    with pytest.raises((FrameError, NewerVersionError)):
        read_frame(raw)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 70_000)), max_size=5))
def test_the_last_byte_that_is_not_zero_is_found(runs):
    """Wherever it stands in runs of zeros and others, short ones and longer than a chunk, or nowhere."""
    run = b"".join(bytes([byte]) * length for byte, length in runs)
    reader = FrameReader()
    reader._note_zeros(run, len(run))
    assert reader._end == len(run.rstrip(b"\0"))


@pytest.mark.parametrize("behind", [1, 2, 47, 48, 49, 50, 51, 96, 97, 98, 200])
def test_dirty_padding_is_seen_wherever_a_piece_ends(behind):
    """The first byte of padding is not zero, and the piece that holds it ends so many bytes later: it is refused."""
    done, raw = written(frame.entry_header(**common()), b"body")
    at = done.offset + done.length
    dirty = raw[:at] + b"." + raw[at + 1 :]
    for size in (40, 48, 49, 4_096):
        reader = FrameReader()
        reader.feed(dirty[: at + behind])
        for rest in range(at + behind, len(dirty), size):
            reader.feed(dirty[rest : rest + size])
        with pytest.raises(FrameError, match="not all zeros"):
            reader.finish()


def test_the_sink_gets_body_zeros_and_trailer():
    """A sink receives everything after OFFSET; cut to the length, it is the body."""
    _, raw = written(frame.file_header(name="x", **common()), b"body\0")
    for size in (1, 48, 5_000, 65_536):
        taken = bytearray()
        found = read_in(raw, size, taken.extend)
        assert taken == raw[found.offset :]
        assert taken[: found.length] == b"body\0"


def test_a_reader_holds_a_few_bytes_only():
    """After any chunk the reader holds no more than a header or the last 48 bytes."""
    _, raw = written(frame.file_header(name="x", **common()), b"x" * 300_000)
    reader = FrameReader()
    for at in range(0, len(raw), 4_096):
        reader.feed(raw[at : at + 4_096])
        assert len(reader._start) <= 4_096
        assert len(reader._tail) <= 48
    assert reader.finish().length == 300_000


def test_padding_is_written_in_blocks():
    """The padding of a large file is never one run: no write is longer than a block or what the caller gave."""
    longest = 0
    total = 0

    def take(run):
        nonlocal longest, total
        longest, total = max(longest, len(run)), total + len(run)

    writer = FrameWriter(frame.file_header(name="x", **common()), take)
    for _ in range(1_030):
        writer.write(bytes(65_536))
    assert writer.finish().total == total == 1_056 * 65_536
    assert longest == 65_536


def test_a_finished_writer_writes_no_more():
    """Neither body nor a second trailer follows a trailer."""
    writer = FrameWriter(frame.entry_header(**common()), lambda run: None)
    writer.finish()
    with pytest.raises(FrameError, match="finished"):
        writer.write(b"x")
    with pytest.raises(FrameError, match="finished"):
        writer.finish()


def test_a_newer_frame_gives_its_sink_nothing_and_is_named_at_its_end():
    """An unknown kind is neither read nor named before the envelope has ended."""
    taken = bytearray()
    reader = FrameReader(taken.extend)
    reader.feed(assembled(FRAMES["kind-unknown"]))
    reader.feed(b"more")
    assert not taken
    with pytest.raises(NewerVersionError):
        reader.finish()


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (frame.entry_header(**common(seats=())), "seats are named"),
        (frame.file_header(name="x" * 1_025, **common()), "1024"),
        (frame.file_header(name="\ud800", **common()), "half a character"),
        (frame.message_header(reply_to="age1pq1", **common()), "recipient"),
        (frame.message_header(reply_to=RECIPIENT, consent="yes", **common()), "consent"),
        (frame.message_header(reply_to=RECIPIENT, report={"x": 1.5}, **common()), "no place"),
        (frame.message_header(reply_to=RECIPIENT, report={"x": "y" * 8_000}, **common()), "bytes where"),
        (FrameHeader(kind="files", fields={"epoch": 9}, **common()), "name of a common one"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_what_would_be_refused_is_not_written(header, reason):
    """A writer raises before its first byte when a reader would not accept the header."""
    runs = []
    with pytest.raises(FrameError, match=reason):
        FrameWriter(header, runs.append)
    assert runs == []


def test_an_unknown_kind_is_not_written():
    """Nobody writes a kind that this version does not know."""
    with pytest.raises(NewerVersionError):
        FrameWriter(FrameHeader(kind="letter", **common()), lambda run: None)


def test_only_replies_and_statuses_go_to_a_source():
    """The constructor of what a source reads refuses other kinds."""
    with pytest.raises(FrameError):
        frame.reply_header(kind="entry", **common(seats=()))


def test_a_header_does_not_print_what_must_stay_unseen():
    """The repr of a header has neither thread value nor name of a file."""
    shown = repr(frame.file_header(name="证据.jpg", **common()))
    assert "证据" not in shown
    assert "tttt" not in shown


LISTS = st.lists(st.builds(ListedFile, st.binary(min_size=16, max_size=16), st.integers(0, 2**53 - 1)), max_size=20)


@given(LISTS.filter(lambda files: len({file.item for file in files}) == len(files)))
def test_a_list_of_files_comes_back(files):
    """Any list of distinct items is read as it was written."""
    assert frame.decode_list(frame.encode_list(files)) == tuple(files)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{}", "not a list"),
        (b"[1]", "not an object"),
        (b"[ ]", "canonical"),
        (b'[{"item":"%s","length":1},{"item":"%s","length":2}]' % (b"0" * 32, b"0" * 32), "twice"),
        (b'[{"item":"%s","length":-1}]' % (b"0" * 32), "length is not between"),
        (b'[{"item":"%s","length":1,"name":"x"}]' % (b"0" * 32), "1 unknown"),
        (b'[{"item":"00","length":1}]', "16 bytes"),
        (b"[" + b",".join([b"1"] * 10_001) + b"]", "more than 10000"),
    ],
    ids=["empty", "object", "number", "space", "doubled", "negative", "extra", "short", "many"],
)
def test_a_malformed_list_of_files_is_refused(body, reason):
    """Each departure from F7 is refused for its own reason."""
    with pytest.raises(FrameError, match=reason):
        frame.decode_list(body)


def test_a_list_of_too_many_files_is_not_written():
    """The limit holds on both sides."""
    with pytest.raises(FrameError):
        frame.encode_list([ListedFile(number.to_bytes(16, "big"), 0) for number in range(10_001)])


def test_the_longest_list_fits_its_limit():
    """Ten thousand files of the greatest length are within the bytes a reader reads."""
    longest = [ListedFile(number.to_bytes(16, "big"), 2**53 - 1) for number in range(10_000)]
    assert len(frame.encode_list(longest)) <= frame_header.MAX_LIST
