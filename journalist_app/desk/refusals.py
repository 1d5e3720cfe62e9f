# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Every refusal is a page: what was refused, in the words of its class, and which one, in the words of its message.

What nobody foresaw becomes a page without details, and a line in the log with its class and place: what an exception
says may quote a form.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException

from crypto.errors import CryptoError
from journalist_app.bundle.errors import BundleError, ConflictError
from journalist_app.desk.errors import DeskError, FormError, InstallError, LoginError, MissingPageError, RoleError
from store import errors as store_errors

ALARMS = (ConflictError, store_errors.ConflictError)


def answer_errors(app: Flask) -> None:
    """
    Register the pages.
    """
    for kind in (DeskError, BundleError, CryptoError, store_errors.StoreError):
        app.register_error_handler(kind, _refuse)
    app.register_error_handler(HTTPException, _http)


def _refuse(error: Exception) -> tuple[str, int]:
    return page(error), status_of(error)


def _http(error: HTTPException) -> tuple[str, int]:
    if error.code in {404, 405}:
        return page(MissingPageError()), error.code
    if error.code is not None and 400 <= error.code < 500:
        return page(FormError("it is longer than this form may be, or damaged")), error.code
    return page(DeskError("something failed on the server; nothing was changed")), 500


def status_of(error: Exception) -> int:
    """
    The HTTP status of a refusal.
    """
    match error:
        case LoginError() | RoleError() | FormError():
            return 403
        case MissingPageError() | store_errors.MissingError():
            return 404
        case InstallError() | ConflictError() | store_errors.ConflictError():
            return 409
        case store_errors.FullError():
            return 507
        case _:
            return 400


def place_of(error: BaseException) -> str:
    """
    An unforeseen error's class and the line that raised it: all that is ever logged of it.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "nowhere" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__} at {where}"


def page(error: Exception) -> str:
    """
    The page of a refusal.
    """
    # A class of crypto may be named as a bundle's and say the same; its own docstring is what a person reads.
    said = " ".join((type(error).__doc__ or "").split())
    return render_template(
        "refused.html",
        kind=type(error).__name__,
        said=said,
        message=str(error),
        alarm=isinstance(error, ALARMS),
    )
