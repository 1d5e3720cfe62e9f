# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Somebody sends what is too long, too much, or no HTTP at all, to the real servers.

Each gets a short refusal or a closed connection. Afterwards the server answers as before, has said nothing in its log, and has stored nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from deploy.processes import Running, start
from store.errors import StoreError
from tests.attacks.loopback import Said, ask, request
from tests.journeys.world import World
from tests.source_app.multipart_forms import CONTENT_TYPE, body, file, text
from tests.source_app.visitor import Visitor

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Servers:
    """Both servers, and what they say on standard error."""

    world: World
    source: Running
    desk: Running

    def origin(self, name: str) -> str:
        """Where one of them listens."""
        return (self.source if name == "source" else self.desk).url

    def rows(self) -> int:
        """How many items are stored."""
        with self.world.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM items").scalar_one())


@pytest.fixture(scope="module")
def servers(founded: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Source app and desk, as an operator starts them. Their logs are empty in the end."""
    world = founded.copied(tmp_path_factory.mktemp("oversized"))
    with ExitStack() as stack:
        started = []
        for name in ("source", "desk"):
            log = world.folder / f"{name}.log"
            one = start(
                name, "deploy", (name, "--dir", str(world.server)), log=log, temporary=world.folder / "tmp" / name
            )
            stack.callback(one.stop)
            started.append(one)
        yield Servers(world, *started)
    logged = {name: (world.folder / f"{name}.log").read_text() for name in ("source", "desk")}
    assert logged == {"source": "", "desk": ""}
    assert [path for path in (world.folder / "tmp").rglob("*") if path.is_file()] == []
    world.close()


def _lives(servers: Servers, name: str) -> bool:
    """Whether the server answers."""
    address = "/en/" if name == "source" else "/login"
    return ask(servers.origin(name), request("GET", address)).status == 200


FORM = f"Content-Type: {CONTENT_TYPE}"
PLAIN = "Content-Type: application/x-www-form-urlencoded"
REQUESTS: dict[str, bytes] = {
    "a long address": request("GET", "/en/" + "a" * 4_000),
    "a long query": request("GET", "/en/?" + "a" * 4_000),
    "many headers": request("GET", "/en/", *(f"X-{number}: a" for number in range(200))),
    "a long header": request("GET", "/en/", "X-Long: " + "a" * 20_000),
    "a megabyte of headers": request("GET", "/en/", *("X: " + "a" * 8_000 for _ in range(130))),
    "a long cookie": request("GET", "/en/thread", "Cookie: s=" + "A" * 7_000),
    "too long a cookie": request("GET", "/en/thread", "Cookie: s=" + "A" * 60_000),
    "many cookies": request("GET", "/en/thread", "Cookie: " + "; ".join(f"s{number}=A" for number in range(900))),
    "a cookie of other bytes": request("GET", "/en/thread", "Cookie: s=\u00ff\u00fe\u0080; desk=\u00ff"),
    "a negative length": request("POST", "/en/write", FORM, "Content-Length: -1"),
    "a length that is no number": request("POST", "/en/write", FORM, "Content-Length: 1e9"),
    "two lengths": request("POST", "/en/write", FORM, "Content-Length: 3", "Content-Length: 5", body=b"abcde"),
    "a length and chunks": request(
        "POST", "/en/write", FORM, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"
    ),
    "chunks without end": request(
        "POST", "/en/write", FORM, "Transfer-Encoding: chunked", body=b"FFFFFFFFFFFFFFFFF\r\n"
    ),
    "no length": request("POST", "/en/write", FORM),
    "a form of ten thousand fields": request(
        "POST",
        "/en/write",
        FORM,
        f"Content-Length: {len(body(*[text(str(n), 'x') for n in range(10_000)]))}",
        body=body(*[text(str(n), "x") for n in range(10_000)]),
    ),
    "a plain form of ten thousand fields": request(
        "POST", "/login", PLAIN, "Content-Length: 40000", body=b"a=b&" * 10_000
    ),
    "a login name of a megabyte": request(
        "POST", "/login", PLAIN, f"Content-Length: {(1 << 20) + 5}", body=b"name=" + b"n" * (1 << 20)
    ),
    "another method": request("PROPFIND", "/en/"),
    "a long method": request("A" * 3_000, "/en/"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500) + b"\r\n\r\n",
    "only line ends": b"\r\n" * 2_000,
    "another version": b"GET / HTTP/9.9\r\n\r\n",
    "a NUL in the address": b"GET /en/\x00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a folded header": request("GET", "/en/", "X: a\r\n b"),
    "a smuggled request": request(
        "POST", "/en/write", FORM, "Content-Length: 4", body=b"GETXGET /login HTTP/1.1\r\nHost: x\r\n\r\n"
    ),
}


@pytest.mark.parametrize("name", ["source", "desk"])
@pytest.mark.parametrize("raw", REQUESTS.values(), ids=REQUESTS.keys())
def test_it_is_refused_shortly(servers: Servers, name: str, raw: bytes) -> None:
    """A status of the four hundreds, or the end of the connection; never a trace, never a 500."""
    before = servers.rows()
    said = ask(servers.origin(name), raw)
    assert said.status in {0, 200, 301, 302, 303} or 400 <= said.status < 500 or said.status in {501, 505}, said
    assert b"Traceback" not in said.body
    assert b"gunicorn" not in said.body.lower()
    assert len(said.body) < 65_536
    assert said.headers.count(b"HTTP/1.1") <= 1
    assert servers.rows() == before
    assert _lives(servers, name)


PATHS = (
    "/static/../app.py",
    "/static/../../keys/server.json",
    "/static/%2e%2e/%2e%2e/keys/server.json",
    "/static/..%2f..%2fkeys%2fserver.json",
    "/static/....//....//keys/server.json",
    "/static/%5c..%5c..%5cdengwen.toml",
    "/static//etc/passwd",
    "/static/%00style.css",
    "/../../../../etc/passwd",
    "//etc/passwd",
    "/en/../../etc/passwd",
    "/blobs/../dengwen.db",
    "/batches/../../keys/server.json/download",
    "/batches/1%2f..%2f2/download",
)


@pytest.mark.parametrize("name", ["source", "desk"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_a_file(servers: Servers, name: str, path: str) -> None:
    """Only the addresses there are; nothing below them, above them or beside them."""
    said = ask(servers.origin(name), request("GET", path))
    assert said.status in {0, 301, 302, 303, 308, 400, 403, 404}, said
    for secret in (b"root:", b"server keys", b"transfer", b"SQLite", b"[source]", b"import "):
        assert secret not in said.body


@pytest.mark.parametrize(
    "name", ["../../keys/server.json", "/etc/passwd", "..", "ab" * 15, "AB" * 16, "ab/../../../dengwen.toml"]
)
def test_no_blobs_name_leads_to_another_file(servers: Servers, name: str) -> None:
    """Names of blobs come from our own rows; one that is none opens nothing and deletes nothing all the same."""
    blobs = servers.world.store.blobs
    with pytest.raises((StoreError, ValueError)):
        blobs.open(name)
    with pytest.raises((StoreError, ValueError)):
        blobs.delete(name)
    assert (servers.world.server / "keys" / "server.json").exists()
    assert (servers.world.server / "dengwen.toml").exists()


@pytest.mark.parametrize("name", ["source", "desk"])
@pytest.mark.parametrize(
    "headers",
    [
        ("Referer: http://evil.example/<script>alert(1)</script>",),
        ("Referer: http://evil.example/%0d%0aX-Injected: yes",),
        ("X-Forwarded-Host: evil.example", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https"),
        ("Forwarded: host=evil.example",),
        ("Accept-Language: <script>", "User-Agent: <script>"),
        ("X-Original-URL: /static/style.css", "X-Rewrite-URL: /log", "X-HTTP-Method-Override: DELETE"),
    ],
    ids=["referer", "referer-crlf", "forwarded-host", "forwarded", "language", "rewrite"],
)
def test_no_header_of_a_request_comes_back(servers: Servers, name: str, headers: tuple[str, ...]) -> None:
    """Not into a page, not into a header, not into where a redirect leads."""
    for address in ("/", "/en/", "/en/thread", "/nothing", "/en/nothing?x=%0d%0aX-Injected:%20yes"):
        said = ask(servers.origin(name), request("GET", address, *headers))
        whole = said.headers + said.body
        for piece in (b"evil.example", b"X-Injected", b"<script>", b"10.0.0.1"):
            assert piece not in whole
        assert said.status in {200, 302, 303, 308, 403, 404}


@pytest.mark.parametrize("name", ["source", "desk"])
def test_a_redirect_names_no_host(servers: Servers, name: str) -> None:
    """Whatever the Host header says, the way on is a path of ours."""
    for address in ("/", "/batches", "/en", "/zh-Hans", "//evil.example/%2f..", "/en//evil.example"):
        said: Said = ask(servers.origin(name), request("GET", address, host="evil.example"))
        for line in said.headers.split(b"\r\n"):
            if line.lower().startswith(b"location:"):
                where = line.split(b":", 1)[1].strip()
                assert where.startswith(b"/"), said
                assert not where.startswith(b"//"), said


UNSAID = {b"server", b"date", b"last-modified", b"etag", b"x-powered-by", b"via"}


@pytest.mark.parametrize("name", ["source", "desk"])
def test_no_answer_names_its_program_or_tells_its_clock(servers: Servers, name: str) -> None:
    """Pages, files and refusals alike: a clock's skew, read from outside, has told the hosts of onion services apart."""
    found: dict[str, list[bytes]] = {}
    for address in ("/", "/login", "/static/style.css", "/static/desk.css", "/nothing", "/en/thread"):
        said = ask(servers.origin(name), request("GET", address))
        names = {line.split(b":", 1)[0].lower() for line in said.headers.split(b"\r\n")[1:]}
        found[address] = sorted(names & UNSAID)
    assert {address: names for address, names in found.items() if names} == {}


def test_names_of_files_do_not_write_headers(servers: Servers) -> None:
    """Line ends and quotes in a name, as browsers escape them and as no browser does: listed or refused, no header, no 500."""
    visitor = Visitor(servers.source.url)
    page = visitor.write("words")
    token = page.form("files").hidden["token"]
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    for name in (
        b"a%0D%0ASet-Cookie: s=stolen",
        b'a"\r\nSet-Cookie: s=stolen\r\n\r\nx',
        b"a\rSet-Cookie: s=stolen",
        b"\xff\xfe%00",
    ):
        part = b'Content-Disposition: form-data; name="files"; filename="' + name + b'"\r\n\r\ncontent'
        raw = body(text("token", token), part)
        headers = (FORM, f"Content-Length: {len(raw)}", f"Cookie: {cookie}")
        said = ask(servers.source.url, request("POST", "/en/attach", *headers, body=raw))
        assert said.status in {200, 303, 400}, said
        assert b"stolen" not in said.headers
    after = visitor.get("/en/received")
    assert after.status == 200
    assert "s=stolen" not in str(visitor.cookies)


def test_a_body_that_is_longer_than_it_says_is_not_read_as_a_request(servers: Servers) -> None:
    """What follows a form is not a second form of the same source."""
    visitor = Visitor(servers.source.url)
    page = visitor.get("/en/write")
    before = servers.rows()
    raw = body(text("token", page.form("message").hidden["token"]), text("message", "once"))
    second = request("POST", "/en/write", FORM, f"Content-Length: {len(raw)}", body=raw)
    said = ask(servers.source.url, request("POST", "/en/write", FORM, f"Content-Length: {len(raw)}", body=raw + second))
    assert said.status in {200, 303}
    assert servers.rows() == before + 1


def test_a_name_of_a_megabyte_costs_only_its_own_form(servers: Servers) -> None:
    """It is refused, nothing of it is stored, and the visit goes on."""
    visitor = Visitor(servers.source.url)
    page = visitor.write("words")
    before = servers.rows()
    raw = body(text("token", page.form("files").hidden["token"]), file("n" * (1 << 20), b"x"))
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    headers = (FORM, f"Content-Length: {len(raw)}", f"Cookie: {cookie}")
    assert ask(servers.source.url, request("POST", "/en/attach", *headers, body=raw)).status == 400
    assert servers.rows() == before
    assert visitor.get("/en/received").status == 200
