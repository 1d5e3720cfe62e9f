# SPDX-License-Identifier: AGPL-3.0-or-later
r"""
What a source pastes into a terminal: one function that sends files in parts until all of them are there.

It needs what Tails and any Debian have (a POSIX shell, coreutils, curl), no scratch space, and a part's size of memory, in which curl
holds what it sends. Its rules:

- Nothing that is secret, no name of a file and nothing of its content, becomes an argument of a program: the form is written by the
  shell's own `printf` into a pipe. The boundary of that form is a hash of slip and content, so that no content holds it and nobody else can tell
  which file it is.
- The set is named by the file's SHA-256: a file that changed meanwhile is another set, and a vault can compare the joined file with it.
- Of what the server answers, small letters, digits and spaces are left, as many as the longest answer has, and digits alone where the shell
  calculates with it: bash would run commands that stand in an index (`a[$(…)]`). No control sequence of an answer or a file's name is printed.
- The first character is a space: Debian's bash keeps such lines out of its history. No tabs, no comments and no `!` before a letter, all of
  which an interactive shell may take in another way.
- `received`, `missing`, `complete` and `refused` are the server's words; anything else, or silence, is waited out.
"""

from __future__ import annotations

import re
from typing import Final

from source_app.errors import BadFormError

#: Where tor listens on Tails and Debian. curl gives it the onion's name, so that nothing else resolves it.
PROXY: Final = "socks5h://127.0.0.1:9050"
#: How long the function waits before it tries again.
PAUSE_SECONDS: Final = 20
_HOST = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?")

_FUNCTION: Final = r""" send() (
   url=http://%(host)s/parts
   slip=%(slip)s step=%(step)s
   field() {
     printf '%%s\r\nContent-Disposition: form-data; name="%%s"\r\n\r\n%%s\r\n' "--$mark" "$1" "$2"
   }
   form() {
     field token "$slip"; field set "$set"; field size "$size"
     if [ "$1" ]; then
       field part "$1"; field name "${file##*/}"
       printf '%%s\r\nContent-Disposition: form-data; name="files"; filename="-"\r\n\r\n' "--$mark"
       tail -c +$((($1 - 1) * step + 1)) <"$file" | head -c $step
       printf '\r\n'
     fi
     printf '%%s--\r\n' "--$mark"
   }
   ask() {
     form "$1" | curl -q -# -x %(proxy)s --connect-timeout 120 --speed-time 180 -H Expect: \
       -H "Content-Type: multipart/form-data; boundary=$mark" --data-binary @- $url \
       | tr -cd 'a-z0-9 ' | head -c 9999
   }
   for file; do
     printf '%%s: ' "$file" | tr -d '\000-\037\177'
     size=$(wc -c <"$file" | tr -cd 0-9) set=$(sha256sum <"$file" | head -c 32)
     [ ${#set} = 32 ] || continue
     mark=$(printf %%s "$slip$set" | sha256sum | head -c 32)
     echo "$(((size + step - 1) / step)) parts"
     while answer=$(ask); printf '%%.70s\n' "$answer"; [ "$answer" != complete ]; do
       case $answer in missing*)
         for part in $(echo "$answer" | tr -d a-z); do
           answer=$(ask $part); echo "part $part: $answer"
           [ "${answer%%%% *}" = received ] || break
         done
       esac
       case $answer in
         received*) ;;
         refused*) exit 1 ;;
         *) echo "not through, again in %(pause)s seconds"; sleep %(pause)s ;;
       esac
     done
   done
 )
"""


def function(*, host: str, slip: str, step: int) -> str:
    """
    The function, ready to be pasted.

    Args:
        host: under which the source reached us, as the browser says.
        slip: the token.
        step: bytes of a part.

    Raises:
        BadFormError: the host is none that may stand in a command.
    """
    if not _HOST.fullmatch(host):
        raise BadFormError("a Host that is no name")
    return _FUNCTION % {"host": host, "slip": slip, "step": step, "proxy": PROXY, "pause": PAUSE_SECONDS}
