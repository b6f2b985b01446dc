"""Nobody owns an agent without having said so; and who owned one, may be forgotten (S4-2)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.choices import AgentState, HandoverState
from agents.models import Agent, Handover, Person
from agents.services import handovers, people
from audits.errors import Conflict, Denied, Invalid
from audits.services import erasure
from governance.choices import ApprovalState
from governance.models import Approval
from governance.services import dossiers
from portal import tenure
from tests.agents.conftest import SYSTEM
from tests.epochs import epoch_of
from tests.governance.story import approval_of, cast, events, read, request, resource, start_instance, write
from tests.signing_in import proof

pytestmark = pytest.mark.django_db
PRESSED = {"_form_submitted": "on"}


@pytest.fixture
def orphan(active_analyst: Agent, olivia: Person) -> Agent:
    """The analyst, active until its owner left."""
    people.deactivate(actor=SYSTEM, person=olivia)
    active_analyst.refresh_from_db()
    return active_analyst


def accept(handover: Handover, actor: Person) -> Agent:
    return handovers.accept(actor=actor, handover=handover, authentication=proof(actor))


def test_a_steward_finds_an_owner_for_what_has_none(
    active_analyst: Agent, stella: Person, olivia: Person, oscar: Person
) -> None:
    with pytest.raises(Denied, match="steward"):
        handovers.offer(actor=stella, agent=active_analyst, to=oscar)
    people.deactivate(actor=SYSTEM, person=olivia)
    assert list(tenure.orphans_for(stella)) == [active_analyst]
    handovers.offer(actor=stella, agent=active_analyst, to=oscar)
    assert not tenure.orphans_for(stella)


# --- From hand to hand ----------------------------------------------------------------------------------
def test_an_owner_offers_and_another_accepts(active_analyst: Agent, olivia: Person, oscar: Person) -> None:
    waiting = request(olivia, active_analyst, resource())
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar, note="Mind the queue.")
    assert handover.expires_at - handover.offered_at >= timedelta(days=13, hours=23)
    assert Agent.objects.get(pk=active_analyst.pk).owner == olivia
    before = epoch_of(active_analyst)
    agent = accept(handover, oscar)
    handover.refresh_from_db()
    assert (agent.owner, agent.state, agent.edited) == (oscar, AgentState.ACTIVE, ["owner"])
    assert epoch_of(agent) > before
    assert handover.state == HandoverState.ACCEPTED
    assert olivia not in agent.deputies.all()
    assert approval_of(waiting).state == ApprovalState.VOIDED
    (told,) = events("handover.accepted")
    assert told.actor == oscar.actor.ref
    assert told.details["edited"] == ["owner"]
    assert told.details["authentication"]["amr"] == ["pwd", "otp"]


def test_the_new_owners_agent_only_reads_until_the_board_approves_it(
    active_analyst: Agent, olivia: Person, oscar: Person, members: list[Person]
) -> None:
    agent = accept(handovers.offer(actor=olivia, agent=active_analyst, to=oscar), oscar)
    instance = start_instance(agent)
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"
    assert agent.active_version is not None
    asked = dossiers.submit(actor=oscar, version=agent.active_version)
    for member in members:
        asked.refresh_from_db()
        if asked.state == ApprovalState.PENDING:
            cast(member, asked)
    agent.refresh_from_db()
    assert agent.edited == []
    assert write(instance, resource()).reason == "no_elevation"


def test_the_old_owner_stays_on_as_a_deputy_where_it_is_asked_for(
    active_analyst: Agent, olivia: Person, daniel: Person
) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=daniel, keep_as_deputy=True)
    agent = accept(handover, daniel)
    assert list(agent.deputies.all()) == [olivia]
    assert agent.edited == ["deputies", "owner"]


def test_a_dossier_before_the_board_is_voided(submitted: Approval, olivia: Person, oscar: Person) -> None:
    agent = accept(handovers.offer(actor=olivia, agent=submitted.agent, to=oscar), oscar)
    submitted.refresh_from_db()
    agent.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED
    assert (agent.state, agent.owner) == (AgentState.DRAFT, oscar)


def test_without_an_owner_an_administrator_offers(orphan: Agent, ada: Person, oscar: Person) -> None:
    agent = accept(handovers.offer(actor=ada, agent=orphan, to=oscar), oscar)
    assert (agent.state, agent.owner) == (AgentState.ACTIVE, oscar)
    assert (agent.ownerless_at, agent.reads_until) == (None, None)
    assert read(start_instance(agent)).allowed


def test_a_draft_without_an_owner_is_a_draft_again(
    analyst: Agent, ada: Person, olivia: Person, oscar: Person
) -> None:
    people.deactivate(actor=ada.actor, person=olivia)
    analyst.refresh_from_db()
    assert analyst.state == AgentState.OWNERLESS
    assert accept(handovers.offer(actor=ada, agent=analyst, to=oscar), oscar).state == AgentState.DRAFT


def test_who_left_and_came_back_may_take_it_again(orphan: Agent, ada: Person, olivia: Person) -> None:
    people.reactivate(actor=ada.actor, person=olivia)
    olivia.refresh_from_db()
    agent = accept(handovers.offer(actor=ada, agent=orphan, to=olivia), olivia)
    assert (agent.state, agent.edited) == (AgentState.ACTIVE, [])


def test_what_was_frozen_stays_frozen(
    active_analyst: Agent, ada: Person, olivia: Person, oscar: Person
) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(state=AgentState.FROZEN)
    people.deactivate(actor=ada.actor, person=olivia)
    active_analyst.refresh_from_db()
    assert (active_analyst.state, active_analyst.ownerless_at is None) == (AgentState.FROZEN, False)
    agent = accept(handovers.offer(actor=ada, agent=active_analyst, to=oscar), oscar)
    assert (agent.state, agent.owner, agent.ownerless_at) == (AgentState.FROZEN, oscar, None)


# --- Refused ------------------------------------------------------------------------------------------------
def test_nobody_gives_away_what_is_not_theirs(
    active_analyst: Agent, ada: Person, daniel: Person, oscar: Person
) -> None:
    """Neither a deputy, nor an administrator while there is an owner."""
    for person in (daniel, oscar, ada):
        with pytest.raises(Denied):
            handovers.offer(actor=person, agent=active_analyst, to=oscar)
    assert len(events("handover.offered", "denied")) == 3


def test_who_has_left_offers_nothing(orphan: Agent, olivia: Person, oscar: Person) -> None:
    with pytest.raises(Denied):
        handovers.offer(actor=Person.objects.get(pk=olivia.pk), agent=orphan, to=oscar)


def test_it_is_offered_to_somebody_else_who_is_here(
    active_analyst: Agent, olivia: Person, oscar: Person
) -> None:
    with pytest.raises(Invalid):
        handovers.offer(actor=olivia, agent=active_analyst, to=olivia)
    people.deactivate(actor=SYSTEM, person=oscar)
    with pytest.raises(Invalid):
        handovers.offer(actor=olivia, agent=active_analyst, to=oscar)


def test_it_is_offered_to_one_at_a_time(
    active_analyst: Agent, olivia: Person, oscar: Person, aude: Person
) -> None:
    first = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    with pytest.raises(Conflict):
        handovers.offer(actor=olivia, agent=active_analyst, to=aude)
    handovers.withdraw(actor=olivia, handover=first)
    handovers.offer(actor=olivia, agent=active_analyst, to=aude)


def test_only_who_was_asked_answers(
    active_analyst: Agent, olivia: Person, oscar: Person, aude: Person
) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    with pytest.raises(Denied):
        accept(handover, aude)
    with pytest.raises(Denied):
        handovers.decline(actor=aude, handover=handover)
    with pytest.raises(Denied):
        handovers.withdraw(actor=oscar, handover=handover)
    assert Agent.objects.get(pk=active_analyst.pk).owner == olivia


def test_accepting_needs_a_fresh_sign_in(active_analyst: Agent, olivia: Person, oscar: Person) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    for stale in (proof(oscar, minutes=6), proof(olivia)):
        with pytest.raises(Denied):
            handovers.accept(actor=oscar, handover=handover, authentication=stale)
    assert accept(handover, oscar).owner == oscar


def test_an_offer_is_answered_once(active_analyst: Agent, olivia: Person, oscar: Person) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    handovers.decline(actor=oscar, handover=handover, reason="Too much.")
    for again in (
        lambda: accept(handover, oscar),
        lambda: handovers.decline(actor=oscar, handover=handover),
        lambda: handovers.withdraw(actor=olivia, handover=handover),
    ):
        with pytest.raises(Conflict):
            again()


def test_an_offer_ends_after_a_fortnight(
    active_analyst: Agent, olivia: Person, oscar: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    assert handovers.sweep() == 0
    later = timezone.now() + timedelta(days=14)
    monkeypatch.setattr(timezone, "now", lambda: later)
    monkeypatch.setattr("agents.authentication.timezone", _Now(later))
    with pytest.raises(Conflict, match="time to accept"):
        accept(handover, oscar)
    assert handovers.sweep() == 1
    handover.refresh_from_db()
    assert handover.state == HandoverState.EXPIRED


class _Now:
    def __init__(self, moment: Any) -> None:
        self._moment = moment

    def now(self) -> Any:
        return self._moment


def test_an_offer_lapses_with_who_was_asked(active_analyst: Agent, olivia: Person, oscar: Person) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    people.deactivate(actor=SYSTEM, person=oscar)
    handover.refresh_from_db()
    assert handover.state == HandoverState.LAPSED


def test_an_offer_outlives_who_made_it(active_analyst: Agent, olivia: Person, oscar: Person) -> None:
    """Who leaves has often arranged for it; the new owner still has to say yes."""
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    people.deactivate(actor=SYSTEM, person=olivia)
    assert accept(handover, oscar).state == AgentState.ACTIVE


# --- Forgetting ---------------------------------------------------------------------------------------------
def test_who_handed_their_agents_over_can_be_erased(
    orphan: Agent, ada: Person, dora: Person, olivia: Person, oscar: Person
) -> None:
    subject = f"person/{olivia.pk}"
    with pytest.raises(Conflict, match="answers for"):
        erasure.erase(actor=dora.actor, subject=subject, reason="Article 17")
    accept(handovers.offer(actor=ada, agent=orphan, to=oscar), oscar)
    erasure.erase(actor=dora.actor, subject=subject, reason="Article 17")
    olivia.refresh_from_db()
    assert olivia.username.startswith("erased-")
    assert read(start_instance(Agent.objects.get(pk=orphan.pk))).allowed


def test_a_deputy_who_left_can_be_erased(active_analyst: Agent, dora: Person, daniel: Person) -> None:
    people.deactivate(actor=SYSTEM, person=daniel)
    erasure.erase(actor=dora.actor, subject=f"person/{daniel.pk}", reason="Article 17")
    daniel.refresh_from_db()
    assert daniel.username.startswith("erased-")


# --- The pages ----------------------------------------------------------------------------------------------
def press(person: Person, name: str, key: object, **fields: object) -> Any:
    client = Client()
    client.force_login(person)
    return client.post(reverse(f"admin:{name}", args=[key]), PRESSED | fields)


def test_it_is_offered_and_accepted_by_clicking(
    client: Client, active_analyst: Agent, olivia: Person, oscar: Person
) -> None:
    """Whoever is asked sees the offer, whatever else they may see."""
    assert press(olivia, "agents_agent_offer", active_analyst.pk, to=oscar.pk).status_code == 302
    handover = Handover.objects.get()
    client.force_login(oscar)
    page = reverse("admin:agents_handover_change", args=[handover.pk])
    assert client.get(page).status_code == 200
    assert page in client.get(reverse("admin:waiting")).content.decode()
    assert press(oscar, "agents_handover_accept", handover.pk).status_code == 302
    active_analyst.refresh_from_db()
    assert active_analyst.owner == oscar
    client.force_login(olivia)
    shown = client.get(reverse("admin:agents_agent_change", args=[active_analyst.pk])).content.decode()
    assert "Edited since the board approved it" in shown
    assert "owner.username" in shown


def test_the_page_says_since_when_it_has_no_owner(client: Client, orphan: Agent, ada: Person) -> None:
    client.force_login(ada)
    shown = client.get(reverse("admin:agents_agent_change", args=[orphan.pk])).content.decode()
    assert "Without an owner since" in shown
    assert "reads until" in shown
    assert "Find an owner" in client.get(reverse("admin:waiting")).content.decode()


def test_others_see_no_offer_and_press_nothing(
    client: Client, active_analyst: Agent, olivia: Person, daniel: Person, oscar: Person
) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=daniel)
    client.force_login(oscar)
    assert client.get(reverse("admin:agents_handover_change", args=[handover.pk])).status_code == 403
    for name in ("agents_handover_accept", "agents_handover_decline", "agents_handover_withdraw"):
        assert press(oscar, name, handover.pk).status_code == 403
    assert press(daniel, "agents_agent_offer", active_analyst.pk, to=oscar.pk).status_code == 403
    assert press(daniel, "agents_handover_decline", handover.pk, reason="No.").status_code == 302
    handover.refresh_from_db()
    assert (handover.state, handover.reason) == (HandoverState.DECLINED, "No.")
