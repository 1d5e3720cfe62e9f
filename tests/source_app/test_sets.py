# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What a set is, as numbers; and what may stand in a command.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_app import shell
from source_app.errors import BadFormError
from source_app.limits import PART_BYTES
from source_app.sets import Set, number_of


@settings(max_examples=100, deadline=None)
@given(size=st.integers(0, 1 << 42))
def test_the_parts_of_a_set_are_its_whole_size_and_nothing_else(size: int) -> None:
    """Counted at the real length of a part: each but the last has it, together they are the file."""
    whole = Set(slip=None, name=bytes(16), size=size, step=PART_BYTES)  # type: ignore[arg-type]
    if whole.of <= 200:
        assert sum(whole.part(number).length for number in range(1, whole.of + 1)) == size
    last = whole.part(whole.of).length
    assert (whole.of - 1) * PART_BYTES + last == size
    assert (0 < last <= PART_BYTES) or size == last == 0
    for beyond in (0, whole.of + 1):
        with pytest.raises(BadFormError):
            whole.part(beyond)


@settings(max_examples=100, deadline=None)
@given(value=st.integers(0, 10**19), most=st.integers(0, 10**19))
def test_a_number_is_read_as_it_is_written_and_only_up_to_its_most(value: int, most: int) -> None:
    """What comes back is what was written, or nothing does."""
    if value <= most:
        assert number_of(str(value), most) == value
    else:
        with pytest.raises(BadFormError):
            number_of(str(value), most)


@pytest.mark.parametrize("host", ["a b", "x;id", "$(id)", "A.onion", "x/y", "x:1:2", "x@y", "'", "", "a" * 254, "x\n"])
def test_no_host_but_a_name_stands_in_the_printed_function(host: str) -> None:
    """A Host header is the browser's word; it comes to stand in a command."""
    with pytest.raises(BadFormError):
        shell.function(host=host, slip="a" * 52, step=PART_BYTES)


def test_the_printed_function_is_short_and_can_be_pasted() -> None:
    """It begins with a space, so that Debian's bash does not keep it; no tab, no comment, and no `!` that bash would expand."""
    function = shell.function(host=f"{'a' * 56}.onion", slip="a" * 52, step=PART_BYTES)
    assert function.startswith(" send() (")
    assert len(function.splitlines()) <= 42
    assert max(map(len, function.splitlines())) <= 110
    assert "\t" not in function
    assert not re.search(r"(^|\s)#", function)
    assert not re.search(r"![^=]", function)
    assert f"-x {shell.PROXY} " in function
