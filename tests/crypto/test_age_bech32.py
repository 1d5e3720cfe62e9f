# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Bech32: one spelling in, one spelling out, every slip noticed.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.age import bech32
from crypto.errors import FormatError

# The valid strings of BIP 173, with the 5-bit groups they hold where those are whole bytes.
VALID = [
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "?1ezyfcl",
]
# The invalid ones that are not invalid for being longer than 90 characters.
INVALID = {
    "a prefix with a space": "\x201nwldj5",
    "a prefix with DEL": "\x7f1axkwrx",
    "a prefix beyond ASCII": "\x801eym55h",
    "no separator": "pzry9x0s0muk",
    "an empty prefix": "1pzry9x0s0muk",
    "a symbol that is none": "x1b4n0q5v",
    "a checksum too short": "li1dgmt3",
    "a checksum with an odd character": "de1lg7wt\xff",
    "a checksum of the other case": "A1G7SGD8",
    "nothing before the separator": "10a06t8",
    "nothing at all": "",
    "mixed case": "a12UEL5L",
}

prefixes = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=83).map(str.lower)


@pytest.mark.parametrize("text", VALID)
def test_bip_173_valid_strings_are_read_and_written_alike(text):
    """The valid strings of the standard decode, and encode to themselves."""
    assert bech32.encode(*bech32.decode(text)) == text


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_bip_173_invalid_strings_are_refused(text):
    """The invalid strings of the standard are refused."""
    with pytest.raises(FormatError):
        bech32.decode(text)


@given(prefixes, st.binary(max_size=1300), st.booleans())
def test_every_payload_comes_back_with_the_prefix_and_its_case(prefix, payload, upper):
    """Encode, then decode, gives the same prefix in the same case and the same bytes."""
    hrp = prefix.upper() if upper else prefix
    read, back = bech32.decode(bech32.encode(hrp, payload))
    assert back == payload
    assert read.lower() == prefix
    assert bech32.encode(read, back) == bech32.encode(hrp, payload)


@given(st.binary(max_size=64), st.data())
def test_one_wrong_symbol_is_always_noticed(payload, data):
    """Whichever symbol is replaced by another, the text is refused."""
    text = bech32.encode("age", payload)
    place = data.draw(st.integers(len("age1"), len(text) - 1))
    other = data.draw(
        st.sampled_from([letter for letter in "qpzry9x8gf2tvdw0s3jn54khce6mua7l" if letter != text[place]])
    )
    with pytest.raises(FormatError):
        bech32.decode(text[:place] + other + text[place + 1 :])


@given(st.text(max_size=100))
def test_no_text_breaks_the_reader(text):
    """Any text is either refused as a format or spelled again exactly as it was."""
    try:
        hrp, payload = bech32.decode(text)
    except FormatError:
        return
    assert bech32.encode(hrp, payload) == text


@pytest.mark.parametrize("groups", ["p", "qqp", "qqqqqqqp"[:6]], ids=["five loose bits", "seven", "six groups"])
def test_padding_that_is_not_zero_is_refused(groups):
    """A second spelling of the same bytes, with bits set in the padding or a group too many, is refused."""
    values = groups.encode().translate(bech32._VALUES)
    check = bech32._polymod(bech32._expand("age") + values + bytes(6)) ^ 1
    tail = "".join(bech32._SYMBOLS[(check >> shift) & 31] for shift in range(25, -1, -5))
    with pytest.raises(FormatError, match="padding"):
        bech32.decode(f"age1{groups}{tail}")


def test_a_text_over_the_maximum_is_refused_before_any_work():
    """Longer than any key can be: refused by its length, in both directions."""
    with pytest.raises(FormatError, match="characters"):
        bech32.decode("age1" + "q" * bech32.MAX_TEXT)
    with pytest.raises(FormatError, match="characters"):
        bech32.encode("age", bytes(bech32.MAX_TEXT))


@pytest.mark.parametrize("hrp", ["", "Age", "a b", "é"])
def test_a_prefix_that_could_not_be_read_back_is_not_written(hrp):
    """Empty, of two cases, or with a character outside printable ASCII."""
    with pytest.raises(FormatError):
        bech32.encode(hrp, b"")
