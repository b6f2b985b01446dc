"""A copy proves itself with the certificate that a trusted proxy hands on; nobody else does (RFC 8705)."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent, AgentInstance, Credential, Person, Revocation
from agents.oauth import certificate as certificates
from agents.oauth.assertion import TYPE
from agents.oauth.confirmation import Proved, holds
from agents.oauth.errors import OAuthError
from agents.oauth.jwk import PublicKey, UnusableKeyError, read
from agents.services import copies, secret_delivery
from audits.errors import Conflict, Invalid
from governance.models import Decision
from portal import doctor
from tests.governance.story import elevate, events, resource, version_of
from tests.oauth.certificates import (
    PROXY,
    RFC9440,
    XFCC,
    authority,
    for_servers,
    in_the_mesh,
    made,
    pem,
    rfc9440,
    self_signed,
    thumbprint,
    with_its_own,
    xfcc,
)
from tests.oauth.client import (
    REVOKE,
    TOKEN,
    Copy,
    a_write,
    ask,
    claims_of,
    introspect,
    new_key,
    public,
    task,
)
from tests.oauth.conftest import calls

FORM = "application/x-www-form-urlencoded"
METHODS = ["tls_client_auth", "self_signed_tls_client_auth"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mesh(settings: LazySettings) -> LazySettings:
    """One proxy is trusted; it writes Envoy's header."""
    settings.CLIENT_CERTIFICATE = "xfcc"
    settings.CLIENT_CERTIFICATE_METHODS = METHODS
    settings.TRUSTED_PROXIES = [ip_network("10.20.0.0/16")]
    return settings


@pytest.fixture
def workload(olivia: Person, active_analyst: Agent) -> AgentInstance:
    return in_the_mesh(olivia, active_analyst)


def shown(
    client: Client,
    instance: AgentInstance,
    header: str,
    wanted: Any = None,
    *,
    name: str = XFCC,
    address: str = PROXY,
    headers: dict[str, str] | None = None,
    **form: Any,
) -> Any:
    """The answer of the token endpoint to a client with this header."""
    fields = {
        "grant_type": "client_credentials",
        "client_id": instance.spiffe_id,
        "authorization_details": json.dumps([wanted or task()]),
    } | form
    body = urlencode({name: value for name, value in fields.items() if value is not None})
    return client.post(
        TOKEN,
        body,
        content_type=FORM,
        headers={name: header} | (headers or {}),
        REMOTE_ADDR=address,
    )


def refused(answer: Any) -> None:
    """Nothing was issued, nothing was decided."""
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.content
    assert not Credential.objects.exists()
    assert not Decision.objects.exists()


# --- What it gets -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("form", ["xfcc", "rfc9440"])
def test_a_certificate_of_the_mesh_gets_a_token_that_is_bound_to_it(
    form: str, client: Client, workload: AgentInstance, gateway: str, mesh: LazySettings
) -> None:
    mesh.CLIENT_CERTIFICATE = form
    held = made(workload.spiffe_id)
    name, written = (XFCC, xfcc) if form == "xfcc" else (RFC9440, rfc9440)
    answer = shown(client, workload, written(held), name=name)
    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer"), answer.content
    token = answer.json()["access_token"]
    claims = claims_of(token)
    assert claims["sub"] == workload.spiffe_id
    assert claims["cnf"] == {"x5t#S256": thumbprint(held)}
    assert "client_key" not in claims
    told = introspect(client, token, gateway).json()
    assert (told["active"], told["token_type"], told["cnf"]) == (True, "Bearer", claims["cnf"])


def test_a_registered_certificate_gets_one_without_any_authority(
    client: Client, olivia: Person, active_analyst: Agent
) -> None:
    held = self_signed()
    copy = with_its_own(olivia, active_analyst, held)
    assert copy.client_auth == "self_signed_tls_client_auth"
    claims = claims_of(shown(client, copy, xfcc(held)).json()["access_token"])
    assert claims["cnf"] == {"x5t#S256": thumbprint(held)}
    assert claims["client_key"] == copy.keys.get().thumbprint


def test_a_write_is_bound_to_the_certificate_and_needs_no_proof_besides(
    client: Client, workload: AgentInstance, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, workload.agent, on, members[:2])
    held = made(workload.spiffe_id)
    claims = claims_of(shown(client, workload, xfcc(held), a_write(on)).json()["access_token"])
    assert (claims["scope"], claims["cnf"]) == ("agent:write", {"x5t#S256": thumbprint(held)})


def test_with_a_proof_as_well_it_is_bound_to_both(client: Client, workload: AgentInstance) -> None:
    held, proof = made(workload.spiffe_id), Copy(workload).proof()
    answer = shown(client, workload, xfcc(held), headers={"DPoP": proof}).json()
    assert answer["token_type"] == "DPoP"
    assert set(claims_of(answer["access_token"])["cnf"]) == {"jkt", "x5t#S256"}


def test_the_metadata_says_so_only_where_it_is_on(client: Client, mesh: LazySettings) -> None:
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt", *METHODS]
    assert told["tls_client_certificate_bound_access_tokens"] is True
    mesh.CLIENT_CERTIFICATE = ""
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert "tls_client_certificate_bound_access_tokens" not in told


def test_a_mesh_adds_its_certificate_to_everything_and_an_assertion_still_counts_alone(
    client: Client, copy: Copy, workload: AgentInstance
) -> None:
    by: dict[str, Any] = {"client_assertion_type": TYPE, "client_assertion": copy.assertion()}
    answer = shown(client, copy.instance, xfcc(made(workload.spiffe_id)), **by)
    claims = claims_of(answer.json()["access_token"])
    assert (claims["sub"], "cnf" in claims) == (copy.instance.spiffe_id, False)


def test_it_gives_its_token_back(client: Client, workload: AgentInstance, gateway: str) -> None:
    held = xfcc(made(workload.spiffe_id))
    token = shown(client, workload, held).json()["access_token"]
    form = urlencode({"client_id": workload.spiffe_id, "token": token})
    given = client.post(
        REVOKE,
        form,
        content_type=FORM,
        headers={XFCC: held},
        REMOTE_ADDR=PROXY,
    )
    assert given.status_code == 200
    assert introspect(client, token, gateway).json() == {"active": False}


# --- What a thief and a liar get ----------------------------------------------------------------------------
def test_a_header_from_elsewhere_is_not_there(client: Client, workload: AgentInstance) -> None:
    held = xfcc(made(workload.spiffe_id))
    for address in ("127.0.0.1", "10.21.0.7", "203.0.113.9", "2001:db8::7", "", "unix:"):
        refused(shown(client, workload, held, address=address))
    refused(shown(client, workload, held, address="203.0.113.9", headers={"X-Forwarded-For": PROXY}))
    refused(shown(client, workload, held, address="203.0.113.9", headers={"Forwarded": f"for={PROXY}"}))


def test_a_proxy_that_comes_over_ipv6_is_the_same(client: Client, workload: AgentInstance) -> None:
    held = xfcc(made(workload.spiffe_id))
    assert shown(client, workload, held, address=f"::ffff:{PROXY}").status_code == 200
    refused_later = shown(client, workload, held, address="::ffff:10.21.0.7")
    assert refused_later.status_code == 401


def test_where_it_is_off_or_another_form_is_named_the_header_is_not_there(
    client: Client, workload: AgentInstance, mesh: LazySettings
) -> None:
    held = made(workload.spiffe_id)
    for form in ("", "rfc9440"):
        mesh.CLIENT_CERTIFICATE = form
        refused(shown(client, workload, xfcc(held)))
    mesh.CLIENT_CERTIFICATE = "xfcc"
    mesh.TRUSTED_PROXIES = []
    refused(shown(client, workload, xfcc(held)))


OTHER = "spiffe://countersign.local/agent/other/i/1"
NOT_AN_SVID: dict[str, Callable[[str], x509.Certificate]] = {
    "two names": lambda name: made(name, OTHER),
    "two names, ours last": lambda name: made(OTHER, name),
    "no name": lambda _name: made(),
    "another trust domain": lambda name: made(name.replace("countersign.local", "evil.example")),
    "a trust domain that begins like ours": lambda name: made(
        name.replace("countersign.local", "countersign.local.evil.example")
    ),
    "a trust domain in other letters": lambda name: made(
        name.replace("countersign.local", "Countersign.Local")
    ),
    "another scheme": lambda name: made(name.replace("spiffe://", "https://")),
    "a query": lambda name: made(f"{name}?x=1"),
    "over": lambda name: made(name, starts=datetime.now(UTC) - timedelta(hours=2)),
    "not yet": lambda name: made(name, starts=datetime.now(UTC) + timedelta(hours=2)),
    "of an authority": lambda name: made(name, extensions=(authority(),)),
    "for servers alone": lambda name: made(name, extensions=(for_servers(),)),
    "of another copy": lambda _name: made(OTHER),
}


@pytest.mark.parametrize("name", NOT_AN_SVID)
def test_what_is_no_certificate_of_this_copy(name: str, client: Client, workload: AgentInstance) -> None:
    refused(shown(client, workload, xfcc(NOT_AN_SVID[name](workload.spiffe_id))))
    assert events("token.refused", "denied")


def test_the_certificate_of_another_copy_is_not_this_ones(
    client: Client, workload: AgentInstance, olivia: Person, active_analyst: Agent
) -> None:
    other = in_the_mesh(olivia, active_analyst)
    refused(shown(client, workload, xfcc(made(other.spiffe_id))))
    refused(shown(client, workload, xfcc(made(other.spiffe_id)), client_id=None))


def broken(held: x509.Certificate) -> dict[str, str]:
    good = xfcc(held)
    cert = good.partition("Cert=")[2].partition(";")[0]
    return {
        "twice": f"{good},{good}",
        "twice in one element": f"Cert={cert};Cert={cert}",
        "two in one": f'Cert="{cert[1:-1]}{cert[1:-1]}"',
        "another one in front": f"{xfcc(self_signed())},{good}",
        "what the proxy says instead": f"Hash={'0' * 64};URI={OTHER}",
        "an open quote": f'Subject="x;{good}',
        "nonsense": "nonsense",
        "bytes of no certificate": 'Cert="AAAA"',
        "too much": good + " " * 40_000,
    }


@pytest.mark.parametrize("name", broken(self_signed()))
def test_a_header_that_is_not_exactly_one_certificate(
    name: str, client: Client, workload: AgentInstance
) -> None:
    refused(shown(client, workload, broken(made(workload.spiffe_id))[name]))


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda text: f"{text}, {text}",
        lambda text: text[1:-1],
        lambda text: f"{text[:-1]}=:",
        lambda text: text.replace(":", "", 1),
        lambda text: f":{text[1:9]}:",
        lambda text: f"{text};a=1",
        lambda _text: "::",
    ],
)
def test_a_structured_field_that_is_not_exactly_one_certificate(
    spoiled: Callable[[str], str], client: Client, workload: AgentInstance, mesh: LazySettings
) -> None:
    mesh.CLIENT_CERTIFICATE = "rfc9440"
    refused(shown(client, workload, spoiled(rfc9440(made(workload.spiffe_id))), name=RFC9440))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda bytes_: f":{bytes_.hex()}:"))
def test_no_header_makes_the_reader_fail(text: str) -> None:
    for form in certificates.FORMS:
        with pytest.raises(OAuthError):
            certificates.read(text, form=form)


@given(st.data())
def test_no_bytes_make_the_reader_fail(data: st.DataObject) -> None:
    """A certificate with a few bytes changed is read, or refused."""
    content = bytearray(base64.b64decode(rfc9440(SOME)[1:-1]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        certificates.read(f":{base64.b64encode(content).decode()}:", form="rfc9440")
    except OAuthError:
        return


SOME = made(OTHER)


def test_who_ended_gets_nothing(client: Client, workload: AgentInstance, olivia: Person) -> None:
    held = xfcc(made(workload.spiffe_id))
    copies.deprovision(actor=olivia, instance=workload)
    refused(shown(client, workload, held))


def test_whose_time_is_over_gets_nothing(client: Client, workload: AgentInstance) -> None:
    AgentInstance.objects.update(expires_at=timezone.now())
    refused(shown(client, workload, xfcc(made(workload.spiffe_id))))


def test_an_authority_of_the_mesh_is_not_every_copy(
    client: Client, copy: Copy, olivia: Person, active_analyst: Agent
) -> None:
    """Whom it names is no copy that was given a key, or a certificate, of its own."""
    own = with_its_own(olivia, active_analyst, self_signed())
    for instance in (copy.instance, own):
        refused(shown(client, instance, xfcc(made(instance.spiffe_id))))


@pytest.mark.parametrize("method", METHODS)
def test_only_the_methods_that_are_on(
    method: str, client: Client, olivia: Person, active_analyst: Agent, mesh: LazySettings
) -> None:
    """A proxy that checks no authority hands on a name that anybody can write."""
    held = self_signed()
    by_mesh = method == "tls_client_auth"
    instance = in_the_mesh(olivia, active_analyst) if by_mesh else with_its_own(olivia, active_analyst, held)
    if by_mesh:
        held = made(instance.spiffe_id, issuer=new_key())
    mesh.CLIENT_CERTIFICATE_METHODS = [other for other in METHODS if other != method]
    refused(shown(client, instance, xfcc(held)))
    jwk = None if by_mesh else read(pem(self_signed()))
    with pytest.raises(Conflict, match=f"No certificates are believed here for {method}"):
        copies.provision(
            actor=olivia, agent=active_analyst, version=version_of(active_analyst), jwk=jwk, days=1
        )


def test_where_none_is_believed_no_copy_is_provisioned_for_one(
    olivia: Person, active_analyst: Agent, mesh: LazySettings
) -> None:
    mesh.CLIENT_CERTIFICATE = ""
    with pytest.raises(Conflict, match="COUNTERSIGN_CLIENT_CERTIFICATE"):
        in_the_mesh(olivia, active_analyst)


def test_a_key_that_came_in_a_certificate_signs_no_assertions(
    client: Client, olivia: Person, active_analyst: Agent
) -> None:
    key = new_key()
    instance = with_its_own(olivia, active_analyst, made(key=key, issuer=key))
    refused(ask(client, Copy(instance, key)))


# --- Bound tokens ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cnf", "proved", "holding"),
    [
        (None, Proved(), True),
        ({"x5t#S256": "a"}, Proved(certificate="a"), True),
        ({"x5t#S256": "a"}, Proved(), False),
        ({"x5t#S256": "a"}, Proved(certificate="b"), False),
        ({"x5t#S256": "a"}, Proved(key="a"), False),
        ({"jkt": "k", "x5t#S256": "a"}, Proved(key="k"), False),
        ({"jkt": "k", "x5t#S256": "a"}, Proved(certificate="a"), False),
        ({"jkt": "k", "x5t#S256": "a"}, Proved(key="k", certificate="a"), True),
        ({"kid": "k"}, Proved(key="k", certificate="a"), False),
        ({"x5t#S256": ""}, Proved(), False),
        ({}, Proved(), False),
        ("a", Proved(certificate="a"), False),
    ],
)
def test_everything_that_a_token_is_bound_to_is_proved(cnf: Any, proved: Proved, *, holding: bool) -> None:
    assert holds({} if cnf is None else {"cnf": cnf}, proved) is holding


def secret(client: Client, token: str, header: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} | ({XFCC: header} if header else {})
    return client.post("/access/v1/secrets", headers=headers, REMOTE_ADDR=PROXY)


def test_a_bound_token_is_worth_nothing_with_another_certificate_or_none(
    client: Client, workload: AgentInstance
) -> None:
    """With its own it comes as far as its task: this one is for looking something up."""
    held = made(workload.spiffe_id)
    wanted = task(locations=[secret_delivery.address()])
    token = shown(client, workload, xfcc(held), wanted).json()["access_token"]
    assert secret(client, token).json()["error"] == "invalid_token"
    for other in (made(workload.spiffe_id), self_signed()):
        assert secret(client, token, xfcc(other)).status_code == 401
        assert "bound to" in secret(client, token, xfcc(other)).json()["error_description"]
    assert "does not cover" in secret(client, token, xfcc(held)).json()["error_description"]


def test_another_agent_hands_on_nothing_that_is_bound_to_another_certificate(
    client: Client, workload: AgentInstance, another: Callable[[str], Copy], olivia: Person
) -> None:
    held, other = made(workload.spiffe_id), another("called")
    calls(olivia, Copy(workload), other)
    token = shown(client, workload, xfcc(held)).json()["access_token"]
    handing = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "requested_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "audience": other.instance.agent.slug,
        "authorization_details": None,
    }
    stolen = shown(client, workload, xfcc(made(workload.spiffe_id)), **handing).json()
    assert (stolen["error"], "another certificate" in stolen["error_description"]) == (
        "invalid_request",
        True,
    )
    assert shown(client, workload, xfcc(held), **handing).status_code == 200


# --- Keeping them ---------------------------------------------------------------------------------------
def test_a_registered_certificate_is_rotated_with_an_overlap(
    client: Client, olivia: Person, active_analyst: Agent, gateway: str
) -> None:
    older, newer = self_signed(), self_signed()
    copy = with_its_own(olivia, active_analyst, older)
    copies.rotate_key(actor=olivia, instance=copy, jwk=read(pem(newer)))
    token = shown(client, copy, xfcc(older)).json()["access_token"]
    assert shown(client, copy, xfcc(newer)).status_code == 200
    copy.keys.filter(ends_at__isnull=False).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert copies.sweep() == 1
    assert Revocation.objects.filter(level="key").exists()
    assert introspect(client, token, gateway).json() == {"active": False}
    assert shown(client, copy, xfcc(older)).status_code == 401
    assert shown(client, copy, xfcc(newer)).status_code == 200


def test_a_copy_keeps_its_one_way(workload: AgentInstance, copy: Copy, olivia: Person) -> None:
    for instance, jwk in ((workload, public(new_key())), (copy.instance, read(pem(self_signed())))):
        with pytest.raises(Conflict, match="Provision another one"):
            copies.rotate_key(actor=olivia, instance=instance, jwk=jwk)


def test_a_certificate_of_another_key_is_not_taken(olivia: Person, active_analyst: Agent) -> None:
    held = read(pem(self_signed()))
    for jwk in ({**public(new_key()), "x5c": held["x5c"]}, {**held, "x5c": []}, {**held, "x5c": ["AAAA"]}):
        with pytest.raises(UnusableKeyError):
            PublicKey(jwk)
    with pytest.raises(Invalid):
        copies.provision(
            actor=olivia,
            agent=active_analyst,
            version=active_analyst.active_version,  # type: ignore[arg-type]
            jwk={**public(new_key()), "x5c": held["x5c"]},
            days=1,
        )


def test_the_doctor_says_when_one_is_set_without_the_other(mesh: LazySettings) -> None:
    def found() -> tuple[str, str]:
        (finding,) = doctor.check_client_certificates()
        return finding.status, finding.message

    assert found()[0] == "ok"
    mesh.TRUSTED_PROXIES = []
    assert found()[0] == "warning"
    assert "none is trusted" in found()[1]
    mesh.CLIENT_CERTIFICATE = ""
    assert found()[0] == "ok"
    mesh.TRUSTED_PROXIES = [ip_network("10.20.0.0/16")]
    assert found()[0] == "warning"
    assert "no form" in found()[1]


def test_the_command_gives_a_copy_one_way(olivia: Person, active_analyst: Agent, tmp_path: Path) -> None:
    held = tmp_path / "agent.crt"
    held.write_text(pem(self_signed()), encoding="ascii")
    for option, way in (("--svid", "tls_client_auth"), (f"--key={held}", "self_signed_tls_client_auth")):
        call_command("instance", "add", active_analyst.slug, option, "--as=olivia", stdout=StringIO())
        assert AgentInstance.objects.latest("started_at").client_auth == way
    with pytest.raises(CommandError, match="required"):
        call_command("instance", "add", active_analyst.slug, "--as=olivia")


@pytest.mark.parametrize(
    ("chosen", "way"),
    [({"by_mesh": "on"}, "tls_client_auth"), ({"jwk": pem(self_signed())}, "self_signed_tls_client_auth")],
)
def test_the_page_gives_a_copy_one_way(
    chosen: dict[str, str], way: str, client: Client, olivia: Person, active_analyst: Agent
) -> None:
    client.force_login(olivia)
    page, form = reverse("admin:agents_agentinstance_add"), {"agent": str(active_analyst.pk), "days": "7"}
    for wrong in ({}, {"by_mesh": "on", "jwk": pem(self_signed())}):
        assert b"or let the mesh give it certificates" in client.post(page, form | wrong).content
    assert not AgentInstance.objects.exists()
    assert client.post(page, form | chosen).status_code == 302
    assert AgentInstance.objects.get().client_auth == way
