# SPDX-License-Identifier: AGPL-3.0-or-later
"""
What root types at a server is done as the account whose work it is, where that work is in folders that another account writes to.

The store is the apps'. An app that was taken over can put a link where the night's care removes files by name; root would remove another folder's.
"""

from __future__ import annotations

import os
import pwd

from deploy.errors import DeployError


def become(account: str) -> None:
    """
    Be another account from here on, for good, with its groups and no others. For whoever is not root nothing changes.

    Raises:
        DeployError: There is no such account.
    """
    if os.geteuid() != 0:
        return
    try:
        found = pwd.getpwnam(account)
    except KeyError:
        raise DeployError(f"there is no account {account}: dengwen setup makes it") from None
    os.initgroups(account, found.pw_gid)
    os.setresgid(found.pw_gid, found.pw_gid, found.pw_gid)
    os.setresuid(found.pw_uid, found.pw_uid, found.pw_uid)
    os.umask(0o077)
