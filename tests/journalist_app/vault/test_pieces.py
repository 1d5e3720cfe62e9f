# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Gaps, names of volumes and digests of bodies: the parts of joining that need no vault.
"""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.frame import TRAILER_SIZE
from journalist_app.vault.bodies import BodyDigest
from journalist_app.vault.errors import ItemRefusedError
from journalist_app.vault.gaps import SAID, gaps, missing, spoken
from journalist_app.vault.volumes import LAST, runs, volume


@settings(max_examples=100)
@given(st.sets(st.integers(-3, 60)), st.integers(0, 5), st.integers(6, 50))
def test_gaps_and_what_is_here_make_the_whole_run(here: set[int], first: int, last: int):
    """Every number is either here or in one gap; gaps ascend and do not touch."""
    found = gaps(here, first, last)
    lost = [number for begin, end in found for number in range(begin, end + 1)]
    assert sorted({number for number in here if first <= number <= last} | set(lost)) == list(range(first, last + 1))
    assert not here.intersection(lost)
    assert len(lost) == missing(found)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (range(1, 41), ""),
        (set(range(1, 41)) - {17}, "17 is missing"),
        (set(range(1, 41)) - {17, 31}, "17 and 31 are missing"),
        (set(range(1, 41)) - {3, 4, 9, 20, 21, 22}, "3, 4, 9 and 20 to 22 are missing"),
        ((), "1 to 40 are missing"),
    ],
)
def test_gaps_are_said_as_gaps(here: object, said: str):
    """In the order of the parts, stretches as stretches."""
    assert spoken(gaps(set(here), 1, 40)) == said


def test_a_source_cannot_make_a_sentence_long():
    """Every second of 65,536 parts: a few are named, the rest is counted."""
    said = spoken(gaps(range(2, 65_537, 2), 1, 65_536))
    assert len(said) < 200
    assert said.endswith(f"{65_536 // 2 - SAID} more are missing")


@pytest.mark.parametrize(
    ("name", "run", "number"),
    [
        ("disk.001", ("numbers", "disk"), 1),
        ("disk.zip.017", ("numbers", "disk.zip"), 17),
        ("a/b/资料.7z.002", ("numbers", "a/b/资料.7z"), 2),
        ("disk.z01", ("zip", "disk.zip"), 1),
        ("disk.Z02", ("zip", "disk.zip"), 2),
        ("disk.zip", ("zip", "disk.zip"), LAST),
        ("xaa", ("letters", "x"), 1),
        ("folder/xab", ("letters", "folder/x"), 2),
        ("disk.img.aa", ("letters", "disk.img"), 1),
        ("disk-part_az", ("letters", "disk-part"), 26),
        ("disk.yz", ("letters", "disk"), 650),
        ("disk.zaaa", ("letters", "disk"), 651),
        ("disk.zaab", ("letters", "disk"), 652),
    ],
)
def test_names_of_volumes_are_read(name: str, run: tuple[str, str], number: int):
    """What 7-Zip, zip and split write, in any script and any folder."""
    found = volume(name)
    assert found is not None
    assert (found.run, found.number) == (run, number)


@pytest.mark.parametrize(
    "name", ["", ".001", "disk.01", "disk.1234", "disk.z00", "aa", "taxaa", "disk.AA", "photo.jpg", "x"]
)
def test_other_names_are_none_of_a_volume(name: str):
    """Nothing before the number, two digits or four, and words that only end in letters."""
    assert volume(name) is None


def together(*names: str) -> list[set[str]]:
    """
    The runs among these names.
    """
    named = {bytes([number]): name for number, name in enumerate(names)}
    return [{named[item] for item in run} for run in runs(named.items())]


def test_a_run_is_two_names_that_lie_close():
    """Endings of two letters are no volumes, neither are years; a run with a gap is one."""
    assert together("notes.md", "notes.py", "budget.019", "budget.998") == []
    assert together("disk.001") == []
    assert together("disk.001", "disk.003", "other.001") == [{"disk.001", "disk.003"}]
    assert together("disk.zip", "disk.z02", "spare.zip") == [{"disk.zip", "disk.z02"}]
    assert together("xaa", "xab", "xad") == [{"xaa", "xab", "xad"}]


@settings(max_examples=60)
@given(st.integers(2, 700))
def test_what_split_writes_is_read_back_in_its_order(count: int):
    """From aa over yz to zaaa, as coreutils count."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pairs = [a + b for a in letters[:25] for b in letters]
    more = ["z" + a + b + c for a in letters[:3] for b in letters for c in letters]
    names = [f"disk.img.{suffix}" for suffix in (pairs + more)[:count]]
    assert [volume(name).number for name in names] == list(range(1, count + 1))
    assert together(*names[:200]) == [set(names[:200])]


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_any_name_is_read_without_an_error(name: str):
    """And gives a number within its bounds."""
    found = volume(name)
    assert found is None or (found.stem and 0 <= found.number <= LAST + 17_000)


@settings(max_examples=100)
@given(
    st.binary(max_size=300)
    | st.builds(lambda body, zeros: body + bytes(zeros), st.binary(max_size=200), st.integers(0, 300)),
    st.integers(0, 200),
    st.lists(st.integers(1, 120), max_size=12),
)
def test_the_digest_is_that_of_the_body_alone(body: bytes, padding: int, cuts: list[int]):
    """Whatever zeros end the body or follow it, and however the bytes come."""
    digest, rest = BodyDigest(), body + bytes(padding) + b"t" * TRAILER_SIZE
    for cut in cuts:
        digest.add(memoryview(rest[:cut]))
        rest = rest[cut:]
    digest.add(memoryview(rest))
    assert digest.of(len(body)) == hashlib.sha256(body).digest()


@pytest.mark.parametrize("length", [2, 9])
def test_a_length_that_is_not_the_body_s_has_no_digest(length: int):
    """Too short for what was hashed, or longer than all that came."""
    digest = BodyDigest()
    digest.add(memoryview(b"abc\0\0" + b"t" * TRAILER_SIZE))
    with pytest.raises(ItemRefusedError, match=re.escape("not as long as its frame says")):
        digest.of(length)
