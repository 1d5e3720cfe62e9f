# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Secrets that keep themselves out of sight.
"""

from __future__ import annotations

import copy
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.hidden import Hidden

SECRET = Hidden(b"hunter22")


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET!r}",
        f"{SECRET:>20}",
        repr([SECRET]),
        repr({"key": SECRET}),
        ascii(SECRET),
    ],
)
def test_no_way_of_printing_shows_it(shown):
    """However it is formatted, the bytes do not appear."""
    assert "hunter" not in shown
    assert "Hidden" in shown


def test_a_log_line_does_not_show_it(caplog):
    """A careless log call stays careless without harm."""
    logging.getLogger("test").warning("opened with %s and %r", SECRET, SECRET)
    assert "hunter" not in caplog.text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol):
    """No protocol writes it down, alone or inside another thing."""
    for value in (SECRET, [SECRET]):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(value, protocol)


def test_it_is_not_copied():
    """Copying goes the way of pickling, and is refused with it."""
    with pytest.raises(TypeError):
        copy.copy(SECRET)
    with pytest.raises(TypeError):
        copy.deepcopy([SECRET])


def test_it_is_no_key_of_a_dictionary():
    """It has no hash: a dictionary of secrets would compare them in its own time."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(SECRET)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_it_compares_as_bytes_do(one, other):
    """Equality is that of the bytes, with plain bytes on either side, and of nothing else."""
    assert (Hidden(one) == Hidden(other)) == (one == other)
    assert (Hidden(one) == other) == (one == other)
    assert (one == Hidden(other)) == (one == other)
    assert (Hidden(one) != other) == (one != other)
    assert Hidden(one) != one.hex()
    assert Hidden(one) is not None


def test_it_is_still_bytes():
    """Libraries take it as it is."""
    assert isinstance(SECRET, bytes)
    assert SECRET.hex() == b"hunter22".hex()
    assert len(SECRET) == 8
