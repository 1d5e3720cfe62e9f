# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Client keys and onion keys: files in tor's folders, as tor reads them, and the door that is never open by accident.
"""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from deploy import desk_keys, doors, onion_keys, server
from deploy.errors import DeployError, DeskKeyError, OnionKeyError
from deploy.verbs.desk_key import desk_key_verbs, onion_key_verbs
from store import audit

ADDRESS = onion_keys.address_of_public(bytes(SigningKey(bytes(32)).verify_key))


def secret(seed: bytes = bytes(32)) -> bytes:
    """A secret key file as tor writes it: the expanded Ed25519 key."""
    import hashlib

    expanded = bytearray(hashlib.sha512(seed).digest())
    expanded[0] &= 248
    expanded[31] = (expanded[31] & 63) | 64
    return onion_keys.HEADER + bytes(expanded)


@pytest.fixture
def tor(tmp_path: Path) -> Path:
    """Tor's folder with a desk that tor has made."""
    folder = tmp_path / "tor"
    (folder / "dengwen-desk").mkdir(parents=True, mode=0o700)
    (folder / "dengwen-desk/hostname").write_text(f"{ADDRESS}.onion\n")
    return folder


@pytest.fixture
def desk(tor: Path) -> Path:
    return tor / "dengwen-desk"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    server.initialise(tmp_path / "d", "Centre")
    return tmp_path / "d"


def acts(folder: Path) -> list[str]:
    return [one.act for one in audit.newest(server.opened(folder), limit=10)]


def test_a_key_is_a_pair_of_which_the_server_keeps_the_public_half(desk: Path) -> None:
    """What is shown opens what is written: the private half gives the public one, and lies nowhere."""
    made = desk_keys.add(desk, "Tenzin")
    private = base64.b32decode(made.private + "====")
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    written = (desk / "authorized_clients/Tenzin.auth").read_text()
    assert written == f"descriptor:x25519:{base64.b32encode(public).decode().rstrip('=')}\n"
    assert made.line == f"{ADDRESS}:descriptor:x25519:{made.private}"
    assert made.private not in repr(made)
    assert all(made.private not in path.read_text() for path in desk.rglob("*") if path.is_file())


def test_the_door_is_barred_before_the_first_key_and_after_the_last(desk: Path) -> None:
    """An empty folder would let everybody in: a key that nobody has is there all the time, and is in no list."""
    assert not desk_keys.barred(desk)
    desk_keys.add(desk, "Tenzin")
    assert desk_keys.names(desk) == ("Tenzin",)
    desk_keys.revoke(desk, "Tenzin")
    assert desk_keys.names(desk) == ()
    assert desk_keys.barred(desk)
    assert [path.name for path in (desk / "authorized_clients").iterdir()] == ["nobody.auth"]


def test_a_door_is_barred_before_tor_first_opens_it(tor: Path) -> None:
    """Barring makes the service's folder, closed to others, twice without a change."""
    ssh = tor / "dengwen-ssh"
    desk_keys.bar(ssh)
    before = (ssh / "authorized_clients/nobody.auth").read_bytes()
    desk_keys.bar(ssh)
    assert (ssh / "authorized_clients/nobody.auth").read_bytes() == before
    assert re.fullmatch(rb"descriptor:x25519:[A-Z2-7]{52}\n", before)
    assert [path.stat().st_mode & 0o7777 for path in (ssh, ssh / "authorized_clients")] == [0o750, 0o750]
    assert (ssh / "authorized_clients/nobody.auth").stat().st_mode & 0o7777 == 0o600


def test_a_key_is_never_replaced_in_silence(desk: Path) -> None:
    """Whoever has a key keeps it until it is revoked."""
    desk_keys.add(desk, "Tenzin")
    before = (desk / "authorized_clients/Tenzin.auth").read_bytes()
    with pytest.raises(DeskKeyError, match="revoke it first"):
        desk_keys.add(desk, "Tenzin")
    assert (desk / "authorized_clients/Tenzin.auth").read_bytes() == before


def test_what_is_not_there_is_not_revoked(desk: Path) -> None:
    """A slip of the pen is said, not taken for done."""
    desk_keys.bar(desk)
    with pytest.raises(DeskKeyError, match="has no key"):
        desk_keys.revoke(desk, "Tenzin")


@pytest.mark.parametrize(
    "name",
    ["", " x", "../x", "a/b", ".hidden", "..", "nobody", "x" * 65, "茶" * 64 + "茶", "a\x00b", "a\nb", "茶" * 67],
)
def test_a_name_that_is_no_file_name_is_refused(desk: Path, name: str) -> None:
    """Nothing that leaves the folder, hides in it, or means nobody."""
    with pytest.raises(DeskKeyError):
        desk_keys.add(desk, name)
    assert not (desk / "authorized_clients").exists()


@given(st.text(max_size=70))
def test_every_name_that_is_taken_is_one_file_in_its_folder(name: str) -> None:
    """Whatever passes names a file of that folder and no other, in 255 bytes, and passes again unchanged."""
    try:
        taken = desk_keys.file_name(name)
    except DeskKeyError:
        return
    assert desk_keys.file_name(taken) == taken
    assert Path("/folder", taken + desk_keys.SUFFIX).parent == Path("/folder")
    assert len((taken + desk_keys.SUFFIX).encode()) <= 255


def test_a_folder_that_is_a_link_is_not_followed(desk: Path, tmp_path: Path) -> None:
    """Tor's account cannot make root write elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (desk / "authorized_clients").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeskKeyError):
        desk_keys.add(desk, "Tenzin")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_onion_that_tor_has_not_made_has_no_keys(tmp_path: Path) -> None:
    """Without an address, a key would be good for nothing."""
    with pytest.raises(OnionKeyError, match="when it first starts"):
        desk_keys.add(tmp_path / "dengwen-desk", "Tenzin")


def test_the_operator_gives_and_takes_keys_and_the_log_knows(folder: Path, tor: Path, tmp_path: Path) -> None:
    """`desk-key add`, `list`, `revoke` without a running tor: each does its part, says what is left, and is in the audit log."""
    common = ["--dir", str(folder), "--tor-folder", str(tor)]
    control = ["--control", str(tmp_path / "none")]
    added = CliRunner().invoke(desk_key_verbs, ["add", *common, *control, "Tenzin"])
    assert added.exit_code == 0, added.output
    assert re.search(rf"^{ADDRESS}:descriptor:x25519:[A-Z2-7]{{52}}$", added.output, re.MULTILINE)
    assert "systemctl reload tor@default" in added.output
    assert CliRunner().invoke(desk_key_verbs, ["list", *common]).output == "Tenzin\n"
    revoked = CliRunner().invoke(desk_key_verbs, ["revoke", *common, *control, "Tenzin"])
    assert isinstance(revoked.exception, DeployError)
    assert "systemctl restart tor@default" in str(revoked.exception)
    assert CliRunner().invoke(desk_key_verbs, ["list", *common]).output == ""
    assert set(acts(folder)) == {
        "dengwen: Tenzin is given a key to dengwen-desk",
        "dengwen: the key of Tenzin to dengwen-desk is revoked",
    }


def test_a_key_that_could_not_be_made_is_not_in_the_log(folder: Path, desk: Path, tmp_path: Path) -> None:
    """Key and line of the log: both, or neither."""
    doors.add(folder, "Tenzin", desk, tmp_path / "none")
    with pytest.raises(DeskKeyError):
        doors.add(folder, "Tenzin", desk, tmp_path / "none")
    assert acts(folder) == ["dengwen: Tenzin is given a key to dengwen-desk"]


def test_the_list_says_when_a_door_stands_open(folder: Path, tor: Path) -> None:
    """No key at all, not even nobody's: everybody who knows the address is in, and the operator is told."""
    told = CliRunner().invoke(desk_key_verbs, ["list", "--dir", str(folder), "--tor-folder", str(tor)])
    assert "open to everybody" in told.output


def test_a_name_that_another_account_gave_does_nothing_to_the_terminal(folder: Path, tor: Path, desk: Path) -> None:
    """Whoever took over tor's account may put files there; the list is read by root."""
    desk_keys.bar(desk)
    (desk / "authorized_clients/\x1b[2J.auth").write_bytes(b"")
    told = CliRunner().invoke(desk_key_verbs, ["list", "--dir", str(folder), "--tor-folder", str(tor)], color=True)
    assert "\\x1b[2J" in told.output
    assert "\x1b" not in told.output


def test_an_imported_key_keeps_its_address(tor: Path, tmp_path: Path) -> None:
    """Tor itself, given an imported key, has the address that the import printed."""
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / onion_keys.SECRET).write_bytes(secret(b"\x07" * 32))
    done = CliRunner().invoke(onion_key_verbs, ["import", "--from", str(tmp_path / "saved"), "--tor-folder", str(tor)])
    assert done.exit_code == 0, done.output
    source = tor / "dengwen-source"
    (source / "hostname").unlink()
    assert done.output.splitlines()[0] == f"{hosted(tor, source)}.onion"
    assert (source / onion_keys.SECRET).stat().st_mode & 0o7777 == 0o600


def test_a_key_that_tor_made_is_exported_by_copying(tor: Path) -> None:
    """What tor made elsewhere, imported here, gives the same address again."""
    made = hosted(tor, tor / "old")
    desk_keys.bar(tor / "new")
    assert onion_keys.install(tor / "new", tor / "old") == made
    assert onion_keys.address(tor / "new") == made
    assert hosted(tor, tor / "new") == made


def hosted(tor: Path, service: Path) -> str:
    """The address a tor without network gives the service of a folder."""
    tor.chmod(0o700)
    (tor / "empty").touch()
    (tor / "torrc").write_text(
        f"DataDirectory {tor}\nSocksPort 0\nDisableNetwork 1\nHiddenServiceDir {service}\nHiddenServiceDirGroupReadable 1\nHiddenServicePort 80 unix:/nowhere\n"
    )
    command = ["tor", "--defaults-torrc", str(tor / "empty"), "-f", str(tor / "torrc"), "--quiet"]
    (service / "hostname").unlink(missing_ok=True)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        for _ in range(200):
            if (service / "hostname").exists() and (service / "hostname").stat().st_size:
                break
            try:
                running.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        running.kill()
    return onion_keys.address(service)


def test_a_key_in_place_is_never_overwritten(tor: Path, tmp_path: Path) -> None:
    """An address that sources know cannot be lost by an import."""
    (tmp_path / "key").write_bytes(secret())
    onion_keys.install(tor / "dengwen-source", tmp_path / "key")
    (tmp_path / "key").write_bytes(secret(b"\x01" * 32))
    with pytest.raises(OnionKeyError, match="exists"):
        onion_keys.install(tor / "dengwen-source", tmp_path / "key")
    assert onion_keys.address_of_secret((tor / "dengwen-source" / onion_keys.SECRET).read_bytes()) == ADDRESS


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(secret()[:-1], id="short"),
        pytest.param(secret() + b"x", id="long"),
        pytest.param(b"== ed25519v1-public: type0 ==\x00\x00\x00" + bytes(64), id="a public key"),
        pytest.param(onion_keys.HEADER + b"\x01" + secret()[33:], id="not a clamped scalar"),
    ],
)
def test_what_is_no_key_of_tor_is_not_imported(tor: Path, tmp_path: Path, raw: bytes) -> None:
    """One byte off, and nothing is placed."""
    (tmp_path / "key").write_bytes(raw)
    with pytest.raises(OnionKeyError):
        onion_keys.install(tor / "dengwen-source", tmp_path / "key")
    assert not (tor / "dengwen-source").exists()


@given(st.binary(min_size=32, max_size=32))
def test_the_address_of_a_secret_key_is_that_of_its_public_half(seed: bytes) -> None:
    """Derived by scalar multiplication, it equals what the signing library derives from the seed."""
    assert onion_keys.address_of_secret(secret(seed)) == onion_keys.address_of_public(
        bytes(SigningKey(seed).verify_key)
    )


@pytest.mark.parametrize(
    "written",
    ["", "x.onion\n", ADDRESS + "\n", f"{'a' * 56}.onion\n", f"{ADDRESS}.onion", f"{ADDRESS}.onion\n\n"],
    ids=["empty", "short", "no ending", "wrong checksum", "no line end", "two"],
)
def test_a_hostname_that_is_none_is_refused(tor: Path, written: str) -> None:
    """Only an address whose checksum holds is one."""
    (tor / "dengwen-desk/hostname").write_text(written)
    with pytest.raises(OnionKeyError, match="no onion address"):
        onion_keys.address(tor / "dengwen-desk")
