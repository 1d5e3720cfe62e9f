# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Operators: one page that says how the server is, and none besides.
"""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st

from deploy.doctor.finding import Finding, Report
from deploy.doctor.finding import ReportError as WritersError
from journalist_app.desk import report as reading
from journalist_app.desk.errors import ReportError
from journalist_app.desk.guard import EVERYONE, OPEN, OPERATORS
from journalist_app.desk.health import AHEAD_MINUTES, MAX_ANSWER, STALE_MINUTES, Colour, Health, look
from journalist_app.desk.operating import fitting
from tests.journalist_app.desk.conftest import NOON, Desk
from tests.journalist_app.desk.reports import FINE, GREEN, ONION, RED, UPDATES, YELLOW, report, reports

TITLES = re.compile(r"<h2>(.*?)(?: <span.*)?</h2>")


def addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Every method and address of an app, with its endpoint; ids and numbers filled in."""
    found = []
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<\w+>", "00" * 16, re.sub(r"<int:\w+>", "1", rule.rule))
        found += [(method, address, rule.endpoint) for method in (rule.methods or set()) | {"DELETE"}]
    return found


def write(desk: Desk, found: tuple[Finding, ...], *, minutes: int = 4) -> None:
    """Let doctor have looked so many minutes ago. The desk's clock stands at noon and a login's half minute."""
    desk.settings.doctor.write_bytes(report(found, NOON, minutes=minutes))


def test_an_operator_begins_with_the_servers_health_and_can_log_out(desk: Desk) -> None:
    """The login leads there; the page has no way to any other but out."""
    write(desk, GREEN)
    person = desk.people["oskar"]
    browser = desk.app.test_client()
    form = {"name": "oskar", "passphrase": person.passphrase, "code": desk.code("oskar")}
    assert browser.post("/login", data=form).headers["Location"] == "/health"
    page = browser.get("/health").text
    assert re.findall(r'(?:href|action)="(/[^"]*)"', page) == ["/static/desk.css", "/logout"]
    assert "operator" in page
    assert desk.post(browser, "/logout").headers["Location"] == "/login"
    assert browser.get("/health").status_code == 303


def test_every_other_address_answers_an_operator_as_if_it_were_none(desk: Desk) -> None:
    """Whatever the method, with and without the token: the bytes of a page that is not there. A page added later is kept from them too."""
    desk.app.add_url_rule("/later", "later", lambda: "what a later version shows")
    desk.deposit()
    oskar, mei = desk.browser("oskar"), desk.browser("mei")
    token = desk.token(oskar)
    nowhere = oskar.get("/no/such/page")
    assert nowhere.status_code == 404
    allowed = OPEN | EVERYONE | OPERATORS
    swept = 0
    for method, address, endpoint in addresses(desk.app):
        if endpoint in allowed:
            continue
        for form in ({}, {"token": token}):
            answer = oskar.open(address, method=method, data=form)
            body = b"" if method == "HEAD" else nowhere.data
            assert (answer.status_code, answer.data) == (404, body), (method, address)
        swept += 1
    assert swept >= 40
    assert mei.get("/later").text == "what a later version shows"


def test_a_reviewer_has_no_page_of_the_server(desk: Desk) -> None:
    """It is not there for them, and no page of theirs leads to it."""
    write(desk, RED)
    mei = desk.browser("mei")
    assert mei.get("/health").status_code == 404
    assert "/health" not in mei.get("/").text


@pytest.mark.parametrize(
    ("found", "colour", "words"),
    [
        pytest.param(GREEN, "Green", "all is well", id="green"),
        pytest.param(YELLOW, "Yellow", "1 thing needs you", id="yellow"),
        pytest.param(RED, "Red", "1 thing is urgent", id="red"),
    ],
)
def test_the_colour_is_a_word_before_it_is_a_colour(
    desk: Desk, found: tuple[Finding, ...], colour: str, words: str
) -> None:
    """In the title and in the first sentence, with how old the report is; no script, nothing from elsewhere."""
    write(desk, found)
    answer = desk.browser("oskar").get("/health")
    assert answer.status_code == 200
    assert f"<title>{colour} · desk" in answer.text
    assert f"{colour}: {words}" in answer.text
    assert "Doctor looked 4 minutes ago." in answer.text
    assert "<script" not in answer.text
    assert "script-src" not in answer.headers["Content-Security-Policy"]


def test_what_is_wrong_comes_first_and_what_is_well_is_folded(desk: Desk) -> None:
    """The urgent before the rest; each says what was seen, why it matters and what to type."""
    write(desk, RED)
    page = desk.browser("oskar").get("/health").text
    assert TITLES.findall(page) == ["Onion reachable", "Updates"]
    for one in (ONION, UPDATES):
        assert one.seen.replace("'", "&#39;") in page
        assert one.why in page
        assert one.fix in page
    well = page.index("<details>")
    assert "2 things are well" in page[well:]
    assert page.index(UPDATES.fix) < well < page.index(FINE.seen)


def test_what_a_report_says_is_text(desk: Desk) -> None:
    """A finding that quotes a hostile file's name makes no tags."""
    name = "<script>alert(1)</script>"
    write(desk, (Finding(what=name, ok=False, seen=name, why=name, fix=name),))
    page = desk.browser("oskar").get("/health").text
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4


@pytest.mark.parametrize(
    ("minutes", "colour", "words"),
    [
        pytest.param(STALE_MINUTES, Colour.GREEN, "all is well.", id="just young enough"),
        pytest.param(STALE_MINUTES + 1, Colour.RED, "no report for 31 minutes", id="a minute too old"),
        pytest.param(40, Colour.RED, "no report for 40 minutes", id="old"),
        pytest.param(60 * 24 * 3, Colour.RED, "no report for 3 days", id="days old"),
        pytest.param(-AHEAD_MINUTES, Colour.GREEN, "all is well.", id="a clock's step ahead"),
        pytest.param(-90, Colour.RED, "90 minutes ahead", id="from the future"),
    ],
)
def test_only_a_young_report_is_green(desk: Desk, minutes: int, colour: Colour, words: str) -> None:
    """Silence is red, and so is a clock that moved."""
    write(desk, GREEN, minutes=minutes)
    health = look(desk.settings.doctor, NOON)
    assert health.colour == colour
    assert words in health.words


def test_an_old_report_is_red_and_still_says_what_it_found(desk: Desk) -> None:
    """With how old it is, and how to see why doctor stopped."""
    write(desk, YELLOW, minutes=40)
    page = desk.browser("oskar").get("/health").text
    assert "Red: no report for 40 minutes" in page
    assert "systemctl status dengwen-doctor" in page
    assert "What it found last" in page
    assert UPDATES.fix in page


GOOD = json.loads(report(YELLOW, NOON))
FIRST = GOOD["findings"][0]


def changed(**fields: object) -> bytes:
    return json.dumps({**GOOD, **fields}, sort_keys=True, ensure_ascii=False).encode() + b"\n"


MALFORMED = {
    "empty": b"",
    "not UTF-8": b"\xff\xfe",
    "not JSON": b"{",
    "no object": b"[]\n",
    "deep": b"[" * 100_000,
    "a number of 5,000 digits": b'{"version": ' + b"1" * 5_000 + b"}",
    "another version": changed(version=2),
    "truth for a version": changed(version=True),
    "no such day": changed(day="2026-02-30"),
    "another form of the minute": changed(minute="1:05"),
    "a minute that is none": changed(minute="25:00"),
    "a field more": changed(name="x"),
    "no findings": changed(findings=[]),
    "too many findings": changed(findings=[FIRST] * 201),
    "a finding that is none": changed(findings=[7]),
    "a finding with a field more": changed(findings=[{**FIRST, "more": ""}]),
    "a finding with a field less": changed(findings=[{k: v for k, v in FIRST.items() if k != "why"}]),
    "a number for words": changed(findings=[{**FIRST, "seen": 7}]),
    "a number for truth": changed(findings=[{**FIRST, "ok": 1}]),
    "an empty name": changed(findings=[{**FIRST, "what": ""}]),
    "a long name": changed(findings=[{**FIRST, "what": "x" * 65}]),
    "no reason": changed(findings=[{**FIRST, "why": ""}]),
    "long words": changed(findings=[{**FIRST, "seen": "x" * 1_201}]),
    "a terminal's escape": changed(findings=[{**FIRST, "seen": "\x1b[2J"}]),
    "two lines": changed(findings=[{**FIRST, "seen": "a\nb"}]),
    "well and urgent": changed(findings=[{**FIRST, "urgent": True}]),
    "well and to be mended": changed(findings=[{**FIRST, "fix": "x"}]),
    "wrong and not to be mended": changed(findings=[{**FIRST, "ok": False}]),
    "no line's end": changed()[:-1],
    "something behind it": changed() + b"\n",
    "spaces": changed().replace(b": ", b":  ", 1),
    "a field twice": b'{"day": "2026-01-01", ' + changed()[1:],
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_report_is_red_and_shows_nothing_of_itself(desk: Desk, raw: bytes) -> None:
    """One accepted form: what doctor writes. The writer's own reader refuses each of these too."""
    desk.settings.doctor.write_bytes(raw)
    page = desk.browser("oskar").get("/health").text
    assert "Red: no report of doctor: it is not a report of this version." in page
    assert "<section" not in page
    with pytest.raises(WritersError):
        Report.decode(raw)


def test_a_report_that_is_missing_huge_or_no_file_is_red(desk: Desk) -> None:
    """Each is said; none is an error, and no more is read than a report can have."""
    browser = desk.browser("oskar")
    assert "Red: no report of doctor: there is none." in browser.get("/health").text
    path = desk.settings.doctor
    path.write_bytes(b"")
    os.truncate(path, 1 << 40)
    assert f"longer than {reading.MAX_REPORT} bytes" in browser.get("/health").text
    path.unlink()
    path.mkdir()
    assert "it cannot be read (Is a directory)" in browser.get("/health").text


def test_a_pipe_in_the_reports_place_keeps_nobody_waiting(desk: Desk) -> None:
    """Doctor's account may put anything there: it is opened without waiting for who writes, and is no report."""
    os.mkfifo(desk.settings.doctor)
    asked = threading.Thread(target=reading_fails, args=(desk.settings.doctor,), daemon=True)
    asked.start()
    asked.join(10)
    assert not asked.is_alive()
    assert "Red: no report of doctor: it is no file." in desk.browser("oskar").get("/health").text


def reading_fails(path: Path) -> None:
    """It is not a report, and that is found at once."""
    with pytest.raises(ReportError, match="it is no file"):
        reading.read(path)


def test_the_longest_list_of_findings_is_cut_and_says_so(desk: Desk) -> None:
    """No page is larger than 64 KiB; the urgent are what is kept."""
    wordy = Finding(what="x", ok=False, seen="&" * 200, why="&", fix="x")
    write(desk, (*[wordy] * 100, ONION))
    page = desk.browser("oskar").get("/health")
    assert len(page.data) <= 64 << 10
    assert TITLES.findall(page.text)[0] == "Onion reachable"
    assert "do not fit here" in page.text
    assert fitting(()) == ()


@given(reports())
def test_the_desk_reads_what_doctor_writes(made: Report) -> None:
    """Field for field, though neither reading knows the other."""
    found = reading.decode(made.encode())
    assert found.at == made.at
    told = [(one.what, one.ok, one.urgent, one.seen, one.why, one.fix) for one in found.findings]
    assert told == [(one.what, one.ok, one.urgent, one.seen, one.why, one.fix) for one in made.findings]


@given(reports(), st.integers(0), st.binary(max_size=3), st.integers(0, 3))
def test_what_one_reading_refuses_the_other_refuses(made: Report, place: int, piece: bytes, cut: int) -> None:
    """Bytes changed anywhere: both take it, or neither."""
    raw = made.encode()
    place %= len(raw)
    raw = raw[:place] + piece + raw[place + cut :]
    try:
        Report.decode(raw)
    except WritersError:
        with pytest.raises(ReportError):
            reading.decode(raw)
    else:
        reading.decode(raw)


healths = st.builds(
    lambda made, age, trouble: Health(age=age, trouble=trouble, findings=tuple(reading.decode(made.encode()).findings)),
    reports(),
    st.integers(0, 10_000),
    st.sampled_from(("", "no report for 40 minutes.")),
)
SILENT = Health(age=None, trouble="no report of doctor: there is none.", findings=())


@given(healths)
@example(SILENT)
def test_a_watcher_is_told_the_same_without_the_reasons(health: Health) -> None:
    """Colour, words, age, and each finding but for why it matters; and only those bytes say it."""
    raw = health.encode()
    told = Health.decode(raw)
    assert (told.colour, told.words, told.age) == (health.colour, health.words, health.age)
    assert [(one.what, one.ok, one.urgent, one.seen, one.fix) for one in told.findings] == [
        (one.what, one.ok, one.urgent, one.seen, one.fix) for one in health.findings
    ]
    assert b'"why"' not in raw
    assert told.encode() == raw
    for bad in (raw + b"\n", raw[:-1], raw.replace(b'"version": 1', b'"version": 2')):
        with pytest.raises(ReportError):
            Health.decode(bad)


@pytest.mark.parametrize(
    "fields",
    [
        {"age": -1},
        {"age": True},
        {"age": "4"},
        {"age": 1 << 60},
        {"age": None},
        {"trouble": 7},
        {"trouble": "\x1b[2J"},
        {"trouble": "x" * 2_000},
        {"findings": []},
        {"findings": {}},
        {"findings": [{**FIRST, "ok": 1}]},
        {"more": 1},
    ],
    ids=str,
)
def test_an_answer_that_no_desk_gives_is_refused(fields: dict[str, object]) -> None:
    """A hostile server writes nothing to an operator's terminal but words of one line."""
    told = json.loads(Health(age=4, trouble="", findings=tuple(reading.decode(report(GREEN, NOON)).findings)).encode())
    raw = json.dumps({**told, **fields}, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    with pytest.raises(ReportError):
        Health.decode(raw)
    with pytest.raises(ReportError):
        Health.decode(b" " * (MAX_ANSWER + 1))
