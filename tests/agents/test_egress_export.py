"""An agent's lists for a proxy: what the proxy cannot see is exported on the safe side."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from agents.choices import EgressMode
from agents.egress_export import squid
from agents.egress_rules import Lists, allow_entry, deny_entry
from agents.models import Agent, Person
from agents.services import egress_lists


def rules(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("http_access")]


def exported(*allow: str, deny: tuple[str, ...] = (), mode: EgressMode = EgressMode.HYBRID) -> str:
    lists = Lists(mode=mode, allow=tuple(map(allow_entry, allow)), deny=tuple(map(deny_entry, deny)))
    return squid("analyst", lists, [("nvd.internal", 8443)])


def test_denied_comes_first_and_nothing_else_is_allowed() -> None:
    text = exported("https://api.example.org", "http://plain.example.org/v1", deny=("*.evil.example",))
    assert rules(text) == [
        "http_access deny cs_deny_0_host",
        "http_access deny cs_not_public !cs_except_0",
        "http_access allow cs_connect cs_allow_0_host cs_allow_0_port",
        "http_access allow !cs_connect cs_http cs_allow_1_host cs_allow_1_port cs_allow_1_path !cs_ambiguous",
        "http_access deny all",
    ]
    assert "acl cs_deny_0_host dstdom_regex -n -i ^.+[.]evil[.]example[.]?$" in text
    assert "acl cs_allow_0_host dstdom_regex -n -i ^api[.]example[.]org[.]?$" in text
    assert "acl cs_except_0 all-of cs_except_0_host cs_except_0_port" in text
    for network in ("169.254.0.0/16", "127.0.0.0/8", "10.0.0.0/8", "fc00::/7", "168.63.129.16/32"):
        assert f"acl cs_not_public dst {network}\n" in text


def test_a_path_that_the_proxy_does_not_see_allows_nothing_and_denies_the_host() -> None:
    text = exported("https://api.example.org/v1", deny=("shared.example/admin",))
    assert not [rule for rule in rules(text) if " allow " in rule]
    assert "Left out: https://api.example.org/v1" in text
    assert "acl cs_deny_0_host dstdom_regex -n -i ^shared[.]example[.]?$" in text
    assert "cs_deny_0_path" not in text


def test_everything_but_what_is_denied_leaves_out_numbers() -> None:
    text = exported(deny=("evil.example",), mode=EgressMode.DENY)
    assert rules(text)[-2:] == ["http_access allow !cs_number", "http_access deny all"]


@pytest.mark.django_db
def test_the_command_prints_the_lists_of_an_agent(ada: Person, active_analyst: Agent) -> None:
    egress_lists.change(
        actor=ada, agent=active_analyst, mode=EgressMode.ALLOW, allow=["api.example.org"], deny=[],
        reason="It needs it.",
    )  # fmt: skip
    printed = StringIO()
    call_command("egress", "export", active_analyst.slug, format="json", stdout=printed)
    assert json.loads(printed.getvalue()) == {
        "agent": "vulnerability-analyst",
        "mode": "allow",
        "allow": ["https://api.example.org", "https://services.nvd.nist.gov/rest/json/cves/2.0"],
        "deny": [],
        "not_public_allowed": [],
    }
    printed = StringIO()
    call_command("egress", "export", active_analyst.slug, stdout=printed)
    assert "^api[.]example[.]org[.]?$" in printed.getvalue()
    with pytest.raises(CommandError, match="no agent nobody"):
        call_command("egress", "export", "nobody")
