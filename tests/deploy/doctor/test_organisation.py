# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What is installed: each document that is missing, altered or running out is said, with what to do.
"""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from crypto.age import HybridRecipient
from crypto.errors import CryptoError, EnvelopeError
from crypto.seal import Sealed
from deploy.doctor import organisation, sealing
from deploy.doctor.organisation import Standing, standing
from deploy.doctor.silence import Sign, silent_seats
from store.seats import Installed
from tests.crypto.organisations import FIRST_DAY, Organisation

ONE = Organisation.make()
FOLDER = "/var/lib/dengwen"
INSTALLED = Installed(
    root=ONE.root.signed.encode(),
    card=ONE.card.signed.encode(),
    sheets={seat: sheet.signed.encode() for seat, sheet in ONE.sheets.items()},
    active=(1, 2, 3),
    floor=0,
    version=5,
)


def flipped(raw: bytes) -> bytes:
    # The last digit of the last signature, another digit.
    at = raw.rindex(b'"', 0, len(raw) - 4) - 1
    return raw[:at] + (b"0" if raw[at : at + 1] != b"0" else b"1") + raw[at + 1 :]


def epoch(number: int) -> datetime.date:
    return FIRST_DAY + datetime.timedelta(days=14 * number)


def test_what_verifies_is_well() -> None:
    """Root, card and three sheets, each by the one above."""
    found = organisation.documents(standing(INSTALLED), FOLDER)
    assert found.ok
    assert found.seen == "Root 1, card 1 and the sheets of 3 seats are installed, and every signature holds."


def test_a_fresh_server_is_told_what_to_install() -> None:
    """Without a root intake is closed, and the command says how to open it."""
    nothing = replace(INSTALLED, root=None, card=None, sheets={})
    found = organisation.documents(standing(nothing), FOLDER)
    assert (found.ok, found.urgent) == (False, True)
    assert found.seen == "No root and no card is installed: intake is closed."
    assert f"dengwen server install --dir {FOLDER} install.json --fingerprint" in found.fix


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (replace(INSTALLED, root=flipped(ONE.root.signed.encode())), "the root: "),
        (replace(INSTALLED, card=flipped(ONE.card.signed.encode())), "the card: "),
        (replace(INSTALLED, card=b"{}"), "the card: "),
        (replace(INSTALLED, sheets={**INSTALLED.sheets, 2: flipped(INSTALLED.sheets[2])}), "the sheet of seat 2: "),
        (
            replace(INSTALLED, root=Organisation.make(name="other").root.signed.encode()),
            "the card: ",
        ),
    ],
)
def test_a_document_that_does_not_hold_is_named(changed: Installed, named: str) -> None:
    """Whoever changes a row of the database is found, and the row."""
    found = organisation.documents(standing(changed), FOLDER)
    assert (found.ok, found.urgent) == (False, True)
    assert found.seen.startswith(f"What is installed does not hold: {named}")
    assert "systemctl stop tor@default" in found.fix


def test_a_seat_without_a_sheet_is_named() -> None:
    """Nothing is sealed to it until its person brings an outbox."""
    sheets = {1: ONE.sheets[1], 3: ONE.sheets[3]}
    assert organisation.seats(ONE.card, ONE.sheets).ok
    found = organisation.seats(ONE.card, sheets)
    assert (found.ok, found.urgent) == (False, False)
    assert found.seen == "Of 3 seats on the card, 1 has no sheet that holds: seat 2."
    assert "(seat 2) writes an outbox" in found.fix


def test_a_card_without_any_sheet_is_urgent() -> None:
    """There is nobody to seal to."""
    found = organisation.seats(ONE.card, {})
    assert found.urgent
    assert "intake is closed" in found.seen
    assert "seats 1, 2, 3" in found.fix


@pytest.mark.parametrize(
    ("number", "ok", "urgent", "said"),
    [
        (0, True, False, "at least 25 epochs ahead (350 days)"),
        (12, True, False, "at least 13 epochs ahead (182 days)"),
        (13, False, False, "fewer than 13 epochs ahead; the shortest covers 168 more days"),
        (24, False, False, "covers 14 more days"),
        (25, False, True, f"is in use; it ends on {epoch(26) - datetime.timedelta(days=1)}"),
        (26, False, True, "has run out and its last key stays in use"),
    ],
)
def test_sheets_are_counted_in_epochs_ahead(number: int, *, ok: bool, urgent: bool, said: str) -> None:
    """Below thirteen somebody has been away for half a year; at the last one it is urgent."""
    found = organisation.sheets_ahead(ONE.root, ONE.sheets, 0, epoch(number))
    assert (found.ok, found.urgent) == (ok, urgent)
    assert said in found.seen
    assert ok or "seats 1, 2, 3" in found.fix


def test_a_floor_ahead_of_the_clock_counts() -> None:
    """Sealing goes by the later of the two."""
    assert organisation.sheets_ahead(ONE.root, ONE.sheets, 26, epoch(0)).urgent


def test_one_sheet_that_ran_out_is_told_beside_one_in_its_last_epoch() -> None:
    """Each seat by its number."""
    short = Organisation.make(epochs=10)
    found = organisation.sheets_ahead(ONE.root, {1: ONE.sheets[1], 2: short.sheets[2]}, 0, epoch(25))
    assert found.seen.startswith(
        "The sheet of seat 2 has run out and its last key stays in use. The last epoch on the sheet of seat 1"
    )


@pytest.mark.parametrize(
    ("threshold", "keys", "said"),
    [
        (
            1,
            1,
            "One signature is enough (1 of 1): whoever takes the key's medium and its passphrase can name seats alone, and if that medium is lost",
        ),
        (1, 3, "One signature is enough (1 of 3): whoever takes any key's medium"),
        (2, 3, "A card needs 2 of 3 root keys; 1 may be lost."),
        (2, 2, "A card needs 2 of 2 root keys; none may be lost."),
    ],
)
def test_a_threshold_is_said_for_what_it_means(threshold: int, keys: int, said: str) -> None:
    """One of one is allowed; nobody shall believe it is more."""
    found = organisation.root_keys(Organisation.make(threshold=threshold, keys=keys).root)
    assert found.ok
    assert found.seen.startswith(said)


HOLDS = standing(INSTALLED)


def test_a_message_is_really_sealed_to_every_seat() -> None:
    """The self-test uses the calls a source's message goes through."""
    found = sealing.sealing(sealing.sealed_by_seat(HOLDS, epoch(3)))
    assert found.ok
    assert found.seen == "A message was sealed to each of 3 active seats."


def broken_library(recipient: HybridRecipient, seat: int) -> Sealed:
    raise EnvelopeError("no ML-KEM here")


def crashing_library(recipient: HybridRecipient, seat: int) -> Sealed:
    raise RuntimeError("/secret/path")


def in_the_clear(recipient: HybridRecipient, seat: int) -> Sealed:
    sealed = good(recipient, seat)
    text = sealing.SIGN.encode()
    return Sealed(sealed.header, text + sealed.payload[len(text) :])


def cut(recipient: HybridRecipient, seat: int) -> Sealed:
    sealed = good(recipient, seat)
    return Sealed(sealed.header, sealed.payload[:-1])


def good(recipient: HybridRecipient, seat: int) -> Sealed:
    return sealing.real(ONE.addressees(epoch(3)))(recipient, seat)


@pytest.mark.parametrize(
    ("seal", "said"),
    [
        (broken_library, "seat 2: no ML-KEM here"),
        (crashing_library, "seat 2: an unexpected RuntimeError"),
        (in_the_clear, "seat 2: the message stands in the envelope in the clear"),
        (cut, "seat 2: the envelope has another size than a message must have"),
    ],
)
def test_sealing_that_does_not_work_is_urgent(seal: sealing.Sealing, said: str) -> None:
    """Whatever is wrong with it; nothing of an error that could carry paths is told."""
    found = sealing.sealing(sealing.sealed_by_seat(HOLDS, epoch(3), seal))
    assert (found.ok, found.urgent) == (False, True)
    assert said in found.seen
    assert "/secret" not in found.seen
    assert "systemctl restart dengwen-source" in found.fix


def test_without_an_active_seat_there_is_nothing_to_test() -> None:
    """The check says so instead of passing."""
    with pytest.raises(CryptoError):
        sealing.sealed_by_seat(replace(HOLDS, sheets={}), epoch(3))
    nothing = Standing(root=None, card=None, sheets={}, floor=0, missing=("root",), faults=())
    with pytest.raises(CryptoError):
        sealing.sealed_by_seat(nothing, epoch(3))


TODAY = datetime.date(2026, 11, 21)


def ago(days: int) -> datetime.date:
    return TODAY - datetime.timedelta(days=days)


@pytest.mark.parametrize(
    ("sign", "days"),
    [
        (Sign(seat=1, last=None, owed=None), 0),
        (Sign(seat=1, last=ago(400), owed=None), 0),
        (Sign(seat=1, last=ago(90), owed=ago(10)), 10),
        (Sign(seat=1, last=ago(10), owed=ago(90)), 10),
        (Sign(seat=1, last=None, owed=ago(90)), 90),
    ],
)
def test_silence_counts_from_the_later_of_the_debt_and_the_last_sign(sign: Sign, days: int) -> None:
    """As the vaults count it: who owes nothing is not silent."""
    assert sign.silent(TODAY) == days


def test_thirty_days_of_silence_are_said() -> None:
    """Twenty-nine are not."""
    assert silent_seats([Sign(seat=1, last=None, owed=ago(29))], TODAY).ok
    found = silent_seats([Sign(seat=1, last=None, owed=None), Sign(seat=3, last=ago(30), owed=ago(60))], TODAY)
    assert (found.ok, found.urgent) == (False, False)
    assert found.seen == "An outbox is owed: seat 3 for 30 days."
    assert "Ask the person of that seat, by another way than this server" in found.fix
