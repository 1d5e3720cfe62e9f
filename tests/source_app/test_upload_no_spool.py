# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Plaintext never touches the disk: the framework's own form readers, which spool it, are never reached.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from werkzeug.formparser import FormDataParser

from source_app.app import create_app
from source_app.settings import SourceSettings
from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Page, PageForm


class SpoolingError(AssertionError):
    """The framework was asked to read a form."""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    store = new_store(tmp_path / "store")
    Throwaway().install(store)
    store.close()

    def spool(*_: object, **__: object) -> None:
        raise SpoolingError

    # Every way to `request.form`, `request.files`, `request.values` and `request.get_data(parse_form_data=True)`.
    monkeypatch.setattr(FormDataParser, "parse", spool)
    for maker in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, maker, spool)
    return create_app(SourceSettings(store=tmp_path / "store", organisation="Throwaway", reserve_bytes=0))


def form_on(browser: FlaskClient, address: str, *offered: str) -> PageForm:
    answer = browser.get(address)
    return Page(answer.status_code, address, answer.get_data(as_text=True), {}).form(*offered)


def post(browser: FlaskClient, form: PageForm, *parts: bytes) -> int:
    raw = body(*(text(name, value) for name, value in form.hidden.items()), *parts)
    answer = browser.post(form.action, input_stream=io.BytesIO(raw), content_length=len(raw), content_type=CONTENT_TYPE)
    return answer.status_code


def test_no_form_is_read_by_the_framework(app: Flask) -> None:
    """Write, attach, answer, return and log out all pass with the framework's readers and temporary files forbidden."""
    browser = app.test_client()
    assert (
        post(browser, form_on(browser, "/en/write", "message"), text("message", "words"), file("a", b"x" * 600_000))
        == 303
    )
    assert post(browser, form_on(browser, "/en/received", "files"), file("b", b"x" * 600_000)) == 303
    assert (
        post(browser, form_on(browser, "/en/thread", "message", "files"), text("message", "m"), file("c", b"y")) == 303
    )
    assert post(browser, form_on(browser, "/en/return", "codename"), text("codename", "not a codename")) == 400


def test_the_tripwire_works(app: Flask) -> None:
    """A page that did ask the framework would fail this file's test."""
    context = app.test_request_context("/", method="POST", data={"a": (io.BytesIO(b"x"), "a")})
    with context, pytest.raises(SpoolingError):
        request.files.to_dict()
