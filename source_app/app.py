# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The source app, wired. Nothing is decided here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from flask import Flask, Response

from source_app import (
    appending,
    ended,
    guidance,
    landing,
    leaving,
    own_texts,
    progress,
    received,
    recipients,
    returning,
    thread,
    waiting,
    writing,
)
from source_app.even import keep_steps
from source_app.gateways import turn_away
from source_app.headers import guard
from source_app.intake import Intake
from source_app.kdf import Derivations
from source_app.languages import LANGUAGES, speak
from source_app.memory import Memory
from source_app.pages import Pages
from source_app.parts import KEY, Parts
from source_app.refusals import answer_errors
from source_app.session import Sealer
from source_app.settings import SourceSettings
from source_app.shelf import TOPICS, Shelf
from source_app.static_files import serve_files
from source_app.visitors import carry
from store.engine import open_store

View: TypeAlias = Callable[[], Response]

_log = logging.getLogger("source_app")

_PAGES: Final[tuple[tuple[str, str, View], ...]] = (
    ("GET", "", landing.show),
    ("GET", "write", writing.show),
    ("POST", "write", writing.take),
    ("GET", "return", returning.show),
    ("POST", "return", returning.take),
    ("GET", "waiting", waiting.show),
    ("GET", "received", received.show),
    ("POST", "known", received.know),
    ("POST", "attach", received.attach),
    ("GET", "files", received.files),
    ("POST", "files", received.add),
    ("GET", "before", received.before),
    ("GET", "sent", received.sent),
    ("GET", "progress", progress.show),
    ("GET", "still", progress.still),
    ("POST", "slip", appending.give),
    ("GET", "thread", thread.show),
    ("POST", "thread", thread.turn),
    ("POST", "answer", thread.answer),
    ("POST", "delete", thread.delete),
    ("POST", "forget", thread.forget),
    ("POST", "leave", leaving.leave),
    ("POST", "exit", leaving.escape),
    ("GET", "blank", leaving.blank),
    *(("GET", guidance.address(topic), partial(guidance.show, topic)) for topic in TOPICS),
    ("GET", "authorship", guidance.authorship),
    ("POST", "again", ended.take),
)


def create_app(settings: SourceSettings) -> Flask:
    """
    Make the app. Make it before forking: its memory is shared by whoever is forked from it.

    Args:
        settings: what the installation decided.

    Raises:
        StoreError: the folder holds no store of this version.
    """
    app = Flask("source_app", static_folder=None)
    # A redirect to a tidier address would name the host that the request named.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.jinja_environment = Pages
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    store = open_store(settings.store)
    memory = Memory()
    own = own_texts.read(settings.texts)
    for trouble in own.troubles:
        _log.warning("texts: %s", trouble)
    app.extensions[KEY] = Parts(
        settings=settings,
        store=store,
        intake=Intake(
            store,
            reserve=settings.reserve_bytes,
            writers=settings.workers * settings.threads,
            quota=settings.thread_bytes,
        ),
        memory=memory,
        sealer=Sealer(memory),
        derivations=Derivations(settings.slots, memory),
        own=own,
        shelf=Shelf(own.texts),
    )
    speak(app)
    carry(app)
    guard(app)
    turn_away(app)
    answer_errors(app)
    serve_files(app, own)
    keep_steps(app)
    _route(app, "GET", "/", "choose", landing.choose)
    _route(app, "GET", recipients.ADDRESS, "recipients", recipients.show)
    _route(app, "POST", "/parts", "parts", appending.take)
    for language in LANGUAGES:
        for method, name, view in _PAGES:
            # Lines in the log say the name, so it is the same in every language.
            _route(app, method, f"/{language.path}/{name}", f"{method} {name}", view)
    return app


def _route(app: Flask, method: str, address: str, name: str, view: View) -> None:
    app.add_url_rule(address, name, view, methods=[method], provide_automatic_options=False)
