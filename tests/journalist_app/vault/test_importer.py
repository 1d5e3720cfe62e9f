# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Importing: what comes in, in which order, what an interruption or a damaged copy leaves.
"""

from __future__ import annotations

import gc
import secrets
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from journalist_app.bundle.errors import TruncatedError
from journalist_app.vault import digests, replies
from journalist_app.vault.errors import ForgedError, WithheldError
from journalist_app.vault.importer import Report, import_batch
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import entries, items, threads
from journalist_app.vault.projection import compute_all
from tests.journalist_app.vault.fakes import Organisation, Source
from tests.journalist_app.vault.looks import count, flip, kinds


def again(one: Organisation, path: Path) -> Report:
    """
    Write the newest batch anew and import it.
    """
    return import_batch(one.vaults[0], one.server.batch(path.parent, number=len(one.server.batches)))


def test_a_message_files_and_their_list_arrive_in_every_vault(three: Organisation):
    """What a source sent is in all three vaults, under its thread value."""
    source = Source()
    three.server.message(source, "我看到了什么")
    three.server.files(source, **{"证据.jpg": b"x" * 100_000, "big.bin": bytes(3 << 20)})
    path = three.server.batch(three.stick)
    for vault in three.vaults:
        report = import_batch(vault, path)
        assert report.whole
        assert (report.imported, report.refused, report.damaged) == (4, [], [])
        with vault.read() as connection:
            row = connection.execute(select(threads)).one()
        assert row.thread == bytes(source.thread)
        assert (row.messages, row.files, row.missing, row.differing, row.misfiled) == (1, 2, 0, 0, 0)
        assert sorted(vault.items.iterdir()) == [vault.items / hex_of_large(vault)]


def hex_of_large(vault: Vault) -> str:
    """
    The id of the one large item.
    """
    with vault.read() as connection:
        return connection.execute(select(items.c.item).where(items.c.length > 1 << 20)).scalar_one().hex()


def test_a_reply_and_a_note_reach_the_other_vaults(three: Organisation):
    """What one seat writes, the others show; the writer's own entries come back without effect."""
    source = Source()
    three.server.message(source, "hello")
    first = three.server.batch(three.stick)
    for vault in three.vaults:
        import_batch(vault, first)
    replies.reply(three.vaults[0], bytes(source.thread), "你好", "zh-Hans")
    replies.note(three.vaults[0], bytes(source.thread), "call back")
    three.send(three.vaults[0])
    second = three.server.batch(three.stick)
    for vault in three.vaults:
        report = import_batch(vault, second)
        assert report.whole
        assert not report.refused
        with vault.read() as connection:
            assert len(connection.execute(select(entries)).all()) == 2
            assert connection.execute(select(threads.c.replies, threads.c.notes)).one() == (1, 1)
        assert kinds(vault) == set()


def test_the_same_batch_twice_has_no_effect(one: Organisation):
    """A repeat is recognised by its digest."""
    one.server.message(Source(), "hello")
    path = one.server.batch(one.stick)
    import_batch(one.vaults[0], path)
    report = import_batch(one.vaults[0], path)
    assert (report.imported, report.before, report.whole) == (0, 1, True)
    assert kinds(one.vaults[0]) == set()


def test_a_vault_computes_its_threads_once_for_what_came(one: Organisation, monkeypatch: pytest.MonkeyPatch):
    """What it would have to catch up on, having been made by an older version, is looked for before anything comes in."""
    seen = []

    def counted(connection: Connection) -> None:
        seen.append(count(one.vaults[0]))
        compute_all(connection)

    monkeypatch.setattr(digests, "compute_all", counted)
    for words in ("one", "two"):
        one.server.message(Source(), words)
        import_batch(one.vaults[0], one.server.batch(one.stick))
    assert seen == [0]
    with one.vaults[0].read() as connection:
        assert len(connection.execute(select(threads)).all()) == 2


@pytest.mark.parametrize("cut", [0, 700])
def test_an_import_leaves_nothing_out_of_the_search_for_garbage(one: Organisation, cut: int):
    """However it ends."""
    one.server.message(Source(), "hello")
    path = one.server.batch(one.stick)
    if cut:
        path.write_bytes(path.read_bytes()[:-cut])
    before = gc.get_freeze_count()
    with pytest.raises(TruncatedError) if cut else nullcontext():
        import_batch(one.vaults[0], path)
    assert gc.get_freeze_count() == before == 0


def test_a_withheld_batch_is_named_and_the_later_one_refused(one: Organisation):
    """Batch 3 after batch 1 names batch 2; once that comes, both go in."""
    source = Source()
    paths = []
    for text in ("one", "two", "three"):
        one.server.message(source, text)
        paths.append(one.server.batch(one.stick))
    vault = one.vaults[0]
    import_batch(vault, paths[0])
    with pytest.raises(WithheldError, match="batch 2 is missing"):
        import_batch(vault, paths[2])
    assert kinds(vault) == {"withheld"}
    assert import_batch(vault, paths[1]).whole
    assert import_batch(vault, paths[2]).whole
    assert count(vault) == 3


def test_another_batch_under_a_taken_number_is_an_alarm(one: Organisation):
    """Two histories under one number cannot both be true."""
    one.server.message(Source(), "true")
    import_batch(one.vaults[0], one.server.batch(one.stick))
    one.server.batches.clear()
    one.server.message(Source(), "other")
    with pytest.raises(ForgedError):
        import_batch(one.vaults[0], one.server.batch(one.stick))
    assert kinds(one.vaults[0]) == {"batch-fork"}


def test_a_batch_that_names_another_predecessor_is_an_alarm(one: Organisation):
    """A forked run is noticed at the first batch after the fork."""
    import_batch(one.vaults[0], one.server.batch(one.stick))
    one.server.manifest_changes = {"previous": secrets.token_bytes(32)}
    with pytest.raises(ForgedError):
        import_batch(one.vaults[0], one.server.batch(one.stick))
    assert kinds(one.vaults[0]) == {"batch-fork"}


def test_a_batch_cut_on_the_stick_keeps_what_came_before_and_can_be_repeated(one: Organisation):
    """A truncated file accuses nobody; the second try takes what is missing."""
    source = Source()
    for number in range(30):
        one.server.message(source, f"message {number}")
    path = one.server.batch(one.stick)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedError):
        import_batch(one.vaults[0], path)
    path.write_bytes(whole)
    assert import_batch(one.vaults[0], path).whole
    assert count(one.vaults[0]) == 30
    assert kinds(one.vaults[0]) == set()


def test_an_import_killed_in_a_large_file_leaves_no_name_and_can_be_repeated(one: Organisation):
    """A large payload has its name only when it is whole."""
    source = Source()
    one.server.deposit(source, "file", secrets.token_bytes(4 << 20), name="large.bin")
    path = one.server.batch(one.stick)
    whole = path.read_bytes()
    path.write_bytes(whole[: 3 << 20])
    vault = one.vaults[0]
    with pytest.raises(TruncatedError):
        import_batch(vault, path)
    assert list(vault.items.iterdir()) == []
    (vault.items / "00.part").write_bytes(b"left by a killed process")
    path.write_bytes(whole)
    assert import_batch(vault, path).whole
    assert [found.suffix for found in vault.items.iterdir()] == [""]


@pytest.mark.parametrize("size", [100, 3 << 20], ids=["small", "large"])
def test_the_good_items_of_a_damaged_batch_come_in_and_the_bad_one_is_named(one: Organisation, size: int):
    """Damage on the way keeps the batch open until a good copy comes."""
    source = Source()
    good = one.server.message(source, "good")
    bad = one.server.deposit(source, "file", secrets.token_bytes(size), name="f")
    raw = next(stored.raw for stored in one.server.waiting if stored.place.item == bad)
    path = one.server.batch(one.stick)
    flip(path, raw)
    vault = one.vaults[0]
    report = import_batch(vault, path)
    assert not report.whole
    assert [name for name, _ in report.damaged] == [bad.hex()]
    assert report.imported == 1
    assert "damaged" in kinds(vault)
    report = again(one, path)
    assert (report.whole, report.imported, report.before) == (True, 1, 1)
    with vault.read() as connection:
        assert set(connection.execute(select(items.c.item)).scalars()) == {good, bad}


def test_a_batch_whose_every_copy_is_damaged_can_be_finished_without(one: Organisation):
    """A server with a bad disk does not stop the run for ever; the loss stays on record."""
    bad = one.server.message(Source(), "bad")
    raw = one.server.waiting[0].raw
    path = one.server.batch(one.stick)
    flip(path, raw)
    report = import_batch(one.vaults[0], path, without_damaged=True)
    assert report.whole
    assert [name for name, _ in report.damaged] == [bad.hex()]
    assert kinds(one.vaults[0]) == {"damaged", "without-damaged"}
