# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Threads: the list, one thread, what a person does with it, and its files.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from crypto.replies import STATUSES, Status
from journalist_app.vault import attachments, languages, reading, replies
from journalist_app.vault.composing import Composed, awaited
from journalist_app.vault.entries import STATES
from journalist_app.vault.errors import InputError, NotFoundError, NotNowError
from journalist_app.vault.guard import door
from journalist_app.vault.handing import exact, handed_out
from journalist_app.vault.languages import spoken
from journalist_app.vault.names import disk_name
from journalist_app.vault.pages_sealed import beforehand
from journalist_app.vault.phrasebook import BOOK

pages = Blueprint("threads", __name__)

# What a reply may be marked as; the source's own language comes first on the page.
LANGUAGES = ("en", "zh-Hans", "zh-Hant", "ug", "bo", "kk", "mn", "ru", "ar", "fa", "tr")


@pages.get("/")
def index() -> str:
    """
    The list.
    """
    state = request.args.get("state")
    filters = (reading.CALM, *STATES)
    chosen = state if state in filters else None
    with door().vault.read() as connection:
        rows, more = reading.page(connection, after=_thread_place(request.args.get("after")), state=chosen)
        blocked = reading.blocked(connection, rows)
    following = None if more is None else _written(more)
    return render_template(
        "threads.html", rows=rows, blocked=blocked, following=following, states=filters, state=chosen
    )


@pages.get("/threads/<thread>")
def one(thread: str) -> str:
    """
    A page of one thread.
    """
    return _page(exact(thread, 32))


@pages.get("/items/<item>/text")
def text(item: str) -> str:
    """
    All of a message whose beginning the thread's page shows.
    """
    with door().vault.read() as connection:
        row = reading.whole_text(connection, exact(item, 16))
    return render_template("text.html", thread=row.thread, text=row.text, lang=row.lang)


@pages.get("/entries/<digest>/text")
def entry_text(digest: str) -> str:
    """
    All of a reply or note whose beginning the thread's page shows.
    """
    with door().vault.read() as connection:
        entry = reading.whole_entry(connection, exact(digest, 32))
    said, lang = str(entry.fields.get("text", "")), str(entry.fields.get("lang", ""))
    return render_template("text.html", thread=entry.thread, text=said, lang=lang)


@pages.post("/threads/<thread>/<act>")
def act(thread: str, act: str) -> BaseResponse | tuple[str, int]:
    """
    Reply, note, state, status, keep the pinned recipient, or ask for deletion.
    """
    value, vault, form = exact(thread, 32), door().vault, request.form
    text = form.get("text", "")
    try:
        if act == "reply":
            replies.reply(vault, value, text, form.get("lang", ""))
        elif act == "note":
            replies.note(vault, value, text)
        elif act == "state":
            replies.set_state(vault, value, form.get("state", ""))
        elif act == "status":
            replies.tell_status(vault, value, _status(form.get("status", "")))
        elif act == "recipient":
            replies.keep_recipient(vault, value)
        elif act == "deletion":
            replies.ask_deletion(vault, value)
        else:
            raise NotFoundError("there is no such thing to do")
    except (InputError, NotNowError) as error:
        # What was written is given back: nobody types a reply twice.
        note, reply = (text, None) if act == "note" else ("", Composed.of_form(form) if act == "reply" else None)
        return _page(value, said=str(error), note=note, reply=reply), 409
    return redirect(url_for("threads.one", thread=thread, _anchor="done"), 303)


@pages.post("/threads/<thread>/phrases")
def phrases(thread: str) -> str | tuple[str, int]:
    """
    Put sentences of the phrasebook into the reply's box. Nothing is sealed.
    """
    value, reply = exact(thread, 32), Composed.of_form(request.form)
    try:
        return _page(value, reply=reply.put_in())
    except InputError as error:
        return _page(value, said=str(error), reply=reply), 409


@pages.post("/threads/<thread>/language")
def language(thread: str) -> str:
    """
    Show codes and sentences in another language, and the reply as far as it is written.
    """
    value, vault = exact(thread, 32), door().vault
    with vault.write() as connection:
        languages.choose(connection, vault.person, request.form.get("language", ""))
    return _page(value, reply=Composed.of_form(request.form))


@pages.get("/items/<item>/download")
def download(item: str) -> Response:
    """
    A file as a download, after it verified to its end.
    """
    found = attachments.attachment(door().vault, exact(item, 16))
    return handed_out(found.chunks, found.length, disk_name(found.name, found.item))


@pages.post("/items/<item>/save")
def save(item: str) -> str:
    """
    A file into the folder that `serve` was given.
    """
    folder = door().place.save
    if folder is None:
        raise NotNowError("this vault was started without a folder to save to")
    path = attachments.save(door().vault, exact(item, 16), folder)
    return render_template("saved.html", path=path)


def _page(value: bytes, *, said: str = "", note: str = "", reply: Composed | None = None) -> str:
    after, before = _item_place(request.args.get("after")), _entry_place(request.args.get("before"))
    with door().vault.read() as connection:
        thread = reading.thread(connection, value, after=after, before=before)
    return render_template(
        "thread.html",
        thread=thread,
        states=STATES,
        statuses=STATUSES,
        languages=dict.fromkeys(lang for lang in (thread.lang, *LANGUAGES) if lang),
        book=BOOK,
        source_reads=spoken(thread.lang),
        awaited=awaited(thread.items),
        beforehand=beforehand(thread.items),
        saving=door().place.save is not None,
        said=said,
        note=note,
        reply=reply or Composed(),
        fold=reading.FOLD,
        following=None if thread.more is None else _written(thread.more),
        older=None if thread.older is None else _written(thread.older),
        later_page=after is not None,
    )


def _written(place: reading.ThreadPlace | reading.ItemPlace | reading.EntryPlace) -> str:
    return ".".join(part.hex() if isinstance(part, bytes) else str(part) for part in place)


def _item_place(text: str | None) -> reading.ItemPlace | None:
    found = re.fullmatch(r"(\d{1,10})\.([01])\.([0-9a-f]{32})\.(\d)\.([0-9a-f]{32})", text or "", re.ASCII)
    if found is None:
        return None
    return int(found[1]), int(found[2]), bytes.fromhex(found[3]), int(found[4]), bytes.fromhex(found[5])


def _entry_place(text: str | None) -> reading.EntryPlace | None:
    found = re.fullmatch(r"(\d{1,16})\.(\d{1,5})\.([0-9a-f]{64})", text or "", re.ASCII)
    return None if found is None else (int(found[1]), int(found[2]), bytes.fromhex(found[3]))


def _status(word: str) -> Status:
    for status in STATUSES:
        if status == word:
            return status
    raise InputError("that is no status")


def _thread_place(text: str | None) -> reading.ThreadPlace | None:
    found = re.fullmatch(r"([01])\.(\d{4}-\d\d-\d\d)\.([0-9a-f]{64})", text or "", re.ASCII)
    return None if found is None else (int(found[1]), found[2], bytes.fromhex(found[3]))
