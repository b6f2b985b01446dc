"""An agent's lists for a proxy that stands in its way: as Squid's access rules, or as plain JSON. Pure.

What the proxy cannot see is exported on the safe side: of an https request it sees host and port alone, so an
allowed line with a path is left out there, and a denied one denies the host. `/access/v1/egress` knows paths.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from agents.choices import EgressMode
from agents.egress_rules import AMBIGUOUS_PATH, Entry, Lists
from agents.outbound_watch import Origin

# Squid checks what the name resolves to, and connects to that.
NOT_PUBLIC = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "64:ff9b::/96",
    "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip


def document(agent: str, lists: Lists, private: Collection[Origin]) -> dict[str, Any]:
    """The lists as JSON: modes and lines as they are kept."""
    return {
        "agent": agent,
        "mode": lists.mode.value,
        "allow": sorted(entry.text for entry in (*lists.endpoints, *lists.allow)),
        "deny": sorted(entry.text for entry in lists.deny),
        "not_public_allowed": sorted(f"{host}:{port}" for host, port in private),
    }


def squid(agent: str, lists: Lists, private: Collection[Origin]) -> str:
    """Access rules for a Squid that serves this agent alone; include them in its configuration."""
    lines = [
        f"# What {agent} may reach ({lists.mode.label.lower()}). Made by `manage.py egress export`;",
        "# make it again when its lists change. For a proxy that serves this agent alone.",
        "acl cs_connect method CONNECT",
        "acl cs_http proto HTTP",
        rf"acl cs_ambiguous urlpath_regex -i {AMBIGUOUS_PATH}",
        r"acl cs_number dstdom_regex -n ^[0-9.]+$ ^\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?$",
        *(f"acl cs_not_public dst {network}" for network in NOT_PUBLIC),
    ]
    for number, entry in enumerate(lists.deny):
        lines += _rule(f"cs_deny_{number}", entry, allow=False)
    lines += _private(private)
    for number, entry in enumerate((*lists.endpoints, *lists.allow)):
        lines += _rule(f"cs_allow_{number}", entry, allow=True)
    if lists.mode == EgressMode.DENY:
        lines.append("http_access allow !cs_number")
    return "\n".join([*lines, "http_access deny all", ""])


def _private(private: Collection[Origin]) -> Iterator[str]:
    """Nothing that is not public, but for the exceptions: each host only on its port."""
    names = []
    for number, (host, port) in enumerate(sorted(private)):
        name = f"cs_except_{number}"
        names.append(name)
        yield f"acl {name}_host dstdom_regex -n -i {_host(Entry(host))}"
        yield f"acl {name}_port port {port}"
        yield f"acl {name} all-of {name}_host {name}_port"
    yield f"http_access deny cs_not_public {' '.join(f'!{name}' for name in names)}".rstrip()


def _rule(name: str, entry: Entry, *, allow: bool) -> Iterator[str]:
    """One line of a list; what cannot be said to the proxy, on the safe side."""
    tunnelled = entry.scheme != "http"
    if ":" in entry.host or (entry.path and tunnelled and allow):
        why = "its path is not seen in a tunnel" if entry.path else "it is an IPv6 address"
        yield f"# {'Left out' if allow else 'Denied as a number'}: {entry.text}: {why}."
        if not allow:
            yield f"acl {name} dst {entry.host}"
            yield f"http_access deny {name}"
        return
    yield f"# {entry.text}"
    yield f"acl {name}_host dstdom_regex -n -i {_host(entry)}"
    conditions = [f"{name}_host"]
    if entry.port:
        yield f"acl {name}_port port {entry.port}"
        conditions.append(f"{name}_port")
    if allow:
        conditions = ["cs_connect", *conditions] if tunnelled else ["!cs_connect", "cs_http", *conditions]
    if entry.path and allow:
        yield f"acl {name}_path urlpath_regex ^{re.escape(entry.path)}(/|\\?|$)"
        conditions += [f"{name}_path", "!cs_ambiguous"]
    yield f"http_access {'allow' if allow else 'deny'} {' '.join(conditions)}"


def _host(entry: Entry) -> str:
    """As a request may write it, with the dot of the root or without."""
    return rf"^{'.+[.]' if entry.below else ''}{entry.host.replace('.', '[.]')}[.]?$"
