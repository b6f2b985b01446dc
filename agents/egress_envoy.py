"""An agent's lists as the configuration of an Envoy that serves this agent alone, a forward proxy. Pure.

Four filters, in this order: what the deny list names is refused; only what is allowed goes on; the name is
resolved; only a public address, or an exception, is connected to. What is allowed is always said in full,
so what a filter does not know is refused. Of a tunnel Envoy sees host and port, never the path.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from agents import strict_yaml
from agents.choices import EgressMode
from agents.egress_export import NOT_PUBLIC
from agents.egress_rules import AMBIGUOUS_PATH, DEFAULT_PORTS, Entry, Lists
from agents.outbound_watch import Origin

TYPE = "type.googleapis.com/envoy.extensions"
HTTP = f"{TYPE}.filters.http"
PROXY = "dynamic_forward_proxy"
LISTEN = ("127.0.0.1", 3128)
DNS_CACHE = {"name": "egress", "dns_lookup_family": "V4_PREFERRED"}
# An IPv6 address that carries an IPv4 address is that address; Envoy compares it as IPv6.
MAPPED = "::ffff:0:0/96"
# A last label like these makes a host an address in the eyes of resolvers.
NUMBER = r"(?i)(.*[.])?([0-9]+|0x[0-9a-f]*)[.]?(:[0-9]+)?"
NAME = "[a-z0-9_.-]+"

Rule = dict[str, Any]


def envoy(agent: str, lists: Lists, private: Collection[Origin]) -> str:
    """The whole configuration, as YAML: `envoy -c FILE`."""
    allowed = [*lists.endpoints, *lists.allow]
    lines = [
        f"# What {agent} may reach ({lists.mode.label.lower()}). Made by `manage.py egress export`;",
        "# make it again when its lists change. For a proxy that serves this agent alone.",
        *(
            f"# Left out: {entry.text}: its path is not seen in a tunnel."
            for entry in allowed
            if _unseen(entry)
        ),
    ]
    return "\n".join([*lines, strict_yaml.dumps(_bootstrap(_filters(lists, private)))])


def _filters(lists: Lists, private: Collection[Origin]) -> list[Rule]:
    denied = {entry.text: _authority(_denied(entry)) for entry in lists.deny}
    resolve = {"dns_cache_config": DNS_CACHE, "save_upstream_address": True}
    return [
        *([_rbac("DENY", denied)] if denied else []),
        _rbac("ALLOW", dict(_allowed(lists))),
        _filter(PROXY, f"{HTTP}.{PROXY}.v3.FilterConfig", **resolve),
        _rbac("ALLOW", dict(_addresses(private))),
        _filter("router", f"{HTTP}.router.v3.Router"),
    ]


def _allowed(lists: Lists) -> Iterator[tuple[str, Rule]]:
    for entry in (*lists.endpoints, *lists.allow):
        if not _unseen(entry):
            host = _host(entry.host, below=NAME if entry.below else "")
            yield entry.text, _all(_authority(host + _port(entry.port)), *_in_full(entry))
    if lists.mode == EgressMode.DENY:
        yield "not denied", _all(_authority(f"(?i){NAME}{_port(0)}"), {"not_rule": _authority(NUMBER)})


def _in_full(entry: Entry) -> Iterator[Rule]:
    """An allowed line is narrow: a tunnel for https alone, and of http the path where it names one."""
    tunnel = {"header": {"name": ":method", "string_match": {"exact": "CONNECT"}}}
    yield {"not_rule": tunnel} if entry.scheme == "http" else tunnel
    if entry.path:
        yield _path(rf"{re.escape(entry.path)}(/.*)?")
        yield {"not_rule": _path(rf"(?i).*({AMBIGUOUS_PATH}).*")}


def _unseen(entry: Entry) -> bool:
    return bool(entry.path) and entry.scheme != "http"


def _denied(entry: Entry) -> str:
    """A denied line is wide: in a tunnel or not, and a denied path denies its host, as for other proxies."""
    return _host(entry.host, below=".+" if entry.below else "") + _port(entry.port)


def _host(host: str, *, below: str = "") -> str:
    """As a request may write it, with the dot of the root or without; `below`: what may stand before it."""
    if ":" in host:
        return rf"\[{host}\]"
    return rf"(?i){f'{below}[.]' if below else ''}{host.replace('.', '[.]')}[.]?"


def _port(port: int) -> str:
    """Of plain HTTP the port may be left out (RFC 9110 section 4.2.1); a tunnel always names it."""
    if not port:
        return "(:[0-9]+)?"
    return f"(:{port})?" if port == DEFAULT_PORTS["http"] else f":{port}"


def _addresses(private: Collection[Origin]) -> Iterator[tuple[str, Rule]]:
    """An address that is known and public; where none was resolved, nothing matches and nothing passes."""
    refused = [_address(network) for network in (*NOT_PUBLIC, MAPPED)]
    known = _any(_address("0.0.0.0/0"), _address("::/0"))
    yield "public", _all(known, {"not_rule": _any(*refused)})
    for host, port in sorted(private):
        yield f"except {host}:{port}", _authority(_host(host) + _port(port))


def _address(network: str) -> Rule:
    parsed = ipaddress.ip_network(network)
    matcher = "rbac.matchers.upstream_ip_port"
    upstream = {"address_prefix": str(parsed.network_address), "prefix_len": parsed.prefixlen}
    config = {"@type": f"{TYPE}.{matcher}.v3.UpstreamIpPortMatcher", "upstream_ip": upstream}
    return {"matcher": {"name": f"envoy.{matcher}", "typed_config": config}}


def _authority(regex: str) -> Rule:
    return {"header": {"name": ":authority", "string_match": {"safe_regex": {"regex": regex}}}}


def _path(regex: str) -> Rule:
    return {"url_path": {"path": {"safe_regex": {"regex": regex}}}}


def _all(*rules: Rule) -> Rule:
    return {"and_rules": {"rules": list(rules)}}


def _any(*rules: Rule) -> Rule:
    return {"or_rules": {"rules": list(rules)}}


def _rbac(action: str, policies: dict[str, Rule]) -> Rule:
    """Of `ALLOW` what no policy matches is refused, also where there is no policy at all."""
    listed = {name: {"permissions": [rule], "principals": [{"any": True}]} for name, rule in policies.items()}
    return _filter("rbac", f"{HTTP}.rbac.v3.RBAC", rules={"action": action, "policies": listed})


def _filter(name: str, kind: str, **config: Any) -> Rule:
    return {"name": f"envoy.filters.http.{name}", "typed_config": {"@type": kind, **config}}


def _bootstrap(filters: Iterable[Rule]) -> Rule:
    manager = "filters.network.http_connection_manager"
    tunnel = {"upgrade_type": "CONNECT", "connect_config": {}}
    connection = {
        "@type": f"{TYPE}.{manager}.v3.HttpConnectionManager",
        "stat_prefix": "egress",
        "upgrade_configs": [{"upgrade_type": "CONNECT"}],
        "http_filters": list(filters),
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "everything",
                    "domains": ["*"],
                    "routes": [
                        {
                            "match": {"connect_matcher": {}},
                            "route": {"cluster": PROXY, "upgrade_configs": [tunnel]},
                        },
                        {"match": {"prefix": "/"}, "route": {"cluster": PROXY}},
                    ],
                }
            ]
        },
    }
    host, port = LISTEN
    listener = {
        "name": "egress",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "filter_chains": [{"filters": [{"name": f"envoy.{manager}", "typed_config": connection}]}],
    }
    resolving = {"@type": f"{TYPE}.clusters.{PROXY}.v3.ClusterConfig", "dns_cache_config": DNS_CACHE}
    cluster = {
        "name": PROXY,
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": f"envoy.clusters.{PROXY}", "typed_config": resolving},
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
