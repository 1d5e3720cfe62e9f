# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Coming back with a codename: read it forgivingly, derive it, open the visit.

A codename that was never used opens the same page as one that was: the same derivations, one for each live generation, and the same
look-ups run for both. What is wrong with a codename is said before anything is derived.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crypto.codename import Codename
from crypto.errors import CheckError, CodenameError, SymbolCountError, UnknownSymbolError
from source_app import render
from source_app.errors import BadFormError, SourceAppError
from source_app.kdf import BusyError
from source_app.languages import foreign
from source_app.languages import translated as _
from source_app.parts import parts
from source_app.posted import Posted, read_post
from source_app.refusals import said_of, status_of, trouble_page
from source_app.session import Kind
from source_app.storing import trouble_is_said
from source_app.visitors import fresh_token, keep_ticket, visit_is
from store import threads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from crypto.derive import Subkeys
    from crypto.hidden import Hidden
    from source_app.session import Form, Session

CODENAME = "codename"
_SHOWN = 24


def show() -> Response:
    """GET: the field for a codename."""
    return render.page("return", elsewhere="return", token=fresh_token(Kind.RETURN), text="")


def take() -> Response:
    """
    POST: open the visit.

    The answer is a redirect, so that the browser's history holds no request with a codename in it.
    """
    posted = read_post(Kind.RETURN)
    text = posted.text(CODENAME)
    if posted.error is not None:
        return posted.answer(_refused(posted, text))
    if posted.form is None:
        return _again(text, (_("The page had lain open too long. Please press the button once more."),), 403)
    try:
        secret = Codename.parse(text).secret
    except CodenameError as error:
        return _again(text, said_of_codename(error), 400, wrong=True)
    try:
        with trouble_is_said():
            visit_is(session_of(secret, posted.form))
    except SourceAppError as error:
        if isinstance(error, BusyError) and error.kept:
            keep_ticket(posted.form.ticket(secret))
            return render.redirected("waiting")
        posted.failed(error)
        return _refused(posted, text)
    return render.redirected("thread")


def _refused(posted: Posted, text: str) -> Response:
    error = posted.error
    if error is None:
        raise RuntimeError("only a refused form is answered here")
    if isinstance(error, BadFormError):
        return trouble_page(error)
    return _again(text, said_of(error), status_of(error))


def session_of(secret: Hidden, form: Form) -> Session:
    """
    A new visit for a codename.

    Args:
        secret: the codename.
        form: it was typed into; sent again, it keeps its place in the line.

    Raises:
        ClosedError: nothing is installed, so nothing can be derived.
        BusyError: too many are deriving.
    """
    there = parts()
    generations = there.intake.root().generations
    # Every live generation, always: stopping at the first that is known would tell known from unknown by the clock.
    derived = there.derivations.derive(secret, generations, ticket=form.ticket(secret))
    return opened({generation.number: keys for generation, keys in zip(generations, derived, strict=True)})


def opened(derived: Mapping[int, Subkeys], *, visit: bytes | None = None) -> Session:
    """
    The visit of a codename that was derived.

    Args:
        derived: its subkeys by the generations' numbers, in their order.
        visit: the id of the visit, if it is not a new one.

    Raises:
        EndedError: that visit was left.
    """
    there = parts()
    *older, found = derived
    for number in older:
        if threads.find(there.store, derived[number].locator) is not None:
            found = number
    session = there.sealer.begin(found, derived[found])
    return session if visit is None else there.sealer.today(replace(session, id=visit))


def said_of_codename(error: CodenameError) -> tuple[str, ...]:
    """What a source is told about a codename that is none."""
    if isinstance(error, UnknownSymbolError):
        symbol = error.symbol if len(error.symbol) <= _SHOWN else error.symbol[:_SHOWN] + "…"
        said = _("“%(symbol)s” is in none of the lists.", symbol=foreign(symbol))
        if error.nearest:
            return (said, _("Did you mean: %(nearest)s?", nearest=foreign(" · ".join(error.nearest))))
        return (said, _("Numbers go from 1 to 2048."))
    if isinstance(error, SymbolCountError):
        return (_("A codename has nine words, characters or numbers. Here are %(count)s.", count=error.count),)
    if isinstance(error, CheckError):
        return (
            _("These nine do not belong together. At least one of them is another, or stands in another place."),
            _("Nothing was looked up."),
        )
    return (_("This is too long for a codename."),)


def _again(text: str, said: tuple[str, ...], status: int, *, wrong: bool = False) -> Response:
    token = fresh_token(Kind.RETURN)
    return render.page("return", status, elsewhere="return", token=token, text=text, notice=said, wrong=wrong)
