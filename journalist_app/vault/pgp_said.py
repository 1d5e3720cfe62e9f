# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What gpg said while it opened a message: whether that is enough to believe what came out.

Believed is one message with one body, whose protection against alteration held to the end, and nothing beside it. Signatures are
reported, never trusted: the vault knows nobody's keys but its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from journalist_app.vault.errors import BrokenSealError, ForeignSealError

_STATUS: Final = b"[GNUPG:] "
# In this order, and each once.
_WANTED: Final = ("BEGIN_DECRYPTION", "PLAINTEXT", "DECRYPTION_OKAY", "GOODMDC", "END_DECRYPTION")
_UNWANTED: Final = frozenset({"DECRYPTION_FAILED", "BADMDC", "NODATA", "UNEXPECTED", "FAILURE_decrypt"})
_SIGNATURES: Final = frozenset({"GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"})
# It ends with 2 also where a signature cannot be checked, or a hidden recipient before the right one was another.
_ENDS: Final = frozenset({0, 2})
MAX_SIGNATURES: Final = 8


def judge(said: bytes, ended: int | None) -> tuple[str, ...]:
    """
    Accept what gpg made, or say why not.

    Args:
        said: Its status lines.
        ended: Its exit status.

    Returns:
        The ids of keys that signatures inside name. None of them was checked.

    Raises:
        ForeignSealError: It is for other keys, or for a passphrase.
        BrokenSealError: It is not encrypted, not protected, cut or altered.
    """
    lines = [_words(line) for line in said.split(b"\n") if line.startswith(_STATUS)]
    words = [line[0] for line in lines]
    signed = [line[1] for line in lines if line[0] in _SIGNATURES and len(line) > 1]
    whole = tuple(word for word in words if word in _WANTED) == _WANTED
    # That it asked for a passphrase and got none is no error where a key opens the message as well.
    erred = any(line[0] == "ERROR" and line[1:2] != ["get_passphrase"] for line in lines)
    if not whole or erred or _UNWANTED.intersection(words) or ended not in _ENDS:
        raise _refusal(words, lines)
    return tuple(dict.fromkeys(signed))[:MAX_SIGNATURES]


def _refusal(words: Sequence[str], lines: Sequence[Sequence[str]]) -> Exception:
    if "BEGIN_DECRYPTION" in words and "DECRYPTION_KEY" not in words:
        if "ENC_TO" in words:
            return ForeignSealError("this OpenPGP message was sealed to keys this seat does not hold")
        if "NEED_PASSPHRASE_SYM" in words:
            return ForeignSealError("this OpenPGP message was sealed with a passphrase, not to this seat's key")
    if "PLAINTEXT" in words and "BEGIN_DECRYPTION" not in words:
        return BrokenSealError("this OpenPGP message is not encrypted: there is nothing to open")
    if any(line[:2] == ["DECRYPTION_INFO", "0"] for line in lines) and "GOODMDC" not in words:
        return BrokenSealError("this OpenPGP message has no protection against alteration: nothing of it is believed")
    return BrokenSealError("this is no whole OpenPGP message: it was cut or altered before it arrived here")


def _words(line: bytes) -> list[str]:
    return line[len(_STATUS) :].decode("ascii", "replace").split() or [""]
