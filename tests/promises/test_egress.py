"""What leaves for an agent leaves only where its lists let it, however it is spelled (S2-9; promise 8).

Attacks on the reading of URLs, on redirects, on the name server, and on the door itself.
"""

import ast
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from django.conf import LazySettings
from hypothesis import example, given
from hypothesis import strategies as st

import agents
from agents import egress, egress_rules, outbound
from agents.choices import CallOutcome, EgressMode, EgressReason, LookupOutcome
from agents.egress_rules import Lists, NotAUrlError, allow_entry, deny_entry, destination
from agents.models import (
    Agent,
    AgentInstance,
    EgressAttempt,
    EgressPolicy,
    Finding,
    Person,
    Run,
    Vulnerability,
)
from agents.outbound import OutboundError
from agents.services import egress_attempts, egress_lists, gateway
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from tests.agents.conftest import LOG4SHELL, ScriptedDecisions
from tests.agents.test_outbound import (
    PRIVATE,
    PUBLIC,
    recording_connections,
    resolving_to,
    says,
    server,
)

ONLY = Lists(allow=(allow_entry("https://api.example.org/v1"),))
METADATA = "169.254.169.254"


def reason(url: str, lists: Lists = ONLY) -> EgressReason | None:
    """Why it is refused; None where it is allowed."""
    try:
        verdict = egress_rules.check(lists, destination(url))
    except NotAUrlError as error:
        return error.reason
    return None if verdict.allowed else verdict.reason


# --- How a URL is read ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.org/v1",
        "https://api.example.org/v1/x?y=z#f",
        "https://API.Example.ORG/v1",
        "HTTPS://api.example.org/v1",
        "https://api.example.org./v1",
        "https://api.example.org:443/v1",
        "https://api.example.org:/v1",
        "https://api.example.org:0443/v1",
    ],
)
def test_another_spelling_of_what_is_allowed_is_allowed(url: str) -> None:
    assert reason(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.example.org/v1", EgressReason.NOT_LISTED),
        ("https://api.example.org:8443/v1", EgressReason.NOT_LISTED),
        ("https://api.example.org:80/v1", EgressReason.NOT_LISTED),
        ("https://api.example.org/", EgressReason.NOT_LISTED),
        ("https://api.example.org/v10", EgressReason.NOT_LISTED),
        ("https://x.api.example.org/v1", EgressReason.NOT_LISTED),
        ("https://api.example.org.evil.example/v1", EgressReason.NOT_LISTED),
        ("https://evilapi.example.org/v1", EgressReason.NOT_LISTED),
        ("https://evil.example/https://api.example.org/v1", EgressReason.NOT_LISTED),
        ("https://evil.example?https://api.example.org/v1", EgressReason.NOT_LISTED),
        ("https://evil.example#@api.example.org/v1", EgressReason.NOT_LISTED),
        ("https://аpi.example.org/v1", EgressReason.NOT_LISTED),  # noqa: RUF001 - Cyrillic
        ("https://xn--pi-7kc.example.org/v1", EgressReason.NOT_LISTED),
        ("https://api.example.org..evil.example/v1", EgressReason.HOST),
        ("https://api.example.org../v1", EgressReason.HOST),
        ("https://xn--a.example.org/v1", EgressReason.HOST),
        ("https://api.example.org@evil.example/v1", EgressReason.USERINFO),
        ("https://user:word@api.example.org/v1", EgressReason.USERINFO),
        ("https://@api.example.org/v1", EgressReason.USERINFO),
        ("https://evil.example\\@api.example.org/v1", EgressReason.MALFORMED),
        ("https:\\\\api.example.org/v1", EgressReason.MALFORMED),
        ("https://api.example.org/v1\r\nHost: evil.example", EgressReason.MALFORMED),
        ("https://api.example.org\n.evil.example/v1", EgressReason.MALFORMED),
        ("https://api.example.org/v1 x", EgressReason.MALFORMED),
        ("https://api.example.org\u3002evil.example/v1", EgressReason.MALFORMED),
        ("https://ａpi.example.org/v1", EgressReason.MALFORMED),  # noqa: RUF001 - a full-width a
        ("https://api.example.org\x00/v1", EgressReason.MALFORMED),
        ("https://[::1/v1", EgressReason.MALFORMED),
        ("https://api.example.org/v1/../admin", EgressReason.PATH),
        ("https://api.example.org/v1/%2e%2e/admin", EgressReason.PATH),
        ("https://api.example.org/v1/..%2fadmin", EgressReason.PATH),
        ("https://api.example.org/v1/%5c..%5cadmin", EgressReason.PATH),
        ("https://api.example.org/v1/%252e%252e/admin", EgressReason.PATH),
        ("https://api.example.org//v1", EgressReason.PATH),
        ("https://api.example.org/v1/..;/admin", EgressReason.PATH),
        ("https://api.example.org:99999/v1", EgressReason.PORT),
        ("https://api.example.org:0/v1", EgressReason.PORT),
        ("https://api.example.org:٤٤٣/v1", EgressReason.PORT),
        ("ftp://api.example.org/v1", EgressReason.SCHEME),
        ("file:///etc/passwd", EgressReason.SCHEME),
        ("gopher://api.example.org/v1", EgressReason.SCHEME),
        ("//api.example.org/v1", EgressReason.SCHEME),
        ("https:///v1", EgressReason.HOST),
        ("https:api.example.org/v1", EgressReason.HOST),
        ("", EgressReason.SCHEME),
        (f"https://api.example.org/v1/{'a' * 2048}", EgressReason.TOO_LONG),
        (f"https://{'a' * 64}.example.org/v1", EgressReason.MALFORMED),
    ],
)
def test_what_only_looks_like_what_is_allowed_is_refused(url: str, why: EgressReason) -> None:
    found = reason(url)
    assert found == why or (found, why) == (EgressReason.HOST, EgressReason.MALFORMED)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "127.0.0.0x1",
        "[fe80::1%25eth0]",
        "1.2.3.4.5",
    ],
)
def test_addresses_in_disguise_have_no_place(host: str) -> None:
    everything = Lists(mode=EgressMode.DENY)
    assert reason(f"http://{host}/", everything) in {EgressReason.HOST, EgressReason.MALFORMED}


@pytest.mark.parametrize(
    "host", ["[::ffff:10.0.0.7]", "[::ffff:a00:7]", "[64:ff9b::10.0.0.7]", "[2002:a00:7::]"]
)
def test_an_address_in_another_one_is_that_address(host: str) -> None:
    assert destination(f"https://{host}/").host == "10.0.0.7"


@pytest.mark.parametrize(
    ("url", "denied"),
    [
        ("https://bad.example.org/", True),
        ("http://BAD.example.org.:8080/x", True),
        ("https://deep.bad.example.org/", False),
        ("https://x.evil.example/", True),
        ("https://evil.example/", False),
        ("https://some.example/admin/x", True),
        ("https://some.example/%61dmin", True),
        ("https://some.example/x/../admin", True),
        ("https://some.example/administrators", False),
    ],
)
def test_what_is_denied_is_denied_in_every_spelling(url: str, denied: bool) -> None:  # noqa: FBT001 - a parameter
    lists = Lists(
        mode=EgressMode.DENY,
        deny=(deny_entry("bad.example.org"), deny_entry("*.evil.example"), deny_entry("some.example/admin")),
    )
    assert (reason(url, lists) == EgressReason.DENY_LIST) is denied
    both = Lists(
        mode=EgressMode.HYBRID,
        deny=lists.deny,
        allow=(allow_entry("http://bad.example.org:8080"), allow_entry(url.partition("/%")[0])),
    ) if "/.." not in url else lists  # fmt: skip
    assert (reason(url, both) == EgressReason.DENY_LIST) is denied, "deny is looked at first"


def test_what_is_denied_by_name_is_not_to_be_had_by_number() -> None:
    assert reason(f"https://{PUBLIC}/", Lists(mode=EgressMode.DENY)) == EgressReason.NOT_LISTED


@pytest.mark.parametrize(
    "line",
    ["*", "*.org", "*.", "**.example.org", "a.*.org", "https://", "ftp://x.org", "x.org/../y", "u@x.org",
     "*.1.2", "x.org?y", "x.org#y", "10.1", "", "x .org", "https://*.10.0.0.1", "x.org:0"],
)  # fmt: skip
def test_a_line_that_says_too_much_or_nothing_is_refused(line: str) -> None:
    for parse in (allow_entry, deny_entry):
        with pytest.raises(ValueError, match=r"is|has"):
            parse(line)


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = (
    st.lists(LABEL, min_size=2, max_size=4)
    .map(".".join)
    .filter(lambda host: not host.rsplit(".")[-1].isdigit() and "xn--" not in host)
)


@given(host=HOSTS, port=st.integers(1, 65_535), wide=st.booleans(), path=st.sampled_from(["", "/a", "/a/b"]))
def test_an_entry_is_read_as_it_is_written(host: str, port: int, wide: bool, path: str) -> None:  # noqa: FBT001
    line = f"https://{'*.' if wide else ''}{host}:{port}{path}"
    for parse in (allow_entry, deny_entry):
        try:
            entry = parse(line)
        except ValueError:
            assert destination_fails(f"https://{host}:{port}{path}")
            continue
        assert parse(entry.text) == entry


def destination_fails(url: str) -> bool:
    try:
        destination(url)
    except NotAUrlError:
        return True
    return False


HOSTILE = st.lists(
    st.sampled_from(
        ["https://", "http://", "api.example.org", "evil.example", "@", ":", "/", "\\", "//", "#", "?", ".",
         "..",
         "v1", "%2e", "%2f", "%00", "\t", "\r\n", " ", "[", "]", "::1", "443", "0x7f", "127.0.0.1", ";", "*",
         "\u0430", "\u3002", "xn--"]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)  # fmt: skip


@given(url=HOSTILE | HOSTILE.map("https://api.example.org".__add__) | st.text())
@example(url="https://api.example.org/v1")
@example(url="https://api.example.org\\.evil.example/v1")
def test_nothing_but_the_allowed_host_gets_through(url: str) -> None:
    """Whatever the text: what is allowed is the one host, by two readers, and never above its path."""
    if reason(url) is not None:
        return
    parsed, split = httpx2.URL(url), urlsplit(url)
    assert parsed.raw_host.decode().lower().rstrip(".") == "api.example.org"
    assert (split.hostname or "").rstrip(".") == "api.example.org"
    assert (parsed.scheme, parsed.port or 443) == ("https", 443)
    assert not parsed.userinfo
    assert parsed.path == "/v1" or parsed.path.startswith("/v1/")
    assert ".." not in split.path.split("/")


# --- Under guard: what is asked, recorded, pinned ---------------------------------------------------------
@pytest.fixture
def guard(db: None, instance: AgentInstance) -> Iterator[egress_attempts.Guard]:
    with egress_attempts.guarded(instance=instance) as guard:
        yield guard


def allow(ada: Person, agent: Agent, *lines: str, deny: tuple[str, ...] = ()) -> None:
    mode = EgressMode.HYBRID if deny else EgressMode.ALLOW
    egress_lists.change(actor=ada, agent=agent, mode=mode, allow=lines, deny=deny, reason="It needs it.")


def attempts() -> list[tuple[str, bool, str]]:
    rows = EgressAttempt.objects.order_by("pk")
    return [(row.host, row.allowed, row.reason) for row in rows]


def get(url: str) -> httpx2.Response:
    with outbound.client() as door:
        return door.get(url)


def test_by_default_nothing_is_reached_that_the_approved_version_does_not_name(
    guard: egress_attempts.Guard, settings: LazySettings
) -> None:
    answering = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=httpx2.ByteStream(b"[]")))
    with outbound.replaced_by(answering):
        assert get(f"{settings.NVD_URL}?cveId=CVE-2021-44228").status_code == 200
        for url in (
            "https://evil.example/",
            "https://services.nvd.nist.gov/",
            "http://services.nvd.nist.gov/rest",
        ):
            with pytest.raises(OutboundError, match="may not reach"):
                get(url)
    assert [(host, allowed) for host, allowed, _ in attempts()] == [
        ("services.nvd.nist.gov", True),
        ("evil.example", False),
        ("services.nvd.nist.gov", False),
        ("services.nvd.nist.gov", False),
    ]
    first = EgressAttempt.objects.order_by("pk")[0]
    assert (first.endpoint, first.status, first.bytes_in) == ("nvd", 200, 2)
    assert first.bytes_out > 100
    events = Event.objects.filter(action=Action.EGRESS_ATTEMPTED).order_by("pk")
    assert [event.outcome for event in events] == ["success", "denied", "denied", "denied"]
    assert Event.objects.filter(action=Action.EGRESS_ENDED).count() == 1


def test_a_redirect_is_asked_about_like_any_request(
    guard: egress_attempts.Guard, ada: Person, instance: AgentInstance
) -> None:
    allow(ada, instance.agent, "https://good.example", "https://other.example", deny=("bad.good.example",))
    hops = {
        "https://good.example/1": "https://other.example/2",
        "https://other.example/2": "https://evil.example/3",
        "https://good.example/private": f"https://{METADATA}/latest/",
        "https://good.example/plain": "http://good.example/",
        "https://good.example/word": "https://good.example@evil.example/",
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers={"Location": hops[str(request.url)]})

    with outbound.replaced_by(httpx2.MockTransport(answer)), outbound.client() as door:
        for url in ("https://good.example/1", *list(hops)[2:]):
            with pytest.raises(OutboundError, match="Refused"):
                door.get(url, follow_redirects=True)
    assert ("other.example", True, "allow_list") in attempts()
    refused = {(host, why) for host, allowed, why in attempts() if not allowed}
    assert refused >= {
        ("evil.example", "not_listed"),
        (METADATA, "not_listed"),
        ("good.example", "not_listed"),
    }
    assert not EgressAttempt.objects.filter(host="evil.example", allowed=True).exists()


@pytest.mark.parametrize("answers", [[[PRIVATE]], [[PUBLIC, PRIVATE]], [[METADATA]], [["::1"]]])
def test_an_allowed_name_does_not_lead_to_a_private_address(
    guard: egress_attempts.Guard,
    ada: Person,
    instance: AgentInstance,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[list[str]],
) -> None:
    allow(ada, instance.agent, "http://good.example")
    resolving_to(monkeypatch, *answers)
    connected = recording_connections(monkeypatch)
    with pytest.raises(OutboundError, match="not a public address"):
        get("http://good.example/")
    assert connected == []
    row = EgressAttempt.objects.get()
    assert (row.allowed, row.reason, row.bytes_out) == (False, EgressReason.PRIVATE_ADDRESS, 0)
    assert row.address == answers[0][-1]
    assert Event.objects.get(action=Action.EGRESS_ENDED).outcome == "denied"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    guard: egress_attempts.Guard, ada: Person, instance: AgentInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(ada, instance.agent, "http://good.example")
    asked = resolving_to(monkeypatch, [PUBLIC], [PRIVATE])
    connected = recording_connections(monkeypatch)
    get("http://good.example/")
    assert (asked, connected) == (["good.example"], [PUBLIC])
    assert EgressAttempt.objects.get().address == PUBLIC


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.7", METADATA, "168.63.129.16", "[::1]", "[fd00:ec2::254]"]
)
def test_a_line_alone_opens_no_private_address(
    guard: egress_attempts.Guard, ada: Person, instance: AgentInstance, host: str
) -> None:
    allow(ada, instance.agent, f"http://{host}:8080")
    with pytest.raises(OutboundError, match="not a public address"):
        get(f"http://{host}:8080/")
    assert attempts()[0][1:] == (False, EgressReason.PRIVATE_ADDRESS)


def test_an_exception_opens_exactly_one_host_and_port_and_ends(
    guard: egress_attempts.Guard, ada: Person, instance: AgentInstance
) -> None:
    with server(says(b"[1]")) as (url, asked), server(says(b"[]")) as (other, _):
        port = httpx2.URL(url).port
        assert port is not None
        allow(ada, instance.agent, url, other)
        made = egress_lists.add_exception(
            actor=ada, agent=instance.agent, host="127.0.0.1", port=port, days=1, reason="A mirror."
        )
        assert get(url).json() == [1]
        with pytest.raises(OutboundError, match="not a public address"):
            get(other)
        egress_lists.end_exception(actor=ada, exception=made)
        with pytest.raises(OutboundError, match="not a public address"):
            get(url)
        assert len(asked) == 1
    row = EgressAttempt.objects.order_by("pk")[0]
    assert (row.address, row.status, row.bytes_in) == ("127.0.0.1", 200, 3)


def test_an_exception_of_a_name_opens_no_metadata(
    guard: egress_attempts.Guard, ada: Person, instance: AgentInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(ada, instance.agent, "http://good.example", f"http://{METADATA}")
    for host in ("good.example", METADATA):
        egress_lists.add_exception(actor=ada, agent=None, host=host, port=80, days=1, reason="For a day.")
    resolving_to(monkeypatch, [METADATA])
    connected = recording_connections(monkeypatch)
    with pytest.raises(OutboundError, match="not a public address"):
        get("http://good.example/")
    assert connected == []
    get(f"http://{METADATA}/")
    assert connected == [METADATA]


def test_an_agent_that_may_not_act_reaches_nothing(
    guard: egress_attempts.Guard, instance: AgentInstance, settings: LazySettings
) -> None:
    Agent.objects.filter(pk=instance.agent_id).update(state="frozen")
    with pytest.raises(OutboundError, match="may not act"):
        get(settings.NVD_URL)
    assert attempts()[0][2] == EgressReason.AGENT_NOT_ACTIVE


# --- Who says what may be reached -------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["olivia", "daniel", "sasha", "aude", "oscar"])
def test_nobody_widens_the_reach_of_their_own(
    active_analyst: Agent, request: pytest.FixtureRequest, who: str
) -> None:
    with pytest.raises(Denied):
        allow(request.getfixturevalue(who), active_analyst, "https://evil.example")
    assert Event.objects.get(action=Action.EGRESS_CHANGED).outcome == "denied"
    assert not egress.check_egress(active_analyst, "https://evil.example/").verdict.allowed


def test_not_even_an_administrator_widens_the_reach_of_their_own(ada: Person, active_analyst: Agent) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(owner=ada)
    with pytest.raises(Denied, match="their own"):
        allow(ada, active_analyst, "https://evil.example")


def test_a_steward_says_it_and_it_counts_at_once(stella: Person, active_analyst: Agent) -> None:
    allow(stella, active_analyst, "HTTPS://Good.Example.", deny=("evil.example",))
    assert egress.check_egress(active_analyst, "https://good.example/").verdict.allowed
    policy = EgressPolicy.objects.get(agent=active_analyst)
    assert (policy.allow, policy.deny) == (["https://good.example"], ["evil.example"])
    with pytest.raises(Conflict, match="Nothing was changed"):
        allow(stella, active_analyst, "https://good.example", deny=("evil.example",))


def test_lists_that_would_not_be_looked_at_are_refused(ada: Person, active_analyst: Agent) -> None:
    for mode, allowed, denied in (
        (EgressMode.ALLOW, [], ["evil.example"]),
        (EgressMode.DENY, ["good.example"], []),
        (EgressMode.HYBRID, ["*"], []),
    ):
        with pytest.raises(Invalid):
            egress_lists.change(
                actor=ada, agent=active_analyst, mode=mode, allow=allowed, deny=denied, reason="So."
            )


def test_only_administrators_make_exceptions(stella: Person, ada: Person, active_analyst: Agent) -> None:
    with pytest.raises(Denied):
        egress_lists.add_exception(
            actor=stella, agent=None, host="10.0.0.7", port=80, days=1, reason="A mirror."
        )
    for host, port, days in (
        ("*.example.org", 80, 1),
        ("10.1", 80, 1),
        ("x.org/y", 80, 1),
        ("x.org", 80, 999),
    ):
        with pytest.raises(Invalid):
            egress_lists.add_exception(
                actor=ada, agent=active_analyst, host=host, port=port, days=days, reason="So."
            )


# --- There is no other way out ----------------------------------------------------------------------------
OPENS = {
    "socket", "ssl", "http.client", "urllib.request", "urllib3", "requests", "aiohttp", "httpx", "httpcore2",
    "asyncio", "subprocess", "multiprocessing", "ftplib", "smtplib", "telnetlib", "xmlrpc", "ctypes", "os",
    "importlib", "threading", "concurrent",
}  # fmt: skip
ROOT = Path(agents.__file__).parent
ANALYST = [*(ROOT / "functions").glob("*.py"), *(ROOT / "analyst").glob("*.py"), *(ROOT / "nvd").glob("*.py"),
           ROOT / "llm.py", *(ROOT / "services" / f"{name}.py" for name in
                              ("gateway", "assessments", "tickets", "analyses", "proposals"))]  # fmt: skip


@pytest.mark.parametrize("module", ANALYST, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_module_of_the_analyst_opens_a_connection_of_its_own(module: Path) -> None:
    tree = ast.parse(module.read_text())
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name in OPENS or name.partition(".")[0] in OPENS - {"urllib"}}
    called = {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name) and node.func.value.id == "httpx2"
    }  # fmt: skip
    # The embedded planner answers inside the process, over a transport that knows no network.
    assert called <= {"Client", "Response", "Request", "MockTransport", "URL"}
    assert "HTTPTransport" not in module.read_text()


def test_a_call_of_the_gateway_connects_through_the_door_alone(
    *,
    monkeypatch: pytest.MonkeyPatch,
    decisions: ScriptedDecisions,
    instance: AgentInstance,
    run: Run,
    finding: Finding,
    settings: LazySettings,
) -> None:
    """Every socket that is opened meanwhile is one that an attempt tells of."""
    opened: list[tuple[str, int]] = []
    connect = socket.socket.connect

    def watching(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _of_database(address, settings):
            opened.append(address[:2])
        connect(self, address)

    settings.NVD_ONLINE = True
    with server(says(json.dumps({"vulnerabilities": []}).encode())) as (url, _):
        settings.NVD_URL = url
        monkeypatch.setattr(socket.socket, "connect", watching)
        reply = gateway.call(request=asking(run, finding, instance))
    assert reply.call.outcome == CallOutcome.EXECUTED
    told = EgressAttempt.objects.get()
    assert opened == [(told.address, told.port)]
    assert (told.call_id, told.run, told.endpoint) == (reply.call.pk, run, "nvd")


def _of_database(address: Any, settings: LazySettings) -> bool:
    return str(address[1]) == str(settings.DATABASES["default"].get("PORT") or "-")


def asking(run: Run, finding: Finding, instance: AgentInstance) -> gateway.Request:
    return gateway.Request(
        run=run,
        finding=finding,
        instance=instance,
        turn=None,
        function="get_vulnerability_info",
        arguments=json.dumps({"cve_id": LOG4SHELL}),
        intent="Test.",
        propose=True,
    )


def test_a_refused_lookup_falls_back_on_what_is_known(
    *,
    decisions: ScriptedDecisions,
    instance: AgentInstance,
    run: Run,
    finding: Finding,
    log4shell: Vulnerability,
    ada: Person,
    settings: LazySettings,
) -> None:
    settings.NVD_ONLINE, settings.NVD_MAX_AGE_HOURS = True, 0
    allow(ada, instance.agent, deny=("services.nvd.nist.gov",))
    reply = gateway.call(request=asking(run, finding, instance))
    assert reply.call.result is not None
    assert reply.call.result["outcome"] == LookupOutcome.FOUND
    assert "NVD was not reached" in reply.call.result["reason"]
    assert attempts() == [("services.nvd.nist.gov", False, "deny_list")]
