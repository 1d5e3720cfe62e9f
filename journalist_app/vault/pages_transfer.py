# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Batches in, outboxes out.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from journalist_app.vault import outbox, run, sticks
from journalist_app.vault.errors import NotFoundError, NotNowError
from journalist_app.vault.guard import door
from journalist_app.vault.job import Job
from journalist_app.vault.models import batches

pages = Blueprint("transfer", __name__)

# An import that is over by then is shown as done at once.
SHORT = 0.4
SHOWN_BATCHES = 20


@pages.get("/import")
def imports() -> str:
    """
    The batch files on the sticks, and how the running import does.
    """
    with door().vault.read() as connection:
        known = connection.execute(select(batches).order_by(batches.c.number.desc()).limit(SHOWN_BATCHES)).all()
        whole = set(connection.execute(select(batches.c.number).where(batches.c.complete == 1)).scalars())
        awaited, gaps = run.awaited(connection), run.any_unexplained(connection)
    found = sticks.batches(door().place.sticks)
    return render_template(
        "import.html",
        job=door().job,
        found=found,
        known=known,
        whole=whole,
        awaited=awaited,
        gaps=gaps,
        sticks=door().place.sticks,
    )


@pages.post("/import")
def start() -> Response:
    """
    Begin an import.
    """
    entry = door()
    if entry.job is not None and entry.job.running:
        raise NotNowError("an import is running already")
    path = sticks.choose(entry.place.sticks, request.form.get("stick", ""), request.form.get("file", ""))
    form = request.form
    job = Job(entry.vault, path, without_damaged="without_damaged" in form, despite="despite" in form)
    entry.job = job
    job.start()
    job.wait(SHORT)
    return redirect(url_for("transfer.imports"), 303)


@pages.post("/import/begin-here")
def begin_here() -> Response:
    """
    A person says that no batch before the first can be had.
    """
    with door().vault.write() as connection:
        run.begin_here(connection)
    return redirect(url_for("transfer.imports"), 303)


@pages.get("/outbox")
def outboxes() -> str:
    """
    What waits, and the outboxes so far.
    """
    with door().vault.read() as connection:
        waiting, made = outbox.waiting(connection), outbox.every(connection)
    written = request.args.get("written", type=int)
    return render_template("outbox.html", waiting=waiting, made=made, sticks=door().place.sticks, written=written)


@pages.post("/outbox/freeze")
def freeze() -> Response:
    """
    Freeze what waits, and write it to the first stick.
    """
    frozen = outbox.freeze(door().vault)
    return _write(frozen.sequence)


@pages.post("/outbox/<int:sequence>/write")
def write(sequence: int) -> Response:
    """
    Write an outbox to a stick again.
    """
    return _write(sequence)


def _write(sequence: int) -> Response:
    index = request.form.get("stick", default=0, type=int)
    folders = door().place.sticks
    if not 0 <= index < len(folders) or not folders[index].is_dir():
        raise NotFoundError("that stick is not there")
    outbox.write_to(door().vault, sequence, folders[index])
    return redirect(url_for("transfer.outboxes", written=sequence), 303)
