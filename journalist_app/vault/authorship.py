# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A codename that its source chose to give up, compared with what lies in this vault.

Compared is what the envelopes hold, not what the database says of them: every item of the thread is opened again, and its
frame's thread value and reply recipient stand beside those that the codename derives to. Nothing is written down, here
or in the team lane: the comparison itself would be evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from crypto.age import HybridIdentity
from crypto.codename import Codename
from crypto.derive import Subkeys, derive
from crypto.errors import CryptoError
from crypto.hidden import Hidden
from journalist_app.vault import payloads
from journalist_app.vault.errors import NotFoundError
from journalist_app.vault.identity import load_root
from journalist_app.vault.keystore import Vault
from journalist_app.vault.models import items

NOTHING_OPENS: Final = (
    "The thread of this codename is here, but none of its items opens on this laptop: nothing is proved."
)
_WANTED: Final = (items.c.item, items.c.day, items.c.file_key)

COST: Final = """\
The source who says these words can never use them again: whoever has heard them can read the replies and write in the
source's name. Ask only if the source wants it, and agree on another way to talk first.

From then on, whoever has these words and one opened item of the thread, from any seat's vault, can prove that they
belong together: for the source, and against the source.

The vault writes nothing of this comparison down. What is on this screen, and who heard the words, is up to you."""

PROOF: Final = """\
Proved: these items were sealed for the codename you were given. Nobody who only saw the items could find one that fits.

Not proved: that whoever says the words wrote every item. Words can be handed on; and the server that sealed for this
thread saw them while it did: a dishonest one can repeat them, and could have added items of its own."""

NO_PROOF: Final = """\
No thread in this vault belongs to this codename. That says nothing about who wrote anything: the thread may lie in a batch
that was not imported here, or the root may no longer list how its codename is derived. The words are spent all the same."""


@dataclass(frozen=True, slots=True)
class Compared:
    """
    What a codename and a thread have in common.

    Args:
        thread: The thread value.
        first_day: The server's word for its first item's day.
        last_day: And for its last one's.
        generation: Of the derivation that fits.
        items: Items whose frame holds this thread value.
        messages: Messages among them whose frame names the codename's own reply recipient.
        others: Messages among them whose frame names another recipient.
        broken: Items that no longer open on this laptop.
    """

    thread: bytes
    first_day: str
    last_day: str
    generation: int
    items: int
    messages: int
    others: int
    broken: int


def compare(vault: Vault, codename: Codename, progress: Callable[[int, int], None] | None = None) -> Compared:
    """
    Find the thread of a codename and open its items again.

    Args:
        vault: Open.
        codename: As the source gave it.
        progress: Called with how many items were opened, and of how many.

    Raises:
        NotFoundError: No item in this vault has a thread value that the codename derives to, or none that has it opens.
    """
    with vault.read() as connection:
        generations = load_root(connection).generations
    for generation in generations:
        keys = derive(codename.secret, generation)
        with vault.read() as connection:
            wanted = select(*_WANTED).where(items.c.thread == bytes(keys.thread), items.c.kind != "entry")
            found = connection.execute(wanted.order_by(items.c.batch, items.c.item)).all()
        if found:
            return _opened(vault, keys, generation.number, found, progress)
    raise NotFoundError(NO_PROOF)


def _opened(
    vault: Vault, keys: Subkeys, generation: int, found: Sequence[Any], progress: Callable[[int, int], None] | None
) -> Compared:
    recipient = str(HybridIdentity(keys.reply_seed).recipient)
    fitting = messages = others = 0
    for number, row in enumerate(found, 1):
        try:
            with vault.read() as connection:
                pieces = payloads.chunks(vault, connection, row.item)
            header = payloads.verify(Hidden(row.file_key), pieces).header
        except (CryptoError, NotFoundError):
            header = None
        if header is not None and header.thread == keys.thread:
            fitting += 1
            if header.kind == "message":
                same = header.fields.get("reply_to") == recipient
                messages, others = messages + same, others + (not same)
        if progress is not None:
            progress(number, len(found))
    if not fitting:
        raise NotFoundError(NOTHING_OPENS)
    return Compared(
        thread=bytes(keys.thread),
        first_day=min(row.day for row in found),
        last_day=max(row.day for row in found),
        generation=generation,
        items=fitting,
        messages=messages,
        others=others,
        broken=len(found) - fitting,
    )
