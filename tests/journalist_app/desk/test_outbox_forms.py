# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The form that brings an outbox: whatever is sent in its place is refused within bounds and changes nothing.
"""

from __future__ import annotations

import dataclasses
import secrets

import pytest

from tests.journalist_app.bundle.organisation import archive
from tests.journalist_app.desk.conftest import Desk, form, state


class Endless:
    """A body of so many bytes of one kind, counting what was read."""

    def __init__(self, head: bytes, size: int, *, noise: bool) -> None:
        self.head, self.left, self.noise = head, size, noise
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        """Up to so many bytes."""
        if self.head:
            piece, self.head = self.head[:size], self.head[size:]
        else:
            piece = secrets.token_bytes(min(size, self.left)) if self.noise else bytes(min(size, self.left))
            self.left -= len(piece)
        self.taken += len(piece)
        return piece


def environ(body: Endless, length: int) -> dict[str, object]:
    """What the web server would say of such a request."""
    kind = "multipart/form-data; boundary=b"
    return {"wsgi.input": body, "CONTENT_LENGTH": str(length), "CONTENT_TYPE": kind}


@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "random"])
def test_a_hostile_upload_is_refused_within_bounds(desk: Desk, *, noise: bool) -> None:
    """A hundred megabytes of zeros or noise: refused from the first blocks; the page goes first, then the rest is read away."""
    import tracemalloc

    desk.settings = dataclasses.replace(desk.settings, outbox_bytes=200 << 20)
    from journalist_app.desk.parts import KEY

    desk.app.extensions[KEY] = dataclasses.replace(desk.app.extensions[KEY], settings=desk.settings)
    browser = desk.browser("mei")
    head = (
        f'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{desk.token(browser)}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    ).encode()
    body = Endless(head, 100 << 20, noise=noise)
    before = state(desk)
    tracemalloc.start()
    response = browser.post("/outboxes", environ_overrides=environ(body, len(head) + (100 << 20)))
    at_the_answer = body.taken
    response.close()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code == 400
    assert "ArchiveError" in response.text
    assert at_the_answer <= 1 << 20
    assert body.taken == len(head) + (100 << 20)
    assert peak < 16 << 20
    assert state(desk) == before
    assert list((desk.settings.store / "incoming").iterdir()) == []


def test_an_upload_longer_than_allowed_is_refused_from_its_header(desk: Desk) -> None:
    """Not a byte of it is read for the archive."""
    browser = desk.browser("mei")
    body = Endless(b"", 1 << 20, noise=False)
    response = browser.post(
        "/outboxes",
        environ_overrides=environ(body, 1 << 40),
    )
    assert response.status_code == 400
    assert "UploadError" in response.text
    assert body.taken == 0


@pytest.mark.parametrize("case", ["no token", "wrong token", "file first", "cut", "two files", "no form", "long field"])
def test_other_forms_than_our_own_are_refused(desk: Desk, case: str) -> None:
    """The token is first, then one file; whatever else is no upload."""
    browser = desk.browser("mei")
    token = desk.token(browser).encode()
    raw = archive(desk.organisation.outbox(1, []))
    bodies = {
        "no token": form(("file", raw)),
        "wrong token": form(("token", b"0" * 32), ("file", raw)),
        "file first": form(("file", raw), ("token", token)),
        "cut": form(("token", token), ("file", raw))[:-300_000],
        "two files": form(("token", token), ("file", raw), ("file", raw)),
        "no form": raw,
        "long field": form(("token", b"0" * 5_000), ("file", raw)),
    }
    kind = "application/x-tar" if case == "no form" else "multipart/form-data; boundary=b"
    before = state(desk)
    response = browser.post("/outboxes", data=bodies[case], content_type=kind)
    assert response.status_code in {400, 403}
    assert state(desk) == before
