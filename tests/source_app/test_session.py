# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Cookies and tokens: sealed, of one length, understood by every worker until they end.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.derive import Subkeys
from crypto.hidden import Hidden
from source_app.memory import ROTATION, Memory
from source_app.session import EndedError, Form, Kind, Sealer, Session, new_form

BYTES = {size: st.binary(min_size=size, max_size=size) for size in (16, 18, 32)}
SUBKEYS = st.tuples(BYTES[32], BYTES[32], BYTES[32]).map(lambda three: Subkeys(*map(Hidden, three)))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def sealer(clock: Clock) -> Sealer:
    """A sealer on that clock."""
    return Sealer(Memory(clock=clock))


def first_form() -> Form:
    """A first contact's form."""
    return new_form(Kind.WRITE, secret=Hidden(b"s" * 18))


def a_session(sealer: Sealer, *, first: Form | None = None) -> Session:
    """A visit."""
    return sealer.begin(1, Subkeys(Hidden(b"l" * 32), Hidden(b"t" * 32), Hidden(b"r" * 32)), first=first)


@given(BYTES[16].filter(any), st.integers(1, 2**31 - 1), SUBKEYS, st.none() | BYTES[18])
def test_a_session_comes_back_as_it_went(name: bytes, generation: int, subkeys: Subkeys, secret: bytes | None) -> None:
    """With the codename or without, and every cookie has the same length."""
    sealer = Sealer(Memory())
    until = sealer._memory.now() + 100 if secret is not None else 0
    hidden = None if secret is None else Hidden(secret)
    session = Session(id=name, generation=generation, subkeys=subkeys, secret=hidden, shown_until=until)
    cookie = sealer.cookie(session)
    assert sealer.session(cookie) == session
    assert len(cookie) == 244


@given(st.sampled_from(Kind), BYTES[16], BYTES[16], BYTES[18])
def test_a_form_comes_back_as_it_went(kind: Kind, name: bytes, session: bytes, secret: bytes) -> None:
    """Only a first contact's token, and the cookie that remembers it, carries a codename; all have the same length."""
    sealer = Sealer(Memory())
    carried = Hidden(secret) if kind in (Kind.WRITE, Kind.PAST) else None
    form = Form(kind=kind, id=name, session=session, secret=carried)
    token = sealer.token(form)
    assert sealer.form(token) == form
    assert len(token) == len(sealer.token(first_form()))


@given(st.integers(0, 239), st.integers(1, 255))
def test_a_changed_cookie_opens_nothing(place: int, change: int) -> None:
    """Whatever byte was changed, and to whatever."""
    sealer = Sealer(Memory())
    cookie = bytearray(sealer.cookie(a_session(sealer)).encode())
    cookie[place] = (cookie[place] + change) % 256
    with pytest.raises(EndedError):
        sealer.session(cookie.decode("latin-1"))


@given(st.text(max_size=300))
def test_whatever_a_browser_brings_is_at_worst_an_ended_visit(value: str) -> None:
    """No other error."""
    sealer = Sealer(Memory())
    with pytest.raises(EndedError):
        sealer.session(value)
    with pytest.raises(EndedError):
        sealer.form(value)


def test_a_token_is_no_cookie_and_a_cookie_no_token(sealer: Sealer) -> None:
    """Each purpose has its own key."""
    with pytest.raises(EndedError):
        sealer.session(sealer.token(first_form()))
    with pytest.raises(EndedError):
        sealer.form(sealer.cookie(a_session(sealer)))


def test_a_cookie_never_shows_the_same_bytes_twice(sealer: Sealer) -> None:
    """Its nonce is fresh each time."""
    session = a_session(sealer)
    assert sealer.cookie(session) != sealer.cookie(session)


def test_another_servers_cookie_opens_nothing(sealer: Sealer) -> None:
    """Nor does one from before a restart."""
    with pytest.raises(EndedError):
        sealer.session(Sealer(Memory()).cookie(a_session(sealer)))


def test_a_visit_slides_and_ends_after_silence(sealer: Sealer, clock: Clock) -> None:
    """Sealed anew on each answer it lasts; left alone it ends between two and four hours later."""
    session = a_session(sealer)
    for _ in range(5):
        cookie = sealer.cookie(session)
        clock.now += ROTATION
        session = sealer.session(cookie)
    clock.now += 2 * ROTATION
    with pytest.raises(EndedError):
        sealer.session(cookie)


def test_leaving_ends_every_copy_of_the_cookie(sealer: Sealer) -> None:
    """And a request that still runs cannot bring the visit back."""
    session = a_session(sealer)
    cookie = sealer.cookie(session)
    sealer.leave(session.id)
    with pytest.raises(EndedError):
        sealer.session(cookie)
    with pytest.raises(EndedError):
        sealer.cookie(session)


def test_an_upload_that_still_runs_does_not_bring_the_codename_back(sealer: Sealer) -> None:
    """It began before "I have it" and ends after it; what it writes back holds subkeys only."""
    session = a_session(sealer, first=first_form())
    assert session.secret is not None
    sealer.know(session)
    assert sealer.session(sealer.cookie(session)).secret is None


def test_the_codename_is_out_of_the_cookie_when_its_time_is_up(sealer: Sealer, clock: Clock) -> None:
    """Twenty minutes after the first answer, not after the last page."""
    session = sealer.session(sealer.cookie(a_session(sealer, first=first_form())))
    clock.now += 20 * 60 - 1
    session = sealer.session(sealer.cookie(session))
    assert session.secret is not None
    clock.now += 1
    assert sealer.session(sealer.cookie(session)).secret is None


def test_a_repeat_of_a_first_form_is_the_same_visit(sealer: Sealer) -> None:
    """So that one "I have it" and one "log out" hold for both."""
    form = first_form()
    assert a_session(sealer, first=form).id == a_session(sealer, first=form).id
    assert a_session(sealer, first=form).id != a_session(sealer, first=first_form()).id


def test_a_form_that_is_sent_again_begins_no_new_twenty_minutes(sealer: Sealer, clock: Clock) -> None:
    """However long its token opens."""
    form = first_form()
    sealer.cookie(a_session(sealer, first=form))
    clock.now += 20 * 60 - 1
    assert sealer.session(sealer.cookie(a_session(sealer, first=form))).secret is not None
    clock.now += 1
    assert a_session(sealer, first=form).secret is None


def test_a_form_that_was_sent_twice_at_once_has_one_time(sealer: Sealer, clock: Clock) -> None:
    """The first of the two answers begins it, also for the one that was on its way already."""
    form = first_form()
    one, other = a_session(sealer, first=form), a_session(sealer, first=form)
    sealer.cookie(one)
    clock.now += 20 * 60 - 1
    cookie = sealer.cookie(other)
    clock.now += 1
    assert sealer.session(cookie).secret is None


def test_the_codenames_time_does_not_run_while_no_answer_could_show_it(sealer: Sealer, clock: Clock) -> None:
    """An upload of hours, or one that was cut, must not cost the codename."""
    form = first_form()
    session = a_session(sealer, first=form)
    clock.now += 3 * 60 * 60
    sealer.cookie(session, seen=False)
    clock.now += 30 * 60
    assert sealer.session(sealer.cookie(a_session(sealer, first=form))).secret is not None


def test_a_late_i_have_it_does_not_undo_log_out(sealer: Sealer) -> None:
    """Both may be on their way at once."""
    session = a_session(sealer)
    cookie = sealer.cookie(session)
    sealer.leave(session.id)
    sealer.know(session)
    with pytest.raises(EndedError):
        sealer.session(cookie)


def test_what_is_held_opens_after_its_key_is_gone(sealer: Sealer, clock: Clock) -> None:
    """Cookie and form, as often as they are held, and no others that were sealed when they were."""
    form = first_form()
    session = a_session(sealer, first=form)
    cookie, token = sealer.cookie(session), sealer.token(form)
    other, strangers = sealer.cookie(a_session(sealer)), sealer.token(first_form())
    for _ in range(6):
        clock.now += ROTATION - 1
        sealer.hold(session.id, cookie=cookie, tokens=[token])
    assert sealer.session(cookie).id == session.id
    assert sealer.form(token) == form
    for value in (other, strangers):
        with pytest.raises(EndedError):
            sealer.session(value) if value == other else sealer.form(value)
    clock.now += 2 * ROTATION
    with pytest.raises(EndedError):
        sealer.session(cookie)
    with pytest.raises(EndedError):
        sealer.form(token)


def test_what_is_held_opens_as_what_it_was(sealer: Sealer, clock: Clock) -> None:
    """A held cookie is no token, and a held token no cookie, whatever the other length."""
    session = a_session(sealer)
    cookie, token = sealer.cookie(session), sealer.token(first_form())
    sealer.hold(session.id, cookie=cookie, tokens=[token, cookie, "noise", "", "é"])
    clock.now += 2 * ROTATION - 1
    with pytest.raises(EndedError):
        sealer.form(cookie)
    with pytest.raises(EndedError):
        sealer.session(token)


def test_a_held_visit_shows_its_codename_no_longer_than_another(sealer: Sealer, clock: Clock) -> None:
    """Its twenty minutes run; "I have it" is remembered as long as the cookie opens."""
    session = a_session(sealer, first=first_form())
    cookie = sealer.cookie(session)
    sealer.know(session)
    for _ in range(4):
        clock.now += ROTATION
        sealer.hold(session.id, cookie=cookie, tokens=[])
        assert sealer.session(cookie).secret is None


def test_a_visit_that_was_left_is_held_no_more(sealer: Sealer, clock: Clock) -> None:
    """Its cookie opens nothing for as long as the upload goes on, nor afterwards."""
    session = a_session(sealer)
    cookie = sealer.cookie(session)
    sealer.hold(session.id, cookie=cookie, tokens=[])
    sealer.leave(session.id)
    for _ in range(8):
        clock.now += ROTATION // 2
        sealer.hold(session.id, cookie=cookie, tokens=[])
        with pytest.raises(EndedError):
            sealer.session(cookie)
