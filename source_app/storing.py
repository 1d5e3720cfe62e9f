# SPDX-License-Identifier: AGPL-3.0-or-later
"""
A full disk is said in one way, whoever noticed it, and so is whatever else fails on our side.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from source_app.errors import NoSpaceError, SourceAppError, TroubleError
from store.errors import FullError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def full_is_said() -> Iterator[None]:
    """
    Raises:
        NoSpaceError: for whatever the store or the system says when nothing more fits. Other errors pass.
    """
    try:
        yield
    except FullError:
        raise NoSpaceError("the disk is full") from None
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpaceError("the disk is full") from None
        raise


@contextmanager
def trouble_is_said() -> Iterator[None]:
    """
    Raises:
        NoSpaceError: as above.
        TroubleError: for whatever else fails. Refusals of this room pass.
    """
    try:
        with full_is_said():
            yield
    except SourceAppError:
        raise
    except Exception as error:
        raise TroubleError(type(error).__name__) from error
