# SPDX-License-Identifier: AGPL-3.0-or-later
"""
DESIGN §2: somebody takes the server's disk.

They learn: how many threads and seats there are, which items belong together, bucketed sizes, days, the desk's pseudonyms,
which sources were given a slip for large files, and the server's own two private keys. They do not learn: words, names of files, exact sizes, codenames, or a time finer than a day.
Whatever is found that is not on the first list fails here, a new file or column too.
"""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crypto.age.stream import payload_length
from crypto.padding import large, small
from crypto.signing import SignedDocument
from deploy.search import Search
from source_app.static_files import FOLDER as ROOM
from store.designations import ADJECTIVES, NOUNS
from tests.attacks.busy import SIZES, Busy

Judge = Callable[[Any], bool]

HEX = "[0-9a-f]"
#: Every file that may be there, and the mode it has.
FILES = {
    r"dengwen\.toml": None,
    r"server-public\.json": None,
    r"keys/server\.json": 0o600,
    r"store/dengwen\.db(-wal|-shm)?": 0o600,
    r"store/gate": 0o600,
    rf"store/blobs/{HEX}{{2}}/{HEX}{{32}}": 0o600,
}
AGE = b"age-encryption.org/v1\n"


def exactly(size: int) -> Judge:
    """Random bytes of one length."""
    return lambda value: isinstance(value, bytes) and len(value) == size


def counts(most: int = 1_000) -> Judge:
    """A small number: too small to be a moment in seconds."""
    return lambda value: isinstance(value, int) and 0 <= value <= most


def day(value: Any) -> bool:
    """A day and nothing finer."""
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None


def text(pattern: str) -> Judge:
    """One of a closed set of texts."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def or_nothing(judge: Judge) -> Judge:
    """It may be empty."""
    return lambda value: value is None or judge(value)


def is_header(value: Any) -> bool:
    """An age header and nothing behind it."""
    return (
        isinstance(value, bytes)
        and value.startswith(AGE)
        and re.search(rb"\n--- [A-Za-z0-9+/]{43}\n\Z", value) is not None
    )


def is_sealed(value: Any) -> bool:
    """A whole age file."""
    return isinstance(value, bytes) and value.startswith(AGE)


def is_signed(value: Any) -> bool:
    """A signed document; what is in it is public."""
    return isinstance(value, bytes) and bool(SignedDocument.decode(value).signatures)


def is_bucket(value: Any) -> bool:
    """The payload of a frame in a bucket: no other length."""
    plain = value - 16 - 16 * -(-(value - 16) // 65_552)
    return payload_length(plain) == value and plain in {small(plain), large(plain)}


def is_payload(value: Any) -> bool:
    """A payload whose length is a bucket's."""
    return isinstance(value, bytes) and is_bucket(len(value)) and not value.startswith(AGE)


def is_designation(value: Any) -> bool:
    """Two words of our own lists, drawn at random."""
    words = value.split(" ")
    return words[-1] in NOUNS and all(word in ADJECTIVES for word in words[:-1])


SEATS = text(r"1(,2)?(,3)?")
NAME = r"(amber|birch|cedar)"
#: Every column there is, and what may stand in it.
COLUMNS: dict[str, dict[str, Judge]] = {
    "organisation": {
        "one": counts(1), "floor": counts(), "version": counts(), "erasures": counts(), "erasures_finished": counts(),
        "erasures_rebuilt": counts(),
    },
    "documents": {
        "kind": text("root|card|sheet"), "seat": counts(3), "sequence": counts(), "digest": exactly(32),
        "seats": text(r"(1(,2)?(,3)?)?"), "raw": is_signed,
    },
    "batches": {"number": counts(), "digest": exactly(32), "count": counts(), "day": day, "manifest": is_sealed},
    "threads": {
        "id": exactly(16), "locator": exactly(32), "generation": counts(2), "designation": is_designation,
        "first_day": day, "last_day": day, "items": counts(), "waiting": counts(), "length": counts(1 << 40), "replies": counts(),
        "files": counts(1 << 40), "accepted_bytes": or_nothing(counts(1 << 50)), "accepted_until": or_nothing(day),
    },
    "slips": {"digest": exactly(32), "locator": exactly(32), "generation": counts(2), "sealed": exactly(107), "expires": day},
    "items": {
        "id": exactly(16), "thread_id": or_nothing(exactly(16)), "lane": text("source|team"), "card_sequence": counts(),
        "epoch": counts(), "seats": SEATS, "length": is_bucket, "batch": or_nothing(counts()), "place": or_nothing(counts()),
        "sha256": or_nothing(exactly(32)),
    },
    "envelopes": {
        "item_id": exactly(16), "blob": or_nothing(text(rf"{HEX}{{32}}")), "header": is_header, "payload": or_nothing(is_payload)
    },
    "replies": {
        "id": exactly(16), "thread_id": exactly(16), "number": counts(), "held": counts(1), "expires": day,
        "header": is_header, "payload": is_payload,
    },
    "acknowledgements": {"seat": counts(3), "batch": counts(), "digest": exactly(32), "day": day, "signed": is_signed},
    "outboxes": {"seat": counts(3), "sequence": counts(), "digest": exactly(32), "batch": or_nothing(counts())},
    "withdrawn": {"thread_id": exactly(16), "day": day, "batch": or_nothing(counts())},
    "deletions": {"id": exactly(16), "seat": counts(3), "kind": text("thread|item"), "target": exactly(16), "day": day},
    "people": {
        "id": exactly(16), "name": text(NAME), "role": text("reviewer|operator"), "seat": or_nothing(counts(3)),
        "passphrase": text(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"), "totp": exactly(20),
        # The one time finer than a day: a reviewer's newest login, until the next one a minute later (store/README.md).
        "totp_step": lambda value: isinstance(value, int), "disabled": counts(1),
    },
    "audit": {
        "number": counts(), "previous": exactly(32), "day": day, "digest": exactly(32),
        "act": text(
            rf"dengwen: (root|card|sheet) \d+.*|{NAME}: took out batch \d+, \d+ items, digest {HEX}{{64}}"
            rf"|{NAME}: took in outbox \d+ of seat \d, digest {HEX}{{64}}"
        ),
    },
    "alembic_version": {"version_num": text(r"\w+")},
}  # fmt: skip


@pytest.fixture
def database(busy: Busy, tmp_path: Path) -> sqlite3.Connection:
    """The database as it was found, opened from a copy."""
    for path in (busy.taken / "store").glob("dengwen.db*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with closing(sqlite3.connect(tmp_path / "dengwen.db")) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def test_there_is_no_file_that_is_not_known(busy: Busy) -> None:
    """Settings, public keys, two private keys, the database, the gate, blobs; nothing left in `incoming`, readable by nobody else."""
    for path in sorted(one for one in busy.taken.rglob("*") if one.is_file()):
        name = str(path.relative_to(busy.taken))
        modes = [mode for pattern, mode in FILES.items() if re.fullmatch(pattern, name)]
        assert modes, f"{name} is a file that this list does not know"
        assert modes[0] is None or stat.S_IMODE(path.stat().st_mode) == modes[0], name
    assert not list((busy.taken / "store" / "incoming").iterdir())


def test_nothing_that_was_said_or_named_stands_in_any_file(busy: Busy) -> None:
    """Texts, pieces and names of files, codenames in three renderings, passphrases: nowhere, in logs and temporary files neither."""
    markers = list(busy.words())
    search = Search(markers)
    for part in ("server", "tmp", "logs"):
        search.folder(busy.world.folder / part)
    assert search.found == []
    assert search.files >= 10
    # The search finds what is there: the same markers in a file of their own.
    control = busy.world.folder / "control"
    control.mkdir(exist_ok=True)
    (control / "all").write_bytes(b"\0".join(marker for _, marker in markers))
    found = Search(markers)
    found.folder(control)
    assert len(found.found) >= len(markers)


def test_logs_and_temporary_files_are_empty(busy: Busy) -> None:
    """The programs had nothing to say about anybody."""
    said = {
        str(path): path.read_text()
        for part in ("tmp", "logs")
        for path in (busy.world.folder / part).rglob("*")
        if path.is_file()
    }
    assert len(said) == 2
    assert set(said.values()) == {""}


def test_every_column_holds_what_this_list_says_and_no_more(database: sqlite3.Connection) -> None:
    """Table by table, column by column, row by row: no column that nobody named, no value of another shape."""
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == set(COLUMNS)
    for table, judges in COLUMNS.items():
        rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
        assert rows or table == "acknowledgements", f"{table} is empty: this proves nothing about it"
        columns = {row[1] for row in database.execute(f'PRAGMA table_info("{table}")')}
        assert columns == set(judges), table
        for row in rows:
            for column, judge in judges.items():
                assert judge(row[column]), f"{table}.{column} = {row[column]!r:.80}"


def test_no_table_counts_arrivals(database: sqlite3.Connection) -> None:
    """Keyed by random ids and without a rowid: the order of rows is not the order of coming."""
    for table in COLUMNS:
        if table in {"organisation", "alembic_version"}:
            continue
        with pytest.raises(sqlite3.OperationalError, match="rowid"):
            database.execute(f'SELECT rowid FROM "{table}"')


def test_a_moment_finer_than_a_day_is_a_reviewers_and_only_the_newest(database: sqlite3.Connection) -> None:
    """At most one login's step stands there, and no number or text anywhere else reads as a clock."""
    steps = [row[0] for row in database.execute("SELECT totp_step FROM people WHERE totp_step > 0")]
    assert len(steps) <= 1
    for table, judges in COLUMNS.items():
        for row in database.execute(f'SELECT * FROM "{table}"'):
            for column in judges:
                value = row[column]
                if isinstance(value, str) and column != "act":
                    assert re.search(r"\d\d:\d\d", value) is None, f"{table}.{column}"
                if isinstance(value, int) and (table, column) != ("people", "totp_step"):
                    assert value < 100_000_000, f"{table}.{column}"


def test_sizes_are_buckets(busy: Busy, database: sqlite3.Connection) -> None:
    """No row and no file has a length that is a file's own; a short message and a long one lie alike."""
    lengths = {row[0] for row in database.execute("SELECT length FROM items")}
    blobs = [path.stat().st_size for path in (busy.taken / "store" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == 3
    assert all(is_bucket(size) for size in blobs)
    for exact in SIZES:
        assert exact not in lengths | set(blobs)
        assert payload_length(exact) not in lengths | set(blobs)
    messages = {
        row[0]
        for row in database.execute(
            "SELECT i.length FROM items i JOIN envelopes e ON e.item_id = i.id WHERE e.blob IS NULL AND i.lane = 'source'"
        )
    }
    assert messages == {payload_length(16_384)}


def test_what_is_learned_in_plain_words(busy: Busy, database: sqlite3.Connection) -> None:
    """The whole of the first list, read from the disk with nothing but sqlite: this is what an organisation must reckon with."""
    threads = database.execute("SELECT items, last_day FROM threads").fetchall()
    learned = {
        "threads that are there": len(threads),
        "threads that were forgotten": database.execute("SELECT count(*) FROM withdrawn").fetchone()[0],
        "items in the fullest thread": max(row["items"] for row in threads),
        "seats": len(database.execute("SELECT DISTINCT seat FROM documents WHERE kind = 'sheet'").fetchall()),
        "pseudonyms at the desk": sorted(row[0] for row in database.execute("SELECT name FROM people")),
        "days": len({row["last_day"] for row in threads}),
        "threads whose source was given a slip": len(
            database.execute("SELECT id FROM threads WHERE locator IN (SELECT locator FROM slips)").fetchall()
        ),
        "slips of nobody": len(
            database.execute("SELECT digest FROM slips WHERE locator NOT IN (SELECT locator FROM threads)").fetchall()
        ),
        "private keys": sorted(str(path.relative_to(busy.taken)) for path in busy.taken.glob("keys/*")),
    }
    assert learned == {
        "threads that are there": 3,
        "threads that were forgotten": 1,
        "items in the fullest thread": 4,
        "seats": 3,
        "pseudonyms at the desk": ["amber", "birch", "cedar"],
        "days": 1,
        "threads whose source was given a slip": 1,
        "slips of nobody": 0,
        "private keys": ["keys/server.json"],
    }


def test_a_forgotten_thread_left_nothing_but_its_id(busy: Busy, database: sqlite3.Connection) -> None:
    """No row of it, no page of the database, no line of the log: only the random id in `withdrawn`."""
    gone = database.execute("SELECT thread_id FROM withdrawn").fetchone()[0]
    for table, judges in COLUMNS.items():
        for row in database.execute(f'SELECT * FROM "{table}"'):
            found = [column for column in judges if row[column] == gone]
            assert found in ([], ["thread_id"] if table == "withdrawn" else []), table
    locator = busy.world.subkeys(" ".join(busy.codenames[2].words())).locator
    for path in busy.everything():
        assert locator not in path.read_bytes(), path


def test_file_times_are_finer_than_our_days_and_the_room_says_so(busy: Busy) -> None:
    """A blob's change time tells when an upload ended. What cannot be prevented yet is written where an operator reads it."""
    blobs = [path for path in (busy.taken / "store" / "blobs").rglob("*") if path.is_file()]
    assert any(path.stat().st_mtime % 86_400 for path in blobs)
    said = (ROOM.parents[1] / "store" / "README.md").read_text()
    assert "What file times reveal" in said
    assert "birth and change time say when an upload ended" in said
