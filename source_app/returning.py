# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Coming back with a codename: read it forgivingly, derive it, open the visit.

A codename that was never used opens the same page as one that was: the same derivations, one for each live generation, and the same
look-ups run for both. What is wrong with a codename is said before anything is derived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crypto.codename import Codename
from crypto.errors import CheckError, CodenameError, SymbolCountError, UnknownSymbolError
from source_app import render
from source_app.languages import translated as _
from source_app.parts import parts
from source_app.posted import NoTaker, read_post
from source_app.refusals import trouble_page
from source_app.session import Kind
from source_app.visitors import fresh_token, visit_is
from store import threads

if TYPE_CHECKING:
    from flask import Response

    from crypto.hidden import Hidden
    from source_app.session import Session

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
    posted = read_post(Kind.RETURN, NoTaker())
    if posted.error is not None:
        return posted.answer(trouble_page(posted.error))
    text = posted.text(CODENAME)
    if posted.form is None:
        return _again(text, (_("The page had lain open too long. Please press the button once more."),), 403)
    try:
        visit_is(session_of(Codename.parse(text).secret))
    except CodenameError as error:
        return _again(text, said_of_codename(error), 400)
    return render.redirected("thread")


def session_of(secret: Hidden) -> Session:
    """
    A new visit for a codename.

    Raises:
        ClosedError: nothing is installed, so nothing can be derived.
        BusyError: too many are deriving.
    """
    there = parts()
    generations = there.intake.root().generations
    # Every live generation, always: stopping at the first that is known would tell known from unknown by the clock.
    derived = [there.derivations.derive(secret, generation) for generation in generations]
    found = len(derived) - 1
    for number, subkeys in enumerate(derived[:-1]):
        if threads.find(there.store, subkeys.locator) is not None:
            found = number
    return there.sealer.begin(generations[found].number, derived[found])


def said_of_codename(error: CodenameError) -> tuple[str, ...]:
    """What a source is told about a codename that is none."""
    if isinstance(error, UnknownSymbolError):
        symbol = error.symbol if len(error.symbol) <= _SHOWN else error.symbol[:_SHOWN] + "…"
        said = _("“%(symbol)s” is in none of the lists.", symbol=symbol)
        if error.nearest:
            return (said, _("Did you mean: %(nearest)s?", nearest=_(" or ").join(error.nearest)))
        return (said, _("Numbers go from 1 to 2048."))
    if isinstance(error, SymbolCountError):
        return (_("A codename has nine words, characters or numbers. Here are %(count)s.", count=error.count),)
    if isinstance(error, CheckError):
        return (
            _("These nine do not belong together. At least one of them is another, or stands in another place."),
            _("Nothing was looked up."),
        )
    return (_("This is too long for a codename."),)


def _again(text: str, said: tuple[str, ...], status: int) -> Response:
    return render.page("return", status, elsewhere="return", token=fresh_token(Kind.RETURN), text=text, notice=said)
