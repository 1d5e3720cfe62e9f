# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The codename: the committed vectors, its three renderings, and what input forgives.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import codename as module
from crypto import errors, wordlists
from crypto.codename import Codename
from crypto.errors import CheckError, CodenameError, SymbolCountError, UnknownSymbolError
from crypto.hidden import Hidden
from crypto.nearest import nearest
from crypto.wordlists import fold

FOLDER = Path(__file__).parent.parent / "vectors" / "codename"
VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
ACCEPTED = {name: vector for name, vector in VECTORS.items() if vector.get("expect") == "codename"}
REFUSED = {name: vector for name, vector in VECTORS.items() if vector.get("expect", "codename") != "codename"}


def from_random(random: int) -> Codename:
    """The codename of 92 given bits, worked out from K1 alone."""
    check = hashlib.sha256(b"dengwen/v1/codename" + random.to_bytes(12, "big")).digest()[0] >> 1
    number = random * 128 + check
    indices = [number // 2_048**place % 2_048 for place in range(8, -1, -1)]
    return Codename.from_secret(Hidden(b"".join(index.to_bytes(2, "big") for index in indices)))


CODENAMES = st.integers(0, 2**92 - 1).map(from_random)


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_vector_gives_its_secret(name):
    """Each way of typing the codename of the vectors gives its one secret."""
    assert Codename.parse(ACCEPTED[name]["input"]).secret == bytes.fromhex(ACCEPTED[name]["secret"])


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_vector_is_refused_by_its_own_error(name):
    """Each slip raises its own class, with the symbol, the nearest words or the count that the vector names."""
    vector = REFUSED[name]
    with pytest.raises(CodenameError) as caught:
        Codename.parse(vector["input"])
    assert type(caught.value) is getattr(errors, vector["expect"])
    for attribute in {"symbol", "count"} & vector.keys():
        assert getattr(caught.value, attribute) == vector[attribute]
    if "first" in vector:
        assert next(iter(caught.value.nearest), None) == vector["first"]


@given(CODENAMES, st.sampled_from([" ", "-", ", ", "\n", "・", "\u3000"]), st.data())
def test_every_rendering_comes_back(codename, separator, data):
    """Words, characters and numbers of any codename, mixed in any way, are read to the same codename."""
    either = codename.characters(), codename.characters(traditional=True)
    renderings = list(zip(codename.words(), *either, map(str, codename.numbers()), strict=True))
    assert all(Codename.parse("".join(characters)) == codename for characters in either)
    mixed = [data.draw(st.sampled_from(symbols)) for symbols in renderings]
    assert Codename.parse(separator.join(mixed)) == codename


@given(CODENAMES, st.integers(0, 8), st.integers(0, 2_047))
def test_a_slip_is_noticed_or_is_another_codename(codename, place, index):
    """Another symbol anywhere is refused by its check bits, or belongs to a codename in its own right."""
    numbers = list(codename.numbers())
    numbers[place] = index + 1
    try:
        found = Codename.parse(" ".join(map(str, numbers)))
    except CheckError:
        return
    assert found.numbers() == tuple(numbers)
    assert (found == codename) == (numbers == list(codename.numbers()))


def test_about_one_slip_in_128_passes():
    """The seven check bits notice 127 of 128 slips: of all 2,047 at one place some 16 pass."""
    numbers = list(from_random(2**91 + 12_345).numbers())
    passed = 0
    for index in range(2_048):
        try:
            Codename.parse(" ".join(map(str, [index + 1, *numbers[1:]])))
        except CheckError:
            continue
        passed += 1
    assert 6 <= passed <= 32


def test_fresh_codenames_are_codenames_and_differ():
    """A hundred fresh ones are all different and all read back."""
    fresh = [Codename.generate() for _ in range(100)]
    assert len({codename.words() for codename in fresh}) == 100
    assert all(Codename.parse(" ".join(codename.words())) == codename for codename in fresh)


def test_every_random_bit_is_used():
    """Over many fresh codenames each of the 92 bits is sometimes 0 and sometimes 1."""
    ones, zeros = 0, 0
    for _ in range(60):
        number = 0
        for index in Codename.generate().numbers():
            number = number * 2_048 + index - 1
        ones, zeros = ones | number, zeros | ~number
    assert ones >> 7 == 2**92 - 1
    assert zeros >> 7 & (2**92 - 1) == 2**92 - 1


@pytest.mark.parametrize(
    "secret",
    [b"", bytes(17), bytes(19), b"\x08\x00" + bytes(16), b"\xff" * 18],
    ids=["none", "short", "long", "2048", "ones"],
)
def test_what_is_no_secret_makes_no_codename(secret):
    """Another size, or an index beyond the list, is refused."""
    with pytest.raises(CodenameError, match="not the secret"):
        Codename.from_secret(Hidden(secret))


def test_a_secret_with_other_check_bits_makes_no_codename():
    """A kept secret is judged as typed symbols are."""
    good = from_random(5).secret
    with pytest.raises(CheckError):
        Codename.from_secret(Hidden(good[:-1] + bytes([good[-1] ^ 1])))


def test_a_codename_and_its_errors_print_nothing_of_it():
    """Neither repr nor the message or arguments of an error shows a symbol."""
    codename = from_random(7)
    assert repr(codename) == "Codename(secret=<Hidden>)"
    with pytest.raises(UnknownSymbolError) as caught:
        Codename.parse("notaword")
    assert caught.value.symbol == "notaword"
    assert "notaword" not in repr(caught.value)
    with pytest.raises(CheckError) as check:
        Codename.parse(" ".join(["zebra"] * 9))
    assert "zebra" not in repr(check.value)


@pytest.mark.parametrize("word", ["བོད", "हिन्दी", "ئۇيغۇر", "naïvẹ"])
def test_a_word_with_marks_is_named_whole(word):
    """Vowel signs and accents belong to their word: the page names what was typed, not its first letter."""
    with pytest.raises(UnknownSymbolError) as caught:
        Codename.parse(f"abandon {word} zoo")
    assert caught.value.symbol == wordlists.fold(word)


@given(st.text(max_size=200))
def test_noise_is_refused_by_name(text):
    """Whatever is typed, the answer is a codename or a class of this room."""
    try:
        Codename.parse(text)
    except CodenameError:
        return


def test_the_longest_text_is_read_and_one_more_is_not():
    """Room for any codename, and a limit."""
    with pytest.raises(SymbolCountError):
        Codename.parse("." * module.MAX_TEXT)
    with pytest.raises(CodenameError, match="more than"):
        Codename.parse("." * (module.MAX_TEXT + 1))


def test_the_lists_are_what_the_clauses_say():
    """Three lists of 2,048 distinct symbols; every character of either Chinese list stands at its own index."""
    for words in (wordlists.ENGLISH, wordlists.SIMPLIFIED, wordlists.TRADITIONAL):
        assert len(set(words)) == len(words) == 2_048
    for words in (wordlists.SIMPLIFIED, wordlists.TRADITIONAL):
        assert [wordlists.CHARACTERS[symbol] for symbol in words] == list(range(2_048))
    assert wordlists.CHARACTERS["著"] == wordlists.CHARACTERS["着"]
    assert wordlists.CHARACTERS["矽"] == wordlists.CHARACTERS["硅"]
    assert wordlists.SIMPLIFIED != wordlists.TRADITIONAL


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_a_text_of_ascii_is_split_as_any_other(text):
    """The short way of most people's codenames finds the symbols that the long one finds."""
    folded = fold(text)
    assert list(module._symbols(folded)) == list(module._split(folded))


def test_every_word_and_every_prefix_of_four_letters_is_read():
    """Each word stands for its index, and so does each beginning of four letters or more that only it has."""
    for index, word in enumerate(wordlists.ENGLISH):
        assert wordlists.WORDS[word] == index
        for length in range(4, len(word)):
            alone = [other for other in wordlists.ENGLISH if other.startswith(word[:length])] == [word]
            assert not alone or wordlists.WORDS[word[:length]] == index
    assert not [prefix for prefix in wordlists.WORDS if len(prefix) < 4 and prefix not in wordlists.ENGLISH]


def test_an_exact_word_wins_and_a_shared_prefix_has_no_meaning():
    """Of a word that begins others, the word itself is meant; a beginning of two words means neither."""
    words = ("actor", "actors", "actories")
    assert wordlists._prefixes(words) == {"actori": 2, "actorie": 2}


def test_a_list_with_a_symbol_at_two_indices_is_refused():
    """A table in which a symbol had two meanings is not made."""
    assert wordlists.one_index_each([("的", 0), ("的", 0)]) == {"的": 0}
    with pytest.raises(ValueError, match="two indices"):
        wordlists.one_index_each([("的", 0), ("的", 1)])


def test_a_list_of_another_kind_is_refused():
    """Spanish has as many words; a list whose symbols are not single characters is no Chinese list."""
    with pytest.raises(ValueError, match="not one character"):
        wordlists._characters((wordlists.ENGLISH,))


def test_every_digit_of_every_script_counts():
    """All decimal digits that Unicode knows are read as numbers."""
    codename = from_random(2**90)
    zeros = [
        chr(point)
        for point in range(0x110000)
        if unicodedata.category(chr(point)) == "Nd" and unicodedata.decimal(chr(point)) == 0
    ]
    assert len(zeros) > 50
    for zero in zeros:
        typed = " ".join("".join(chr(ord(zero) + int(digit)) for digit in str(number)) for number in codename.numbers())
        assert Codename.parse(typed) == codename, hex(ord(zero))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("abandn", "abandon"),
        ("abbandon", "abandon"),
        ("recieve", "receive"),
        ("wittness", "witness"),
        ("zooo", "zoo"),
        ("elephnat", "elephant"),
    ],
)
def test_the_nearest_word_comes_first(typed, words):
    """One slip away is nearer than two."""
    assert nearest(typed)[0] == words


@given(st.sampled_from(wordlists.ENGLISH), st.data())
def test_a_word_with_one_letter_missing_is_found(word, data):
    """The word that was meant is among the nearest, unless three others are as near."""
    at = data.draw(st.integers(0, len(word) - 1))
    typed = word[:at] + word[at + 1 :]
    found = nearest(typed)
    assert len(found) <= 3
    assert (
        word in found
        or typed in wordlists.ENGLISH
        or len(typed) < 4
        or all(edits(typed, other) <= 1 for other in found)
    )


def edits(one: str, other: str) -> int:
    """The same distance, written down as its definition."""
    table = {(-1, -1): 0}
    for i in range(len(one)):
        table[i, -1] = i + 1
    for j in range(len(other)):
        table[-1, j] = j + 1
    for i in range(len(one)):
        for j in range(len(other)):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i] != other[j]))
            if i and j and one[i] == other[j - 1] and one[i - 1] == other[j]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one) - 1, len(other) - 1]


@pytest.mark.parametrize("typed", ["recieve", "abandn", "xyz", "qwertyu", "ab", "nrothe"])
def test_the_walk_over_the_list_finds_what_a_full_search_finds(typed):
    """Sharing rows between neighbours and stopping early lose no word."""
    limit = min(2, len(typed) // 2)
    near = sorted((edits(typed, word), word) for word in wordlists.ENGLISH)
    assert nearest(typed) == tuple(word for distance, word in near if distance <= limit)[:3]
