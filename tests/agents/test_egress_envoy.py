"""An agent's lists as an Envoy configuration: it parses, and lets through exactly what the lists say."""

import ipaddress
import re
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from agents.choices import EgressMode
from agents.egress_envoy import envoy
from agents.egress_rules import Lists, allow_entry, check, deny_entry, destination
from agents.models import Agent, Person
from agents.services import egress_lists

PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.5"
EXCEPTION = ("nvd.internal", 8443)


def lists_of(*allow: str, deny: tuple[str, ...] = (), mode: EgressMode = EgressMode.HYBRID) -> Lists:
    return Lists(mode=mode, allow=tuple(map(allow_entry, allow)), deny=tuple(map(deny_entry, deny)))


class Proxy:
    """What the filters of a configuration do with a request, in their order, as Envoy documents them."""

    def __init__(self, lists: Lists) -> None:
        self.text = envoy("analyst", lists, [EXCEPTION])
        static = yaml.safe_load(self.text)["static_resources"]
        (listener,), (self.cluster,) = static["listeners"], static["clusters"]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        self.filters = manager["http_filters"]
        self.route = manager["route_config"]["virtual_hosts"][0]

    def lets(self, method: str, authority: str, path: str = "", *, address: str = PUBLIC) -> bool:
        resolved = ""
        for each in self.filters:
            kind = each["name"].rpartition(".")[2]
            if kind == "dynamic_forward_proxy":
                resolved = address
            if kind == "rbac":
                rules = each["typed_config"]["rules"]
                met = any(
                    _matches(permission, method, authority, path, resolved)
                    for policy in rules["policies"].values()
                    for permission in policy["permissions"]
                )
                if met != (rules["action"] == "ALLOW"):
                    return False
        return True

    def lets_url(self, url: str, *, address: str = PUBLIC) -> bool:
        to = destination(url)
        host = f"[{to.host}]" if ":" in to.host else to.host
        if to.scheme == "https":
            return self.lets("CONNECT", f"{host}:{to.port}", address=address)
        return self.lets("GET", host if to.port == 80 else f"{host}:{to.port}", to.path, address=address)


def _matches(rule: dict[str, Any], method: str, authority: str, path: str, address: str) -> bool:
    ((kind, said),) = rule.items()

    def inner(other: dict[str, Any]) -> bool:
        return _matches(other, method, authority, path, address)

    if kind in {"and_rules", "or_rules"}:
        return (all if kind == "and_rules" else any)(map(inner, said["rules"]))
    if kind == "not_rule":
        return not inner(said)
    if kind == "url_path":
        return (
            bool(path)
            and re.fullmatch(said["path"]["safe_regex"]["regex"], path.partition("?")[0]) is not None
        )
    if kind == "header":
        text, match = {":method": method, ":authority": authority}[said["name"]], said["string_match"]
        return (
            text == match["exact"]
            if "exact" in match
            else bool(re.fullmatch(match["safe_regex"]["regex"], text))
        )
    assert kind == "matcher"
    upstream = said["typed_config"]["upstream_ip"]
    network = ipaddress.ip_network((upstream["address_prefix"], upstream["prefix_len"]))
    return bool(address) and ipaddress.ip_address(address) in network


def test_denied_comes_first_and_nothing_else_is_allowed() -> None:
    proxy = Proxy(
        lists_of("https://api.example.org", "http://plain.example.org/v1", deny=("*.evil.example",))
    )
    assert [each["name"].rpartition(".")[2] for each in proxy.filters] == [
        "rbac", "rbac", "dynamic_forward_proxy", "rbac", "router",
    ]  # fmt: skip
    denied, allowed, _, addresses, _ = (each["typed_config"].get("rules") for each in proxy.filters)
    assert (denied["action"], list(denied["policies"])) == ("DENY", ["*.evil.example"])
    assert allowed["action"] == addresses["action"] == "ALLOW"
    assert list(allowed["policies"]) == ["https://api.example.org", "http://plain.example.org/v1"]
    assert list(addresses["policies"]) == ["public", "except nvd.internal:8443"]
    assert [each["match"] for each in proxy.route["routes"]] == [{"connect_matcher": {}}, {"prefix": "/"}]
    assert {each["route"]["cluster"] for each in proxy.route["routes"]} == {proxy.cluster["name"]}


@pytest.mark.parametrize(
    ("method", "authority", "path", "let"),
    [
        ("CONNECT", "api.example.org:443", "", True),
        ("CONNECT", "API.example.org.:443", "", True),
        ("CONNECT", "api.example.org:8443", "", False),
        ("CONNECT", "apixexample.org:443", "", False),
        ("CONNECT", "api.example.org:443.evil.example:443", "", False),
        ("CONNECT", "user@api.example.org:443", "", False),
        ("GET", "api.example.org:443", "/", False),
        ("GET", "api.example.org", "/", False),
        ("CONNECT", "deep.below.example.net:443", "", True),
        ("CONNECT", "below.example.net:443", "", False),
        ("CONNECT", "x@deep.below.example.net:443", "", False),
        ("GET", "plain.example.org", "/v1", True),
        ("GET", "plain.example.org:80", "/v1/x?y=/../", True),
        ("GET", "plain.example.org", "/v1/../admin", False),
        ("GET", "plain.example.org", "/v1/%2e%2e/admin", False),
        ("GET", "plain.example.org", "/v11", False),
        ("CONNECT", "plain.example.org:80", "", False),
        ("CONNECT", "shared.below.example.net:443", "", False),
        ("CONNECT", "10.0.0.5:443", "", False),
    ],
)
def test_a_request_as_a_client_may_write_it(method: str, authority: str, path: str, *, let: bool) -> None:
    lists = lists_of(
        "https://api.example.org",
        "*.below.example.net",
        "http://plain.example.org/v1",
        deny=("shared.below.example.net/admin",),
    )
    assert Proxy(lists).lets(method, authority, path) is let


def test_a_path_that_the_proxy_does_not_see_allows_nothing() -> None:
    proxy = Proxy(lists_of("https://api.example.org/v1"))
    assert "# Left out: https://api.example.org/v1" in proxy.text
    assert not proxy.lets_url("https://api.example.org/v1")


def test_an_address_that_is_not_public_is_for_exceptions_alone() -> None:
    proxy = Proxy(lists_of("https://api.example.org", "https://nvd.internal:8443"))
    for address in (PRIVATE, "169.254.169.254", "127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.5", ""):
        assert not proxy.lets_url("https://api.example.org", address=address)
        assert proxy.lets_url("https://nvd.internal:8443", address=address)
    assert proxy.lets_url("https://api.example.org", address="2606:2800:21f:cb07::1")


@pytest.mark.parametrize("host", ["93.184.216.34", "0x5db8d822", "1572395042", "[2606:2800::1]", "a.0x1"])
def test_everything_but_what_is_denied_leaves_out_numbers(host: str) -> None:
    proxy = Proxy(lists_of(deny=("evil.example",), mode=EgressMode.DENY))
    assert not proxy.lets("CONNECT", f"{host}:443")
    assert not proxy.lets("GET", host, "/")
    assert proxy.lets("CONNECT", "good.example:443")
    for authority in ("evil.example:443", "EVIL.example.:8443", "x@evil.example:443", ""):
        assert not proxy.lets("CONNECT", authority)


HOSTS = st.sampled_from(["a.example.org", "b.example.org", "c.b.example.org", "example.org", "evil.example"])
LINES = st.builds(
    lambda scheme, wild, host, port: f"{scheme}{'*.' if wild else ''}{host}{port}",
    st.sampled_from(["", "http://", "https://"]),
    st.booleans(),
    HOSTS,
    st.sampled_from(["", ":8080"]),
)
MODES = st.sampled_from(list(EgressMode))


@given(
    allow=st.lists(LINES, max_size=4),
    deny=st.lists(LINES, max_size=3),
    mode=MODES,
    host=HOSTS,
    tls=st.booleans(),
    other=st.booleans(),
)
def test_it_says_what_the_decision_says(
    allow: list[str], deny: list[str], mode: EgressMode, host: str, *, tls: bool, other: bool
) -> None:
    """Where no path decides it is the very rules; but for a scheme, of which a denied line is wider here."""
    lists = lists_of(*allow, deny=tuple(deny), mode=mode)
    url = f"{'https' if tls else 'http'}://{host}{':8080' if other else ''}/"
    allowed = check(lists, destination(url)).allowed
    let = Proxy(lists).lets_url(url)
    assert let is allowed or (allowed and any(line.startswith("http") for line in deny))


@pytest.mark.django_db
def test_the_command_prints_the_configuration(ada: Person, active_analyst: Agent) -> None:
    egress_lists.change(
        actor=ada, agent=active_analyst, mode=EgressMode.HYBRID, allow=["api.example.org"],
        deny=["evil.example"], reason="It needs it.",
    )  # fmt: skip
    printed = StringIO()
    call_command("egress", "export", active_analyst.slug, format="envoy", stdout=printed)
    assert "&id" not in printed.getvalue(), "no anchors"
    assert "api[.]example[.]org" in printed.getvalue()
    assert yaml.safe_load(printed.getvalue())["static_resources"]["listeners"]
