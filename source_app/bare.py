# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Answers to requests that never reach a page: fixed bytes, in both languages, with the headers of every other answer.

Nothing of the request is in them: gunicorn's own error pages repeat it, and carry none of our headers.
"""

from __future__ import annotations

from typing import Final

from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from source_app.headers import HEADERS

BAD, LONG_ADDRESS, LONG_HEADERS, FAILED, BUSY = 400, 414, 431, 500, 503

_REASONS: Final = {
    BAD: "Bad Request",
    LONG_ADDRESS: "URI Too Long",
    LONG_HEADERS: "Request Header Fields Too Large",
    FAILED: "Internal Server Error",
    BUSY: "Service Unavailable",
}
_NOT_OURS: Final = ("The request was not one that these pages make.", "这不是本网站页面发出的请求。")
_SAID: Final = {
    BAD: _NOT_OURS,
    LONG_ADDRESS: _NOT_OURS,
    LONG_HEADERS: _NOT_OURS,
    FAILED: ("Something went wrong on our side. Please try again.", "我们这边出了问题。请再试一次。"),
    BUSY: (
        "Very many people are sending files at the moment. Nothing was stored. Please go back and try again in a few minutes.",
        "现在有很多人在发送文件。什么都没有保存。请返回，过几分钟再试。",
    ),
}
#: For a circuit that holds as much as one may: the same status, and what can be done about it.
CROWDED: Final = (
    "Too much comes from your browser at the same time. Nothing of this was stored. Please wait for the rest, then try again.",
    "您的浏览器同时发来的内容太多。这一次的什么都没有保存。请等正在发送的内容送达后，再返回重试。",
)


def status_of(error: BaseException) -> int:
    """
    Returns:
        the status for what gunicorn could not make a request of, or our app no answer.
    """
    if isinstance(error, LimitRequestLine):
        return LONG_ADDRESS
    if isinstance(error, LimitRequestHeaders):
        return LONG_HEADERS
    # Those two are about our own answers, though gunicorn counts them among the peer's faults.
    ours = isinstance(error, (InvalidResponseHeader, InvalidResponseHeaderName))
    return BAD if isinstance(error, ParseException) and not ours else FAILED


def bare(status: int, said: tuple[str, str] | None = None) -> bytes:
    """
    Args:
        status: of the answer.
        said: in English and in Chinese, if it is not what the status says by itself.

    Returns:
        a whole answer, after which the connection ends.
    """
    english, chinese = said or _SAID[status]
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{status}</title>'
        f'<p>{english}</p><p lang="zh-Hans">{chinese}</p></html>\n'
    ).encode()
    head = {
        "Connection": "close",
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("ascii") + body
