# SPDX-License-Identifier: AGPL-3.0-or-later
"""
The apps run with write-execute memory denied: no library of theirs makes code while it runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import pyotp
import pytest

from tests.journalist_app.bundle.organisation import archive
from tests.journalist_app.desk.conftest import Desk, carried_entry, form
from tests.journalist_app.desk.test_serve import PROGRAM
from tests.journalist_app.desk.test_serve import Visitor as Person
from tests.source_app.listeners import ROOT, running
from tests.source_app.throwaway import Throwaway, new_store
from tests.source_app.visitor import Upload, Visitor, write_settings

DENIED = [sys.executable, "-m", "tests.source_app.denied"]


def denied(*program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DENIED, sys.executable, *program], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("protection", [6, 7], ids=["write and execute", "read, write and execute"])
def test_such_memory_is_denied(protection: int) -> None:
    """What the other tests run under really denies it, to a program that was executed; and nothing else."""
    made = denied("-c", f"import mmap; mmap.mmap(-1, 4096, prot={protection})")
    assert "PermissionError" in made.stderr
    assert denied("-c", "import mmap; mmap.mmap(-1, 4096, prot=3); mmap.mmap(-1, 4096, prot=5)").returncode == 0


@pytest.mark.slow
def test_a_whole_visit_with_write_execute_memory_denied(tmp_path: Path) -> None:
    """A source writes, sends two megabytes, and looks for answers: KDF, sealing, database, pages in both languages."""
    organisation = Throwaway(2)
    store = new_store(tmp_path / "store")
    organisation.install(store)
    settings = write_settings(tmp_path / "s.toml", store.folder, threads=20)
    with running(["-m", "source_app.serve", "--settings", str(settings)], wrap=DENIED) as app:
        visitor = Visitor(app.line.removeprefix("listening on "))
        page = visitor.write("What I saw", "zh-Hans")
        assert page.status == 200
        page = visitor.attach(page, Upload.of("a.bin", os.urandom(2_000_000)))
        assert page.status == 200
        assert visitor.get("/en/thread").status == 200
        kinds = sorted(one.header.kind for one in organisation.opened(store))
        assert kinds == ["file", "files", "message"]
        assert app.stop() == ""


@pytest.mark.slow
def test_a_desks_day_with_write_execute_memory_denied(tmp_path: Path) -> None:
    """A reviewer logs in, takes a batch out, brings an outbox in: Argon2, TOTP, signatures, age."""
    desk = Desk(tmp_path).install()
    desk.deposit()
    with running(["-c", PROGRAM, str(tmp_path)], wrap=DENIED) as app:
        visitor = Person(app.line.rpartition("//")[2])
        mei = desk.people["mei"]
        code = pyotp.TOTP(mei.totp).at(int(time.time()))
        login = urllib.parse.urlencode({"name": "mei", "passphrase": mei.passphrase, "code": code}).encode()
        assert visitor.ask("POST", "/login", login)[0].status == 303
        token = visitor.token()
        taken = urllib.parse.urlencode({"token": token, "number": "1"}).encode()
        assert visitor.ask("POST", "/batches", taken)[0].status == 303
        assert visitor.ask("GET", "/batches/1/download")[0].status == 200
        outbox = archive(desk.organisation.outbox(1, [carried_entry(desk.organisation)]))
        body = form(("token", token.encode()), ("file", outbox))
        answer, page = visitor.ask("POST", "/outboxes", body, "multipart/form-data; boundary=b")
        assert (answer.status, b"Taken in." in page) == (200, True)
        assert app.stop() == ""
