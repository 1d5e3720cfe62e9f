# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Threads: the list, one thread, what a person does with it, and its files.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from crypto.replies import STATUSES, Status
from journalist_app.vault import attachments, reading, replies
from journalist_app.vault.entries import STATES
from journalist_app.vault.errors import InputError, NotFoundError, NotNowError
from journalist_app.vault.guard import door
from journalist_app.vault.names import disk_name

pages = Blueprint("threads", __name__)

# What a reply may be marked as; the source's own language comes first on the page.
LANGUAGES = ("en", "zh-Hans", "zh-Hant", "ug", "bo", "kk", "ru", "ar", "fa", "tr")


@pages.get("/")
def index() -> str:
    """
    The list.
    """
    state = request.args.get("state")
    chosen = state if state in STATES else None
    with door().vault.read() as connection:
        rows, more = reading.page(connection, after=_cursor(request.args.get("after")), state=chosen)
    following = None if more is None else f"{more[0]}.{more[1].hex()}"
    return render_template("threads.html", rows=rows, following=following, states=STATES, state=chosen)


@pages.get("/threads/<thread>")
def one(thread: str) -> str:
    """
    One thread.
    """
    return _page(_bytes(thread, 32))


@pages.post("/threads/<thread>/<act>")
def act(thread: str, act: str) -> BaseResponse | tuple[str, int]:
    """
    Reply, note, state, status, or ask for deletion.
    """
    value, vault, form = _bytes(thread, 32), door().vault, request.form
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
        elif act == "deletion":
            replies.ask_deletion(vault, value)
        else:
            raise NotFoundError("there is no such thing to do")
    except (InputError, NotNowError) as error:
        # What was written is given back: nobody types a reply twice.
        return _page(value, said=str(error), act=act, text=text), 409
    return redirect(url_for("threads.one", thread=thread, _anchor="done"), 303)


@pages.get("/items/<item>/download")
def download(item: str) -> Response:
    """
    A file as a download, after it verified to its end.
    """
    found = attachments.attachment(door().vault, _bytes(item, 16))
    name = disk_name(found.name, found.item)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    fallback = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in plain)
    answer = Response(found.chunks, mimetype="application/octet-stream")
    answer.headers["Content-Length"] = str(found.length)
    answer.headers["Content-Disposition"] = f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name)}"
    return answer


@pages.post("/items/<item>/save")
def save(item: str) -> str:
    """
    A file into the folder that `serve` was given.
    """
    folder = door().place.save
    if folder is None:
        raise NotNowError("this vault was started without a folder to save to")
    path = attachments.save(door().vault, _bytes(item, 16), folder)
    return render_template("saved.html", path=path)


def _page(value: bytes, **said: str) -> str:
    with door().vault.read() as connection:
        thread = reading.thread(connection, value)
    theirs = next((one.row.lang for one in thread.items if one.row.kind == "message" and one.row.lang), "")
    return render_template(
        "thread.html",
        thread=thread,
        states=STATES,
        statuses=STATUSES,
        languages=dict.fromkeys(lang for lang in (theirs, *LANGUAGES) if lang),
        saving=door().place.save is not None,
        said=said,
    )


def _status(word: str) -> Status:
    for status in STATUSES:
        if status == word:
            return status
    raise InputError("that is no status")


def _cursor(text: str | None) -> tuple[str, bytes] | None:
    if text is None:
        return None
    day, _, thread = text.partition(".")
    return day[:10], _bytes(thread, 32)


def _bytes(text: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != size or value.hex() != text:
        raise NotFoundError("there is nothing here")
    return value
