# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Roots, cards and sheets on the desk, and the server's own keys.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from crypto import canonical
from crypto.canonical import Fields
from crypto.derive import CHEAPEST as CHEAPEST_KDF
from crypto.passwords import CHEAPEST
from crypto.signing import SignedDocument
from journalist_app.desk import create_app
from journalist_app.desk.errors import InstallError, KeysError
from journalist_app.desk.installing import install, kind_of, unpack
from journalist_app.desk.keys import NAME, ServerKeys, make_server_keys
from journalist_app.desk.settings import SettingsError
from store import seats
from tests.journalist_app.bundle.organisation import FIRST_DAY, Organisation
from tests.journalist_app.desk.conftest import Desk, form


def bring(desk: Desk, browser, *raws: bytes, fingerprint: str = ""):
    """Upload documents as the page does."""
    body = form(
        ("token", desk.token(browser).encode()),
        ("fingerprint", fingerprint.encode()),
        *(("file", raw) for raw in raws),
    )
    return browser.post("/documents", data=body, content_type="multipart/form-data; boundary=b")


def install_file(organisation: Organisation, *numbers: int) -> bytes:
    """What the ceremony writes for the server."""
    return canonical.encode(
        {
            "root": organisation.root.signed.encode().decode(),
            "card": organisation.card.signed.encode().decode(),
            "sheets": [organisation.sheets[number].signed.encode().decode() for number in numbers],
        }
    )


def test_the_first_documents_need_the_fingerprint(bare_desk: Desk) -> None:
    """A wrong digit refuses all of it; the right forty install root, card and sheet, and the page shows them."""
    ours, browser = bare_desk.organisation, bare_desk.browser("mei")
    assert "Nothing is installed yet" in browser.get("/documents").text
    raw = install_file(ours, 1)
    wrong = ours.root.fingerprint[:-1] + ("0" if ours.root.fingerprint[-1] != "0" else "1")
    for said in (wrong, "", ours.root.fingerprint[:-6]):
        response = bring(bare_desk, browser, raw, fingerprint=said)
        assert response.status_code == 409
        assert seats.organisation(bare_desk.store).root is None
    response = bring(bare_desk, browser, raw, fingerprint=ours.root.fingerprint.replace(" ", ""))
    assert response.status_code == 200
    for group in ours.root.fingerprint.split():
        assert group in response.text
    assert seats.organisation(bare_desk.store).active == (1,)
    assert "sheet 1 of seat 1 installed" in browser.get("/log").text


def test_a_root_with_codenames_for_tests_is_not_installed(bare_desk: Desk) -> None:
    """Guessing codenames of such a root would cost nothing (spec D2); the right fingerprint does not help."""
    cheap = Organisation(1, costs=CHEAPEST_KDF)
    with pytest.raises(InstallError, match="too cheap"):
        install(
            bare_desk.store, [cheap.root.signed.encode()], by="test", day=FIRST_DAY, fingerprint=cheap.root.fingerprint
        )
    assert seats.organisation(bare_desk.store).root is None


def test_pages_that_need_an_organisation_say_what_is_missing(bare_desk: Desk) -> None:
    """Before the first documents, batches and outboxes are refused in words."""
    browser = bare_desk.browser("mei")
    for address in ("/batches", "/outboxes"):
        response = browser.get(address)
        assert response.status_code == 409
        assert "no root and card are installed yet" in response.text


def test_a_card_and_new_sheets_are_installed_together(desk: Desk) -> None:
    """Several files in one form, in any order; a seat that is gone loses its sheet."""
    ours, browser = desk.organisation, desk.browser("mei")
    card = ours.new_card(2, (1, 2))
    sheet = ours.new_sheet(1, 2)
    response = bring(desk, browser, sheet.signed.encode(), card.signed.encode())
    assert response.status_code == 200
    installed = seats.organisation(desk.store)
    assert installed.card == card.signed.encode()
    assert installed.active == (1, 2)


def test_the_same_again_has_no_effect(desk: Desk) -> None:
    """Installing what is installed is no error."""
    ours = desk.organisation
    before = seats.organisation(desk.store)
    response = bring(desk, desk.browser("mei"), ours.root.signed.encode(), ours.card.signed.encode())
    assert response.status_code == 200
    assert response.text.count("was installed already") == 2
    assert seats.organisation(desk.store) == before


def refused_documents(desk: Desk, case: str) -> list[bytes]:  # noqa: PLR0911 - one case, one return
    """A good sheet, and one document that is refused."""
    ours, theirs = desk.organisation, Organisation()
    good = ours.new_sheet(1, 5).signed.encode()
    match case:
        case "older card":
            bring(desk, desk.browser("mei"), ours.signed_card(3))
            return [good, ours.signed_card(2)]
        case "same card number":
            return [good, ours.signed_card(1, (1, 2))]
        case "t - 1 signatures":
            return [good, ours.signed_card(2, signatures=1)]
        case "foreign card":
            return [good, theirs.card.signed.encode()]
        case "foreign root":
            return [good, theirs.root.signed.encode()]
        case "older sheet":
            bring(desk, desk.browser("mei"), ours.new_sheet(2, 7).signed.encode())
            return [good, ours.new_sheet(2, 6).signed.encode()]
        case "sheet by another seat":
            document = ours.new_sheet(2, 2).signed.document
            key = ours.laptops[3].signing
            return [good, SignedDocument(document, ((key.public, key.sign("sheet", document)),)).encode()]
        case "sheet of no seat":
            return [good, theirs.new_sheet(1, 9).signed.encode()]
        case "another kind":
            from journalist_app.bundle.outbox_manifest import Acknowledgement

            return [good, Acknowledgement(seat=1, batch=1, digest=bytes(32)).sign(ours.laptops[1].signing).encode()]
        case _:
            return [good, b"not a document"]


@pytest.mark.parametrize(
    "case",
    [
        "older card",
        "same card number",
        "t - 1 signatures",
        "foreign card",
        "foreign root",
        "older sheet",
        "sheet by another seat",
        "sheet of no seat",
        "another kind",
        "noise",
    ],
)
def test_one_bad_document_refuses_all(desk: Desk, case: str) -> None:
    """A good sheet beside it is not installed either."""
    raws = refused_documents(desk, case)
    before = seats.organisation(desk.store)
    response = bring(desk, desk.browser("mei"), *raws)
    assert 400 <= response.status_code < 500
    assert "Nothing was changed" in response.text
    assert seats.organisation(desk.store) == before


def test_a_card_with_another_servers_keys_is_noticed(desk: Desk, tmp_path: Path) -> None:
    """The page warns that vaults will refuse this desk's batches."""
    make_server_keys(tmp_path / "other")
    settings = dataclasses.replace(desk.settings, keys=tmp_path / "other" / NAME)
    desk.app = create_app(settings, profile=CHEAPEST, clock=desk.clock)
    assert "names another server" in desk.browser("mei").get("/documents").text


def test_server_keys_are_made_once_and_read_back(tmp_path: Path) -> None:
    """Mode 0600, never replaced, and the public file names the same keys."""
    made = make_server_keys(tmp_path / "keys")
    path = tmp_path / "keys" / NAME
    assert path.stat().st_mode & 0o777 == 0o600
    loaded = ServerKeys.load(path)
    assert loaded.signing.public == made.signing.public
    assert loaded.public() == made.public()
    fields = Fields.decode(made.public(), "public", limit=4_096)
    assert fields.hex("signing", 32) == made.signing.public
    assert fields.text("transfer", 2_048) == str(made.transfer.recipient)
    assert bytes(made.signing.seed).hex().encode() not in made.public()
    with pytest.raises(KeysError, match="exists already"):
        make_server_keys(tmp_path / "keys")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700 | 0o001])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """Group or others, reading or writing or running."""
    make_server_keys(tmp_path)
    (tmp_path / NAME).chmod(mode)
    with pytest.raises(KeysError, match="must be 0600"):
        ServerKeys.load(tmp_path / NAME)


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b'{"kind":"server keys"}', b"x" * 5_000], ids=["empty", "object", "part", "long"]
)
def test_a_damaged_key_file_is_refused_without_quoting_it(tmp_path: Path, raw: bytes) -> None:
    """The error names the file and nothing in it."""
    path = tmp_path / NAME
    path.write_bytes(raw)
    path.chmod(0o600)
    with pytest.raises(KeysError, match="not a file of server keys"):
        ServerKeys.load(path)
    with pytest.raises(KeysError):
        ServerKeys.load(tmp_path / "missing.json")


def test_keys_do_not_print(tmp_path: Path) -> None:
    """Neither half shows in a traceback."""
    made = make_server_keys(tmp_path)
    assert bytes(made.signing.seed).hex() not in repr(made)
    assert repr(made) == "ServerKeys()"


def test_files_that_are_no_documents_are_told_apart() -> None:
    """One document, an install file, or neither."""
    ours = Organisation()
    assert [kind_of(raw) for raw in unpack(install_file(ours, 1, 2))] == ["root", "card", "sheet", "sheet"]
    assert unpack(ours.card.signed.encode() + b"\n") == (ours.card.signed.encode(),)
    for bad in (b'{"root":"x"}', b'{"card":"","root":"","sheets":[1]}'):
        with pytest.raises(InstallError):
            unpack(bad)


@pytest.mark.parametrize(
    "change",
    [{"organisation": " "}, {"organisation": "a\nb"}, {"threads": 1}, {"idle_minutes": 0}, {"outbox_bytes": 1}],
)
def test_settings_outside_their_bounds_are_refused(desk: Desk, change) -> None:
    """When they are made, not when a page needs them."""
    with pytest.raises(SettingsError):
        dataclasses.replace(desk.settings, **change)


def next_root(organisation: Organisation) -> Organisation:
    """The same organisation under root 2: its card and sheets made anew."""
    from crypto.issue import make_root
    from crypto.root import Root

    draft = make_root(
        number=2,
        threshold=2,
        keys=[key.public for key in organisation.root_keys],
        generations=organisation.root.generations,
        first_day=organisation.root.first_day,
    )
    organisation.root = Root.decode(organisation.by_root(draft, 2).encode())
    organisation.card = organisation.new_card(2)
    organisation.sheets = {number: organisation.new_sheet(number, 2) for number in organisation.laptops}
    return organisation


def test_a_new_root_comes_with_its_card_and_sheets(desk: Desk) -> None:
    """Alone it would leave nobody to seal to, so it is refused; all together are installed."""
    renewed = next_root(desk.organisation)
    browser = desk.browser("mei")
    before = seats.organisation(desk.store)
    response = bring(desk, browser, renewed.root.signed.encode())
    assert response.status_code == 409
    assert "together with the new root" in response.text
    assert seats.organisation(desk.store) == before
    assert bring(desk, browser, install_file(renewed, 1, 2, 3)).status_code == 200
    assert browser.get("/batches").status_code == 200
    assert seats.organisation(desk.store).active == (1, 2, 3)
