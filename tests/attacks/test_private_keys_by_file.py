# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The list of private keys on the server, by file. It has two lines; nothing that opens an item or signs a card is on it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from crypto.age import Header
from crypto.derive import derive
from deploy.search import Search
from journalist_app.desk.errors import KeysError
from journalist_app.desk.keys import ServerKeys
from tests.attacks.busy import Busy, spellings

#: Which private keys lie in which file of a server.
ON_THE_SERVER = {"keys/server.json": ["signing", "transfer"]}


def _search(busy: Busy, wanted: list[tuple[str, bytes]], *folders: str) -> list[str]:
    """Where any spelling of these secrets stands."""
    search = Search([(what, spelling) for what, secret in wanted for spelling in spellings(secret)])
    for folder in folders:
        search.folder(busy.world.folder / folder)
    return sorted(set(search.found))


def test_the_server_holds_two_private_keys_in_one_file(busy: Busy) -> None:
    """It signs batches with one and opens outbox manifests with the other; both are in keys/server.json and nowhere else."""
    keys = ServerKeys.load(busy.taken / "keys" / "server.json")
    own = [("signing", bytes(keys.signing.seed)), ("transfer", bytes(keys.transfer.seed))]
    found = _search(busy, own, "server", "tmp", "logs", "stick")
    by_file: dict[str, list[str]] = {}
    for line in found:
        what, _, path = line.partition(" stands in ")
        by_file.setdefault(path.removeprefix(f"{busy.taken}/"), []).append(what)
    assert by_file == ON_THE_SERVER


def test_no_other_private_key_stands_in_any_file_of_the_server_or_on_the_stick(busy: Busy) -> None:
    """Root key, signing and bundle keys and all epoch seeds of all seats, and what codenames derive to: raw, hex, base64, Bech32."""
    wanted = [(what, bytes(secret)) for what, secret in busy.private_keys()]
    assert len(wanted) > 3 * 20
    assert _search(busy, wanted, "server", "tmp", "logs", "stick") == []


def test_nothing_on_the_server_calls_itself_a_private_key(busy: Busy) -> None:
    """A key of a kind nobody listed would have a name: none is there."""
    names = re.compile(rb"AGE-SECRET-KEY|PRIVATE KEY|root key|vault key", re.IGNORECASE)
    for path in busy.everything():
        assert names.search(path.read_bytes()) is None, path


def test_a_locator_is_there_as_a_hash_alone(busy: Busy) -> None:
    """The server can recognise a codename's token and cannot tell it: the hash stands in the database, the token nowhere."""
    name = busy.codenames[0]
    keys = derive(name.secret, busy.world.root.generations[0])
    database = (busy.taken / "store" / "dengwen.db").read_bytes()
    log = busy.taken / "store" / "dengwen.db-wal"
    there = database + (log.read_bytes() if log.exists() else b"")
    assert keys.locator in there
    assert bytes(keys.locator_token) not in there


@pytest.mark.parametrize("name", ["keys/server.json"])
def test_a_key_file_that_others_may_read_is_not_used(busy: Busy, name: str) -> None:
    """The desk does not start on one."""
    path = busy.taken / name
    path.chmod(0o640)
    try:
        with pytest.raises(KeysError, match="may be read by others"):
            ServerKeys.load(path)
    finally:
        path.chmod(0o600)


def test_the_servers_keys_open_no_item(busy: Busy) -> None:
    """Whoever takes them can read outboxes' manifests and forge batches; what sources and seats sealed stays shut."""
    keys = ServerKeys.load(busy.taken / "keys" / "server.json")
    with closing(sqlite3.connect(busy.taken / "store" / "dengwen.db")) as database:
        headers = [
            row[0] for row in database.execute("SELECT header FROM envelopes UNION ALL SELECT header FROM replies")
        ]
    assert len(headers) >= 8
    opened = [keys.transfer.unwrap(stanza) for raw in headers for stanza in Header.parse(raw).stanzas]
    assert len(opened) > len(headers)
    assert set(opened) == {None}
