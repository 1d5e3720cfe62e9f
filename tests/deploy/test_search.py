# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The search of the check finds what it is there to find: a search that cannot fail proves nothing.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from pathlib import Path

import pytest

from crypto.codename import Codename
from deploy.check import codename_markers
from deploy.evidence import Evidence, document, photo, recording
from deploy.search import PIECE, Search, Watch

MARKER = secrets.token_bytes(32)


@pytest.mark.parametrize("at", [0, 1, PIECE - 40, PIECE - 16, PIECE, 3 * PIECE - 1])
def test_a_marker_is_found_wherever_it_lies(tmp_path: Path, at: int) -> None:
    """At the start, across the seam of two reads, in a later read."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(bytes(at) + MARKER + bytes(100))
    search = Search([("the marker", MARKER)])
    search.folder(tmp_path)
    assert search.found == [f"the marker stands in {tmp_path / 'below' / 'file'}"]


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    """A folder without the marker, and half of a marker, are clean."""
    (tmp_path / "file").write_bytes(MARKER[:31] + b"?" + MARKER[1:])
    search = Search([("the marker", MARKER)])
    search.folder(tmp_path)
    assert search.found == []
    assert search.files == 1


def wait_for(condition: object, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:  # type: ignore[operator]
        time.sleep(0.01)


def test_a_deleted_file_that_is_still_open_is_read() -> None:
    """A spooled upload has no name and still lies on the disk: the watch reads it through its descriptor."""
    search = Search([("the marker", MARKER)])
    with tempfile.TemporaryFile() as spool, Watch(search, lambda: (os.getpid(),)):
        spool.write(bytes(10_000) + MARKER)
        spool.flush()
        wait_for(lambda: search.found)
    assert search.found
    assert "an open file" in search.found[0]


def test_what_is_added_to_an_open_file_later_is_read_too() -> None:
    """Each byte is read once, also the marker that is written in two halves."""
    search = Search([("the marker", MARKER)])
    with tempfile.TemporaryFile() as spool, Watch(search, lambda: (os.getpid(),)) as watch:
        spool.write(bytes(5_000) + MARKER[:16])
        spool.flush()
        wait_for(lambda: watch.seen)
        time.sleep(0.2)
        assert search.found == []
        spool.write(MARKER[16:])
        spool.flush()
        wait_for(lambda: search.found)
    assert search.found


def test_what_is_rewritten_in_place_is_read_again(tmp_path: Path) -> None:
    """A write-ahead log starts anew at its beginning and does not grow: what stands in it meanwhile is found."""
    search = Search([("the marker", MARKER)])
    with (tmp_path / "log").open("w+b", buffering=0) as log, Watch(search, lambda: (os.getpid(),)) as watch:
        log.write(bytes(10_000))
        wait_for(lambda: str(tmp_path / "log") in watch.seen)
        time.sleep(0.2)
        os.pwrite(log.fileno(), MARKER, 4_000)
        wait_for(lambda: search.found)
        os.pwrite(log.fileno(), bytes(len(MARKER)), 4_000)
    assert search.found


@pytest.mark.parametrize("shown", ["words", "characters", "numbers"])
def test_a_codename_is_looked_for_in_every_rendering_and_as_its_secret(shown: str) -> None:
    """Whichever the page showed: words, characters and numbers, joined in several ways, and the eighteen bytes behind them."""
    codename = Codename.generate()
    symbols = tuple(str(symbol) for symbol in getattr(codename, shown)())
    markers = {marker for _, marker in codename_markers(symbols)}
    for joint in ("", " ", "\n", ", ", "-", "+", "%20"):
        assert joint.join(codename.words()).encode() in markers
        assert joint.join(codename.characters()).encode() in markers
        assert joint.join(codename.characters(traditional=True)).encode() in markers
    assert bytes(codename.secret) in markers
    assert bytes(codename.secret).hex().encode() in markers


@pytest.mark.parametrize("evidence", [photo(), document(), recording(3_000_001), recording(1)])
def test_evidence_has_the_length_it_says_and_one_digest(evidence: Evidence) -> None:
    """The stream is as long as announced, the same each time, and full of its marker."""
    whole = b"".join(evidence.blocks())
    assert len(whole) == evidence.length
    assert b"".join(evidence.blocks()) == whole
    assert whole.startswith(evidence.opening)
    for at in range(len(evidence.opening), evidence.length - 8_192, 100_000):
        assert evidence.marker in whole[at : at + 8_192]


def test_no_two_mebibytes_of_a_recording_are_alike() -> None:
    """A block in another's place would show in the digest."""
    blocks = list(recording(4 << 20).blocks())
    assert len(set(blocks)) == 4
