"""Grants that nobody uses: proposed to shrink, proved by replay, confirmed by the owner's side."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent, AgentInstance, Person, Revocation
from audits.errors import Conflict, Denied, Invalid
from governance import manifest, shrinking
from governance.choices import ShrinkKind
from governance.models import Decision, Grant, Shrinking
from governance.services import shrinkings
from governance.shrinking import Shrink
from tests.api.calling import caller, problem
from tests.governance.story import LOOKUP, events, read, start_instance, tamper
from tests.governance.test_admin import html, page, sign_in, submit

PLACES = st.sampled_from(["a", "b", "c"])
CONCRETE = st.tuples(st.sampled_from(["x", "y"]), PLACES).map("/".join)
RESOURCES = st.one_of(CONCRETE, st.sampled_from(["x/{id}", "y/{id}", "{kind}/a", "{kind}/{id}"]))


def covered(resources: list[str], one: str) -> bool:
    return any(manifest.covers(resource, one) for resource in resources)


@given(grants=st.lists(RESOURCES, min_size=1, max_size=5), used=st.sets(CONCRETE))
def test_shrinking_never_loses_what_was_allowed(grants: list[str], used: set[str]) -> None:
    """One after the other, until nothing shrinks any more: each historic allow stays one."""
    allowed = {one for one in used if covered(grants, one)}
    for _ in range(2 * len(grants)):
        for position, resource in enumerate(grants):
            others = grants[:position] + grants[position + 1 :]
            left = shrinking.shrink(resource, others, allowed)
            if left is None:
                continue
            assert not shrinking.lost(resource, others, allowed, left)
            grants = others if left.kind == ShrinkKind.END else [*others, left.resource]
            break
    assert all(covered(grants, one) for one in allowed)


@pytest.mark.parametrize(
    ("resource", "others", "used", "left"),
    [
        ("x/a", [], [], Shrink(ShrinkKind.END)),
        ("x/a", [], ["x/a"], None),
        ("x/a", ["x/{id}"], ["x/a"], Shrink(ShrinkKind.END)),
        ("x/{id}", [], ["x/a"], Shrink(ShrinkKind.NARROW, "x/a")),
        ("x/{id}", [], ["x/a", "x/b"], None),
        ("x/{id}", ["x/b"], ["x/a", "x/b"], Shrink(ShrinkKind.NARROW, "x/a")),
        ("x/{id}", [], ["y/a"], Shrink(ShrinkKind.END)),
        ("x/{id}", [], [f"x/{'a' * 400}"], None),
    ],
)
def test_what_could_be_left(resource: str, others: list[str], used: list[str], left: Shrink | None) -> None:
    assert shrinking.shrink(resource, others, used) == left


@pytest.fixture
def instance(active_analyst: Agent) -> AgentInstance:
    return start_instance(active_analyst)


def aged(days: int = 100) -> Grant:
    """The lookup's grant, as if it stood for so long."""
    grant = Grant.objects.get(action=LOOKUP[0])
    Grant.objects.filter(pk=grant.pk).update(starts_at=timezone.now() - timedelta(days=days))
    grant.refresh_from_db()
    return grant


@pytest.mark.django_db
def test_an_unused_grant_is_ended_at_once(instance: AgentInstance, olivia: Person, ada: Person) -> None:
    grant = aged()
    proposal = shrinkings.propose(actor=ada, grant=grant)
    assert (proposal.kind, proposal.replayed, proposal.state) == ("end", 0, "proposed")
    assert read(instance).allowed
    tamper(Decision.objects.all(), decided_at=timezone.now() - timedelta(days=95))
    revocations = Revocation.objects.filter(level="agent", subject=grant.agent.slug)
    before = revocations.count()
    done = shrinkings.carry_out(actor=olivia, proposal=proposal)
    assert (done.state, done.made) == ("confirmed", None)
    assert read(instance).reason == "no_grant"
    assert revocations.count() == before + 1
    assert events("grant.shrunk")[-1].details["lost"] == 0


@pytest.mark.django_db
def test_a_use_meanwhile_keeps_the_grant(instance: AgentInstance, olivia: Person, ada: Person) -> None:
    proposal = shrinkings.propose(actor=ada, grant=aged())
    assert read(instance).allowed
    with pytest.raises(Conflict):
        shrinkings.carry_out(actor=olivia, proposal=proposal)
    assert read(instance).allowed


@pytest.mark.django_db
def test_a_template_used_on_one_thing_is_narrowed_to_it(
    instance: AgentInstance, olivia: Person, ada: Person
) -> None:
    tamper(Grant.objects.filter(action=LOOKUP[0]), resource="endpoint/{name}")
    grant = aged()
    for _ in range(3):
        assert read(instance).allowed
    proposal = shrinkings.propose(actor=ada, grant=grant)
    assert (proposal.kind, proposal.resource, proposal.replayed) == ("narrow", LOOKUP[1], 3)
    done = shrinkings.carry_out(actor=olivia, proposal=proposal)
    assert done.made is not None
    assert (done.made.resource, done.made.approval) == (LOOKUP[1], grant.approval)
    assert read(instance).allowed


@pytest.mark.django_db
def test_who_may_not_is_refused_and_what_is_decided_stays(
    instance: AgentInstance, olivia: Person, ada: Person, oscar: Person, sasha: Person
) -> None:
    grant = aged()
    with pytest.raises(Denied):
        shrinkings.propose(actor=oscar, grant=grant)
    proposal = shrinkings.propose(actor=sasha, grant=grant)
    with pytest.raises(Conflict, match="already"):
        shrinkings.propose(actor=ada, grant=grant)
    with pytest.raises(Denied):
        shrinkings.carry_out(actor=sasha, proposal=proposal)
    with pytest.raises(Denied):
        shrinkings.decline(actor=sasha, proposal=proposal, reason="Mine.")
    with pytest.raises(Invalid):
        shrinkings.decline(actor=olivia, proposal=proposal, reason=" ")
    shrinkings.decline(actor=olivia, proposal=proposal, reason="For the yearly audit.")
    with pytest.raises(Conflict, match="declined already"):
        shrinkings.carry_out(actor=olivia, proposal=proposal)
    with pytest.raises(DatabaseError), transaction.atomic():
        Shrinking.objects.filter(pk=proposal.pk).update(state="confirmed")
    assert len(events("grant.shrunk", "denied")) == 1


@pytest.mark.django_db
def test_what_is_young_or_needed_is_not_proposed(instance: AgentInstance, ada: Person) -> None:
    with pytest.raises(Conflict, match="younger"):
        shrinkings.propose(actor=ada, grant=Grant.objects.get(action=LOOKUP[0]))
    read(instance)
    with pytest.raises(Conflict, match="needed"):
        shrinkings.propose(actor=ada, grant=aged())
    with pytest.raises(Invalid):
        shrinkings.propose(actor=ada, grant=aged(), days=0)


@pytest.mark.django_db
def test_by_clicking(instance: AgentInstance, olivia: Person, ada: Person) -> None:
    grant = aged()
    text = html(sign_in(ada), page("shrinking_changelist"))
    assert "What could shrink" in text
    assert "End it" in text
    response = submit(sign_in(ada), page("grant_propose", grant.pk), days="90")
    proposal = Shrinking.objects.get()
    assert response["Location"] == page("shrinking_change", proposal.pk)
    assert "Each of them stays allowed." in html(sign_in(ada), page("shrinking_change", proposal.pk))
    assert page("shrinking_confirm", proposal.pk) in html(sign_in(ada), page("shrinking_change", proposal.pk))
    submit(sign_in(ada), page("shrinking_confirm", proposal.pk))
    proposal.refresh_from_db()
    assert proposal.state == "confirmed"
    grant.refresh_from_db()
    assert grant.ends_at is not None
    assert page("grant_propose", grant.pk) not in html(sign_in(ada), page("grant_change", grant.pk))


@pytest.mark.django_db
def test_declined_by_clicking(instance: AgentInstance, ada: Person) -> None:
    proposal = shrinkings.propose(actor=ada, grant=aged())
    submit(sign_in(ada), page("shrinking_decline", proposal.pk), reason="Needed.")
    proposal.refresh_from_db()
    assert (proposal.state, proposal.reason) == ("declined", "Needed.")


@pytest.mark.django_db
def test_by_api(instance: AgentInstance, ada: Person, aude: Person) -> None:
    grant = aged()
    admin = caller(ada)
    (row,) = [row for row in admin.get("unused-grants").json()["results"] if row["id"] == str(grant.pk)]
    assert row["proposal"] == {"kind": "end", "resource": ""}
    assert not admin.get("unused-grants", {"days": "200"}).json()["results"]
    problem(caller(aude).post(f"grants/{grant.pk}/shrinking", {}), 403, "denied")
    made: dict[str, Any] = admin.post(f"grants/{grant.pk}/shrinking", {"days": 60}).json()
    assert (made["kind"], made["days"], made["state"]) == ("end", 60, "proposed")
    done = admin.post(f"shrinkings/{made['id']}/confirmation", {})
    assert done.json()["state"] == "confirmed"
    assert [row["id"] for row in admin.get("shrinkings", {"grant": str(grant.pk)}).json()["results"]] == [
        made["id"]
    ]
    assert admin.get(f"shrinkings/{uuid4()}").status_code == 404
