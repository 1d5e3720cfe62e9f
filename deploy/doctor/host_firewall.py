# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Judging the firewall by its structure, as nft gives it in JSON: for both families, both ways, a chain that drops what no rule accepts, and no rule
that accepts everything.

It does not prove what passes; a test with two network namespaces does that for the rules as they are rendered. This tells whether such rules are
loaded now. All chains of a hook see a packet and a drop is final, so further chains take nothing away from the one that drops.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, cast

from deploy.doctor.finding import Finding, unknown
from deploy.doctor.machine import Seen, Unseen
from deploy.errors import CannotLookError

HOOKS: Final = ("input", "forward", "output")
FAMILIES: Final = ("ip", "ip6")
MAX_RULES: Final = 5_000

WHAT = "firewall"
WHY = "Only tor, the time daemon and DHCP may speak to the network. What breaks into an app must not be able to call home, and nothing may ask who this server is."
FIX = "Type: nft -c -f /etc/nftables.conf && systemctl enable --now nftables && systemctl reload nftables. If that file is not ours any more: dengwen setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """
    A chain that the kernel passes packets through.

    Args:
        name: family, table and name.
        families: The families it sees.
        hook: Where it stands.
        drops: Whether it drops what no rule accepts.
        open: Whether one of its rules accepts everything.
    """

    name: str
    families: tuple[str, ...]
    hook: str
    drops: bool
    open: bool


def read_ruleset(text: str) -> tuple[Chain, ...]:
    """
    Read `nft -j list ruleset`.

    Raises:
        CannotLookError: It is not that.
    """
    try:
        entries = json.loads(text)["nftables"]
        chains = [entry["chain"] for entry in entries if "chain" in entry and "hook" in entry["chain"]]
        rules = [entry["rule"] for entry in entries if "rule" in entry]
        if len(rules) > MAX_RULES:
            raise CannotLookError(f"there are more than {MAX_RULES} rules")
        return tuple(_chain(chain, rules) for chain in chains)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CannotLookError("nft gave a ruleset that cannot be read") from None


def firewall(chains: Seen[tuple[Chain, ...]]) -> Finding:
    """
    Whether the firewall is loaded and drops by default, both ways and forwarding, for IPv4 and IPv6.
    """
    if isinstance(chains, Unseen):
        return unknown(
            WHAT,
            chains.reason,
            why=WHY,
            fix="As root, type: nft list ruleset. Its chains input, forward and output must say policy drop.",
        )
    missing = [
        f"{hook} of {'IPv4' if family == 'ip' else 'IPv6'}"
        for family in FAMILIES
        for hook in HOOKS
        if not any(chain.drops and chain.hook == hook and family in chain.families for chain in chains)
    ]
    if missing:
        seen = "No firewall is loaded." if not chains else f"Nothing drops by default: {', '.join(missing)}."
        return Finding(what=WHAT, ok=False, urgent=True, seen=seen, why=WHY, fix=FIX)
    wide = sorted({chain.name for chain in chains if chain.drops and chain.open})
    if wide:
        return Finding(
            what=WHAT, ok=False, urgent=True, seen=f"A rule accepts everything in {', '.join(wide)}.", why=WHY, fix=FIX
        )
    return Finding(
        what=WHAT, ok=True, seen="It is loaded and drops by default, in, out and through, for IPv4 and IPv6.", why=WHY
    )


def _chain(chain: dict[str, Any], rules: list[dict[str, Any]]) -> Chain:
    place = (chain["family"], chain["table"], chain["name"])
    own = [rule for rule in rules if (rule["family"], rule["table"], rule["chain"]) == place]
    return Chain(
        name=" ".join(place),
        families=FAMILIES if place[0] == "inet" else (cast("str", place[0]),),
        hook=str(chain["hook"]),
        drops=chain.get("type") == "filter" and chain.get("policy") == "drop",
        open=any(_accepts_all(rule.get("expr", [])) for rule in own),
    )


def _accepts_all(expressions: list[dict[str, Any]]) -> bool:
    names = [name for expression in expressions for name in expression]
    return "accept" in names and not {"match", "lookup", "limit", "xt"} & set(names)
