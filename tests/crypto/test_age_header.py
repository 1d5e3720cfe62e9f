# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The header: one spelling, named maxima, and a MAC over all of it.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crypto.age import Header, HybridIdentity, Stanza, make_header, new_file_key, open_header
from crypto.age.header import MAX_HEADER, MAX_STANZAS
from crypto.age.stanza import MAX_ARGUMENT, MAX_ARGUMENTS, decode64, encode64
from crypto.errors import EnvelopeError, NoMatchError, TamperedError

SEATS = [HybridIdentity.generate() for _ in range(3)]
FILE_KEY = new_file_key()
RAW = make_header(FILE_KEY, [seat.recipient for seat in SEATS])

words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
stanzas = st.builds(Stanza, words, st.lists(words, max_size=4).map(tuple), st.binary(max_size=200))


def flip_byte(raw: bytes, place: int) -> bytes:
    """The same bytes with one bit of one byte turned."""
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


def spell(*given_stanzas: Stanza) -> bytes:
    """A header of these stanzas with a MAC of zeros."""
    return Header(b"", given_stanzas, bytes(32)).encode()


def test_every_recipient_finds_the_file_key_in_its_place():
    """Stanzas stand in the recipients' order, one each, all hybrid; each identity opens exactly its own."""
    header = Header.parse(RAW)
    assert [stanza.type for stanza in header.stanzas] == ["mlkem768x25519"] * 3
    for place, seat in enumerate(SEATS):
        found = [seat.unwrap(stanza) for stanza in header.stanzas]
        assert found == [FILE_KEY if n == place else None for n in range(3)]
        assert open_header(header, [seat]) == FILE_KEY


@given(st.lists(stanzas, min_size=1, max_size=6), st.binary(min_size=32, max_size=32))
def test_any_header_is_read_back_and_spelled_again(given_stanzas, mac):
    """Encode, then parse, gives the same stanzas; encode again, the same bytes."""
    raw = Header(b"", tuple(given_stanzas), mac).encode()
    header = Header.parse(raw)
    assert (header.stanzas, header.mac, header.raw) == (tuple(given_stanzas), mac, raw)
    assert header.encode() == raw


@given(st.lists(stanzas, min_size=1, max_size=3), st.binary(max_size=100), st.data())
def test_the_end_of_a_header_is_found_in_whatever_follows(given_stanzas, payload, data):
    """With any payload behind it the header's length is found; in any beginning of it, None."""
    raw = spell(*given_stanzas)
    assert Header.length(raw + payload) == len(raw)
    assert Header.split(raw + payload) == (Header.parse(raw), payload)
    assert Header.length(raw[: data.draw(st.integers(0, len(raw) - 1))]) is None


@settings(max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 300))
@example(b"\n", 0)
@example(b"age-encryption.org/v1\n", 0)
def test_no_bytes_break_the_parser(noise, place):
    """Noise, and a good header with noise in it, are refused as an envelope or spelled again as they were."""
    for raw in (noise, RAW[:place] + noise + RAW[place:], RAW[:place] + noise):
        try:
            header = Header.parse(raw)
        except EnvelopeError:
            continue
        assert header.encode() == raw


def test_a_flipped_bit_anywhere_in_the_header_never_passes():
    """Every 7th byte, and each byte around a line's end: refused as malformed or by the MAC, never accepted."""
    places = {*range(0, len(RAW), 7), *(at + d for at, c in enumerate(RAW) if c == 10 for d in (-1, 0, 1))} - {len(RAW)}
    for place in sorted(places):
        with pytest.raises((EnvelopeError, TamperedError)):
            Header.parse(flip_byte(RAW, place)).verify(FILE_KEY)


def test_a_stanza_taken_away_added_or_moved_is_noticed():
    """The MAC covers which stanzas there are and their order."""
    header = Header.parse(RAW)
    first, second, third = header.stanzas
    extra = HybridIdentity.generate().recipient.wrap(FILE_KEY)
    for altered in ((first, second), (second, first, third), (first, second, third, extra), (extra, second, third)):
        with pytest.raises(TamperedError):
            open_header(Header.parse(Header(b"", altered, header.mac).encode()), SEATS)


def test_a_header_of_another_file_does_not_verify():
    """Another file key gives another MAC."""
    with pytest.raises(TamperedError):
        Header.parse(RAW).verify(new_file_key())


def test_a_stranger_finds_nothing():
    """No identity, or only other ones: a plain "no match"."""
    for identities in ([], [HybridIdentity.generate()]):
        with pytest.raises(NoMatchError):
            open_header(Header.parse(RAW), identities)


def test_stanzas_of_unknown_types_are_passed_over():
    """A grease stanza before ours does not stop us (the MAC is asked only afterwards)."""
    header = Header.parse(spell(Stanza("hello-grease", ("x",), b"body"), SEATS[0].recipient.wrap(FILE_KEY)))
    assert [SEATS[0].unwrap(stanza) for stanza in header.stanzas] == [None, FILE_KEY]


MALFORMED = {
    "empty": b"",
    "another version": RAW.replace(b"/v1", b"/v2", 1),
    "CRLF": RAW.replace(b"\n", b"\r\n"),
    "no last LF": RAW[:-1],
    "a byte after it": RAW + b"\n",
    "not ASCII": RAW.replace(b"mlkem", "mlkém".encode(), 1),
    "no stanza": b"age-encryption.org/v1\n--- " + b"A" * 43 + b"\n",
    "no MAC": RAW[: RAW.rindex(b"---")] + b"---\n",
    "a MAC of 31 bytes": RAW[:-45] + b" " + encode64(bytes(31)).encode() + b"\n",
    "a MAC of 33 bytes": RAW[:-45] + b" " + encode64(bytes(33)).encode() + b"\n",
    "a MAC with padding": RAW[:-1] + b"=\n",
    "a MAC with stray bits": RAW[:-2] + b"B\n",
    "two spaces before the MAC": RAW.replace(b"--- ", b"---  "),
    "a tab for a space": RAW.replace(b"-> ", b"->\t", 1),
    "an empty argument": RAW.replace(b"-> ", b"->  ", 1),
    "a stanza that is only an arrow": RAW.replace(b"\n-> ", b"\n->\n-> ", 1),
    "a long body line": b"age-encryption.org/v1\n-> a\n" + b"A" * 68 + b"\n--- " + b"A" * 43 + b"\n",
    "no short last line": b"age-encryption.org/v1\n-> a\n" + b"A" * 64 + b"\n--- " + b"A" * 43 + b"\n",
    "white space in base64": b"age-encryption.org/v1\n-> a\nAA A\n--- " + b"A" * 43 + b"\n",
    "URL-safe base64": b"age-encryption.org/v1\n-> a\nAA-_\n--- " + b"A" * 43 + b"\n",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_header_is_refused(raw):
    """One accepted form: everything else is an envelope error."""
    with pytest.raises(EnvelopeError):
        Header.parse(raw)


def test_each_maximum_is_accepted_and_one_more_is_not():
    """64 stanzas, 16 arguments, 4,096 characters, 65,536 bytes: at the limit it parses, past it it does not."""
    small = Stanza("a", (), b"")
    assert len(Header.parse(spell(*[small] * MAX_STANZAS)).stanzas) == MAX_STANZAS
    with pytest.raises(EnvelopeError, match="stanzas"):
        Header.parse(spell(*[small] * (MAX_STANZAS + 1)))

    full = Stanza("a", ("b" * MAX_ARGUMENT,) * (MAX_ARGUMENTS - 1), b"")
    room = MAX_HEADER - len(spell(full))
    largest = spell(Stanza(full.type, (*full.arguments, "c" * (room - 1)), b""))
    assert len(largest) == MAX_HEADER
    assert Header.parse(largest).encode() == largest
    assert Header.length(largest) == MAX_HEADER
    with pytest.raises(EnvelopeError, match="bytes"):
        Header.parse(spell(Stanza(full.type, (*full.arguments, "c" * room), b"")))


def test_an_argument_or_a_count_past_its_maximum_is_refused():
    """The limits hold for stanzas read and for stanzas made."""
    for words_ in (("b" * (MAX_ARGUMENT + 1),), ("b",) * (MAX_ARGUMENTS + 1), ("",), ("a b",), ("é",), ("a\n",)):
        with pytest.raises(EnvelopeError):
            Stanza("a", words_, b"")
        with pytest.raises(EnvelopeError):
            Header.parse(f"age-encryption.org/v1\n-> a {' '.join(words_)}\nAA\n--- {'A' * 43}\n".encode()[:-1])


@pytest.mark.parametrize("beginning", [b"x" * MAX_HEADER, b"age-encryption.org/v1\n---" + b"x" * MAX_HEADER])
def test_a_header_that_does_not_end_is_given_up(beginning):
    """After 65,536 bytes without an end nobody reads on."""
    with pytest.raises(EnvelopeError, match="no end"):
        Header.length(beginning)


def test_a_file_that_ends_within_its_header_is_refused():
    """Cut anywhere in the header, a file does not split."""
    for end in (0, 10, len(RAW) - 1):
        with pytest.raises(EnvelopeError):
            Header.split(RAW[:end])


@pytest.mark.parametrize("count", [0, MAX_STANZAS + 1])
def test_a_header_for_nobody_or_for_too_many_is_not_made(count):
    """No recipient would mean that nobody can ever open it; more than a header holds could not be read."""
    with pytest.raises(EnvelopeError, match="stanzas"):
        make_header(FILE_KEY, [SEATS[0].recipient] * count)


def test_recipients_whose_stanzas_do_not_fit_are_refused():
    """64 hybrid stanzas pass 65,536 bytes: refused when made, as it would be when read."""
    with pytest.raises(EnvelopeError, match="bytes"):
        make_header(FILE_KEY, [SEATS[0].recipient] * MAX_STANZAS)


@given(st.binary(max_size=100))
def test_base64_is_read_in_its_one_spelling(raw):
    """What is encoded decodes to itself, and the padded spelling is refused."""
    text = encode64(raw)
    assert decode64(text) == raw
    with pytest.raises(EnvelopeError):
        decode64(text + "=")
