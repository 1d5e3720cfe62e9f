# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What sources sealed beforehand, on the pages: noted beside the item, opened when a person asks for it.

Showing a thread opens nothing: a page has up to fifty items of a stranger, and opening one tries many keys or starts a program.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, render_template, request

from crypto.errors import CryptoError
from journalist_app.vault import attachments, joining, sealed_before
from journalist_app.vault.errors import NotNowError, VaultError
from journalist_app.vault.guard import door
from journalist_app.vault.handing import exact, handed_out
from journalist_app.vault.names import disk_name
from journalist_app.vault.reading import FOLD, Item, whole_text
from journalist_app.vault.sealed_before import noted, sealed_item, sealed_whole
from journalist_app.vault.sealed_kind import Kind, around

pages = Blueprint("sealed", __name__)

_JOINERS: Final = {"sets": joining.joined_parts, "volumes": joining.joined_volumes}
# UTF-8 has at most so many bytes for a character.
_WIDEST: Final = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """
    One message that a person asked to open.

    Args:
        item: The message.
        text: What it held, or its beginning; None if that is no text.
        cut: Whether there is more.
        length: Bytes of all of it.
        signed: The ids of keys that signatures inside name; nobody checked them.
        refusal: Why it did not open; empty if it did.
    """

    item: bytes
    text: str | None = None
    cut: bool = False
    length: int = 0
    signed: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Beforehand:
    """
    What a thread's page says of what was sealed beforehand.

    Args:
        kinds: By item.
        words: By message: its words around what was sealed, their beginning.
        shown: The message that was opened, if one was asked for.
    """

    kinds: Mapping[bytes, Kind]
    words: Mapping[bytes, str]
    shown: Shown | None


def beforehand(items: Sequence[Item]) -> Beforehand:
    """
    Note what was sealed beforehand among a page's items, and open the one message that the address names.
    """
    with door().vault.read() as connection:
        kinds = noted(connection, items)
        messages = [one.row.item for one in items if one.row.kind == "message" and one.row.item in kinds]
        # Of the whole text: a block for sixteen seats is longer than what a page has of it, and words may follow.
        words = {item: around(whole_text(connection, item).text)[:FOLD] for item in messages}
    named = request.args.get("opened")
    return Beforehand(kinds, words, next((_shown(item) for item in messages if item.hex() == named), None))


@pages.get("/opened/<any(items, sets, volumes):which>/<item>/download")
def download(which: str, item: str) -> Response:
    """
    What was inside, as a download: opened to its end before.
    """
    found = _opened(which, item)
    return handed_out(found.chunks, found.length, disk_name(found.name, found.item))


@pages.post("/opened/<any(items, sets, volumes):which>/<item>/save")
def save(which: str, item: str) -> str:
    """
    What was inside, into the folder that `serve` was given.
    """
    folder = door().place.save
    if folder is None:
        raise NotNowError("this vault was started without a folder to save to")
    found = _opened(which, item)
    path = attachments.write_down(found.chunks, folder, disk_name(found.name, found.item))
    return render_template("saved.html", path=path, signed=found.signed)


def _opened(which: str, item: str) -> sealed_before.Opened:
    entry = door()
    vault, lead = entry.vault, exact(item, 16)

    def unlocked() -> bool:
        return entry.open and entry.vault is vault

    if which == "items":
        return sealed_before.opened(vault, sealed_item(vault, lead), unlocked)
    with vault.read() as connection:
        whole = _JOINERS[which](connection, lead)
    return sealed_before.opened(vault, sealed_whole(vault, whole, unlocked), unlocked)


def _shown(item: bytes) -> Shown:
    vault = door().vault
    try:
        seen = sealed_before.beginning(vault, sealed_item(vault, item), FOLD * _WIDEST)
    except (VaultError, CryptoError) as error:
        # On the page and not instead of it: the other items are unharmed.
        return Shown(item, refusal=str(error) or (type(error).__doc__ or "").strip())
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(seen.raw, final=len(seen.raw) == seen.length)
    except UnicodeDecodeError:
        return Shown(item, length=seen.length, signed=seen.signed)
    cut = len(text) > FOLD or len(seen.raw) < seen.length
    return Shown(item, text=text[:FOLD], cut=cut, length=seen.length, signed=seen.signed)
