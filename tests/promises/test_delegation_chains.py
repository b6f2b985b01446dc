"""Chains of any shape never widen, are never longer than three, and end with any of their links (hypothesis).

Played over HTTP with real agents: who hands on to whom, what the register says of them, what the person
allowed and what each asks for is drawn. What is issued is compared with what went in.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.choices import DependencyKind
from agents.models import Agent, AgentInstance, Credential, Delegation, Dependency, Person
from agents.services import dependencies, register
from tests.conftest import SETUP
from tests.governance.story import race
from tests.oauth.client import (
    CRM,
    Copy,
    ask,
    claims_of,
    hand_on,
    handed_out,
    introspect,
    let,
    new_key,
    task,
    trade,
)
from tests.oauth.conftest import another, copy, gateway  # noqa: F401 - fixtures

AGENTS = 5
LETS = {DependencyKind.CALLS, DependencyKind.CREATES}


@dataclass
class Issued:
    """A token of the chain, with the key that it is bound to."""

    copy: Copy
    token: str
    key: Any
    claims: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.claims = claims_of(self.token)

    @property
    def proof(self) -> str:
        return self.copy.proof(by=self.key)


@dataclass(frozen=True)
class Shape:
    """How a chain is tried: what the person allows, and for each step the register's word and the request."""

    by_person: bool
    passes_on: bool
    kinds: list[DependencyKind | None]
    changes: list[dict[str, Any]]
    seconds: int
    removed: int
    how: str


WIDER = [
    {"actions": ["open_ticket"]},
    {"identifier": "endpoint/crm"},
    {"locations": ["https://other.example.org"]},
]
SAME: list[dict[str, Any]] = [{}]
kinds = st.sampled_from([*LETS, *LETS, *LETS, DependencyKind.INTERACTS_WITH, None])
shapes = st.builds(
    Shape,
    by_person=st.booleans(),
    passes_on=st.sampled_from([True, True, True, False]),
    kinds=st.lists(kinds, min_size=AGENTS - 1, max_size=AGENTS - 1),
    changes=st.lists(st.sampled_from(SAME * 9 + WIDER), min_size=AGENTS - 1, max_size=AGENTS - 1),
    seconds=st.integers(30, 900),
    removed=st.integers(0, AGENTS),
    how=st.sampled_from(["copy", "agent", "epoch", "token", "consent", "person", "register"]),
)


@pytest.fixture
def party(copy: Copy, another: Callable[[str], Copy]) -> list[Copy]:  # noqa: F811 - the fixtures
    return [copy, *(another(f"agent-{number}") for number in range(1, AGENTS))]


@contextmanager
def undone() -> Iterator[None]:
    """Each example finds what the first one found."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def began(client: Client, shape: Shape, first: Copy, person: Person) -> Issued:
    key = new_key()
    if not shape.by_person:
        answer = ask(client, first, proof=first.proof(by=key))
    else:
        delegation = let(person, first.instance.agent, may_pass_on=shape.passes_on)
        now = timezone.now()
        Delegation.objects.filter(pk=delegation.pk).update(ends_at=now + timedelta(seconds=shape.seconds))
        delegation.refresh_from_db()
        answer = trade(client, first, handed_out(delegation), proof=first.proof(by=key))
    assert answer.status_code == 200, answer.content
    return Issued(first, answer.json()["access_token"], key)


def go_on(client: Client, last: Issued, to: Copy, changes: dict[str, Any]) -> Issued | None:
    handed = hand_on(client, last.copy, last.token, to.instance.agent, proof=last.proof)
    if handed.status_code != 200:
        assert handed.json()["error"] in {"invalid_request", "invalid_target"}
        return None
    key = new_key()
    answer = trade(client, to, handed.json()["access_token"], task(**changes), proof=to.proof(by=key))
    if answer.status_code != 200:
        assert changes
        return None
    return Issued(to, answer.json()["access_token"], key)


def depth(claims: dict[str, Any]) -> int:
    found, act = 0, claims.get("act")
    while act:
        found, act = found + 1, act.get("act")
    return found


def play(client: Client, shape: Shape, party: list[Copy], person: Person) -> list[Issued]:
    """As far as it goes; each step is checked against the one before."""
    chain = [began(client, shape, party[0], person)]
    for kind, changes, to in zip(shape.kinds, shape.changes, party[1:], strict=True):
        last = chain[-1]
        if kind is not None:
            dependencies.add(
                actor=last.copy.instance.agent.owner,
                agent=last.copy.instance.agent,
                kind=kind,
                target=to.instance.agent,
                purpose="It looks things up.",
            )
        issued = go_on(client, last, to, changes)
        if issued is None:
            break
        assert kind in LETS
        assert not shape.by_person or shape.passes_on
        assert not changes
        never_wider(last.claims, issued.claims, to)
        chain.append(issued)
    return chain


def never_wider(before: dict[str, Any], after: dict[str, Any], to: Copy) -> None:
    assert after["sub"] == before["sub"]
    assert after["aud"] == before["aud"] == CRM
    assert after["exp"] <= before["exp"]
    assert after["scope"] == before["scope"]
    (wide,), (narrow,) = before["authorization_details"], after["authorization_details"]
    for name in ("actions", "locations", "identifier"):
        assert narrow[name] == wide[name]
    assert narrow.get("datatypes") == wide.get("datatypes")
    assert after["act"] == {"sub": to.instance.spiffe_id} | (
        {"act": before["act"]} if "act" in before else {}
    )
    assert after["cnf"] != before["cnf"]
    assert depth(after) <= 3


def remove(shape: Shape, chain: list[Issued]) -> int:
    """Take a link away; from which token on nothing is worth anything."""
    number = min(shape.removed, len(chain) - 1)
    link = chain[number]
    if shape.by_person and shape.how == "consent":
        Delegation.objects.update(ended_at=timezone.now())
        return 0
    if shape.by_person and shape.how == "person":
        Person.objects.filter(pk=link.claims["sub"]).update(is_active=False)
        return 0
    if shape.how == "register" and number:
        dependency = Dependency.objects.get(to_agent=link.copy.instance.agent)
        dependencies.end(actor=dependency.agent.owner, dependency=dependency, reason="No more.")
        return number
    if shape.how == "token":
        Credential.objects.filter(pk=link.claims["jti"]).update(revoked_at=timezone.now())
    elif shape.how == "copy":
        AgentInstance.objects.filter(pk=link.copy.instance.pk).update(ended_at=timezone.now())
    elif shape.how == "epoch":
        register.raise_epoch(actor=SETUP, agent=link.copy.instance.agent)
    else:
        Agent.objects.filter(pk=link.copy.instance.agent_id).update(state="frozen")
    return number


@pytest.mark.django_db
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(shape=shapes)
def test_a_chain_of_any_shape(shape: Shape, party: list[Copy], oscar: Person, gateway: str) -> None:  # noqa: F811 - the fixture
    client = Client()
    with undone():
        chain = play(client, shape, party, oscar)
        assert len(chain) <= 3 + (not shape.by_person)
        # One credential of a chain is good: the last, unless it was handed on and nobody took it.
        live = [introspect(client, link.token, gateway).json()["active"] for link in chain]
        assert not any(live[:-1])
        Credential.objects.filter(pk=chain[-1].claims["jti"]).update(used_at=None)
        assert introspect(client, chain[-1].token, gateway).json()["active"]
        remove(shape, chain)
        assert introspect(client, chain[-1].token, gateway).json() == {"active": False}


@pytest.mark.django_db(transaction=True)
def test_one_subject_token_many_times_at_once_is_one_token(copy: Copy, oscar: Person) -> None:  # noqa: F811 - the fixture
    subject = handed_out(let(oscar, copy.instance.agent))
    answers = race([lambda: trade(Client(), copy, subject) for _ in range(20)])
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert Credential.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_token_handed_on_many_times_at_once_goes_to_one(
    copy: Copy,  # noqa: F811 - the fixture
    another: Callable[[str], Copy],  # noqa: F811 - the fixture
    olivia: Person,
) -> None:
    second = another("second")
    dependencies.add(
        actor=olivia,
        agent=copy.instance.agent,
        kind=DependencyKind.CALLS,
        target=second.instance.agent,
        purpose="It looks things up.",
    )
    token = ask(Client(), copy).json()["access_token"]
    answers = race(
        [lambda: hand_on(Client(), copy, token, second.instance.agent, proof="") for _ in range(20)]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
