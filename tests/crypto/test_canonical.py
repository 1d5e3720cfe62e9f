# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Canonical JSON and the readers of its fields.
"""

from __future__ import annotations

import datetime as dt
import json
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical
from crypto.canonical import Fields
from crypto.errors import FormatError, FrameError

PLAIN = st.none() | st.booleans() | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER) | st.text(max_size=20)


def depth(value):
    if not isinstance(value, (list, dict)):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: depth(value) <= canonical.MAX_DEPTH)


def nested(levels):
    value = 0
    for _ in range(levels):
        value = [value]
    return value


@given(VALUES)
def test_a_value_comes_back(value):
    """What is encoded is decoded to an equal value, and encodes to the same bytes again."""
    raw = canonical.encode(value)
    found = canonical.decode(raw, limit=len(raw))
    assert found == value
    assert canonical.encode(found) == raw
    assert json.loads(raw) == value


@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.text('[]{}":,0123456789eE+-.tfnul \\', max_size=30).map(str.encode)
)
def test_what_is_accepted_is_canonical(raw):
    """Whatever bytes come, they are refused with our error or are exactly what we would write."""
    try:
        value = canonical.decode(raw, limit=1_000)
    except FormatError:
        return
    assert canonical.encode(value) == raw


def test_keys_stand_in_the_order_of_code_points():
    """Keys are sorted by code point, not by UTF-16 unit, and non-ASCII stays as it is."""
    assert (
        canonical.encode({"\U0001f600": 1, "\uffff": 2, "b": 3, "B": 4})
        == '{"B":4,"b":3,"\uffff":2,"\U0001f600":1}'.encode()
    )


def test_only_demanded_escapes_are_written():
    """Quotes, backslash and control characters are escaped, and nothing else."""
    assert canonical.encode('"\\/\x00\x1f\n\x7f\u2028é') == b'"\\"\\\\/\\u0000\\u001f\\n\x7f\xe2\x80\xa8\xc3\xa9"'


def test_other_mappings_are_written_as_objects():
    """A mapping need not be a dict, and a tuple is a list."""
    assert canonical.encode(MappingProxyType({"a": (1, 2)})) == b'{"a":[1,2]}'


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, "float"),
        (float("nan"), "float"),
        (b"x", "bytes"),
        ({1, 2}, "set"),
        ({1: 2}, "key that is not text"),
        ({None: 2}, "key that is not text"),
        (2**53, "53 bits"),
        (-(2**53), "53 bits"),
        ("\ud800", "half a character"),
        ({"\udfff": 1}, "half a character"),
        (nested(9), "deeper than 8"),
    ],
)
def test_a_value_outside_c1_is_not_written(value, reason):
    """Each kind of value that C1 does not name is refused."""
    with pytest.raises(FormatError, match=reason):
        canonical.encode(value)


def test_eight_levels_are_read_and_nine_are_not():
    """The limit of nesting is exactly eight."""
    assert canonical.decode(canonical.encode(nested(8)), limit=100) == nested(8)
    with pytest.raises(FormatError, match="deeper"):
        canonical.decode(b"[" * 9 + b"]" * 9, limit=100)
    with pytest.raises(FormatError, match="deeper"):
        canonical.decode(b"[" * 500_000, limit=500_000)


def test_a_loop_is_refused_not_followed():
    """A list that holds itself is deeper than any limit."""
    loop = []
    loop.append(loop)
    with pytest.raises(FormatError, match="deeper"):
        canonical.encode(loop)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" 1",
        b"1\n",
        b"01",
        b"-0",
        b"+1",
        b"1.0",
        b"1e2",
        b"NaN",
        b"Infinity",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'"\\u0061"',
        b'"\\/"',
        b'"\\ud83d\\ude00"',
        b"'a'",
        b"[1,]",
        b"\xff",
        b"\xef\xbb\xbf1",
        b"1 2",
        b"9007199254740992",
        b"9" * 5_000,
        b'"\t"',
    ],
    ids=repr,
)
def test_another_spelling_is_refused(raw):
    """White space, other numbers, other escapes, other orders: none is read."""
    with pytest.raises(FormatError):
        canonical.decode(raw, limit=10_000)


def test_the_limit_is_the_callers():
    """A document of exactly the limit is read; one byte more is not."""
    assert canonical.decode(b"[1,2]", limit=5) == [1, 2]
    with pytest.raises(FormatError, match="5 bytes where at most 4"):
        canonical.decode(b"[1,2]", limit=4)


FIELDS = {
    "text": "证据",
    "number": 7,
    "hex": "00ff",
    "list": [1, 2],
    "object": {"inner": True},
    "objects": [{"a": 1}, {"a": 2}],
    "day": "2026-03-01",
    "flag": False,
    "word": "read",
}


def test_each_field_is_read_as_its_type():
    """Every reader gives its own type, and nothing is left over at the end."""
    fields = Fields(FIELDS, "page")
    assert fields.text("text", 6) == "证据"
    assert fields.number("number", 7, 7) == 7
    assert fields.hex("hex", 2) == b"\x00\xff"
    assert fields.blob("hex", 9) == b"\x00\xff"
    assert fields.list("list", 2) == (1, 2)
    assert fields.numbers("list", 2, 1, 2) == (1, 2)
    assert fields.object("object").flag("inner") is True
    assert [one.number("a", 0, 9) for one in fields.objects("objects", 2)] == [1, 2]
    assert fields.day("day") == dt.date(2026, 3, 1)
    assert fields.flag("flag") is False
    assert fields.choice("word", ("read", "answered")) == "read"
    assert not fields.has("none")
    fields.done()


@pytest.mark.parametrize(
    ("value", "ask", "reason"),
    [
        ("证据", lambda f: f.text("x", 5), "more than 5 bytes"),
        (1, lambda f: f.text("x", 5), "not text"),
        (True, lambda f: f.number("x", 0, 9), "not a number"),
        (10, lambda f: f.number("x", 0, 9), "between 0 and 9"),
        ("FF", lambda f: f.hex("x", 1), "lower-case hex"),
        ("fff", lambda f: f.blob("x", 2), "lower-case hex"),
        ("ffffff", lambda f: f.blob("x", 2), "at most 2 bytes"),
        ("f\n", lambda f: f.hex("x", 1), "lower-case hex"),
        ("ff\n", lambda f: f.blob("x", 2), "lower-case hex"),
        ("٠٠", lambda f: f.hex("x", 1), "lower-case hex"),
        ([1, 2], lambda f: f.list("x", 1), "more than 1"),
        ("ab", lambda f: f.list("x", 2), "not a list"),
        ([2, 1], lambda f: f.numbers("x", 2, 1, 2), "ascending"),
        ([1], lambda f: f.object("x"), "page.x: not an object"),
        ([{}, 1], lambda f: f.objects("x", 2), r"page.x\[1\]: not an object"),
        ("2026-3-1", lambda f: f.day("x"), "not a day"),
        ("2026-W09-7", lambda f: f.day("x"), "not a day"),
        ("20260301", lambda f: f.day("x"), "not a day"),
        ("2026-02-30", lambda f: f.day("x"), "not a day"),
        (20260301, lambda f: f.day("x"), "not a day"),
        (1, lambda f: f.flag("x"), "neither"),
        ("other", lambda f: f.choice("x", ("read",)), "not one"),
        (None, lambda f: f.choice("x", ("read",)), "not one"),
        (1, lambda f: f.value("y"), "y is missing"),
        (1, lambda f: f.done(), "1 unknown fields"),
    ],
)
def test_a_field_of_another_type_or_range_is_refused(value, ask, reason):
    """Each reader refuses what is not exactly its type and range, naming the field."""
    with pytest.raises(FormatError, match=reason):
        ask(Fields({"x": value}, "page"))


def test_a_message_never_holds_what_a_stranger_wrote():
    """Neither values nor unknown keys appear in an error."""
    with pytest.raises(FormatError) as caught:
        Fields({"secret-key": "secret-value"}, "page").done()
    assert "secret" not in str(caught.value)
    with pytest.raises(FormatError) as caught:
        Fields({"x": "secret-value"}, "page").number("x", 0, 1)
    assert "secret" not in str(caught.value)


def test_unread_fields_can_be_kept():
    """What nobody asked for is given once, and then counts as read."""
    fields = Fields({"a": 1, "b": 2}, "page")
    fields.number("a", 0, 9)
    assert fields.rest() == {"b": 2}
    fields.done()


def test_the_error_is_the_callers():
    """A parser of another format raises its own class, from bytes and from fields."""
    with pytest.raises(FrameError, match="header: not JSON"):
        Fields.decode(b"{", "header", limit=9, error=FrameError)
    with pytest.raises(FrameError, match=r"header\.a: not an object"):
        Fields.decode(b'{"a":1}', "header", limit=9, error=FrameError).object("a")
