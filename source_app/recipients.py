# SPDX-License-Identifier: AGPL-3.0-or-later
"""
`/recipients.txt`: to whom a source may seal a file beforehand, with an age of their own.

It is text that age reads as it is: comments, and one recipient a line. Everybody who fetches it within an epoch gets the same bytes, unless a card or the
first sheet of a seat came between: they say neither when it was fetched nor by whom, and two copies can be compared. Empty lines fill it to the
shape of a page, so that whoever counts bytes does not see who seals. It does say how many seats are active, and over the months which of them stopped announcing keys.

The keys are those of the *next* epoch (`Intake.ahead`), so the file is good for 14 to 27 days more, and none of their seeds can be gone before its
last day: a seat destroys the seed of epoch e no sooner than 14 days after the last day of e, and only once a batch states a floor above e
(crypto/README, E6), which no server accepts before e has ended (E5). A seat whose sheet ran out stands there with the last key it announced. That one may go
sooner, as soon as it announces more; the days are those of the other seats, and without any there is no file.

Leaves to others: which seats are active; that what was sealed so is opened (the vault). Nothing ties these keys to the fingerprint but this server's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import make_response

from crypto.epochs import number_on, span
from source_app.parts import parts
from source_app.render import SHAPE

if TYPE_CHECKING:
    from flask import Response

ADDRESS: Final = "/recipients.txt"


def show() -> Response:
    """
    GET: the recipients of every active seat.

    Raises:
        ClosedError: nothing could be sealed to anybody.
    """
    intake = parts().intake
    to, root = intake.ahead(), intake.root()
    first, _ = span(number_on(intake.clock(), root.first_day), root.first_day)
    _, last = span(to.epoch, root.first_day)
    lines = (
        f"# {parts().settings.organisation}",
        f"# Fingerprint · 指纹 · 指紋: {root.fingerprint}",
        f"# For files sealed from {first} to {last}. After {last} fetch this file anew.",
        f"# 用于在 {first} 至 {last} 之间加密的文件。{last} 之后请重新取得本文件。",
        f"# 用於在 {first} 至 {last} 之間加密的檔案。{last} 之後請重新取得本檔案。",
        "# age --recipients-file recipients.txt --output report.age report.zip",
        *(str(recipient) for recipient in to.recipients),
    )
    return as_text("\n".join(lines).encode() + b"\n")


def as_text(raw: bytes) -> Response:
    """
    Text as a browser shows it and saves it, filled with empty lines to whole shapes.

    Args:
        raw: UTF-8; neither age nor gpg minds empty lines at its end.
    """
    response = make_response(raw + b"\n" * (-len(raw) % SHAPE))
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    return response
