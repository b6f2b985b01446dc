"""An agent acts for a person, or for an agent that let it (RFC 8693; S2-1, S4-1)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from agents.choices import DelegationEnd, FreezeReason, SessionEnd
from agents.models import Agent, AgentInstance, Credential, Delegation, Dependency, Person
from agents.services import delegations, dependencies, exchange, lifecycle, people, register, sessions
from audits.errors import Denied
from governance.models import Decision
from tests.conftest import SETUP
from tests.governance.story import elevate, events, resource
from tests.oauth.client import (
    CRM,
    Copy,
    a_write,
    ask,
    claims_of,
    hand_on,
    handed_out,
    introspect,
    let,
    new_key,
    provisioned,
    revoke,
    task,
    trade,
)
from tests.oauth.conftest import calls
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


@pytest.fixture
def delegation(oscar: Person, active_analyst: Agent) -> Delegation:
    return let(oscar, active_analyst, may_pass_on=True)


def problem(answer: Any, error: str = "invalid_request", words: str = "") -> None:
    """Nothing was issued, and why is on record."""
    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, error), body
    assert words in body["error_description"]
    if error != "access_denied":
        assert events("token.refused", "denied")


# --- For a person -------------------------------------------------------------------------------------
def test_the_subject_stays_the_person_and_the_agent_acts(
    client: Client, copy: Copy, delegation: Delegation, oscar: Person, gateway: str
) -> None:
    key = new_key()
    answer = trade(client, copy, handed_out(delegation), proof=copy.proof(by=key))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["token_type"], body["issued_token_type"]) == ("DPoP", exchange.ACCESS_TOKEN)
    claims = claims_of(body["access_token"])
    assert claims["sub"] == str(oscar.pk)
    assert claims["act"] == {"sub": copy.instance.spiffe_id}
    assert claims["client_id"] == copy.instance.agent.slug
    assert len(claims["cnf"]["jkt"]) == 43
    assert claims["authorization_details"][0]["datatypes"] == ["vulnerability reports"]
    told = introspect(client, body["access_token"], gateway).json()
    assert (told["active"], told["sub"], told["act"]) == (True, str(oscar.pk), claims["act"])
    decision = Decision.objects.get()
    assert (decision.on_behalf_of, decision.delegation, decision.act) == (oscar, delegation, claims["act"])
    made = events("decision.made")[-1].details
    assert (made["on_behalf_of"], made["data_scope"]) == (oscar.actor.ref, ["vulnerability reports"])


def test_it_lives_no_longer_than_the_delegation(client: Client, copy: Copy, delegation: Delegation) -> None:
    subject = handed_out(delegation)
    end = timezone.now() + timedelta(seconds=40)
    Delegation.objects.update(ends_at=end)
    assert trade(client, copy, subject).json()["expires_in"] <= 40


def test_a_token_for_somebody_else_is_bound_to_a_key(
    client: Client, copy: Copy, delegation: Delegation
) -> None:
    subject = handed_out(delegation)
    problem(trade(client, copy, subject, proof=""), words="bound to a key")
    assert trade(client, copy, subject).status_code == 200  # nothing was spent


def test_a_subject_token_counts_once(client: Client, copy: Copy, delegation: Delegation) -> None:
    subject = handed_out(delegation)
    assert trade(client, copy, subject).status_code == 200
    problem(trade(client, copy, subject), words="come before")
    assert Credential.objects.count() == 1


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (task(action="assess_vulnerability", on="vulnerability/x"), "function_not_in_manifest"),
        (a_write("finding/1"), "no_elevation"),
        (a_write("finding/not one/2"), "function_not_in_manifest"),
    ],
)
def test_the_agents_own_rights_count_too(
    client: Client, copy: Copy, delegation: Delegation, wanted: Any, reason: str
) -> None:
    answer = trade(client, copy, handed_out(delegation), wanted)
    problem(answer, "access_denied")
    assert answer.json()["reason"] == reason


def test_what_the_person_did_not_let_is_refused_whatever_the_agent_may(
    client: Client, copy: Copy, oscar: Person, olivia: Person, members: list[Person]
) -> None:
    narrow = let(oscar, copy.instance.agent, actions=["open_ticket"], resources=["finding/7"])
    answer = trade(client, copy, handed_out(narrow))
    assert (answer.json()["error"], answer.json()["reason"]) == ("access_denied", "delegation_exceeded")
    on = resource()
    elevation = elevate(olivia, copy.instance.agent, on, members[:2])
    answer = trade(client, copy, handed_out(narrow), a_write(on))
    body = answer.json()
    assert (body["reason"], body["requestable"]) == ("delegation_exceeded", False)
    elevation.refresh_from_db()
    assert elevation.used == 0


def test_a_write_takes_both(
    client: Client, copy: Copy, delegation: Delegation, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, copy.instance.agent, on, members[:2])
    answer = trade(client, copy, handed_out(delegation), a_write(on))
    assert answer.status_code == 200, answer.content
    assert claims_of(answer.json()["access_token"])["elev"]


# --- Confused deputies --------------------------------------------------------------------------------
def test_another_agent_cannot_use_the_delegation(
    client: Client, copy: Copy, delegation: Delegation, another: Callable[[str], Copy]
) -> None:
    thief = another("thief")
    subject = handed_out(delegation)
    problem(trade(client, thief, subject), words="lets another agent act")
    assert trade(client, copy, subject).status_code == 200  # it was not used up by the thief


def test_the_actor_token_is_the_clients_own(
    client: Client, copy: Copy, delegation: Delegation, olivia: Person
) -> None:
    other = provisioned(olivia, copy.instance.agent)
    more = {"actor_token_type": exchange.JWT}
    subject = handed_out(delegation)
    problem(trade(client, copy, subject, actor_token=other.assertion(), **more), words="another's")
    answer = trade(client, copy, subject, actor_token=copy.assertion(), **more)
    assert answer.status_code == 200, answer.content


def test_nobody_hands_out_for_somebody_else(delegation: Delegation, ada: Person) -> None:
    with pytest.raises(Denied):
        exchange.hand_out(actor=ada, delegation=delegation, authentication=proof(ada))
    with pytest.raises(Denied):
        exchange.hand_out(actor=delegation.person, delegation=delegation, authentication=None)
    late = proof(delegation.person, minutes=60)
    with pytest.raises(Denied):
        exchange.hand_out(actor=delegation.person, delegation=delegation, authentication=late)
    assert len(events("subject_token.issued", "denied")) == 3


@pytest.mark.parametrize(
    "form",
    [
        {"subject_token": None},
        {"subject_token_type": None},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "x"},
        {"actor_token": "x", "actor_token_type": exchange.ACCESS_TOKEN},
    ],
)
def test_what_is_no_exchange_of_ours(
    client: Client, copy: Copy, delegation: Delegation, form: dict[str, Any]
) -> None:
    answer = trade(client, copy, handed_out(delegation), **form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert not Credential.objects.exists()


@pytest.mark.parametrize("name", ["audience", "resource"])
def test_the_target_is_the_tasks_location(
    client: Client, copy: Copy, delegation: Delegation, name: str
) -> None:
    subject = handed_out(delegation)
    problem(trade(client, copy, subject, **{name: "https://other.example.org"}), "invalid_target")
    assert trade(client, copy, subject, **{name: CRM}).status_code == 200


# --- Any end ends it ----------------------------------------------------------------------------------
def _ended_by_the_person(delegation: Delegation) -> None:
    delegations.end(actor=delegation.person.actor, delegation=delegation)


def _ended_by_leaving(delegation: Delegation) -> None:
    people.deactivate(actor=SETUP, person=delegation.person)


def _ended_by_its_time(_delegation: Delegation) -> None:
    now = timezone.now()
    Delegation.objects.update(starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1))


def _ended_behind_our_back(delegation: Delegation) -> None:
    Person.objects.filter(pk=delegation.person_id).update(is_active=False)


ENDS = [_ended_by_the_person, _ended_by_leaving, _ended_by_its_time, _ended_behind_our_back]


@pytest.mark.parametrize("end", ENDS)
def test_from_that_moment_a_token_is_worth_nothing(
    client: Client, copy: Copy, delegation: Delegation, gateway: str, end: Callable[[Delegation], None]
) -> None:
    token = trade(client, copy, handed_out(delegation)).json()["access_token"]
    waiting = handed_out(delegation)
    assert introspect(client, token, gateway).json()["active"]
    end(delegation)
    assert introspect(client, token, gateway).json() == {"active": False}
    assert trade(client, copy, waiting).status_code == 400
    assert Credential.objects.count() == 1


def test_who_signs_out_takes_back_what_was_not_exchanged_yet(
    client: Client, copy: Copy, delegation: Delegation, gateway: str
) -> None:
    person = delegation.person
    session = sessions.start(actor=person, methods=["pwd"], address=None, user_agent="")
    proved = replace(proof(person), session=str(session.pk))
    first, second = (
        exchange.hand_out(actor=person, delegation=delegation, authentication=proved).token for _ in range(2)
    )
    token = trade(client, copy, first).json()["access_token"]
    sessions.end(actor=person.actor, session=session, reason=SessionEnd.SIGNED_OUT)
    problem(trade(client, copy, second), words="session")
    assert introspect(client, token, gateway).json()["active"]  # the delegation goes on


# --- From agent to agent ------------------------------------------------------------------------------
def test_a_chain_keeps_the_person_and_names_everybody(
    client: Client,
    copy: Copy,
    delegation: Delegation,
    another: Callable[[str], Copy],
    gateway: str,
) -> None:
    olivia = copy.instance.agent.owner
    second, third, fourth = another("second"), another("third"), another("fourth")
    calls(olivia, copy, second)
    calls(olivia, second, third)
    calls(olivia, third, fourth)
    first_key, second_key, third_key = new_key(), new_key(), new_key()
    token = trade(client, copy, handed_out(delegation), proof=copy.proof(by=first_key)).json()
    handed = hand_on(
        client, copy, token["access_token"], second.instance.agent, proof=copy.proof(by=first_key)
    )
    assert handed.status_code == 200, handed.content
    assert (handed.json()["token_type"], handed.json()["issued_token_type"]) == ("N_A", exchange.JWT)
    assert not introspect(client, token["access_token"], gateway).json()["active"]  # it was handed on
    child = trade(client, second, handed.json()["access_token"], proof=second.proof(by=second_key)).json()
    claims = claims_of(child["access_token"])
    assert claims["sub"] == str(delegation.person_id)
    assert claims["act"] == {"sub": second.instance.spiffe_id, "act": {"sub": copy.instance.spiffe_id}}
    assert claims["exp"] <= claims_of(token["access_token"])["exp"]
    assert introspect(client, child["access_token"], gateway).json()["active"]
    proved = second.proof(by=second_key)
    further = hand_on(client, second, child["access_token"], third.instance.agent, proof=proved).json()
    last = trade(client, third, further["access_token"], proof=third.proof(by=third_key)).json()
    act = claims_of(last["access_token"])["act"]
    assert act["act"]["act"] == {"sub": copy.instance.spiffe_id}
    proved = third.proof(by=third_key)
    too_far = hand_on(client, third, last["access_token"], fourth.instance.agent, proof=proved)
    problem(too_far, words="At most 3")
    assert introspect(client, last["access_token"], gateway).json()["active"]


@pytest.fixture
def chain(
    client: Client, copy: Copy, delegation: Delegation, another: Callable[[str], Copy], olivia: Person
) -> tuple[Copy, Copy, str, str]:
    """The first, the second, the first's token (handed on), the second's."""
    second = another("second")
    calls(olivia, copy, second)
    key = new_key()
    token = trade(client, copy, handed_out(delegation), proof=copy.proof(by=key)).json()["access_token"]
    handed = hand_on(client, copy, token, second.instance.agent, proof=copy.proof(by=key)).json()
    child = trade(client, second, handed["access_token"]).json()["access_token"]
    return copy, second, token, child


@pytest.mark.parametrize("end", ENDS)
def test_whoever_began_it_ends_it(
    client: Client,
    chain: tuple[Copy, Copy, str, str],
    delegation: Delegation,
    gateway: str,
    end: Callable[[Delegation], None],
) -> None:
    end(delegation)
    assert introspect(client, chain[3], gateway).json() == {"active": False}


def test_any_link_that_goes_takes_the_rest_along(
    client: Client, chain: tuple[Copy, Copy, str, str], gateway: str
) -> None:
    copy, _, token, child = chain
    assert introspect(client, child, gateway).json()["active"]
    agents = Agent.objects.filter(pk=copy.instance.agent_id)
    copies = AgentInstance.objects.filter(pk=copy.instance.pk)
    links: list[tuple[QuerySet[Any], dict[str, Any], dict[str, Any]]] = [
        (agents, {"state": "frozen"}, {"state": "active"}),
        (copies, {"ended_at": timezone.now()}, {"ended_at": None}),
        (Delegation.objects.all(), {"may_pass_on": False}, {"may_pass_on": True}),
    ]
    for rows, gone, back in links:
        rows.update(**gone)
        assert introspect(client, child, gateway).json() == {"active": False}, gone
        rows.update(**back)
        assert introspect(client, child, gateway).json()["active"], back
    assert revoke(client, copy, token).status_code == 200
    assert introspect(client, child, gateway).json() == {"active": False}


def test_what_is_revoked_takes_the_rest_along(
    client: Client, chain: tuple[Copy, Copy, str, str], gateway: str
) -> None:
    register.raise_epoch(actor=SETUP, agent=chain[0].instance.agent)
    assert introspect(client, chain[3], gateway).json() == {"active": False}


def test_who_is_called_no_more_acts_no_more(
    client: Client, chain: tuple[Copy, Copy, str, str], gateway: str, olivia: Person
) -> None:
    dependencies.end(actor=olivia, dependency=Dependency.objects.get(), reason="It is called no more.")
    assert introspect(client, chain[3], gateway).json() == {"active": False}


def test_what_stops_the_agent_ends_what_people_let_it_do(
    delegation: Delegation, active_analyst: Agent
) -> None:
    lifecycle.freeze(actor=SETUP, agent=active_analyst, reason=FreezeReason.REVIEW)
    delegation.refresh_from_db()
    assert (delegation.end_reason, delegation.ended_by) == (DelegationEnd.STOPPED, SETUP.ref)


def test_only_to_agents_that_it_calls(
    client: Client, copy: Copy, another: Callable[[str], Copy], delegation: Delegation
) -> None:
    stranger = another("stranger")
    token = ask(client, copy).json()["access_token"]
    problem(hand_on(client, copy, token, stranger.instance.agent), "invalid_target")
    problem(hand_on(client, copy, token, stranger.instance.agent, audience="nobody"), "invalid_target")
    assert Credential.objects.get().used_at is None


def test_only_ones_own_token_and_only_with_its_key(
    client: Client, copy: Copy, another: Callable[[str], Copy], delegation: Delegation, olivia: Person
) -> None:
    second = another("second")
    calls(olivia, copy, second)
    key = new_key()
    token = trade(client, copy, handed_out(delegation), proof=copy.proof(by=key)).json()["access_token"]
    to = second.instance.agent
    problem(hand_on(client, second, token, to), words="of this client")
    problem(hand_on(client, copy, token, to, proof=""), words="DPoP")
    problem(hand_on(client, copy, token, to), words="another key")
    handed = hand_on(client, copy, token, to, proof=copy.proof(by=key))
    assert handed.status_code == 200
    problem(hand_on(client, copy, token, to, proof=copy.proof(by=key)), words="no live")
    # Who handed it on cannot use it, and the other agent gets nothing but the same task.
    problem(trade(client, copy, handed.json()["access_token"]), words="another agent")
    wanted = task(on="endpoint/other")
    problem(trade(client, second, handed.json()["access_token"], wanted), words="exactly the task")
    elsewhere = task(locations=["https://other.example.org"])
    problem(trade(client, second, handed.json()["access_token"], elsewhere), words="exactly the task")
    assert trade(client, second, handed.json()["access_token"]).status_code == 200


def test_the_person_says_whether_it_may_be_passed_on(
    client: Client, copy: Copy, another: Callable[[str], Copy], oscar: Person, olivia: Person
) -> None:
    second = another("second")
    calls(olivia, copy, second)
    kept = let(oscar, copy.instance.agent)
    key = new_key()
    token = trade(client, copy, handed_out(kept), proof=copy.proof(by=key)).json()["access_token"]
    answer = hand_on(client, copy, token, second.instance.agent, proof=copy.proof(by=key))
    problem(answer, words="not allowed that it is passed on")


def test_an_agent_hands_on_what_it_does_for_itself(
    client: Client, copy: Copy, another: Callable[[str], Copy], olivia: Person, gateway: str
) -> None:
    second = another("second")
    calls(olivia, copy, second)
    token = ask(client, copy).json()["access_token"]
    handed = hand_on(client, copy, token, second.instance.agent, proof="").json()["access_token"]
    child = trade(client, second, handed).json()["access_token"]
    claims = claims_of(child)
    assert claims["sub"] == copy.instance.spiffe_id
    assert claims["act"] == {"sub": second.instance.spiffe_id}
    assert introspect(client, child, gateway).json()["active"]
    Agent.objects.filter(pk=copy.instance.agent_id).update(state="frozen")
    assert not introspect(client, child, gateway).json()["active"]


def test_both_must_be_allowed(
    client: Client, copy: Copy, another: Callable[[str], Copy], olivia: Person
) -> None:
    second = another("second")
    calls(olivia, copy, second)
    token = ask(client, copy).json()["access_token"]
    handed = hand_on(client, copy, token, second.instance.agent, proof="").json()["access_token"]
    second.instance.agent.grants.update(ends_at=timezone.now())
    answer = trade(client, second, handed)
    assert (answer.json()["error"], answer.json()["reason"]) == ("access_denied", "no_grant")


def test_the_metadata_names_the_grant(client: Client) -> None:
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert exchange.GRANT in told["grant_types_supported"]
