"""A copy of an agent elsewhere gets a token for one task (RFC 6749, 7523, 9068, 9396, 9449)."""

import hashlib
from datetime import timedelta

import jwt
import pytest
from django.test import Client
from django.utils import timezone

from agents.models import Agent, AgentInstance, Credential, Person
from agents.services import copies
from audits.actor import Actor
from audits.errors import Conflict, Denied, Invalid
from governance.models import Decision, DecisionOutcome
from governance.services import enforcement_points
from tests.conftest import SETUP
from tests.governance.story import approval_of, cast, elevate, events, request, resource
from tests.governance.test_break_glass import broken
from tests.oauth.client import (
    CRM,
    Copy,
    a_write,
    ask,
    claims_of,
    introspect,
    new_key,
    provisioned,
    public,
    revoke,
    task,
)
from tests.promises.test_elevation_revisions import newest, revise

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


def test_a_token_for_one_reading(client: Client, copy: Copy) -> None:
    answer = ask(client, copy)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)  # as long as the risk class lets
    claims = claims_of(body["access_token"])
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    assert (claims["sub"], claims["client_id"], claims["aud"]) == (
        copy.instance.spiffe_id,
        copy.instance.agent.slug,
        CRM,
    )
    assert claims["scope"] == "agent:read"
    assert claims["authorization_details"][0]["actions"] == ["get_vulnerability_info"]
    assert claims["prv"] == copy.instance.version.digest
    decision = Decision.objects.get()
    assert decision.allowed
    assert Credential.objects.get().decision_id == decision.pk


def test_who_knows_the_key_set_verifies_it_alone(client: Client, copy: Copy) -> None:
    token = ask(client, copy).json()["access_token"]
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert key["kid"] == jwt.get_unverified_header(token)["kid"]
    assert jwt.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"], audience=CRM)["sub"]


def test_the_metadata_says_what_is_there(client: Client) -> None:
    told = client.get("/.well-known/oauth-authorization-server").json()
    for name in ("token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri"):
        path = told[name].removeprefix(told["issuer"].rstrip("/"))
        assert client.get(path).status_code in {200, 405}
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert "ES256" in told["dpop_signing_alg_values_supported"]


def test_a_write_needs_an_elevation_and_says_that_one_may_be_asked_for(client: Client, copy: Copy) -> None:
    answer = ask(client, copy, a_write(resource()), proof=copy.proof())
    assert answer.status_code == 400
    body = answer.json()
    assert (body["error"], body["reason"], body["requestable"]) == ("access_denied", "no_elevation", True)
    assert Decision.objects.filter(pk=body["evaluation_id"], allowed=False).exists()


def test_a_write_token_is_bound_to_a_key_and_ends_with_the_elevation(
    client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, copy.instance.agent, on, members[:2], minutes=1)
    unbound = ask(client, copy, a_write(on))
    assert unbound.json()["error"] == "invalid_request"
    elevation.refresh_from_db()
    assert elevation.used == 0
    key = new_key()
    answer = ask(client, copy, a_write(on), proof=copy.proof(by=key))
    body = answer.json()
    assert (answer.status_code, body["token_type"]) == (200, "DPoP")
    claims = claims_of(body["access_token"])
    assert len(claims["cnf"]["jkt"]) == 43
    assert elevation.ends_at is not None
    assert claims["exp"] <= elevation.ends_at.timestamp()
    approval = approval_of(elevation)
    assert claims["elev"] == {
        "id": str(elevation.pk),
        "hash": hashlib.sha256(approval.content.encode()).hexdigest(),
        "until": int(elevation.ends_at.timestamp()),
    }
    assert claims["elev"]["hash"] == approval.digest
    assert {vote.digest for vote in approval.votes.all()} == {approval.digest}
    elevation.refresh_from_db()
    assert elevation.used == 1
    assert ask(client, copy, a_write(on), proof=copy.proof(by=key)).json()["reason"] == "budget_spent"


def test_the_hash_of_an_elevation_is_of_the_wording_that_was_approved_last(
    client: Client, copy: Copy, gateway: str, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    asked = request(olivia, copy.instance.agent, on)
    first = approval_of(asked).digest
    revise(olivia, asked, intent="Open it, and say so.")
    approval = newest(asked)
    for member in members[:2]:
        cast(member, approval)
    body = ask(client, copy, a_write(on), proof=copy.proof()).json()
    elev = claims_of(body["access_token"])["elev"]
    assert elev["hash"] == approval.digest != first
    assert introspect(client, body["access_token"], gateway).json()["elev"] == elev


def test_the_hash_of_broken_glass_is_of_what_was_opened(
    client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    glass = broken(olivia, copy.instance.agent, on)
    body = ask(client, copy, a_write(on), proof=copy.proof()).json()
    elev = claims_of(body["access_token"])["elev"]
    assert elev["hash"] == glass.digest == hashlib.sha256(glass.content.encode()).hexdigest()
    assert elev["id"] == str(glass.elevation_id)


def test_what_a_token_is_worth_now(client: Client, copy: Copy, gateway: str) -> None:
    token = ask(client, copy).json()["access_token"]
    told = introspect(client, token, gateway).json()
    assert told["active"] is True
    assert told["sub"] == copy.instance.spiffe_id
    assert introspect(client, "no-token", gateway).json() == {"active": False}
    assert introspect(client, token, "wrong").status_code == 401
    assert revoke(client, copy, token).status_code == 200
    assert introspect(client, token, gateway).json() == {"active": False}
    assert len(events("credential.revoked")) == 1
    assert revoke(client, copy, token).status_code == 200
    assert len(events("credential.revoked")) == 1


def test_the_moment_access_ends_a_token_is_worth_nothing(
    client: Client, copy: Copy, gateway: str, olivia: Person
) -> None:
    token = ask(client, copy).json()["access_token"]
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    assert introspect(client, token, gateway).json() == {"active": False}
    assert ask(client, copy).json()["error"] == "access_denied"


def test_a_copy_cannot_revoke_anothers_token(
    client: Client, copy: Copy, olivia: Person, gateway: str
) -> None:
    other = provisioned(olivia, copy.instance.agent)
    token = ask(client, copy).json()["access_token"]
    assert revoke(client, other, token).status_code == 200
    assert introspect(client, token, gateway).json()["active"] is True


# --- Keys and copies ----------------------------------------------------------------------------------
def test_a_rotated_key_overlaps_and_then_ends(client: Client, copy: Copy, olivia: Person) -> None:
    newer = Copy(copy.instance)
    copies.rotate_key(actor=olivia, instance=copy.instance, jwk=public(newer.key))
    assert ask(client, copy).status_code == 200
    assert ask(client, newer).status_code == 200
    copy.instance.keys.filter(ends_at__isnull=False).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert ask(client, copy).json()["error"] == "invalid_client"
    assert ask(client, newer).status_code == 200


def test_what_is_deprovisioned_is_gone(client: Client, copy: Copy, olivia: Person, gateway: str) -> None:
    token = ask(client, copy).json()["access_token"]
    left = copies.deprovision(actor=olivia, instance=copy.instance)
    assert left == {"identities": 0, "keys": 0, "credentials": 0, "secret_leases": 0}
    assert introspect(client, token, gateway).json() == {"active": False}
    refused = ask(client, copy)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    with pytest.raises(Conflict):
        copies.deprovision(actor=olivia, instance=copy.instance)


def test_only_the_owners_side_provisions(copy: Copy, oscar: Person, active_analyst: Agent) -> None:
    with pytest.raises(Denied):
        provisioned(oscar, active_analyst)
    with pytest.raises(Denied):
        copies.rotate_key(actor=oscar, instance=copy.instance, jwk=public(new_key()))
    with pytest.raises(Denied):
        copies.deprovision(actor=oscar, instance=copy.instance)


def test_a_key_belongs_to_one_copy(copy: Copy, olivia: Person, active_analyst: Agent) -> None:
    with pytest.raises(Conflict, match="known already"):
        copies.provision(
            actor=olivia,
            agent=active_analyst,
            version=copy.instance.version,
            jwk=public(copy.key),
            days=1,
        )
    assert AgentInstance.objects.count() == 1


@pytest.mark.parametrize("days", [0, 91, -1])
def test_a_copy_lives_no_longer_than_the_setting(days: int, active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Invalid):
        provisioned(olivia, active_analyst, days=days)


def test_a_copy_whose_time_is_over(client: Client, copy: Copy) -> None:
    AgentInstance.objects.update(expires_at=timezone.now())
    assert ask(client, copy).json()["error"] == "invalid_client"


# --- How many -----------------------------------------------------------------------------------------
def test_so_many_tokens_a_minute_and_no_more(client: Client, copy: Copy, settings: object) -> None:
    settings.TOKENS_PER_MINUTE = 3  # type: ignore[attr-defined]
    answers = [ask(client, copy).status_code for _ in range(5)]
    assert answers == [200, 200, 200, 429, 429]


def test_so_many_live_tokens_and_no_more(client: Client, copy: Copy, settings: object) -> None:
    settings.LIVE_TOKENS = 2  # type: ignore[attr-defined]
    first = ask(client, copy).json()["access_token"]
    assert ask(client, copy).status_code == 200
    assert ask(client, copy).status_code == 429
    revoke(client, copy, first)
    assert ask(client, copy).status_code == 200


def test_another_task_another_token(client: Client, copy: Copy) -> None:
    body = ask(client, copy, task(on="endpoint/everything")).json()
    assert (body["error"], body["reason"]) == ("access_denied", "function_not_in_manifest")


@pytest.mark.django_db
def test_whoever_is_shown_a_token_first_reports_what_became_of_it(client: Client, copy: Copy) -> None:
    """And nobody else: another enforcement point, or the same before it was shown the token."""
    first, second = (enforcement_points.add(actor=SETUP, name=name)[1] for name in ("crm", "erp"))
    token = ask(client, copy).json()["access_token"]
    decision = Decision.objects.get()

    def reports(credential: str) -> int:
        answer = client.post(
            "/access/v1/outcomes",
            {"evaluation_id": str(decision.pk), "outcome": "executed"},
            content_type="application/json",
            headers={"Authorization": f"Bearer {credential}"},
        )
        return answer.status_code

    assert reports(first) == 404
    assert introspect(client, token, first).json()["evaluation_id"] == str(decision.pk)
    assert introspect(client, token, second).json()["active"]
    assert reports(second) == 404
    assert reports(first) == 200
    assert DecisionOutcome.objects.get().outcome == "executed"
